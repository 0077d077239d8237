"""The records of a DICOMDIR, judged strictly: offsets, levels, types, keys (PS3.3 F.3 to F.5).

Where following the offsets fails, the order of the records tells what belongs together, so that the
files can be judged all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from mediasvc.media.checking.checked_record import DEPTH, UNIQUE, number_value
from mediasvc.media.checking.directory_columns import Records
from mediasvc.media.page.words import Many
from mediasvc.model import Finding
from mediasvc.standard.directory_records import PRIVATE, RECORD_TYPES
from mediasvc.standard.sop_classes import RECORD_TYPE_OF

#: More of a kind are counted, not listed.
LISTED = 20
RULE_OF_LEVEL = ("RF-4", "RF-5", "RF-6", "RF-7")


def trouble(rule: str, text: str, subject: str = "DICOMDIR") -> Finding:
    return Finding("error", "rule-" + rule.lower(), subject, text, rule)


def limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first of each rule, then how many more."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.rule] += 1
        if counts[finding.rule] <= LISTED:
            yield finding
    yield from _others(counts)


def _others(counts: Counter[str]) -> Iterator[Finding]:
    for rule, count in counts.items():
        if count > LISTED:
            yield trouble(rule, f"and {count - LISTED} more of this kind")


def follow(data: Any, records: Records) -> Iterator[Finding]:
    """Follow every offset exactly; sets `Records.parents` and `reached`."""
    first, last = number_value(data, 0x00041200), number_value(data, 0x00041202)
    bogus = 0
    stack: list[tuple[int, int]] = [(first, -1)] if first else []
    end_of_root = 0
    while stack:
        offset, parent = stack.pop()
        number = records.at(offset)
        if number is None:
            bogus += 1
            continue
        if records.reached[number]:
            records.reached[number] = 2
            continue
        records.reached[number] = 1
        records.parents[number] = parent
        if parent < 0:
            end_of_root = offset
        if following := records.nexts[number]:
            stack.append((following, parent))
        if lower := records.lowers[number]:
            stack.append((lower, number))
    yield from _reached(records, bogus)
    if len(records) and (not first or last != end_of_root):
        yield trouble("RF-1", "the offset of the first or last root record is wrong")


def _reached(records: Records, bogus: int) -> Iterator[Finding]:
    lost = sum(not times for times in records.reached)
    twice = sum(times > 1 for times in records.reached)
    idle = sum(not record.in_use for record in records)
    if bogus:
        yield trouble("RF-9", f"{Many(bogus):offset points|offsets point} at no record")
    if lost:
        yield trouble("RF-2", f"{Many(lost):record is|records are} not reached by any offset")
    if twice:
        yield trouble("RF-2", f"{Many(twice):record is|records are} reached more than once")
    if idle:
        yield trouble("RF-2", f"{Many(idle):record is|records are} not in use")


def nest_by_order(records: Records) -> None:
    """A record belongs to the last one before it that is one level higher."""
    above: dict[int, int] = {-1: -1}
    for number, record in enumerate(records):
        level = record.level
        records.parents[number] = next((above[higher] for higher in range(level - 1, -2, -1)
                                        if higher in above), -1)
        above[level] = number
        for lower in range(level + 1, DEPTH + 1):
            above.pop(lower, None)


def _depth(records: Records, number: int) -> int:
    depth = 0
    while (number := records.parents[number]) >= 0 and depth <= 2 * DEPTH:
        depth += 1
    return depth


def check_types(records: Records) -> Iterator[Finding]:
    """Record types, their levels, and whether they suit the SOP class (RF-8)."""
    for number, record in enumerate(records, 1):
        known = RECORD_TYPES.get(record.type)
        if record.type == PRIVATE:
            continue
        if known is None:
            yield trouble("RF-8", f"record {number} has a type that does not exist")
        elif known.level != _depth(records, number - 1):
            yield trouble("RF-8", f"record {number} ({record.type}) stands at the wrong level")
        suits = RECORD_TYPE_OF.get(record.sop_class_uid)
        if known is not None and suits and suits != record.type:
            yield trouble("RF-8", f"record {number} is {record.type}, its SOP class needs {suits}")


def check_unique(records: Records) -> Iterator[Finding]:
    for kind, (_, words) in UNIQUE.items():
        seen = Counter(identity for number, identity in records.identities.items()
                       if records[number].type == kind)
        rule = RULE_OF_LEVEL[RECORD_TYPES[kind].level]
        for value, count in seen.items():
            if value and count > 1:
                yield trouble(rule, f"{count} {kind} records have the same {words}")


def check_keys(records: Records, key_set: str) -> Iterator[Finding]:
    """Type 1 keys have a value, type 2 keys are there; beside ``none``: only the further ones.

    `limited` already: every record of a large disc may lack several.
    """
    counts: Counter[str] = Counter()
    for number, record in enumerate(records, 1):
        for tag in record.lacks.get(key_set, ()):
            rule = RULE_OF_LEVEL[record.level] if key_set == "none" else "R11-5"
            counts[rule] += 1
            if counts[rule] <= LISTED:
                yield trouble(rule, f"record {number} ({record.type}) has no "
                                    f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    yield from _others(counts)
