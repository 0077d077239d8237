"""Pixels of one bit: decoded from RLE, Deflated Image Frame and JPEG 2000, refused elsewhere."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pack_bits, unpack_bits
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from mediasvc.codecs.one_bit import Packer, as_bytes
from mediasvc.codecs.rle_frame import encode
from mediasvc.codecs.table import codec
from mediasvc.dicom.pieces import assemble
from mediasvc.errors import DamagedError, MediasvcError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding.proof import prove
from samples.synthesis import instance, to_bytes

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"


def spec(rows: int, columns: int) -> FrameSpec:
    return FrameSpec(rows, columns, 1, 1, 1, 0, 0, "MONOCHROME2")


def mask(rows: int, columns: int, frames: int = 1, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (frames, rows, columns), np.uint8)


def rle(packed: bytes) -> bytes:
    return encode(np.frombuffer(packed, np.uint8).reshape(1, -1))


def deflated(packed: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(packed) + stream.flush()


def j2k(frame: np.ndarray) -> bytes:
    from imagecodecs import jpeg2k_encode
    return bytes(jpeg2k_encode(frame, codecformat="J2K", bitspersample=1, reversible=True))


def segmentation(pixels: np.ndarray, syntax: str) -> FileDataset:
    """As others write it: each frame packed by itself (highdicom, pydicom's samples)."""
    frames, rows, columns = pixels.shape
    ds = instance(1, SOPClassUID=SEGMENTATION, Rows=rows, Columns=columns, BitsAllocated=1,
                  BitsStored=1, HighBit=0, PixelRepresentation=0,
                  NumberOfFrames=str(frames), PixelData=b"")
    ds.file_meta.MediaStorageSOPClassUID = SEGMENTATION
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRLittleEndian:
        ds.PixelData = pack_bits(pixels)
        return ds
    parts = [j2k(frame) if syntax == JPEG2000Lossless else
             (rle if syntax == RLELossless else deflated)(pack_bits(frame, pad=False))
             for frame in pixels]
    ds.PixelData = encapsulate(parts)
    ds["PixelData"].VR = "OB"
    return ds


def file_of(ds: FileDataset) -> bytes:
    """pydicom 3.0 does not know Deflated Image Frame, which is written as RLE is."""
    if ds.file_meta.TransferSyntaxUID != DEFLATED_FRAME:
        return to_bytes(ds)
    ds.file_meta.TransferSyntaxUID = RLELossless
    data = bytearray(to_bytes(ds))
    old, new = (b"\x02\0\x10\0UI" + len(uid).to_bytes(2, "little") + uid for uid in (
        RLELossless.encode() + b"\0", DEFLATED_FRAME.encode() + b"\0"))
    assert data.count(old) == 1
    data[140:144] = (int.from_bytes(data[140:144], "little") + 2).to_bytes(4, "little")
    return bytes(data.replace(old, new))


def transcoded(ds: FileDataset) -> FileDataset:
    return transcoded_file(file_of(ds))


def transcoded_file(raw: bytes) -> FileDataset:
    data = memoryview(raw)
    done = transcode_instance(data, "explicit")
    new = b"".join(assemble(data, done.pieces))
    prove(data, memoryview(new), done)
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(new))


@pytest.mark.parametrize("syntax", [RLELossless, DEFLATED_FRAME, JPEG2000Lossless])
@pytest.mark.parametrize("shape", [(3, 16, 16), (3, 5, 7), (1, 33, 31), (9, 3, 3)])
def test_compressed_bits_become_the_native_bits_that_pydicom_packs(
        syntax: str, shape: tuple[int, int, int]) -> None:
    pixels = mask(shape[1], shape[2], shape[0]) if syntax != JPEG2000Lossless else np.tril(
        np.ones(shape, np.uint8))
    new = transcoded(segmentation(pixels, syntax))
    assert new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert new.PixelData == segmentation(pixels, ExplicitVRLittleEndian).PixelData
    assert np.array_equal(new.pixel_array.reshape(shape), pixels)


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_bits_of_a_big_endian_file_go_onto_discs_too(vr: str) -> None:
    pixels = mask(5, 7, 3)
    ds = segmentation(pixels, ExplicitVRLittleEndian)
    little = ds.PixelData
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds["PixelData"].VR = vr
    if vr == "OW":  # words, the first pixels in the low byte of each (PS3.5 8.1.1)
        ds.PixelData = np.frombuffer(little, "<u2").astype(">u2").tobytes()
    new = transcoded(ds)
    assert new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert new.PixelData == little
    assert np.array_equal(new.pixel_array.reshape(pixels.shape), pixels)


def test_big_endian_bits_that_are_no_whole_words_are_refused() -> None:
    ds = segmentation(mask(8, 8), ExplicitVRLittleEndian)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds["PixelData"].VR = "OW"
    data = to_bytes(ds)
    head = b"\x7f\xe0\0\x10OW\0\0"
    at = data.index(head) + len(head)
    with pytest.raises(MediasvcError):
        transcoded_file(data[:at] + (7).to_bytes(4, "big") + data[at + 4:at + 11])


def test_floating_point_pixels_of_a_big_endian_file_go_onto_discs_too() -> None:
    pixels = np.linspace(-1, 1, 64, dtype="<f4")
    ds = instance(1, Rows=8, Columns=8, BitsAllocated=32)
    del ds.PixelData
    ds.FloatPixelData = pixels.astype(">f4").tobytes()
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    assert transcoded(ds).FloatPixelData == pixels.tobytes()


@pytest.mark.parametrize("uid", [RLELossless, DEFLATED_FRAME])
@pytest.mark.parametrize("which", ["first", "second"])
def test_two_code_bases_see_the_same_bits(uid: str, which: str) -> None:
    pixels = mask(13, 11)[0]
    frame = (rle if uid == RLELossless else deflated)(pack_bits(pixels, pad=False))
    assert np.array_equal(codec(uid).decode(frame, spec(13, 11), which), pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize("uid", [RLELossless, DEFLATED_FRAME])
def test_a_frame_of_another_size_is_damage(uid: str) -> None:
    wrap = rle if uid == RLELossless else deflated
    for size in (17, 19):
        with pytest.raises(DamagedError):
            codec(uid).decode(wrap(bytes(size)), spec(13, 11))
    with pytest.raises(DamagedError):
        codec(uid).decode(wrap(b"\xff" * 18), spec(13, 11))  # one bit behind the last pixel


@pytest.mark.parametrize("change", [
    {"photometric_interpretation": "PALETTE COLOR"}, {"pixel_representation": 1},
    {"samples_per_pixel": 3, "photometric_interpretation": "RGB"}, {"bits_stored": 2}])
def test_other_pixels_of_one_bit_are_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(UnsupportedError, match="one bit per pixel"):
        codec(RLELossless).decode(b"", replace(spec(4, 4), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["rle", "jpll", "j2k", "jls", "htj2k", "jxl"])
def test_no_encoder_takes_them(target: str) -> None:
    data = memoryview(file_of(segmentation(mask(8, 8), DEFLATED_FRAME)))
    with pytest.raises(UnsupportedError, match="one bit per pixel"):
        transcode_instance(data, target)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000))
def test_frames_follow_each_other_without_a_gap(frames: int, rows: int, columns: int,
                                                seed: int) -> None:
    pixels, packer = mask(rows, columns, frames, seed), Packer()
    data = b"".join(packer.add(frame) for frame in pixels) + packer.rest()
    assert np.array_equal(unpack_bits(data)[:pixels.size].reshape(pixels.shape), pixels)
    assert as_bytes(spec(rows, columns)).samples == -(-rows * columns // 8)


@pytest.mark.parametrize("name", [
    "deflate", "rle", "j2k", "nonbyte_aligned_deflate", "nonbyte_aligned_rle"])
def test_real_segmentations_become_their_native_twins(real_data: Path, name: str) -> None:
    folder = real_data / "objects"
    twin = folder / ("liver_nonbyte_aligned.dcm" if "nonbyte" in name else "liver.dcm")
    new = transcoded_file((folder / f"liver_{name}.dcm").read_bytes())
    assert new.PixelData == pydicom.dcmread(twin).PixelData
