"""Which studies: those that nobody has got yet, or the newest ones."""

from __future__ import annotations

from dataclasses import replace

from mediasvc.errors import NotFoundError
from mediasvc.store import burns, index, patients
from mediasvc.work.desk import Desk
from mediasvc.work.planning.export_order import ExportOrder


def chosen(desk: Desk, order: ExportOrder, *, not_exported: bool, last: int) -> ExportOrder:
    """``order`` for some of its studies. ``last``: so many of the newest, 0 all of them; both
    together: the newest of those that no released disc carries whole, none where every study was
    handed out. Raises NotFoundError for what the archive does not hold."""
    with desk.store.read() as connection:
        if order.patient is not None:
            whose = patients.patient(connection, order.patient)
            found = list(index.studies(connection, patient=whose.row))
        else:
            found = list(index.studies(connection, uids=order.studies))
        found.sort(key=lambda study: (study.study_date, study.study_time,
                                      study.study_instance_uid))
        uids = [study.study_instance_uid for study in found]
        if not_exported:
            uids = burns.not_handed_out(connection, uids)
    if not found:
        raise NotFoundError("The archive holds no such study.")
    return replace(order, patient=None, studies=tuple(uids[-last:] if last else uids))
