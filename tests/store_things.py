"""What the store's tests share: an open store, operations that are recorded or broken, rows."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mediasvc.model import Demographics, InstanceHeader, PatientKey
from mediasvc.settings import Home, Settings
from mediasvc.store.db import Connection, Store, open_store
from mediasvc.store.file_operations import FileOperations
from mediasvc.store.index import StoredInstance, put_instances, put_objects
from mediasvc.store.patients import PatientRecord, patient, put_patients


@cache
def _template() -> Path:
    """A fresh database, made once: copying it is faster than migrating for every test."""
    root = Path(tempfile.mkdtemp(prefix="mediasvc-template-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    home = Home(root)
    home.create()
    with open_store(home, Settings()):
        pass
    return home.database


@contextmanager
def new_store(root: Path) -> Iterator[Store]:
    """A store in a new home."""
    home = Home(root)
    home.create()
    shutil.copyfile(_template(), home.database)
    with open_store(home, Settings()) as store:
        yield store


class Recorded(FileOperations):
    """Writes down each operation as ``(what, file name, …)`` and can fail one of them."""

    def __init__(self, fail_at: int = -1, code: int = errno.EIO) -> None:
        super().__init__()
        self.log: list[tuple[str, ...]] = []
        self.fail_at, self.code = fail_at, code

    def _note(self, *words: str) -> None:
        self.log.append(words)
        if len(self.log) - 1 == self.fail_at:
            raise OSError(self.code, os.strerror(self.code))

    def create(self, path: Path) -> int:
        self._note("create", path.name)
        return super().create(path)

    def write(self, fd: int, parts: Iterable[bytes | memoryview]) -> tuple[str, int]:
        self._note("write")
        return super().write(fd, parts)

    def chmod(self, path: Path, mode: int) -> None:
        self._note("chmod", path.name)
        super().chmod(path, mode)

    def fsync(self, path: Path) -> None:
        self._note("dirsync" if path.is_dir() else "fsync", path.name)
        super().fsync(path)

    def syncfs(self, fd: int) -> None:
        self._note("syncfs")
        super().syncfs(fd)

    def rename(self, source: Path, target: Path) -> None:
        self._note("rename", source.name, target.name)
        super().rename(source, target)

    def replace(self, source: Path, target: Path) -> None:
        self._note("replace", source.name, target.name)
        super().replace(source, target)

    def mkdir(self, path: Path) -> None:
        self._note("mkdir", path.name)
        super().mkdir(path)

    def of(self, *kinds: str) -> list[tuple[str, ...]]:
        return [words for words in self.log if words[0] in kinds]

    def place(self, *words: str) -> int:
        """Where in the log an operation begins with these words; the last such."""
        return max(n for n, entry in enumerate(self.log) if entry[:len(words)] == words)


def add_patient(connection: Connection, patient_id: str = "100", issuer: str = "LOCAL",
                name: str = "Doe^John", birth_date: str = "19800102", sex: str = "M") -> int:
    """A patient of the index; returns the row."""
    key = PatientKey(patient_id, issuer)
    put_patients(connection, [PatientRecord(key, Demographics(name, birth_date, sex))],
                 provenance="load")
    return patient(connection, key).row


def stored_instance(number: int, package: int, *, study: str = "1.2.3", series: str = "1.2.3.4",
                    object_sha256: str = "") -> StoredInstance:
    """An instance row that is a function of its number."""
    sha256 = object_sha256 or f"{number:064x}"
    header = InstanceHeader(sop_instance_uid=f"{series}.{number}", study_instance_uid=study,
                            series_instance_uid=series, modality="CT", study_date="20200101",
                            study_description="Thorax", series_number="1")
    return StoredInstance(header.sop_instance_uid, series, sha256, sha256, 1000, package, number,
                          "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", str(number),
                          header=header)


def file_instances(connection: Connection, patient_row: int, rows: list[StoredInstance]) -> None:
    put_objects(connection, {row.object_sha256: 1000 for row in rows})
    put_instances(connection, patient_row, rows)


def dump(path: Path, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, read by the driver alone."""
    with sqlite3.connect(path) as raw:
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: sorted(map(repr, raw.execute(f'SELECT * FROM "{name}"')))  # type: ignore
                for name in names if name not in without}
