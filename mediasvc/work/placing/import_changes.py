"""What filing changed in the instances of a package: each received header against the stored one.

Nothing is taken from a log: the received bytes are rebuilt, both files are proven by their sha256
and the data sets are compared, so the table says what is in the archive.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.text import decode, display
from mediasvc.errors import DamagedError
from mediasvc.sandbox import Answer
from mediasvc.span import Span
from mediasvc.store import index, ledger
from mediasvc.store.index import StoredInstance
from mediasvc.work.desk import Desk
from mediasvc.work.placing.as_received import holding, received_view
from mediasvc.work.placing.items_told import told_items
from mediasvc.work.turns.batches import Item, each, run_batches

BATCH = 16
PAGE = 1_000
GONE = "Its file is not in the archive."
SPECIFIC_CHARACTER_SET = 0x00080005
#: Bytes that are compared at a time: what stays in the processor's cache.
_AT_ONCE = 1 << 16
#: Bytes of a value that are shown.
SHOWN = 2000
#: An attribute that differs so often within a group is told once, without its values.
VARIETY = 12
VARIOUS = "(differs from image to image)"


@dataclass(frozen=True, slots=True)
class Changed:
    """One attribute with the same values before and after in ``instances`` instances of a patient
    group. ``old`` None: it was absent."""

    group: int
    tag: str
    name: str
    old: str | None
    new: str
    instances: int


@dataclass(frozen=True, slots=True)
class Broken:
    """An instance that cannot be held against what was received; ``why`` in a clerk's words."""

    number: int
    sop_instance_uid: str
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """``changes`` in order of group and tag; what is ``broken`` is not among them."""

    changes: tuple[Changed, ...]
    broken: tuple[Broken, ...]


def changes(desk: Desk, number: int) -> Compared:
    """Every filed instance of the package against what was received."""
    with desk.store.read() as connection:
        groups = array("I")
        for item in ledger.items(connection, number, state="archived", headers=False):
            groups.extend([0] * (item.number + 1 - len(groups)))
            groups[item.number] = item.group_number or 0
    counted = _Counted()
    broken: list[Broken] = []
    for page in _pages(desk, number):
        troubles = _count(desk, page, groups, counted)
        # Somebody may just have moved it to another patient: then there is a newer row.
        again = _changed_meanwhile(desk, [one for one, _ in troubles])
        troubles = [(one, why) for one, why in troubles if one.sop_instance_uid not in again]
        troubles += _count(desk, list(again.values()), groups, counted)
        broken += [Broken(one.item_number, one.sop_instance_uid, why) for one, why in troubles]
    return Compared(tuple(counted.told()), tuple(sorted(broken, key=lambda one: one.number)))


def _pages(desk: Desk, number: int) -> Iterator[list[StoredInstance]]:
    with desk.store.read() as connection:
        source = index.package_instances(connection, number, headers=False)
        while page := list(islice(source, PAGE)):
            yield page


def _count(desk: Desk, page: Sequence[StoredInstance], groups: Sequence[int],
           counted: _Counted) -> list[tuple[StoredInstance, str]]:
    """Add what differs; returns what could not be compared, and why."""
    by_uid = {one.sop_instance_uid: one for one in page}
    troubles: list[tuple[StoredInstance, str]] = []
    requests: list[Item] = []
    for one in page:
        group = groups[one.item_number] if one.item_number < len(groups) else 0
        try:
            requests.append(holding(desk, one) | {"group": group})
        except DamagedError as error:
            troubles.append((one, error.text))
        except OSError:
            troubles.append((one, GONE))
    for item, answer in run_batches(
            desk.sandbox, "mediasvc.work.placing.import_changes:compare_items", requests, BATCH):
        if answer.error:
            troubles.append((by_uid[str(item["uid"])], _words(answer)))
            continue
        for row in answer.value:
            counted.add(item["group"], row)
    return troubles


def _words(answer: Answer) -> str:
    if answer.error == "FileNotFoundError":
        return GONE
    return answer.text if answer.error == DamagedError.__name__ else (
        f"The comparison {answer.text}.")


def _changed_meanwhile(desk: Desk, broken: Sequence[StoredInstance]) -> dict[str, StoredInstance]:
    if not broken:
        return {}
    with desk.store.read() as connection:
        now = index.instances(connection, [one.sop_instance_uid for one in broken])
    return {one.sop_instance_uid: now[one.sop_instance_uid] for one in broken
            if one.sop_instance_uid in now
            and now[one.sop_instance_uid].object_sha256 != one.object_sha256}


class _Counted:
    """How often an attribute of a patient group changed from one value to another; values that
    differ from image to image are not kept."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[int, str, str], Counter[tuple[str | None, str]]] = {}

    def add(self, group: int, row: dict[str, Any]) -> None:
        pairs = self._pairs.setdefault((group, row["tag"], row["name"]), Counter())
        pair = (VARIOUS, VARIOUS) if (VARIOUS, VARIOUS) in pairs else (row["old"], row["new"])
        pairs[pair] += 1
        if len(pairs) > VARIETY:
            total = pairs.total()
            pairs.clear()
            pairs[VARIOUS, VARIOUS] = total

    def told(self) -> Iterator[Changed]:
        """In order of group and tag."""
        for (group, tag, name), pairs in sorted(self._pairs.items()):
            for (old, new), count in sorted(pairs.items(), key=lambda one: (
                    one[0][0] or "", one[0][1])):
                yield Changed(group, tag, name, old, new, count)


def compare_items(items: list[Item]) -> list[Any]:
    """The child's side: for each item the attributes that are not as received."""
    return each(_compare, items)


def _compare(item: Item) -> list[dict[str, Any]]:
    with Span.from_json(item["span"]).view() as stored, received_view(item, stored) as received:
        return differences(received, stored)


def differences(received: memoryview, stored: memoryview) -> list[dict[str, Any]]:
    """Every attribute that is not the same in both: ``tag``, ``name``, ``old`` and ``new``."""
    before, after = read_framing(received), read_framing(stored)
    return [_row(before, after, tag) for tag in sorted(before.index.keys() | after.index.keys())
            if not _same(before.view(tag), after.view(tag))]


def _same(one: memoryview | None, two: memoryview | None) -> bool:
    """Pixel data are compared too: a part at a time, because only bytes are compared quickly."""
    if one is None or two is None or len(one) != len(two):
        return one is two
    if len(one) <= _AT_ONCE:
        return bytes(one) == bytes(two)
    return all(bytes(one[at:at + _AT_ONCE]) == bytes(two[at:at + _AT_ONCE])
               for at in range(0, len(one), _AT_ONCE))


def _row(before: Framing, after: Framing, tag: int) -> dict[str, Any]:
    return {"tag": f"({tag >> 16:04X},{tag & 0xFFFF:04X})", "name": _entry(tag)[0],
            "old": _value(before, tag), "new": _value(after, tag) or ""}


@lru_cache(maxsize=1024)
def _entry(tag: int) -> tuple[str, str]:
    """Name and VR."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR

    if not dictionary_has_tag(tag):
        return "(private)", "UN"
    return dictionary_description(tag), dictionary_VR(tag)


def _value(framing: Framing, tag: int) -> str | None:
    raw = framing.value(tag, SHOWN)
    if raw is None:
        return None
    vr = _entry(tag)[1]
    charset = (framing.value(SPECIFIC_CHARACTER_SET) or b"").decode("ascii", "replace")
    charset = charset.strip(" \0")
    return told_items(framing, tag, charset) if vr == "SQ" else _text(raw, charset, vr)


@lru_cache(maxsize=4096)
def _text(raw: bytes, charset: str, vr: str) -> str:
    """The instances of a series share most of their values."""
    from pydicom.valuerep import STR_VR

    if vr not in STR_VR:
        return "(binary data)"
    return display(decode(raw, charset, vr)[0].strip(" \0"))
