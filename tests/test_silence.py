"""Nothing is passed over in silence: an empty disc, a patient without a name, a home that isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.synthesis import instance, to_bytes
from tests.conftest import Program


@pytest.mark.parametrize("content", [{}, {"a/readme.txt": b"x", "autorun.inf": b"[autorun]"}],
                         ids=["empty", "viewer only"])
def test_disc_without_any_image_is_told_when_it_is_looked_at(
        cli: Program, tmp_path: Path, content: dict[str, bytes]) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    for name, data in content.items():
        (disc / name).parent.mkdir(exist_ok=True)
        (disc / name).write_bytes(data)
    done = cli("inspect", disc)
    assert done.code == 1
    assert "nothing-dicom" in [row["code"] for row in done.of("finding")]


def test_images_without_name_and_id_are_of_somebody(cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "IM1").write_bytes(to_bytes(instance(PatientID="", PatientName="")))
    (row,) = cli("ingest", disc).of("package")
    assert (row["held"], row["patients"]) == (1, 1)
    assert cli("inspect", disc).summary["patients"] == 1


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null"])
def test_data_directory_that_cannot_be_made_is_said(cli: Program, home: str) -> None:
    done = cli.text("--home", home, "queue", "list")
    assert done.code == 2
    assert done.stderr.startswith("mediasvc: The data directory cannot be made: /")


def _packages(cli: Program, *paths: Path) -> list[str]:
    return [row["package"] for row in cli("ingest", *paths).of("package")]


def test_duplicate_of_images_that_only_wait_is_not_called_stored(
        cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "IM1").write_bytes(to_bytes(instance()))
    first, again = _packages(cli, disc, disc)
    manifest = cli("manifest", again)
    assert manifest.code == 1
    assert (manifest.summary["stored"], manifest.summary["not_stored"]) == (0, 1)
    assert "its twin is not filed" in cli.text("manifest", again).stdout
    cli("queue", "decide", first, "--new")
    (line,) = cli("manifest", again).of("file")
    (filed,) = cli("manifest", first).of("file")
    assert line["stored"]
    assert line["object_sha256"] == filed["object_sha256"] != ""
    cli("studies", "undo", first)
    assert not any(row["stored"] for row in cli("manifest", again).of("file"))


def test_instances_with_a_conflict_are_no_further_patient(cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    for number, words in enumerate(("one", "other")):
        (disc / f"IM{number}").write_bytes(to_bytes(instance(StudyDescription=words)))
    (row,) = cli("ingest", disc).of("package")
    assert (row["held"], row["patients"]) == (2, 1)


def test_manifest_names_the_object_that_is_stored_after_a_refile(
        cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "IM1").write_bytes(to_bytes(instance()))
    index = tmp_path / "index.csv"
    index.write_text("patient_id,issuer,name,birth_date,sex\nL1,LOCAL,Right^One,19700101,F\n")
    cli("patients", "load", index)
    (number,) = _packages(cli, disc)
    cli("queue", "decide", number, "--new")
    assert cli("studies", "refile", number, "--to", "L1", "--reason", "namesake").code == 0
    (line,) = cli("manifest", number).of("file")
    (file,) = cli("studies", "files", instance().StudyInstanceUID).of("file")
    assert line["stored"]
    assert line["object_sha256"] == file["sha256"]
