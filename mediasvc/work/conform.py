"""The child's side of making instances fit a disc: what each one needs (see `conform_rewrite`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.header import scan
from mediasvc.dicom.unknown_vr import hides_something
from mediasvc.errors import DamagedError
from mediasvc.media.check_meta import check_meta, encoded_as_said
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.preambles import LENGTH
from mediasvc.standard.profile_rules import (
    HEADER_FIELD,
    ImageRule,
    header_facts,
    rules_for,
    syntaxes,
    trouble,
)
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.batches import Item, each

#: The file meta is within this, or the file is read whole.
HEAD = 4 << 10
#: What each element of an unknown VR has behind its tag.
UNKNOWN = b"UN\0\0"
TIFF = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the profile allows, as far as one instance can break it."""

    transfer_syntaxes: frozenset[str]
    sop_classes: frozenset[str]
    largest_file: int
    images: tuple[ImageRule, ...] = ()
    lossy: bool = False
    """Every image is tried in a lossy syntax."""
    compress: bool = False
    """Native pixel data become smaller, whatever the profile would allow."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Limits:
        return cls(frozenset(row["transfer_syntaxes"]), frozenset(row["sop_classes"]),
                   int(row["largest_file"]),
                   tuple(ImageRule(**rule) for rule in row.get("images", ())),
                   bool(row.get("lossy")), bool(row.get("compress")))

    def facts(self, span: Span, header: InstanceHeader) -> dict[str, Any]:
        """What the rules for images must know; read in full only where the header is not enough."""
        asked = {word for rule in rules_for(self.images, header.sop_class_uid)
                 for word in rule.keywords}
        if asked <= HEADER_FIELD.keys():
            return header_facts(header)
        from pydicom import dcmread
        from pydicom.filebase import DicomBytesIO

        from mediasvc.media.image_facts import image_facts

        with span.view() as view:
            data = dcmread(DicomBytesIO(bytes(view)), stop_before_pixels=True, force=True)
        return image_facts(data, asked)


def examine_items(items: list[Item], limits: dict[str, Any]) -> list[Any]:
    """For each ``{"span", "patient"}``: header, and what it needs: ``transcode``, ``coerce``,
    ``clean`` (preamble or file meta), ``resolve`` (UN where the standard knows better), or why it
    cannot go (``excluded``: rule and words)."""
    wanted = Limits.from_json(limits)
    return each(lambda item: _examine(item, wanted), items)


def _examine(item: Item, limits: Limits) -> dict[str, Any]:
    span = Span.from_json(item["span"])
    header = scan(span)
    if header is None:
        raise DamagedError("is damaged")
    row: dict[str, Any] = {"header": header.as_json(), "needs": _needs(span, header, item, limits)}
    facts = limits.facts(span, header) if limits.images else {}
    if excluded := _excluded(span, header, limits, facts):
        row["excluded"] = excluded
        return row
    if facts:
        row["facts"] = facts
    fitting = syntaxes(limits.images, header.sop_class_uid, facts)
    if (fitting is not None and header.transfer_syntax_uid not in fitting
            and "transcode" not in row["needs"]):
        row["needs"].append("transcode")
    return row


def _excluded(span: Span, header: InstanceHeader, limits: Limits, facts: Mapping[str, Any],
              ) -> tuple[str, str] | None:
    if header.sop_class_uid not in RECORD_TYPE_OF:
        return "RF-8", f"no directory record exists for such objects ({_class(header)})"
    if limits.sop_classes and header.sop_class_uid not in limits.sop_classes:
        return "R11-2", f"the profile has no place for such objects ({_class(header)})"
    if header.rows and 0 < header.bits_allocated <= max(header.bits_stored - 1, header.high_bit):
        return "R5-1", "its Bits Stored or High Bit do not fit into Bits Allocated"
    if span.length > limits.largest_file:
        return "R12-4", "it is larger than a file on this medium may be"
    if words := trouble(limits.images, header.sop_class_uid, "", facts):
        return "R11-2b", words
    syntax = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    if (syntax is not None and syntax.form == "video"
            and syntax.uid not in limits.transfer_syntaxes):
        return "R11-1", (f"it is a video ({syntax.keyword}), which is never changed, and the "
                         "profile does not allow it as it is; ZIP takes all videos")
    return None


def _class(header: InstanceHeader) -> str:
    """The name of its SOP class as a person reads it."""
    from pydicom.uid import UID

    return UID(header.sop_class_uid).name.removesuffix(" Storage")


def _needs(span: Span, header: InstanceHeader, item: Item, limits: Limits) -> list[str]:
    head = next(Span(span.path, span.offset, min(HEAD, span.length)).chunks(HEAD))
    needs = []
    if (header.transfer_syntax_uid not in limits.transfer_syntaxes
            or (limits.compress and is_native(header)) or (limits.lossy and header.rows)):
        needs.append("transcode")
    if item["patient"] and not _belongs(header, item["patient"]):
        needs.append("coerce")
    if (not clean_preamble(head) or any(check_meta(memoryview(head)))
            or not encoded_as_said(memoryview(head), header.transfer_syntax_uid)):
        needs.append("clean")
    if UNKNOWN in head and _hides_something(span):
        needs.append("resolve")
    return needs


def _hides_something(span: Span) -> bool:
    """What others must find is sent as UN; only files that have UN are read as a whole."""
    with span.view() as view:
        return hides_something(read_framing(view))


def is_native(header: InstanceHeader) -> bool:
    """It holds pixel data that no codec has made smaller."""
    known = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    return bool(header.rows and known and not known.encapsulated)


def _belongs(header: InstanceHeader, patient: Mapping[str, str]) -> bool:
    """The instance says who the index says; what the index does not know is no contradiction."""
    return all(not value or getattr(header, name) == value for name, value in patient.items())


def clean_preamble(head: bytes) -> bool:
    """Zero or TIFF: an outgoing file is nothing but DICOM (FAULTS E07)."""
    preamble = head[:LENGTH]
    return not any(preamble) or preamble.startswith(TIFF)
