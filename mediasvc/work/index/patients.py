"""The patient index as people and the ingest line use it: find and match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.identity.keys import blocking_keys
from mediasvc.identity.match import Candidate, Query, Rule, candidates, certain
from mediasvc.identity.names import normal
from mediasvc.identity.query import Blocking, Lookup
from mediasvc.identity.shortlist import shortlist
from mediasvc.model import Demographics, Patient, PatientKey
from mediasvc.store import find as find_rows
from mediasvc.store import patients
from mediasvc.store.db import Connection

if TYPE_CHECKING:
    from mediasvc.identity.load import Row

#: Patients that one key or birth date may contribute: it says little of any more of them.
LIST_LIMIT = 1000
PROVENANCE = "load"
FOUND_LIMIT = 100

#: (rows done, total or 0, what), as `mediasvc.cli.progress` takes it.
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Matched:
    """Candidates for one query, best first, and the link that is certain by rule."""

    candidates: tuple[Candidate, ...]
    auto: Rule | None


def patient_record(key: PatientKey, demographics: Demographics,
                   others: tuple[PatientKey, ...] = ()) -> patients.PatientRecord:
    """A patient as the index stores it, with the keys to find it by."""
    keys = blocking_keys(demographics.patient_name, demographics.patient_birth_date,
                         demographics.postcode, demographics.address)
    return patients.PatientRecord(key, demographics, keys, others)


def find(connection: Connection, text: str, *, limit: int = FOUND_LIMIT) -> list[Patient]:
    """By Patient ID (also ``ID@ISSUER`` or its beginning), birth date, or words of the name."""
    text = text.strip()
    key = PatientKey.parse(text)
    rows = find_rows.by_identifier(connection, key.patient_id,
                                       key.issuer or None, limit=limit) if text else []
    words = normal(re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", r"\1\2\3", text)).split()
    if not rows and words:
        rows = find_rows.by_words(
            connection, [word for word in words if not _is_date(word)],
            [word for word in words if _is_date(word)], limit=limit)
    if not rows and text:
        rows = find_rows.by_id_prefix(connection, text, limit=limit)
    found = patients.people(connection, rows[:limit])
    return sorted(found, key=lambda one: (normal(one.demographics.patient_name),
                                          one.key.patient_id, one.key.issuer))


def _is_date(word: str) -> bool:
    return len(word) == 8 and word.isdecimal()


def index_lookup(connection: Connection) -> Lookup:
    """The index as `mediasvc.identity.match.candidates` wants to see it."""
    def look_up(wanted: Blocking) -> list[Patient]:
        rows: dict[int, None] = {}
        for key in wanted.ids:
            anybody = find_rows.by_identifier(connection, key.patient_id)
            if key.issuer and len(anybody) >= find_rows.HOLDERS:  # the very one may be cut off
                rows.update(dict.fromkeys(find_rows.by_identifier(
                    connection, key.patient_id, key.issuer)))
            rows.update(dict.fromkeys(anybody))
        lists = find_rows.lists(connection, wanted.keys, wanted.birth_dates, limit=LIST_LIMIT)
        rows.update(dict.fromkeys(shortlist(lists, LIST_LIMIT)))
        return patients.people(connection, list(rows))
    return look_up


def match(connection: Connection, query: Query, *, limit: int = 5) -> Matched:
    """Candidates for somebody, and whether a rule links to one of them."""
    found = candidates(query, index_lookup(connection), limit=limit)
    return Matched(tuple(found), certain(query, found))


def match_file(connection: Connection, path: Path, *, limit: int = 5,
               ) -> Iterator[tuple[Row, Matched]]:
    """`match` for each row of a CSV list whose IDs are foreign; rows with troubles as well, with
    what they do say."""
    from mediasvc.identity.load import read_rows

    for row in read_rows(path, foreign=True):
        yield row, match(connection, row_query(row), limit=limit)


def row_query(row: Row) -> Query:
    keys = (row.key, *row.others) if row.key.patient_id else row.others
    return Query(keys, row.demographics)
