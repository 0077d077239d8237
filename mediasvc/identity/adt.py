"""What an ADT message says of a patient: a frozen event, without any look at the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone

from mediasvc.identity.hl7 import Message, RefusedError, Segment, parse
from mediasvc.identity.load import is_date, key_troubles, name_troubles
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.model import Demographics, PatientKey
from mediasvc.standard.hl7_tables import NOT_DONE, SEXES, TRIGGERS, Kind

#: A sender whose clock is further ahead would make every later message look old.
AHEAD = timedelta(days=1)
#: HL7's way to say that a value is to be removed (2.5.3); an empty field leaves it as it is.
NULL = '""'
_NOTHING = Demographics()
DEMOGRAPHICS = tuple(one.name for one in fields(Demographics))
#: DTM (2.A.22): to the minute, second or fraction, with or without an offset.
_TIME = re.compile(r"(\d{8})(?:(\d{2})(\d{2})?(\d{2})?(?:\.(\d{1,6})\d*)?)?([+-]\d{4})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
#: Characters that have a meaning inside PN.
_PN_MARKS = re.compile(r"[\^=\\]+")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
#: XPN.7, table 0200: which name is meant when there are several; the first of these that is there.
_NAME_TYPES = ("L", "", "D", "N", "B", "C")
#: CX.5, table 0203: which identifier is the patient's number, of several of one issuer.
_ID_TYPES = ("MR", "PI", "PT", "")


@dataclass(frozen=True, slots=True)
class Feed:
    """How the messages of a site are read: ``home`` is the issuer of its own identifiers,
    ``issuer`` stands where an identifier names no assigning authority (empty: refused)."""

    home: str = ""
    issuer: str = ""
    character_set: str = ""
    orders: tuple[str, ...] = ()
    """Patterns of the procedure codes that mean an import; without any, orders are refused."""
    order_days: int = 30
    """An order expects its disc for so long."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent it, under which control id, and what it is: MSH as it stands, not unescaped.

    ``marks`` are the delimiters, field separator first.
    """

    application: str = ""
    facility: str = ""
    message_type: str = ""
    trigger: str = ""
    control_id: str = ""
    version: str = ""
    marks: str = "|^~\\&"

    @property
    def sender(self) -> str:
        return f"{self.application}|{self.facility}"


@dataclass(frozen=True, slots=True)
class AdtEvent:
    """One event of the patient feed.

    ``unsaid`` names the demographics that the message leaves as they are. ``priors`` are the
    identifiers that are given up (merge, change) or the other side of a link. ``at`` is UTC, ISO
    8601, and sorts. ``notes`` are (code, words) without values.
    """

    kind: Kind
    envelope: Envelope
    at: str
    key: PatientKey
    demographics: Demographics = _NOTHING
    unsaid: frozenset[str] = frozenset()
    others: tuple[PatientKey, ...] = ()
    priors: tuple[PatientKey, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def onto(self, known: Demographics) -> Demographics:
        """``known`` with what the message says."""
        return Demographics(*(getattr(known if name in self.unsaid else self.demographics, name)
                              for name in DEMOGRAPHICS))


def read_envelope(data: bytes) -> Envelope:
    """The header's part as far as it can be read, for the ledger and the answer; never raises."""
    line = _CONTROL.sub("\r", data[:4096].decode("ascii", "replace")).partition("\r")[0]
    if not line.startswith("MSH") or len(line) < 5 or line[3].isalnum():
        return Envelope()
    fields = [*(part[:200] for part in line[4:].split(line[3])), *[""] * 12]
    kind = [*fields[7].split(fields[0][:1] or "^"), "", ""]
    return Envelope(fields[1], fields[2], kind[0], kind[1] or kind[2][4:7], fields[8], fields[10],
                    line[3] + fields[0][:5])


def read_event(data: bytes, feed: Feed, received: datetime) -> AdtEvent | None:
    """What a message (without its frame) says; None for an event that is not about identity.

    ``received`` is when it came, aware of its zone. Raises RefusedError, and nothing else: AR for a
    structure that the event may not have, AE for content that cannot be used.
    """
    about = read_envelope(data)
    message = parse(data, feed.character_set)
    if about.message_type != "ADT":
        raise RefusedError("not-adt", "The message is not an ADT message.", condition=200)
    trigger = about.trigger or next((one.value(1) for one in message.all("EVN")), "")
    if trigger in NOT_DONE:
        raise RefusedError("event-unsupported", "This event is not supported; see to it by hand.",
                           condition=201)
    kind = TRIGGERS.get(trigger)
    if kind is None:
        return None
    persons, priors = _structure(message, kind)
    at = read_time(message, received)
    notes = [*message.notes, *header_notes(message.first("MSH"))]
    key, others = read_keys(persons[0], 3, feed)
    if kind in ("link", "unlink"):
        return AdtEvent(kind, about, at, key, priors=(read_keys(persons[1], 3, feed)[0],),
                        notes=tuple(notes))
    said = dict(read_said(persons[0], notes)) if kind != "merge" else {}
    return AdtEvent(kind, about, at, key, Demographics(**said), frozenset(DEMOGRAPHICS) - set(said),
                    others, _priors(priors[0], feed, key) if priors else (), tuple(notes))


def _structure(message: Message, kind: Kind) -> tuple[list[Segment], list[Segment]]:
    """The PID segments and, where the event has one, the MRG segment (FAULTS I18, I19)."""
    wanted = {"PID": 2 if kind in ("link", "unlink") else 1,
              "MRG": int(kind in ("merge", "change"))}
    found = {name: message.all(name) for name in wanted}
    for name, number in wanted.items():
        if len(found[name]) != number and (number or name == "PID"):
            raise RefusedError("segment-missing" if not found[name] else "several-patients",
                               f"The message has {len(found[name])} {name} segments, not {number}.")
    return found["PID"], found["MRG"] if wanted["MRG"] else []


def header_notes(header: Segment) -> Iterator[tuple[str, str]]:
    """(code, words) about what is odd in MSH."""
    if header.value(11) not in ("P", ""):
        yield "not-production", "MSH-11 says that this is no production message."
    if not header.value(10):
        yield "no-control-id", "MSH-10 is empty; only the same content is known as a repetition."


def read_time(message: Message, received: datetime) -> str:
    """EVN-2, else MSH-7, in UTC. An offset in MSH-7 is meant for the whole message (2.14.9.7)."""
    sent = message.first("MSH").value(7)
    told = next((segment.value(2) for segment in message.all("EVN")), "") or sent
    zone = found[6] if (found := _TIME.fullmatch(sent)) else None
    at = _parsed_time(told, zone)
    if at is None:
        raise RefusedError("no-time", "Neither EVN-2 nor MSH-7 says when this happened.",
                           condition=101)
    if at - received > AHEAD:
        raise RefusedError("future", "The event lies in the future; the sender's clock is wrong.",
                           "AE", 102)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _parsed_time(text: str, zone: str | None) -> datetime | None:
    found = _TIME.fullmatch(text)
    if not found:
        return None
    day, hour, minute, second, fraction, offset = found.groups()
    try:
        plain = datetime.strptime(f"{day}{hour or '00'}{minute or '00'}{second or '00'}",
                                  "%Y%m%d%H%M%S").replace(
            microsecond=int((fraction or "").ljust(6, "0")))
        if offset := offset or zone:
            size = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
            return plain.replace(tzinfo=timezone(-size if offset[0] == "-" else size)
                                 ).astimezone(UTC)
        return plain.astimezone().astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_keys(segment: Segment, number: int, feed: Feed,
              ) -> tuple[PatientKey, tuple[PatientKey, ...]]:
    """The patient's own identifier and the further ones, of a field of CX (2.A.14)."""
    found = list(_identifiers(segment, number, feed))
    usable = [(key, kind) for key, kind in found if key.issuer]
    if not usable:
        missing = (" that names its assigning authority" if found else "")
        raise RefusedError("no-identifier", f"{segment.name}-{number} has no identifier{missing}.",
                           "AE", 101)
    key = min(usable, key=lambda one: _rank(one[0], one[1], feed))[0]
    for trouble in key_troubles(key):
        raise RefusedError("identifier", f"{segment.name}-{number}: {trouble}.", "AE", 102)
    _readable(f"{key}", f"{segment.name}-{number}")
    others = dict.fromkeys(one for one, _ in usable if one != key and not list(key_troubles(one)))
    return key, tuple(others)


def _identifiers(segment: Segment, number: int, feed: Feed) -> Iterator[tuple[PatientKey, str]]:
    """(key, CX.5) of each repetition that says anybody."""
    text = segment.text
    for repetition in segment.repetitions(number):
        value = text.component(repetition, 1)
        authority = (text.component(repetition, 4, 1) or text.component(repetition, 4, 2)
                     or feed.issuer)
        if value and value != NULL and not is_placeholder(value):
            yield PatientKey(value, authority), text.component(repetition, 5)


def _rank(key: PatientKey, kind: str, feed: Feed) -> tuple[bool, int]:
    """The site's own identifiers first, of them the patient's number; `min` keeps the order."""
    return (key.issuer != feed.home,
            _ID_TYPES.index(kind) if kind in _ID_TYPES else len(_ID_TYPES))


def _priors(segment: Segment, feed: Feed, survivor: PatientKey) -> tuple[PatientKey, ...]:
    """MRG-1: identifiers of the survivor's issuer, else the first (3.4.9.1)."""
    first, _ = read_keys(segment, 1, feed)
    same = [key for key, _ in _identifiers(segment, 1, feed) if key.issuer == survivor.issuer]
    return tuple(dict.fromkeys(key for key in same or [first] if not list(key_troubles(key))))


def read_said(segment: Segment, notes: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """(field, value) for every field of Demographics that PID speaks of; ``""`` removes it."""
    for name, number in (("patient_name", 5), ("patient_birth_date", 7), ("patient_sex", 8),
                         ("address", 11), ("phone", 13)):
        repetitions = segment.repetitions(number)
        if repetitions and repetitions[0] == NULL:
            yield name, ""
            if name == "address":
                yield "postcode", ""
        elif repetitions:
            yield from _READERS[name](segment, number, notes)


def _name(segment: Segment, number: int, _notes: list[tuple[str, str]],
          ) -> Iterator[tuple[str, str]]:
    """XPN (2.A.88) as PN: its representations become the three groups (XPN.8, table 0465)."""
    text, groups = segment.text, dict[int, str]()
    rows = sorted(((_rank_of_name(text.component(one, 7)), text.component(one, 8).upper(), one)
                   for one in segment.repetitions(number)), key=lambda row: row[0])
    for rank, representation, one in rows:
        name, place = _person_name(segment, one), "AIP".find(representation or "-")
        if place < 0:
            place = 1 if _HAN.search(name) and len(rows) > 1 else 0
        if name and (rank == rows[0][0] or (representation and rank < len(_NAME_TYPES))):
            groups.setdefault(place, name)
    value = "=".join(groups.get(place, "") for place in range(3)).rstrip("=")
    for trouble in name_troubles(value):
        raise RefusedError("name", f"PID-5: {trouble}.", "AE", 102)
    _readable(value, "PID-5")
    if value:
        yield "patient_name", value


def _rank_of_name(kind: str) -> int:
    return _NAME_TYPES.index(kind.upper()) if kind.upper() in _NAME_TYPES else len(_NAME_TYPES)


def _person_name(segment: Segment, repetition: str) -> str:
    """family^given^middle^prefix^suffix (PS3.5 6.2.1.1); XPN has suffix, prefix, degree."""
    def part(number: int, sub: int = 1) -> str:
        value = segment.text.component(repetition, number, sub)
        return "" if value == NULL else " ".join(_PN_MARKS.sub(" ", _plain(value)).split())

    family = part(1) or " ".join(filter(None, (part(1, 2), part(1, 3))))
    suffix = " ".join(filter(None, (part(4), part(6))))
    return "^".join((family, part(2), part(3), part(5), suffix)).rstrip("^")


def _birth_date(segment: Segment, number: int, notes: list[tuple[str, str]],
                ) -> Iterator[tuple[str, str]]:
    value = segment.value(number)
    if is_date(value[:8]):
        yield "patient_birth_date", value[:8]
    elif value:
        notes.append(("birth-date", "PID-7 is not a whole date; it was left out."))


def _sex(segment: Segment, number: int, notes: list[tuple[str, str]],
         ) -> Iterator[tuple[str, str]]:
    value = segment.value(number).upper()
    if value in SEXES:
        yield "patient_sex", SEXES[value]
    elif value:
        notes.append(("sex", "PID-8 is not in table 0001; it was left out."))


def _address(segment: Segment, number: int, _notes: list[tuple[str, str]],
             ) -> Iterator[tuple[str, str]]:
    """XAD (2.A.85): the home address, else the first."""
    text, rows = segment.text, segment.repetitions(number)
    row = next((one for one in rows if text.component(one, 7).upper() == "H"), rows[0])
    parts = [_plain(text.component(row, place)) for place in (1, 2, 3)]
    address = ", ".join(part for part in parts if part and part != NULL)
    postcode = _plain(text.component(row, 5))
    _readable(address + postcode, "PID-11")
    if address:
        yield "address", address
    if postcode:
        yield "postcode", "" if postcode == NULL else postcode


def _phone(segment: Segment, number: int, _notes: list[tuple[str, str]],
           ) -> Iterator[tuple[str, str]]:
    """XTN (2.A.89): the number as text, else from its parts."""
    text, first = segment.text, segment.repetitions(number)[0]
    parts = " ".join(filter(None, (text.component(first, place) for place in (5, 6, 7))))
    value = _plain(text.component(first, 1) or text.component(first, 12) or parts)
    _readable(value, "PID-13")
    if value:
        yield "phone", value


_READERS = {"patient_name": _name, "patient_birth_date": _birth_date, "patient_sex": _sex,
            "address": _address, "phone": _phone}


def _plain(text: str) -> str:
    """Control characters, as an escape may bring them, become a blank (FAULTS I18)."""
    return _CONTROL.sub(" ", text).replace("\\", " ").strip()


def _readable(value: str, place: str) -> None:
    if "\ufffd" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise RefusedError("unreadable-text", f"{place} has bytes that its character set does not "
                           "know, or an escape sequence that is not supported.", "AE", 102)
