"""DICOMDIRs made byte by byte, as right or as wrong as a test wants them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

WIDE = ("SQ", "OB", "UN")


@dataclass
class Record:
    """``keys``: tag → (VR, value). ``next`` and ``lower`` replace the right offset when set;
    they may be a number or another record."""

    type: str
    keys: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    below: list[Record] = field(default_factory=list)
    in_use: int = 0xFFFF
    next: int | Record | None = None
    lower: int | Record | None = None
    offset: int = 0


def image(file_id: str, uid: str = "1.2.3", **more: object) -> Record:
    return Record("IMAGE", {
        0x00041500: ("CS", file_id.encode("latin-1")), 0x00041510: ("UI", b"1.2.840.10008.5.1.4"),
        0x00041511: ("UI", uid.encode()), 0x00041512: ("UI", b"1.2.840.10008.1.2.1"),
        0x00200013: ("IS", b"1")}, **more)  # type: ignore[arg-type]


def series(uid: str, *below: Record) -> Record:
    return Record("SERIES", {0x00080060: ("CS", b"CT"), 0x0020000E: ("UI", uid.encode()),
                             0x00200011: ("IS", b"1")}, list(below))


def study(uid: str, *below: Record) -> Record:
    return Record("STUDY", {
        0x00080020: ("DA", b"20240102"), 0x00080030: ("TM", b"1200"), 0x00080050: ("SH", b""),
        0x00081030: ("LO", b""), 0x0020000D: ("UI", uid.encode()), 0x00200010: ("SH", b"S")},
        list(below))


def patient(patient_id: str, *below: Record, name: bytes = b"Sample^Alma",
            charset: bytes = b"") -> Record:
    keys = {0x00100010: ("PN", name), 0x00100020: ("LO", patient_id.encode())}
    return Record("PATIENT", ({0x00080005: ("CS", charset)} if charset else {}) | keys, list(below))


def disc(*images: Record, patient_id: str = "P1") -> list[Record]:
    """One patient, study and series with these images."""
    return [patient(patient_id, study("1.2.1", series("1.2.2", *images)))]


@dataclass
class Writer:
    """``shift`` is added to every offset. The lengths of items and of the sequence are undefined
    with ``undefined``; ``order`` "reversed" puts children before their parents."""

    implicit: bool = False
    big_endian: bool = False
    undefined: bool = False
    preamble: bool = True
    meta: bool = True
    shift: int = 0
    linked: bool = True
    order: str = "tree"
    declared: str = ""
    tail: bytes = b""
    file_set_id: bytes = b"TEST"

    def write(self, roots: list[Record]) -> bytes:
        records = list(self._records(roots))
        if self.order == "reversed":
            records.reverse()
        start = len(self._head(0, 0, 0))
        at = start
        for record in records:
            record.offset = at
            at += len(self._item(record, 0, 0))
        links = dict(self._links(roots))
        body = b"".join(self._item(record, *links[id(record)]) for record in records)
        end = self._element(0xFFFEE0DD, "", b"") if self.undefined else b""
        ends = (roots[0].offset + self.shift, roots[-1].offset + self.shift) if roots else (0, 0)
        return self._head(*(ends if self.linked else (0, 0)), len(body)) + body + end + self.tail

    def _records(self, records: list[Record]) -> Iterator[Record]:
        for record in records:
            yield record
            yield from self._records(record.below)

    def _links(self, siblings: list[Record]) -> Iterator[tuple[int, tuple[int, int]]]:
        for record, following in zip(siblings, [*siblings, None][1:], strict=True):
            after = self._place(record.next, following)
            below = self._place(record.lower, record.below[0] if record.below else None)
            yield id(record), (after, below)
            yield from self._links(record.below)

    def _place(self, wanted: int | Record | None, usual: Record | None) -> int:
        if isinstance(wanted, int):
            return wanted
        target = wanted or usual
        return target.offset + self.shift if target and self.linked else 0

    def _item(self, record: Record, after: int, below: int) -> bytes:
        keys = {0x00041400: ("UL", self._number(after, 4)),
                0x00041410: ("US", self._number(record.in_use, 2)),
                0x00041420: ("UL", self._number(below, 4)),
                0x00041430: ("CS", record.type.encode()), **record.keys}
        body = b"".join(self._element(tag, *keys[tag]) for tag in sorted(keys))
        if self.undefined:
            return (self._tag(0xFFFEE000) + b"\xff" * 4 + body
                    + self._element(0xFFFEE00D, "", b""))
        return self._tag(0xFFFEE000) + self._number(len(body), 4) + body

    def _head(self, first: int, last: int, length: int) -> bytes:
        size = b"\xff" * 4 if self.undefined else self._number(length, 4)
        return self._meta() + b"".join((
            self._element(0x00041130, "CS", self.file_set_id),
            self._element(0x00041200, "UL", self._number(first, 4)),
            self._element(0x00041202, "UL", self._number(last, 4)),
            self._element(0x00041212, "US", b"\0\0"),
            self._tag(0x00041220), b"" if self.implicit else b"SQ\0\0", size))

    def _meta(self) -> bytes:
        if not self.meta:
            return b""
        uid = self.declared or ("1.2.840.10008.1.2" if self.implicit else
                                "1.2.840.10008.1.2.2" if self.big_endian else
                                "1.2.840.10008.1.2.1")
        plain = Writer()
        elements = [plain._element(0x00020002, "UI", b"1.2.840.10008.1.3.10"),
                    plain._element(0x00020003, "UI", b"1.2.3.4"),
                    plain._element(0x00020010, "UI", uid.encode())]
        prefix = b"\0" * 128 + b"DICM" if self.preamble else b""
        return prefix + b"".join(elements)

    def _element(self, tag: int, vr: str, value: bytes) -> bytes:
        if len(value) % 2:
            value += b"\0" if vr == "UI" else b" "
        if self.implicit or not vr:
            return self._tag(tag) + self._number(len(value), 4) + value
        if vr in WIDE:
            return self._tag(tag) + vr.encode() + b"\0\0" + self._number(len(value), 4) + value
        return self._tag(tag) + vr.encode() + self._number(len(value), 2) + value

    def _tag(self, tag: int) -> bytes:
        return struct.pack(">HH" if self.big_endian else "<HH", tag >> 16, tag & 0xFFFF)

    def _number(self, value: int, size: int) -> bytes:
        return value.to_bytes(size, "big" if self.big_endian else "little")
