"""Any DICOMDIR as records and references to files, repaired where it can be (PS3.3 Annex F).

One bad record costs one record: nothing here raises on foreign bytes, follows a loop or recurses,
and every repair is a finding that says what was repaired. Files are the truth; what this reads is
the other list, to compare with (work/discover).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mediasvc.media.dicomdir_items import Items, finding, read_items
from mediasvc.media.dicomdir_reading import Reading, text_value
from mediasvc.media.dicomdir_tree import Node, Tree, resolve
from mediasvc.media.element_walk import number
from mediasvc.media.reference import Record, Reference
from mediasvc.model import Finding
from mediasvc.standard.directory_records import MULTI_REFERENCED, RECORD_TYPES

__all__ = ["Dicomdir", "Record", "Reference", "read_dicomdir"]

RECORD_LIMIT = 1_000_000

FILE_SET_ID = 0x00041130
FILE_SET_UID = 0x00020003
FIRST_RECORD = 0x00041200
LAST_RECORD = 0x00041202
NEXT_RECORD = 0x00041400
LOWER_RECORD = 0x00041420
RECORD_TYPE = 0x00041430


@dataclass(frozen=True, slots=True)
class Dicomdir:
    """What a DICOMDIR says. ``records`` in file order; ``references`` in tree order."""

    file_set_id: str
    file_set_uid: str
    records: tuple[Record, ...]
    references: tuple[Reference, ...]
    findings: tuple[Finding, ...]


def read_dicomdir(
    view: memoryview, folder: tuple[str, ...] = (), *, record_limit: int = RECORD_LIMIT
) -> Dicomdir:
    """Read a DICOMDIR that stands in ``folder`` of its medium. Never raises on foreign bytes.

    Findings about the DICOMDIR itself have an empty subject; those about one file name it.
    """
    raw = read_items(view, record_limit)
    types = [text_value(item.values.get(RECORD_TYPE, b"")).upper() for item in raw.items]
    nodes = [
        Node(item.offset, _number(raw, item.values.get(NEXT_RECORD)),
             _number(raw, item.values.get(LOWER_RECORD)), _level(kind), kind == MULTI_REFERENCED)
        for item, kind in zip(raw.items, types, strict=True)]
    tree = resolve(
        nodes, _number(raw, raw.file_set.get(FIRST_RECORD)),
        _number(raw, raw.file_set.get(LAST_RECORD)))
    reading = Reading(raw, types, tree, folder)
    records, references = reading.run()
    return Dicomdir(
        file_set_id=text_value(raw.file_set.get(FILE_SET_ID, b"")),
        file_set_uid=text_value(raw.file_set.get(FILE_SET_UID, b"")),
        records=records,
        references=references,
        findings=(*raw.findings, *_tree_findings(tree), *reading.findings()))


def _number(raw: Items, value: bytes | None) -> int:
    return number(value or b"", raw.encoding)


def _level(record_type: str) -> int | None:
    known = RECORD_TYPES.get(record_type)
    return known.level if known else None


def _tree_findings(tree: Tree) -> Iterable[Finding]:
    if not tree.parents:
        return
    if not tree.pointers:
        yield finding("warning", "directory-offsets-missing",
                      "the records of DICOMDIR are not linked; they were taken in their order",
                      "RF-2")
        return
    if tree.shift:
        yield finding("warning", "directory-offsets-shifted",
                      f"the offsets in DICOMDIR are off by {abs(tree.shift)} bytes; corrected",
                      "RF-9")
    if tree.unresolved:
        yield finding("warning", "directory-offset-bogus",
                      f"{tree.unresolved} offsets in DICOMDIR point at no record; ignored", "M06")
    if tree.looped:
        yield finding("warning", "directory-loop",
                      f"DICOMDIR reaches {tree.looped} records twice or in a circle; each was "
                      "used once", "M04")
    if tree.misplaced:
        yield finding("warning", "directory-level-wrong",
                      f"{tree.misplaced} offsets in DICOMDIR lead to a record of the wrong "
                      "level; ignored", "PS3.3 F.4")
    if tree.orphans:
        yield finding("warning", "directory-record-orphan",
                      f"{tree.orphans} records of DICOMDIR are not linked to the others; they "
                      "were placed by their order and used", "RF-2")
