"""The import report: a page that a clerk and a lawyer can read, and that nobody can change."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from samples.synthesis import person, study, write_disc
from tests.carriers import write_index
from tests.conftest import Program

ISSUER = "CLINIC"
DTD = Path("/usr/share/xml/w3c-sgml-lib/schema/dtd/REC-xhtml1-20020801/xhtml1-strict.dtd")
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> None:
    """Persons 1 to 3 are in the index under the very IDs that their discs carry."""
    file = write_index(tmp_path / "index.csv", [(f"P{n:04d}", person(n)) for n in (1, 2, 3)],
                       issuer=ISSUER)
    assert cli("patients", "load", file).code == 0


def ingest(cli: Program, folder: Path, *instances: Any) -> str:
    write_disc(folder, instances)
    [package] = cli("ingest", folder, "--source", "St Elsewhere").of("package")
    return str(package["package"])


def images(patient: int = 1, count: int = 3, **keywords: Any) -> list[Any]:
    return study(patient, count=count, **{"IssuerOfPatientID": ISSUER, **keywords})


def report(cli: Program, package: str, target: Path) -> str:
    """The page's text, its words parted by single blanks."""
    done = cli("report", "import", package, "--html", target, "--by", "A. Clerk")
    assert done.code == 0, done.stderr
    return words(target)


def words(target: Path) -> str:
    body = ET.parse(target).getroot().find(f"{XHTML}body")
    assert body is not None
    return " ".join(" ".join(body.itertext()).split())


@pytest.mark.usefixtures("known")
def test_a_disc_that_went_in_by_rule_says_who_what_and_why(cli: Program, tmp_path: Path) -> None:
    page = report(cli, ingest(cli, tmp_path / "disc", *images()), tmp_path / "report.html")
    assert "Finished" in page
    assert "from St Elsewhere arrived" in page
    assert "3 DICOM instances of 1 patient. 3 instances were filed" in page
    assert "3 = 3 filed + 0 here already + 0 waiting + 0 refused + 0 rejected" in page
    assert "order" not in page
    assert "the same Patient ID of the same issuer is in the index" in page
    assert "Nothing is missing, and no instance of the medium was left out." in page
    assert "No pixel was touched" in page
    assert "by A. Clerk" in page
    assert "SAMPLE" in page  # the File-set ID


@pytest.mark.usefixtures("known")
def test_a_decision_names_the_person_and_both_sides(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images(PatientID="X-778", IssuerOfPatientID=None))
    waiting = report(cli, package, tmp_path / "before.html")
    assert "Waits for a decision" in waiting
    assert "Not decided. No patient of the index is certainly the same." in waiting
    assert f"P0001@{ISSUER}" in waiting
    assert "birth date equal" in waiting
    cli("queue", "decide", package, "--link", f"P0001@{ISSUER}", "--by", "B. Doctor")
    page = report(cli, package, tmp_path / "after.html")
    assert "Decision: filed under a patient of the index , by B. Doctor" in page
    assert "Patient ID X-778 P0001 differs" in page
    assert "Patient ID (0010,0020) X-778 P0001 3" in page
    assert "Issuer of Patient ID (0010,0021) absent CLINIC 3" in page


@pytest.mark.usefixtures("known")
def test_missing_and_refused_files_are_named(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "disc"
    write_disc(folder, images(count=4))
    files = sorted(path for path in folder.rglob("IM*") if path.is_file())
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-60])
    package = cli("ingest", folder).of("package")[0]["package"]
    page = report(cli, package, tmp_path / "report.html")
    assert "the disc is incomplete" in page
    assert "1 file missing. Ask the sender for these:" in page
    assert "3 files on the medium not filed." in page  # one refused, two wait
    assert "refused, kept in quarantine" in page
    assert page.count("IM000001") >= 2
    assert "MISSING" in page


@pytest.mark.usefixtures("known")
def test_attributes_are_shown_as_received_and_as_filed_for_each_patient(
        cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images(1, PatientID="A1"),
                     *images(2, PatientID="B2"))
    for group in ("1", "2"):
        cli("queue", "decide", package, "--group", group, "--link", f"P000{group}@{ISSUER}",
            "--by", "B. Doctor")
    page = report(cli, package, tmp_path / "report.html")
    changed = page[page.index("What was changed"):page.index("Is everything here?")]
    first, second = changed.split("Patient 2", 1)
    assert "A1 P0001 3" in first
    assert "B2 P0002 3" in second


@pytest.mark.usefixtures("known")
def test_the_page_stands_alone_and_is_private(cli: Program, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    report(cli, ingest(cli, tmp_path / "disc", *images()), target)
    raw = target.read_text("utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert raw.startswith('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"')
    assert not re.search(r"<(script|link|img|iframe)|src=|href=", raw)
    assert "url(" not in raw


@pytest.mark.usefixtures("known")
@pytest.mark.skipif(not (DTD.exists() and shutil.which("xmllint")),
                    reason="xmllint or the XHTML DTD is not installed")
def test_the_page_is_valid_xhtml(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images(1, PatientID="X", IssuerOfPatientID=None),
                     *images(2))
    cli("queue", "decide", package, "--group", "1", "--new", "--by", "B. Doctor")
    report(cli, package, tmp_path / "report.html")
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--dtdvalid", str(DTD),
                           str(tmp_path / "report.html")], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("known")
def test_a_name_that_is_markup_stays_text(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images(
        PatientName="<script>alert(1)</script>^X", StudyDescription='"><b>bold'))
    report(cli, package, tmp_path / "report.html")
    raw = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in raw
    assert "<b>bold" not in raw


@pytest.mark.usefixtures("known")
def test_a_page_that_was_changed_is_found_out(cli: Program, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    report(cli, ingest(cli, tmp_path / "disc", *images()), target)
    known = cli("report", "check", target)
    assert (known.code, known.summary["known"], known.summary["by"]) == (0, True, "A. Clerk")
    target.write_bytes(target.read_bytes().replace(b"3 filed", b"4 filed"))
    assert cli("report", "check", target).code == 1


def flip(path: Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


#: What may have happened to the archive since, and what the report says of it.
HARM: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a damaged object": (lambda archive: flip(max((archive / "objects").rglob("*.dcm"))),
                         "Its file in the archive is not what was filed."),
    "a missing object": (lambda archive: max((archive / "objects").rglob("*.dcm")).unlink(),
                         "Its file is not in the archive."),
    "a damaged pack": (lambda archive: flip(next((archive / "received").glob("*.zst"))),
                       "A delta of the pack cannot be read."),
    "a missing pack": (lambda archive: next((archive / "received").glob("*.zst")).unlink(),
                       "A pack of received headers is missing from the archive."),
}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("harm", HARM)
def test_a_report_names_what_the_archive_has_lost(cli: Program, tmp_path: Path, harm: str) -> None:
    package = ingest(cli, tmp_path / "disc", *images())
    do, told = HARM[harm]
    do(cli.home / "archive")
    done = cli("report", "import", package, "--html", tmp_path / "report.html")
    broken = done.of("broken")
    assert (done.code, len(broken)) == (1, done.summary["broken"])
    assert {row["why"] for row in broken} == {told}
    page = words(tmp_path / "report.html")
    assert "could not be compared with what was received: the archive is damaged" in page
    assert page.count(told) == len(broken)
    assert all(row["sop_instance_uid"] in page for row in broken)
    assert "pixel data of every filed instance" not in page
    assert cli("report", "check", tmp_path / "report.html").code == 0


@pytest.mark.usefixtures("known")
def test_images_that_are_moved_while_they_are_compared_are_compared_anew(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process refiles them: the objects that were read about are gone, others are there."""
    from mediasvc.work.placing import import_changes

    package = ingest(cli, tmp_path / "disc", *images())
    pages = import_changes._pages

    def read_then_moved(desk: Any, number: int) -> Iterator[list[Any]]:
        found = list(pages(desk, number))
        cli("patients", "load", write_index(tmp_path / "b.csv", [("L9", person(9))],
                                            issuer="LOCAL"))
        assert cli("studies", "refile", package, "--to", "L9@LOCAL", "--by", "Bea").code == 0
        yield from found

    monkeypatch.setattr(import_changes, "_pages", read_then_moved)
    done = cli("report", "import", package, "--html", tmp_path / "report.html")
    assert (done.code, done.summary["broken"]) == (0, 0)
    assert "L9" in words(tmp_path / "report.html")


@pytest.mark.usefixtures("known")
def test_a_comparison_that_took_too_long_is_said(
        cli: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mediasvc.sandbox import Answer
    from mediasvc.work.placing import import_changes

    package = ingest(cli, tmp_path / "disc", *images())

    def stopped(_: Any, name: str, items: list[Any], size: int) -> Iterator[tuple[Any, Answer]]:
        return ((item, Answer(None, None, "deadline", "took too long and was stopped"))
                for item in items)

    monkeypatch.setattr(import_changes, "run_batches", stopped)
    done = cli("report", "import", package, "--html", tmp_path / "report.html")
    assert done.code == 1
    assert {row["why"] for row in done.of("broken")} == {
        "The comparison took too long and was stopped."}


@pytest.mark.usefixtures("known")
def test_no_file_is_written_over(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images())
    target = tmp_path / "report.html"
    target.write_text("mine")
    done = cli("report", "import", package, "--html", target)
    assert done.code == 2
    assert target.read_text() == "mine"


def test_there_is_no_report_of_a_package_that_is_not_there(cli: Program, tmp_path: Path) -> None:
    assert cli("report", "import", "7", "--html", tmp_path / "report.html").code == 3
    assert not (tmp_path / "report.html").exists()


@pytest.mark.usefixtures("known")
def test_the_ledger_holds_no_patient_and_the_chain_stays_whole(
        cli: Program, tmp_path: Path) -> None:
    from mediasvc.settings import Home, Settings
    from mediasvc.store import ledger
    from mediasvc.store.db import open_store
    report(cli, ingest(cli, tmp_path / "disc", *images()), tmp_path / "report.html")
    store = open_store(Home(cli.home), Settings())
    with store.read() as connection:
        last = list(ledger.events(connection))[-1]
        chain = ledger.verify_chain(connection)
    store.close()
    assert chain.whole
    assert last.action == "import-report"
    assert set(last.data) == {"sha256", "bytes"}


@pytest.mark.usefixtures("known")
def test_an_import_that_was_taken_back_says_so(cli: Program, tmp_path: Path) -> None:
    package = ingest(cli, tmp_path / "disc", *images())
    assert cli("studies", "undo", package).code in (0, 1)
    page = report(cli, package, tmp_path / "report.html")
    assert "the whole import was taken back" in page
    assert "no image of this package was filed with changes" in page


@pytest.mark.usefixtures("known")
def test_a_broken_package_is_never_called_complete(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4" + bytes(300))
    [package] = cli("ingest", tmp_path / "cut.zip").of("package")
    page = report(cli, package["package"], tmp_path / "report.html")
    assert "Nothing of it was filed." in page
    assert "It cannot be said that all of it is here: the zip has no end" in page
    assert "Nothing is missing" not in page


@pytest.mark.usefixtures("known")
def test_a_disc_that_came_twice_points_to_the_first(cli: Program, tmp_path: Path) -> None:
    first = ingest(cli, tmp_path / "disc", *images())
    second = ingest(cli, tmp_path / "again", *images())
    page = report(cli, second, tmp_path / "report.html")
    assert "Here before" in page
    assert f"Same content as package {first}" in page
    assert "3 instances were here already." in page
    assert "Nothing is missing" in page


@pytest.mark.usefixtures("known")
def test_the_record_tells_of_a_move_a_refusal_and_an_attached_report(
        cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "disc", images(PatientID="X-778", IssuerOfPatientID=None),
               extras={"REPORT.PDF": b"%PDF-1.4\n%%EOF\n"})
    bad = max((tmp_path / "disc" / "DICOM").rglob("IM*"))
    bad.write_bytes(bad.read_bytes()[:-50])
    [package] = cli("ingest", tmp_path / "disc").of("package")
    number = package["package"]
    decided = cli("queue", "decide", number, "--link", f"P0002@{ISSUER}", "--by", "Ann")
    assert decided.code == 0
    assert decided.summary["state"] == "done"
    assert cli("queue", "attach", number, "REPORT.PDF", "--by", "Ann").summary["wrapped"] == 1
    cli("studies", "refile", number, "--to", f"P0001@{ISSUER}", "--by", "Bea", "--reason", "twin")
    page = report(cli, number, tmp_path / "report.html")
    assert re.search(rf"filed under .*\(P0002@{ISSUER}\) first and moved to .*\(P0001@{ISSUER}\) "
                     r"by Bea, .* UTC\. Reason: twin\.", page)
    assert "refused, kept in quarantine: The file is cut short or damaged" in page
    assert "made into DICOM and filed, with package 2" in page
    assert not re.search(r"\((decision|length-[a-z-]+|hostile-[a-z-]+)\)", page.partition(
        "What happened")[0])


@pytest.mark.usefixtures("known")
def test_two_patients_of_whom_one_was_awaited_and_one_is_rejected(
        cli: Program, tmp_path: Path) -> None:
    cli("expect", "add", f"P0001@{ISSUER}", "--accession", "A-4711", "--by", "A. Clerk")
    package = ingest(cli, tmp_path / "disc", *images(1), *images(2, count=2))
    shown = cli.text("queue", "show", package).stdout
    assert shown.count("There are 2 patients on this package") == 1
    assert shown.count("a disc was announced (expected import 1, order A-4711)") == 1
    cli("queue", "decide", package, "--group", "1", "--link", f"P0001@{ISSUER}", "--by", "A")
    cli("queue", "decide", package, "--group", "2", "--reject", "--by", "A")
    page = report(cli, package, tmp_path / "report.html")
    assert "3 instances were filed. 2 instances were rejected by a person." in page
    assert "It answers our order A-4711." in page and "2 refused or rejected" in page
