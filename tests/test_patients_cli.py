"""``mediasvc patients`` as scripts and people use it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediasvc.settings import Home, Settings
from mediasvc.store import ledger
from mediasvc.store.db import open_store
from tests.conftest import Program

LIST = """\
patient_id,issuer,name,birth_date,sex,other_ids,address,postcode
100,LOCAL,Müller^Jörg,19800102,M,F77@CLINIC|F78@CLINIC,7 Long Street,8001
101,LOCAL,Yamada^Tarou=山田^太郎=やまだ^たろう,19700304,M,,,
102,LOCAL,Doe^Jane,19990203,F,,,
103,LOCAL,Doe^June,19990203,F,,,
"""


@pytest.fixture
def index(cli: Program, tmp_path: Path) -> Program:
    path = tmp_path / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    assert cli("patients", "load", path).code == 0
    return cli


def test_loading_again_changes_nothing_and_an_edit_is_an_event(index: Program, tmp_path: Path,
                                                               ) -> None:
    path = tmp_path / "list.csv"
    again = index("patients", "load", path)
    assert again.code == 0 and again.summary["unchanged"] == 4
    path.write_text(LIST.replace("Doe^Jane", "Smith^Jane"), encoding="utf-8")
    edited = index("patients", "load", path, "--by", "Ann")
    assert (edited.summary["updated"], edited.summary["unchanged"]) == (1, 3)
    with open_store(Home(index.home), Settings()) as store, store.read() as connection:
        told = list(ledger.events(connection))
        first = ["patients-added", "patients-have-keys", "patients-loaded"]
        assert [one.action for one in told] == [*first, "patients-loaded", "updated",
                                                "patients-loaded"]
        assert told[4].data == {"fields": ["patient_name"]} and told[4].by == "Ann"
        assert "Smith" not in json.dumps([one.data for one in told])


def test_bad_rows_are_all_said_and_good_rows_are_in(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LIST + "104,LOCAL,Canary^Name,19991399,M,,,\n100,LOCAL,Canary^Two,,,,,\n"
                    ",LOCAL,Canary^Three,,,x,,\n", encoding="utf-8")
    loaded = cli("patients", "load", path)
    assert loaded.code == 1
    assert (loaded.summary["added"], loaded.summary["refused"]) == (4, 3)
    assert {one["subject"] for one in loaded.of("finding")} == {
        "row 5 (line 6)", "row 6 (line 7)", "row 7 (line 8)"}
    assert len(loaded.of("finding")) == 4
    assert "Canary" not in loaded.stdout + loaded.stderr


def test_hl7_messages_are_no_list_to_match(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "adt.hl7"
    path.write_bytes(b"MSH|^~\\&|HIS|H\r")
    refused = cli("patients", "match", "--batch", path)
    assert refused.code == 3 and "HL7" in refused.stderr and refused.stdout == ""


@pytest.mark.parametrize(("text", "found"), [
    ("100", {"100"}), ("100@LOCAL", {"100"}), ("F77", {"100"}), ("F77@CLINIC", {"100"}),
    ("F77@ELSE", set()), ("mull", {"100"}), ("MÜLLER JÖ", {"100"}), ("山田", {"101"}),
    ("やまだ", {"101"}), ("doe", {"102", "103"}), ("doe 19990203", {"102", "103"}),
    ("doe jane", {"102"}), ("1999-02-03", {"102", "103"}), ("10", {"100", "101", "102", "103"}),
    ("zzz", set()), ("", set()), ("^", set())])
def test_patients_are_found_by_whatever_one_knows(index: Program, text: str, found: set[str],
                                                  ) -> None:
    answer = index("patients", "find", text)
    assert answer.code == 0
    assert {one["patient_id"] for one in answer.of("patient")} == found
    assert answer.summary["patients"] == len(found)


def test_show_tells_everything_of_one_patient(index: Program) -> None:
    shown = index("patients", "show", "100")
    patient, = shown.of("patient")
    assert patient["name"] == "Müller^Jörg" and patient["issuer"] == "LOCAL"
    assert [one["patient_id"] for one in patient["other_ids"]] == ["F77", "F78"]
    assert patient["studies"] == []
    assert index("patients", "show", "100@CLINIC").code == 3
    text = index.text("patients", "show", "100@LOCAL").stdout
    assert "Müller^Jörg" in text and "F77" in text


def test_match_ranks_with_reasons_and_names_the_certain_link(index: Program) -> None:
    asked = index("patients", "match", "--name", "MUELLER^JOERG", "--birth-date", "19800102",
                  "--sex", "M", "--id", "F77", "--issuer", "CLINIC")
    best = asked.of("candidate")[0]
    assert (best["patient_id"], best["issuer"]) == ("100", "LOCAL")
    assert best["recommendation"] == "strong" and best["score"] == 100
    assert "birth date equal" in best["reasons"]
    assert asked.summary["auto"] == {"patient_id": "100", "issuer": "LOCAL", "rule": "same-id"}


def test_match_without_an_id_links_nobody(index: Program) -> None:
    asked = index("patients", "match", "--name", "Doe^Jane", "--birth-date", "19990203")
    assert asked.of("candidate")[0]["patient_id"] == "102"
    assert asked.summary["auto"] is None
    text = index.text("patients", "match", "--name", "Nobody^Here", "--birth-date", "19110911")
    assert "Nobody in the index" in text.stdout


def test_match_asks_for_something_to_match(index: Program) -> None:
    assert index("patients", "match").code == 3


def test_a_batch_is_answered_row_by_row(index: Program, tmp_path: Path) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text("patient_id,issuer,name,birth_date,sex,other_ids\n"
                    "F77,CLINIC,Mueller^Joerg,19800102,M,\n"
                    ",,Nobody^Here,19110911,F,\n"
                    "F9,CLINIC,Doe^Jane,19990203,F,102@LOCAL\n"
                    "F78,CLINIC,Doe^Jane,19990203,F,\n", encoding="utf-8")
    answered = index("patients", "match", "--batch", path)
    rows = answered.of("match")
    assert [row["row"] for row in rows] == [1, 2, 3, 4]
    assert [row["auto"] and row["auto"]["patient_id"] for row in rows] == ["100", None, "102", None]
    assert rows[1]["candidates"] == []
    assert set(rows[0]["candidates"][0]) == {
        "patient_id", "issuer", "score", "recommendation", "reasons", "name", "birth_date", "sex"}
    assert answered.code == 0 and answered.summary["rows"] == 4


def test_names_are_harmless_on_a_terminal(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("patient_id,issuer,name,birth_date,sex\n1,L,\u202eevil\u202c^A,,M\n",
                    encoding="utf-8")
    cli("patients", "load", path)
    assert "\u202e" not in cli.text("patients", "find", "1").stdout


def test_looking_somebody_up_loads_no_parser_of_images(index: Program) -> None:
    code = ("import sys\nfrom mediasvc.cli.main import main\n"
            f"try:\n    main(['--home', {str(index.home)!r}, 'patients', 'find', '100'])\n"
            "finally:\n    print(*sorted({'numba', 'numpy', 'pydicom'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_ten_thousand_patients_are_loaded_and_asked_for_quickly(cli: Program, tmp_path: Path,
                                                                ) -> None:
    """The full size (100,000) is scripts/bench_identity."""
    from mediasvc.identity.match import Query
    from mediasvc.model import Demographics
    from mediasvc.work.index import patients

    rng = random.Random(1)
    def name() -> str:
        return "".join(rng.choice(("ma", "ri", "no", "ke", "lu", "sa", "to", "ven"))
                       for _ in range(3))
    people = [(f"{name()}^{name()}", f"{rng.randint(1930, 2020)}{rng.randint(1, 12):02}"
               f"{rng.randint(1, 28):02}") for _ in range(10_000)]
    path = tmp_path / "list.csv"
    path.write_text("patient_id,issuer,name,birth_date,sex\n" + "".join(
        f"P{number},LOCAL,{who},{born},F\n" for number, (who, born) in enumerate(people)))
    began = time.monotonic()
    assert cli("patients", "load", path).summary["added"] == 10_000
    assert time.monotonic() - began < 30
    with open_store(Home(cli.home), Settings()) as store, store.read() as connection:
        began = time.monotonic()
        for number in range(0, 10_000, 200):
            who, born = people[number]
            query = Query((), Demographics(who, born, "F"))
            found = patients.match(connection, query).candidates
            assert people[int(found[0].patient_id[1:])] == people[number]
        assert (time.monotonic() - began) / 50 < 0.1
