"""A long patient list: in batches, in a child, twice, changed, broken off."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediasvc.errors import DamagedError
from mediasvc.identity.keys import blocking_keys
from mediasvc.model import PatientKey
from mediasvc.store import in_turns, ledger, patients, schema
from mediasvc.store import patient_list as store_list
from mediasvc.store.db import Aside, Store
from mediasvc.store.patient_list import PatientList
from mediasvc.work.index import patient_list
from mediasvc.work.index.patient_list import Loaded, load
from tests.store_things import new_store

HEAD = "patient_id,issuer,name,birth_date,sex,other_ids,postcode\n"
NAMES = ("Doe^Jane", "Müller^Jörg", "O'Brien^Ann", "山田^太郎", "Yamada^Tarou=山田^太郎", "Solo",
         "")


def line(number: int, name: str = "", others: str = "") -> str:
    name = name or NAMES[number % len(NAMES)]
    return f"{number},LOCAL,{name},19{number % 80 + 10}0102,F,{others},80{number % 90 + 10}\n"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(patient_list, "PART", 3)
    with new_store(tmp_path) as opened:
        yield opened


def loaded(store: Store, tmp_path: Path, *lines: str) -> Loaded:
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    return load(store, path, by="Ann", batch=6)


def tables(store: Store) -> dict[str, list[str]]:
    with store.read() as connection:
        return {name: sorted(map(repr, connection.execute(sa.select(
            schema.metadata.tables[name])))) for name in ("patient", "patient_key",
                                                          "patient_identifier")}


def test_what_several_batches_bring_is_what_one_by_one_would(store: Store, tmp_path: Path) -> None:
    done = loaded(store, tmp_path, *(line(n, others=f"F{n}@A|G{n}@B" if n % 2 else "")
                                     for n in range(1, 21)))
    assert (done.rows, done.added, done.findings) == (20, 20, ())
    with store.read() as connection:
        for number in range(1, 21):
            one = patients.patient(connection, PatientKey(str(number), "LOCAL"))
            who = one.demographics
            assert who.patient_name == NAMES[number % len(NAMES)]
            assert len(one.identifiers) == 2 * (number % 2)
            keys = connection.execute(sa.select(schema.patient_key.c.kind, schema.patient_key.c.key)
                                      .where(schema.patient_key.c.patient == one.row)).all()
            assert sorted(map(tuple, keys)) == sorted(blocking_keys(
                who.patient_name, who.patient_birth_date, who.postcode, who.address))


def test_the_same_list_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    lines = [line(n, others=f"F{n}@A") for n in range(1, 15)]
    loaded(store, tmp_path, *lines)
    before = tables(store)
    assert loaded(store, tmp_path, *reversed(lines)).unchanged == 14
    assert tables(store) == before


def test_rows_that_changed_are_events_and_new_ones_come_in(store: Store, tmp_path: Path) -> None:
    loaded(store, tmp_path, *(line(n, others=f"F{n}@A") for n in range(1, 11)))
    done = loaded(store, tmp_path, *(line(n, "Roe^New" if n == 4 else "",
                                          f"F{n}@A" if n != 9 else "") for n in range(2, 15)))
    assert (done.added, done.updated, done.unchanged) == (4, 2, 7)
    with store.read() as connection:
        told = [one.data["fields"] for one in ledger.events(connection) if one.action == "updated"]
        assert told == [["patient_name"], ["other_ids"]]
        ended, = patients.patient(connection, PatientKey("9", "LOCAL")).identifiers
        assert ended.valid_to


def test_an_identifier_that_comes_twice_is_refused_wherever_it_stands(store: Store, tmp_path: Path,
                                                                      ) -> None:
    bad = line(30).replace("19", "x", 1)
    lines = [line(1), line(1), *(line(n) for n in range(2, 12)), line(2, "Other^One"), bad,
             line(30)]
    for added in (11, 0):
        done = loaded(store, tmp_path, *lines)
        assert done.added == added and done.added + done.unchanged == 11
        assert [one.subject for one in done.findings] == [
            "row 2 (line 3)", "row 13 (line 14)", "row 14 (line 15)", "row 15 (line 16)"]
        assert "Other" not in str(done.findings)


def test_a_load_that_breaks_off_leaves_whole_batches_and_goes_on(
        store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, settle, left = [line(n) for n in range(1, 21)], PatientList.settle, [2]

    def breaking(self: PatientList, by: str) -> patients.Stored:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return settle(self, by)

    monkeypatch.setattr(PatientList, "settle", breaking)
    with pytest.raises(KeyboardInterrupt):
        loaded(store, tmp_path, *lines)
    assert len(tables(store)["patient"]) == 6
    monkeypatch.undo()
    done = loaded(store, tmp_path, *lines)
    assert (done.added, done.unchanged) == (14, 6)


@pytest.mark.parametrize("turns", range(1, 7))
def test_a_load_that_breaks_off_anywhere_leaves_nobody_who_cannot_be_found(
        store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    """A list goes in by small transactions, patients before their keys."""
    monkeypatch.setattr(store_list, "_PATIENTS", 3)
    monkeypatch.setattr(store_list, "_KEYS", 40)
    monkeypatch.setattr(in_turns, "SMALLEST", 1)
    monkeypatch.setattr(in_turns, "SECONDS", 0)  # never more than in the first one
    monkeypatch.setattr(in_turns, "PAUSE", 0)
    left, transaction = [turns], Aside.transaction

    def breaking(self: Aside) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return transaction(self)

    lines = [line(n, others=f"F{n}@A") for n in range(1, 13)]
    monkeypatch.setattr(Aside, "transaction", breaking)
    with pytest.raises(KeyboardInterrupt):
        loaded(store, tmp_path, *lines)
    monkeypatch.setattr(Aside, "transaction", transaction)
    patient_list.finish_keys(store)  # as the service does when it starts
    for row in tables(store)["patient"]:
        assert _keys_are_right(store, row)
    done = loaded(store, tmp_path, *lines)
    assert done.added + done.unchanged == 12
    with new_store(tmp_path / "other") as other:
        loaded(other, tmp_path, *lines)
        assert tables(store)["patient_key"] == tables(other)["patient_key"]


def _keys_are_right(store: Store, row: str) -> bool:
    with store.read() as connection:
        number = int(row.strip("(").split(",")[0])
        one = patients.patient_row(connection, number)
        who = one.demographics
        keys = connection.execute(sa.select(schema.patient_key.c.kind, schema.patient_key.c.key)
                                  .where(schema.patient_key.c.patient == number)).all()
    return sorted(map(tuple, keys)) == sorted(blocking_keys(
        who.patient_name, who.patient_birth_date, who.postcode, who.address))




def test_somebody_who_writes_meanwhile_hardly_waits(store: Store, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A clerk's click, again and again, while a list comes in."""
    monkeypatch.setattr(patient_list, "PART", 1000)
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "".join(line(n) for n in range(1, 5_001)), encoding="utf-8")
    waited, stop = [], threading.Event()

    def click() -> None:
        while not stop.is_set():
            began = time.monotonic()
            with store.transaction() as connection:
                ledger.record(connection, "service", "x", "click")
            waited.append(time.monotonic() - began)
            time.sleep(0.05)

    clicking = threading.Thread(target=click)
    clicking.start()
    done = load(store, path)
    stop.set()
    clicking.join()
    assert done.added > 4_900  # a few IDs, such as 9999, are nobody's
    assert len(waited) > 3
    assert sorted(waited)[len(waited) // 2] < 1.0


def test_a_list_that_is_damaged_further_down_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="Line 31"):
        loaded(store, tmp_path, *(line(n) for n in range(1, 30)), '40,L,"open,,M\n')
    assert loaded(store, tmp_path, *(line(n) for n in range(1, 30))).rows == 29


def test_nobody_has_to_wait_while_a_list_is_read(store: Store, tmp_path: Path) -> None:
    """Rows wait in temporary tables, which take no lock of the index."""
    with store.aside() as aside:
        waiting = PatientList(aside, "load")
        with aside.scratch() as connection:
            connection.exec_driver_sql("INSERT INTO list_seen VALUES ('1', 'L', 1)")
            with store.transaction() as other:
                ledger.record(other, "service", "x", "y")
        assert waiting.drop_twice() == []
