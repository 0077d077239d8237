"""Writing JPEG Lossless, Process 14, Selection Value 1 (T.81 annexes B and H; PS3.5 8.2.1): the
container half. The arithmetic is in `jpeg_lossless_encode_kernel`.

One scan, one Huffman table made for this frame, no point transform, no restart intervals.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array
from mediasvc.codecs.jpeg_stream import APP14, DHT, EOI, SOF_LOSSLESS, SOI, SOS
from mediasvc.codecs.samples import UNSIGNED, UNUSED_BITS, code_bits
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.model import FrameSpec

_PREDICTOR = 1
#: Identifiers that say RGB to every decoder, as the Adobe segment does; others say nothing.
_RGB, _NUMBERS = b"RGB", b"\1\2\3"
_ADOBE_RGB = b"Adobe" + bytes([0, 100, 0, 0, 0, 0, 0])


def encode(array: Array, spec: FrameSpec) -> bytes:
    """One frame of 8 or 16 bits allocated, 1 or 3 samples, as `samples.code_bits` wants it.

    Raises UnsupportedError when a cell uses bits above Bits Stored.
    """
    codes = np.ascontiguousarray(array).view(UNSIGNED[array.dtype.itemsize])
    half = 1 << (spec.bits_stored - 1) if spec.pixel_representation else 0
    return encode_codes(codes, code_bits(spec), rgb=spec.photometric_interpretation == "RGB",
                        stored=spec.bits_stored, offset=half)


def encode_codes(codes: NDArray[np.unsignedinteger], precision: int, *, rgb: bool = False,
                 stored: int = 0, offset: int = 0) -> bytes:
    """Codes of ``precision`` bits (2 to 16), uint8 or uint16, shape (rows, columns) or (rows,
    columns, components), as a whole stream.

    With ``offset`` added, no code may use more than ``stored`` bits (default: ``precision``);
    otherwise raises UnsupportedError. ``rgb`` marks three components as RGB.
    """
    from mediasvc.codecs.huffman_lengths import huffman_code
    from mediasvc.codecs.jpeg_lossless_encode_kernel import CATEGORIES, count_categories, emit

    rows, columns, *more = codes.shape
    components = more[0] if more else 1
    lines = codes.reshape(rows, columns * components)
    counts, lengths, values = np.zeros((3, CATEGORIES), np.int64)
    if count_categories(lines, components, precision, offset, counts) >> (stored or precision):
        raise UnsupportedError(UNUSED_BITS)
    huffman_code(counts, lengths, values)
    bits = int(counts @ (lengths + np.arange(CATEGORIES) % 16))
    out = np.empty(bits // 4 + 128, np.uint8)
    length = emit(lines, components, precision, lengths, values, out)
    if length < 0:
        raise ProofError("the samples changed while they were encoded")
    header = _header(rows, columns, components, precision, rgb, lengths.tolist())
    return b"".join([header, out[:length].data, _marker(EOI)])


def _header(rows: int, columns: int, components: int, precision: int, rgb: bool,
            lengths: list[int]) -> bytes:
    """Everything before the first entropy-coded byte (T.81 B.2)."""
    symbols = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    of_length = bytes(lengths.count(length) for length in range(1, 17))
    names = _RGB if rgb else _NUMBERS
    names = names[:components] if components <= 3 else bytes(range(components))
    frame = struct.pack(">BHHB", precision, rows, columns, components)
    return b"".join([
        _marker(SOI),
        _segment(APP14, _ADOBE_RGB) if rgb else b"",
        _segment(DHT, b"\0" + of_length + bytes(symbol for _, symbol in symbols)),
        _segment(SOF_LOSSLESS, frame + b"".join(bytes([name, 0x11, 0]) for name in names)),
        _segment(SOS, bytes([components]) + b"".join(bytes([name, 0]) for name in names)
                 + bytes([_PREDICTOR, 0, 0])),
    ])


def _marker(code: int) -> bytes:
    return bytes([0xFF, code])


def _segment(code: int, body: bytes) -> bytes:
    return _marker(code) + struct.pack(">H", 2 + len(body)) + body
