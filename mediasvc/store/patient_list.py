# ruff: noqa: S608 - no word of a statement comes from a row
"""A long list of patients brought in by parts: what is new in one piece, what changed one by one.

Rows wait in temporary tables of one connection, where they cost nobody a lock. `settle` then
compares them with the index, and adds those that are new; their keys follow in the order in which
the table keeps them, because adding keys one by one all over a large index takes ten times as
long. All of it goes in small transactions, so that whoever else has something to write waits for
less than a second. An event says which patients were added and another one that they have their
keys: what a crash leaves between the two is found by `without_keys`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from mediasvc.model import Demographics, PatientKey
from mediasvc.store.db import Aside, upsert
from mediasvc.store.events import events, now, record, record_many
from mediasvc.store.in_turns import Turns
from mediasvc.store.patients import PatientRecord, Stored, put_patients
from mediasvc.store.schema import KEY, NUMBER
from mediasvc.store.schema import patient as patient_table
from mediasvc.store.schema import patient_key as key_table

#: Subject and actions of the events that say how far a list has come.
SUBJECT, ADDED, KEYED = "patient-list", "patients-added", "patients-have-keys"

_TEMPORARY = sa.MetaData()
_FIELDS = ("patient_name", "patient_birth_date", "patient_sex", "address", "postcode", "phone")
#: A row of the list. ``others`` and ``keys`` are JSON lists; a key is its kind, one letter, and the
#: key itself. ``bad`` rows are not loaded, `_FRESH` ones were added just now. ``patient`` is whom
#: the index has under the identifier.
_FRESH = 2
_ROW = sa.Table(
    "list_row", _TEMPORARY, sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("line", NUMBER), sa.Column("patient_id", KEY), sa.Column("issuer", KEY),
    *(sa.Column(name, sa.Text) for name in _FIELDS), sa.Column("others", sa.Text),
    sa.Column("keys", sa.Text), sa.Column("bad", sa.Integer), sa.Column("patient", NUMBER),
    prefixes=["TEMPORARY"])
_OTHER = sa.Table(
    "list_other", _TEMPORARY, sa.Column("number", NUMBER), sa.Column("patient_id", KEY),
    sa.Column("issuer", KEY), sa.Index("ix_list_other", "number"), prefixes=["TEMPORARY"])
#: Every identifier of the list so far, and the row in which it stood first.
_SEEN = sa.Table(
    "list_seen", _TEMPORARY, sa.Column("patient_id", KEY, primary_key=True),
    sa.Column("issuer", KEY, primary_key=True), sa.Column("number", NUMBER),
    prefixes=["TEMPORARY"], sqlite_with_rowid=False)
#: What the new patients are found by, in the order in which the index keeps it.
_KEY = sa.Table(
    "list_key", _TEMPORARY, sa.Column("place", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("kind", KEY), sa.Column("key", KEY), sa.Column("patient", NUMBER),
    sa.Column("number", NUMBER), prefixes=["TEMPORARY"])

_NOTE_SEEN = """INSERT INTO list_seen SELECT patient_id, issuer, number FROM list_row
    WHERE true ORDER BY number ON CONFLICT DO NOTHING"""
_TWICE = """SELECT list_row.number, list_row.line FROM list_row
    JOIN list_seen USING (patient_id, issuer) WHERE list_seen.number <> list_row.number"""
_DROP_TWICE = """UPDATE list_row SET bad = 1 WHERE number <> (SELECT list_seen.number FROM list_seen
    WHERE list_seen.patient_id = list_row.patient_id AND list_seen.issuer = list_row.issuer)"""
_KNOW = """UPDATE list_row SET patient = (SELECT id FROM patient
    WHERE patient.patient_id = list_row.patient_id AND patient.issuer = list_row.issuer)"""
_VALID = "i.patient = r.patient AND i.provenance = :provenance AND i.valid_to = ''"
_CHANGED = f"""SELECT r.* FROM list_row r JOIN patient p ON p.id = r.patient WHERE r.bad = 0 AND (
    p.provisional OR {" OR ".join(f"p.{name} <> r.{name}" for name in _FIELDS)}
    OR (SELECT count(*) FROM list_other o WHERE o.number = r.number)
    <> (SELECT count(*) FROM patient_identifier i WHERE {_VALID})
    OR EXISTS (SELECT 1 FROM list_other o WHERE o.number = r.number AND NOT EXISTS (
        SELECT 1 FROM patient_identifier i WHERE {_VALID}
        AND i.patient_id = o.patient_id AND i.issuer = o.issuer))) ORDER BY r.number"""
_SLICE = "list_row.bad = 0 AND list_row.number >= :first AND list_row.number < :stop"
_NEW = f"""{_SLICE} AND NOT EXISTS (SELECT 1 FROM patient p
    WHERE p.patient_id = list_row.patient_id AND p.issuer = list_row.issuer)"""
_ADD = f"""INSERT INTO patient (id, patient_id, issuer, {", ".join(_FIELDS)})
    SELECT :base + number, patient_id, issuer, {", ".join(_FIELDS)} FROM list_row
    WHERE list_row.bad = {_FRESH} AND number >= :first AND number < :stop ORDER BY number"""
_MARK = f"UPDATE list_row SET bad = {_FRESH}, patient = :base + number WHERE {_NEW}"
_ADD_OTHERS = f"""INSERT INTO patient_identifier (patient, patient_id, issuer, provenance,
    valid_from) SELECT list_row.patient, o.patient_id, o.issuer, :provenance, :at
    FROM list_other o JOIN list_row ON list_row.number = o.number
    WHERE list_row.bad = {_FRESH} AND list_row.number >= :first AND list_row.number < :stop
    ORDER BY o.number"""
_SORT_KEYS = f"""INSERT INTO list_key SELECT row_number() OVER (ORDER BY one.value, patient),
    substr(one.value, 1, 1), substr(one.value, 2), patient, number
    FROM list_row, %s WHERE list_row.bad = {_FRESH}"""
_EACH_KEY = {"sqlite": "json_each(list_row.keys) AS one",
             "postgresql": """LATERAL (SELECT value COLLATE "C" AS value FROM
                 json_array_elements_text(list_row.keys::json) AS each(value)) AS one"""}
#: Who was changed since by somebody else has the right keys already. Asked for each key by itself:
#: PostgreSQL expects a join by so many columns to find nobody, and joins all with all.
_ADD_KEYS = f"""INSERT INTO patient_key (kind, key, patient)
    SELECT k.kind, k.key, k.patient FROM list_key k
    WHERE k.place >= :first AND k.place < :stop AND (SELECT {" AND ".join(
        f"p.{name} = r.{name}" for name in
        ("patient_name", "patient_birth_date", "address", "postcode"))}
        FROM list_row r, patient p WHERE r.number = k.number AND p.id = k.patient)
    ORDER BY k.place ON CONFLICT DO NOTHING"""
#: So many patients, changed patients and keys go into the first transaction of a kind.
_PATIENTS, _CHANGES, _KEYS = 1000, 100, 5000


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a list, as `PatientList.add` takes them."""

    rows: Sequence[Sequence[Any]]
    """number, line, Patient ID, issuer, the six demographics, others, keys, bad"""
    others: Sequence[Sequence[Any]]
    """number, Patient ID, issuer"""


class PatientList:
    """The temporary tables of one list."""

    def __init__(self, aside: Aside, provenance: str) -> None:
        self._aside, self._provenance = aside, provenance
        self._turns = Turns(aside)
        with aside.scratch() as connection:
            _TEMPORARY.create_all(connection, checkfirst=False)

    def add(self, part: Part) -> None:
        """Rows that wait for `settle`."""
        with self._aside.scratch() as connection:
            _fill(connection, _ROW, part.rows)
            _fill(connection, _OTHER, part.others)

    def drop_twice(self) -> list[tuple[int, int]]:
        """(number, line) of the waiting rows whose identifier stood in an earlier row of the list;
        they will not be loaded."""
        with self._aside.scratch() as connection:
            connection.exec_driver_sql(_NOTE_SEEN)
            if connection.dialect.name == "postgresql":  # nobody else counts what lies in these
                for table in (_ROW, _OTHER, _SEEN):
                    connection.exec_driver_sql(f"ANALYZE {table.name}")
            twice = [(row[0], row[1]) for row in connection.exec_driver_sql(_TWICE)]
            if twice:
                connection.exec_driver_sql(_DROP_TWICE)
        return twice

    def clear(self) -> None:
        """What waited is settled."""
        with self._aside.scratch() as connection:
            for table in (_ROW, _OTHER, _KEY):
                connection.execute(sa.delete(table))

    def settle(self, by: str) -> Stored:
        """Bring the waiting rows into the index. What it was broken off in, the same again ends."""
        with self._aside.scratch() as connection:
            connection.exec_driver_sql(_KNOW)
            known = connection.exec_driver_sql(
                "SELECT count(*) FROM list_row WHERE bad = 0 AND patient IS NOT NULL").scalar_one()
            rows = connection.execute(sa.text(_CHANGED), {"provenance": self._provenance})
            records = [_record(row) for row in rows.mappings()]
        updated = self._change(records, by)
        added = self._add_new(by)
        if added:
            self._add_keys(by)
        return Stored(added, tuple(updated), known - len(updated))

    def _change(self, records: Sequence[PatientRecord], by: str,
                ) -> list[tuple[int, tuple[str, ...]]]:
        updated: list[tuple[int, tuple[str, ...]]] = []

        def change(connection: sa.Connection, first: int, stop: int) -> None:
            found = put_patients(connection, records[first:stop], provenance=self._provenance)
            record_many(connection, (("patient", number, "updated", {"fields": list(fields)})
                                     for number, fields in found.updated), by=by)
            updated.extend(found.updated)

        self._turns.take(change, 0, len(records), _CHANGES)
        return updated

    def _add_new(self, by: str) -> int:
        with self._aside.scratch() as connection:
            first, last = connection.exec_driver_sql(
                "SELECT min(number), max(number) FROM list_row WHERE bad = 0 AND patient IS NULL"
                ).one()
        added = 0

        def add(connection: sa.Connection, start: int, stop: int) -> None:
            nonlocal added
            base = _free_row(connection)
            values = {"base": base - start, "first": start, "stop": stop, "at": now(),
                      "provenance": self._provenance}
            connection.execute(sa.text(_MARK), values)
            count = connection.execute(sa.text(_ADD), values).rowcount
            if count:
                connection.execute(sa.text(_ADD_OTHERS), values)
                _numbers_are_taken(connection)
                record(connection, "service", SUBJECT, ADDED, by=by, data={
                    "first": base, "stop": base + stop - start, "patients": count})
            added += count

        if first is not None:
            self._turns.take(add, first, last + 1, _PATIENTS)
        return added

    def _add_keys(self, by: str) -> None:
        with self._aside.scratch() as connection:
            connection.exec_driver_sql(_SORT_KEYS % _EACH_KEY[connection.dialect.name])
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"ANALYZE {_KEY.name}")
            keys = connection.exec_driver_sql("SELECT count(*) FROM list_key").scalar_one()

        def add(connection: sa.Connection, first: int, stop: int) -> None:
            connection.execute(sa.text(_ADD_KEYS), {"first": first, "stop": stop})
            if stop > keys:
                record(connection, "service", SUBJECT, KEYED, by=by)

        self._turns.take(add, 1, max(keys, 1) + 1, _KEYS)


def without_keys(connection: sa.Connection) -> list[tuple[int, int]]:
    """(first row, row behind the last) of patients whose keys a load was about to add."""
    found: list[tuple[int, int]] = []
    for event in events(connection, "service", SUBJECT):
        if event.action == KEYED:
            found.clear()
        elif event.action == ADDED:
            found.append((event.data["first"], event.data["stop"]))
    return found


def add_missing_keys(aside: Aside, ranges: Iterable[tuple[int, int]],
                     keys_of: Callable[[Demographics], Iterable[tuple[str, str]]]) -> None:
    """Give every patient of ``ranges`` the keys that are missing, then say so."""
    turns = Turns(aside)

    def add(connection: sa.Connection, first: int, stop: int) -> None:
        number, fields = patient_table.c.id, (patient_table.c[name] for name in _FIELDS)
        rows = connection.execute(sa.select(number, *fields).where(
            number >= first, number < stop)).all()
        keys = [{"kind": kind, "key": key, "patient": row[0]}
                for row in rows for kind, key in keys_of(Demographics(*row[1:]))]
        if keys:
            connection.execute(upsert(connection, key_table, key=("kind", "key", "patient")),
                               keys)

    for first, stop in ranges:
        turns.take(add, first, stop, _CHANGES)
    with aside.transaction() as connection:
        record(connection, "service", SUBJECT, KEYED)


def _record(row: Any) -> PatientRecord:
    return PatientRecord(
        PatientKey(row["patient_id"], row["issuer"]),
        Demographics(*(row[name] for name in _FIELDS)),
        tuple((key[0], key[1:]) for key in json.loads(row["keys"])),
        tuple(PatientKey(*key) for key in json.loads(row["others"])))


def _fill(connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
    """The driver's own way: SQLAlchemy would look at each value."""
    columns = [column.name for column in table.c if column.name != "patient"]
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})",
            list(map(tuple, rows)))
        return
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _free_row(connection: sa.Connection) -> int:
    """A number above that of every patient; nobody else gives out any while we write."""
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql("SELECT max(id) FROM patient").scalar()
        return int(last or 0) + 1
    return int(connection.exec_driver_sql(
        "SELECT nextval(pg_get_serial_sequence('patient', 'id'))").scalar_one())


def _numbers_are_taken(connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('patient', 'id'), "
                                   "(SELECT max(id) FROM patient))")
