"""Nothing that was not read back is ever handed out: drives, sticks, robots, labels."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mediasvc.errors import (
    LockedError,
    MediasvcError,
    NotFoundError,
    ProofError,
    SettingsError,
    StateError,
)
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Burn as BurnSettings
from mediasvc.settings import Home, Robot, Settings
from mediasvc.store import burns, discs
from mediasvc.store.discs import Disc
from mediasvc.work.burn import alone, burn_disc, find_disc
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.handing_out import burn_folder
from mediasvc.work.handing_out.burn_folder import copy_disc, file_system
from mediasvc.work.handing_out.burners import BURNERS
from mediasvc.work.handing_out.label_facts import label_facts
from mediasvc.work.handing_out.robot_jobs import FORMATS, RobotJob, epson_fields, printable
from mediasvc.work.handing_out.robots import how_far, job_of, poll, robot_named, seen_by, send
from samples.synthesis import study
from tests.conftest import Program
from tests.disc_things import broken, filled_home, flip, judge, new_sandbox
from tests.test_export import local
from tests.test_plan import made, ordered

FAKE = """#!{python}
import os, sys
device = next(word[4:] for word in sys.argv if word.startswith("dev="))
data = bytearray(open(sys.argv[-1], "rb").read())
mode = os.environ.get("FAKE_BURNER", "")
if mode == "truncate": del data[-100_000:]
if mode == "flip": data[len(data) // 2] ^= 4
if mode == "flip-last": data[-1] ^= 1
if mode == "full": del data[len(data) // 2:]
if mode == "other": data[32768 + 813:32768 + 829] = b"2001010101010100"  # its date
if mode == "pad": data += bytes(300 * 1024)
if mode == "fail":
    print("no blank medium in the drive")
    sys.exit(5)
if mode == "lie": sys.exit(0)
if mode == "slow":
    import time; time.sleep(30)
open(device, "wb").write(data)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    """A home with a released ISO (disc 1) and a released folder (disc 2) in its outbox."""
    root = filled_home(tmp_path_factory.mktemp("burn"), sandbox, local(1),
                       study(1, 1, count=3, IssuerOfPatientID="LOCAL"))
    home = Home(root)
    with open_desk(home, Settings(), sandbox) as desk:
        for name, profile in (("a.iso", "STD-GEN-CD"), ("stick", "STD-GEN-USB-JPEG")):
            made(desk, ordered(home.outbox / name, profile, recipient="Dr. Who"))
    return home.root


@pytest.fixture
def desk(filled: Path, tmp_path: Path, sandbox: Sandbox) -> Iterator[Desk]:
    """A copy of that home; what it made is where the ledger says, so it is shared, read-only."""
    home = Home(Path(shutil.copytree(filled, tmp_path / "home")))
    programs = tmp_path / "bin"
    programs.mkdir()
    import sys
    (programs / "wodim").write_text(FAKE.format(python=sys.executable))
    (programs / "wodim").chmod(0o755)
    settings = Settings(burn=BurnSettings(device=str(tmp_path / "drive"), programs=("wodim",),
                                          seconds=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        with open_desk(home, settings, sandbox) as desk:
            with desk.store.transaction() as connection:
                import sqlalchemy as sa
                for name in ("a.iso", "stick"):
                    connection.execute(sa.text("UPDATE disc SET path = :new WHERE path = :old"), {
                        "new": str(home.outbox / name),
                        "old": str(filled / "outbox" / name)})
            yield desk


def disc_of(desk: Desk, number: int = 1) -> Disc:
    with desk.store.read() as connection:
        return discs.disc(connection, number)


def rows(desk: Desk) -> list[burns.Burn]:
    with desk.store.read() as connection:
        return burns.burns(connection)


# --- the drive -----------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", ["", "pad"])
def test_a_good_burn_is_read_back_and_released(desk: Desk, tmp_path: Path, mode: str,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BURNER", mode)
    done = burn_disc(desk, disc_of(desk), by="clerk", patience=0)
    assert (done.state, done.program, done.by) == ("released", "wodim", "clerk")
    image = Path(disc_of(desk).path).read_bytes()
    assert (tmp_path / "drive").read_bytes()[:len(image)] == image


@pytest.mark.parametrize(("mode", "why"), [
    ("truncate", "ends after"), ("flip", "differs from the image at byte"),
    ("full", "ends after"), ("other", "another disc is in the drive"),
    ("flip-last", "differs"), ("fail", "no blank medium"), ("lie", "does not show")])
def test_a_bad_burn_is_never_released(desk: Desk, mode: str, why: str,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BURNER", mode)
    with pytest.raises((ProofError, StateError), match=why):
        burn_disc(desk, disc_of(desk), by="clerk", patience=0)
    [row] = rows(desk)
    assert row.state == "failed" and why in row.reason
    with desk.store.read() as connection:
        assert not any("burn-released" in event.action for event in _events(connection))


def _events(connection: object) -> list[object]:
    from mediasvc.store.events import events
    return list(events(connection))  # type: ignore[arg-type]


def test_a_burn_that_takes_too_long_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BURNER", "slow")
    quick = desk.settings.model_copy(update={
        "burn": desk.settings.burn.model_copy(update={"seconds": 0.3})})
    with pytest.raises(StateError, match="took longer"):
        burn_disc(replace(desk, settings=quick), disc_of(desk), by="clerk", patience=0)
    assert rows(desk)[0].state == "failed"


def test_an_image_that_is_not_the_certified_one_spoils_no_medium(desk: Desk,
                                                                 tmp_path: Path) -> None:
    path = Path(disc_of(desk).path)
    path.chmod(0o600)
    flip(path, path.stat().st_size // 2)
    with pytest.raises(StateError, match="not the certified one"):
        burn_disc(desk, disc_of(desk), by="clerk", patience=0)
    assert not (tmp_path / "drive").exists() and rows(desk) == []


def test_an_image_that_is_gone_is_said_to_be(desk: Desk) -> None:
    Path(disc_of(desk).path).unlink()
    with pytest.raises(StateError, match=r"not there any more\. Export it again"):
        burn_disc(desk, disc_of(desk), by="clerk", patience=0)
    assert not rows(desk)


def test_only_released_discs_are_burnt_or_labelled(desk: Desk) -> None:
    with desk.store.transaction() as connection:
        row = discs.plan_disc(connection, path="/x/b.iso", profile="STD-GEN-CD", file_set_id="X")
    with pytest.raises(StateError, match="planned, not released"):
        find_disc(desk, str(row.id))
    with pytest.raises(StateError, match="a label is for a released one"):
        label_facts(desk, row)
    with pytest.raises(StateError, match="only a released one"), \
            desk.store.transaction() as connection:
        burns.plan_burn(connection, row.id, method="drive", target="x")
    with pytest.raises(NotFoundError):
        find_disc(desk, "/x/b.iso")
    assert find_disc(desk, disc_of(desk).path) == disc_of(desk)


def test_what_a_dead_burn_left_is_failed_by_the_next_and_two_never_run_at_once(
        desk: Desk) -> None:
    with desk.store.transaction() as connection:
        dead = burns.plan_burn(connection, 1, method="drive", target="x")
    with alone(desk), pytest.raises(LockedError), alone(desk):
        pass
    with desk.store.read() as connection:
        assert burns.burn(connection, dead.id).reason == "it was interrupted"


def test_every_program_gets_the_device_and_the_image() -> None:
    for name, burner in BURNERS.items():
        command = burner.arguments(f"/usr/bin/{name}", "/dev/sr0", "/out/a.iso", 8)
        assert command[0].endswith(name) and "/out/a.iso" in command[-1]
        assert any("/dev/sr0" in word for word in command)
        assert not any("blank" in word for word in command)


GROWISOFS = """#!{python}
# As growisofs(1) takes them: options, then -Z DEVICE=IMAGE.
import sys
words, options = sys.argv[1:], []
while words[0] != "-Z":
    options.append(words.pop(0))
assert options == ["-speed=4", "-dvd-compat"] and len(words) == 2, sys.argv
device, image = words[1].split("=", 1)
assert not sys.stdin.isatty()
if open(device, "rb").read(32774)[32769:] == b"CD001":
    print(f":-( {{device}} already carries isofs!")
    sys.exit(1)
open(device, "r+b").write(open(image, "rb").read())
"""


def test_growisofs_is_called_as_its_manual_says_and_takes_no_cd(desk: Desk, tmp_path: Path) -> None:
    import sys
    program = tmp_path / "bin" / "growisofs"
    program.write_text(GROWISOFS.format(python=sys.executable))
    program.chmod(0o755)
    drive = tmp_path / "drive"
    drive.write_bytes(bytes(64 << 10))
    wanted = BurnSettings(device=str(drive), programs=("growisofs",), speed=4, seconds=20)
    alone_there = replace(desk, settings=Settings(burn=wanted))
    with pytest.raises(SettingsError, match="growisofs cannot write a CD"):
        burn_disc(alone_there, disc_of(desk), by="clerk", patience=0)
    dvd = replace(disc_of(desk), profile="STD-GEN-DVD-JPEG")
    assert burn_disc(alone_there, dvd, by="clerk", patience=0).program == "growisofs"
    assert drive.read_bytes() == Path(dvd.path).read_bytes()
    with pytest.raises(StateError, match="already carries isofs"):
        burn_disc(alone_there, dvd, by="clerk", patience=0)
    both = BurnSettings(device=str(drive), programs=("growisofs", "wodim"), seconds=20)
    assert burn_disc(replace(desk, settings=Settings(burn=both)), disc_of(desk), by="clerk",
                     patience=0).program == "wodim"


def test_without_a_drive_or_a_program_it_says_so(desk: Desk) -> None:
    bare = replace(desk, settings=Settings())
    with pytest.raises(SettingsError, match="No drive"):
        burn_disc(bare, disc_of(desk), by="x")
    none = replace(desk, settings=Settings(burn=BurnSettings(device="x", programs=())))
    with pytest.raises(SettingsError, match="No program"):
        burn_disc(none, disc_of(desk), by="x")


@pytest.mark.skipif(not shutil.which("xorriso"), reason="xorriso is not here")
def test_xorriso_really_writes_and_what_it_wrote_is_read_back(desk: Desk, tmp_path: Path) -> None:
    """On a file that stands in for a drive."""
    real = Settings(burn=BurnSettings(device=f"stdio:{tmp_path / 'real'}", programs=("xorriso",)))
    done = burn_disc(replace(desk, settings=real), disc_of(desk), by="clerk", patience=5)
    assert (done.state, done.program) == ("released", "xorriso")
    image = Path(disc_of(desk).path).read_bytes()
    assert (tmp_path / "real").read_bytes()[:len(image)] == image


# --- the stick -----------------------------------------------------------------------------------

def test_a_stick_gets_a_copy_that_was_read_again(desk: Desk, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "holiday.jpg").write_bytes(b"stays")
    done = copy_disc(desk, disc_of(desk, 2), stick, by="clerk")
    assert done.state == "released" and (stick / "holiday.jpg").read_bytes() == b"stays"
    source = Path(disc_of(desk, 2).path)
    for path in source.rglob("*"):
        if path.is_file():
            assert (stick / path.relative_to(source)).read_bytes() == path.read_bytes()
    with pytest.raises(StateError, match="on the stick already"):
        copy_disc(desk, disc_of(desk, 2), stick, by="clerk")


def test_an_encrypted_folder_that_was_changed_comes_onto_no_stick(desk: Desk, tmp_path: Path,
                                                                  ) -> None:
    pytest.importorskip("cryptography")
    from mediasvc.standard.profiles import load_profile
    from mediasvc.work.building.seal import seal_for

    folder = tmp_path / "secure"
    seal = seal_for(load_profile("STD-GEN-SEC-USB-JPEG"), "folder", "password12", ())
    made(desk, ordered(folder, "STD-GEN-SEC-USB-JPEG", seal=seal))
    for name in ("good", "bad", "short"):
        (tmp_path / name).mkdir()
    assert copy_disc(desk, disc_of(desk, 3), tmp_path / "good", by="x").state == "released"
    instance = next(path for path in folder.rglob("IM*") if path.is_file())
    flip(instance, instance.stat().st_size // 2)
    with pytest.raises(StateError, match="not the certified one"):
        copy_disc(desk, disc_of(desk, 3), tmp_path / "bad", by="x")
    instance.unlink()
    with pytest.raises(StateError, match="not the certified one"):
        copy_disc(desk, disc_of(desk, 3), tmp_path / "short", by="x")
    assert not list((tmp_path / "bad").iterdir())


def test_a_stick_that_a_computer_wrote_its_own_on_is_still_the_certified_one(
        desk: Desk, tmp_path: Path, sandbox: Sandbox) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    copy_disc(desk, disc_of(desk, 2), stick, by="clerk")
    (stick / "System Volume Information").mkdir()
    (stick / "System Volume Information" / "WPSettings.dat").write_bytes(b"x")
    (stick / "._DICOM").write_bytes(b"\0\5\x16\7")
    verdict = judge(sandbox, stick)
    assert verdict.passed and "PDI-2c" in broken(verdict)
    (stick / "OTHER.TXT").write_bytes(b"x")
    assert "N7" in broken(judge(sandbox, stick))


def test_a_stick_that_forgets_is_not_handed_out(desk: Desk, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    monkeypatch.setattr(burn_folder, "_read_again", lambda path: "0" * 64)
    with pytest.raises(ProofError, match="is not what was copied"):
        copy_disc(desk, disc_of(desk, 2), stick, by="clerk")
    assert [path for path in stick.rglob("*") if path.is_file()] == []
    assert rows(desk)[0].state == "failed"


@pytest.mark.parametrize(("code", "words"), [
    (errno.EROFS, "write-protected"), (errno.ENOSPC, "no room"), (errno.EACCES, "by this user"),
    (errno.EIO, "cannot be written or read"), (errno.ENODEV, "cannot be written or read")])
def test_a_stick_that_refuses_is_told_in_words_and_left_as_it_was(
        desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    copies: list[Path] = []

    def copystat(source: Path, target: Path) -> None:
        copies.append(target)
        if len(copies) == 4:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(burn_folder.shutil, "copystat", copystat)
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "holiday.jpg").write_bytes(b"stays")
    with pytest.raises(StateError, match=words):
        copy_disc(desk, disc_of(desk, 2), stick, by="clerk")
    assert [path.name for path in stick.rglob("*")] == ["holiday.jpg"]
    assert words in rows(desk)[0].reason


def test_a_file_that_fat_cannot_hold_is_refused(desk: Desk, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stick").mkdir()
    monkeypatch.setattr(burn_folder, "file_system", lambda folder: "vfat")
    monkeypatch.setattr(burn_folder, "FAT_LARGEST", 1000)
    with pytest.raises(MediasvcError, match="FAT32"):
        copy_disc(desk, disc_of(desk, 2), tmp_path / "stick", by="clerk")
    assert file_system(tmp_path)


def test_an_iso_is_no_folder_and_a_folder_no_iso(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    with pytest.raises(StateError, match="is no folder"):
        copy_disc(desk, disc_of(desk, 1), tmp_path / "stick", by="x")
    with pytest.raises(StateError, match="is no ISO image"):
        burn_disc(desk, disc_of(desk, 2), by="x")


def test_a_mistyped_drive_becomes_no_file_with_images(desk: Desk, tmp_path: Path) -> None:
    for name in ("xorriso", "cdrskin"):
        with pytest.raises(SettingsError, match="is no drive"):
            BURNERS[name].require_drive(str(tmp_path / "sr0"))
        with pytest.raises(SettingsError, match="is no drive"):
            BURNERS[name].require_drive("sr0")
        BURNERS[name].require_drive("stdio:/tmp/x")
        BURNERS[name].require_drive("/dev/null")
    BURNERS["wodim"].require_drive("1,0,0")


@pytest.mark.parametrize(("said", "why"), [
    ("xorriso 1.5.4 : RockRidge filesystem manipulator\n"
     "libburn : SORRY : Cannot open busy device '/dev/sr0' : Device or resource busy\n"
     "xorriso : FAILURE : -as cdrecord: Job could not be performed properly.\n"
     "xorriso : aborting : -abort_on 'FAILURE' encountered 'FAILURE'\n", "Device or resource busy"),
    ("wodim: No write mode specified.\nwodim: Device or resource busy. Cannot open SCSI driver!\n"
     "For possible targets try 'wodim --devices'.\n", "Device or resource busy"),
    ("something\nelse\n", "else"), ("", "code 5")])
def test_why_a_program_failed_is_told_and_not_that_it_did(desk: Desk, tmp_path: Path, said: str,
                                                          why: str) -> None:
    program = tmp_path / "bin" / "wodim"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\nexit 5\n")
    with pytest.raises(StateError, match=why):
        burn_disc(desk, disc_of(desk), by="clerk", patience=0)
    assert why in rows(desk)[0].reason


# --- robots --------------------------------------------------------------------------------------

JOB = RobotJob("MSVC00000007", "\\\\SRV\\discs\\a.iso", 2, "CD", "MSVCABC", "\\\\SRV\\l.tdd",
               (("PATIENT", "Müller, Änne"), ("CREATED", "2026-11-21")), "\\\\SRV\\7.TXT")
GOLDEN = {
    "epson": "JOB_ID=MSVC00000007|COPIES=2|DISC_TYPE=CD|IMAGE=\\\\SRV\\discs\\a.iso|"
             "VOLUME_LABEL=MSVCABC|LABEL=\\\\SRV\\l.tdd|REPLACE_FIELD=\\\\SRV\\7.TXT|",
    "primera": "JobID=MSVC00000007|ClientID=MEDIASVC|Importance=4|ImageFile=\\\\SRV\\discs\\a.iso|"
               "ImageType=MODE_1_2048|Copies=2|VerifyDisc=YES|RejectIfNotBlank=YES|CloseDisc=YES|"
               "DeleteFiles=NO|PrintLabel=\\\\SRV\\l.tdd|MergeField=Müller, Änne|"
               "MergeField=2026-11-21|",
    "rimage": "order_id=MSVC00000007|filetype=IMAGE|file=\\\\SRV\\discs\\a.iso|volume=MSVCABC|"
              "copies=2|label=\\\\SRV\\l.tdd|merge=Müller, Änne|merge=2026-11-21|",
}


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_job_files_are_as_the_makers_describe_them(kind: str) -> None:
    assert FORMATS[kind].write(JOB) == GOLDEN[kind].replace("|", "\r\n").encode("cp1252")
    assert len(JOB.id) <= FORMATS[kind].longest_id


def test_nothing_in_a_job_can_become_another_line() -> None:
    with pytest.raises(SettingsError):
        FORMATS["epson"].write(replace(JOB, volume="X\r\nCOPIES=99"))
    assert epson_fields(JOB).startswith(b"PATIENT=M\xfcller")


def robot(folder: Path, kind: str, **more: object) -> Robot:
    folder.mkdir(exist_ok=True)
    return Robot(name="Robbie", kind=kind, folder=str(folder), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize("end", ["done", "failed"])
def test_a_robot_is_asked_and_believed_only_when_it_is_done(desk: Desk, tmp_path: Path, kind: str,
                                                            end: str) -> None:
    one = robot(tmp_path / "hot", kind, label="l.tdd", copies=3)
    row = send(desk, disc_of(desk), one, by="clerk")
    form = FORMATS[kind]
    [job] = (tmp_path / "hot").glob(f"*.{form.extension}")
    assert not list((tmp_path / "hot").glob("*.tmp")) and row.copies == 3
    assert [again.state for again in poll(desk, [one])] == ["planned"]
    job = job.rename(job.with_suffix(f".{form.busy[0].lower()}"))
    assert [again.state for again in poll(desk, [one])] == ["planned"]
    job.rename(job.with_suffix(f".{getattr(form, end)[0]}"))
    assert [again.state for again in poll(desk, [one])] == [
        {"done": "released", "failed": "failed"}[end]]
    assert poll(desk, [one]) == []


def test_a_robot_that_never_answers_has_failed(desk: Desk, tmp_path: Path) -> None:
    one = robot(tmp_path / "hot", "primera", seconds=60.0)
    send(desk, disc_of(desk), one, by="clerk")
    [job] = (tmp_path / "hot").glob("*.JRQ")
    job.rename(job.with_suffix(".INP"))
    later = datetime.now(UTC) + timedelta(seconds=61)
    [row] = poll(desk, [one], now=later)
    assert row.state == "failed" and "did not finish" in row.reason


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_what_others_left_in_the_folder_says_nothing_of_a_job(desk: Desk, tmp_path: Path,
                                                              kind: str) -> None:
    """An earlier installation, whose numbers began at 1, too; names of files that mean nothing."""
    one = robot(tmp_path / "hot", kind)
    form = FORMATS[kind]
    for name in (f"MSVC00000001.{form.done[0]}", f"MSVC00000001.{form.failed[0]}",
                 "MSVC00000001", "THUMBS.DB", ".DON"):
        (tmp_path / "hot" / name).write_bytes(b"\x00\xff rubbish")
    row = send(desk, disc_of(desk), one, by="clerk")
    (tmp_path / "hot" / f"{Path(row.job).name}.PR1").write_bytes(b"half a line")
    assert [again.state for again in poll(desk, [one])] == ["planned"]
    again = send(desk, disc_of(desk), one, by="clerk")
    assert again.job != row.job


def test_a_job_that_nobody_took_is_taken_back(desk: Desk, tmp_path: Path) -> None:
    """Else the robot would burn it on the day when it is switched on."""
    one = robot(tmp_path / "hot", "epson", seconds=60.0, label="l.tdd")
    send(desk, disc_of(desk), one, by="clerk")
    assert len(list((tmp_path / "hot").iterdir())) == 2
    [row] = poll(desk, [one], now=datetime.now(UTC) + timedelta(seconds=61))
    assert row.state == "failed" and "taken back" in row.reason
    assert not list((tmp_path / "hot").iterdir())


def test_of_a_share_that_is_away_nobody_knows_what_the_robot_did(desk: Desk, tmp_path: Path,
                                                                 ) -> None:
    one = robot(tmp_path / "hot", "primera", seconds=60.0)
    send(desk, disc_of(desk), one, by="clerk")
    away = (tmp_path / "hot").rename(tmp_path / "away")
    later = datetime.now(UTC) + timedelta(days=1)
    [row] = poll(desk, [one], now=later)
    assert row.state == "planned" and "mounted" in how_far(row, [one])
    away.rename(tmp_path / "hot")
    [job] = (tmp_path / "hot").glob("*.JRQ")
    job.rename(job.with_suffix(".DON"))
    assert [row.state for row in poll(desk, [one], now=later)] == ["released"]


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize("end", ["done", "failed"])
def test_no_name_stays_in_the_folder_of_a_robot(desk: Desk, tmp_path: Path, kind: str, end: str,
                                                ) -> None:
    one = robot(tmp_path / "hot", kind, label="l.tdd")
    row = send(desk, disc_of(desk), one, by="clerk")
    form = FORMATS[kind]
    [job] = (tmp_path / "hot").glob(f"*.{form.extension}")
    job.rename(job.with_suffix(f".{getattr(form, end)[0]}"))
    poll(desk, [one])
    left = [path.suffix for path in (tmp_path / "hot").iterdir()]
    assert left == ([] if end == "done" else [f".{form.failed[0]}"]) and row.copies == 1


def test_what_an_interrupted_look_left_is_gone_on_with(desk: Desk, tmp_path: Path) -> None:
    from mediasvc.work.burn import step

    one = robot(tmp_path / "hot", "primera")
    row = send(desk, disc_of(desk), one, by="clerk")
    step(desk, row, "built", "robot", program="primera")
    [job] = (tmp_path / "hot").glob("*.JRQ")
    job.rename(job.with_suffix(".DON"))
    assert [row.state for row in poll(desk, [one])] == ["released"]


def test_a_job_that_cannot_be_written_waits_for_nobody(desk: Desk, tmp_path: Path) -> None:
    one = robot(tmp_path / "hot", "epson", seen_from=str(tmp_path / "elsewhere"), seen_as="X:")
    with pytest.raises(SettingsError, match="does not see"):
        send(desk, disc_of(desk), one, by="clerk")
    assert [row.state for row in rows(desk)] == ["failed"] and poll(desk, [one]) == []
    one = robot(tmp_path / "hot", "epson", seen_from=str(desk.home.outbox), seen_as="X:\\диск")
    with pytest.raises(SettingsError, match="cannot be told that path"):
        send(desk, disc_of(desk), one, by="clerk")
    assert not list((tmp_path / "hot").iterdir())


def test_the_fields_of_a_label_lie_where_the_robot_sees_them(desk: Desk, tmp_path: Path) -> None:
    """Beside the image, when it knows the folder of the jobs under a name that we do not."""
    outbox = desk.home.outbox
    one = robot(tmp_path / "hot", "epson", label="l.tdd", seen_from=str(outbox), seen_as="\\\\S\\o")
    row = send(desk, disc_of(desk), one, by="clerk")
    name = Path(row.job).name
    assert f"REPLACE_FIELD=\\\\S\\o\\{name}.TXT\r\n".encode() in next(
        (tmp_path / "hot").glob("*.JDF")).read_bytes()
    assert b"PATIENT=" in (outbox / f"{name}.TXT").read_bytes()
    next((tmp_path / "hot").glob("*.JDF")).rename(tmp_path / "hot" / f"{name}.DON")
    poll(desk, [one])
    assert not list(outbox.glob("*.TXT")) and not list((tmp_path / "hot").iterdir())


@pytest.mark.parametrize(("name", "printed", "lost"), [
    ("Müller, Änne", "Müller, Änne", 0), ("Dvořák, Łucja", "Dvorák, Lucja", 0),
    ("Đorđević, Iğdır", "Dordevic, Igdir", 0), ("山田, Ann", "??, Ann", 2)])
def test_a_name_on_a_robots_label_is_as_near_as_its_letters_allow(name: str, printed: str,
                                                                  lost: int) -> None:
    assert printable(name) == (printed, lost)
    assert f"MergeField={printed}\r\n".encode("cp1252") in FORMATS["primera"].write(
        replace(JOB, fields=(("PATIENT", name),)))


def test_a_robot_sees_our_folders_under_its_own_names(tmp_path: Path) -> None:
    one = robot(tmp_path / "hot", "epson", seen_from=str(tmp_path), seen_as="\\\\SRV\\discs")
    assert seen_by(one, tmp_path / "out" / "a.iso") == "\\\\SRV\\discs\\out\\a.iso"
    with pytest.raises(SettingsError, match="does not see"):
        seen_by(one, Path("/elsewhere/a.iso"))
    with pytest.raises(SettingsError, match="no robot"):
        robot_named([one], "Nobody")
    assert robot_named([one], "robbie") is one


# --- the command ---------------------------------------------------------------------------------

def test_the_commands_burn_ask_and_label(desk: Desk, tmp_path: Path) -> None:
    cli = Program(desk.home.root)
    (desk.home.root / "config.toml").write_text(
        f'[burn]\ndevice = "{tmp_path / "drive"}"\nprograms = ["wodim"]\n'
        f'[[robots]]\nname = "Robbie"\nkind = "epson"\nfolder = "{tmp_path}"\n')
    done = cli("burn", "1", "--by", "clerk")
    assert (done.code, done.of("burn")[0]["state"]) == (0, "released"), done.stderr
    asked = cli("burn", "1", "--robot", "robbie", "--copies", "2")
    assert (asked.code, asked.summary["waiting"]) == (1, 1)
    status = cli("burn", "--status")
    assert [row["method"] for row in status.of("burn")] == ["drive", "robot"]
    job = next(tmp_path.glob("*.JDF"))
    for suffix, words in ((".JDF", "waits in the robot's folder"), (".RJD", "works on it"),
                          (".odd", "not in the robot's folder"), (".INP", "works on it")):
        job = job.rename(job.with_suffix(suffix))
        assert "planned (" in (told := cli.text("burn", "--status").stdout) and words in told
    exports = cli("report", "exports", "--patient", "P0001@LOCAL")
    assert [row["recipient"] for row in exports.of("export")] == ["Dr. Who", "Dr. Who"]
    assert len(exports.of("export")[0]["burns"]) == 2
    assert "Dr. Who" in cli.text("report", "exports").stdout
    page = tmp_path / "exports.html"
    for options, many in ((["--for", "dr. w", "--html", page], 2), (["--for", "X%"], 0),
                           (["--until", "2001-01-01"], 0), (["--since", "2001-01-01"], 2)):
        assert cli("report", "exports", *options).summary["discs"] == many
    assert page.stat().st_mode & 0o777 == 0o600
    for words in (b"P0001@LOCAL", b"Dr. Who", b"3 instances", b"drive 20"):
        assert words in page.read_bytes()
    assert cli("report", "exports", "--html", page).code == 2
    assert cli("report", "exports", "--since", "yesterday").code == 3
    for wrong in (["burn"], ["burn", "99"], ["burn", "1", "2"], ["burn", "1", "--copies", "2"],
                  ["burn", "1", "--robot", "x", "--device", "y"]):
        assert cli(*wrong).code == 3, wrong
    pytest.importorskip("reportlab")
    for kind in ("disc", "case"):
        label = cli("label", "1", "--kind", kind, "--to", tmp_path / f"{kind}.pdf")
        assert label.code == 0, label.stderr
        assert (tmp_path / f"{kind}.pdf").read_bytes().startswith(b"%PDF")
        assert stat.S_IMODE((tmp_path / f"{kind}.pdf").stat().st_mode) == 0o600
    assert cli("label", "1", "--to", tmp_path / "disc.pdf").code == 3


def test_a_bad_burn_is_told_with_exit_code_2(desk: Desk, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_BURNER", "flip")
    cli = Program(desk.home.root)
    (desk.home.root / "config.toml").write_text(
        f'[burn]\ndevice = "{tmp_path / "drive"}"\nprograms = ["wodim"]\n')
    done = cli("burn", "1")
    assert done.code == 2 and "was not released" in done.stderr and "Throw" in done.stderr
    assert json.loads(cli("burn", "--status").stdout.splitlines()[0])["state"] == "failed"


# --- labels --------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["disc", "case"])
@pytest.mark.parametrize(("name", "borrowed"), [
    ("Ordinary, Ann", ()), ("Müller, Änne " + "Very Long " * 20, ()), ("\x00\x1b[31m", ()),
    ("山田, 太郎", ("HeiseiKakuGo-W5",)), ("김, 희중", ("HYGothic-Medium",)), ("\U0001f600", ())])
def test_any_name_can_be_printed_and_borrowed_fonts_are_told(
        desk: Desk, kind: str, name: str, borrowed: tuple[str, ...]) -> None:
    pytest.importorskip("reportlab")
    from mediasvc.report.disc_label import draw_label

    facts = replace(label_facts(desk, disc_of(desk)), patient=name)
    many = replace(facts, studies=facts.studies * 60, part="Disc 1 of 3")
    label = draw_label(many, kind)  # type: ignore[arg-type]
    assert label.pdf.startswith(b"%PDF") and label.borrowed == borrowed
    assert label == draw_label(many, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["disc", "case"])
@pytest.mark.parametrize("name", [
    "Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine Adolph Charles David Earl Frederick",
    "Very Long " * 30, "Wolfeschlegelsteinhausen" * 12, "Short, Ann"])
def test_a_long_name_takes_two_lines_before_it_is_too_small_to_read(
        desk: Desk, kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = pytest.importorskip("reportlab.pdfgen.canvas").Canvas
    from mediasvc.report.disc_label import draw_label

    drawn: list[tuple[str, float, float]] = []
    font, sizes, string = canvas.setFont, [0.0], canvas.drawString
    monkeypatch.setattr(canvas, "setFont", lambda self, face, size, *more: (
        sizes.append(size), font(self, face, size, *more)))
    monkeypatch.setattr(canvas, "drawString", lambda self, x, y, text, *more: (
        drawn.append((text, sizes[-1], y)), string(self, x, y, text, *more)))
    facts = replace(label_facts(desk, disc_of(desk)), patient=name, part="Disc 1 of 3",
                    institution="University Hospital of a Town with a Long Name, Department of "
                                "Diagnostic and Interventional Radiology, Neuroradiology")
    draw_label(facts, kind)  # type: ignore[arg-type]
    rows = [row for row in drawn if row[0] and row[0].removesuffix("...").strip() in name]
    assert all(size >= 7 for text, size, _ in drawn if text[:12] not in ("", "Confidential"))
    if " " in name.strip() and len(name) < 100:
        assert " ".join(text for text, *_ in rows) == name
        assert len(rows) == (1 if len(name) < 20 else 2)
    else:
        assert rows[-1][0].endswith("...")
    heights = sorted({round(y, 1) for *_, y in drawn}, reverse=True)
    assert all(one - other >= 6 * 1.1 for one, other in pairwise(heights))


def test_a_label_says_who_when_where_and_what(desk: Desk) -> None:
    facts = label_facts(desk, disc_of(desk))
    assert (facts.content, facts.recipient, facts.patient_id) == (
        "DICOM PLUS WEB", "Dr. Who", "P0001")
    assert facts.patient and facts.institution and facts.created.startswith("20")
    assert len(facts.studies) == 1


def test_a_label_names_only_what_is_on_the_disc_the_newest_study_first(
        sandbox: Sandbox, tmp_path: Path) -> None:
    from samples.synthesis import instance

    mine = {"IssuerOfPatientID": "LOCAL"}
    root = filled_home(tmp_path, sandbox, local(1), [
        instance(1, 1, **mine), instance(1, 1, 2, modality="SR", **mine),
        instance(1, 2, modality="MR", **mine), instance(1, 3, modality="US", **mine)])
    with open_desk(Home(root), Settings(), sandbox) as desk:
        made(desk, ordered(tmp_path / "a.iso", "STD-CTMR-CD"))
        studies = label_facts(desk, disc_of(desk)).studies
        assert [study.modalities for study in studies] == ["MR", "CT"]
        assert studies[0].date > studies[1].date


def test_the_label_of_a_disc_that_names_nobody_names_nobody(sandbox: Sandbox, filled: Path,
                                                            tmp_path: Path) -> None:
    from mediasvc.work.deidentifying.deidentify_order import privacy

    home = Home(Path(shutil.copytree(filled, tmp_path / "home")))
    with open_desk(home, Settings(), sandbox) as desk:
        made(desk, ordered(tmp_path / "a.iso", "STD-GEN-CD",
                           privacy=privacy(home, ["uids"], [])))
        facts = label_facts(desk, disc_of(desk, 3))
        assert not (facts.patient or facts.patient_id or facts.birth_date or facts.studies)
        assert facts.institution != desk.settings.site.institution and facts.file_set_id


@pytest.mark.parametrize(("profile", "size", "wanted"), [
    ("STD-GEN-CD", 1 << 20, "CD"), ("STD-GEN-DVD-JPEG", 1 << 20, "DVD"),
    ("STD-GEN-DVD-JPEG", 5 << 30, "DVD-DL"), ("STD-GEN-BD", 1 << 20, "BD"),
    ("STD-GEN-SEC-DVD-J2K", 1, "DVD"), ("TAKEN-AWAY", 1 << 30, "DVD")])
def test_a_robot_takes_the_medium_that_the_profile_is_for(
        desk: Desk, tmp_path: Path, profile: str, size: int, wanted: str) -> None:
    disc = replace(disc_of(desk), profile=profile, bytes=size)
    row = burns.Burn(1, disc.id, "planned", "robot", "R", "", "", 1, "", "", "", "")
    facts = label_facts(desk, disc_of(desk))
    assert job_of(row, tmp_path, disc, robot(tmp_path / "h", "epson"), facts).disc == wanted
