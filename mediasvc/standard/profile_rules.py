"""What a profile asks of single images: values, bits, and which transfer syntax goes with them.

Several rules for one SOP class are alternatives: an image must keep one of them whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: What rules may speak of, and the field of `InstanceHeader` that holds it.
HEADER_FIELD = {
    "Modality": "modality", "PhotometricInterpretation": "photometric_interpretation",
    "Rows": "rows", "Columns": "columns", "NumberOfFrames": "number_of_frames",
    "SamplesPerPixel": "samples_per_pixel", "BitsAllocated": "bits_allocated",
    "BitsStored": "bits_stored", "HighBit": "high_bit",
}
Value = str | int
#: Keyword (or SEQUENCE/KEYWORD for what stands in its items) → value; None where it is absent.
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageRule:
    """``sop_classes``: () means all; ``transfer_syntaxes``: () means those of the profile.

    ``values``: keyword → the allowed ones; ``at_most``: keyword → the largest number; ``present``:
    keywords that must be there, with a value; ``named``: that must be there, even without one.
    ``high_bit``: it is Bits Stored - 1.
    """

    clause: str
    sop_classes: tuple[str, ...] = ()
    transfer_syntaxes: tuple[str, ...] = ()
    values: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    at_most: dict[str, int] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    high_bit: bool = False

    def troubles(self, facts: Facts) -> list[str]:
        """What of the values is wrong, in words."""
        found = [f"{_words(keyword)} must be {' or '.join(map(str, allowed))}"
                 for keyword, allowed in self.values.items() if facts.get(keyword) not in allowed]
        found += [f"{_words(keyword)} must be at most {limit}"
                  for keyword, limit in self.at_most.items()
                  if int(facts.get(keyword) or 0) > limit]
        found += [f"there is no {_words(keyword)}" for keyword in self.present
                  if not facts.get(keyword)]
        found += [f"there is no {_words(keyword)}" for keyword in self.named
                  if facts.get(keyword) is None]
        if self.high_bit and facts.get("HighBit") != int(facts.get("BitsStored") or 0) - 1:
            found.append("High Bit must be Bits Stored - 1")
        return found

    def in_words(self) -> list[str]:
        """What it asks for, one line each."""
        found = [f"{_words(keyword)} {', '.join(map(str, allowed))}"
                 for keyword, allowed in self.values.items()]
        found += [f"{_words(keyword)} at most {limit}" for keyword, limit in self.at_most.items()]
        found += [f"{_words(keyword)} present" for keyword in (*self.present, *self.named)]
        found += ["High Bit is Bits Stored - 1"] if self.high_bit else []
        return [f"{words} ({self.clause})" for words in found]

    @property
    def keywords(self) -> frozenset[str]:
        """Everything that it must be told of an image."""
        more = ("HighBit", "BitsStored") if self.high_bit else ()
        return frozenset((*self.values, *self.at_most, *self.present, *self.named, *more))


def rules_for(rules: Iterable[ImageRule], sop_class_uid: str) -> tuple[ImageRule, ...]:
    return tuple(rule for rule in rules
                 if not rule.sop_classes or sop_class_uid in rule.sop_classes)


def trouble(rules: Iterable[ImageRule], sop_class_uid: str, transfer_syntax_uid: str,
            facts: Facts) -> str:
    """Why no rule is kept, by the one that comes nearest; empty when one is, or there is none.

    ``transfer_syntax_uid`` empty: it is not asked for, because it can still be changed.
    """
    near: list[tuple[int, int, str]] = []
    for rule in rules_for(rules, sop_class_uid):
        found = rule.troubles(facts)
        wrong_values = len(found)
        if (transfer_syntax_uid and rule.transfer_syntaxes
                and transfer_syntax_uid not in rule.transfer_syntaxes):
            found.append("its transfer syntax does not go with the rest")
        if not found:
            return ""
        near.append((len(found), wrong_values, f"{', '.join(found)} ({rule.clause})"))
    return min(near, key=lambda row: row[:2])[2] if near else ""


def syntaxes(rules: Iterable[ImageRule], sop_class_uid: str, facts: Facts,
             ) -> frozenset[str] | None:
    """The transfer syntaxes that go with these values; None: no rule restricts them."""
    kept = [rule for rule in rules_for(rules, sop_class_uid) if not rule.troubles(facts)]
    if not kept or any(not rule.transfer_syntaxes for rule in kept):
        return None
    return frozenset(uid for rule in kept for uid in rule.transfer_syntaxes)


def header_facts(header: Any) -> dict[str, Value | None]:
    """What an `InstanceHeader` tells; what is not there is None."""
    return {keyword: getattr(header, name) or None if name != "high_bit" else header.high_bit
            for keyword, name in HEADER_FIELD.items()}


def _words(keyword: str) -> str:
    """``BitsStored`` → ``Bits Stored``, ``DetectorID`` → ``Detector ID``."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", keyword.rpartition("/")[2])
