"""What was repaired while a DICOMDIR was read, record by record (FIELD N2).

The medium is never written to: this is the diff between what stands there and what was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediasvc.media.directory.dicomdir_tree import ROOT, Tree
from mediasvc.media.directory.directory_items import Items
from mediasvc.media.directory.file_id import ODDITIES
from mediasvc.media.labels import display
from mediasvc.model import Finding

#: So many repairs of a kind are told one by one.
NAMED_LIMIT = 100
CODE = "directory-repair"
_LOOP = "that record was reached before; each is used once"
_LEVEL = "that record is of another level (PS3.3 F.4)"


@dataclass(frozen=True, slots=True)
class Repair:
    """DICOMDIR ``said`` something at ``offset`` (a record's first byte), it was ``read`` as
    something else because of ``why``. ``subject`` is the file, if one is meant."""

    kind: str
    offset: int
    said: str
    read: str
    why: str
    subject: str = ""

    @property
    def text(self) -> str:
        return (f"DICOMDIR said {display(self.said)} at offset {self.offset}, read as "
                f"{display(self.read)} because {self.why}.")


def repairs(items: Items, tree: Tree) -> Iterator[Repair]:
    """Of the links between records, and of File IDs."""
    odd, adopted = dict(items.odd_names()), set(tree.adopted)
    for at, offset in enumerate(items.offsets):
        for name, pointer in (("next record", items.next[at]), ("lower record", items.lower[at])):
            if pointer and items.find(pointer) is None:
                yield _pointer(items, offset, name, pointer, tree.shift)
        if at in adopted:
            parent = tree.parents[at]
            place = (f"below the record at {items.offsets[parent]}" if parent != ROOT
                     else "a record of the top level")
            yield Repair("orphan", offset, "no way to this record", place,
                         "of its place in the file")
        if at in odd:
            name = display("/".join(odd[at].parts))
            for kind in odd[at].oddities:
                yield Repair(f"file-id-{kind}", offset, f"a File ID {ODDITIES[kind]}", name,
                             "such names are found all the same", name)
    for pointing, target, looped in tree.refused:
        yield Repair("loop" if looped else "level", items.offsets[pointing] if pointing != ROOT
                     else 0, f"a link to the record at {items.offsets[target]}", "no link",
                     _LOOP if looped else _LEVEL)


def _pointer(items: Items, offset: int, name: str, pointer: int, shift: int) -> Repair:
    if items.find(pointer + shift) is not None:
        return Repair("shift", offset, f"{name} at {pointer}", f"{pointer + shift}",
                      f"all offsets are off by {abs(shift)} bytes")
    return Repair("bogus", offset, f"{name} at {pointer}", "no link",
                  "no record begins there")


def as_findings(found: Iterable[Repair]) -> Iterator[Finding]:
    """One for each repair; of a kind with very many the rest is counted."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.kind] += 1
        if counts[one.kind] <= NAMED_LIMIT:
            yield Finding("info", CODE, one.subject, one.text, "FIELD N2")
    for kind, count in counts.items():
        if count > NAMED_LIMIT:
            yield Finding("info", CODE, "", f"{count - NAMED_LIMIT} more repairs of the kind "
                          f"{kind}.", "FIELD N2")
