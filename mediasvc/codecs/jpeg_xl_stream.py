"""Size and depth from the head of a JPEG XL stream (ISO/IEC 18181-1 annexes A and D)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mediasvc.codecs.codec import Frame
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec

_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
#: xsize as a fraction of ysize for the ratio codes 1 to 7 (table D.2).
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
#: Bytes that the head of a codestream may take: it is a few dozen bits long.
HEAD = 64


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """``start`` and ``end`` of the codestream in the frame, 0 and 0 where it stands in several
    boxes; ``colour`` is the bit of it that its colour encoding begins with, 0 where more than usual
    stands behind that."""

    rows: int
    columns: int
    precision: int
    colours: int
    xyb: bool
    from_jpeg: bool
    start: int = 0
    end: int = 0
    colour: int = 0


class Bits:
    """Bits from the least significant one on (annex B)."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), len(data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise DamagedError("the JPEG XL stream ends inside its header")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value

    @property
    def left(self) -> int:
        return self._left

    def u32(self, *choices: tuple[int, int]) -> int:
        """One of four (offset, bits)."""
        offset, bits = choices[self.take(2)]
        return offset + self.take(bits)


def read_jxl_header(frame: Frame) -> JxlHeader:
    """Raises DamagedError, or UnsupportedError for float samples and animations."""
    head, start, end, from_jpeg = _codestream(memoryview(frame))
    if head[:2] != b"\xff\x0a":
        raise DamagedError("the frame does not begin like a JPEG XL stream")
    bits = Bits(head[2:])
    rows, columns = _size(bits)
    if bits.take(1):  # all_default: 8 bits, sRGB, XYB
        return JxlHeader(rows, columns, 8, 3, True, from_jpeg)
    extra = bits.take(1)
    if extra:
        _extra_fields(bits)
    precision = _depth(bits)
    bits.take(1)  # modular_16bit_buffers
    if bits.u32((0, 0), (1, 0), (2, 4), (1, 12)):
        raise UnsupportedError("JPEG XL with extra channels")
    xyb = bool(bits.take(1))
    colour = 0 if extra else 8 * len(head) - bits.left
    return JxlHeader(rows, columns, precision, _colours(bits), xyb, from_jpeg, start, end, colour)


def _codestream(data: memoryview) -> tuple[bytes, int, int, bool]:
    """(the first bytes of the codestream, where it begins and ends if that is one place, whether a
    JPEG can be rebuilt); annex A of 18181-2."""
    if bytes(data[:12]) != _CONTAINER:
        return bytes(data[:HEAD]), 0, len(data), False
    at, head, from_jpeg, places = 12, b"", False, []
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1 and at + 16 <= len(data):
            length, body = struct.unpack_from(">Q", data, at + 8)[0], at + 16
        end = len(data) if length == 0 else at + length
        if end < body or end > len(data):
            break
        from_jpeg |= kind == b"jbrd"
        if kind in (b"jxlc", b"jxlp"):
            places.append((kind, body, end))
            if len(head) < HEAD:
                head += bytes(data[body + 4 * (kind == b"jxlp"):min(end, body + HEAD + 4)])
        at = end
    whole = len(places) == 1 and places[0][0] == b"jxlc"
    return head, *(places[0][1:] if whole else (0, 0)), from_jpeg


def _size(bits: Bits) -> tuple[int, int]:
    """SizeHeader: (rows, columns)."""
    small = bits.take(1)

    def length() -> int:
        return 8 * (bits.take(5) + 1) if small else bits.u32((1, 9), (1, 13), (1, 18), (1, 30))

    rows, ratio = length(), bits.take(3)
    if ratio == 0:
        return rows, length()
    over, under = _RATIOS[ratio]
    return rows, rows * over // under


def _extra_fields(bits: Bits) -> None:
    if bits.take(3):
        raise UnsupportedError("JPEG XL with an orientation")
    if bits.take(1):
        _size(bits)
    if bits.take(1) or bits.take(1):
        raise UnsupportedError("JPEG XL with a preview or an animation")


def _depth(bits: Bits) -> int:
    if bits.take(1):
        raise UnsupportedError("JPEG XL with float samples")
    return bits.u32((8, 0), (10, 0), (12, 0), (1, 6))


def _colours(bits: Bits) -> int:
    """ColourEncoding, as far as the number of colour channels."""
    if bits.take(1):
        return 3
    bits.take(1)  # want_icc
    return 1 if bits.u32((0, 0), (1, 0), (2, 4), (18, 6)) == 1 else 3


def check_size(header: JxlHeader, spec: FrameSpec) -> None:
    """The stream's own size against the attributes (FAULTS X05). Raises DamagedError."""
    said = (header.rows, header.columns, header.colours)
    if said != (spec.rows, spec.columns, spec.samples_per_pixel):
        raise DamagedError(
            f"the stream holds {header.rows} × {header.columns} × {header.colours}, the attributes "
            f"say {spec.rows} × {spec.columns} × {spec.samples_per_pixel}")
    if header.precision > spec.bits_allocated:
        raise DamagedError(f"the stream has {header.precision} bits, Bits Allocated says "
                           f"{spec.bits_allocated}")
