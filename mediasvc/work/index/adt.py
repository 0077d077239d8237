"""The patient feed: each message is applied to the index in one transaction, and written down.

Tables after any number of messages are those that the same messages in the same order make in an
empty index. The same message again changes nothing and gets the answer that it got.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mediasvc.errors import SettingsError
from mediasvc.identity.adt import AdtEvent, Envelope, Feed, read_envelope, read_event
from mediasvc.identity.hl7 import Framed, RefusedError, split_messages
from mediasvc.identity.orders import OrderEvent, is_order, read_order
from mediasvc.model import Demographics, Finding
from mediasvc.settings import GIB, Settings
from mediasvc.store import adt, ledger, merges, patients
from mediasvc.store.adt import Verdict
from mediasvc.store.expected import BY_MESSAGE
from mediasvc.work.index.merge import Done, MergeHeldError, merge, unmerge
from mediasvc.work.index.orders import take_order
from mediasvc.work.index.patients import Report, patient_record

if TYPE_CHECKING:
    from mediasvc.store.db import Connection, Store

PROVENANCE = "hl7"
#: Messages of a file that are written in one transaction.
BATCH = 100
FILE_LIMIT = 1 * GIB

Change = Literal["added", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. ``notes`` are (code, words) without values; ``condition`` is of
    table 0357. ``repeated``: it came before, and this is what was answered then."""

    envelope: Envelope
    verdict: Verdict
    code: str = ""
    reason: str = ""
    condition: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    change: Change = "unchanged"
    repeated: bool = False

    @property
    def answer(self) -> Literal["AA", "AE", "AR"]:
        """The acknowledgement code (2.9.2.1)."""
        return "AR" if self.verdict == "refused" else "AE" if self.verdict == "held" else "AA"

    def findings(self, subject: str) -> Iterator[Finding]:
        """For a person: what was not taken is an error, what is odd a warning."""
        if self.answer != "AA":
            yield Finding("error", self.code, subject, self.reason, "HL7 feed")
        elif self.verdict in ("waiting", "stale") and not self.repeated:
            yield Finding("info", self.code, subject, self.reason, "HL7 feed")
        yield from (Finding("warning", code, subject, text, "HL7 feed")
                    for code, text in self.notes)


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    code: str = ""
    reason: str = ""
    change: Change = "unchanged"
    fields: tuple[str, ...] = ()


def feed_of(settings: Settings) -> Feed:
    """How this site's messages are read."""
    hl7 = settings.hl7
    return Feed(settings.site.issuer, hl7.issuer, hl7.character_set, hl7.orders, hl7.order_days)


def receive(connection: Connection, data: bytes, feed: Feed, *,
            received: datetime | None = None) -> Receipt:
    """Apply one message (without its frame) inside the caller's transaction.

    Nothing that a message holds raises; an exception is the database's.
    """
    received = received or datetime.now(UTC)
    about = read_envelope(data)
    digest = hashlib.sha256(data).hexdigest()
    known, twice = adt.message_known(connection, about.sender, about.control_id, digest)
    if known and not (known.unread and _readable(data, feed, received)):
        return Receipt(about, known.verdict, known.code, known.reason, repeated=True)
    if known:  # the settings, or the clock, are others now
        adt.drop_message(connection, known.id)
    number = adt.add_message(
        connection, sender=about.sender, control_id=about.control_id, digest=digest,
        trigger=about.trigger, received_at=received.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), body=data)
    receipt, event, fields = _judged(connection, data, feed, received, number)
    if twice:
        receipt = replace(receipt, notes=(*receipt.notes, (
            "control-id", "This control id was used before for another message.")))
    adt.settle_message(connection, number, receipt.verdict, code=receipt.code,
                       reason=receipt.reason, event_time=event.at if event else "")
    if receipt.verdict != "ignored":
        _record(connection, number, digest, receipt, event, fields)
    return receipt


def _readable(data: bytes, feed: Feed, received: datetime) -> bool:
    try:
        _read(data, feed, received)
    except RefusedError:
        return False
    return True


def _read(data: bytes, feed: Feed, received: datetime) -> AdtEvent | OrderEvent | None:
    return read_order(data, feed, received) if is_order(read_envelope(data)) else read_event(
        data, feed, received)


def _judged(connection: Connection, data: bytes, feed: Feed, received: datetime, number: int,
            ) -> tuple[Receipt, AdtEvent | OrderEvent | None, tuple[str, ...]]:
    about, event = read_envelope(data), None
    try:
        event = _read(data, feed, received)
        if event is None:
            return Receipt(about, "ignored", "event-ignored", "This event says nothing about "
                           "identity or an import."), None, ()
        with connection.begin_nested():
            by = f"{BY_MESSAGE}{number}"
            outcome = (_apply(connection, event, by) if isinstance(event, AdtEvent)
                       else _apply_order(connection, event, by))
    except RefusedError as error:
        verdict: Verdict = "refused" if error.answer == "AR" else "held"
        return Receipt(about, verdict, error.code, error.text, error.condition), event, ()
    except MergeHeldError as error:
        return Receipt(about, "held", error.code, error.text, 204, event.notes if event else ()
                       ), event, ()
    return (Receipt(about, outcome.verdict, outcome.code, outcome.reason, 0, event.notes,
                    outcome.change), event, outcome.fields)


def _apply(connection: Connection, event: AdtEvent, by: str) -> _Outcome:
    if event.kind == "update":
        return _update(connection, event)
    if event.kind == "unlink":
        return _joined([unmerge(connection, event.key, prior, at=event.at, by=by)
                        for prior in event.priors])
    renamed = event.kind == "change"
    outcomes = []
    if renamed and "patient_name" not in event.unsaid:
        outcomes.append(_update(connection, event))
    # An identifier that stays the same while another one changes is no merge.
    priors = [prior for prior in event.priors if not renamed or prior != event.key]
    if priors:
        outcomes.append(_joined([merge(connection, prior, event.key, at=event.at, by=by)
                                 for prior in priors]))
    if not outcomes:
        return _Outcome("ignored", "nothing-said", "The message changes nothing.")
    order = ("applied", "waiting", "stale", "ignored")
    best = min(outcomes, key=lambda one: order.index(one.verdict))
    changes: list[Change] = [one.change for one in outcomes if one.change != "unchanged"]
    return replace(best, change=changes[0] if changes else "unchanged",
                   fields=tuple(field for one in outcomes for field in one.fields))


def _apply_order(connection: Connection, event: OrderEvent, by: str) -> _Outcome:
    done = set(take_order(connection, event, by))
    if done & {"registered", "changed", "ended"}:
        return _Outcome("applied", change="added" if "registered" in done else "updated",
                        fields=("expected",))
    if "unchanged" in done:
        return _Outcome("applied")
    if "stale" in done:
        return _Outcome("stale", "stale", "Something newer is known.")
    return _Outcome("ignored", "no-import", "None of these orders is known here as an import.")


def _joined(done: Iterable[Done]) -> _Outcome:
    """What several merges of one message come to."""
    found = set(done)
    if "waiting" in found:
        return _Outcome("waiting", "merge-waits", "The survivor is not in the index yet.",
                        fields=("merge",))
    if found & {"merged", "ended"}:
        return _Outcome("applied", change="updated", fields=("merge",))
    if "known" in found:
        return _Outcome("applied")
    return _Outcome("stale", "stale", "Something newer is known.")


def _update(connection: Connection, event: AdtEvent) -> _Outcome:
    """Create or update the event's own patient; older data than the index has change nothing."""
    known_until = adt.known_until(connection, event.key)
    if event.at < known_until:
        return _Outcome("stale", "stale", "Something newer is known.")
    known = patients.patients_by_keys(connection, [event.key])
    record = patient_record(event.key, event.onto(known[0].demographics if known
                                                  else Demographics()), event.others)
    stored = patients.put_patients(connection, [record], provenance=PROVENANCE, at=event.at,
                                   known=known)
    adt.set_known_until(connection, event.key, event.at)
    change: Change = "added" if stored.added else "updated" if stored.updated else "unchanged"
    return _Outcome("applied", change=change,
                    fields=stored.updated[0][1] if stored.updated else ())


def _record(connection: Connection, number: int, digest: str, receipt: Receipt,
            event: AdtEvent | OrderEvent | None, fields: tuple[str, ...]) -> None:
    row = merges.rows_of(connection, [event.key]).get(event.key) if event else None
    trigger = receipt.envelope.trigger
    data: dict[str, Any] = {"message": number, "verdict": receipt.verdict, "code": receipt.code,
                            "change": receipt.change, "fields": list(fields),
                            "trigger": trigger if re.fullmatch(r"[A-Z]\d\d", trigger) else ""}
    kind, subject = ("service", digest) if row is None else ("patient", row)
    ledger.record(connection, kind, subject, "patient-feed", data=data)


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of a file of messages: how many by verdict, by change, and repeated ones."""

    messages: int
    counts: Counter[str]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> int:
        return self.counts["refused"] + self.counts["held"]


def load_messages(store: Store, settings: Settings, path: Path,
                  report: Report = lambda *_: None) -> Fed:
    """Apply every message of a file in its order; what cannot be used is a finding.

    Raises SettingsError when the file cannot be read or holds no message.
    """
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    feed = feed_of(settings)
    stream = split_messages(_bytes(path))
    done = 0
    while batch := list(islice(stream, BATCH)):
        with store.transaction() as connection:
            receipts = [_received(connection, one, feed) for one in batch]
        for framed, receipt in zip(batch, receipts, strict=True):
            findings += receipt.findings(f"message {framed.number} (line {framed.line})")
            counts.update([receipt.verdict, "repeated" if receipt.repeated else receipt.change])
        done += len(batch)
        report(done, 0, "messages")
    if not done:
        raise SettingsError("The file holds no HL7 message.")
    return Fed(done, counts, tuple(findings))


def _received(connection: Connection, framed: Framed, feed: Feed) -> Receipt:
    if not framed.whole:
        return Receipt(read_envelope(framed.data), "refused", "cut-off",
                       "The message has no end mark; it may be cut off.", 100)
    return receive(connection, framed.data, feed)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise SettingsError("The file is too large.", "Split it.")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The list cannot be opened ({error.strerror}).") from error
