"""What an order message says: a disc is to be imported for this patient, or no longer.

ORM^O01 (HL7 v2 4.4.1) and OMI^O23 (4.4.12) as IHE RAD fills them (RAD TF-2 4.4): Accession Number
in OBR-18 or IPC-1, Requested Procedure ID in OBR-19 or IPC-2, Scheduled Procedure Step ID in OBR-20
or IPC-4, the procedure in OBR-44 or else OBR-4.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from mediasvc.identity.adt import (
    DEMOGRAPHICS,
    Envelope,
    Feed,
    header_notes,
    read_envelope,
    read_keys,
    read_said,
    read_time,
)
from mediasvc.identity.hl7 import Message, RefusedError, Segment, parse
from mediasvc.identity.load import is_date
from mediasvc.model import Demographics, PatientKey
from mediasvc.standard.hl7_tables import ORDER_CONTROLS, ORDER_ENDED, ORDER_MESSAGES

#: PS3.5 6.2: what the attributes can hold.
SH, LO = 16, 64


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """One order of a message. ``key`` names it among all systems, ``code`` are VALUE, SCHEME,
    MEANING; ``until`` is a date (YYYY-MM-DD). ``wanted``: its procedure means an import."""

    change: Literal["new", "end"]
    key: str
    wanted: bool
    accession_number: str = ""
    procedure_id: str = ""
    description: str = ""
    step_id: str = ""
    code: tuple[str, str, str] = ("", "", "")
    until: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """``demographics`` as far as PID says them. ``notes`` are (code, words) without values."""

    envelope: Envelope
    at: str
    key: PatientKey
    demographics: Demographics
    others: tuple[PatientKey, ...]
    orders: tuple[ImportOrder, ...]
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Lines:
    """The segments of one order."""

    orc: Segment
    rest: dict[str, Segment] = field(default_factory=dict)

    def value(self, *places: tuple[str, int] | tuple[str, int, int]) -> str:
        """The first of the places that says something."""
        for name, *place in places:
            segment = self.orc if name == "ORC" else self.rest.get(name)
            if segment is not None and (found := segment.value(*place)) not in ("", '""'):
                return found
        return ""


def is_order(about: Envelope) -> bool:
    return (about.message_type, about.trigger) in ORDER_MESSAGES


def read_order(data: bytes, feed: Feed, received: datetime) -> OrderEvent | None:
    """What a message (without its frame) orders; None when none of it is an import.

    Raises RefusedError, and nothing else.
    """
    about = read_envelope(data)
    if not feed.orders:
        raise RefusedError("orders-off", "Orders are not taken here: hl7.orders names no "
                           "procedure.", condition=200)
    message = parse(data, feed.character_set)
    persons = message.all("PID")
    if len(persons) != 1:
        raise RefusedError("segment-missing" if not persons else "several-patients",
                           f"The message has {len(persons)} PID segments, not 1.")
    notes = [*message.notes, *header_notes(message.first("MSH"))]
    at = read_time(message, received)
    orders = tuple(filter(None, (_order(lines, about, feed, at) for lines in _split(message))))
    if not orders:
        return None
    key, others = read_keys(persons[0], 3, feed)
    said = dict(read_said(persons[0], notes))
    return OrderEvent(about, at, key, Demographics(**{name: said.get(name, "")
                                                      for name in DEMOGRAPHICS}),
                      others, orders, tuple(notes))


def _split(message: Message) -> Iterator[_Lines]:
    """ORC begins an order; what follows belongs to it."""
    lines: _Lines | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            if lines is not None:
                yield lines
            lines = _Lines(segment)
        elif lines is not None:
            lines.rest.setdefault(segment.name, segment)
    if lines is None:
        raise RefusedError("segment-missing", "The message has no ORC segment.")
    yield lines


def _order(lines: _Lines, about: Envelope, feed: Feed, at: str) -> ImportOrder | None:
    control = lines.value(("ORC", 1)).upper()
    change = ORDER_CONTROLS.get(control)
    if control == "SC" and lines.value(("ORC", 5)).upper() in ORDER_ENDED:
        change = "end"
    if change is None:
        return None
    key = _key(lines, about)
    if not key:
        raise RefusedError("no-order-number", "Neither ORC-2 nor ORC-3 numbers the order.", "AE",
                           101)
    codes = [lines.value(place) for place in (("OBR", 4), ("OBR", 4, 4), ("OBR", 44))]
    wanted = any(fnmatch.fnmatchcase(code, pattern) for code in codes if code
                 for pattern in feed.orders)
    if change == "end":
        return ImportOrder(change, key, wanted)
    if not wanted:
        return None
    return ImportOrder(
        change, key, True,
        accession_number=_short(lines.value(("IPC", 1), ("OBR", 18)), "OBR-18"),
        procedure_id=_short(lines.value(("IPC", 2), ("OBR", 19)), "OBR-19"),
        description=lines.value(("OBR", 44, 2), ("OBR", 4, 2))[:LO].strip(),
        step_id=_short(lines.value(("IPC", 4), ("OBR", 20)), "OBR-20"),
        code=_code(lines), until=_until(lines, feed, at))


def _key(lines: _Lines, about: Envelope) -> str:
    """Placer order number, else filler's, with its namespace, else with the sender."""
    for kind, number in (("placer", 2), ("filler", 3)):
        value = lines.value(("ORC", number), ("OBR", number))
        if value:
            space = lines.value(("ORC", number, 2), ("OBR", number, 2)) or about.sender
            return f"{kind}:{value}@{space}"
    return ""


def _short(value: str, place: str) -> str:
    """A value of VR SH. Cut numbers would be other numbers, so a longer one is refused."""
    if len(value) > SH or "\\" in value or not value.isprintable():
        raise RefusedError("order-number", f"{place} does not fit the DICOM attribute.", "AE", 102)
    return value


def _code(lines: _Lines) -> tuple[str, str, str]:
    """Only a whole code is one (PS3.3 8.8)."""
    for name, number in (("OBR", 44), ("OBR", 4)):
        value, meaning, scheme = (lines.value((name, number, part)) for part in (1, 2, 3))
        if value and meaning and 0 < len(scheme) <= SH and len(value) <= SH:
            return value, scheme, meaning[:LO].strip()
    return "", "", ""


def _until(lines: _Lines, feed: Feed, at: str) -> str:
    """So many days after it is planned, or after the message."""
    planned = lines.value(("TQ1", 7), ("OBR", 36), ("OBR", 27, 4), ("ORC", 7, 4))[:8]
    day = (date(int(planned[:4]), int(planned[4:6]), int(planned[6:])) if is_date(planned)
           else datetime.fromisoformat(at).astimezone(UTC).date())
    try:
        return (day + timedelta(feed.order_days)).isoformat()
    except OverflowError:
        return ""
