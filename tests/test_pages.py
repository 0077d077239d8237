"""What a person without a viewer sees: right pictures, honest words, nothing that can run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mediasvc.media.disc.disc_layout import DiscInstance, Layout, lay_out
from mediasvc.media.disc.readme import readme
from mediasvc.media.page import words
from mediasvc.media.page.display import pixel_aspect, shrink, to_picture
from mediasvc.media.page.markup import element, page
from mediasvc.media.page.page_content import (
    PICTURES,
    Document,
    SeriesContent,
    choose,
    frames_of,
    spread,
)
from mediasvc.media.page.pages import web_pages
from mediasvc.model import InstanceHeader
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.building.draw_frames import draw_frames
from mediasvc.work.building.previews import draw_previews
from samples.synthesis import instance, study
from tests.disc_things import disc_instances, facts, new_sandbox

XHTML = "{http://www.w3.org/1999/xhtml}"
DTD = Path("/usr/share/xml/w3c-sgml-lib/schema/dtd/REC-xhtml1-20020801/xhtml1-strict.dtd")
HOSTILE = '"><img src=x onerror=alert(1)>&\x00\x1b\u202e]]><script>'


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


def header(**keywords: Any) -> Dataset:
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    for keyword, value in keywords.items():
        setattr(ds, keyword, value)
    return ds


def ramp(low: int, high: int, dtype: type = np.int16) -> np.ndarray[Any, Any]:
    return np.linspace(low, high, 256).astype(dtype).reshape(16, 16)


# --- what a frame looks like ---------------------------------------------------------------------

def test_the_window_of_the_header_is_used_after_the_rescale() -> None:
    ds = header(RescaleSlope="2", RescaleIntercept="-1000", WindowCenter="40", WindowWidth="400")
    stored = np.array([[420, 421], [520, 621]], np.int16)  # -160, -158, 40, 242 HU
    assert to_picture(stored, ds).tolist() == [[0, 1], [128, 255]]


def test_monochrome1_is_inverted() -> None:
    plain = to_picture(ramp(0, 255), header(WindowCenter="128", WindowWidth="256"))
    ds = header(WindowCenter="128", WindowWidth="256", PhotometricInterpretation="MONOCHROME1")
    assert (to_picture(ramp(0, 255), ds) == 255 - plain).all()


@pytest.mark.parametrize("keywords", [
    {}, {"WindowCenter": "", "WindowWidth": ""}, {"WindowCenter": "40", "WindowWidth": "0"},
    {"WindowCenter": "-30000", "WindowWidth": "10"}, {"WindowCenter": "nan", "WindowWidth": "1e9"},
], ids=["none", "empty", "no width", "off the values", "not a number"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
def test_without_a_usable_window_the_values_decide(keywords: dict[str, str]) -> None:
    picture = to_picture(ramp(100, 900), header(**keywords))
    assert picture.min() == 0
    assert picture.max() == 255
    assert 100 < np.median(picture) < 155


@pytest.mark.parametrize(("function", "middle", "end"), [
    ("LINEAR", 128, 255), ("LINEAR_EXACT", 128, 255), ("SIGMOID", 128, 224)])
def test_each_window_function_has_its_own_curve(function: str, middle: int, end: int) -> None:
    ds = header(WindowCenter="100", WindowWidth="100", VOILUTFunction=function)
    picture = to_picture(np.array([[50, 100, 150]], np.int16), ds)
    assert abs(int(picture[0, 1]) - middle) <= 2
    assert abs(int(picture[0, 2]) - end) <= 2


def test_a_lookup_table_of_the_header_is_used() -> None:
    item = Dataset()
    item.add_new(0x00283002, "US", [4, 0, 8])
    item.add_new(0x00283006, "OW", bytes([0, 0, 255, 0, 10, 0, 20, 0]))
    ds = header(VOILUTSequence=[item], BitsStored=8, BitsAllocated=8, PixelRepresentation=0)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    picture = to_picture(np.array([[0, 1, 2, 3]], np.uint8), ds)
    assert picture[0, 1] == 255
    assert picture[0, 0] < picture[0, 2] < picture[0, 3] < 40


def test_a_palette_becomes_colour() -> None:
    ds = header(PhotometricInterpretation="PALETTE COLOR", BitsAllocated=8, BitsStored=8,
                PixelRepresentation=0)
    for number, data in enumerate((b"\x00\xff", b"\x10\x20", b"\xff\x00"), 1):
        ds.add_new(0x00281100 + number, "US", [2, 0, 8])
        ds.add_new(0x00281200 + number, "OW", data)
    picture = to_picture(np.array([[0, 1]], np.uint8), ds)
    assert picture.tolist() == [[[0, 16, 255], [255, 32, 0]]]


def test_functional_groups_decide_for_their_own_frame() -> None:
    def group(centre: str) -> Dataset:
        window, place = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, "100"
        place.FrameVOILUTSequence = [window]
        return place
    rescale, shared = Dataset(), Dataset()
    rescale.RescaleSlope, rescale.RescaleIntercept = "1", "-1000"
    shared.PixelValueTransformationSequence = [rescale]
    ds = header(SharedFunctionalGroupsSequence=[shared],
                PerFrameFunctionalGroupsSequence=[group("0"), group("500")])
    samples = np.array([[950, 1000], [1450, 1500]], np.uint16)
    assert to_picture(samples, ds, 0).tolist() == [[0, 129], [255, 255]]
    assert to_picture(samples, ds, 1).tolist() == [[0, 0], [0, 129]]


def test_padding_does_not_decide_the_window() -> None:
    samples = np.full((64, 64), -2000, np.int16)
    samples[16:48, 16:48] = np.arange(32, dtype=np.int16) * 10
    seen = to_picture(samples, header(PixelPaddingValue=-2000))[16:48, 16:48]
    assert seen.min() < 20
    assert seen.max() > 235


def test_large_pictures_shrink_by_means_and_small_ones_stay() -> None:
    picture = np.zeros((2000, 1500), np.uint8)
    picture[::2] = 200
    assert shrink(picture, 1024).shape == (1000, 750)
    assert set(np.unique(shrink(picture, 1024))) == {100}
    assert shrink(picture[:100, :100], 1024).shape == (100, 100)
    assert shrink(np.zeros((1, 5000, 3), np.uint8), 1024).shape == (1, 1000, 3)


def test_oblong_pixels_are_stretched() -> None:
    assert pixel_aspect(header(PixelSpacing=["2", "1"])) == 2
    assert pixel_aspect(header(PixelAspectRatio=["1", "4"])) == 0.25
    assert pixel_aspect(header(PixelSpacing=["1", "0"])) == 1
    assert pixel_aspect(header(PixelSpacing="")) == 1


@pytest.mark.parametrize(("modality", "colour"), [
    ("CT", False), ("MR", False), ("CR", False), ("US", True), ("PT", False), ("RTDOSE", False)])
def test_every_kind_of_image_is_drawn(tmp_path: Path, modality: str, colour: bool) -> None:
    [made] = disc_instances(tmp_path / "in", [instance(modality=modality, rows=40, columns=60)])
    [(width, height)] = draw_frames([{"span": made.span.as_json(), "frame": 0,
                                      "target": str(tmp_path / "a.jpg")}])
    picture = imagecodecs.jpeg8_decode((tmp_path / "a.jpg").read_bytes())
    assert picture.shape[:2] == (40, 60)
    assert (picture.ndim == 3) == colour
    assert (width, height) == (60, 40)
    assert np.ptp(picture) > 100


# --- which frames are drawn ----------------------------------------------------------------------

def image(number: int, frames: int = 1) -> DiscInstance:
    row = InstanceHeader(
        sop_instance_uid=f"1.{number}", series_instance_uid="1", study_instance_uid="1",
        patient_id="P", rows=8, columns=8, photometric_interpretation="MONOCHROME2",
        number_of_frames=frames, instance_number=str(number))
    return DiscInstance(row, Span("", 0, 0), "")


@pytest.mark.parametrize(("frames", "shown"), [
    ([1] * 5, 5), ([1] * PICTURES, PICTURES), ([1] * 300, PICTURES), ([60], PICTURES),
    ([60] * 5, 20), ([60] * 100, PICTURES), ([3, 1, 2], 6)])
def test_short_series_are_shown_whole_and_long_ones_evenly(frames: list[int], shown: int) -> None:
    [series] = lay_out([image(n, count) for n, count in enumerate(frames, 1)]).series()
    wishes = choose(series)
    assert len(wishes) == shown
    assert len(set(wishes)) == shown
    assert all(0 <= wish.frame < frames[wish.position] for wish in wishes)
    if len(frames) <= PICTURES:
        assert {wish.position for wish in wishes} == set(range(len(frames)))
    if len(frames) > 1:
        assert (wishes[0].position, wishes[-1].position) == (0, len(frames) - 1)


@given(st.integers(1, 500), st.integers(1, 50))
def test_a_selection_is_even_and_inside(count: int, wanted: int) -> None:
    places = spread(count, wanted)
    assert places == sorted(set(places))
    assert len(places) == min(count, wanted)
    assert 0 <= places[0] <= places[-1] < count


def test_a_report_has_no_picture() -> None:
    assert frames_of(DiscInstance(InstanceHeader(modality="SR"), Span("", 0, 0), "")) == 0


# --- pages ---------------------------------------------------------------------------------------

def layout_of(instances: list[DiscInstance], **names: str) -> Layout:
    return lay_out([replace(one, header=replace(one.header, **names)) for one in instances])


def pages_of(layout: Layout, contents: dict[int, SeriesContent], **more: object,
             ) -> dict[str, bytes]:
    return {"/".join(parts): data
            for parts, data in web_pages(facts("STD-GEN-CD", **more), layout, contents)}


@pytest.fixture(scope="module")
def drawn(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory,
          ) -> tuple[Layout, dict[int, SeriesContent], Path]:
    """Two studies: a long CT series, a cine loop, a report."""
    folder = tmp_path_factory.mktemp("drawn")
    layout = lay_out(disc_instances(folder / "in", [
        *study(1, 1, count=40), instance(1, 1, 2, modality="CINE", frames=30),
        instance(1, 2, 1, modality="SR")]))
    (folder / "web").mkdir()
    return layout, draw_previews(sandbox, layout, folder / "web"), folder / "web"


def test_every_image_series_has_pictures_and_says_how_many(
        drawn: tuple[Layout, dict[int, SeriesContent], Path]) -> None:
    layout, contents, web = drawn
    pages = pages_of(layout, contents)
    assert sorted(pages) == ["IHE_PDI/SE000001.HTM", "IHE_PDI/SE000002.HTM",
                             "IHE_PDI/SE000003.HTM", "IHE_PDI/ST000001.HTM",
                             "IHE_PDI/ST000002.HTM", "INDEX.HTM"]
    assert b"24 pictures of 40, evenly selected" in pages["IHE_PDI/SE000001.HTM"]
    assert b"24 pictures of 30, evenly selected" in pages["IHE_PDI/SE000002.HTM"]
    assert b"frame 30 of 30" in pages["IHE_PDI/SE000002.HTM"]
    assert b"needs a DICOM viewer" in pages["IHE_PDI/SE000003.HTM"]
    assert len(list(web.rglob("*.JPG"))) == 48


def test_a_long_description_breaks_no_date(
        drawn: tuple[Layout, dict[int, SeriesContent], Path]) -> None:
    index = pages_of(*drawn[:2])["INDEX.HTM"].decode()
    assert "td.whole{white-space:nowrap}" in index
    dates = [node.text for node in ElementTree.fromstring(index).iter(f"{XHTML}td")
             if node.get("class") == "whole" and node.text and node.text.count("-") == 2]
    assert dates and len(set(dates)) == len(dates) == 2


def test_every_link_leads_to_a_page_or_picture(
        drawn: tuple[Layout, dict[int, SeriesContent], Path]) -> None:
    layout, contents, web = drawn
    pages = pages_of(layout, contents)
    there = set(pages) | {f"IHE_PDI/{path.relative_to(web)}" for path in web.rglob("*.JPG")}
    there |= {"README.TXT", "MANIFEST.TXT", "CERT.HTM"}
    for path, data in pages.items():
        folder = Path(path).parent
        for node in ElementTree.fromstring(data).iter():
            for name in ("href", "src"):
                if link := node.get(name):
                    assert os.path.normpath(folder / link) in there, (path, link)


@pytest.mark.skipif(not (DTD.exists() and shutil.which("xmllint")),
                    reason="xmllint or the XHTML DTD is not installed")
def test_pages_are_valid_xhtml(drawn: tuple[Layout, dict[int, SeriesContent], Path],
                               tmp_path: Path) -> None:
    layout, contents, _ = drawn
    files = (Document("REPORTS/R000001.HTM", "report", "5 > 3 & more"),
             Document("VIDEO/V000001.MP4", "video", ""))
    contents = {number: replace(one, documents=files) for number, one in contents.items()}
    more = {"remarks": ("One & two",), "viewer": "VIEWER/VIEWER.HTM", "viewer_factor": 2,
            "site_viewer": "SITEVIEW/"}
    for number, data in enumerate(pages_of(layout, contents, **more).values()):
        (tmp_path / f"{number}.htm").write_bytes(data)
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--dtdvalid", str(DTD),
                           *map(str, tmp_path.glob("*.htm"))], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("field", ["patient_name", "patient_id", "patient_sex",
                                   "patient_birth_date", "study_description", "accession_number",
                                   "series_description", "series_number", "modality",
                                   "manufacturer", "institution_name", "study_date"])
def test_no_attribute_can_become_markup(field: str) -> None:
    layout = layout_of([image(1)], **{field: HOSTILE})
    contents = {1: SeriesContent(1, next(layout.series()), ())}
    for data in pages_of(layout, contents).values():
        tree = ElementTree.fromstring(data)  # also: no character that XML forbids
        assert not {node.tag for node in tree.iter()} & {f"{XHTML}img", f"{XHTML}script"}
        assert all(not name.startswith("on") for node in tree.iter() for name in node.attrib)
        assert "\u202e" not in data.decode()


@given(st.text(max_size=200))
def test_any_text_stays_text(text: str) -> None:
    tree = ElementTree.fromstring(page("t", "p{}", element("p", text, title=text)))
    [paragraph] = tree.iter(f"{XHTML}p")
    assert len(paragraph) == 0
    assert {node.tag.removeprefix(XHTML) for node in tree.iter()} == {
        "html", "head", "meta", "title", "style", "body", "p"}


def test_a_frame_that_cannot_be_decoded_costs_only_itself(sandbox: Sandbox,
                                                          tmp_path: Path) -> None:
    instances = disc_instances(tmp_path / "in", study(1, count=3))
    whole = Path(instances[1].span.path)
    whole.write_bytes(whole.read_bytes()[:-300])
    broken = replace(instances[1], span=Span.of_file(whole))
    layout = lay_out([instances[0], broken, instances[2]])
    (tmp_path / "web").mkdir()
    [content] = draw_previews(sandbox, layout, tmp_path / "web").values()
    assert (len(content.pictures), content.failed) == (2, 1)
    pages = pages_of(layout, {1: content})
    assert b"1 picture could not be drawn" in pages["IHE_PDI/SE000001.HTM"]


def test_the_readme_says_whose_disc_it_is_and_what_is_missing() -> None:
    text = readme(facts("STD-GEN-CD", part="2 of 3", remarks=("Three videos are missing.",)))
    assert text.isascii()
    assert all(line.endswith(b"\r") for line in text.split(b"\n")[:-1])
    for words_ in (b"Sample Hospital", b"cd@example.org", b"mediasvc test", b"2 of 3", b"INDEX.HTM",
                   b"STD-GEN-CD", b"Three videos are missing", b"not\r\nfor diagnosis"):
        assert words_ in text, words_


def test_a_readme_that_needs_more_than_ascii_says_so_by_its_first_bytes() -> None:
    text = readme(replace(facts("ZIP"), institution="Klinikum Köln\x1b[2J"))
    assert text.startswith(b"\xef\xbb\xbfKlinikum K\xc3\xb6ln?[2J\r\n")


@pytest.mark.parametrize(("raw", "shown"), [
    ("Sample^Alma^M^Dr.^PhD", "Sample, Alma M, Dr., PhD"),
    ("Wang^XiaoDong=王^小東=", "Wang, XiaoDong (王, 小東)"),
    ("", "not named"), ("^^^", "not named"), ("=山田^太郎", "山田, 太郎")])
def test_names_are_written_as_people_do(raw: str, shown: str) -> None:
    assert words.person_name(raw) == shown


def test_dates_times_and_counts_are_written_as_people_do() -> None:
    assert words.date("20240131") == words.date("2024.01.31") == "2024-01-31"
    assert words.date("about 1990") == "about 1990"
    assert (words.time("101500.12"), words.time("")) == ("10:15", "")
    assert (words.count(1, "series", "series"), words.count(1200, "image")) == (
        "1 series", "1,200 images")
