"""Data sets written byte by byte, for tests of what no library would write."""

from __future__ import annotations

import struct

LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"


def tag(number: int, big: bool = False) -> bytes:
    return struct.pack(">HH" if big else "<HH", number >> 16, number & 0xFFFF)


def element(number: int, vr: str, value: bytes = b"", *, length: int | None = None,
            implicit: bool = False, big: bool = False) -> bytes:
    """One element; ``length`` claims another length than the value has."""
    order = ">" if big else "<"
    claimed = len(value) if length is None else length
    if implicit:
        return tag(number, big) + struct.pack(order + "I", claimed) + value
    if vr in LONG:
        return tag(number, big) + vr.encode() + b"\0\0" + struct.pack(order + "I", claimed) + value
    return tag(number, big) + vr.encode() + struct.pack(order + "H", claimed) + value


def item(value: bytes = b"", *, undefined: bool = False, big: bool = False) -> bytes:
    order = ">I" if big else "<I"
    if undefined:
        return (tag(ITEM, big) + struct.pack(order, UNDEFINED) + value
                + tag(ITEM_END, big) + bytes(4))
    return tag(ITEM, big) + struct.pack(order, len(value)) + value


def sequence(number: int, *items: bytes, undefined: bool = False, vr: str = "SQ",
             implicit: bool = False, big: bool = False) -> bytes:
    value = b"".join(items)
    if not undefined:
        return element(number, vr, value, implicit=implicit, big=big)
    return element(number, vr, value + tag(SEQUENCE_END, big) + bytes(4), length=UNDEFINED,
                   implicit=implicit, big=big)


def text(number: int, vr: str, value: str | bytes, **form: bool) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    pad = b"\0" if vr == "UI" else b" "
    return element(number, vr, raw + pad * (len(raw) % 2), **form)


def file_meta(sop_class: str = CT, sop_instance: str = "1.2.3.4",
              syntax: str = "1.2.840.10008.1.2.1", *extra: bytes) -> bytes:
    body = element(0x00020001, "OB", b"\0\1") + b"".join(
        text(number, "UI", value) for number, value in (
            (0x00020002, sop_class), (0x00020003, sop_instance), (0x00020010, syntax))
        if value) + b"".join(extra)
    return element(0x00020000, "UL", struct.pack("<I", len(body))) + body


def part10(*elements: bytes, meta: bytes | None = None, preamble: bytes = b"") -> bytes:
    """A file of these elements, in the order they are given."""
    head = preamble.ljust(128, b"\0") + b"DICM"
    return head + (file_meta() if meta is None else meta) + b"".join(elements)


def ct(changes: dict[int, bytes] | None = None, **form: bool) -> dict[int, bytes]:
    """The elements of a small whole CT, some replaced or added (``b""`` removes one)."""
    number = ">H" if form.get("big") else "<H"
    elements = {
        0x00080016: text(0x00080016, "UI", CT, **form),
        0x00080018: text(0x00080018, "UI", "1.2.3.4", **form),
        0x00080020: text(0x00080020, "DA", "20240102", **form),
        0x00080060: text(0x00080060, "CS", "CT", **form),
        0x00100010: text(0x00100010, "PN", "Muster^Maria", **form),
        0x00100020: text(0x00100020, "LO", "P1", **form),
        0x0020000D: text(0x0020000D, "UI", "1.2.3", **form),
        0x0020000E: text(0x0020000E, "UI", "1.2.3.5", **form),
        **{place: element(place, "US", struct.pack(number, value), **form) for place, value in (
            (0x00280002, 1), (0x00280010, 4), (0x00280011, 4), (0x00280100, 16),
            (0x00280101, 12), (0x00280102, 11), (0x00280103, 0))},
        0x00280004: text(0x00280004, "CS", "MONOCHROME2", **form),
        0x7FE00010: element(0x7FE00010, "OW", bytes(range(32)), **form),
    }
    elements.update(changes or {})
    return {place: elements[place] for place in sorted(elements) if elements[place]}


def ct_file(changes: dict[int, bytes] | None = None, *, behind: bytes = b"",
            preamble: bytes = b"", meta: bytes | None = None) -> bytes:
    return part10(*ct(changes).values(), behind, preamble=preamble, meta=meta)


def encapsulated(*fragments: bytes, table: bytes = b"", end: bool = True) -> bytes:
    """Pixel data in items: an offset table, then ``fragments``."""
    value = item(table) + b"".join(item(fragment) for fragment in fragments)
    if end:
        value += tag(SEQUENCE_END) + bytes(4)
    return element(0x7FE00010, "OB", value, length=UNDEFINED)
