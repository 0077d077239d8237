"""The messages of the patient feed in order of arrival, and how new each patient's data are."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from mediasvc.model import PatientKey
from mediasvc.store.db import upsert
from mediasvc.store.schema import adt_message as table
from mediasvc.store.schema import adt_patient

#: ``waiting``: a merge into somebody who is not in the index yet · ``stale``: newer knowledge is
#: here · ``ignored``: not about identity · ``held``: a person must see to it · ``refused``: no
#: proper message. Only the first two changed anything.
Verdict = Literal["applied", "waiting", "stale", "ignored", "held", "refused"]
_PAGE = 500
_HEAD = [column for column in table.c if column.name != "body"]
#: Put together once: every message needs them.
_ADD = sa.insert(table).returning(table.c.id)
_SETTLE = sa.update(table).where(table.c.id == sa.bindparam("number"))
_ITS_CONTROL_ID = sa.and_(table.c.sender == sa.bindparam("by"),
                          table.c.control_id == sa.bindparam("control"))
_KNOWN = sa.select(*_HEAD).where(_ITS_CONTROL_ID, table.c.digest == sa.bindparam("sha256"))
_KNOWN_OR_LIKE = sa.union_all(_KNOWN, sa.select(sa.select(*_HEAD).where(
    _ITS_CONTROL_ID, table.c.digest != sa.bindparam("sha256")).limit(1).subquery()))
_UNTIL = sa.select(adt_patient.c.event_time).where(
    adt_patient.c.patient_id == sa.bindparam("patient_id"),
    adt_patient.c.issuer == sa.bindparam("issuer"))


@dataclass(frozen=True, slots=True)
class AdtMessage:
    """One message of the ledger, without its text."""

    id: int
    sender: str
    control_id: str
    digest: str
    trigger: str
    event_time: str
    received_at: str
    verdict: Verdict
    code: str
    reason: str

    @property
    def unread(self) -> bool:
        """It could not be used as it stands, whatever the index says."""
        return self.verdict in ("held", "refused") and not self.event_time


def add_message(connection: sa.Connection, *, sender: str, control_id: str, digest: str,
                trigger: str, received_at: str, body: bytes) -> int:
    """Write down what came, before anything is done about it; returns its number."""
    row = {"sender": sender, "control_id": control_id, "digest": digest, "trigger": trigger,
           "received_at": received_at, "body": zlib.compress(body)}
    return int(connection.execute(_ADD, row).scalar_one())


def settle_message(connection: sa.Connection, number: int, verdict: Verdict, *, code: str = "",
                   reason: str = "", event_time: str = "") -> None:
    connection.execute(_SETTLE, {"number": number, "verdict": verdict, "code": code,
                                 "reason": reason, "event_time": event_time})


def drop_message(connection: sa.Connection, number: int) -> None:
    """Forget one that had no effect, because it is judged anew."""
    connection.execute(sa.delete(table).where(table.c.id == number))


def message_known(connection: sa.Connection, sender: str, control_id: str, digest: str,
                  ) -> tuple[AdtMessage | None, bool]:
    """(The same message, when it came before; whether the control id came with another one)."""
    query = _KNOWN_OR_LIKE if control_id else _KNOWN
    found = [AdtMessage(*row) for row in connection.execute(query, {
        "by": sender, "control": control_id, "sha256": digest})]
    same = found[0] if found and found[0].digest == digest else None
    return same, len(found) > bool(same)


def messages(connection: sa.Connection) -> Iterator[tuple[AdtMessage, bytes]]:
    """All, in order of arrival, with their bytes."""
    last = 0
    while True:
        page = connection.execute(sa.select(*_HEAD, table.c.body).where(table.c.id > last)
                                  .order_by(table.c.id).limit(_PAGE)).all()
        for *head, body in page:
            yield AdtMessage(*head), zlib.decompress(body)
        if len(page) < _PAGE:
            return
        last = page[-1].id


def known_until(connection: sa.Connection, key: PatientKey) -> str:
    """Time of the newest event whose data the patient has; ``""`` when there was none."""
    return str(connection.execute(_UNTIL, {"patient_id": key.patient_id, "issuer": key.issuer}
                                  ).scalar() or "")


def set_known_until(connection: sa.Connection, key: PatientKey, event_time: str) -> None:
    connection.execute(upsert(connection, adt_patient, key=("patient_id", "issuer"),
                              update=("event_time",)),
                       {"patient_id": key.patient_id, "issuer": key.issuer,
                        "event_time": event_time})
