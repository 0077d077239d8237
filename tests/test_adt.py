"""The patient feed as a site lives with it: files, merges, images of merged patients, undo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediasvc.errors import NotFoundError, StateError
from mediasvc.identity.match import Query
from mediasvc.model import Demographics, PatientKey
from mediasvc.settings import Home, Settings
from mediasvc.store import adt, index, ledger, merges, patients
from mediasvc.store.db import Connection, open_store
from mediasvc.work.index import patients as desk
from mediasvc.work.index.adt import Receipt, receive
from mediasvc.work.index.merge import unmerge_by_hand
from mediasvc.work.placing.provisional import add_provisional_patient, provisional_key
from tests.conftest import Program
from tests.hl7_things import FEED, NOW, message
from tests.store_things import file_instances, stored_instance

A, B, C = (PatientKey(number, "HOSP") for number in ("100", "200", "300"))
JOHN = Demographics("Doe^John", "19800102", "M")


def send(connection: Connection, trigger: str, key: PatientKey = A, *,
         mrg: PatientKey | None = None, at: int = 1, name: str = "Doe^John",
         **more: str) -> Receipt:
    said = {"pid": f"{key.patient_id}^^^{key.issuer}^MR", "name": name,
            "mrg": f"{mrg.patient_id}^^^{mrg.issuer}" if mrg else "",
            "at": f"2024010112{at:02}+0000"} | more
    return receive(connection, message(trigger, **said), FEED, received=NOW)


def name_of(connection: Connection, key: PatientKey) -> str:
    return patients.patient(connection, key).demographics.patient_name


def test_an_update_says_only_what_it_says(connection: Connection) -> None:
    assert send(connection, "A28", after_sex="|||1 Way^^Town^^8001||044").change == "added"
    changed = send(connection, "A08", at=2, name="Doe^Jack", sex="", born='""')
    assert (changed.verdict, changed.change) == ("applied", "updated")
    assert patients.patient(connection, A).demographics == Demographics(
        "Doe^Jack", "", "M", "1 Way, Town", "8001", "044")


def test_an_old_message_does_not_bring_an_old_name_back(connection: Connection) -> None:
    send(connection, "A08", at=5, name="New^Name")
    late = send(connection, "A08", at=4, name="Old^Name")
    assert (late.verdict, late.answer, late.code) == ("stale", "AA", "stale")
    assert name_of(connection, A) == "New^Name"
    send(connection, "A08", at=5, name="Newer^Name", control="x")
    assert name_of(connection, A) == "Newer^Name"


def test_the_same_message_again_has_no_effect_and_the_same_answer(connection: Connection) -> None:
    for trigger, mrg, answer in (("A08", None, "AA"), ("A40", A, "AE"), ("A40", None, "AR")):
        first, again = (send(connection, trigger, mrg=mrg) for _ in range(2))
        assert (first.answer, again.answer, first.repeated, again.repeated) == (
            answer, answer, False, True)
        assert first.code == again.code
    assert len(list(adt.messages(connection))) == 3


def test_a_control_id_with_other_content_is_another_message(connection: Connection) -> None:
    send(connection, "A08", control="7", name="One")
    other = send(connection, "A08", control="7", name="Two", at=2)
    assert other.verdict == "applied" and [code for code, _ in other.notes] == ["control-id"]
    elsewhere = send(connection, "A08", control="7", name="Three", at=3, sender="OTHER")
    assert not elsewhere.notes


def test_the_prior_identifier_finds_the_survivor(connection: Connection) -> None:
    send(connection, "A28", A, pid="100^^^HOSP^MR~F7^^^CLINIC")
    send(connection, "A28", B, name="Roe^John")
    assert send(connection, "A40", B, mrg=A, at=2).verdict == "applied"
    assert patients.patient(connection, A).key == B
    assert [one.key for one in desk.find(connection, "100@HOSP")] == [B]
    assert [one.key for one in desk.find(connection, "F7")] == [B]
    assert [one.key for one in desk.find(connection, "doe")] == [B]
    for key in (A, B, PatientKey("F7", "CLINIC")):
        rule = desk.match(connection, Query((key,), Demographics("Roe^John", "19800102"))).auto
        assert rule is not None and rule.key == B
    assert [one.provenance for one in patients.patient(connection, B).identifiers] == [
        "merge", "hl7"]


def test_studies_of_the_merged_are_the_survivors_until_it_is_undone(connection: Connection) -> None:
    send(connection, "A28", A)
    send(connection, "A28", B)
    package = ledger.submit(connection, kind="folder", path="/x").id
    a, b = (patients.patient(connection, key).row for key in (A, B))
    file_instances(connection, a, [stored_instance(1, package, study="1.1", series="1.1.1")])
    file_instances(connection, b, [stored_instance(2, package, study="1.2", series="1.2.1")])
    before = {row: [one.study_instance_uid for one in index.studies(connection, patient=row)]
              for row in (a, b)}
    send(connection, "A40", B, mrg=A, at=2)
    for row in (a, b):
        found = list(index.studies(connection, patient=row))
        assert {one.study_instance_uid for one in found} == {"1.1", "1.2"}
        assert {one.patient.key for one in found} == {B}
    assert index.study_patients(connection, ["1.1"]) == {"1.1": b}
    # an import that was decided for the prior patient and is filed only now (FAULTS I15)
    assert patients.patient_row(connection, a).key == B
    # more of the same study, for the survivor: no stranger's study
    file_instances(connection, b, [stored_instance(3, package, study="1.1", series="1.1.1")])
    send(connection, "A37", B, pid2="100^^^HOSP", at=3)
    assert {row: [one.study_instance_uid for one in index.studies(connection, patient=row)]
            for row in (a, b)} == before
    assert name_of(connection, A) == "Doe^John" and patients.patient(connection, A).row == a
    with pytest.raises(StateError), connection.begin_nested():
        file_instances(connection, b, [stored_instance(4, package, study="1.1", series="1.1.1")])


def test_a_merge_that_comes_before_its_survivor_waits_for_it(connection: Connection) -> None:
    send(connection, "A28", A)
    waits = send(connection, "A40", B, mrg=A, at=2)
    assert (waits.verdict, waits.answer) == ("waiting", "AA")
    assert patients.patient(connection, A).key == A
    send(connection, "A28", B, at=3)
    assert patients.patient(connection, A).key == B


def test_a_merge_of_somebody_unknown_gives_a_further_identifier(connection: Connection) -> None:
    send(connection, "A28", B)
    send(connection, "A40", B, mrg=A)
    assert A in patients.patient(connection, B).valid_keys()
    assert [one.key for one in desk.find(connection, "100")] == [B]


def test_a_circle_is_held_and_nothing_changed(connection: Connection) -> None:
    for key in (A, B, C):
        send(connection, "A28", key)
    send(connection, "A40", B, mrg=A, at=2)
    send(connection, "A40", C, mrg=B, at=3)
    held = send(connection, "A40", A, mrg=C, at=4)
    assert (held.verdict, held.answer, held.code) == ("held", "AE", "merge-cycle")
    turned = send(connection, "A40", A, mrg=B, at=5)
    assert turned.code == "merge-cycle"
    assert {patients.patient(connection, key).key for key in (A, B, C)} == {C}


def test_a_second_survivor_is_a_persons_business(connection: Connection) -> None:
    for key in (A, B, C):
        send(connection, "A28", key)
    send(connection, "A40", B, mrg=A, at=2)
    assert send(connection, "A40", C, mrg=A, at=3).code == "merge-elsewhere"
    unmerge_by_hand(connection, A, "Ann")
    with pytest.raises(StateError):
        unmerge_by_hand(connection, A, "Ann")
    assert patients.patient(connection, A).key == A


def test_two_who_are_one_by_way_of_a_third_are_not_parted_by_guess(connection: Connection) -> None:
    for key in (A, B, C):
        send(connection, "A28", key)
    send(connection, "A40", B, mrg=A, at=2)
    send(connection, "A40", C, mrg=B, at=2)
    assert send(connection, "A37", C, pid2="100^^^HOSP", at=3).code == "unmerge-indirect"


def test_an_end_that_comes_before_its_merge_counts(connection: Connection) -> None:
    send(connection, "A28", A)
    send(connection, "A28", B)
    send(connection, "A37", B, pid2="100^^^HOSP", at=3)
    assert send(connection, "A40", B, mrg=A, at=2).verdict == "stale"
    assert send(connection, "A40", B, mrg=A, at=4).verdict == "applied"


def test_a_changed_identifier_takes_the_person_along(connection: Connection) -> None:
    send(connection, "A28", A)
    assert send(connection, "A47", B, mrg=A, at=2, name="Doe^Johnny").verdict == "applied"
    assert name_of(connection, A) == "Doe^Johnny" and patients.patient(connection, A).key == B
    same = send(connection, "A49", B, mrg=B, at=3, name="Doe^Jon")
    assert same.verdict == "applied" and name_of(connection, B) == "Doe^Jon"


@pytest.mark.parametrize("trigger", ["A40", "A47"])
def test_a_provisional_patient_is_replaced_by_the_real_one(connection: Connection,
                                                           trigger: str) -> None:
    settings = Settings()
    package = ledger.submit(connection, kind="folder", path="/x").id
    row = add_provisional_patient(connection, settings, package, 1, JOHN)
    prov = provisional_key(settings, package, 1)
    file_instances(connection, row, [stored_instance(1, package)])
    send(connection, "A28", B)
    send(connection, trigger, B, mrg=prov, at=2)
    found, = index.studies(connection)
    assert found.patient.key == B and not found.patient.provisional


def test_a_provisional_patient_that_the_feed_names_is_real(connection: Connection) -> None:
    package = ledger.submit(connection, kind="folder", path="/x").id
    add_provisional_patient(connection, Settings(), package, 1, JOHN)
    prov = provisional_key(Settings(), package, 1)
    send(connection, "A08", prov)
    assert not patients.patient(connection, prov).provisional


def test_further_identifiers_follow_the_newest_message(connection: Connection) -> None:
    for at, pid in ((1, "100^^^HOSP~F1^^^X"), (2, "100^^^HOSP"), (2, "100^^^HOSP~F1^^^X"),
                    (3, "100^^^HOSP~F2^^^X"), (3, "100^^^HOSP~F1^^^X")):
        send(connection, "A08", at=at, pid=pid, control=f"{at}{pid}")
    valid = {str(key) for key in patients.patient(connection, A).valid_keys()}
    assert valid == {"100@HOSP", "F1@X"}


def test_the_ledger_tells_what_happened_without_naming_anybody(connection: Connection) -> None:
    send(connection, "A28", name="CANARY^X", pid="CANARY1^^^HOSP", after_sex="|||CANARY")
    send(connection, "A40", A, mrg=PatientKey("CANARY1", "HOSP"))
    send(connection, "A08", name="CANARY" * 20)
    told = list(ledger.events(connection))
    assert [one.data["verdict"] for one in told] == ["applied", "waiting", "held"]
    assert "CANARY" not in json.dumps([(one.subject, one.data) for one in told])
    assert ledger.verify_chain(connection).whole
    assert "CANARY" not in " ".join(one.reason for one, _ in adt.messages(connection))


def test_files_of_messages_are_loaded(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "adt.hl7"
    data = (message("A28") + message("A28", pid="200^^^HOSP", name="Roe^Jane", sex="F")
            + message("A40", pid="200^^^HOSP", mrg="100^^^HOSP", at="20240102")
            + message("A03") + message("A08", pid="CANARY"))
    path.write_bytes(data)
    loaded = cli("patients", "load", path)
    assert loaded.code == 1
    assert {key: loaded.summary[key] for key in ("rows", "added", "updated", "unchanged", "refused")
            } == {"rows": 5, "added": 2, "updated": 1, "unchanged": 1, "refused": 1}
    assert [(one["severity"], one["code"], one["subject"]) for one in loaded.of("finding")] == [
        ("error", "no-identifier", "message 5 (line 14)")]
    again = cli("patients", "load", path)
    assert again.summary["repeated"] == 5 and again.summary["added"] == 0
    shown, = cli("patients", "show", "100@HOSP").of("patient")
    assert shown["patient_id"] == "200" and shown["other_ids"][0]["provenance"] == "merge"
    assert "CANARY" not in loaded.stdout + loaded.stderr
    assert cli.text("patients", "load", path).code == 1


def test_a_framed_file_that_is_cut_off_leaves_the_cut_message_out(cli: Program,
                                                                  tmp_path: Path) -> None:
    path = tmp_path / "adt.hl7"
    path.write_bytes(b"\x0b" + message("A28") + b"\x1c\r\x0b" + message(
        "A28", pid="200^^^HOSP")[:-20])
    loaded = cli("patients", "load", path)
    assert (loaded.summary["added"], loaded.summary["refused"]) == (1, 1)
    assert cli("patients", "show", "200@HOSP").code == 3


def test_what_a_setting_repairs_is_taken_the_next_time(cli: Program, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "adt.hl7"
    path.write_bytes(message("A28", pid="100"))
    for _ in range(2):
        assert cli("patients", "load", path).summary["refused"] == 1
    monkeypatch.setenv("MEDIASVC_HL7__ISSUER", "HOSP")
    assert cli("patients", "load", path).summary["added"] == 1
    assert cli("patients", "load", path).summary["repeated"] == 1
    with open_store(Home(cli.home), Settings()) as store, store.read() as connection:
        assert [one.verdict for one, _ in adt.messages(connection)] == ["applied"]


def test_a_merge_does_not_need_the_name(connection: Connection) -> None:
    for key in (A, B):
        send(connection, "A28", key)
    assert send(connection, "A40", B, mrg=A, name="\\Zx\\").verdict == "applied"


def test_a_person_merges_and_takes_it_back(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "adt.hl7"
    path.write_bytes(message("A28") + message("A28", pid="200^^^HOSP"))
    assert cli("patients", "load", path).code == 0
    merged = cli("patients", "merge", "100@HOSP", "200@HOSP", "--by", "Ann")
    assert merged.code == 0 and merged.summary["done"] == "merged"
    assert cli("patients", "merge", "200@HOSP", "100@HOSP").code == 2
    assert cli("patients", "merge", "200@HOSP", "999@HOSP").code == 3
    assert cli("patients", "show", "100@HOSP").of("patient")[0]["patient_id"] == "200"
    assert cli("patients", "unmerge", "100@HOSP", "--by", "Ann").code == 0
    assert cli("patients", "show", "100@HOSP").of("patient")[0]["patient_id"] == "100"
    with open_store(Home(cli.home), Settings()) as store, store.read() as connection:
        ended, = merges.history(connection, [A])
        assert ended.merged_by == ended.ended_by == "Ann"


def test_nobody_is_invented_for_an_unknown_identifier(connection: Connection) -> None:
    send(connection, "A40", B, mrg=A)
    for key in (A, B):
        with pytest.raises(NotFoundError):
            patients.patient(connection, key)
