"""A decided group is filed: coerced, placed, and written into the index, batch by batch.

Each batch is durable before its rows are committed, and rows are what counts; a batch that was
placed but not committed is placed again after a crash, under the same names.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mediasvc.errors import StateError
from mediasvc.model import Finding, InstanceHeader, Patient, PatientKey
from mediasvc.store import index, ledger
from mediasvc.store.expected import Procedure
from mediasvc.store.index import StoredInstance
from mediasvc.store.items import OPEN
from mediasvc.store.ledger import Item, Package, PatientGroup, Settled
from mediasvc.store.patients import patient_row
from mediasvc.store.received import Pack, Place
from mediasvc.work.desk import SOFTWARE, Desk, dicom_now, dicom_time
from mediasvc.work.intake.discover import Report
from mediasvc.work.intake.group_order import settle_order
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.placing.provisional import remember_identifier
from mediasvc.work.turns.batches import run_batches

COMMIT = 1_024
RUN = 4 * COMMIT
BATCH = 16


@dataclass(frozen=True, slots=True)
class Written:
    """One instance as a child wrote it, not yet placed; ``secured`` if it is on the disk."""

    item: Item
    temp: Path
    row: dict[str, Any]
    secured: bool = False

    @property
    def number(self) -> int:
        return self.item.number


#: Those of the items that are written already just as ordered.
Ready = Callable[[Order, list[Item]], list[Written]]


def file_group(desk: Desk, package: Package, number: int, report: Report,
               ready: Ready = lambda order, items: []) -> None:
    """File every instance of group ``number`` under the decided patient.

    What cannot be rewritten is quarantined with its reason; the rest goes in.
    """
    group, patient, procedure = _target(desk, package, number)
    order = order_for(desk, package, group, patient, procedure)
    done = 0
    for items in _pending(desk, package, number):
        with closing(_write(desk, items, order, ready(order, items))) as written:
            for batch in _placed(desk, _in_batches(written, items)):
                _commit(desk, package, patient, [one for one in batch if isinstance(one, Written)],
                        [one for one in batch if not isinstance(one, Written)])
                done += len(batch)
                report(done, group.instances, "filing")
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        ledger.change_group(connection, package.id, number, expect="decided", to="filed",
                            target=patient.row)


def _in_batches(written: Iterable[Written | Settled], items: list[Item],
                ) -> Iterator[list[Written | Settled]]:
    """Batches as soon as they are complete, always of the same items: after a crash the same
    objects and packs are written again under the same names."""
    batch_of = {item.number: place // COMMIT for place, item in enumerate(items)}
    sizes = Counter(batch_of.values())
    open_batches: dict[int, list[Written | Settled]] = {}
    for one in written:
        batch = batch_of[one.number]
        open_batches.setdefault(batch, []).append(one)
        if len(open_batches[batch]) == sizes[batch]:
            yield sorted(open_batches.pop(batch), key=lambda each: each.number)


def _placed(desk: Desk, batches: Iterable[list[Written | Settled]],
            ) -> Iterator[list[Written | Settled]]:
    """Each batch once its files are durable: temp → fsync → rename → fsync directory → FULL commit
    (FAULTS §5). The caller commits one while the next is placed."""
    def place(batch: list[Written | Settled]) -> list[Written | Settled]:
        written = [one for one in batch if isinstance(one, Written)]
        desk.objects.place_many([(one.temp, one.row["object_sha256"]) for one in written],
                                secured={one.temp for one in written if one.secured})
        return batch

    with ThreadPoolExecutor(1) as pool:
        before: Future[list[Written | Settled]] | None = None
        for batch in batches:
            placing = pool.submit(place, batch)
            if before is not None:
                yield before.result()
            before = placing
        if before is not None:
            yield before.result()


def order_for(desk: Desk, package: Package, group: PatientGroup, patient: Patient,
              procedure: Procedure) -> Order:
    """What is written into the instances of a group filed under ``patient``.

    Its time is the decision's, so that filing again after a crash gives the same bytes.
    """
    site, local = desk.settings.site, patient.demographics
    return Order(
        patient_id=patient.key.patient_id, issuer=patient.key.issuer,
        patient_name=local.patient_name, patient_birth_date=local.patient_birth_date,
        patient_sex=local.patient_sex, foreign_issuer=group.issuer,
        source=package.source, institution=site.institution, station_name=site.station_name,
        software=SOFTWARE, at=dicom_time(group.decided_at) if group.decided_at else dicom_now(),
        **asdict(procedure))


def _target(desk: Desk, package: Package, number: int) -> tuple[PatientGroup, Patient, Procedure]:
    """The decided patient, who from now on is known under the foreign identifier too, and the
    order that was waiting for this disc when it was decided."""
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        group = ledger.group(connection, package.id, number)
        if group.target is None:
            raise StateError(f"Patient group {number} of package {package.id} has no patient.")
        remember_identifier(connection, group.target,
                            PatientKey(group.patient_id, group.issuer), package.id)
        return (group, patient_row(connection, group.target),
                settle_order(connection, package, group))


def _pending(desk: Desk, package: Package, number: int) -> Iterator[list[Item]]:
    """What is still to be filed, in runs of whole batches, so that memory stays flat."""
    for state in OPEN:
        last = -1
        while True:
            with desk.store.read() as connection:
                found = ledger.items(connection, package.id, state=state, group=number,
                                     headers=False, after=last)
                items = list(islice(found, RUN))
            if not items:
                break
            last = items[-1].number
            yield [item for item in items if item.span]


def _write(desk: Desk, items: list[Item], order: Order, ready: list[Written],
           ) -> Generator[Written | Settled, None, None]:
    yield from ready
    there = {one.number for one in ready}
    by_number = {item.number: item for item in items if item.number not in there}
    temps = {number: desk.objects.temp() for number in by_number}
    requests = ({"number": item.number, "span": item.span.as_json(), "sha256": item.sha256,
                 "temp": str(temps[item.number])} for item in by_number.values() if item.span)
    try:
        with closing(run_batches(desk.sandbox, "mediasvc.work.placing.filing:file_items", requests,
                                 BATCH, order=order.as_json())) as answers:
            for request, answer in answers:
                item = by_number[int(request["number"])]
                if answer.error:
                    desk.objects.scratch.discard([temps[item.number]])
                    yield Settled(item.number, "quarantined", answer.text)
                else:
                    yield Written(item, temps[item.number], answer.value)
    except BaseException:  # also when nobody listens any more: placing failed
        desk.objects.scratch.discard(temps.values())
        raise


def _commit(desk: Desk, package: Package, patient: Patient, written: list[Written],
            refused: list[Settled]) -> None:
    """Rows for what is placed."""
    objects = {one.row["object_sha256"]: int(one.row["object_length"]) for one in written}
    pack, rows = _rows(desk, package, written, objects)
    labels = {settled.number: _quarantine(desk, package, settled) for settled in refused}
    with desk.store.transaction() as connection:
        ledger.check_fence(connection, package.id, package.fence)
        index.put_objects(connection, objects)
        if pack is not None:
            index.put_objects(connection, {pack.sha256: pack.length}, kind="pack")
        index.put_instances(connection, patient.row, rows)
        ledger.settle(connection, package.id, [
            Settled(one.number, "archived", object_sha256=one.row["object_sha256"])
            for one in written])
        ledger.settle(connection, package.id, refused)
        ledger.add_findings(connection, package.id, [
            Finding("error", "not-filed", labels[settled.number],
                    f"This file could not be filed: it {settled.reason}.", "X04")
            for settled in refused])


def _rows(desk: Desk, package: Package, written: list[Written], objects: dict[str, int],
          ) -> tuple[Pack | None, list[StoredInstance]]:
    """Index rows, with the way back to the received bytes of each."""
    deltas = [one for one in written if one.row["restore"] == "delta"]
    pack = desk.received.write_pack([
        (one.item.sha256, one.row["object_sha256"], base64.b64decode(one.row["delta"]))
        for one in deltas]) if deltas else None
    places = {one.number: place for one, place in
              zip(deltas, pack.places if pack else (), strict=True)}
    rows = []
    for one in written:
        place = places.get(one.number)
        if place is None and one.item.span is not None:
            desk.objects.keep(one.item.span, one.item.sha256)
            objects[one.item.sha256] = one.item.length
        rows.append(_row(package, one, place))
    return pack, rows


def _row(package: Package, one: Written, place: Place | None) -> StoredInstance:
    header = InstanceHeader.from_json(one.row["header"])
    return StoredInstance(
        sop_instance_uid=header.sop_instance_uid, series_instance_uid=header.series_instance_uid,
        object_sha256=one.row["object_sha256"], received_sha256=one.item.sha256,
        received_length=one.item.length, package_id=package.id, item_number=one.number,
        sop_class_uid=header.sop_class_uid, transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number, restore="delta" if place else "object",
        pack_sha256=place.pack_sha256 if place else one.item.sha256,
        pack_offset=place.offset if place else 0, pack_length=place.length if place else 0,
        header=header)


def _quarantine(desk: Desk, package: Package, settled: Settled) -> str:
    """Keep the bytes of what cannot be filed; returns its label for the finding."""
    with desk.store.read() as connection:
        item = ledger.item(connection, package.id, settled.number)
    if item is None or item.span is None:
        return ""
    desk.quarantine.keep(item.span)
    return item.label
