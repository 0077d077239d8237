"""Proven files get their names when the disk has them, many at a time."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mediasvc.store.file_operations import OPERATIONS, SYNCFS_FROM
from mediasvc.work.transcoding import transcode_place
from mediasvc.work.transcoding.transcode_order import File
from mediasvc.work.transcoding.transcode_place import Placing


def waiting(root: Path, count: int) -> tuple[Placing, list[File]]:
    """Files that were written and proven, in two folders."""
    placing, files = Placing(), []
    for number in range(count):
        folder = root / str(number % 2)
        placing.enter(str(folder))
        file = File(f"/in/{number}", str(folder), str(folder / f"{number}.dcm"), 3)
        temp = folder / f".{number}.part"
        temp.write_bytes(b"new")
        placing.add(str(temp), file, {"length": 3})
        files.append(file)
    return placing, files


@pytest.mark.parametrize("count", [1, 3, SYNCFS_FROM + 1])
def test_files_have_no_name_before_the_disk_has_them(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int) -> None:
    placing, files = waiting(tmp_path, count)
    synced: list[object] = []
    for name in ("fsync", "syncfs"):
        monkeypatch.setattr(OPERATIONS, name, lambda what: (
            synced.append(what), [pytest.fail("too early") for file in files
                                  if Path(file.out).exists()]))
    assert [reason for *_, reason in placing.placed()] == [""] * count
    assert len(synced) == (count if count < SYNCFS_FROM else 1)
    assert all(Path(file.out).read_bytes() == b"new" for file in files)
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.undo()
    placing.close()


def test_a_disk_that_does_not_keep_a_file_fails_that_file(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FAULTS X13: a failed sync is never tried again."""
    placing, files = waiting(tmp_path, 3)

    def refuse(path: Path) -> None:
        if path.name == ".1.part":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(OPERATIONS, "fsync", refuse)
    reasons = [reason for *_, reason in placing.placed()]
    assert reasons == ["", "the disk did not keep it (Input/output error)", ""]
    assert [Path(file.out).exists() for file in files] == [True, False, True]
    monkeypatch.undo()
    placing.close()


def test_when_a_file_system_lost_something_none_of_its_files_gets_a_name(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    placing, files = waiting(tmp_path, SYNCFS_FROM)

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(OPERATIONS, "syncfs", refuse)
    assert all("No space left" in reason for *_, reason in placing.placed())
    assert not any(Path(file.out).exists() for file in files)
    monkeypatch.undo()
    placing.close()


def test_a_name_that_is_a_folder_is_that_files_failure(tmp_path: Path) -> None:
    placing, files = waiting(tmp_path, 2)
    Path(files[0].out).mkdir()
    reasons = [reason for *_, reason in placing.placed()]
    assert reasons[0].startswith("it cannot be written") and not reasons[1]
    placing.close()


def test_they_wait_for_some_company_but_not_for_long(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    placing, _ = waiting(tmp_path, 2)
    assert not placing.due()
    monkeypatch.setattr(transcode_place, "SECONDS", 0)
    assert placing.due()
    list(placing.placed())
    assert not placing.due()
    placing.add("x", File("", "", "", 0), {"length": transcode_place.BYTES})
    monkeypatch.setattr(transcode_place, "SECONDS", 9)
    assert placing.due()
    placing.close()
