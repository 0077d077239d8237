"""The viewer of a disc in a browser, opened from a file: right greys, right millimetres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import JPEGBaseline8Bit

from mediasvc.sandbox import Answer, Sandbox
from mediasvc.work.building import viewer as work
from mediasvc.work.turns.batches import run_batches
from samples.kinds import PDF
from samples.synthesis import instance, study
from tests.carriers import unpack_iso
from tests.disc_things import new_sandbox
from tests.viewer_things import Page, browser, viewer_disc

SIZE: dict[str, Any] = {"rows": 90, "columns": 120}


def palette() -> FileDataset:
    ds = instance(1, 1, 6, modality="CR", **SIZE)
    samples = np.arange(90 * 120, dtype=np.uint8).reshape(90, 120)
    ds.PhotometricInterpretation, ds.PixelData = "PALETTE COLOR", samples.tobytes()
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    del ds.WindowCenter, ds.WindowWidth
    for number, name in enumerate(("Red", "Green", "Blue")):
        ds.add_new(0x00281101 + number, "US", [256, 0, 8])
        table = np.roll(np.arange(256, dtype=np.uint8), 40 * number)
        ds.add_new(0x00281201 + number, "OW", table.tobytes())
        assert name
    return ds


def lossy() -> FileDataset:
    """Two frames of colour as JPEG files."""
    ds = instance(1, 1, 8, modality="CINE", frames=2, **SIZE)
    frames = [bytes(imagecodecs.jpeg8_encode(frame, level=90)) for frame in ds.pixel_array]
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", "11.5"
    return ds


def regions() -> FileDataset:
    """An ultrasound image that says how large its pixels are in one part."""
    part = Dataset()
    part.RegionLocationMinX0, part.RegionLocationMinY0 = 0, 0
    part.RegionLocationMaxX1, part.RegionLocationMaxY1 = 80, 89
    part.PhysicalDeltaX, part.PhysicalDeltaY = 0.05, 0.02
    part.PhysicalUnitsXDirection = part.PhysicalUnitsYDirection = 3
    return instance(1, 1, 4, modality="US", SequenceOfUltrasoundRegions=[part], **SIZE)


def instances() -> list[FileDataset]:
    """Series 1 signed CT with rescale · 2 MR without window · 3 MONOCHROME1 with the spacing of
    the detector · 4 ultrasound in colour · 5 multi-frame · 6 palette · 7 unsigned with slope ·
    8 JPEG · 9 report · 10 PDF."""
    ct = study(1, 1, series=1, count=30, RescaleSlope="2", RescaleIntercept="-100",
               WindowCenter="1000", WindowWidth="3000", **SIZE)
    for ds in ct:
        ds.PixelSpacing = [0.5, 2.0]
    cr = instance(1, 1, 3, modality="CR", **SIZE, ImagerPixelSpacing=[0.1, 0.1])
    pet = instance(1, 1, 7, modality="PT", **SIZE, WindowCenter="3000", WindowWidth="5000")
    return [*ct, instance(1, 1, 2, modality="MR", **SIZE), cr, regions(),
            instance(1, 1, 5, modality="CINE", frames=12, **SIZE), palette(), pet, lossy(),
            instance(1, 1, 9, modality="SR"), instance(1, 1, 10, modality="DOC")]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def disc(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only folder with a blank and an umlaut in its path."""
    folder = tmp_path_factory.mktemp("viewer")
    target = folder / "disc of Müller"
    viewer_disc(sandbox, folder, instances(), target, profile="STD-GEN-DVD-JPEG", videos=False)
    for path in target.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return target


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def page(chromium: Any, disc: Path) -> Iterator[Page]:
    one = Page(chromium, disc)
    yield one
    one.close()


@pytest.fixture(scope="module")
def plain(chromium: Any, disc: Path) -> Iterator[Page]:
    """Without WebGL, and without the browser's own inflate."""
    one = Page(chromium, disc, query="?canvas",
               scripts=("delete window.DecompressionStream;",))
    yield one
    one.close()


@pytest.fixture(params=["webgl2", "canvas"])
def either(request: pytest.FixtureRequest, page: Page, plain: Page) -> Page:
    """Both ways of painting."""
    one = page if request.param == "webgl2" else plain
    assert one.do("() => MV.active.painter.kind") == request.param
    one.do("() => { MV.active.reset(); MV.active.paint(); }")
    return one


def file_of(disc: Path, series: int, number: int = 1) -> FileDataset:
    return dcmread(disc / "DICOM" / "PT000001" / "ST000001" / f"SE{series:06d}"
                   / f"IM{number:06d}")


def expected(ds: FileDataset, frame: int = 0) -> NDArray[np.float64]:
    """Greys 0 to 255 as pydicom windows them, not rounded."""
    samples = ds.pixel_array if ds.get("NumberOfFrames", 1) == 1 else ds.pixel_array[frame]
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        return np.asarray(apply_color_lut(samples, ds), np.float64)
    if samples.ndim == 3:
        return np.asarray(samples, np.float64)
    shown = np.asarray(apply_voi_lut(apply_modality_lut(samples, ds), ds), np.float64)
    low, high = ((-(1 << ds.BitsStored - 1), (1 << ds.BitsStored - 1) - 1)
                 if ds.PixelRepresentation else (0, (1 << ds.BitsStored) - 1))
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    low, high = low * slope + intercept, high * slope + intercept
    grey = (shown - low) / (high - low) * 255
    return 255 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


def same(shown: NDArray[np.uint8], wanted: NDArray[np.float64]) -> bool:
    """Equal but for the rounding of exact halves."""
    if wanted.ndim == 2:
        wanted = np.repeat(wanted[:, :, None], 3, axis=2)
    assert shown.shape == wanted.shape
    return bool((np.abs(shown - wanted) <= 0.5 + 1e-3).all())


# --- the greys on the screen ---------------------------------------------------------------------

@pytest.mark.parametrize(("series", "index"), [(1, 0), (1, 29), (3, 0), (4, 0), (5, 7), (6, 0),
                                               (7, 0)],
                         ids=["signed CT", "last CT", "MONOCHROME1", "colour", "multi-frame",
                              "palette", "slope"])
def test_the_screen_shows_what_pydicom_computes(either: Page, disc: Path, series: int,
                                                index: int) -> None:
    either.show(series, index)
    multi = series == 5
    ds = file_of(disc, series, 1 if multi else index + 1)
    shown = either.greys()
    assert same(shown, expected(ds, index if multi else 0))
    assert np.ptp(shown) > 100


def test_a_jpeg_frame_is_shown_as_it_is(either: Page, disc: Path) -> None:
    ds = file_of(disc, 8)
    either.show(8, 1)
    wanted = imagecodecs.jpeg8_decode(list(generate_frames(
        ds.PixelData, number_of_frames=2))[1])
    apart = np.abs(either.greys().astype(int) - wanted.astype(int))
    assert apart.mean() < 1
    assert apart.max() <= 6
    assert either.text(".badges").endswith("Lossy 1:11.5")


def test_without_a_window_the_page_and_the_viewer_agree(either: Page, disc: Path) -> None:
    """The picture of the page was made by other code."""
    either.show(2)
    picture = imagecodecs.jpeg8_decode(
        (disc / "IHE_PDI" / "SE000002" / "IM000001.JPG").read_bytes())
    apart = np.abs(either.greys()[:, :, 0].astype(int) - picture.astype(int))
    assert apart.mean() < 3


def test_another_window_shows_other_greys(either: Page, disc: Path) -> None:
    ds = file_of(disc, 1)
    ds.WindowCenter, ds.WindowWidth = "-600", "1500"
    either.show(1)
    either.page.select_option("select[title=Window]", label="5  Lung")
    assert same(either.greys(), expected(ds))
    either.page.keyboard.press("i")
    assert same(either.greys(), 255 - expected(ds))
    either.page.keyboard.press("0")
    either.page.keyboard.press("i")


def test_dragging_changes_the_window(page: Page) -> None:
    page.show(1)
    before = page.text(".corner.bl")
    box = page.page.locator(".stage").bounding_box()
    page.page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 360, box["y"] + 330, steps=4)
    page.page.mouse.up()
    assert page.text(".corner.bl") != before
    assert page.do("() => { const s = document.querySelector('select[title=Window]');"
                   " return s.options[s.selectedIndex].text; }") == "Own window"
    page.page.keyboard.press("Escape")
    assert page.text(".corner.bl") == before


# --- finding one's way ---------------------------------------------------------------------------

def test_keys_and_wheel_go_through_the_series(page: Page) -> None:
    page.show(1)
    for key, place in (("ArrowDown", 2), ("PageDown", 12), ("End", 30), ("ArrowUp", 29),
                       ("Home", 1)):
        page.page.keyboard.press(key)
        page.ready()
        assert f"Image {place} of 30" in page.text(".corner.tl")
    box = page.page.locator(".stage").bounding_box()
    page.page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.page.mouse.wheel(0, 100)
    page.page.wait_for_function("MV.active.index === 1")


def test_the_slider_goes_where_it_is_drawn_and_takes_the_keys(page: Page) -> None:
    page.show(1)
    slider = page.page.locator("input[type=range]")
    box = slider.bounding_box()
    page.page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2)
    page.page.mouse.down()
    for step in range(1, 11):
        page.page.mouse.move(box["x"] + box["width"] * step / 10, box["y"] + box["height"] / 2)
    page.page.mouse.up()
    page.page.wait_for_function("MV.active.shown === 29")
    assert "Image 30 of 30" in page.text(".corner.tl") and slider.input_value() == "29"
    page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.wait_for_function("MV.active.shown > 10 && MV.active.shown < 20")
    for key, place in (("Home", 0), ("ArrowDown", 1), ("End", 29), ("PageUp", 19)):
        page.page.keyboard.press(key)
        page.page.wait_for_function(f"MV.active.shown === {place}")
    page.page.keyboard.press("i")
    assert page.do("() => MV.active.inverted")


def test_a_cine_plays_at_its_rate_and_stops(page: Page) -> None:
    page.show(5)
    assert round(page.do("() => MV.active.rate()")) == 25
    seen = page.do(
        "() => new Promise(done => { const seen = new Set(), v = MV.active; v.play();"
        " const t = setInterval(() => { seen.add(v.index); if (seen.size === 12) {"
        " clearInterval(t); v.stop(); done(seen.size); } }, 5); })")
    assert seen == 12
    stopped = page.do("() => MV.active.index")
    page.page.wait_for_timeout(150)
    assert page.do("() => MV.active.index") == stopped


def test_no_picture_stands_under_the_name_of_another_series(either: Page) -> None:
    """A slow disc: the series is chosen, and its images are not there yet."""
    either.show(1)
    assert either.greys().any() and "Slice at" in either.text(".corner.tl")
    slow = "MV.frame = () => new Promise(() => {}); MV.ready = () => null;"
    either.do("() => { MV.kept = [MV.frame, MV.ready];" + slow +
              " const v = MV.active; v.show(MV.places.find(p => p.series.n === 2), 0);"
              " v.resize(); v.message.style.visibility = 'hidden'; }")  # a slow machine's word
    try:
        either.do("() => document.getElementById('app').classList.add('bare')")
        picture = imagecodecs.png_decode(either.page.locator("canvas.image").screenshot())
        either.do("() => document.getElementById('app').classList.remove('bare')")
        assert not picture[50:-50, 150:400, :3].any()
        assert "Slice at" not in either.text(".corner.tl")
        either.do("() => { [MV.frame, MV.ready] = MV.kept; MV.active.show(MV.places[0], 0); }")
        either.ready()
        either.do("() => {" + slow + " MV.active.go(9); }")
        assert "Slice at" not in either.text(".corner.tl")
        either.page.wait_for_function("MV.active.message.textContent === 'Loading …'")
        assert either.do("() => MV.active.frame") is None
    finally:
        either.page.reload()
        either.ready()


def test_the_name_stands_over_every_view(page: Page, disc: Path) -> None:
    page.show(1)
    page.page.select_option("select[title=Views]", label="4 views")
    bands = page.page.locator(".band").all_inner_texts()
    assert len(bands) == 4
    ds = file_of(disc, 1)
    for band in bands:
        assert str(ds.PatientName).split("^")[0] in band
        assert f"ID {ds.PatientID}" in band
        assert "Not for diagnosis" in band
    page.page.select_option("select[title=Views]", label="1 view")


def test_linked_views_scroll_together(page: Page) -> None:
    page.page.select_option("select[title=Views]", label="2 views")
    page.do("() => { MV.put(MV.places[0], MV.views[1]); MV.put(MV.places[0], MV.views[0]);"
            " MV.views[1].go(5); }")
    page.page.keyboard.press("k")
    page.page.keyboard.press("PageDown")
    assert page.do("() => MV.views.map(v => v.index)") == [10, 15]
    page.page.keyboard.press("k")
    page.page.keyboard.press("ArrowUp")
    assert page.do("() => MV.views.map(v => v.index)") == [9, 15]
    page.page.select_option("select[title=Views]", label="1 view")


def test_the_list_has_every_series_and_its_documents(page: Page, disc: Path) -> None:
    cards = page.page.locator(".series").all_inner_texts()
    assert len(cards) == 10
    assert "30 images" in cards[0]
    assert "1 image, 12 frames" in cards[4]
    links = page.page.locator(".series a").evaluate_all("all => all.map(a => a.href)")
    names = sorted(link.rpartition("/")[2] for link in links)
    assert names == ["R000001.HTM", "R000002.PDF"]
    assert (disc / "REPORTS" / "R000002.PDF").read_bytes().startswith(PDF[:8])
    assert b"Synthetic report" in (disc / "REPORTS" / "R000001.HTM").read_bytes()
    assert page.do("() => Array.from(document.querySelectorAll('.shot img'))"
                   ".every(i => i.complete && i.naturalWidth > 0)")


def test_a_page_leads_to_its_series(chromium: Any, disc: Path) -> None:
    page = chromium.new_page()
    page.goto((disc / "IHE_PDI" / "SE000003.HTM").as_uri())
    page.click("text=Open in the viewer")
    page.wait_for_function("window.MV && MV.active && MV.active.frame")
    assert page.evaluate("() => MV.active.series.n") == 3
    page.close()


def test_the_attributes_are_those_of_the_image(page: Page, disc: Path) -> None:
    page.show(1, 17)
    rows = page.do("() => MV.header(MV.active.series, 17)")
    told = {row[0]: row[3] for row in rows}
    ds = file_of(disc, 1, 18)
    assert told["(0008,0018)"] == ds.SOPInstanceUID
    assert told["(0020,0013)"] == "18"
    assert told["(0020,1041)"] == str(ds.SliceLocation)
    assert told["(0028,0010)"] == "90"
    page.page.keyboard.press("h")
    page.page.fill(".head input", "slice location")
    page.page.wait_for_function(
        "Array.from(document.querySelectorAll('.rows tr')).filter(r => r.style.display !== 'none')"
        ".length === 1")
    page.page.keyboard.press("Escape")


# --- measuring -----------------------------------------------------------------------------------

@pytest.mark.parametrize(("series", "ends", "told"), [
    (1, (10, 10, 40, 50), "63.2 mm"), (3, (10, 10, 40, 50), "5.0 mm\nat the detector"),
    (4, (10, 10, 40, 50), "17.0 mm"), (4, (10, 10, 100, 50), "98.5 pixels\nno spacing"),
    (5, (10, 10, 40, 50), "50.0 pixels\nno spacing")],
    ids=["pixel spacing", "detector", "region", "out of the region", "none"])
def test_lengths_are_in_millimetres_where_the_header_says_how(
        page: Page, series: int, ends: tuple[int, ...], told: str) -> None:
    page.show(series)
    words = page.do(
        "([a, b, c, d]) => MV.words(MV.active.frame, {kind: 'length',"
        " points: [{x: a, y: b}, {x: c, y: d}]})", list(ends))
    assert words.startswith(told)


def test_reduced_images_keep_their_lengths_and_say_what_they_are(
        chromium: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    wide = instance(**SIZE, WindowCenter="1000", WindowWidth="4000")
    wide.PixelSpacing = [0.5, 0.5]
    _, [made] = viewer_disc(sandbox, tmp_path, [wide], tmp_path / "disc", least_factor=3)
    page = Page(chromium, tmp_path / "disc")
    assert page.do("() => [MV.active.frame.rows, MV.active.frame.columns]") == [30, 40]
    assert page.text(".badges").endswith("Reduced 1/3")
    found = page.do("() => MV.length(MV.active.frame, {x: 10, y: 10}, {x: 20, y: 10})")
    assert found == [15, "mm", ""]
    wanted = expected(dcmread(made.span.path)).reshape(30, 3, 40, 3).mean(axis=(1, 3))
    assert np.abs(page.greys()[:, :, 0] - wanted).mean() < 3
    page.close()


def test_a_line_drawn_by_hand_is_measured(page: Page) -> None:
    page.show(1)
    page.page.keyboard.press("l")
    m, box = page.do("() => MV.active.matrix()"), page.page.locator(".stage").bounding_box()
    ends = [(box["x"] + m["e"] + m["a"] * x, box["y"] + m["f"] + m["d"] * y)
            for x, y in ((20, 20), (20, 80))]
    page.page.mouse.move(*ends[0])
    page.page.mouse.down()
    page.page.mouse.move(*ends[1], steps=3)
    page.page.mouse.up()
    found = page.do("() => MV.length(MV.active.frame, ...MV.active.drawings[0][0].points)[0]")
    assert found == pytest.approx(30, abs=0.5)
    page.page.keyboard.press("Delete")
    page.page.keyboard.press("w")
    assert page.do("() => MV.active.drawings[0].length") == 0


def test_a_region_has_the_mean_of_its_values(page: Page, disc: Path) -> None:
    page.show(1)
    found = page.do("() => MV.region(MV.active.frame, {x: 20, y: 10}, {x: 60, y: 50})")
    ds = file_of(disc, 1)
    values = ds.pixel_array * 2.0 - 100
    y, x = np.mgrid[0:90, 0:120] + 0.5
    inside = values[((x - 40) / 20) ** 2 + ((y - 30) / 20) ** 2 <= 1]
    assert found["mean"] == pytest.approx(inside.mean())
    assert found["deviation"] == pytest.approx(inside.std())
    assert (found["low"], found["high"]) == (inside.min(), inside.max())
    assert found["area"] == pytest.approx(np.pi * 400)


# --- whatever happens ----------------------------------------------------------------------------

def test_nothing_is_complained_of_and_nothing_leaves_the_disc(page: Page, plain: Page) -> None:
    for one in (page, plain):
        assert one.said == []
        assert one.asked
        assert all(url.startswith(("file://", "blob:")) for url in one.asked)


def test_a_system_that_shows_names_in_small_letters(chromium: Any, disc: Path,
                                                    tmp_path: Path) -> None:
    """Linux does, with a disc that has plain ISO 9660 names."""
    for path in disc.rglob("*"):
        copy = tmp_path / str(path.relative_to(disc)).lower()
        if path.is_dir():
            copy.mkdir()
        else:
            copy.symlink_to(path)
    page = chromium.new_page()
    page.goto((tmp_path / "viewer" / "viewer.htm").as_uri())
    page.wait_for_function("window.MV && MV.active && MV.active.frame")
    page.wait_for_function("Array.from(document.querySelectorAll('.shot img'))"
                           ".every(i => i.complete && i.naturalWidth > 0)")
    page.close()


def test_a_missing_file_of_the_disc_is_said_in_words(
        chromium: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "disc"
    viewer_disc(sandbox, tmp_path, study(1, 1, count=2), target)
    next(target.glob("VIEWER/SE*/D*.HTM")).unlink()
    page = Page(chromium, target)
    assert "cannot be read from the disc" in page.text(".message")
    page.close()


def test_a_damaged_file_of_the_disc_is_said_in_words(
        chromium: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "disc"
    viewer_disc(sandbox, tmp_path, study(1, 1, count=2), target)
    [data] = target.glob("VIEWER/SE*/D*.HTM")
    data.write_bytes(data.read_bytes().replace('"]'.encode("utf-16-le"), b""))
    page = Page(chromium, target)
    assert "D000001.HTM is damaged" in page.text(".message")
    page.close()


def test_a_pc_with_little_memory_keeps_only_what_is_shown(
        chromium: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither the pages that brought the images nor the greys of those that were left behind."""
    target = tmp_path / "disc"
    viewer_disc(sandbox, tmp_path, study(1, 1, count=20), target)
    page = Page(chromium, target)
    held = page.do("""async () => {
        const v = MV.active, seen = [];
        for (let i = 0; i < v.series.frames; i++) { await v.go(i); seen.push(v.frame); }
        return [seen.length, seen.filter(f => f.luts.greys).length,
                document.querySelectorAll("iframe").length]; }""")
    assert held == [20, 8, 0]
    assert page.said == []
    page.close()


def test_images_whose_child_died_are_named_and_the_others_are_shown(
        chromium: Any, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(sandbox: Sandbox, function: str, items: Any, size: int, **common: Any) -> Any:
        for item, answer in run_batches(sandbox, function, items, size, **common):
            died = item["series"] == 1
            yield item, Answer(None, None, "died", "ended") if died else answer

    monkeypatch.setattr(work, "run_batches", run)
    viewer_disc(sandbox, tmp_path, [instance(), instance(1, 1, 2)], tmp_path / "disc")
    page = Page(chromium, tmp_path / "disc")
    assert "could not be prepared" in page.text(".message")
    page.show(2)
    assert page.do("() => MV.active.frame.rows") == 16
    assert page.said == []
    page.close()


def test_hostile_text_stays_text(chromium: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    evil = '"><img src=x onerror="window.hit=1">'
    target = tmp_path / "disc"
    made = instance(SeriesDescription=evil, StudyDescription=evil, PatientName=evil,
                    ProtocolName=evil)
    viewer_disc(sandbox, tmp_path, [made], target)
    page = Page(chromium, target)
    page.page.keyboard.press("h")
    page.page.wait_for_selector(".rows tr")
    assert page.do("() => window.hit") is None
    assert evil[:20] in page.text(".words b")
    assert page.do("() => document.querySelectorAll('#app img').length") == 1  # the thumbnail
    page.close()


def test_the_viewer_opens_from_an_extracted_image(chromium: Any, sandbox: Sandbox,
                                                  tmp_path: Path) -> None:
    image = tmp_path / "disc.iso"
    wide = instance(**SIZE, WindowCenter="1000", WindowWidth="4000")
    _, [made] = viewer_disc(sandbox, tmp_path, [wide], image, container="iso")
    out = tmp_path / "as read by others"
    out.mkdir()
    unpack_iso(image, out)
    page = Page(chromium, out)
    assert same(page.greys(), expected(dcmread(made.span.path)))
    assert page.said == []
    page.close()
