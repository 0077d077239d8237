"""The same store on PostgreSQL; skips where there is no server program or no driver."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from mediasvc.errors import StateError, StorageError
from mediasvc.identity.match import Query
from mediasvc.model import Demographics, PatientKey
from mediasvc.settings import Home, Settings
from mediasvc.store import index, ledger, patients, removal
from mediasvc.store.db import Store, open_store
from mediasvc.store.ledger import Item, PatientGroup, Settled
from mediasvc.work.index import patient_list
from mediasvc.work.index import patients as desk
from tests.store_things import file_instances, stored_instance
from tests.test_item_headers import people_are_told_apart


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A private server on a socket of its own; root may not run one, so another user does."""
    pytest.importorskip("psycopg")
    # Debian keeps the server's programs out of the search path.
    places = os.pathsep.join([os.environ["PATH"], *glob("/usr/lib/postgresql/*/bin")])
    program = shutil.which("initdb", path=places), shutil.which("postgres", path=places)
    if not all(program):
        pytest.skip("there is no PostgreSQL server here")
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    if user not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("there is no user who may run PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="mediasvc-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, user)
    as_user = {"user": user} if os.getuid() == 0 else {}
    subprocess.run([str(program[0]), "-D", str(folder / "data"), "-A", "trust", "-U", "mediasvc",
                    "--locale=C.UTF-8", "-E", "UTF8", "-N"], check=True, capture_output=True,
                   cwd=folder, **as_user)
    server = subprocess.Popen(
        [str(program[1]), "-D", str(folder / "data"), "-k", str(folder), "-c",
         "listen_addresses=", "-c", "fsync=off"], cwd=folder, stderr=subprocess.DEVNULL, **as_user)
    try:
        yield _ready(folder)
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _ready(folder: Path) -> str:
    import time

    import psycopg
    for _ in range(100):
        try:
            with psycopg.connect(host=str(folder), user="mediasvc", dbname="postgres",
                                 autocommit=True) as connection:
                connection.execute("CREATE DATABASE mediasvc")
            break
        except psycopg.OperationalError:
            time.sleep(0.1)
    return f"postgresql://mediasvc@/mediasvc?host={folder}"


@pytest.fixture(scope="module")
def store(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = Home(tmp_path_factory.mktemp("home"))
    for _ in range(2):  # the second time it is there
        with open_store(home, Settings(database=url)) as opened:
            pass
    with open_store(home, Settings(database=url)) as opened:
        yield opened


def test_the_migrations_make_the_schema(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from mediasvc.store.schema import metadata

    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_package_goes_its_way(store: Store) -> None:
    with store.transaction() as connection:
        number = ledger.submit(connection, kind="zip", path="/in/1.zip", digest="pg1").id
        claim = ledger.claim(connection, number)
        for _ in range(2):
            ledger.put_items(connection, number, [Item(n, state="pending") for n in range(50)])
        ledger.settle(connection, number, [Settled(n, "archived") for n in range(50)])
        with pytest.raises(StateError):
            ledger.settle(connection, number, [Settled(1, "archived"), Settled(99, "archived")])
        assert ledger.counts(connection, number).archived == 50
        ledger.put_groups(connection, number, [PatientGroup(1, "F1", variants=[{"a": "ü"}])])
        ledger.decide(connection, number, 1, "reject", by="Ann")
        ledger.change_state(connection, number, expect="receiving", to="done", fence=claim.fence)
        assert ledger.submit(connection, kind="zip", path="2", digest="pg1").state == "duplicate"
        assert len(list(ledger.items(connection, number, state="archived"))) == 50


def test_patients_are_loaded_found_and_matched(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("patient_id,issuer,name,birth_date,sex,other_ids\n"
                    "100,LOCAL,Müller^Jörg,19800102,M,F77@CLINIC\n"
                    "101,LOCAL,山田^太郎,19700304,M,\n", encoding="utf-8")
    assert patient_list.load(store, path).added == 2
    assert patient_list.load(store, path).unchanged == 2
    with store.read() as connection:
        assert [one.key.patient_id for one in desk.find(connection, "mull")] == ["100"]
        assert [one.key.patient_id for one in desk.find(connection, "山")] == ["101"]
        matched = desk.match(connection, Query((PatientKey("F77", "CLINIC"),),
                                               Demographics("Mueller^Joerg", "19800102", "M")))
    assert matched.auto is not None and matched.auto.key == PatientKey("100", "LOCAL")


def test_an_import_is_filed_and_taken_back(store: Store) -> None:
    with store.transaction() as connection:
        package = ledger.submit(connection, kind="folder", path="/in/disc").id
        row = patients.add_provisional(connection, patients.PatientRecord(
            PatientKey("PROV1", "LOCAL"), Demographics("Doe^J"), (("w", "doe"),)), package)
        for _ in range(2):
            file_instances(connection, row, [stored_instance(n, package) for n in range(5)])
        assert [one.instances for one in index.studies(connection, patient=row)] == [5]
        assert len(list(index.study_instances(connection, "1.2.3"))) == 5
        expect = removal.foresee(connection, package)
        dropped = removal.drop_instances(connection, package, 9, 7)
        people = removal.drop_people(connection, package)
        assert (expect.instances, expect.studies, len(dropped), people) == (5, 1, 5, 1)
        removal.forget_given_up(connection, [sha for _, sha in removal.given_up(connection)])
        assert removal.given_up(connection) == []


def test_writers_take_turns_and_the_chain_does_not_fork(store: Store) -> None:
    def work() -> None:
        for _ in range(5):
            with store.transaction() as connection:
                ledger.submit(connection, kind="folder", path="/x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert ledger.verify_chain(connection).whole


def test_a_server_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    home = Home(tmp_path)
    with pytest.raises(StorageError, match="server"):
        open_store(home, Settings(database=f"postgresql://x@/y?host={tmp_path}"))


def test_people_of_a_package_are_told_apart(store: Store) -> None:
    people_are_told_apart(store)
