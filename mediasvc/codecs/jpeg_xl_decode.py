"""Reading the JPEG XL streams that libjxl writes at effort 1 (`jpeg_xl_fields`): the container
half. The arithmetic is in `jpeg_xl_kernel`. Everything else of JPEG XL is refused by name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediasvc.codecs.codec import Array, Frame, dtype_of, shape_of
from mediasvc.codecs.jpeg_xl_fields import (
    CODES,
    FRAME,
    GLOBAL,
    GROUP,
    METADATA,
    MOST_COLOURS,
    OTHER_CODES,
    OTHER_FIELD,
    OTHER_SECTIONS,
    OTHER_TRANSFORMS,
    SYMBOLS,
)
from mediasvc.codecs.jpeg_xl_stream import HEAD, Bits, JxlHeader, read_jxl_header
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec

#: Transfer functions of the two colour encodings: of up to 8 bits, of more (E.2).
_SRGB, _LINEAR = 13, 8
#: Signature, file type, level 10, before the box of the codestream (18181-2 annex A).
_BOXES = (b"\0\0\0\x0cJXL \r\n\x87\n" b"\0\0\0\x14ftypjxl \0\0\0\0jxl " b"\0\0\0\x09jxll\x0a")
#: What the kernel says besides `GLOBAL`.
_REASONS = {OTHER_CODES: "prefix codes", OTHER_TRANSFORMS: "transforms",
            OTHER_SECTIONS: "low-frequency groups"}
_OTHER = "a JPEG XL stream not of the family of libjxl's effort 1: {}"


def decode(frame: Frame, spec: FrameSpec) -> Array:
    """The samples of one frame, as `codec.Decoder` wants them.

    Raises DamagedError, and UnsupportedError with what is not of the family. The header must have
    been compared with ``spec``.
    """
    header = read_jxl_header(frame)
    data = codestream(frame, header)
    if spec.bits_allocated > 16:
        raise other("32 bits")
    bits = min(header.precision, spec.bits_stored)
    sections = read_head(bytes(data[:HEAD]), header)
    out = np.empty(shape_of(spec), dtype_of(spec))
    end = _decoded(data, sections, header, bits, out)
    if bytes(data[end:]).strip(b"\0"):
        raise other("bytes behind the frame")
    return out


def codestream(frame: Frame, header: JxlHeader) -> memoryview:
    """Without the boxes that more than 12 bits come in. Raises UnsupportedError for others."""
    view = memoryview(frame)
    if header.xyb or not header.end:
        raise other("XYB" if header.xyb else "codestream in parts")
    before, behind = bytes(view[:header.start]), bytes(view[header.end:])
    if (before and before[:-8] != _BOXES) or behind.strip(b"\0"):
        raise other("boxes")
    return view[header.start:header.end]


def other(what: str) -> UnsupportedError:
    """Names what is not of the family."""
    return UnsupportedError(_OTHER.format(what))


def read_head(head: bytes, header: JxlHeader) -> int:
    """The byte of the codestream that its table of contents begins with. Raises DamagedError, and
    UnsupportedError where another field is not of the family."""
    if not header.colour:
        raise other("extra fields")
    bits = Bits(head)
    bits.take(header.colour)
    _expect_colour(bits, header.colours)
    for fields in (METADATA, FRAME):
        for field in fields:
            if bits.take(field.bits) != field.value:
                raise other(field.name)
        if bits.take(bits.left % 8):
            raise other("padding")
    return len(head) - bits.left // 8


def _expect_colour(bits: Bits, colours: int) -> None:
    """Grey or sRGB primaries, sRGB or linear (E.2): no profile that would have to be applied."""
    if bits.take(1):  # sRGB
        return
    enums = (1, 1) if colours == 1 else (0, 1, 1)  # colour space, D65, primaries
    said = (bits.take(1), *(_enum(bits) for _ in enums), bits.take(1))
    if said != (0, *enums, 0) or _enum(bits) not in (_SRGB, _LINEAR) or _enum(bits) != 1:
        raise other("colour encoding")


def _enum(bits: Bits) -> int:
    return bits.u32((0, 0), (1, 0), (2, 4), (18, 6))


def _decoded(data: memoryview, sections: int, header: JxlHeader, bits: int,
             out: NDArray[np.generic]) -> int:
    """Decode values of ``bits`` bits into ``out``; the first byte behind the frame."""
    from mediasvc.codecs.jpeg_xl_codes import SIZE, SLACK
    from mediasvc.codecs.jpeg_xl_kernel import read_global, read_groups

    padded = np.empty(len(data) + SLACK, np.uint8)
    padded[:len(data)] = data
    padded[len(data):] = 0
    samples = header.colours
    tables, lengths = np.zeros((CODES, SIZE), np.int64), np.zeros(SYMBOLS, np.int64)
    palette = np.empty((1, samples, MOST_COLOURS), np.int64)
    found = read_global(padded, len(data), 8 * sections, header.rows, header.columns, samples,
                        palette, tables, lengths)
    _require(found[0])
    group = samples, min(header.rows, GROUP), min(header.columns, GROUP)
    end = read_groups(padded, *found, header.rows, header.columns, samples, (1 << bits) - 1,
                      out.itemsize, np.empty(group, np.int64), palette, tables,
                      out.view(np.uint8).reshape(header.rows, -1))
    _require(end)
    return int(end)


def _require(answer: int) -> None:
    """Raise what a number below 0 means."""
    if answer <= OTHER_FIELD:
        raise other(GLOBAL[OTHER_FIELD - answer].name)
    if answer in _REASONS:
        raise other(_REASONS[answer])
    if answer < 0:
        raise DamagedError("the JPEG XL stream is damaged")
