"""From placed records to references: what each record and those above it say of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mediasvc.media.dicomdir_items import Item, Items, finding
from mediasvc.media.dicomdir_tree import ROOT, Tree
from mediasvc.media.element_walk import number
from mediasvc.media.file_id import ODDITIES, FileId, parse_file_id
from mediasvc.media.reference import Record, Reference
from mediasvc.model import Finding
from mediasvc.standard.directory_records import MULTI_REFERENCED, PRIVATE, RECORD_TYPES

#: Hostile File IDs are named one by one up to here, then only counted.
NAMED_LIMIT = 50

IN_USE = 0x00041410
FILE_ID = 0x00041500
MRDR_OFFSET = 0x00041504
SOP_CLASS = 0x00041510
SOP_INSTANCE = 0x00041511
TRANSFER_SYNTAX = 0x00041512
CHARACTER_SET = 0x00080005
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
PATIENT_ID = 0x00100020
PATIENT_NAME = 0x00100010
IDENTITY = frozenset({PATIENT_ID, PATIENT_NAME, STUDY_UID, SERIES_UID})


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

    def __init__(
        self, raw: Items, types: list[str], tree: Tree, folder: tuple[str, ...]
    ) -> None:
        self.raw = raw
        self.types = types
        self.tree = tree
        self.folder = folder
        self.file_set_charset = text_value(raw.file_set.get(CHARACTER_SET, b""))
        self.contexts: list[_Context] = [_Context()] * len(raw.items)
        self.by_offset = {item.offset: item for item in raw.items}
        self.ids: list[FileId] = [FileId(())] * len(raw.items)
        self.odd: Counter[str] = Counter()
        self.outside: list[str] = []
        self.missing: Counter[tuple[str, int]] = Counter()
        self.counts: Counter[str] = Counter()

    def run(self) -> tuple[tuple[Record, ...], tuple[Reference, ...]]:
        references: list[Reference] = []
        for at in self.tree.order:
            item, kind = self.raw.items[at], self.types[at]
            context = self._context(at)
            self.contexts[at] = context
            self._check_keys(item, kind)
            file_id = self._file_id(at)
            if file_id.parts and context.active and not file_id.outside:
                references.append(self._reference(at, file_id, context))
        records = tuple(
            Record(item.offset, item.end, self.types[i], self.tree.parents[i],
                   self.contexts[i].active, self.ids[i].parts, item.tags)
            for i, item in enumerate(self.raw.items))
        return records, tuple(references)

    def _context(self, at: int) -> _Context:
        item = self.raw.items[at]
        parent = self.tree.parents[at]
        above = self.contexts[parent] if parent != ROOT else _Context()
        values = item.values
        in_use = values.get(IN_USE, b"\xff\xff")
        inactive = in_use == b"\0\0"
        self.counts["inactive"] += inactive
        # (0020,000D) may be left out where the record names a file that is the study (F.5.2).
        own_uid = values.get(SOP_INSTANCE, b"") if self.types[at] == "STUDY" else b""
        if not (inactive or own_uid or IDENTITY & values.keys()):
            # The usual leaf says nothing new: share.
            return above
        patient_id, sure_id = self._decoded(item, PATIENT_ID, "LO")
        patient_name, sure_name = self._decoded(item, PATIENT_NAME, "PN")
        return _Context(
            patient_id or above.patient_id,
            patient_name or above.patient_name,
            text_value(values.get(STUDY_UID, own_uid)) or above.study_instance_uid,
            text_value(values.get(SERIES_UID, b"")) or above.series_instance_uid,
            above.uncertain_text or not (sure_id and sure_name),
            above.active and not inactive)

    def _decoded(self, item: Item, tag: int, vr: str) -> tuple[str, bool]:
        raw = item.values.get(tag, b"")
        if not raw:
            return "", True
        from mediasvc.dicom.text import decode

        charset = text_value(item.values.get(CHARACTER_SET, b"")) or self.file_set_charset
        text, certain = decode(raw, charset, vr)
        return text.strip(" \0"), certain

    def _check_keys(self, item: Item, kind: str) -> None:
        if not kind:
            self.counts["untyped"] += 1
        elif kind not in RECORD_TYPES and kind not in (PRIVATE, MULTI_REFERENCED):
            self.counts["unknown"] += 1
        elif kind in RECORD_TYPES:
            for key in RECORD_TYPES[kind].keys:
                if key.type == "1" and key.tag not in item.tags:
                    self.missing[kind, key.tag] += 1

    def _file_id(self, at: int) -> FileId:
        item, kind = self.raw.items[at], self.types[at]
        source = self._file_item(item)
        raw = source.values.get(FILE_ID, b"")
        if not raw.strip(b" \0\\"):
            leaf = kind in RECORD_TYPES and RECORD_TYPES[kind].level == 3
            self.counts["nameless"] += leaf
            return FileId(())
        found = parse_file_id(raw)
        self.ids[at] = found
        if kind == MULTI_REFERENCED:
            # Named by the records that point at it, or by nobody.
            return FileId(())
        if found.outside:
            self.outside.append("\\".join(found.parts))
        self.odd.update(found.oddities)
        return found

    def _file_item(self, item: Item) -> Item:
        """The record that names the file: an MRDR where the record points at one."""
        offset = number(item.values.get(MRDR_OFFSET, b""), self.raw.encoding)
        if not offset or FILE_ID in item.values:
            return item
        return self.by_offset.get(offset + self.tree.shift) or self.by_offset.get(offset, item)

    def _reference(self, at: int, file_id: FileId, context: _Context) -> Reference:
        values = self._file_item(self.raw.items[at]).values
        return Reference(
            file_id=file_id.parts,
            record_type=self.types[at],
            sop_class_uid=text_value(values.get(SOP_CLASS, b"")),
            sop_instance_uid=text_value(values.get(SOP_INSTANCE, b"")),
            transfer_syntax_uid=text_value(values.get(TRANSFER_SYNTAX, b"")),
            patient_id=context.patient_id,
            patient_name=context.patient_name,
            study_instance_uid=context.study_instance_uid,
            series_instance_uid=context.series_instance_uid,
            uncertain_text=context.uncertain_text,
            folder=self.folder)

    def findings(self) -> Iterable[Finding]:
        for path in self.outside[:NAMED_LIMIT]:
            yield Finding("error", "file-id-outside", _visible(path),
                          "DICOMDIR names a file outside of the disc; it is not followed", "M01")
        if len(self.outside) > NAMED_LIMIT:
            yield finding("error", "file-id-outside",
                          f"DICOMDIR names {len(self.outside) - NAMED_LIMIT} more files outside "
                          "of the disc; they are not followed", "M01")
        for kind, count in self.odd.items():
            yield finding("warning", f"file-id-{kind}",
                          f"{count} File IDs {ODDITIES[kind]}", "R10-3")
        for (kind, tag), count in self.missing.items():
            yield finding("warning", "directory-key-missing",
                          f"{count} {kind} records have no {_keyword(tag)}",
                          f"PS3.3 {RECORD_TYPES[kind].clause}")
        yield from self._count_findings()

    def _count_findings(self) -> Iterable[Finding]:
        counts = self.counts
        if counts["inactive"]:
            yield finding("info", "directory-record-inactive",
                          f"{counts['inactive']} records of DICOMDIR are marked as deleted; they "
                          "and what is below them are not counted", "RF-2")
        if counts["untyped"] or counts["unknown"]:
            yield finding("warning", "directory-record-unknown",
                          f"{counts['untyped'] + counts['unknown']} records of DICOMDIR have no "
                          "or an unknown type; files they name are counted", "R10-9")
        if counts["nameless"]:
            yield finding("warning", "file-id-missing",
                          f"{counts['nameless']} records of DICOMDIR should name a file and "
                          "do not", "RF-3")


def text_value(raw: bytes) -> str:
    """A value of the default repertoire, without its padding."""
    return raw.decode("latin-1").strip(" \0")


def _keyword(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)[:200]
