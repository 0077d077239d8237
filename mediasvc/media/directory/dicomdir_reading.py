"""From placed records to references: what each record and those above it say of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.dicom.text import decode
from mediasvc.media.directory.dicomdir_head import Head, finding, text_value
from mediasvc.media.directory.dicomdir_tree import ROOT, Tree
from mediasvc.media.directory.directory_item import (
    CHARACTER_SET,
    PATIENT_ID,
    PATIENT_NAME,
    SERIES_UID,
    STUDY_UID,
    Item,
)
from mediasvc.media.directory.directory_items import Items
from mediasvc.media.directory.file_id import ODDITIES, FileId
from mediasvc.media.directory.reference import Record, Reference
from mediasvc.media.labels import display
from mediasvc.media.page.words import Many
from mediasvc.model import Finding
from mediasvc.standard.directory_records import (
    KEY_NAMES,
    MULTI_REFERENCED,
    PRIVATE,
    RECORD_TYPES,
)

#: Hostile File IDs are named one by one up to here, then only counted.
NAMED_LIMIT = 50
#: Type 1 keys of each record type, whose absence is worth a word (F.5).
TYPE_1 = {name: tuple(key.tag for key in kind.keys if key.type == "1")
          for name, kind in RECORD_TYPES.items()}


@dataclass(slots=True)
class _Context:
    """What a record and the records above it say."""

    patient_id: str = ""
    patient_name: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    uncertain_text: bool = False
    active: bool = True


class Reading:
    """Goes through the tree once, parents first."""

    def __init__(self, head: Head, items: Items, tree: Tree, folder: tuple[str, ...]) -> None:
        self.items = items
        self.tree = tree
        self.folder = folder
        self.file_set_charset = head.text(CHARACTER_SET)
        self.contexts: list[_Context] = [_Context()] * len(items)
        # Few or none: the mechanism is retired (F.6.2).
        self.shared_files = {items.offsets[at]: items[at] for at in range(len(items))
                             if items.loose(at)}
        self.odd: Counter[str] = Counter()
        self.outside: list[FileId] = []
        self.tags_seen: Counter[tuple[str, tuple[int, ...]]] = Counter()
        self.counts: Counter[str] = Counter()

    def references(self) -> Iterator[Reference]:
        """Each file that an active record names, in tree order. Only once."""
        for at in self.tree.order:
            item = self.items[at]
            context = self._context(at, item)
            self.contexts[at] = context
            self.tags_seen[item.type, item.tags] += 1
            source = self._source(item)
            if self._names_a_file(item, source.file_id) and context.active:
                yield self._reference(item, source, context)

    def records(self) -> Iterator[Record]:
        """All of them, in file order; after the references."""
        for at, item in enumerate(self.items):
            yield Record(item.offset, item.end, item.type, self.tree.parents[at],
                         self.contexts[at].active, item.file_id.parts, item.tags)

    def _context(self, at: int, item: Item) -> _Context:
        parent = self.tree.parents[at]
        above = self.contexts[parent] if parent != ROOT else _Context()
        values = item.identity
        self.counts["inactive"] += not item.active
        # (0020,000D) may be left out where the record names a file that is the study (F.5.2).
        own_uid = item.sop_instance_uid if item.type == "STUDY" else ""
        if item.active and not own_uid and not values:
            # The usual leaf says nothing new: share.
            return above
        patient_id, sure_id = self._decoded(item, PATIENT_ID, "LO")
        patient_name, sure_name = self._decoded(item, PATIENT_NAME, "PN")
        study_uid = text_value(values.get(STUDY_UID, b"")) or own_uid
        return _Context(
            patient_id or above.patient_id,
            patient_name or above.patient_name,
            study_uid or above.study_instance_uid,
            text_value(values.get(SERIES_UID, b"")) or above.series_instance_uid,
            above.uncertain_text or not (sure_id and sure_name),
            above.active and item.active)

    def _decoded(self, item: Item, tag: int, vr: str) -> tuple[str, bool]:
        raw = item.identity.get(tag, b"")
        charset = text_value(item.identity.get(CHARACTER_SET, b"")) or self.file_set_charset
        text, certain = decode(raw, charset, vr)
        return text.strip(" \0"), certain

    def _source(self, item: Item) -> Item:
        """The record that names the file: an MRDR where the record points at one."""
        if not item.mrdr_offset or item.file_id.parts:
            return item
        offsets = (item.mrdr_offset + self.tree.shift, item.mrdr_offset)
        return next((self.shared_files[at] for at in offsets if at in self.shared_files), item)

    def _names_a_file(self, item: Item, file_id: FileId) -> bool:
        if item.loose:
            # Named by the records that point at it, or by nobody.
            return False
        if not file_id.parts:
            self.counts["nameless"] += item.level == 3
            return False
        if file_id.outside:
            self.outside.append(file_id)
        self.odd.update(file_id.oddities)
        return not file_id.outside

    def _reference(self, item: Item, source: Item, context: _Context) -> Reference:
        return Reference(
            file_id=source.file_id.parts,
            record_type=item.type,
            sop_class_uid=source.sop_class_uid,
            sop_instance_uid=source.sop_instance_uid,
            transfer_syntax_uid=source.transfer_syntax_uid,
            patient_id=context.patient_id,
            patient_name=context.patient_name,
            study_instance_uid=context.study_instance_uid,
            series_instance_uid=context.series_instance_uid,
            uncertain_text=context.uncertain_text,
            folder=self.folder,
            offset=item.offset)

    def findings(self) -> Iterator[Finding]:
        yield from self._outside_findings()
        for kind, count in self.odd.items():
            yield finding("warning", f"file-id-{kind}",
                          f"{count} File IDs {ODDITIES[kind]}", "R10-3")
        missing: Counter[tuple[str, int]] = Counter()
        for (kind, tags), count in self.tags_seen.items():
            if kind not in RECORD_TYPES:
                self.counts["unknown"] += count * (kind not in (PRIVATE, MULTI_REFERENCED))
                continue
            for tag in set(TYPE_1[kind]).difference(tags):
                missing[kind, tag] += count
        for (kind, tag), count in sorted(missing.items()):
            yield finding("warning", "directory-key-missing",
                          f"{Many(count):{kind} record has|{kind} records have} no "
                          f"{KEY_NAMES[tag]}",
                          f"PS3.3 {RECORD_TYPES[kind].clause}")
        yield from self._count_findings()

    def _outside_findings(self) -> Iterator[Finding]:
        for file_id in self.outside[:NAMED_LIMIT]:
            yield Finding("error", "file-id-outside", display("\\".join(file_id.parts))[:200],
                          "DICOMDIR names a file outside of the disc; it is not followed", "M01")
        more = len(self.outside) - NAMED_LIMIT
        if more > 0:
            yield finding("error", "file-id-outside",
                          f"DICOMDIR names {more} more files outside of the disc; they are not "
                          "followed", "M01")

    def _count_findings(self) -> Iterator[Finding]:
        counts = self.counts
        if counts["inactive"]:
            yield finding("info", "directory-record-inactive",
                          f"{Many(counts['inactive']):record|records} of DICOMDIR "
                          f"{Many(counts['inactive']):=is|are} marked as deleted; what stands "
                          "there and below is not counted", "RF-2")
        if counts["unknown"]:
            yield finding("warning", "directory-record-unknown",
                          f"{Many(counts['unknown']):record|records} of DICOMDIR "
                          f"{Many(counts['unknown']):=has|have} no or an unknown type; files named "
                          "there are counted", "R10-9")
        if counts["nameless"]:
            yield finding("warning", "file-id-missing",
                          f"{Many(counts['nameless']):record|records} of DICOMDIR should name a "
                          f"file and {Many(counts['nameless']):=does|do} not", "RF-3")
