"""What a profile says to an instance: what it needs, or why it cannot go. Rules alone, no bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mediasvc.model import InstanceHeader
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

    def asked(self, sop_class_uid: str) -> frozenset[str]:
        """What the rules for images must know of an instance of that class."""
        return frozenset(word for rule in rules_for(self.images, sop_class_uid)
                         for word in rule.keywords)

    def header_is_enough(self, sop_class_uid: str) -> bool:
        return not self.images or self.asked(sop_class_uid) <= HEADER_FIELD.keys()

    def facts(self, header: InstanceHeader) -> dict[str, Any]:
        """Those, where the header is enough for them."""
        return header_facts(header) if self.images else {}


@dataclass(frozen=True, slots=True)
class Fitness:
    """``needs``: ``transcode``, ``coerce``, ``clean`` (preamble or file meta), ``resolve`` (UN
    where the standard knows better); ``excluded``: rule and words when it cannot go."""

    needs: list[str] = field(default_factory=list)
    excluded: tuple[str, str] | None = None


def fitness(header: InstanceHeader, length: int, patient: Mapping[str, str], limits: Limits,
            facts: Mapping[str, Any], of_bytes: list[str]) -> Fitness:
    """``patient``: whose it must say it is; ``facts`` what the rules for images ask; ``of_bytes``:
    what it needs by its bytes."""
    needs = []
    if (header.transfer_syntax_uid not in limits.transfer_syntaxes
            or (limits.compress and is_native(header)) or (limits.lossy and header.rows)):
        needs.append("transcode")
    if patient and not _belongs(header, patient):
        needs.append("coerce")
    needs += of_bytes
    if excluded := _excluded(header, length, limits, facts):
        return Fitness(needs, excluded)
    fitting = syntaxes(limits.images, header.sop_class_uid, facts) if limits.images else None
    if (fitting is not None and header.transfer_syntax_uid not in fitting
            and "transcode" not in needs):
        needs.append("transcode")
    return Fitness(needs)


def _excluded(header: InstanceHeader, length: int, limits: Limits, facts: Mapping[str, Any],
              ) -> tuple[str, str] | None:
    if header.sop_class_uid not in RECORD_TYPE_OF:
        return "RF-8", f"no directory record exists for such objects ({_class(header)})"
    if limits.sop_classes and header.sop_class_uid not in limits.sop_classes:
        return "R11-2", f"the profile has no place for such objects ({_class(header)})"
    if header.rows and 0 < header.bits_allocated <= max(header.bits_stored - 1, header.high_bit):
        return "R5-1", "its Bits Stored or High Bit do not fit into Bits Allocated"
    if length > limits.largest_file:
        return "R12-4", "it is larger than a file on this medium may be"
    if limits.images and (words := trouble(limits.images, header.sop_class_uid, "", facts)):
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


def is_native(header: InstanceHeader) -> bool:
    """It holds pixel data that no codec has made smaller."""
    known = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    return bool(header.rows and known and not known.encapsulated)


def _belongs(header: InstanceHeader, patient: Mapping[str, str]) -> bool:
    """The instance says who the index says; what the index does not know is no contradiction."""
    return all(not value or getattr(header, name) == value for name, value in patient.items())
