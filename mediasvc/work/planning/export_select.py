"""Which instances an export is about, as the index has them at one moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import NotFoundError, StateError
from mediasvc.media.disc.disc_layout import header_row
from mediasvc.media.long_list import LongList
from mediasvc.model import InstanceHeader, Patient
from mediasvc.store import index, patients, refile_rows
from mediasvc.store.held import HeldInstance, held_instances, held_names
from mediasvc.store.index import StudySummary
from mediasvc.store.memory import frugal
from mediasvc.work.desk import SOFTWARE, Desk
from mediasvc.work.placing.at_rest import require_at_rest
from mediasvc.work.placing.coercion_order import Order
from mediasvc.work.planning.export_order import ExportOrder

if TYPE_CHECKING:
    from mediasvc.store.db import Connection


@dataclass(frozen=True, slots=True)
class Selected:
    """One stored instance and whose it is now."""

    instance: HeldInstance
    patient: Patient

    def identity(self) -> dict[str, str]:
        """What its header must say; empty where the index does not know."""
        local = self.patient.demographics
        return {"patient_id": self.patient.key.patient_id,
                "issuer_of_patient_id": self.patient.key.issuer,
                "patient_name": local.patient_name,
                "patient_birth_date": local.patient_birth_date, "patient_sex": local.patient_sex}


def fingerprint(rows: Iterable[Selected]) -> str:
    """Changes when an instance comes or goes, or is somebody else's (FAULTS E04). A sum, because
    the rows come in any order and need not be kept."""
    total = 0
    names: dict[int, str] = {}
    for row in rows:
        whose = row.patient.row
        if whose not in names:
            names[whose] = "^".join(row.identity().values())
        line = f"{row.instance.sop_instance_uid} {row.instance.object_sha256} {names[whose]}"
        total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
    return f"{total:x}"


def fingerprint_now(desk: Desk, order: ExportOrder) -> str:
    """Of what the index has for ``order`` at this moment. Raises NotFoundError."""
    with desk.store.read() as connection, frugal(connection):
        return fingerprint(_rows(connection, _studies(connection, order), held_names))


def select(desk: Desk, order: ExportOrder) -> LongList[Selected]:
    """Raises NotFoundError when there is nothing, StateError for several patients on one disc, and
    while some of it is just being filed or taken back."""
    with desk.store.read() as connection, frugal(connection):
        studies = _studies(connection, order)
        require_at_rest(connection, refile_rows.packages_of(
            connection, [study.study_instance_uid for study in studies]))
        people = {study.patient.row: study.patient for study in studies}
        found = selected_list(people, desk.home.staging)
        keys = set()
        for row in _rows(connection, studies):
            keys.add(row.patient.key)
            found.append(row)
    if len(keys) > 1 and not order.several_patients:
        raise StateError(f"These studies are of {len(keys)} patients; a disc is for one.",
                         "Export them one by one, or say --allow-several-patients.")
    if len({key.patient_id for key in keys}) < len(keys):
        raise StateError("Two of the patients have the same Patient ID from different issuers; "
                         "a DICOMDIR cannot tell them apart.", "Export them one by one.")
    return found


def selected_list(people: Mapping[int, Patient], folder: Path | None = None,
                  ) -> LongList[Selected]:
    """An empty one; ``people`` by the number of their rows."""
    return LongList(packed, lambda row: unpacked(row, people), folder)


def packed(row: Selected) -> tuple[Any, ...]:
    """See `LongList`."""
    one = row.instance
    return (one.sop_instance_uid, one.object_sha256, one.length,
            None if one.header is None else header_row(one.header), row.patient.row)


def unpacked(row: tuple[Any, ...], people: Mapping[int, Patient]) -> Selected:
    uid, sha256, length, header, whose = row
    return Selected(HeldInstance(
        uid, sha256, length, None if header is None else InstanceHeader(*header)), people[whose])


def _studies(connection: Connection, order: ExportOrder) -> list[StudySummary]:
    if order.patient is not None:
        whose = patients.patient(connection, order.patient)
        studies = list(index.studies(connection, patient=whose.row))
        if not studies:
            raise NotFoundError("The archive holds no study of this patient.")
        return studies
    studies = list(index.studies(connection, uids=order.studies))
    if len(studies) < len(set(order.studies)):
        raise NotFoundError("There is no such study in the archive.",
                            "See mediasvc studies list.")
    return studies


def _rows(connection: Connection, studies: Iterable[StudySummary],
          held: Callable[[Connection, str], Iterable[HeldInstance]] = held_instances,
          ) -> Iterator[Selected]:
    for study in studies:
        for instance in held(connection, study.study_instance_uid):
            yield Selected(instance, study.patient)


def order_of_coercion(desk: Desk, patient: Patient) -> Order:
    """The identity that is current now, for instances that say another one (DESIGN §5)."""
    site, local = desk.settings.site, patient.demographics
    return Order(
        patient_id=patient.key.patient_id, issuer=patient.key.issuer,
        patient_name=local.patient_name, patient_birth_date=local.patient_birth_date,
        patient_sex=local.patient_sex, foreign_issuer=site.issuer, source=site.institution,
        institution=site.institution, station_name=site.station_name, software=SOFTWARE,
        at=f"{datetime.now(UTC):%Y%m%d%H%M%S.%f}+0000", incoming=False)
