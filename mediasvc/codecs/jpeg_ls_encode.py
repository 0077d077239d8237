"""Writing JPEG-LS with the default parameters (T.87 annexes A and C): the container half. The
arithmetic is in `jpeg_ls_encode_kernel`, with an error in `jpeg_ls_encode_near_kernel`. Colour is
interleaved by sample."""

from __future__ import annotations

import struct
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array
from mediasvc.codecs.jpeg_ls_quantizer import quantizer
from mediasvc.codecs.jpeg_ls_stream import BY_COMPONENT, BY_SAMPLE, default_thresholds
from mediasvc.codecs.jpeg_stream import EOI, LSE, SOF_LS, SOI, SOS
from mediasvc.codecs.samples import code_bits, to_codes
from mediasvc.model import FrameSpec

#: Above so many bits old readers take other defaults, so the stream says them (as CharLS does).
_CERTAIN = 12
_RESET = 64


def encode(array: Array, spec: FrameSpec) -> bytes:
    """One frame of 8 or 16 bits allocated, as `samples.code_bits` wants it. Raises
    UnsupportedError when a cell uses bits above Bits Stored."""
    return encode_codes(np.ascontiguousarray(to_codes(array, spec)), code_bits(spec))


def encode_codes(codes: NDArray[np.unsignedinteger], precision: int, near: int = 0) -> bytes:
    """Codes of ``precision`` bits (2 to 16), uint8 or uint16, shape (rows, columns) or (rows,
    columns, components), as a whole stream, each with an error of up to ``near``."""
    from mediasvc.codecs.jpeg_ls_bits import stuff

    rows, columns, *more = codes.shape
    step = more[0] if more else 1
    space, bits = _bits(codes, step, precision, near)
    out = np.empty(bits // 7 + 32, np.uint8)
    length = stuff(space, bits, out)
    header = _header(rows, columns, step, precision, near)
    return b"".join([header, out[:length].data, _marker(EOI)])


def _bits(codes: NDArray[np.unsignedinteger], step: int, precision: int, near: int,
          ) -> tuple[NDArray[np.uint8], int]:
    """The entropy-coded bits, and how many they are."""
    from mediasvc.codecs.jpeg_ls_encode_kernel import TOGETHER
    from mediasvc.codecs.jpeg_ls_writer import LONGEST, RUNS

    rows, columns = codes.shape[:2]
    octets = codes.reshape(-1).view(np.uint8).reshape(rows, -1)
    together = 1 if near else max(1, min(rows, TOGETHER // (columns * step)))
    scan = _near_scan if near else partial(_scan, together)
    room = codes.nbytes + codes.nbytes // 4 + (together + 1) * (columns * step * LONGEST + RUNS)
    while True:
        space = np.empty(room, np.uint8)
        bits = scan(octets, step, (columns + 2) * step, precision, near, space)
        if bits >= 0:
            return space, bits
        room *= 2  # noise grows


def _scan(together: int, octets: NDArray[np.uint8], step: int, width: int, precision: int,
          near: int, space: NDArray[np.uint8]) -> int:
    from mediasvc.codecs.jpeg_ls_contexts import NARROW
    from mediasvc.codecs.jpeg_ls_encode_kernel import ITEMS, encode_scan
    from mediasvc.codecs.jpeg_ls_lanes import DESK
    from mediasvc.codecs.lanes import LANES

    lines = np.zeros((2, width), np.int16 if precision <= NARROW else np.int32)
    thresholds = np.array(default_thresholds((1 << precision) - 1, near), np.int64)
    samples = width - 2 * step
    return int(encode_scan(
        octets, step, precision, together, thresholds, lines, np.zeros(DESK, np.int32),
        np.empty((2, samples), np.int32), np.empty((3, together * samples * ITEMS + 1), np.int32),
        np.empty(together * samples * (LANES + ITEMS) + 1, np.int32), space))


def _near_scan(octets: NDArray[np.uint8], step: int, width: int, precision: int, near: int,
               space: NDArray[np.uint8]) -> int:
    from mediasvc.codecs.jpeg_ls_encode_near_kernel import encode_near_scan
    from mediasvc.codecs.jpeg_ls_lines import BOX
    from mediasvc.codecs.jpeg_ls_writer import BOX as CODES

    maxval = (1 << precision) - 1
    kinds = default_thresholds(maxval, near)
    return int(encode_near_scan(
        octets, step, precision, np.array([*kinds, _RESET, near], np.int64),
        np.zeros((3, width), np.int32), np.zeros(BOX, np.int32), quantizer(maxval, near, *kinds),
        np.zeros(CODES, np.int32), space))


def _header(rows: int, columns: int, components: int, precision: int, near: int) -> bytes:
    """Everything before the first entropy-coded byte (T.87 C.2)."""
    names = bytes(range(1, components + 1))
    frame = struct.pack(">BHHB", precision, rows, columns, components)
    maxval = (1 << precision) - 1
    presets = struct.pack(">B5H", 1, maxval, *default_thresholds(maxval, near), _RESET)
    interleave = BY_SAMPLE if components > 1 else BY_COMPONENT
    return b"".join([
        _marker(SOI),
        _segment(SOF_LS, frame + b"".join(bytes([name, 0x11, 0]) for name in names)),
        _segment(LSE, presets) if precision > _CERTAIN else b"",
        _segment(SOS, bytes([components]) + b"".join(bytes([name, 0]) for name in names)
                 + bytes([near, interleave, 0])),
    ])


def _marker(code: int) -> bytes:
    return bytes([0xFF, code])


def _segment(code: int, body: bytes) -> bytes:
    return _marker(code) + struct.pack(">H", 2 + len(body)) + body
