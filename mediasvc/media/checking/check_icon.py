"""Has an icon in a DICOMDIR the pixels that it promises? (PS3.3 C.7.6.1.1.6)"""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset

ICON = "(0088,0200)"
_ELEMENT = struct.Struct("<HH2sH")
_ROWS, _COLUMNS, _SAMPLES, _ALLOCATED = 0x00280010, 0x00280011, 0x00280002, 0x00280100
_SIZE = (_ROWS, _COLUMNS, _SAMPLES, _ALLOCATED)
_PIXELS = 0x7FE00010
_ITEM = b"\xfe\xff\x00\xe0"
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset((b"CS", b"DS", b"IS", b"LO", b"SH", b"SS", b"UI", b"US"))
_LONG = frozenset((b"OB", b"OW", b"UN"))


def _is_whole(numbers: dict[int, int], pixels: int) -> bool:
    rows, columns, samples, allocated = (numbers.get(tag, 0) for tag in _SIZE)
    length = -(-rows * columns * samples * allocated // 8)
    return bool(length) and pixels == length + length % 2


def plain_icon(value: bytes) -> bool | None:
    """Of the value of an icon sequence in Explicit VR Little Endian; None for what is not written
    plainly. Raises struct.error where the bytes end too early."""
    at, numbers, pixels = 8, dict[int, int](), -1
    if value[:4] != _ITEM or int.from_bytes(value[4:8], "little") != len(value) - at:
        return None
    while at < len(value):
        group, element, vr, length = _ELEMENT.unpack_from(value, at)
        tag, start = group << 16 | element, at + 8
        if vr in _LONG:
            length, start = int.from_bytes(value[start:start + 4], "little"), start + 4
        elif vr not in _SHORT:
            return None
        if start + length > len(value):
            return None
        if tag in _SIZE and vr == b"US":
            numbers[tag] = int.from_bytes(value[start:start + length], "little")
        elif tag == _PIXELS:
            pixels = length
        at = start + length
    return _is_whole(numbers, pixels)


def icon_is_whole(icon: Dataset) -> bool:
    """The same, as pydicom reads it. Pixels of an icon are never compressed."""
    numbers = {tag: icon[tag].value for tag in _SIZE
               if tag in icon and isinstance(icon[tag].value, int)}
    pixels = icon.get(_PIXELS)
    if pixels is None or not isinstance(pixels.value, bytes) or pixels.is_undefined_length:
        return False
    return _is_whole(numbers, len(pixels.value))
