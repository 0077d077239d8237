"""The letter to the sender of one disc: what is missing or unusable, and nobody's name."""

from __future__ import annotations

from pathlib import Path

from mediasvc.errors import MediumError
from samples.synthesis import instance, study, uid, write_disc
from tests.conftest import Program
from tests.test_import_report import words


def bring(cli: Program, folder: Path) -> str:
    [package] = cli("ingest", folder).of("package")
    return str(package["package"])


def test_letter_names_files_and_uids_and_no_patient(cli: Program, tmp_path: Path) -> None:
    images = study(1, 1, count=4)
    paths = write_disc(tmp_path / "d", images, missing=(1, 2))
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    package = bring(cli, tmp_path / "d")
    done = cli("report", "missing", package, "--html", tmp_path / "l.html", "--text",
               tmp_path / "l.txt", "--by", "Ann")
    assert (done.code, done.summary["missing"], done.summary["refused"]) == (0, 2, 1)
    text = " ".join((tmp_path / "l.txt").read_text().split())
    for letter in (text, words(tmp_path / "l.html")):
        for one in images[1:]:
            assert one.SOPInstanceUID in letter
        assert images[0].SOPInstanceUID not in letter
        assert "PT000001/ST000001/SE000001/IM000002" in letter
        assert "PS3.10 8.6" in letter
        for private in (str(images[0].PatientName), "P0001", images[0].PatientBirthDate):
            assert private not in letter
    assert (tmp_path / "l.txt").stat().st_mode & 0o777 == 0o600
    assert cli("report", "missing", package, "--text", tmp_path / "l.txt").code == 2
    assert images[1].SOPInstanceUID in cli.text("report", "missing", package).stdout


def test_file_that_came_with_another_disc_is_not_asked_for(cli: Program, tmp_path: Path) -> None:
    images = study(1, 1, count=3)
    write_disc(tmp_path / "d", images, missing=(1, 2))
    package = bring(cli, tmp_path / "d")
    cli("queue", "decide", package, "--new", "--by", "Ann")
    write_disc(tmp_path / "e", images[:2])
    bring(cli, tmp_path / "e")
    done = cli("report", "missing", package)
    assert (done.summary["missing"], done.summary["came_later"]) == (1, 1)


def test_whole_disc_needs_no_letter(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=1))
    package = bring(cli, tmp_path / "d")
    done = cli("report", "missing", package, "--text", tmp_path / "l.txt")
    assert (done.code, done.summary["written"]) == (0, [])
    assert not (tmp_path / "l.txt").exists()


def test_scratch_is_told_by_its_sector(cli: Program, tmp_path: Path) -> None:
    from mediasvc.model import Finding
    from mediasvc.settings import Home, Settings
    from mediasvc.store import ledger
    from mediasvc.work.desk import open_desk

    write_disc(tmp_path / "d", [instance(1, 1, 1)])
    package = bring(cli, tmp_path / "d")
    with open_desk(Home(cli.home), Settings()) as desk, desk.store.transaction() as connection:
        ledger.describe(connection, int(package), kind="iso")
        ledger.put_items(connection, int(package), [ledger.Item(
            99, "IM9", 10, role="refused", state="quarantined", sop_instance_uid=uid(9),
            file_id="IM9")])
        error = MediumError(f"could not be read from the medium from byte {2048 * 77 + 5} on")
        ledger.add_findings(connection, int(package), [Finding(
            "error", "medium-error", "IM9", f"This file {error.text}.", "M28")])
    [row] = cli("report", "missing", package).of("lacked")
    assert (row["kind"], row["why"]) == (
        "unreadable", "cannot be read from the disc from sector 77 on")


def test_letter_about_an_unknown_package_is_refused(cli: Program) -> None:
    assert cli("report", "missing", 9).code == 3
