"""What the archive holds, whose it is, and how an import is taken back without a trace."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from mediasvc.errors import NotFoundError, StateError
from mediasvc.model import Demographics, InstanceHeader, PatientKey
from mediasvc.store import discs, find, index, ledger, patients, removal
from mediasvc.store.db import Connection, Store
from mediasvc.store.patients import PatientRecord
from tests.store_things import add_patient, dump, file_instances, stored_instance

HOUSE = PatientKey("100", "LOCAL")
JOHN = Demographics("Doe^John", "19800102", "M", "Way 1", "8001", "123")


def _package(connection: Connection) -> int:
    return ledger.submit(connection, kind="folder", path="/in/disc").id


def test_the_same_patient_again_changes_nothing(connection: Connection) -> None:
    record = PatientRecord(HOUSE, JOHN, (("w", "doe"),), (PatientKey("F1", "CLINIC"),))
    first = patients.put_patients(connection, [record], provenance="load")
    again = patients.put_patients(connection, [record], provenance="load")
    assert (first.added, again.added, again.updated, again.unchanged) == (1, 0, (), 1)
    found = patients.patient(connection, HOUSE)
    assert found.demographics == JOHN and not found.provisional
    assert found.valid_keys() == {HOUSE, PatientKey("F1", "CLINIC")}


def test_a_changed_patient_says_which_fields_changed(connection: Connection) -> None:
    patients.put_patients(connection, [PatientRecord(HOUSE, JOHN, (("w", "doe"),))],
                          provenance="load")
    new = PatientRecord(HOUSE, replace(JOHN, patient_name="Smith^John", phone=""),
                        (("w", "smith"),), (PatientKey("F1", "CLINIC"),))
    stored = patients.put_patients(connection, [new], provenance="load")
    (row, fields), = stored.updated
    assert set(fields) == {"patient_name", "phone", "other_ids"}
    assert find.lists(connection, [("w", "smith")], [], limit=9) == [[row]]
    assert find.lists(connection, [("w", "doe")], [], limit=9) == [[]]


def test_the_same_id_of_another_issuer_is_another_patient(connection: Connection) -> None:
    here, there = add_patient(connection), add_patient(connection, issuer="CLINIC")
    assert here != there
    assert find.by_identifier(connection, "100", "LOCAL") == [here]
    assert set(find.by_identifier(connection, "100")) == {here, there}
    with pytest.raises(NotFoundError):
        patients.patient(connection, PatientKey("100", "ELSEWHERE"))


def test_an_identifier_that_the_feed_no_longer_names_ends_but_is_remembered(
        connection: Connection) -> None:
    key = PatientKey("F1", "CLINIC")
    with_it, without = (PatientRecord(HOUSE, JOHN, others=others) for others in ((key,), ()))
    for record in (with_it, without, with_it):
        patients.put_patients(connection, [record], provenance="load")
    found = patients.patient(connection, HOUSE)
    assert [bool(one.valid_to) for one in found.identifiers] == [True, False]
    patients.put_patients(connection, [without], provenance="load")
    assert find.by_identifier(connection, "F1", "CLINIC") == []


def test_a_feed_does_not_end_what_a_decision_said(connection: Connection) -> None:
    row = add_patient(connection)
    package = _package(connection)
    key = PatientKey("F1", "CLINIC")
    assert patients.add_identifier(connection, row, key, provenance="decision",
                                   package_id=package)
    assert not patients.add_identifier(connection, row, key, provenance="decision")
    add_patient(connection, name="Doe^Johnny")
    assert find.by_identifier(connection, "F1", "CLINIC") == [row]


def test_a_provisional_patient_becomes_real_when_the_feed_knows_it(connection: Connection) -> None:
    key = PatientKey("PROV1", "LOCAL")
    row = patients.add_provisional(connection, PatientRecord(key, JOHN), _package(connection))
    assert patients.patient_row(connection, row).provisional
    stored = patients.put_patients(connection, [PatientRecord(key, JOHN)], provenance="load")
    assert stored.updated == ((row, ("provisional",)),)
    assert not patients.patient_row(connection, row).provisional


def test_patients_are_found_by_beginnings_of_words(connection: Connection) -> None:
    records = [PatientRecord(PatientKey(str(n), "LOCAL"),
                             Demographics("x", f"1980010{n}"),
                             (("w", "muller"), ("w", name)))
               for n, name in enumerate(("jorg", "jan", "山田"))]
    patients.put_patients(connection, records, provenance="load")
    by_words = find.by_words
    assert len(by_words(connection, ["mul"], [], limit=9)) == 3
    assert len(by_words(connection, ["mul", "ja"], [], limit=9)) == 1
    assert len(by_words(connection, ["山"], [], limit=9)) == 1
    assert len(by_words(connection, ["mull"], ["19800100"], limit=9)) == 1
    assert len(find.by_id_prefix(connection, "", limit=2)) == 2


def test_instances_are_filed_once(connection: Connection) -> None:
    row, package = add_patient(connection), _package(connection)
    rows = [stored_instance(n, package) for n in range(5)]
    for _ in range(2):
        file_instances(connection, row, rows)
    assert index.instances(connection, [rows[3].sop_instance_uid, "9.9"]) == {
        rows[3].sop_instance_uid: rows[3]}
    summary, = index.studies(connection)
    assert (summary.instances, summary.series, summary.modalities) == (5, 1, ("CT",))
    assert summary.patient.key == HOUSE
    assert len(list(index.study_instances(connection, "1.2.3"))) == 5
    assert len(list(index.package_instances(connection, package))) == 5


def test_a_study_is_never_filed_under_a_second_patient(connection: Connection) -> None:
    package = _package(connection)
    mine, other = add_patient(connection), add_patient(connection, "200")
    file_instances(connection, mine, [stored_instance(1, package)])
    assert index.study_patients(connection, ["1.2.3", "9.9"]) == {"1.2.3": mine}
    with pytest.raises(StateError, match="another patient"), connection.begin_nested():
        file_instances(connection, other, [stored_instance(2, package)])
    assert [one.patient.row for one in index.studies(connection)] == [mine]


def test_a_series_of_another_study_and_other_content_are_refused(connection: Connection) -> None:
    row, package = add_patient(connection), _package(connection)
    file_instances(connection, row, [stored_instance(1, package)])
    for bad in (stored_instance(2, package, study="1.2.9"),
                stored_instance(1, package, object_sha256="f" * 64)):
        with pytest.raises(StateError), connection.begin_nested():
            file_instances(connection, row, [bad])


def test_an_instance_needs_its_object(connection: Connection) -> None:
    import sqlalchemy

    row, package = add_patient(connection), _package(connection)
    with pytest.raises(sqlalchemy.exc.IntegrityError), connection.begin_nested():
        index.put_instances(connection, row, [stored_instance(1, package)])


def test_studies_are_listed_by_patient_and_newest_first(connection: Connection) -> None:
    package = _package(connection)
    one, two = add_patient(connection), add_patient(connection, "200")
    for number, owner in ((1, one), (2, one), (3, two)):
        row = stored_instance(number, package, study=f"1.{number}", series=f"1.{number}.1")
        header = replace(row.header or InstanceHeader(), study_date=f"2020010{number}")
        file_instances(connection, owner, [replace(row, header=header)])
    assert [study.study_instance_uid for study in index.studies(connection)] == [
        "1.3", "1.2", "1.1"]
    assert [study.study_instance_uid for study in index.studies(connection, patient=one)] == [
        "1.2", "1.1"]
    assert [study.study_instance_uid
            for study in index.studies(connection, uids=["1.1", "7"])] == ["1.1"]
    with pytest.raises(NotFoundError):
        list(index.study_instances(connection, "7"))


def test_a_large_study_is_read_by_pages(connection: Connection) -> None:
    row, package = add_patient(connection), _package(connection)
    file_instances(connection, row, [stored_instance(n, package) for n in range(5001)])
    found = [one.sop_instance_uid for one in index.study_instances(connection, "1.2.3")]
    assert len(found) == len(set(found)) == 5001


def test_undo_leaves_every_row_as_it_was_before(store: Store, tmp_path: Path) -> None:
    """The whole index, byte for byte; only the ledger remembers."""
    with store.transaction() as connection:
        mine = add_patient(connection)
        file_instances(connection, mine, [stored_instance(n, _package(connection))
                                          for n in range(3)])
    database = tmp_path / "mediasvc.db"
    before = dump(database, without=("event", "package"))
    with store.transaction() as connection:
        package = _package(connection)
        patients.add_identifier(connection, mine, PatientKey("F1", "CLINIC"),
                                provenance="decision", package_id=package)
        new = patients.add_provisional(connection, PatientRecord(
            PatientKey("PROV1", "LOCAL"), JOHN, (("w", "doe"),)), package)
        index.put_objects(connection, {"e" * 64: 99}, kind="pack")
        file_instances(connection, mine, [
            replace(stored_instance(n, package, series="1.2.3.5"), restore="delta",
                    pack_sha256="e" * 64, object_sha256=f"{n + 100:064x}") for n in range(3)])
        file_instances(connection, new, [stored_instance(9, package, study="1.9", series="1.9.1")])
    with store.transaction() as connection:
        expect = removal.foresee(connection, package)
        dropped = [removal.drop_instances(connection, package, 3, 7) for _ in range(3)]
        people = removal.drop_people(connection, package)
    assert (expect.instances, expect.series, expect.studies, people) == (4, 2, 1, 1)
    assert [len(part) for part in dropped] == [3, 1, 0]
    with store.transaction() as connection:
        gone = removal.given_up(connection)
        assert len(gone) == 5 and ("pack", "e" * 64) in gone
        removal.forget_given_up(connection, [sha256 for _, sha256 in gone])
    assert dump(database, without=("event", "package")) == before
    with store.read() as connection:
        assert ledger.verify_chain(connection).whole


def test_undo_spares_what_a_later_package_uses(connection: Connection) -> None:
    first, second = _package(connection), _package(connection)
    new = patients.add_provisional(connection, PatientRecord(PatientKey("P", "LOCAL"), JOHN),
                                   first)
    shared = stored_instance(1, first)
    file_instances(connection, new, [shared, stored_instance(2, first)])
    file_instances(connection, new, [stored_instance(3, second,
                                                     object_sha256=shared.object_sha256)])
    expect = removal.foresee(connection, first)
    assert (expect.instances, expect.series, expect.studies) == (2, 0, 0)
    assert len(removal.drop_instances(connection, first, 9, 7)) == 2
    assert removal.drop_people(connection, first) == 0
    assert [sha256 for _, sha256 in removal.given_up(connection)] == [f"{2:064x}"]
    assert [one.instances for one in index.studies(connection)] == [1]


def test_undo_names_discs_and_packages_that_depended_on_it(connection: Connection) -> None:
    row, first, second = add_patient(connection), _package(connection), _package(connection)
    file_instances(connection, row, [stored_instance(1, first)])
    uid = stored_instance(1, first).sop_instance_uid
    disc = discs.plan_disc(connection, path="/out/1.iso", profile="p", file_set_id="D")
    discs.put_disc_instances(connection, disc.id, [("IM1", uid, "aa")])
    ledger.put_items(connection, first, [ledger.Item(
        1, state="held", reason="taken-back", sop_instance_uid=uid)])
    ledger.put_items(connection, second, [ledger.Item(1, state="duplicate", duplicate_of=uid)])
    assert removal.foresee(connection, first).discs == ()  # it never left the house
    for before, after in pairwise(("planned", "built", "verified", "released")):
        discs.change_disc(connection, disc.id, expect=before, to=after)
    assert removal.foresee(connection, first).discs == (disc.id,)
    assert removal.dependents(connection, first, "taken-back") == (second,)


def test_what_was_given_up_and_comes_again_stays(connection: Connection) -> None:
    row, first, second = add_patient(connection), _package(connection), _package(connection)
    file_instances(connection, row, [stored_instance(1, first)])
    removal.drop_instances(connection, first, 9, 7)
    assert len(removal.given_up(connection)) == 1
    file_instances(connection, row, [stored_instance(1, second)])
    assert removal.given_up(connection) == []
    removal.forget_given_up(connection, [f"{1:064x}"])
    assert len(list(index.study_instances(connection, "1.2.3"))) == 1


def test_look_ups_use_indexes(store: Store, tmp_path: Path) -> None:
    questions = [
        "SELECT * FROM instance WHERE sop_instance_uid IN ('1', '2')",
        "SELECT * FROM instance WHERE series_instance_uid = '1' AND sop_instance_uid > '' "
        "ORDER BY sop_instance_uid LIMIT 9",
        "SELECT * FROM instance WHERE package_id = 1 AND sop_instance_uid > '' "
        "ORDER BY sop_instance_uid LIMIT 9",
        "SELECT * FROM patient WHERE patient_id IN ('1', '2')",
        "SELECT * FROM patient WHERE patient_birth_date = '1'",
        "SELECT * FROM patient_key WHERE kind = 'w' AND key >= 'a' AND key < 'b'",
        "SELECT * FROM item WHERE package_id = 1 AND number > 5 ORDER BY number LIMIT 9",
        "SELECT * FROM event WHERE subject_kind = 'package' AND subject = '1' AND seq > 0 "
        "ORDER BY seq LIMIT 9",
        "SELECT * FROM package WHERE state IN ('receiving') AND id > 0 ORDER BY id",
    ]
    with sqlite3.connect(tmp_path / "mediasvc.db") as raw:
        for question in questions:
            plan = " ".join(row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + question))
            assert "SEARCH" in plan and "SCAN" not in plan and "TEMP B-TREE" not in plan, (
                question, plan)
