"""A CSV list of patients comes into the index: read and made ready in a child while we write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediasvc.errors import MediasvcError
from mediasvc.model import Finding
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.store import ledger
from mediasvc.work.index.patient_rows import ready_rows
from mediasvc.work.index.patients import PROVENANCE, Report

if TYPE_CHECKING:
    from mediasvc.store.db import Store
    from mediasvc.store.patient_list import PatientList

#: Rows that are handed to a child at a time.
PART = 1000
#: Rows that are compared with the index at a time. Each time goes over the whole index of keys, so
#: it is half of what the list has added, from BATCH up to MOST.
BATCH, MOST = 100_000, 500_000
#: After so many new patients the tables are tidied.
MANY = 10_000
_TABLES = ("patient", "patient_identifier", "patient_key")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a list; ``findings`` names every row that was not loaded, and why."""

    rows: int
    added: int
    updated: int
    unchanged: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)


def load(store: Store, path: Path, report: Report = lambda *_: None, *, by: str = "",
         batch: int = BATCH) -> Loaded:
    """Load a CSV list: good rows go in, bad rows are findings, the same again changes nothing.

    A load that ends early has brought in some of the list; the same list again goes on from there.
    Raises SettingsError or DamagedError when the file as a whole cannot be read.
    """
    from mediasvc.store.patient_list import PatientList

    tally = _Tally()
    finish_keys(store)
    with store.aside() as aside, _ready_parts(path) as parts:
        waiting = PatientList(aside, PROVENANCE)
        while _wait(waiting, islice(parts, _parts(batch, tally.added)), tally, report):
            stored = waiting.settle(by)
            tally.added += stored.added
            tally.updated += len(stored.updated)
            tally.unchanged += stored.unchanged
            waiting.clear()
        with aside.transaction() as connection:
            ledger.record(connection, "service", Span.of_file(path).sha256(), "patients-loaded",
                          by=by, data={"rows": tally.rows, "added": tally.added,
                                       "updated": tally.updated, "unchanged": tally.unchanged,
                                       "refused": tally.refused})
    if tally.added >= MANY:
        store.tidy(*_TABLES)
    return Loaded(tally.rows, tally.added, tally.updated, tally.unchanged, tuple(tally.findings))


def _parts(batch: int, added: int) -> int:
    return max(1, batch // PART, min(added // 2, MOST) // PART)


def finish_keys(store: Store) -> None:
    """Patients of a load that was broken off are found like all others again."""
    from mediasvc.identity.keys import blocking_keys
    from mediasvc.store.patient_list import add_missing_keys, without_keys

    with store.read() as connection:
        ranges = without_keys(connection)
    if ranges:
        with store.aside() as aside:
            add_missing_keys(aside, ranges, lambda who: blocking_keys(
                who.patient_name, who.patient_birth_date, who.postcode, who.address))


def _wait(waiting: PatientList, parts: Iterable[dict[str, Any]], tally: _Tally,
          report: Report) -> bool:
    """Put rows where they wait, and say which are not loaded; False when there are no more."""
    from mediasvc.store.patient_list import Part

    before, said = tally.rows, dict[tuple[int, int], list[str]]()
    for part in parts:
        waiting.add(Part(part["rows"], part["others"]))
        said.update(((number, line), list(troubles)) for number, line, troubles in part["troubles"])
        tally.rows += len(part["rows"])
        report(tally.rows, 0, "patients")
    for row in waiting.drop_twice():
        said.setdefault(row, []).append("this Patient ID and issuer stand in an earlier row")
    tally.refused += len(said)
    tally.findings += (Finding("error", "patient-row", f"row {number} (line {line})", text,
                               "patients load")
                       for (number, line), troubles in sorted(said.items()) for text in troubles)
    return tally.rows > before


@contextmanager
def _ready_parts(path: Path) -> Iterator[Iterator[dict[str, Any]]]:
    """What `ready_rows` makes of each part of the file, in order; of a short file right here."""
    orders = _orders(path)
    first = list(islice(orders, 2))
    if len(first) < 2:
        yield (ready_rows(**order) for order in first)
        return
    limits = Limits()
    with Sandbox(1, limits.child_memory, limits.item_seconds) as child:
        yield _answers(child, chain(first, orders))


def _answers(child: Sandbox, orders: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Of a single child, so they come in order."""
    for answer in child.map("mediasvc.work.index.patient_rows:ready_rows",
                            ((None, order) for order in orders)):
        if answer.error:
            raise MediasvcError(f"A part of the list could not be read: {answer.text}.")
        yield answer.value


def _orders(path: Path) -> Iterator[dict[str, Any]]:
    from mediasvc.identity.load import OPTIONAL, REQUIRED, read_table

    table = read_table(path, REQUIRED, OPTIONAL)
    while part := list(islice(table, PART)):
        yield {"columns": part[0][2],
               "rows": [(number, line, values) for number, line, _, values in part]}
