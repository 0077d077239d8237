"""What single codecs promise beyond the common contract: headers, order, precision, padding."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from mediasvc.codecs import htj2k, jpeg, jpeg2000, jpeg_xl, native, rle, rle_frame
from mediasvc.codecs.codec import Codec
from mediasvc.codecs.j2k_stream import RPCL, read_j2k_header
from mediasvc.codecs.jpeg_xl_stream import read_jxl_header
from mediasvc.codecs.table import _CODECS, codec, missing
from mediasvc.errors import DamagedError, MediasvcError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from tests.codec_contract import samples_of, spec_of


def encoded(codec: Codec, spec: FrameSpec) -> bytes:
    assert codec.lossless is not None
    return codec.lossless.encode(samples_of(spec), spec, None)


# --- JPEG 2000 and HTJ2K ---

@pytest.mark.parametrize("codec", [jpeg2000.LOSSLESS, htj2k.LOSSLESS], ids=["j2k", "htj2k"])
@pytest.mark.parametrize(("stored", "signed"), [(12, 0), (12, 1), (10, 0), (16, 1), (9, 0)])
def test_wavelet_streams_say_the_stored_bits_and_the_sign(codec: Codec, stored: int,
                                                          signed: int) -> None:
    header = read_j2k_header(encoded(codec, spec_of(40, 50, stored=stored, signed=signed)))
    assert header.precisions == (stored,) and header.signed == (bool(signed),)
    assert header.reversible


@pytest.mark.parametrize("size", [(10, 10), (2048, 300), (300, 2049), (5000, 9)])
def test_rpcl_streams_are_in_the_order_that_202_asks_for(size: tuple[int, int]) -> None:
    header = read_j2k_header(encoded(htj2k.RPCL, spec_of(*size)))
    assert header.progression == RPCL and header.tile_lengths and header.base <= 64


def test_another_order_in_202_is_refused() -> None:
    stream = bytearray(encoded(htj2k.RPCL, spec_of(40, 50)))
    at = stream.index(b"\xff\x52") + 5
    assert stream[at] == RPCL
    stream[at] = 0
    with pytest.raises(DamagedError, match="order"):
        htj2k.RPCL.decode(bytes(stream), spec_of(40, 50))


def test_plain_jpeg_2000_is_not_taken_for_htj2k() -> None:
    with pytest.raises(DamagedError, match="HTJ2K"):
        htj2k.LOSSLESS.decode(encoded(jpeg2000.LOSSLESS, spec_of(40, 50)), spec_of(40, 50))


@pytest.mark.parametrize("codec", [jpeg2000.LOSSLESS, htj2k.LOSSLESS], ids=["j2k", "htj2k"])
def test_the_component_transform_and_the_label_must_agree(codec: Codec) -> None:
    rgb = spec_of(40, 50, samples=3, allocated=8, stored=8, photometric="RGB")
    assert codec.lossless is not None
    stored = codec.lossless.stored(rgb)
    assert stored.photometric_interpretation == "YBR_RCT"
    data = encoded(codec, rgb)
    assert np.array_equal(codec.decode(data, replace(stored, photometric_interpretation="RGB")),
                          samples_of(rgb))
    with pytest.raises(UnsupportedError, match="component transform"):
        codec.decode(data, replace(stored, photometric_interpretation="YBR_FULL"))
    plain = encoded(codec, replace(rgb, photometric_interpretation="YBR_FULL"))
    with pytest.raises(UnsupportedError, match="no component"):
        codec.decode(plain, stored)


def test_jpeg_2000_in_a_jp2_file_is_read() -> None:
    stream = encoded(jpeg2000.LOSSLESS, spec_of(40, 50))
    jp2 = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 16, b"ftyp") + b"jp2 \0\0\0\0"
    jp2 += struct.pack(">I4s", len(stream) + 8, b"jp2c") + stream
    header = read_j2k_header(jp2)
    assert (header.start, header.rows) == (len(jp2) - len(stream), 40)


def test_a_sign_that_only_the_attributes_know_is_believed() -> None:
    """Old encoders wrote signed samples as unsigned bit patterns."""
    spec = spec_of(40, 50, stored=16, signed=1)
    array = samples_of(spec)
    unsigned = replace(spec, pixel_representation=0)
    assert jpeg2000.LOSSLESS.lossless is not None
    data = jpeg2000.LOSSLESS.lossless.encode(array.view(np.uint16), unsigned, None)
    assert np.array_equal(jpeg2000.LOSSLESS.decode(data, spec), array)


def test_small_lossy_jpeg_2000_is_refused_by_name() -> None:
    assert jpeg2000.LOSSY.lossy is not None
    with pytest.raises(UnsupportedError, match="less than 32"):
        jpeg2000.LOSSY.lossy.encode(samples_of(spec_of(16, 16)), spec_of(16, 16), 60)


# --- JPEG XL ---

@pytest.mark.parametrize("size", [(1, 1), (8, 16), (33, 44), (40, 40), (24, 36), (300, 7), (2000,
                                                                                            9)])
@pytest.mark.parametrize("stored", [8, 12, 16])
def test_the_head_of_a_jpeg_xl_stream_is_read_right(size: tuple[int, int], stored: int) -> None:
    spec = spec_of(*size, allocated=8 if stored == 8 else 16, stored=stored)
    header = read_jxl_header(encoded(jpeg_xl.LOSSLESS, spec))
    assert (header.rows, header.columns, header.precision, header.colours) == (*size, stored, 1)
    assert not header.xyb and not header.from_jpeg


def test_signed_samples_are_no_jpeg_xl() -> None:
    assert jpeg_xl.LOSSLESS.lossless is not None
    assert jpeg_xl.LOSSLESS.lossless.refusal(spec_of(signed=1)) == "signed samples"


def test_noise_of_16_bits_does_not_break_the_process() -> None:
    """libjxl 0.11.2 writes past its buffer in effort 1; the child would die."""
    spec = spec_of(256, 256, stored=16)
    array = samples_of(spec, "noise")
    assert jpeg_xl.LOSSLESS.lossless is not None
    data = jpeg_xl.LOSSLESS.lossless.encode(array, spec, None)
    assert np.array_equal(jpeg_xl.LOSSLESS.decode(data, spec), array)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "MONOCHROME2"])
def test_a_packed_jpeg_comes_back_to_the_byte(photometric: str) -> None:
    samples = 1 if photometric == "MONOCHROME2" else 3
    spec = spec_of(64, 80, samples=samples, allocated=8, stored=8, photometric=photometric)
    assert jpeg.BASELINE.lossy is not None
    stream = jpeg.BASELINE.lossy.encode(samples_of(spec), spec, 85)
    packed = jpeg_xl.from_jpeg(stream + b"\0")
    assert jpeg_xl.to_jpeg(packed) == stream
    stored = jpeg.BASELINE.lossy.stored(spec)
    assert np.array_equal(jpeg_xl.RECOMPRESSION.decode(packed, stored),
                          jpeg.BASELINE.decode(stream, stored))


def test_a_jpeg_xl_that_was_no_jpeg_is_refused_in_111() -> None:
    spec = spec_of(allocated=8, stored=8)
    with pytest.raises(DamagedError, match="no JPEG stream"):
        jpeg_xl.RECOMPRESSION.decode(encoded(jpeg_xl.LOSSLESS, spec), spec)


# --- RLE, deflate, uncompressed ---

def test_rle_segments_are_even_and_begin_behind_the_header() -> None:
    data = encoded(rle.CODEC, spec_of(17, 33, stored=16))
    count, *offsets = rle_frame.HEADER.unpack_from(data)
    assert count == 2 and offsets[0] == 64 and not any(offset % 2 for offset in offsets[:2])
    assert offsets[2:] == [0] * 13


def test_rle_runs_do_not_cross_rows() -> None:
    """PS3.5 G.3.1: each row is encoded by itself."""
    spec = spec_of(4, 200, allocated=8, stored=8)
    assert rle.CODEC.lossless is not None
    data = rle.CODEC.lossless.encode(np.zeros((4, 200), np.uint8), spec, None)
    assert data[64:72] == bytes([0x81, 0, 0xB9, 0]) * 2


@pytest.mark.parametrize("change", [
    lambda data: struct.pack("<I", 3) + data[4:],
    lambda data: data[:4] + struct.pack("<I", 9999999) + data[8:],
    lambda data: data[:8] + struct.pack("<I", 60) + data[12:],
    lambda data: data[:70],
    lambda data: data + b"\x05abcdef",
], ids=["count", "offset", "order", "cut", "more"])
def test_an_rle_header_that_lies_is_refused(change: object) -> None:
    data = encoded(rle.CODEC, spec_of(17, 33, stored=16))
    with pytest.raises(DamagedError):
        rle.CODEC.decode(change(data), spec_of(17, 33, stored=16))  # type: ignore[operator]


def test_a_deflated_frame_may_not_grow_beyond_its_image() -> None:
    """A bomb is noticed after one byte too many."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = stream.compress(bytes(50 << 20)) + stream.flush()
    for which in ("first", "second"):
        with pytest.raises(DamagedError):
            native.DEFLATED.decode(bomb, spec_of(), which)


def test_an_odd_uncompressed_frame_is_padded_and_unpadded() -> None:
    spec = spec_of(3, 3, allocated=8, stored=8)
    array = samples_of(spec)
    assert np.array_equal(native.UNCOMPRESSED.decode(array.tobytes() + b"\0", spec), array)
    with pytest.raises(DamagedError):
        native.UNCOMPRESSED.decode(array.tobytes() + b"\0\0", spec)


# --- the table ---

def test_every_transfer_syntax_has_a_codec_or_a_reason() -> None:
    for uid, row in TRANSFER_SYNTAXES.items():
        if row.form == "native":
            assert not missing(uid)
        elif uid in _CODECS:
            assert codec(uid).uid == uid
        else:
            assert missing(uid)
            with pytest.raises(UnsupportedError, match=":"):
                codec(uid)
    assert "does not know" in missing("1.2.3")


@pytest.mark.parametrize("uid", _CODECS)
def test_garbage_is_an_error_of_ours_in_every_codec(uid: str) -> None:
    for data in (b"", b"\0", b"\xff\xd8\xff\xd9", b"\xff\x4f\xff\x51\0\2", b"\xff\x0a", bytes(500)):
        for spec in (spec_of(), spec_of(samples=3, allocated=8, stored=8, photometric="RGB")):
            with pytest.raises(MediasvcError):
                codec(uid).decode(data, spec)
