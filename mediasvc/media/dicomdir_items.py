"""The bytes of a DICOMDIR as a list of items: no tree, no meaning (PS3.5 7.5, PS3.10 7).

The rule is Explicit VR Little Endian with File Meta Information (PS3.10 8.6); media in the wild
also come in the other two encodings, without preamble, with wrong lengths and cut short. Lengths
are believed only where what follows agrees with them; each correction is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.media.element_walk import (
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    UnreadableError,
    element_end,
    read_header,
    sniff,
)
from mediasvc.model import Finding

RECORD_SEQUENCE = 0x00041220
EXPLICIT = Encoding(False, False)
TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2": Encoding(True, False),
    "1.2.840.10008.1.2.1": EXPLICIT,
    "1.2.840.10008.1.2.2": Encoding(False, True),
}
#: No value of a record that we read is longer; longer ones are damage or an icon.
VALUE_LIMIT = 16 << 10
#: The values kept of each record; of all others only the fact that they are there.
KEPT = frozenset({
    0x00041400, 0x00041410, 0x00041420, 0x00041430, 0x00041500, 0x00041504, 0x00041510,
    0x00041511, 0x00041512, 0x00080005, 0x00100010, 0x00100020, 0x0020000D, 0x0020000E})


@dataclass(frozen=True, slots=True)
class Item:
    """One directory record as bytes: ``offset`` of its item tag from the first byte of the file,
    the `KEPT` values, and the tags of all elements that have a value."""

    offset: int
    end: int
    values: dict[int, bytes]
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A DICOMDIR's own elements (group 2 and 4, by tag) and its records in file order."""

    encoding: Encoding
    file_set: dict[int, bytes]
    items: tuple[Item, ...]
    findings: tuple[Finding, ...]


def read_items(view: memoryview, record_limit: int) -> Items:
    """All records of a DICOMDIR, whatever is wrong with it. Never raises on foreign bytes."""
    findings: list[Finding] = []
    start, meta = _read_meta(view)
    encoding = _encoding(view, start, meta, findings)
    file_set, place = _find_sequence(view, start, encoding, findings)
    items: tuple[Item, ...] = ()
    if place is not None:
        items = tuple(_Sequence(view, encoding, findings).read(*place, record_limit))
    return Items(encoding, meta | file_set, items, tuple(findings))


def finding(severity: str, code: str, text: str, rule: str) -> Finding:
    """A finding about the DICOMDIR itself; the caller knows its label."""
    return Finding(severity, code, "", text, rule)  # type: ignore[arg-type]


def _read_meta(view: memoryview) -> tuple[int, dict[int, bytes]]:
    """Where the data set starts, and group 2 (always Explicit VR Little Endian)."""
    starts = (at + 4 for at in (128, 0) if view[at:at + 4] == b"DICM")
    position = next(starts, 0)
    meta: dict[int, bytes] = {}
    try:
        while view[position:position + 2] == b"\x02\0":
            tag, _, value, length = read_header(view, position, EXPLICIT)
            if value + length > len(view):
                break
            meta[tag] = bytes(view[value:value + length])
            position = value + length
    except UnreadableError:
        pass
    return position, meta


def _encoding(
    view: memoryview, start: int, meta: dict[int, bytes], findings: list[Finding]
) -> Encoding:
    uid = meta.get(0x00020010, b"").rstrip(b"\0 ").decode("ascii", "replace")
    declared = TRANSFER_SYNTAXES.get(uid)
    seen = sniff(view, start)
    if not meta:
        findings.append(finding(
            "warning", "directory-meta-missing",
            "DICOMDIR has no File Meta Information; its encoding was recognised from its content",
            "PS3.10 7.1"))
    elif seen is not None and declared != seen:
        findings.append(finding(
            "warning", "directory-syntax-wrong",
            "DICOMDIR is not encoded as its File Meta Information says; read as it really is",
            "R10-8"))
    found = seen or declared or EXPLICIT
    if found != EXPLICIT:
        findings.append(finding(
            "warning", "directory-syntax",
            "DICOMDIR is not in Explicit VR Little Endian", "R10-1"))
    return found


def _find_sequence(
    view: memoryview, start: int, encoding: Encoding, findings: list[Finding]
) -> tuple[dict[int, bytes], tuple[int, int] | None]:
    """The file-set's own values and the first and last byte of the record sequence."""
    values: dict[int, bytes] = {}
    position = start
    try:
        while position < len(view):
            tag, _, value, length = read_header(view, position, encoding)
            if tag == RECORD_SEQUENCE:
                return values, (value, -1 if length == UNDEFINED else value + length)
            end = element_end(view, position, encoding)
            if length <= VALUE_LIMIT:
                values[tag] = bytes(view[value:value + length])
            position = end
    except UnreadableError:
        pass
    # Something before it is damaged: the tag itself can still be found.
    pattern = encoding.tag(RECORD_SEQUENCE) + (b"" if encoding.implicit else b"SQ")
    place = bytes(view).find(pattern, start) if len(view) <= 64 << 20 else -1
    if place < 0:
        findings.append(finding(
            "warning", "directory-empty", "DICOMDIR has no list of directory records", "R10-9"))
        return values, None
    findings.append(finding(
        "warning", "directory-damaged",
        "the beginning of DICOMDIR is damaged; its records were found by searching", "RF-1"))
    try:
        _, _, value, length = read_header(view, place, encoding)
    except UnreadableError:
        return values, None
    return values, (value, -1 if length == UNDEFINED else value + length)


class _Sequence:
    """Walks the items of (0004,1220) once, from first to last byte."""

    def __init__(self, view: memoryview, encoding: Encoding, findings: list[Finding]) -> None:
        self.view = view
        self.encoding = encoding
        self.findings = findings
        self.item_tag = encoding.tag(ITEM)
        self.wrong_lengths = 0
        self.damaged = 0
        self.shared_tags: dict[tuple[int, ...], tuple[int, ...]] = {}

    def read(self, position: int, end: int, limit: int) -> list[Item]:
        """Items until the sequence ends; ``end`` is -1 when its length is undefined."""
        items: list[Item] = []
        cut = end > len(self.view)
        while position + 8 <= len(self.view):
            if self.view[position:position + 4] != self.item_tag:
                if self._ends_here(position, end):
                    break
                position = self._resume(position)
                continue
            if len(items) >= limit:
                self._say("error", "directory-too-large",
                          f"DICOMDIR has more than {limit} records; the rest was not read", "M04")
                break
            item = self._item(position)
            if item.values or item.tags:
                items.append(item)
            position = item.end
        self._report(cut or (end < 0 and position + 8 > len(self.view)),
                     0 <= end < position and not cut)
        return items

    def _ends_here(self, position: int, end: int) -> bool:
        at_delimiter = self.view[position:position + 4] == self.encoding.tag(SEQUENCE_END)
        return at_delimiter or position == end or (end >= 0 and position > end)

    def _resume(self, position: int) -> int:
        """The next item tag after damage, or the end of the file."""
        self.damaged += 1
        view = self.view
        while position < len(view):
            found = bytes(view[position + 1:position + 1 + (1 << 16)]).find(self.item_tag)
            if found >= 0:
                return position + 1 + found
            position += (1 << 16) - 4
        return len(view)

    def _item(self, start: int) -> Item:
        """One record from its item tag on; its length is believed when its elements fill it."""
        view, encoding = self.view, self.encoding
        _, _, position, length = read_header(view, start, encoding)
        declared = None if length == UNDEFINED else min(position + length, len(view))
        values: dict[int, bytes] = {}
        tags: list[int] = []
        try:
            while position < len(view) and position != declared:
                tag, _, value, length = read_header(view, position, encoding)
                if tag in (ITEM, ITEM_END, SEQUENCE_END):
                    position += 8 if tag == ITEM_END else 0
                    break
                after = (value + length if length != UNDEFINED
                         else element_end(view, position, encoding))
                if after > len(view) or self._overruns(after, declared):
                    raise UnreadableError
                if length:
                    tags.append(tag)
                    if tag in KEPT and length <= VALUE_LIMIT:
                        values[tag] = bytes(view[value:after])
                position = after
        except UnreadableError:
            self.damaged += 1
            position = declared if declared is not None else self._resume(position)
            self.damaged -= declared is None
        if declared is not None and position != declared:
            self.wrong_lengths += 1
        shared = tuple(tags)
        return Item(start, position, values, self.shared_tags.setdefault(shared, shared))

    def _overruns(self, after: int, declared: int | None) -> bool:
        """An element that leaves its item is wrong when the item's own end makes sense."""
        if declared is None or after <= declared:
            return False
        following = self.view[declared:declared + 4]
        return following in (self.item_tag, self.encoding.tag(SEQUENCE_END), b"")

    def _report(self, cut: bool, too_short: bool) -> None:
        if cut:
            self._say("error", "directory-truncated",
                      "DICOMDIR ends in the middle of its records; the last ones are lost", "M30")
        if too_short or self.wrong_lengths:
            self._say("warning", "directory-lengths-wrong",
                      f"{self.wrong_lengths + too_short} lengths in DICOMDIR are wrong; "
                      "its records were read to their real ends", "PS3.5 7.5")
        if self.damaged:
            self._say("warning", "record-damaged",
                      f"{self.damaged} places in DICOMDIR are damaged; records there may be "
                      "incomplete", "M06")

    def _say(self, severity: str, code: str, text: str, rule: str) -> None:
        self.findings.append(finding(severity, code, text, rule))
