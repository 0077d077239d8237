"""The new objects of a refile: written by children, placed, and staged in the ledger."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from mediasvc.errors import PUT_BACK, DamagedError
from mediasvc.model import InstanceHeader
from mediasvc.standard.coercion import CORRECT
from mediasvc.store import index, ledger, refile_rows, refiles
from mediasvc.store.expected import Procedure
from mediasvc.store.index import StoredInstance
from mediasvc.store.patients import patient_row
from mediasvc.store.received import Pack, Place
from mediasvc.store.refile_rows import NO_GROUP
from mediasvc.store.refiles import Refile, Staged
from mediasvc.work.decide import Change, sorted_changes
from mediasvc.work.desk import Desk
from mediasvc.work.intake.discover import Report
from mediasvc.work.placing.as_received import holding
from mediasvc.work.placing.file_group import order_for
from mediasvc.work.turns.batches import Item, run_batches

#: Each page ends with syncs and a commit, for which the children wait.
PAGE = 1_024
BATCH = 8


class _Orders:
    """What is written into the instances of each package and group, numbered for the children."""

    def __init__(self, desk: Desk, one: Refile, procedure: Procedure) -> None:
        with desk.store.read() as connection:
            person = patient_row(connection, one.target)
            groups = [(package, group) for package, group, _ in refile_rows.groups_of(
                connection, one.studies)]
            packages = {package: ledger.package(connection, package) for package, _ in groups}
            self._items = refile_rows.item_groups(connection, list(packages))
            rows = {both: ledger.group(connection, *both) for both in groups}
        self._numbers = {both: number for number, both in enumerate(groups)}
        orders = [order_for(desk, packages[package], replace(row, decided_at=one.at), person,
                            procedure) for (package, _), row in rows.items()]
        self.as_json: list[dict[str, Any]] = [replace(order, reason=CORRECT).as_json()
                                              for order in orders]

    def number(self, stored: StoredInstance) -> int:
        groups = self._items.get(stored.package_id, ())
        group = groups[stored.item_number] if stored.item_number < len(groups) else NO_GROUP
        if (stored.package_id, group) not in self._numbers:
            raise DamagedError("An instance has no patient group in the ledger.", PUT_BACK)
        return self._numbers[stored.package_id, group]


def preview_changes(desk: Desk, one: Refile, procedure: Procedure) -> list[Change]:
    """Every attribute that would change in the stored instances."""
    orders = _Orders(desk, one, procedure)
    requests = (_request(desk, stored, orders) for stored in _instances(desk, one))
    counted: Counter[tuple[Any, ...]] = Counter()
    for _, answer in run_batches(desk.sandbox, "mediasvc.work.refiling.refile_items:preview_items",
                                 requests, BATCH, orders=orders.as_json):
        if answer.error:
            raise _damaged()
        for row in answer.value:
            counted[row["tag"], row["name"], row["old"], row["new"]] += 1
    return sorted_changes(counted)


def write_objects(desk: Desk, one: Refile, procedure: Procedure, report: Report) -> None:
    """Every instance of the studies is staged with its new object. Raises DamagedError."""
    orders = _Orders(desk, one, procedure)
    with desk.store.read() as connection:
        total = refile_rows.filed_instances(connection, one.studies)
    source, done = _instances(desk, one), 0
    while page := list(islice(source, PAGE)):
        with desk.store.read() as connection:
            there = refiles.known(connection, one.id, [row.sop_instance_uid for row in page])
        _write_page(desk, one, [row for row in page if row.sop_instance_uid not in there], orders)
        done += len(page)
        report(done, total, "moving")


def _instances(desk: Desk, one: Refile) -> Iterator[StoredInstance]:
    """By pages, none of them held open while others are written."""
    for study in one.studies:
        with desk.store.read() as connection:
            found = index.series_uids(connection, study)
        for uid in found:
            yield from _of_series(desk, uid)


def _of_series(desk: Desk, uid: str) -> Iterator[StoredInstance]:
    last = ""
    while True:
        with desk.store.read() as connection:
            page = index.series_page(connection, uid, last)
        if not page:
            return
        yield from page
        last = page[-1].sop_instance_uid


def _request(desk: Desk, one: StoredInstance, orders: _Orders) -> Item:
    return holding(desk, one) | {"order": orders.number(one)}


def _write_page(desk: Desk, one: Refile, page: Sequence[StoredInstance], orders: _Orders) -> None:
    by_uid = {stored.sop_instance_uid: stored for stored in page}
    requests = (_request(desk, stored, orders) | {
        "temp": str(desk.objects.temp()), "keep": str(desk.objects.temp())} for stored in page)
    made: list[tuple[StoredInstance, Item, dict[str, Any]]] = []
    for request, answer in run_batches(
            desk.sandbox, "mediasvc.work.refiling.refile_items:move_items", requests, BATCH,
            orders=orders.as_json):
        if answer.error:
            raise _damaged()
        made.append((by_uid[str(request["uid"])], request, answer.value))
    made.sort(key=lambda each: each[0].sop_instance_uid)  # the same packs after a crash
    if made:
        _commit(desk, one, made)


def _damaged() -> DamagedError:
    return DamagedError("An instance of the study cannot be coerced anew; nothing was changed.",
                        PUT_BACK)


def _commit(desk: Desk, one: Refile, made: list[tuple[StoredInstance, Item, dict[str, Any]]],
            ) -> None:
    files = [(Path(request["temp"]), str(row["object_sha256"])) for _, request, row in made]
    files += [(Path(request["keep"]), stored.received_sha256) for stored, request, row in made
              if row["restore"] == "object"]
    lengths = {str(row["object_sha256"]): int(row["object_length"]) for *_, row in made}
    lengths |= {stored.received_sha256: stored.received_length for stored, _, row in made
                if row["restore"] == "object"}
    desk.objects.place_many(files)
    pack, ways, backs = _pack(desk, made)
    rows = [Staged(stored.sop_instance_uid, stored,
                   _after(stored, row, ways.get(stored.sop_instance_uid)),
                   backs.get(stored.sop_instance_uid, (stored.object_sha256, 0, 0)))
            for stored, _, row in made]
    with desk.store.transaction() as connection:
        index.put_objects(connection, lengths)
        if pack is not None:
            index.put_objects(connection, {pack.sha256: pack.length}, kind="pack")
        refiles.stage(connection, one.id, rows)


def _pack(desk: Desk, made: list[tuple[StoredInstance, Item, dict[str, Any]]],
          ) -> tuple[Pack | None, dict[str, Place], dict[str, tuple[str, int, int]]]:
    """The deltas to what was received, and those to the objects before, in one pack."""
    ways = [(stored, row) for stored, _, row in made if row["restore"] == "delta"]
    backs = [(stored, row) for stored, _, row in made if row["back"]]
    deltas = [(stored.received_sha256, str(row["object_sha256"]), base64.b64decode(row["delta"]))
              for stored, row in ways]
    deltas += [(stored.object_sha256, str(row["object_sha256"]), base64.b64decode(row["back"]))
               for stored, row in backs]
    if not deltas:
        return None, {}, {}
    pack = desk.received.write_pack(deltas)
    to_received = {stored.sop_instance_uid: place for (stored, _), place in zip(
        ways, pack.places, strict=False)}
    to_before = {stored.sop_instance_uid: (place.pack_sha256, place.offset, place.length)
                 for (stored, _), place in zip(backs, pack.places[len(ways):], strict=True)}
    return pack, to_received, to_before


def _after(stored: StoredInstance, row: dict[str, Any], place: Place | None) -> StoredInstance:
    header = InstanceHeader.from_json(row["header"])
    return replace(
        stored, object_sha256=str(row["object_sha256"]), header=header,
        transfer_syntax_uid=header.transfer_syntax_uid, restore="delta" if place else "object",
        pack_sha256=place.pack_sha256 if place else stored.received_sha256,
        pack_offset=place.offset if place else 0, pack_length=place.length if place else 0)

