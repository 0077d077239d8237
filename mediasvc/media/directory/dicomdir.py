"""Any DICOMDIR as records and references to files, repaired where it can be (PS3.3 Annex F).

One bad record costs one record: nothing here raises on foreign bytes, follows a loop or recurses,
and every repair is a finding that says what was repaired. Files are the truth; what this reads is
the other list, to compare with (work/discover).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mediasvc.media.directory.dicomdir_head import finding, read_head
from mediasvc.media.directory.dicomdir_items import RecordWalk
from mediasvc.media.directory.dicomdir_reading import Reading
from mediasvc.media.directory.dicomdir_repairs import Repair, repairs
from mediasvc.media.directory.dicomdir_tree import Tree, resolve
from mediasvc.media.directory.directory_items import Items
from mediasvc.media.directory.reference import Record, Reference
from mediasvc.media.page.words import Many
from mediasvc.model import Finding

__all__ = ["Dicomdir", "Record", "Reference", "file_set_id", "read_dicomdir"]

RECORD_LIMIT = 1_000_000

FILE_SET_ID = 0x00041130
FILE_SET_UID = 0x00020003
FIRST_RECORD = 0x00041200
LAST_RECORD = 0x00041202


@dataclass(frozen=True, slots=True)
class Dicomdir:
    """What a DICOMDIR says. ``records`` in file order; ``references`` in tree order. ``repairs``
    are what the findings count, one by one; none when there are no links at all."""

    file_set_id: str
    file_set_uid: str
    records: tuple[Record, ...]
    references: tuple[Reference, ...]
    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...] = ()


def read_dicomdir(
    view: memoryview, folder: tuple[str, ...] = (), *, record_limit: int = RECORD_LIMIT,
    take: Callable[[Reference], object] | None = None,
) -> Dicomdir:
    """Read a DICOMDIR that stands in ``folder`` of its medium. Never raises on foreign bytes.
    With ``take`` each reference is handed to it instead, and records stay out: memory for those
    of a large one.

    Findings about the DICOMDIR itself have an empty subject; those about one file name it.
    """
    head = read_head(view)
    walk = RecordWalk(view, head.encoding)
    items = walk.read(*head.sequence, record_limit) if head.sequence else Items()
    tree = resolve(items, head.number(FIRST_RECORD), head.number(LAST_RECORD))
    reading = Reading(head, items, tree, folder)
    references: tuple[Reference, ...] = ()
    if take is None:
        references = tuple(reading.references())
    else:
        for reference in reading.references():
            take(reference)
    return Dicomdir(
        file_set_id=head.text(FILE_SET_ID),
        file_set_uid=head.text(FILE_SET_UID),
        records=tuple(reading.records()) if take is None else (),
        references=references,
        findings=(*head.findings, *walk.findings(), *_tree_findings(tree), *reading.findings()),
        repairs=tuple(repairs(items, tree)) if tree.pointers else ())


def file_set_id(view: memoryview) -> str:
    """As `Dicomdir` has it, without reading the records. Never raises on foreign bytes."""
    return read_head(view).text(FILE_SET_ID)


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
                      f"{Many(tree.unresolved):offset|offsets} in DICOMDIR "
                      f"{Many(tree.unresolved):=points|point} at no record; ignored", "M06")
    if tree.looped:
        yield finding("warning", "directory-loop",
                      f"DICOMDIR reaches {Many(tree.looped):record|records} twice or in a "
                      "circle; each was used once", "M04")
    if tree.misplaced:
        yield finding("warning", "directory-level-wrong",
                      f"{Many(tree.misplaced):offset in DICOMDIR leads|offsets in DICOMDIR lead} "
                      "to a record of the wrong level; ignored", "PS3.3 F.4")
    if tree.orphans:
        yield finding("warning", "directory-record-orphan",
                      f"{Many(tree.orphans):record of DICOMDIR is|records of DICOMDIR are} not "
                      f"linked to the others; {Many(tree.orphans):=it was|they were} placed by "
                      "the order of records and used", "RF-2")
