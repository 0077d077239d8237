"""Unpacked bytes of a look never outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mediasvc.errors import StorageError
from mediasvc.work.building.private_folder import private_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"mediasvc-{os.getuid()}"


def test_it_is_private_and_gone_afterwards(place: Path) -> None:
    with private_folder() as folder:
        assert (place.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o700, 0o700)
        (folder / "1").write_bytes(b"image")
    assert not list(place.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next(place: Path) -> None:
    code = ("from mediasvc.work.building.private_folder import private_folder\n"
            "with private_folder() as folder:\n"
            "    (folder / '1').write_bytes(b'image')\n"
            "    print('there', flush=True)\n"
            "    input()\n")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(place.parent)},
                          ) as process:
        assert process.stdout and process.stdout.readline() == b"there\n"
        with private_folder():
            assert len(list(place.iterdir())) == 2  # the living one is left alone
        process.send_signal(signal.SIGKILL)
    with private_folder() as mine:
        assert list(place.iterdir()) == [mine]


def test_one_that_ends_while_another_begins_is_no_trouble(place: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    with private_folder():
        pass
    listed = [*place.iterdir(), place / "just-gone"]
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(listed))
    with private_folder() as mine:
        assert mine.is_dir()


def test_a_place_that_others_can_read_is_not_used(place: Path) -> None:
    place.mkdir(mode=0o755)
    with pytest.raises(StorageError), private_folder():
        pass
