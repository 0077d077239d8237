"""A disc that cannot be read everywhere: asked again, told where, and never taken for complete."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from mediasvc import medium
from mediasvc import sandbox as pool
from mediasvc.errors import MediumError
from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.iso.iso_write import write_iso
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from samples.synthesis import instance, person, study, write_disc
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


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes sectors of a file unreadable, for a process and its children."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("shim") / "bad_sectors.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library),
                    str(Path(__file__).with_name("bad_sectors.c")), "-ldl"], check=True)
    return library


def scratched(shim: Path, bad: Path, first: int = 0, times: int | None = None) -> dict[str, str]:
    return {"LD_PRELOAD": str(shim), "BAD_FILE": bad.as_posix(), "BAD_FROM": str(first)} | (
        {"BAD_TIMES": str(times)} if times is not None else {})


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> None:
    index = write_index(tmp_path / "index.csv", [("P0001", person(1))], issuer="CLINIC")
    assert cli("patients", "load", index).code == 0


@pytest.mark.usefixtures("known")
def test_scratched_disc_is_held_and_the_disc_burnt_again_completes_it(
        cli: Program, shim: Path, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=3, IssuerOfPatientID="CLINIC"))
    bad = sorted((tmp_path / "d" / "DICOM").rglob("IM*"))[1]
    done = cli.process("ingest", tmp_path / "d", env=scratched(shim, bad, first=200))
    [package] = done.of("package")
    assert (done.code, package["state"], package["archived"]) == (1, "waiting", 0)
    assert (package["held"], package["quarantined"]) == (2, 1)
    assert {row["code"] for row in done.of("finding")} == {"medium-error"}
    [lacked] = cli("report", "missing", 1).of("lacked")
    assert (lacked["kind"], lacked["file_id"]) == (
        "unreadable", bad.relative_to(tmp_path / "d").as_posix())
    assert lacked["sop_instance_uid"] == pydicom.dcmread(bad).SOPInstanceUID
    again = cli("ingest", tmp_path / "d")  # the same disc, burnt anew
    [whole] = again.of("package")
    assert (whole["package"], whole["state"], whole["archived"]) == ("2", "done", 3)
    assert "Brings the file that package 1 lacked." in {
        row["text"] for row in again.of("finding")}
    assert cli("report", "missing", 1).of("lacked") == []
    [line] = [row for row in cli("manifest", 1).of("file") if row["reason"] == "medium-error"]
    assert line["came_with"] == 2


@pytest.mark.usefixtures("known")
def test_sector_that_is_found_in_the_end_costs_nothing(
        cli: Program, shim: Path, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=2, IssuerOfPatientID="CLINIC"))
    bad = min((tmp_path / "d" / "DICOM").rglob("IM*"))
    done = cli.process("ingest", tmp_path / "d", env=scratched(shim, bad, times=2))
    [package] = done.of("package")
    assert (done.code, package["state"], package["archived"]) == (0, "done", 2)


@pytest.mark.usefixtures("known")
def test_scratch_in_a_large_file_is_one_as_well(cli: Program, shim: Path, tmp_path: Path) -> None:
    """It is mapped, and whoever comes to the place in a mapping dies."""
    write_disc(tmp_path / "d", [
        *study(1, 1, count=2, IssuerOfPatientID="CLINIC"),
        instance(1, 1, 2, rows=4200, columns=4200, IssuerOfPatientID="CLINIC")])
    bad = max((tmp_path / "d" / "DICOM").rglob("IM*"), key=lambda path: path.stat().st_size)
    done = cli.process("ingest", tmp_path / "d", env=scratched(shim, bad, first=20 << 20))
    [package] = done.of("package")
    assert (package["state"], package["held"], package["quarantined"]) == ("waiting", 2, 1)
    [finding] = done.of("finding")
    assert (finding["code"], finding["subject"]) == (
        "medium-error", bad.relative_to(tmp_path / "d").as_posix())


@pytest.fixture
def slow_image(tmp_path: Path, shim: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each of its 120 files lies where a drive has to look for 10 ms: some 6 s for all."""
    image, source = tmp_path / "slow.iso", tmp_path / "source"
    source.write_bytes(b"x" * 3000)
    with image.open("x+b") as target:
        write_iso(target, [DiscFile((f"F{number}", "A"), Span.of_file(source), "")
                           for number in range(120)],
                  volume_id="SLOW", moment=datetime(2026, 11, 21, tzinfo=UTC))
    for name, value in scratched(shim, image, times=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLOW_MICROSECONDS", "10000")
    return image


def look_around(image: Path, scratch: Path) -> list[Answer]:
    """What a judge asks of an image as a whole, by a child that has 1.5 s."""
    scratch.mkdir()
    judge = "mediasvc.work.checking.check_members"
    source = {"path": str(image), "scratch": str(scratch), "limits": Limits().model_dump(),
              "password": None}
    with Sandbox(1, 2 << 30, 1.5, Nursery(judge)) as sandbox:
        return [sandbox.call(f"{judge}:listing", first=0, count=1000, **source),
                sandbox.call(f"{judge}:surface", **source)]


def test_large_disc_in_a_slow_drive_has_the_time_that_it_needs(slow_image: Path,
                                                               tmp_path: Path) -> None:
    listing, surface = look_around(slow_image, tmp_path / "scratch")
    assert (listing.error, surface.error) == ("", "")
    assert (listing.value["total"], surface.value["dirty"]) == (120, [])


def test_disc_that_never_ends_is_given_up(slow_image: Path, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LONGEST", 1)
    _, surface = look_around(slow_image, tmp_path / "scratch")
    assert surface.error == "deadline"
