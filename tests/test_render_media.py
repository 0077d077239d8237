"""Parts of ordinary files: windows, rates, names, PNG, TIFF, DICOM JSON, reports."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_voi_lut

from mediasvc.errors import UnsupportedError
from mediasvc.media.ordinary.ordinary_json import dicom_json
from mediasvc.media.ordinary.ordinary_names import Names, frame_name, order_key
from mediasvc.media.ordinary.ordinary_picture import Look, look_at, picture, squared
from mediasvc.media.ordinary.ordinary_png import png
from mediasvc.media.ordinary.ordinary_rate import cine_rate
from mediasvc.media.ordinary.ordinary_report import report_lines, report_page, report_text
from mediasvc.media.ordinary.ordinary_tiff import TiffFile
from mediasvc.media.ordinary.ordinary_values import unsigned, values_of
from mediasvc.media.ordinary.ordinary_window import IDENTITY, steady_window
from mediasvc.media.page.display import Window, to_picture
from mediasvc.model import InstanceHeader
from samples.kinds import code, item
from samples.synthesis import instance


def header(**keywords: Any) -> Dataset:
    ds = Dataset()
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 12, 0
    for keyword, value in keywords.items():
        setattr(ds, keyword, value)
    return ds


def ramp(low: int = 0, high: int = 4095, kind: type = np.uint16) -> NDArray[Any]:
    return np.linspace(low, high, 64 * 64).astype(kind).reshape(64, 64)


def shown(samples: NDArray[Any], ds: Dataset) -> NDArray[np.uint8]:
    return picture(samples, ds, 0, look_at([(0, samples)], ds))


# what a person sees

@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_are_those_of_pydicom(function: str) -> None:
    ds = header(WindowCenter=1000, WindowWidth=800, VOILUTFunction=function, BitsAllocated=16)
    samples = ramp()
    theirs = apply_voi_lut(samples, ds)
    top = float((1 << 12) - 1)
    assert np.abs(shown(samples, ds) - theirs * (255 / top)).max() <= 0.51


def test_monochrome1_is_the_negative() -> None:
    samples = ramp()
    white = shown(samples, header(WindowCenter=2048, WindowWidth=4096))
    black = shown(samples, header(WindowCenter=2048, WindowWidth=4096,
                                  PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(black, 255 - white)


def test_eight_bits_without_a_window_stay_as_they_are() -> None:
    samples = ramp(90, 140, np.uint8)
    ds = header(BitsStored=8)
    assert steady_window([(0, samples)], ds) == IDENTITY
    assert np.array_equal(shown(samples, ds), samples)


def test_a_cine_does_not_flicker_where_single_frames_would_be_stretched() -> None:
    dark, light = ramp(0, 400), ramp(0, 4000)
    ds = header()
    look = look_at([(0, dark), (1, light)], ds)
    assert picture(dark, ds, 0, look).max() < 40 < 250 < picture(light, ds, 1, look).max()
    assert to_picture(dark, ds).max() > 250


def test_a_window_of_a_mostly_dark_image_is_believed() -> None:
    samples = np.zeros((64, 64), np.uint16)
    samples[30:33, 30:33] = 2000
    window = steady_window([(0, samples)], header(WindowCenter=2048, WindowWidth=4096))
    assert window == Window(2048, 4096)


def test_a_window_that_shows_nothing_is_not() -> None:
    assert steady_window([(0, ramp(1000, 2000))],
                         header(WindowCenter=30000, WindowWidth=100)) != Window(30000, 100)


def test_a_voi_lut_is_white_where_its_table_ends() -> None:
    lut = item(LUTDescriptor=[256, 0, 8], LUTData=list(range(128)) + [127] * 128)
    lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
    ds = header(BitsStored=8, BitsAllocated=8, VOILUTSequence=[lut])
    drawn = to_picture(np.arange(256, dtype=np.uint8).reshape(16, 16), ds)
    assert drawn.max() == 255 and drawn.ravel()[64] == 129


@pytest.mark.parametrize(("little", "table"), [
    (True, np.arange(256, dtype="<u2") << 8), (False, np.arange(256, dtype=">u2") << 8),
    (True, np.arange(256, dtype="<u2"))], ids=["little", "big", "eight bits in sixteen"])
def test_palettes_of_either_byte_order(little: bool, table: NDArray[Any]) -> None:
    ds = instance(modality="US")
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2." + ("1" if little else "2")
    ds.PhotometricInterpretation, ds.SamplesPerPixel = "PALETTE COLOR", 1
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", table.tobytes())
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    drawn = to_picture(samples, ds)
    assert np.abs(drawn[..., 0].astype(int) - samples).max() <= 1


def test_oblong_pixels_become_square() -> None:
    tall = squared(np.full((10, 20), 7, np.uint8), 2.0)
    wide = squared(np.full((10, 20, 3), 7, np.uint8), 0.5)
    assert (tall.shape, wide.shape) == ((20, 20), (10, 40, 3))
    assert tall.min() == tall.max() == 7


def test_an_overlay_is_drawn_where_it_says() -> None:
    ds = header(WindowCenter=2048, WindowWidth=4096)
    plane = np.zeros(8 * 8, np.uint8)
    plane[0] = 1
    for element, vr, value in ((0x10, "US", 8), (0x11, "US", 8), (0x40, "CS", "G"),
                               (0x50, "SS", [3, 5]), (0x100, "US", 1), (0x102, "US", 0),
                               (0x3000, "OW", np.packbits(plane, bitorder="little").tobytes())):
        ds.add_new((0x6000, element), vr, value)
    drawn = picture(np.zeros((16, 16), np.uint16), ds, 0, Look(Window(2048, 4096), overlays=True))
    assert np.argwhere(drawn == 255).tolist() == [[2, 4]]


# time

@pytest.mark.parametrize(("keywords", "rate", "source"), [
    ({"FrameTime": "40"}, 25, "FrameTime"),
    ({"FrameTime": "33.37"}, Fraction(30000, 1001), "FrameTime"),
    ({"FrameTimeVector": ["0", "50", "50"], "FrameTime": "40",
      "FrameIncrementPointer": 0x00181065}, 20, "FrameTimeVector"),
    ({"CineRate": "15"}, 15, "CineRate"),
    ({"RecommendedDisplayFrameRate": "12"}, 12, "RecommendedDisplayFrameRate"),
    ({"CineRate": "30", "FrameTime": "40"}, 25, "FrameTime"),
    ({"FrameTime": "0", "CineRate": "10"}, 10, "CineRate"),
], ids=lambda value: "" if isinstance(value, dict) else str(value))
def test_the_rate_is_the_one_of_the_frames(keywords: dict[str, Any], rate: Fraction, source: str,
                                           ) -> None:
    found = cine_rate(header(**keywords))
    assert found is not None and (found.value, found.source) == (rate, source)


def test_frames_that_say_nothing_of_time_are_no_cine() -> None:
    assert cine_rate(header(FrameTime="0.0001")) is None
    assert cine_rate(header()) is None


def test_frames_of_different_length_are_told() -> None:
    found = cine_rate(header(FrameTimeVector=["0", "20", "80"]))
    assert found is not None and found.value == 20 and not found.even


# samples with all their bits

@settings(deadline=None, max_examples=40)
@given(st.sampled_from([np.uint8, np.int16, np.uint16, np.int32, np.float32]),
       st.integers(1, 9), st.integers(1, 70000))
def test_tiff_pages_are_read_back_by_another_reader(kind: type, rows: int, columns: int) -> None:
    columns = min(columns, 70000 // rows)
    page = np.random.default_rng(rows).integers(0, 120, (rows, columns)).astype(kind)
    stream = io.BytesIO()
    with TiffFile(stream) as out:
        out.add(page, "stored")
        out.add(page[::-1], aspect=0.5)
    pages = tiff_pages(stream.getvalue())
    assert np.array_equal(pages[0], page) and np.array_equal(pages[1], page[::-1])
    assert pages[0].dtype == page.dtype


def tiff_pages(data: bytes) -> list[NDArray[Any]]:
    """A small reader of what TIFF 6.0 says, of its own."""
    pages, (at,) = [], struct.unpack("<I", data[4:8])
    while at:
        (count,) = struct.unpack("<H", data[at:at + 2])
        tags: dict[int, Any] = {}
        for place in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack("<HHI", data[place:place + 8])
            size = {2: 1, 3: 2, 4: 4, 5: 8}[kind] * number
            raw = data[place + 8:place + 12]
            if size > 4:
                (start,) = struct.unpack("<I", raw)
                raw = data[start:start + size]
            tags[tag] = struct.unpack(f"<{number}{'HI'[kind - 3]}", raw[:size]) if kind in (
                3, 4) else raw
        assert tags[259] == (8,)
        kind = {1: "u", 2: "i", 3: "f"}[tags[339][0]]
        strips = b"".join(zlib.decompress(data[one:one + length])
                          for one, length in zip(tags[273], tags[279], strict=True))
        shape = (*tags[257], *tags[256], *([3] if tags[277] == (3,) else []))
        pages.append(np.frombuffer(strips, f"<{kind}{tags[258][0] // 8}").reshape(shape))
        (at,) = struct.unpack("<I", data[at + 2 + 12 * count:at + 6 + 12 * count])
    return pages


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.parametrize("kind", ["tif", "png"])
def test_sixteen_bits_are_read_back_by_ffmpeg(tmp_path: Path, kind: str) -> None:
    samples = np.random.default_rng(1).integers(0, 65536, (31, 45)).astype(np.uint16)
    path = tmp_path / f"a.{kind}"
    if kind == "png":
        path.write_bytes(png(samples, "DICOM stored values", 2.0))
    else:
        with path.open("wb") as stream, TiffFile(stream) as out:
            out.add(samples, "DICOM stored values")
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt",
                           "gray16le", "-"], capture_output=True, check=True)
    assert not done.stderr
    assert np.array_equal(np.frombuffer(done.stdout, "<u2").reshape(31, 45), samples)


def test_a_png_says_what_its_values_are() -> None:
    data = png(np.zeros((2, 3), np.uint16), "DICOM modality values (HU), 32768 added", 2.0)
    assert b"tEXtDescription\0DICOM modality values (HU), 32768 added" in data
    assert b"pHYs" + struct.pack(">IIB", 20000, 10000, 0) in data
    assert imagecodecs.png_decode(data).shape == (2, 3)


def test_signed_values_get_an_offset_in_png_and_none_in_tiff() -> None:
    samples = np.array([[-1024, 3000]], np.int16)
    values = values_of(samples, header(), 0, "stored")
    assert values.samples.dtype == np.int16
    plain = unsigned(values)
    assert (plain.samples.tolist(), plain.offset) == ([[31744, 35768]], 32768)
    assert plain.words == "DICOM stored values, 32768 added"


def test_modality_values_are_what_the_samples_mean() -> None:
    ds = header(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    values = values_of(np.array([[0, 1064]], np.uint16), ds, 0, "modality")
    assert (values.samples.tolist(), values.unit) == ([[-1024, 40]], "HU")
    assert unsigned(values).samples.tolist() == [[31744, 32808]]
    above = values_of(np.array([[2000]], np.uint16), ds, 0, "modality")
    assert unsigned(above).offset == 32768, "every slice of a series is written in one way"


def test_fractions_need_tiff() -> None:
    values = values_of(np.array([[3]], np.uint16), header(RescaleSlope=0.5, RescaleIntercept=0), 0,
                       "modality")
    assert values.samples.tolist() == [[1.5]]
    with pytest.raises(UnsupportedError, match="tiff"):
        unsigned(values)


def test_a_dose_is_in_gray() -> None:
    ds = header(DoseGridScaling="0.001", DoseUnits="GY")
    values = values_of(np.array([[1500]], np.uint32), ds, 0, "modality")
    assert (values.samples.tolist(), values.unit) == ([[1.5]], "Gy")


# names

def test_names_are_numbers_and_never_twice() -> None:
    def one(study: str, series: str, number: str, place: str) -> InstanceHeader:
        return InstanceHeader(study_instance_uid=study, series_instance_uid=series,
                              series_number=number, instance_number=place, patient_name="A^B")
    names = Names()
    rows = [names.name(one(*row)) for row in (
        ("1", "1.1", "3", "12"), ("1", "1.1", "3", "12"), ("1", "1.2", "3", "1"),
        ("2", "2.1", "", "20260105093000"), ("2", "2.1", "", "x/y"))]
    assert rows == [("ST001/SE003", "0012"), ("ST001/SE003", "0012-2"), ("ST001/SE003-2", "0001"),
                    ("ST002/SE000", "0000"), ("ST002/SE000", "0000-2")]
    assert frame_name("0012", 4, 34) == "0012_F0005"


def test_numbers_sort_as_numbers() -> None:
    rows = [InstanceHeader(instance_number=text) for text in ("10", "9", "+2")]
    assert [row.instance_number for row in sorted(rows, key=order_key)] == ["+2", "9", "10"]


# words

def test_dicom_json_is_read_by_pydicom() -> None:
    ds = instance(patient=4, modality="CT", charset="ISO_IR 192")
    ds.add_new(0x00091001, "UN", b"\1\2")
    ds.add_new(0x00091002, "OB", bytes(5000))
    written = dicom_json(ds)
    model = json.loads(written.data)[0]
    back = Dataset.from_json(model)
    assert "Value" not in model["7FE00010"] and model["00091002"] == {"vr": "OB"}
    assert written.left_out == 2
    assert (back.PatientName, back.StudyInstanceUID, back.RescaleIntercept, back.WindowWidth) == (
        ds.PatientName, ds.StudyInstanceUID, ds.RescaleIntercept, ds.WindowWidth)
    assert back[0x00091001].value == b"\1\2"
    assert model["00080005"]["Value"] == ["ISO_IR 192"]
    assert not [tag for tag in model if tag.startswith("0002")]


def test_what_is_no_number_is_left_out_of_json() -> None:
    ds = Dataset()
    ds.add_new(0x00189073, "FD", float("nan"))
    ds.add_new(0x00280010, "US", 4)
    assert json.loads(dicom_json(ds).data) == [{"00189073": {"vr": "FD"},
                                                "00280010": {"vr": "US", "Value": [4]}}]


def test_a_report_names_its_findings_in_order() -> None:
    ds = instance(modality="SR")
    inner = item(RelationshipType="CONTAINS", ValueType="NUM",
                 ConceptNameCodeSequence=code("1", "X", "Diameter"), MeasuredValueSequence=[item(
                     NumericValue="12", MeasurementUnitsCodeSequence=code("mm", "UCUM", "mm"))])
    ds.ContentSequence.append(item(
        RelationshipType="CONTAINS", ValueType="CONTAINER", ContentSequence=[inner],
        ConceptNameCodeSequence=code("2", "X", "<b>Lesion</b>")))
    assert [(line.depth, line.name, line.value) for line in report_lines(ds)] == [
        (0, "Finding", "Synthetic report, no findings."), (0, "<b>Lesion</b>", ""),
        (1, "Diameter", "12 mm")]
    page, text = report_page(ds).decode(), report_text(ds).decode()
    assert "&lt;b&gt;Lesion" in page and "<b>Lesion" not in page
    assert "  Diameter: 12 mm" in text and text.startswith("Diagnostic Imaging Report\n")


@pytest.mark.parametrize(("kind", "keyword", "value", "shown"), [
    ("DATE", "Date", "20001206", "2000-12-06"), ("TIME", "Time", "120005.5", "12:00:05"),
    ("TIME", "Time", "1200", "12:00"),
    ("DATETIME", "DateTime", "20001206120000+0100", "2000-12-06 12:00:00 +0100"),
    ("DATETIME", "DateTime", "2000", "2000"), ("PNAME", "PersonName", "Roe^Ann", "Roe, Ann")])
def test_times_and_names_of_a_report_are_written_as_people_write_them(
        kind: str, keyword: str, value: str, shown: str) -> None:
    ds = instance(modality="SR")
    ds.ContentSequence = [item(RelationshipType="CONTAINS", ValueType=kind, **{keyword: value})]
    assert [line.value for line in report_lines(ds)] == [shown]
