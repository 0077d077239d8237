"""The database: its pragmas, its migrations, its one writer, and what it refuses."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from mediasvc.errors import DamagedError, LockedError, SettingsError, StorageError
from mediasvc.settings import Home, Settings
from mediasvc.store import db, filesystem, ledger, migrations
from mediasvc.store.db import open_store
from mediasvc.store.memory import frugal
from mediasvc.store.schema import metadata
from tests.store_things import new_store


@pytest.fixture
def place(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def test_the_migrations_make_exactly_the_tables_of_the_schema(place: Home) -> None:
    with open_store(place, Settings()) as store, store.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        made = _tables(connection)
    fresh = sa.create_engine("sqlite://")
    metadata.create_all(fresh)
    with fresh.connect() as connection:
        wanted = _tables(connection)
    made.pop("alembic_version")
    assert made == wanted


def test_a_frugal_reader_leaves_the_connection_as_it_was(place: Home) -> None:
    with open_store(place, Settings()) as store, store.read() as connection:
        kept = sa.text("PRAGMA cache_size")
        usual = connection.execute(kept).scalar_one()
        with pytest.raises(KeyError), frugal(connection):
            assert abs(connection.execute(kept).scalar_one()) < abs(usual)
            raise KeyError
        assert connection.execute(kept).scalar_one() == usual


def _tables(connection: sa.Connection) -> dict[str, list[str]]:
    """Tables and indexes with the parts of their SQL in any order."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql <> ''").all()
    return {name: sorted(part.strip(" ()") for part in
                         " ".join(sql.split()).replace("WITHOUT", ", WITHOUT").split(","))
            for name, sql in rows}


def test_the_newest_migration_is_the_one_that_the_program_expects() -> None:
    script = ScriptDirectory.from_config(migrations._config())
    assert script.get_heads() == [db.REVISION]


def test_the_schema_is_valid_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "CREATE TABLE" in text and "WITHOUT ROWID" not in text
        for index in table.indexes:
            assert len(index.name) <= 63
            str(CreateIndex(index).compile(dialect=dialect))


def test_work_survives_a_power_cut_by_the_pragmas(place: Home) -> None:
    with open_store(place, Settings()) as store, store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30000


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        with pytest.raises(RuntimeError), store.transaction() as connection:
            ledger.submit(connection, kind="folder", path="/x")
            raise RuntimeError
        with store.read() as connection:
            assert ledger.packages(connection) == []
            assert ledger.head(connection)[0] == 0


def test_a_reader_cannot_write_by_accident(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        with store.read() as connection:
            ledger.submit(connection, kind="folder", path="/x")
        with store.read() as connection:
            assert ledger.packages(connection) == []


def test_readers_go_on_while_somebody_writes(tmp_path: Path) -> None:
    with new_store(tmp_path) as store, store.transaction() as writer:
        ledger.submit(writer, kind="folder", path="/x")
        with store.read() as connection:
            assert ledger.packages(connection) == []


def test_writers_take_turns_and_the_chain_does_not_fork(tmp_path: Path) -> None:
    def work() -> None:
        for _ in range(10):
            with store.transaction() as connection:
                ledger.submit(connection, kind="folder", path="/x")

    with new_store(tmp_path) as store:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as connection:
            chain = ledger.verify_chain(connection)
    assert chain.whole and chain.events == 40


def test_two_programs_may_make_the_database_at_the_same_time(place: Home) -> None:
    code = ("import sys\nfrom pathlib import Path\nfrom mediasvc.settings import Home, Settings\n"
            "from mediasvc.store.db import open_store\n"
            "open_store(Home(Path(sys.argv[1])), Settings())\n")
    started = [subprocess.Popen([sys.executable, "-c", code, str(place.root)]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]


def test_a_current_database_opens_without_the_migration_library(place: Home) -> None:
    open_store(place, Settings()).close()
    code = ("import sys\nfrom pathlib import Path\nfrom mediasvc.settings import Home, Settings\n"
            "from mediasvc.store.db import open_store\n"
            "open_store(Home(Path(sys.argv[1])), Settings())\n"
            "assert 'alembic' not in sys.modules\n")
    subprocess.run([sys.executable, "-c", code, str(place.root)], check=True)


def test_a_migration_that_dies_leaves_an_empty_database(place: Home,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    def half(connection: sa.Connection) -> None:
        upgrade(connection)
        raise KeyboardInterrupt

    upgrade = migrations.upgrade
    monkeypatch.setattr(migrations, "upgrade", half)
    with pytest.raises(KeyboardInterrupt):
        open_store(place, Settings())
    with sqlite3.connect(place.database) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    monkeypatch.undo()
    open_store(place, Settings()).close()


def test_a_database_of_a_newer_program_is_refused(place: Home) -> None:
    open_store(place, Settings()).close()
    with sqlite3.connect(place.database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="newer"):
        open_store(place, Settings())


def test_a_file_that_is_no_database_is_said_to_be_damaged(place: Home) -> None:
    place.database.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DamagedError):
        open_store(place, Settings())


def test_a_network_file_system_is_refused(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_statfs_type", lambda _: 0x6969)
    with pytest.raises(SettingsError, match="NFS"):
        open_store(place, Settings())
    monkeypatch.setattr(filesystem, "_statfs_type", lambda _: 0x65735546)
    monkeypatch.setattr(filesystem, "_mounted_as", lambda _: "fuse.sshfs")
    with pytest.raises(SettingsError, match="sshfs"):
        open_store(place, Settings())


def test_this_disk_is_known_as_local(tmp_path: Path) -> None:
    assert filesystem.network_filesystem(tmp_path) == ""
    assert filesystem._mounted_as(tmp_path) not in ("", "fuse")


def test_a_database_url_that_cannot_be_used_is_a_setting_error(place: Home) -> None:
    for url in ("mysql://x/y", "sqlite://", "no url", "postgresql+nosuchdriver://x/y"):
        with pytest.raises(SettingsError):
            open_store(place, Settings(database=url))


def test_a_database_held_by_another_program_is_locked_not_broken(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_store(tmp_path) as store, sqlite3.connect(tmp_path / "mediasvc.db",
                                                       isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with store.read() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        with pytest.raises(LockedError), store.transaction():
            pass
        other.execute("ROLLBACK")


def test_a_full_disk_is_said_in_words(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        with store.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match="full"), store.transaction() as connection:
            number = ledger.submit(connection, kind="folder", path="/x").id
            ledger.put_items(connection, number, (ledger.Item(n, "x" * 500) for n in range(2000)))


def test_errors_do_not_quote_parameters(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        with pytest.raises(sa.exc.IntegrityError) as caught, store.transaction() as connection:
            connection.execute(sa.text("INSERT INTO item (package_id, number, label) "
                                       "VALUES (99, 1, :label)"), {"label": "CANARY^NAME"})
        assert "CANARY" not in str(caught.value)


def test_full_disk_of_a_server_is_not_told_as_a_server_that_is_silent() -> None:
    class FullError(Exception):
        sqlstate = "53100"

    told = db._worded(sa.exc.OperationalError("INSERT", {}, FullError()))
    assert isinstance(told, StorageError) and "disk" in told.text and "full" in told.text
