"""Who and what a package speaks of, counted by the database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mediasvc.model import InstanceHeader
from mediasvc.store import item_headers, ledger
from mediasvc.store.db import Store
from mediasvc.store.item_headers import Identity
from mediasvc.store.ledger import Item
from samples.synthesis import study, write_disc
from tests.conftest import Program
from tests.store_things import new_store

ANN = Identity("1", "HERE", "Ann^A", "19700101", "F")
UNSURE = Identity("1", "HERE", "Ann^A", "19700101", "F", certain_text=False)
NOBODY = Identity("", "", "", "", "")


def instance(number: int, who: Identity, *, series: str = "1.1") -> Item:
    header = InstanceHeader(
        patient_id=who.patient_id, issuer_of_patient_id=who.issuer,
        patient_name=who.patient_name, patient_birth_date=who.patient_birth_date,
        patient_sex=who.patient_sex, uncertain_text=not who.certain_text,
        study_instance_uid="1", series_instance_uid=series)
    return Item(number, state="pending", header=header, sop_instance_uid=f"1.1.{number}")


def people_are_told_apart(store: Store) -> None:
    """Also run against PostgreSQL."""
    with store.transaction() as connection:
        package = ledger.submit(connection, kind="folder", path="/in/people").id
        ledger.put_items(connection, package, [
            *(instance(number, ANN) for number in range(3)), instance(3, UNSURE, series="1.2"),
            instance(4, NOBODY, series="1.3"), Item(5, role="non_dicom")])
        assert item_headers.identities(connection, package) == {ANN: 3, UNSURE: 1, NOBODY: 1}
        for first in (0, 2, 4):
            item_headers.assign_groups(connection, package, {ANN: 1, UNSURE: 2, NOBODY: 3}, first,
                                       first + 2)
        groups = [item.group_number for item in ledger.items(connection, package)]
        assert groups == [1, 1, 1, 2, 3, None]
        assert item_headers.series_of(connection, package, 1) == [("1", "1.1")]
        assert item_headers.series_of(connection, package, 3) == [("1", "1.3")]


def test_people_of_a_package_are_told_apart(store: Store) -> None:
    people_are_told_apart(store)


#: With little memory for SQLite, which is limited for a whole process.
ASK = """
import sys
from pathlib import Path
from mediasvc.settings import Home, Settings
from mediasvc.store import item_headers
from mediasvc.store.db import open_store
with open_store(Home(Path(sys.argv[1])), Settings()) as store, store.read() as connection:
    for setting in ("cache_size = -512", "hard_heap_limit = 4000000"):
        connection.exec_driver_sql(f"PRAGMA {setting}")
    [study] = item_headers.studies_of(connection, 1, 1)
    print(study.instances, sum(item_headers.identities(connection, 1).values()))
"""


def test_a_large_package_is_looked_at_without_its_headers_in_memory(tmp_path: Path) -> None:
    long = InstanceHeader(patient_id="1", study_instance_uid="1", series_instance_uid="1.1",
                          series_description="x" * 1000)
    with new_store(tmp_path) as store, store.transaction() as connection:
        package = ledger.submit(connection, kind="folder", path="/in/large").id
        ledger.put_items(connection, package, [
            Item(number, state="pending", header=long, sop_instance_uid=f"1.1.{number}",
                 group_number=1) for number in range(5_000)])
    done = subprocess.run([sys.executable, "-c", ASK, str(tmp_path)], check=False, text=True,
                          capture_output=True)
    assert (done.stdout, done.stderr) == ("5000 5000\n", "")


def test_only_what_is_held_for_this_reason_gets_the_group(store: Store) -> None:
    with store.transaction() as connection:
        package = ledger.submit(connection, kind="folder", path="/in/held").id
        ledger.put_items(connection, package, [instance(number, ANN) for number in range(3)])
        ledger.settle(connection, package, [ledger.Settled(0, "held", "uid-conflict"),
                                            ledger.Settled(1, "held", "decision")])
        assert item_headers.assign_held(connection, package, "uid-conflict", 7) == 1
        groups = [item.group_number for item in ledger.items(connection, package)]
    assert groups == [7, None, None]


def test_queue_shows_which_studies_a_patient_brings(cli: Program, tmp_path: Path) -> None:
    """Nobody decides about a name alone."""
    write_disc(tmp_path / "d", [*study(1, 1, count=3, InstitutionName="St Elsewhere"),
                                *study(1, 2, count=2, modality="MR")])
    cli("ingest", tmp_path / "d")
    [group] = cli("queue", "show", 1).of("group")
    assert [(one["modalities"], one["instances"], one["study_description"])
            for one in group["studies"]] == [
        (["CT"], 3, "Study 1 of patient 1"), (["MR"], 2, "Study 2 of patient 1")]
    shown = cli.text("queue", "show", 1).stdout
    assert "CT  Study 1 of patient 1, 3 instances, made at St Elsewhere" in shown
