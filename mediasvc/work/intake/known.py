"""Instances that are here already: same content is a duplicate, other content held (I05, I06)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mediasvc.span import Span
from mediasvc.store import discs, index, ledger
from mediasvc.store.index import StoredInstance
from mediasvc.store.ledger import Item, Package, Settled
from mediasvc.work.desk import Desk
from mediasvc.work.turns.batches import run_batches

PAGE = 1_000
CONFLICT = "uid-conflict"


@dataclass(frozen=True, slots=True)
class Twin:
    """Two instances with one SOP Instance UID whose bytes differ; ``name`` is the earlier one."""

    item: Item
    other: Span
    name: str


def settle_known(desk: Desk, package: Package, decided: int | None = None) -> None:
    """Settle every instance whose UID is in the archive or earlier on the package; of group
    ``decided`` those that came with another package while it waited."""
    first: dict[str, Item] = {}
    twins: list[Twin] = []
    with desk.store.read() as connection:
        found = (ledger.twins(connection, package.id) if decided is None else
                 ledger.came_since(connection, package.id, decided))
        while page := list(islice(found, PAGE)):
            uids = [item.sop_instance_uid for item in page]
            stored = index.instances(connection, uids)
            ours = discs.handed_out_files(connection, uids) if stored else set()
            settled: list[Settled] = []
            for item in page:
                if item.sop_instance_uid in stored and (item.sop_instance_uid, item.sha256) in ours:
                    settled.append(Settled(item.number, "duplicate", "our-own-disc",
                                           duplicate_of=item.sop_instance_uid))
                    continue
                settled += _compare(desk, item, stored, first, package.id, twins)
            _put(desk, package, settled)
    verdicts = _verdicts(desk, twins)
    while part := list(islice(verdicts, PAGE)):
        _put(desk, package, part)


def _put(desk: Desk, package: Package, settled: list[Settled]) -> None:
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        ledger.settle(connection, package.id, settled)


def _compare(desk: Desk, item: Item, stored: dict[str, StoredInstance], first: dict[str, Item],
             package_id: int, twins: list[Twin]) -> Iterator[Settled]:
    uid, known = item.sop_instance_uid, stored.get(item.sop_instance_uid)
    if known is not None:
        if item.sha256 in (known.received_sha256, known.object_sha256):
            yield Settled(item.number, "duplicate", "in-archive", duplicate_of=uid)
        else:
            twins.append(Twin(item, Span.of_file(desk.objects.path(known.object_sha256)), uid))
    elif uid in first:
        earlier = first[uid]
        name = f"{package_id}/{earlier.number}"
        if earlier.sha256 == item.sha256:
            yield Settled(item.number, "duplicate", "on-package", duplicate_of=name)
        elif earlier.span is not None:
            twins.append(Twin(item, earlier.span, name))
    else:
        first[uid] = item


def _verdicts(desk: Desk, twins: list[Twin]) -> Iterator[Settled]:
    by_number = {twin.item.number: twin for twin in twins}
    pairs = ({"number": twin.item.number, "a": twin.item.span.as_json(),
              "b": twin.other.as_json()} for twin in twins if twin.item.span is not None)
    for pair, answer in run_batches(desk.sandbox, "mediasvc.work.intake.same_content:compare_items",
                                    pairs, 8):
        twin = by_number[int(pair["number"])]
        if not answer.error and answer.value["same"]:
            yield Settled(twin.item.number, "duplicate", "same-content", duplicate_of=twin.name)
        else:
            yield Settled(twin.item.number, "held", CONFLICT, duplicate_of=twin.name)
