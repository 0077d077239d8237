"""Photos, scans and documents become instances that hold exactly what they showed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import DocumentFacts, PictureFacts, facts_from_json
from mediasvc.span import Span
from mediasvc.work.wrapping.wrap_dataset import compose
from mediasvc.work.wrapping.wrap_identity import read_identity
from mediasvc.work.wrapping.wrap_plan import plan
from mediasvc.work.wrapping.wrap_probe import probe_file
from mediasvc.work.wrapping.wrap_write import write_instance
from tests import wrap_things as things

VL_PHOTO, SC = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.7"


def wrapped(folder: Path, name: str, data: bytes, modality: str = "",
            **more: Any) -> pydicom.Dataset:
    """Wrapped without a child, read with pydicom."""
    source = Span.of_file(things.written(folder, name, data))
    pixels = folder / "pixels"
    facts = facts_from_json(probe_file(source.as_json(), str(pixels)))
    planned = plan(facts, source, pixels, modality)
    dataset = compose(planned, read_identity(things.identity(folder, **more)), {})
    out = folder / f"{name}.dcm"
    write_instance(dataset, planned.transfer_syntax_uid, planned.payload, out)
    return pydicom.dcmread(out)


def facts(folder: Path, data: bytes) -> Any:
    source = Span.of_file(things.written(folder, "source", data))
    return facts_from_json(probe_file(source.as_json(), str(folder / "pixels")))


def stream(instance: pydicom.Dataset) -> bytes:
    from pydicom.encaps import generate_fragments
    _, *fragments = generate_fragments(instance.PixelData)
    return b"".join(fragments)[:instance[0x7FE00003].value]


def test_a_jpeg_is_kept_as_it_is(tmp_path: Path) -> None:
    data = things.jpeg()
    made = wrapped(tmp_path, "a.jpg", data)
    assert stream(made) == data
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"
    assert (made.SOPClassUID, made.Modality) == (VL_PHOTO, "XC")
    assert made.PhotometricInterpretation == "YBR_FULL_422"
    assert (made.Rows, made.Columns) == (24, 40)
    assert made.LossyImageCompression == "01"
    ratio = 24 * 40 * 3 / len(data)
    assert float(made.LossyImageCompressionRatio) == pytest.approx(ratio, rel=1e-4)


def test_a_photo_with_every_colour_sampled_is_labelled_as_photos_may_be(tmp_path: Path) -> None:
    import imagecodecs
    data = imagecodecs.jpeg8_encode(things.photo(), level=90, subsampling="444")
    made = wrapped(tmp_path, "a.jpg", bytes(data))
    assert stream(made) == data
    assert made.PhotometricInterpretation == "YBR_FULL_422"  # PS3.3 C.8.12.1.1 has no YBR_FULL


def test_a_photo_says_when_but_not_where_it_was_taken(tmp_path: Path) -> None:
    data = things.jpeg(None, things.exif(taken="2026:02:03 14:15:16", place=True))
    made = wrapped(tmp_path, "a.jpg", data, StudyDate="")
    assert made.AcquisitionDateTime == "20260203141516"
    assert (made.ContentDate, made.ContentTime, made.StudyDate) == (
        "20260203", "141516", "20260203")
    assert b"SECRET" not in (tmp_path / "a.jpg.dcm").read_bytes()
    assert stream(made) == things.jpeg()


def test_a_photo_that_lies_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.jpg", things.jpeg(None, things.exif(orientation=6)))
    assert (made.Rows, made.Columns) == (40, 24)
    seen = np.rot90(things.photo(), -1).astype(int)
    assert np.abs(made.pixel_array.astype(int) - seen).mean() < 8
    assert (made.LossyImageCompression, made.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_brings_the_top_to_the_top(orientation: int) -> None:
    from mediasvc.media.foreign.picture_turn import upright
    scene = things.photo()
    # how the camera stored the scene, TIFF 6.0 page 36: its row 0 is the named side
    stored = {1: scene, 2: scene[:, ::-1], 3: scene[::-1, ::-1], 4: scene[::-1],
              5: scene.swapaxes(0, 1), 6: np.rot90(scene), 7: scene[::-1, ::-1].swapaxes(0, 1),
              8: np.rot90(scene, -1)}[orientation]
    assert (upright(stored, orientation) == scene).all()


def test_a_colour_profile_goes_along(tmp_path: Path) -> None:
    profile = things.icc()
    part = things.segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
    assert wrapped(tmp_path, "a.jpg", things.jpeg(None, part)).ICCProfile == profile


def test_what_follows_the_picture_stays_behind(tmp_path: Path) -> None:
    data = things.jpeg()
    assert stream(wrapped(tmp_path, "a.jpg", data + b"\xff\xd8 another one")) == data


def test_a_photo_for_printing_is_refused_in_words(tmp_path: Path) -> None:
    import imagecodecs
    cmyk = imagecodecs.jpeg8_encode(np.zeros((8, 8, 4), np.uint8), colorspace="CMYK",
                                      outcolorspace="CMYK")
    with pytest.raises(UnsupportedError, match="CMYK"):
        facts(tmp_path, cmyk)


def test_a_cut_photo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="cut off"):
        facts(tmp_path, things.jpeg()[:-30])


@pytest.mark.parametrize(("samples", "sop_class", "photometric"), [
    (things.photo(), VL_PHOTO, "RGB"),
    (things.photo()[..., 0].copy(), VL_PHOTO, "MONOCHROME2"),
    (things.photo()[..., 0].astype(np.uint16) * 257, SC, "MONOCHROME2"),
])
def test_a_png_keeps_every_sample(tmp_path: Path, samples: Any, sop_class: str,
                                  photometric: str) -> None:
    import imagecodecs
    made = wrapped(tmp_path, "a.png", imagecodecs.png_encode(samples))
    assert (made.pixel_array == samples).all()
    assert (made.SOPClassUID, made.PhotometricInterpretation) == (sop_class, photometric)
    assert made.LossyImageCompression == "00"


def test_transparency_is_left_out_and_said(tmp_path: Path) -> None:
    import imagecodecs
    samples = np.dstack([things.photo(), np.full((24, 40), 9, np.uint8)])
    found = facts(tmp_path, imagecodecs.png_encode(samples))
    assert isinstance(found, PictureFacts) and "transparency" in found.notes[0]


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_the_pages_of_a_scan_become_frames(tmp_path: Path, compression: int) -> None:
    pages = [things.photo()[..., one].copy() for one in range(3)]
    made = wrapped(tmp_path, "a.tif", things.tiff(*pages, compression=compression))
    assert made.SOPClassUID.name.startswith("Multi-frame Grayscale Byte")
    assert (made.NumberOfFrames, made.PageNumberVector) == (3, [1, 2, 3])
    assert (made.pixel_array == np.stack(pages)).all()


def test_a_fax_of_one_bit_is_black_on_white(tmp_path: Path) -> None:
    bits = np.packbits(things.photo()[:, :, 0] > 60, axis=1)
    made = wrapped(tmp_path, "a.tif", things.tiff(bits, photometric=0, bits=1))
    assert (made.pixel_array == np.where(np.unpackbits(bits, axis=1), 0, 255)).all()


def test_a_fax_of_group_4_is_black_on_white(tmp_path: Path) -> None:
    page = np.zeros((2, 2), np.uint8)
    made = wrapped(tmp_path, "a.tif", things.tiff(page, compression=4, photometric=0, bits=1))
    assert (made.pixel_array == [[255] * 8 + [0] * 8] * 2).all()


def test_a_scan_that_was_compressed_as_jpeg_says_so(tmp_path: Path) -> None:
    scan = things.photo(32, 48)
    made = wrapped(tmp_path, "a.tif", things.tiff(scan, compression=7, photometric=6))
    assert np.abs(made.pixel_array.astype(int) - scan).mean() < 8
    assert (made.LossyImageCompression, made.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def test_pages_of_different_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="different sizes"):
        facts(tmp_path, things.tiff(things.photo(), things.photo(8, 8)))


def test_pages_that_form_a_loop_end(tmp_path: Path) -> None:
    data = bytearray(things.tiff(things.photo(8, 8)))
    data[-4:] = data[4:8]
    with pytest.raises(DamagedError, match="loop"):
        facts(tmp_path, bytes(data))


def test_a_report_is_kept_whole(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.pdf", things.PDF, DocumentTitle="Report", ConversionType="WSD")
    assert made.EncapsulatedDocument[:made.EncapsulatedDocumentLength] == things.PDF
    assert (made.MIMETypeOfEncapsulatedDocument, made.Modality) == ("application/pdf", "DOC")
    assert (made.DocumentTitle, made.ConversionType) == ("Report", "WSD")


def test_a_model_is_kept_whole(tmp_path: Path) -> None:
    made = wrapped(tmp_path, "a.stl", things.STL)
    assert made.EncapsulatedDocument == things.STL
    assert made.SOPClassUID.name == "Encapsulated STL Storage"


@pytest.mark.parametrize(("data", "error", "words"), [
    (b"", DamagedError, "empty"),
    (b"solid x\nfacet normal 0 0 0\n", UnsupportedError, "text STL"),
    (things.PDF[:-10], DamagedError, "cut off"),
])
def test_what_cannot_be_wrapped_says_why(tmp_path: Path, data: bytes, error: type[Exception],
                                         words: str) -> None:
    with pytest.raises(error, match=words):
        facts(tmp_path, data)


def test_answers_of_a_child_are_checked() -> None:
    good = PictureFacts("png", 1, 1, 1, 1, 8, 8, "RGB", "1.2", ((0, 2),)).as_json()
    assert PictureFacts.from_json(good).places == ((0, 2),)
    for name, bad in {"rows": -1, "kind": 5, "places": [[0, -3]], "frames": True}.items():
        with pytest.raises(TypeError):
            PictureFacts.from_json(good | {name: bad})
    with pytest.raises(KeyError):
        facts_from_json({"what": "program"})
    assert facts_from_json({"what": "document", "kind": "pdf"}) == DocumentFacts("pdf")


def test_a_profile_that_lies_is_left_out() -> None:
    from mediasvc.media.foreign.picture_jpeg import icc_text
    profile = things.icc()
    assert base64.b64decode(icc_text(profile)) == profile
    assert not icc_text(profile + b"x")
