# ruff: noqa: S608 - no word of a statement comes from a row
"""A long list of patients brought in by parts: what is new in one piece, what changed one by one.

Rows wait in temporary tables of one connection, where they cost nobody a lock. `settle` then
compares them with the index, and adds those that are new in the order in which the tables keep
them: adding keys one by one all over a large index takes ten times as long.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from mediasvc.model import Demographics, PatientKey
from mediasvc.store.db import Aside
from mediasvc.store.events import now
from mediasvc.store.patients import PatientRecord, Stored, put_patients
from mediasvc.store.schema import KEY, NUMBER

_TEMPORARY = sa.MetaData()
_FIELDS = ("patient_name", "patient_birth_date", "patient_sex", "address", "postcode", "phone")
#: A row of the list. ``others`` and ``keys`` are JSON lists; a key is its kind, one letter, and the
#: key itself. ``bad`` rows are not loaded. ``patient`` is whom the index has under the identifier.
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
_NEW = "list_row.bad = 0 AND list_row.patient IS NULL"
_ADD = f"""INSERT INTO patient (id, patient_id, issuer, {", ".join(_FIELDS)})
    SELECT :base + number, patient_id, issuer, {", ".join(_FIELDS)} FROM list_row WHERE {_NEW}
    ORDER BY number"""
_ADD_KEYS = f"""INSERT INTO patient_key (kind, key, patient)
    SELECT substr(one.value, 1, 1), substr(one.value, 2), :base + number
    FROM list_row, %s WHERE {_NEW} ORDER BY 1, 2, 3"""
_EACH_KEY = {"sqlite": "json_each(list_row.keys) AS one",
             "postgresql": "json_array_elements_text(list_row.keys::json) AS one(value)"}
_ADD_OTHERS = f"""INSERT INTO patient_identifier (patient, patient_id, issuer, provenance,
    valid_from) SELECT :base + o.number, o.patient_id, o.issuer, :provenance, :at
    FROM list_other o JOIN list_row ON list_row.number = o.number WHERE {_NEW} ORDER BY o.number"""
_PART = 5000


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
            for table in (_ROW, _OTHER):
                connection.execute(sa.delete(table))

    def settle(self, connection: sa.Connection) -> Stored:
        """Bring the waiting rows into the index, inside the caller's transaction of the aside."""
        connection.exec_driver_sql(_KNOW)
        rows = connection.execute(sa.text(_CHANGED), {"provenance": self._provenance}).mappings()
        records = map(_record, rows.all())
        updated: list[tuple[int, tuple[str, ...]]] = []
        while part := list(islice(records, _PART)):
            updated += put_patients(connection, part, provenance=self._provenance).updated
        known = connection.exec_driver_sql(
            "SELECT count(*) FROM list_row WHERE bad = 0 AND patient IS NOT NULL").scalar_one()
        return Stored(self._add_new(connection), tuple(updated), known - len(updated))

    def _add_new(self, connection: sa.Connection) -> int:
        first = connection.exec_driver_sql("SELECT min(number) FROM list_row").scalar()
        values = {"base": _free_row(connection) - (first or 0), "provenance": self._provenance,
                  "at": now()}
        added = connection.execute(sa.text(_ADD), values).rowcount
        if added:
            connection.execute(sa.text(_ADD_KEYS % _EACH_KEY[connection.dialect.name]), values)
            connection.execute(sa.text(_ADD_OTHERS), values)
            _numbers_are_taken(connection)
        return added


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
