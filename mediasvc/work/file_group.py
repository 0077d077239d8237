"""A decided group is filed: coerced, placed, and written into the index, batch by batch.

Each batch is durable before its rows are committed, and rows are what counts; a batch that was
placed but not committed is placed again after a crash, under the same names.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mediasvc.errors import StateError
from mediasvc.model import Finding, InstanceHeader, Patient, PatientKey
from mediasvc.store import index, ledger
from mediasvc.store.index import StoredInstance
from mediasvc.store.ledger import Item, Package, PatientGroup, Settled
from mediasvc.store.patients import patient_row
from mediasvc.work.batches import run_batches
from mediasvc.work.coerce import Order
from mediasvc.work.desk import SOFTWARE, Desk, dicom_now
from mediasvc.work.discover import Report
from mediasvc.work.provisional import remember_identifier

COMMIT = 256
BATCH = 8


@dataclass(frozen=True, slots=True)
class Written:
    """One instance as a child wrote it, not yet placed."""

    item: Item
    temp: Path
    row: dict[str, Any]


def file_group(desk: Desk, package: Package, number: int, report: Report) -> None:
    """File every instance of group ``number`` under the decided patient.

    What cannot be rewritten is quarantined with its reason; the rest goes in.
    """
    group, patient = _target(desk, package, number)
    order = order_for(desk, package, group, patient)
    items = list(_pending(desk, package, number))
    done = 0
    written = _write(desk, items, order)
    while batch := list(islice(written, COMMIT)):
        _commit(desk, package, patient, [one for one in batch if isinstance(one, Written)],
                [one for one in batch if not isinstance(one, Written)])
        done += len(batch)
        report(done, len(items), "filing")
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        ledger.change_group(connection, package.id, number, expect="decided", to="filed",
                            target=patient.row)


def order_for(desk: Desk, package: Package, group: PatientGroup, patient: Patient) -> Order:
    """What is written into the instances of a group filed under ``patient``."""
    site, local = desk.settings.site, patient.demographics
    return Order(
        patient_id=patient.key.patient_id, issuer=patient.key.issuer,
        patient_name=local.patient_name, patient_birth_date=local.patient_birth_date,
        patient_sex=local.patient_sex, foreign_issuer=group.issuer,
        source=package.source, institution=site.institution, station_name=site.station_name,
        software=SOFTWARE, at=dicom_now())


def _target(desk: Desk, package: Package, number: int) -> tuple[PatientGroup, Patient]:
    """The decided patient, who from now on is known under the foreign identifier too."""
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        group = ledger.group(connection, package.id, number)
        if group.target is None:
            raise StateError(f"Patient group {number} of package {package.id} has no patient.")
        remember_identifier(connection, group.target,
                            PatientKey(group.patient_id, group.issuer), package.id)
        return group, patient_row(connection, group.target)


def _pending(desk: Desk, package: Package, number: int) -> Iterator[Item]:
    with desk.store.read() as connection:
        for state in ("pending", "held"):
            yield from (item for item in ledger.items(connection, package.id, state=state,
                                                      group=number) if item.span)


def _write(desk: Desk, items: list[Item], order: Order) -> Iterator[Written | Settled]:
    by_number = {item.number: item for item in items}
    requests = ({"number": item.number, "span": item.span.as_json(), "sha256": item.sha256,
                 "temp": str(desk.objects.temp())} for item in items if item.span)
    for request, answer in run_batches(desk.sandbox, "mediasvc.work.filing:file_items", requests,
                                       BATCH, order=order.as_json()):
        item = by_number[int(request["number"])]
        if answer.error:
            yield Settled(item.number, "quarantined", f"filing: {answer.text}"[:200])
        else:
            yield Written(item, Path(request["temp"]), answer.value)


def _commit(desk: Desk, package: Package, patient: Patient, written: list[Written],
            refused: list[Settled]) -> None:
    """temp → fsync → rename → fsync directory → FULL commit (FAULTS §5)."""
    desk.objects.place_many([(one.temp, one.row["object_sha256"]) for one in written])
    rows = _rows(desk, package, written)
    for settled in refused:
        _quarantine(desk, package, settled)
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        index.put_instances(connection, patient.row, rows)
        ledger.settle(connection, package.id, [
            Settled(one.item.number, "archived", object_sha256=one.row["object_sha256"])
            for one in written])
        ledger.settle(connection, package.id, refused)
        ledger.add_findings(connection, package.id, [
            Finding("error", "not-filed", one_label(connection, package.id, settled.number),
                    f"This file could not be filed: {settled.reason.removeprefix('filing: ')}.",
                    "X04") for settled in refused])


def one_label(connection: Any, package_id: int, number: int) -> str:
    item = ledger.item(connection, package_id, number)
    return item.label if item else ""


def _rows(desk: Desk, package: Package, written: list[Written],
          ) -> list[tuple[StoredInstance, int]]:
    """Index rows, with the way back to the received bytes of each."""
    deltas = [one for one in written if one.row["restore"] == "delta"]
    places = {}
    if deltas:
        pack = desk.received.write_pack([
            (one.item.sha256, one.row["object_sha256"], base64.b64decode(one.row["delta"]))
            for one in deltas])
        places = {one.item.number: place for one, place in zip(deltas, pack.places, strict=True)}
    return [_row(desk, package, one, places.get(one.item.number)) for one in written]


def _row(desk: Desk, package: Package, one: Written, place: Any) -> tuple[StoredInstance, int]:
    header = InstanceHeader.from_json(one.row["header"])
    pack = place.pack_sha256 if place else ""
    if not place and one.item.span:
        _, pack = desk.objects.keep(one.item.span, one.item.sha256)
    return StoredInstance(
        sop_instance_uid=header.sop_instance_uid, series_instance_uid=header.series_instance_uid,
        object_sha256=one.row["object_sha256"], received_sha256=one.item.sha256,
        received_length=one.item.length, package_id=package.id, item_number=one.item.number,
        sop_class_uid=header.sop_class_uid, transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number, restore="delta" if place else "object",
        pack_sha256=pack, pack_offset=place.offset if place else 0,
        pack_length=place.length if place else 0, header=header), int(one.row["object_length"])


def _quarantine(desk: Desk, package: Package, settled: Settled) -> None:
    with desk.store.read() as connection:
        item = ledger.item(connection, package.id, settled.number)
    if item is not None and item.span is not None:
        try:
            desk.quarantine.keep(item.span)
        except Exception as error:
            raise StateError("A file that cannot be filed could not be kept either.") from error


