"""A disc that cannot be read everywhere: asked again, told where, and never taken for complete."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mediasvc import medium
from mediasvc.errors import MediumError
from mediasvc.span import Span
from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program


class Drive:
    """Refuses the first ``times`` reads that touch byte ``bad``."""

    def __init__(self, bad: int, times: int) -> None:
        self.bad, self.times, self.real = bad, times, os.pread

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        if offset <= self.bad < offset + length and self.times:
            self.times -= 1
            raise OSError(errno.EIO, "scratched")
        return self.real(fd, length, offset)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(medium, "PAUSES", (0, 0, 0))
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    return path


@pytest.mark.parametrize("times", [1, 2, 3])
def test_read_that_succeeds_in_the_end_is_whole(file: Path, monkeypatch: pytest.MonkeyPatch,
                                                times: int) -> None:
    monkeypatch.setattr(medium.os, "pread", Drive(200_000, times).pread)
    with Span.of_file(file).view() as view:
        assert view == file.read_bytes()


def test_place_that_cannot_be_read_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medium.os, "pread", Drive(200_000, 99).pread)
    with pytest.raises(MediumError, match="from byte 196608 on"), Span.of_file(file).view():
        pass


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace to break reads with")
def test_disc_with_an_unreadable_file_is_held_and_the_file_named(cli: Program, tmp_path: Path,
                                                                 ) -> None:
    index = write_index(tmp_path / "index.csv", [("P0001", person(1))], issuer="CLINIC")
    assert cli("patients", "load", index).code == 0
    write_disc(tmp_path / "d", study(1, 1, count=3, IssuerOfPatientID="CLINIC"))
    bad = sorted((tmp_path / "d" / "DICOM").rglob("IM*"))[1]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(bad), "-e", "trace=pread64",
         "-e", "inject=pread64:error=EIO", *cli.command("--json", "ingest", tmp_path / "d")],
        capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 1, done.stderr
    [package] = cli("queue", "show", 1).of("package")
    assert (package["state"], package["held"], package["quarantined"]) == ("waiting", 2, 1)
    shown = cli("queue", "show", 1)
    [finding] = [row for row in shown.of("finding") if row["code"] == "medium-error"]
    assert finding["subject"] == bad.relative_to(tmp_path / "d").as_posix()
    [group] = shown.of("group")
    assert "medium-error" in {reason["code"] for reason in group["waits"]}
