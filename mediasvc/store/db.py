"""The database: opened, checked, migrated, and handed out one transaction at a time.

SQLite runs with WAL and synchronous=FULL: with less, acknowledged work is lost on a power cut
(FAULTS §0.8). There is one writer at a time: SQLite's write lock is taken when the transaction
begins, on PostgreSQL an advisory lock takes its place. So what a transaction reads stays true until
it commits, and the event chain cannot fork.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from mediasvc.errors import DamagedError, LockedError, SettingsError, StorageError
from mediasvc.settings import Home, Settings
from mediasvc.store.filesystem import network_filesystem

#: The newest migration; a test holds it equal to alembic's head, so that alembic need not be
#: imported to see that a database is current.
REVISION = "0006"
BUSY_SECONDS = 30.0
#: What `Store` hands out; other layers name the type without naming SQLAlchemy.
Connection = sa.Connection
#: Any number will do that nobody else takes on the same server.
WRITER_LOCK = 0x6D656469_61737663
#: PostgreSQL: disk_full.
SERVER_FULL = "53100"

_PRAGMAS = (
    f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
    # Pages: at the usual thousand an import waited for the disk once more in nearly every commit.
    "PRAGMA wal_autocheckpoint = 16384",
)
#: For `Store.aside`: 128 MiB of pages.
_ASIDE_PRAGMAS = ("PRAGMA temp_store = FILE", "PRAGMA cache_size = -131072",
                  "PRAGMA foreign_keys = OFF")
_ASIDE_SETTINGS = ("SET temp_buffers = '64MB'", "SET work_mem = '64MB'")


class Store:
    """An open database. Thread-safe; connections belong to their ``with`` block."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """The one writer; commits at the end of the block, rolls back on any exception."""
        with (_worded_errors(),
              self.engine.connect().execution_options(mediasvc_writes=True) as connection,
              connection.begin()):
            _take_turn(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent picture that never waits for the writer; changes are dropped."""
        # PostgreSQL would show each statement the newest state; SQLite does so by itself.
        options = ({"isolation_level": "REPEATABLE READ"}
                   if self.engine.dialect.name == "postgresql" else {})
        with (_worded_errors(), self.engine.connect().execution_options(**options) as connection,
              connection.begin() as transaction):
            yield connection
            transaction.rollback()

    @contextmanager
    def aside(self) -> Iterator[Aside]:
        """A connection for much work, which keeps its temporary tables until the end of the block.

        Those lie on the disk, so memory stays flat. References between tables are not checked.
        """
        with self.engine.connect() as connection:
            connection.detach()
            raw = connection.connection.cursor()
            for setting in (_ASIDE_PRAGMAS if connection.dialect.name == "sqlite"
                            else _ASIDE_SETTINGS):
                raw.execute(setting)
            connection.connection.commit()
            yield Aside(connection)

    def tidy(self, *tables: str) -> None:
        """Much was added: PostgreSQL learns how much, and which pages need no second look. Nobody
        waits for it; SQLite needs no such thing."""
        if self.engine.dialect.name == "postgresql":
            with _worded_errors(), self.engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join(tables)}")

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


class Aside:
    """One connection, from transaction to transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @contextmanager
    def scratch(self) -> Iterator[sa.Connection]:
        """For temporary tables alone; waits for no writer, and none for it."""
        with _worded_errors(), self._begun(writes=False) as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """As that of `Store`."""
        with _worded_errors(), self._begun(writes=True) as connection:
            _take_turn(connection)
            yield connection

    @property
    def is_fair(self) -> bool:
        """Whether who waits for their turn gets it in order; SQLite gives it to anybody."""
        return self._connection.dialect.name != "sqlite"

    def others_wrote(self) -> int:
        """A number that changes when another connection has committed (SQLite)."""
        with self.scratch() as connection:
            return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())

    @contextmanager
    def _begun(self, *, writes: bool) -> Iterator[sa.Connection]:
        self._connection.execution_options(mediasvc_writes=writes)
        with self._connection.begin():
            yield self._connection


def open_store(home: Home, settings: Settings) -> Store:
    """Open the database of this home, making or migrating it when needed.

    Raises SettingsError when it lies on a network file system or was made by a newer mediasvc,
    StorageError when it or its server cannot be reached, DamagedError when it is no database.
    """
    store = Store(_engine(home, settings))
    try:
        found = _revision(store)
        if found != REVISION:
            _migrate(store, found)
    except BaseException:
        store.close()
        raise
    return store


def upsert(connection: sa.Connection, table: sa.Table, *, key: tuple[str, ...],
           update: tuple[str, ...] = ()) -> Any:
    """INSERT that, where ``key`` exists, changes the columns of ``update`` or does nothing."""
    return _upsert(connection.dialect.name, table, key, update)


@lru_cache(maxsize=64)
def _upsert(name: str, table: sa.Table, key: tuple[str, ...], update: tuple[str, ...]) -> Any:
    dialect = importlib.import_module(f"sqlalchemy.dialects.{name}")
    statement = dialect.insert(table)
    if not update:
        return statement.on_conflict_do_nothing(index_elements=list(key))
    changed = {name: statement.excluded[name] for name in update}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)


def _engine(home: Home, settings: Settings) -> sa.Engine:
    url = settings.database or f"sqlite:///{home.database}"
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "postgresql":
            return sa.create_engine(_with_driver(parsed), pool_pre_ping=True,
                                    hide_parameters=True)  # they are patient data
        if parsed.get_backend_name() != "sqlite" or not parsed.database:
            raise SettingsError("database: only SQLite files and PostgreSQL are supported.")
        return _sqlite_engine(parsed, home)
    except (sa.exc.ArgumentError, ImportError) as error:
        raise SettingsError("database: the URL cannot be used.",
                            "Expected postgresql://user@host/name; the driver comes with "
                            "mediasvc[postgres].") from error


def _with_driver(url: sa.URL) -> sa.URL:
    return url if "+" in url.drivername else url.set(drivername="postgresql+psycopg")


def _sqlite_engine(url: sa.URL, home: Home) -> sa.Engine:
    network = network_filesystem(home.root)
    if network:
        raise SettingsError(
            f"The database would lie on a network file system ({network}); SQLite fails there.",
            "Put --home on a local disk or set database to a PostgreSQL URL.")
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS},
                              hide_parameters=True)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions of its own
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("mediasvc_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _revision(store: Store) -> str:
    """The migration that the database stands at; ``""`` when it is new."""
    with store.read() as connection:
        try:
            with connection.begin_nested():
                rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            if sa.inspect(connection).has_table("alembic_version"):
                raise
            return ""
    return str(rows[0][0]) if rows else ""


def _migrate(store: Store, found: str) -> None:
    """Bring the database to REVISION in a single transaction (FAULTS C16)."""
    from mediasvc.store.migrations import revisions, upgrade

    if found and found not in revisions():
        raise SettingsError("The database was made by a newer mediasvc.",
                            "Install that version or restore the backup made before it.")
    with store.transaction() as connection:
        upgrade(connection)


def _take_turn(connection: sa.Connection) -> None:
    """On SQLite the transaction began with the lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITER_LOCK)))


@contextmanager
def _worded_errors() -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _worded(error) from error


def _worded(error: sa.exc.DBAPIError) -> Exception:
    """A disk or server that refuses, in words; whatever is a mistake of ours stays itself."""
    name = getattr(error.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LockedError("Another process holds the database.", "Try again when it is done.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DamagedError("The database is damaged.", "Restore the last backup of it.")
    if name.startswith("SQLITE_FULL"):
        return StorageError("The disk is full.", "Make room, then try again.")
    if getattr(error.orig, "sqlstate", "") == SERVER_FULL:
        return StorageError("The disk of the database server is full.", "Make room, then try "
                            "again.")
    if name.startswith(("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StorageError("The database cannot be read or written.",
                            "Check the disk and the rights on the data directory.")
    if not name and isinstance(error, sa.exc.OperationalError):
        return StorageError("The database server does not answer.", "Check that it runs.")
    return error
