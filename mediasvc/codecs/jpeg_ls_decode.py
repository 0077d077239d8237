"""Reading JPEG-LS (T.87): the container half. Scans of one component or interleaved by sample, with
values that use their whole precision, go through `jpeg_ls_decode_kernel`; for all
others, which are rare, `jpeg_ls_reference` is quick enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs import jpeg_ls_reference, jpeg_stream
from mediasvc.codecs.codec import Array, Frame
from mediasvc.codecs.jpeg_ls_quantizer import quantizer
from mediasvc.codecs.jpeg_ls_stream import (
    BY_LINE,
    Parameters,
    parameters,
    preset_of,
    read_frame_header,
    scan_of,
)
from mediasvc.codecs.samples import from_codes
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec

#: With this RESET the sums of a context stay within 32 bits.
_MOST_RESET = 1 << 12


def decode(frame: Frame, spec: FrameSpec) -> Array:
    """The samples of one frame, as `codec.Decoder` wants them. Raises DamagedError and
    UnsupportedError. The header must have been compared with ``spec``."""
    codes, precision = decode_codes(frame)
    return from_codes(codes, spec, precision)


def decode_codes(frame: Frame) -> tuple[NDArray[np.unsignedinteger], int]:
    """The codes of one frame and their precision: uint8 up to 8 bits, else uint16, shape (rows,
    columns) or (rows, columns, components). Raises DamagedError and UnsupportedError."""
    header = read_frame_header(frame)
    dtype = np.uint8 if header.precision <= 8 else np.uint16
    out = np.empty((header.rows, header.columns, len(header.components)), dtype)
    if not header.rows or not header.columns or not header.components:
        raise DamagedError("the JPEG-LS stream has no samples")
    left, at, preset = set(header.identifiers), 0, b""
    while left:
        rows = jpeg_stream.segments(memoryview(frame), at)
        if rows[-1].marker != jpeg_stream.SOS:
            raise DamagedError("the JPEG-LS stream ends before its last component")
        preset = preset_of(rows, preset)
        numbers, near, interleave = scan_of(rows[-1].body, header)
        chosen = parameters(preset, header.precision, near)
        if not _plain(chosen, header.precision, numbers, interleave):
            planes = jpeg_ls_reference.decode(frame).astype(dtype, copy=False)
            out = np.ascontiguousarray(planes.transpose(1, 2, 0))
            break
        at = _scan(frame, rows[-1].end, numbers, header.precision, near, chosen, out)
        left -= {header.identifiers[number] for number in numbers}
    return (out if len(header.components) > 1 else out[..., 0]), header.precision


def _plain(chosen: Parameters, precision: int, numbers: list[int], interleave: int) -> bool:
    """Whether the kernel takes this kind of scan."""
    in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return (len(numbers) in (1, 3) and interleave != BY_LINE
            and in_order and chosen.reset <= _MOST_RESET and chosen.maxval == (1 << precision) - 1)


def _scan(frame: Frame, start: int, numbers: list[int], precision: int, near: int,
          chosen: Parameters, out: NDArray[np.unsignedinteger]) -> int:
    """Decode one scan into its components' places in ``out``; the position behind it."""
    from mediasvc.codecs.jpeg_ls_bits import SLACK
    from mediasvc.codecs.jpeg_ls_decode_kernel import decode_near_scan, decode_scan
    from mediasvc.codecs.jpeg_ls_lines import BOX

    kernel = decode_near_scan if near else decode_scan
    rows, columns, components = out.shape
    kinds = (chosen.t1, chosen.t2, chosen.t3)
    end = int(kernel(
        np.frombuffer(frame, np.uint8), start, numbers[0], components, len(numbers), precision,
        np.array([*kinds, chosen.reset, near], np.int64),
        np.zeros((2, (columns + 2) * len(numbers)), np.int32), np.zeros(BOX, np.int32),
        quantizer(chosen.maxval, near, *kinds), np.empty(len(frame) - start + 2 * SLACK, np.uint8),
        out.view(np.uint8).reshape(rows, -1)))
    if end < 0:
        raise DamagedError("the JPEG-LS scan is damaged")
    return end
