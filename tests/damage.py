"""Streams of every codec and what may happen to them: for `scripts/fuzz_codecs`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np

from mediasvc.codecs.codec import Array, Codec, Frame, dtype_of
from mediasvc.codecs.samples import from_codes
from mediasvc.codecs.table import codec
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard import transfer_syntaxes as ts
from tests.corners import samples_of

ROWS, COLUMNS = 32, 41
KINDS = (
    FrameSpec(ROWS, COLUMNS, 1, 8, 8, 7, 0, "MONOCHROME2"),
    FrameSpec(ROWS, COLUMNS, 1, 16, 12, 11, 0, "MONOCHROME2"),
    FrameSpec(ROWS, COLUMNS, 1, 16, 16, 15, 1, "MONOCHROME2"),
    FrameSpec(ROWS, COLUMNS, 3, 8, 8, 7, 0, "RGB"),
)
#: What a header or an entropy coder may stumble over.
BITS = (b"\xff\xff", b"\0\0", b"\xff\xd9", b"\xff\xd8", b"\xff\xda", b"\xff\xd0", b"\xff\x7f",
        b"\xff\x4f", b"\x7f\xff\xff\xff", b"\x80", b"\x81", b"\xff\x00", b"\0\0\0\0\0\0\0\0")
HEADER = 100


class Stream(NamedTuple):
    """A good frame: its bytes, its attributes, and the samples that are in it."""

    data: bytes
    spec: FrameSpec
    samples: Array


@cache
def streams(uid: str) -> tuple[Stream, ...]:
    """Good frames of one transfer syntax."""
    chosen = codec(uid)
    found = [Stream(data, spec, chosen.decode(data, spec)) for data, spec in _encoded(chosen)]
    assert found, f"no stream of {chosen.name}"
    return tuple(found)


def _encoded(chosen: Codec) -> Iterator[tuple[bytes, FrameSpec]]:
    encoder = chosen.lossless or chosen.lossy
    for spec in KINDS:
        for pattern in ("phantom", "noise"):
            array = samples_of(spec, pattern)
            if encoder and not encoder.refusal(spec):
                dial = encoder.control.default or encoder.control.best if encoder.control else None
                if chosen.lossy:
                    array = array // 2
                yield encoder.encode(array, spec, dial), encoder.stored(spec)
            if chosen.uid == ts.JPEG_LOSSLESS:
                yield from _other_predictors(array, spec)
    if chosen.uid in (ts.JPEG_SPECTRAL, ts.JPEG_PROGRESSIVE, ts.JPEG_XL_JPEG):
        yield from _golden(chosen.uid)


def _other_predictors(array: Array, spec: FrameSpec) -> Iterator[tuple[bytes, FrameSpec]]:
    colour = "RGB" if spec.samples_per_pixel == 3 else None
    for predictor in (4, 6, 7) if not spec.pixel_representation else ():
        yield bytes(imagecodecs.jpeg8_encode(
            array, lossless=True, predictor=predictor, bitspersample=spec.bits_stored,
            colorspace=colour, outcolorspace=colour)), spec


def _golden(uid: str) -> Iterator[tuple[bytes, FrameSpec]]:
    import json

    folder = Path(__file__).resolve().parent / "golden"
    for row in json.loads((folder / "frames.json").read_text()):
        if row["uid"] == uid:
            yield (folder / row["file"]).read_bytes(), FrameSpec(**row["spec"])


def damaged(data: bytes, dice: random.Random) -> bytes:
    """One to four accidents; what comes out may be sound by chance."""
    broken = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(min(HEADER, len(broken)) if dice.random() < 0.3 else len(broken))
        kind = dice.randrange(8)
        if kind < 3:
            broken[at] ^= 1 << dice.randrange(8)
        elif kind == 3:
            broken[at] = dice.randrange(256)
        elif kind == 4:
            piece = dice.choice(BITS)
            broken[at:at + len(piece)] = piece
        elif kind == 5:
            del broken[at:at + dice.randint(1, 40)]
        elif kind == 6:
            broken[at:at] = dice.randbytes(dice.randint(1, 20))
        else:
            del broken[at:]
        if not broken:
            return b"\0"
    return bytes(broken)


def _rle(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs import rle_frame, rle_reference

    return rle_reference.decode_segments(frame, rle_frame.segment_bounds(frame, spec), spec)


def _planes(decode: Callable[[Frame], Any]) -> Callable[[Frame, FrameSpec], Array]:
    def twin(frame: Frame, spec: FrameSpec) -> Array:
        from mediasvc.codecs.jpeg_stream import read_jpeg_header

        codes = np.ascontiguousarray(decode(frame).transpose(1, 2, 0))
        return from_codes(codes if spec.samples_per_pixel > 1 else codes[..., 0], spec,
                          read_jpeg_header(frame).precision)
    return twin


def _jxl(frame: Frame, spec: FrameSpec) -> Array:
    from mediasvc.codecs import jpeg_xl_reference

    return jpeg_xl_reference.decode(frame).astype(dtype_of(spec))


def plain_twins() -> dict[str, Callable[[Frame, FrameSpec], Array]]:
    """The plain references beside our kernels, by transfer syntax."""
    from mediasvc.codecs import jpeg_lossless_reference, jpeg_ls_reference

    lossless = _planes(jpeg_lossless_reference.decode)
    return {ts.RLE: _rle, ts.JPEG_LOSSLESS: lossless, ts.JPEG_LOSSLESS_SV1: lossless,
            ts.JPEG_LS: _planes(jpeg_ls_reference.decode),
            ts.JPEG_LS_NEAR: _planes(jpeg_ls_reference.decode), ts.JPEG_XL_LOSSLESS: _jxl}


def twin_says(uid: str, data: bytes, spec: FrameSpec) -> Array | None:
    """What the plain reference makes of a frame, by pixel; None when it refuses."""
    try:
        return plain_twins()[uid](data, replace(spec, planar_configuration=0))
    except (DamagedError, ValueError, IndexError, KeyError):
        return None
