"""The whole way: a disc comes in, a person decides, a disc goes out, everything comes back."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileDataset

from samples.patient_disc import write_index as write_sample_index
from samples.patient_disc import write_patient_disc
from samples.synthesis import instance, person, study, uid, write_disc
from tests.carriers import CARRIERS, as_folder, as_zip, unpack_iso, write_index
from tests.conftest import Program, Result

STATES = ("archived", "duplicate", "quarantined", "held", "rejected")


def adds_up(package: dict[str, int]) -> bool:
    return package["instances"] == sum(package[state] for state in STATES)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """Two studies of one patient: CT, a cine loop, a report."""
    folder = tmp_path / "disc"
    write_disc(folder, [*study(1, count=3), instance(1, 1, 2, modality="CINE"),
                        instance(1, 2, 1, modality="SR"), *study(1, 3, modality="MR", count=2)])
    return folder


@pytest.fixture
def index(cli: Program, tmp_path: Path) -> Path:
    """Persons 1 to 3 have the local Patient IDs L1 to L3."""
    file = write_index(tmp_path / "index.csv", [(f"L{n}", person(n)) for n in (1, 2, 3)])
    assert cli("patients", "load", file).code == 0
    return file


def instances_below(folder: Path) -> dict[str, FileDataset]:
    read = {}
    for path in folder.rglob("*"):
        if path.is_file() and pydicom.misc.is_dicom(path) and path.name != "DICOMDIR":
            ds = pydicom.dcmread(path)
            read[ds.SOPInstanceUID] = ds
    return read


def received(folder: Path) -> list[str]:
    """sha256 of every instance of a disc folder."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in (folder / "DICOM").rglob("*") if path.is_file())


def bring_in(cli: Program, path: Path) -> dict[str, object]:
    [package] = cli("ingest", path).of("package")
    assert adds_up(package)
    return package


def decide(cli: Program, package: str, *how: object) -> Result:
    done = cli("queue", "decide", package, *how, "--by", "A. Clerk")
    assert done.code == 0, done.stderr
    return done


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_disc_comes_in_goes_out_and_everything_comes_back(
        cli: Program, disc: Path, index: Path, tmp_path: Path, carrier: str) -> None:
    package = bring_in(cli, CARRIERS[carrier](disc, tmp_path / f"carrier-{carrier}"))
    assert (package["state"], package["instances"], package["held"]) == ("waiting", 7, 7)

    decide(cli, package["package"], "--link", "L1@LOCAL")
    studies = cli("studies", "list", "--patient", "L1@LOCAL").of("study")
    assert sorted(row["instances"] for row in studies) == [1, 2, 4]
    stored_as_named_and_coerced(cli, studies, instances_below(disc))

    goes_out_and_is_read_by_others(cli, disc, tmp_path)

    back = tmp_path / "back"
    for number, row in enumerate(studies):
        assert cli("studies", "restore", row["study_instance_uid"], "--to", back / str(number)
                   ).code == 0
    assert sorted(hashlib.sha256(path.read_bytes()).hexdigest()
                  for path in back.rglob("*") if path.is_file()) == received(disc)

    assert cli("studies", "undo", package["package"]).code == 0
    assert cli("studies", "list").of("study") == []
    assert cli("queue", "list").of("package")[0]["state"] == "waiting"


def stored_as_named_and_coerced(cli: Program, studies: list[dict[str, str]],
                                originals: dict[str, FileDataset]) -> None:
    rows = [row for one in studies
            for row in cli("studies", "files", one["study_instance_uid"]).of("file")]
    assert {row["sop_instance_uid"] for row in rows} == set(originals)
    for row in rows:
        path = Path(row["path"])
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"] == path.stem
        stored, original = pydicom.dcmread(path), originals[row["sop_instance_uid"]]
        assert (stored.PatientID, stored.IssuerOfPatientID) == ("L1", "LOCAL")
        assert stored.OriginalAttributesSequence[0].ReasonForTheAttributeModification == "COERCE"
        assert stored.get("PixelData") == original.get("PixelData")


def goes_out_and_is_read_by_others(cli: Program, disc: Path, tmp_path: Path) -> None:
    image = tmp_path / "out.iso"
    exported = cli("export", "--patient", "L1@LOCAL", "--profile", "STD-GEN-CD", "--to", image)
    [row] = exported.of("disc")
    assert (exported.code, row["verdict"], row["instances"]) == (0, "pass", 7)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == row["sha256"]
    checked = cli("check-disc", image)
    assert (checked.code, checked.summary["verdict"]) == (0, "pass")
    unpack_iso(image, tmp_path / "unpacked")
    out, originals = instances_below(tmp_path / "unpacked"), instances_below(disc)
    assert set(out) == set(originals)
    assert all(out[uid].get("PixelData") == originals[uid].get("PixelData") for uid in out)


def test_a_flipped_byte_on_a_disc_is_noticed(cli: Program, disc: Path, index: Path,
                                             tmp_path: Path) -> None:
    decide(cli, bring_in(cli, disc)["package"], "--link", "L1@LOCAL")
    image = tmp_path / "out.iso"
    assert cli("export", "--patient", "L1@LOCAL", "--profile", "STD-GEN-CD", "--to", image
               ).code == 0
    data = bytearray(image.read_bytes())
    place = data.index(instances_below(disc)[uid(1, 1, 1, 1)].PixelData)
    data[place + 100] ^= 1
    image.chmod(0o600)
    image.write_bytes(data)
    checked = cli("check-disc", image)
    assert (checked.code, checked.summary["verdict"]) == (1, "fail")


def test_a_known_patient_of_a_known_issuer_needs_no_person(cli: Program, index: Path,
                                                           tmp_path: Path) -> None:
    write_disc(tmp_path / "disc", study(2, PatientID="L2", IssuerOfPatientID="LOCAL"))
    done = cli("ingest", tmp_path / "disc")
    [package] = done.of("package")
    assert (package["state"], package["archived"], done.code) == ("done", 3, 0)
    assert [row["patient_id"] for row in cli("studies", "list").of("study")] == ["L2"]


def test_the_same_name_alone_links_nobody(cli: Program, index: Path, tmp_path: Path) -> None:
    """Same Patient ID, same name, same birth date: but of an unknown issuer."""
    write_disc(tmp_path / "disc", study(2, PatientID="L2"))
    package = bring_in(cli, tmp_path / "disc")
    assert package["state"] == "waiting"
    [group] = cli("queue", "show", package["package"]).of("group")
    assert group["candidates"][0]["patient_id"] == "L2"
    assert group["candidates"][0]["reasons"]


def test_a_dry_run_shows_what_would_change_and_changes_nothing(cli: Program, disc: Path,
                                                              index: Path) -> None:
    package = bring_in(cli, disc)["package"]
    done = cli("queue", "decide", package, "--link", "L1@LOCAL", "--by", "A. Clerk", "--dry-run")
    changes = {row["attribute"]: (row["old"], row["new"]) for row in done.of("change")}
    assert done.code == 0
    assert changes["PatientID"] == ("P0001", "L1")
    assert cli("queue", "list").of("package")[0]["state"] == "waiting"
    assert cli("studies", "list").of("study") == []


def test_the_same_disc_twice_is_one_disc(cli: Program, disc: Path, tmp_path: Path) -> None:
    first = bring_in(cli, disc)
    decide(cli, first["package"], "--new")
    again = bring_in(cli, as_folder(disc, tmp_path / "copy"))
    assert (again["state"], again["duplicate_of"]) == ("duplicate", first["package"])
    [row] = cli("queue", "list", "--all").of("package")[:1]
    assert row["archived"] == 7


def test_the_same_instances_on_another_carrier_are_filed_once(cli: Program, disc: Path,
                                                             tmp_path: Path) -> None:
    decide(cli, bring_in(cli, disc)["package"], "--new")
    again = bring_in(cli, as_zip(disc, tmp_path / "again.zip"))
    assert again["duplicate"] == 7
    assert sum(row["instances"] for row in cli("studies", "list").of("study")) == 7


def test_two_patients_on_one_disc_are_two_decisions(cli: Program, index: Path,
                                                    tmp_path: Path) -> None:
    write_disc(tmp_path / "disc", [*study(1), *study(2)])
    package = bring_in(cli, tmp_path / "disc")["package"]
    groups = cli("queue", "show", package).of("group")
    assert [group["instances"] for group in groups] == [3, 3]
    one = cli("queue", "decide", package, "--group", groups[0]["group"], "--link", "L1@LOCAL",
              "--by", "A. Clerk")
    assert (one.code, one.summary["state"]) == (1, "waiting")
    decide(cli, package, "--group", groups[1]["group"], "--reject")
    [row] = cli("queue", "list", "--all").of("package")
    assert adds_up(row)
    assert (row["state"], row["archived"], row["rejected"]) == ("done", 3, 3)


def test_a_patient_s_disc_with_all_its_damage(cli: Program, tmp_path: Path) -> None:
    write_patient_disc(tmp_path / "disc")
    write_sample_index(tmp_path / "index.csv")
    assert cli("patients", "load", tmp_path / "index.csv").code == 0
    package = bring_in(cli, tmp_path / "disc")
    assert (package["state"], package["quarantined"], package["held"]) == ("waiting", 1, 26)
    shown = cli("queue", "show", package["package"])
    [group] = shown.of("group")
    assert group["candidates"][0]["patient_id"] == "100231"
    assert {"AUTORUN.INF", "VIEWER/VIEWER.EXE"} <= {row["subject"] for row in shown.of("finding")}
    decide(cli, package["package"], "--link", "100231@LOCAL")
    manifest = cli("manifest", package["package"])
    roles = [row["role"] for row in manifest.of("file")]
    assert roles.count("missing") == 2
    assert manifest.summary["stored"] == 26


def test_other_content_under_a_known_uid_is_held(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "one", study(1))
    write_disc(tmp_path / "two", study(1, rows=20))
    decide(cli, bring_in(cli, tmp_path / "one")["package"], "--new")
    package = bring_in(cli, tmp_path / "two")
    assert (package["state"], package["held"], package["archived"]) == ("waiting", 3, 0)


def test_a_file_that_is_no_disc_fails_with_a_reason(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    done = cli("ingest", tmp_path / "letter.txt")
    [package] = done.of("package")
    assert adds_up(package)
    assert done.code in (1, 2)
    assert package["state"] == "failed" or package["findings"]["warning"] \
        or package["findings"]["error"]


def test_no_word_of_a_patient_leaves_by_logs_paths_or_errors(cli: Program, index: Path,
                                                            home: Path, tmp_path: Path) -> None:
    canary = "Canarybird"
    write_disc(tmp_path / "disc", study(4, PatientName=f"{canary}^X", PatientID=f"{canary}7"))
    done = cli.process("-v", "ingest", tmp_path / "disc")
    assert canary not in done.stderr
    decide(cli, "1", "--new")
    assert not [path for path in home.rglob("*") if canary.lower() in str(path).lower()]


@contextmanager
def service(cli: Program, home: Path) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "MEDIASVC_INBOX__SETTLE_SECONDS": "0.3",
           "MEDIASVC_INBOX__RESCAN_SECONDS": "0.3"}
    with subprocess.Popen(cli.command("--json", "run"), stdout=subprocess.PIPE, text=True,
                          env=env) as process:
        try:
            assert process.stdout
            assert json.loads(process.stdout.readline())["type"] == "ready"
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def wait_for_package(cli: Program, state: str, seconds: float = 60) -> dict[str, str]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = cli("queue", "list", "--all").of("package")
        if [row for row in rows if row["state"] == state]:
            return rows[0]
        time.sleep(0.2)
    pytest.fail(f"no package is {state}: {rows}")


def test_a_zip_dropped_into_the_inbox_is_taken(cli: Program, home: Path, disc: Path,
                                               index: Path) -> None:
    with service(cli, home) as process:
        as_zip(disc, home / "inbox" / "drop.zip")
        row = wait_for_package(cli, "waiting")
        decide(cli, row["package"], "--link", "L1@LOCAL")
        assert wait_for_package(cli, "done")["archived"] == 7
        second = cli.process("run")
        assert second.code == 11
        assert len(second.stderr.strip().splitlines()) == 1
    assert process.returncode == 0


def test_a_copy_that_still_grows_is_left_alone(cli: Program, home: Path, disc: Path,
                                               tmp_path: Path) -> None:
    whole = as_zip(disc, tmp_path / "whole.zip").read_bytes()
    with service(cli, home), (home / "inbox" / "slow.zip").open("wb") as file:
        file.write(whole[:-3000])
        file.flush()
        time.sleep(2)
        assert cli("queue", "list", "--all").of("package") == []
        file.write(whole[-3000:])
        file.close()
        assert wait_for_package(cli, "waiting")["instances"] == 7


def test_services_started_at_once_are_one_service(cli: Program, home: Path) -> None:
    started = [subprocess.Popen(cli.command("--json", "run"), stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.DEVNULL) for _ in range(4)]
    try:
        deadline = time.monotonic() + 60
        while sum(one.poll() is None for one in started) > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        [winner] = [one for one in started if one.poll() is None]
        assert winner.stdout
        assert json.loads(winner.stdout.readline())["type"] == "ready"
    finally:
        for one in started:
            one.terminate()
            one.communicate(timeout=60)
    assert sorted(one.returncode for one in started) == [0, 11, 11, 11]


def test_one_disc_brought_in_twice_at_once_is_filed_once(cli: Program, index: Path,
                                                         tmp_path: Path) -> None:
    made = study(2, count=8, PatientID="L2", IssuerOfPatientID="LOCAL")
    for name in ("one", "two"):
        write_disc(tmp_path / name, made)
    both = [subprocess.Popen(cli.command("--json", "ingest", tmp_path / name), text=True,
                             stdout=subprocess.PIPE) for name in ("one", "two")]
    rows = [json.loads(line) for one in both for line in one.communicate(timeout=120)[0].split("\n")
            if line]
    packages = [row for row in rows if row["type"] == "package"]
    assert sorted(row["state"] for row in packages) == ["done", "duplicate"]
    assert sorted(row["archived"] for row in packages) == [0, 8]


def test_images_are_rewritten_with_proof(cli: Program, disc: Path, tmp_path: Path) -> None:
    done = cli("transcode", disc, tmp_path / "out", "-t", "jls", "--skip-unsupported")
    rows = done.of("instance")
    assert len(rows) == 6
    assert all(row["verified"] is True and row["max_error"] == 0 for row in rows)
    before, after = instances_below(disc), instances_below(tmp_path / "out")
    for number in (1, 2, 3):
        one = uid(1, 1, 1, number)
        assert (before[one].pixel_array == after[one].pixel_array).all()
