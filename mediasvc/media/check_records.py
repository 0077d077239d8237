"""The records of a DICOMDIR, judged strictly: offsets, levels, types, keys (PS3.3 F.3 to F.5).

A record is boiled down as soon as it is read, because a disc may have hundreds of thousands. Where
following the offsets fails, the order of the records tells what belongs together, so that the files
can be judged all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydicom.dataset import Dataset

from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_SETS, PRIVATE, RECORD_TYPES, Key, keys_of
from mediasvc.standard.sop_classes import RECORD_TYPE_OF

#: More of a kind are counted, not listed.
LISTED = 20
RULE_OF_LEVEL = ("RF-4", "RF-5", "RF-6", "RF-7")
UNIQUE = {"PATIENT": (0x00100020, "Patient ID"), "STUDY": (0x0020000D, "Study Instance UID"),
          "SERIES": (0x0020000E, "Series Instance UID")}
DEPTH = 3
CHARACTER_SET = 0x00080005
#: tag → (value bytes as latin-1, level of its record, Specific Character Set of its record)
Keys = dict[int, tuple[str, int, str]]
Lacks = dict[str, tuple[int, ...]]
_NOTHING: Lacks = {}


@dataclass(slots=True)
class DirectoryRecord:
    """``lacks``: key set → tags of required keys that are not there; ``parent`` and ``reached``
    are found by `follow` or `nest_by_order`. ``identity``: what no other of its type may have."""

    offset: int
    type: str
    next: int
    lower: int
    in_use: bool
    sop_class_uid: str
    identity: bytes
    lacks: Lacks
    parent: int = -1
    reached: int = 0

    @property
    def level(self) -> int:
        """Where its type belongs; leaves and what is unknown: `DEPTH`."""
        known = RECORD_TYPES.get(self.type)
        return known.level if known else DEPTH


def trouble(rule: str, text: str, subject: str = "DICOMDIR") -> Finding:
    return Finding("error", "rule-" + rule.lower(), subject, text, rule)


def limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first of each rule, then how many more."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.rule] += 1
        if counts[finding.rule] <= LISTED:
            yield finding
    for rule, count in counts.items():
        if count > LISTED:
            yield trouble(rule, f"and {count - LISTED} more of this kind")


def record_of(item: Dataset) -> DirectoryRecord:
    """What must be known of a record until all are read."""
    kind = text_of(raw_value(item, 0x00041430))
    unique = UNIQUE.get(kind)
    return DirectoryRecord(
        offset=int(getattr(item, "seq_item_tell", -1)), type=kind,
        next=number_value(item, 0x00041400), lower=number_value(item, 0x00041420),
        in_use=number_value(item, 0x00041410) == 0xFFFF,
        sop_class_uid=text_of(raw_value(item, 0x00041510)),
        identity=raw_value(item, unique[0]) if unique else b"", lacks=_lacks(item, kind))


def keys_in(item: Dataset, level: int) -> Keys:
    """The keys of one record, without sequences and what has no value."""
    charset = text_of(raw_value(item, CHARACTER_SET))
    keys: Keys = {}
    for tag, element in item.items():
        if element.VR == "SQ" or tag.group in (2, 4) or tag == CHARACTER_SET:
            continue
        if isinstance(element.value, bytes) and (value := element.value.rstrip(b" \0")):
            keys[int(tag)] = (value.decode("latin-1"), level, charset)
    return keys


def raw_value(item: Dataset, tag: int) -> bytes:
    """The value's bytes without padding; of a sequence only whether it has items."""
    if tag not in item:
        return b""
    value = item.get_item(tag).value
    if isinstance(value, bytes):
        return value.rstrip(b" \0")
    return b"(items)" if value else b""


def number_value(item: Dataset, tag: int) -> int:
    value = item.get(tag)
    number = value.value if value is not None else None
    return number if isinstance(number, int) else 0


def text_of(raw: bytes) -> str:
    return raw.decode("latin-1").strip()


@lru_cache(maxsize=512)
def _required(kind: str, key_set: str) -> tuple[Key, ...]:
    """Keys of type 1 and 2; of another set than ``none`` only what it asks for beside that."""
    own = {key.tag: key.type for key in keys_of(kind)} if key_set != "none" else {}
    return tuple(key for key in keys_of(kind, key_set)
                 if key.type in ("1", "2") and own.get(key.tag) != key.type)


def _lacks(item: Dataset, kind: str) -> Lacks:
    if kind not in RECORD_TYPES:
        return _NOTHING
    found: Lacks = {}
    for key_set in KEY_SETS:
        absent = tuple(key.tag for key in _required(kind, key_set)
                       if (not raw_value(item, key.tag) if key.type == "1"
                           else key.tag not in item))
        if absent:
            found[key_set] = absent
    return found or _NOTHING


def follow(data: Any, records: list[DirectoryRecord]) -> Iterator[Finding]:
    """Follow every offset exactly; sets `DirectoryRecord.parent` and `reached`."""
    place = {record.offset: number for number, record in enumerate(records)}
    first, last = number_value(data, 0x00041200), number_value(data, 0x00041202)
    bogus = 0
    stack: list[tuple[int, int]] = [(first, -1)] if first else []
    end_of_root = 0
    while stack:
        offset, parent = stack.pop()
        number = place.get(offset)
        if number is None:
            bogus += 1
            continue
        record = records[number]
        record.reached += 1
        if record.reached > 1:
            continue
        record.parent = parent
        if parent < 0:
            end_of_root = offset
        if record.next:
            stack.append((record.next, parent))
        if record.lower:
            stack.append((record.lower, number))
    yield from _reached(records, bogus)
    if records and (not first or last != end_of_root):
        yield trouble("RF-1", "the offset of the first or last root record is wrong")


def _reached(records: list[DirectoryRecord], bogus: int) -> Iterator[Finding]:
    lost = sum(not record.reached for record in records)
    twice = sum(record.reached > 1 for record in records)
    idle = sum(not record.in_use for record in records)
    if bogus:
        yield trouble("RF-9", f"{bogus} offsets point at no record")
    if lost:
        yield trouble("RF-2", f"{lost} records are not reached by any offset")
    if twice:
        yield trouble("RF-2", f"{twice} records are reached more than once")
    if idle:
        yield trouble("RF-2", f"{idle} records are not in use")


def nest_by_order(records: list[DirectoryRecord]) -> None:
    """A record belongs to the last one before it that is one level higher."""
    above: dict[int, int] = {-1: -1}
    for number, record in enumerate(records):
        level = record.level
        record.parent = next((above[higher] for higher in range(level - 1, -2, -1)
                              if higher in above), -1)
        above[level] = number
        for lower in range(level + 1, DEPTH + 1):
            above.pop(lower, None)


def _depth(records: list[DirectoryRecord], record: DirectoryRecord) -> int:
    depth = 0
    while record.parent >= 0 and depth <= 2 * DEPTH:
        record, depth = records[record.parent], depth + 1
    return depth


def check_types(records: list[DirectoryRecord]) -> Iterator[Finding]:
    """Record types, their levels, and whether they suit the SOP class (RF-8)."""
    for number, record in enumerate(records, 1):
        known = RECORD_TYPES.get(record.type)
        if record.type == PRIVATE:
            continue
        if known is None:
            yield trouble("RF-8", f"record {number} has a type that does not exist")
        elif known.level != _depth(records, record):
            yield trouble("RF-8", f"record {number} ({record.type}) stands at the wrong level")
        suits = RECORD_TYPE_OF.get(record.sop_class_uid)
        if known is not None and suits and suits != record.type:
            yield trouble("RF-8", f"record {number} is {record.type}, its SOP class needs {suits}")


def check_unique(records: list[DirectoryRecord]) -> Iterator[Finding]:
    for kind, (_, words) in UNIQUE.items():
        seen = Counter(record.identity for record in records if record.type == kind)
        rule = RULE_OF_LEVEL[RECORD_TYPES[kind].level]
        for value, count in seen.items():
            if value and count > 1:
                yield trouble(rule, f"{count} {kind} records have the same {words}")


def check_keys(records: list[DirectoryRecord], key_set: str) -> Iterator[Finding]:
    """Type 1 keys have a value, type 2 keys are there; beside ``none``: only the further ones."""
    for number, record in enumerate(records, 1):
        for tag in record.lacks.get(key_set, ()):
            rule = RULE_OF_LEVEL[record.level] if key_set == "none" else "R11-5"
            yield trouble(rule, f"record {number} ({record.type}) has no "
                                f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
