"""The same disc in any carrier is the same disc to the import desk."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_media import ZipItem, image, zip_bytes
from udf_images import udf

from samples.synthesis import study, write_disc
from tests.conftest import Program


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return out.getvalue()


CARRIERS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "iso": lambda files: image(files).bytes(),
    "udf": lambda files: udf(files).bytes(),
    "udf-metadata": lambda files: udf(files, kind="metadata", revision=0x0250).bytes(),
    "udf-in-pieces": lambda files: udf(files, pieces=2).bytes(),
    "zip": lambda files: zip_bytes(*(ZipItem(n.encode(), d) for n, d in files.items())),
    "tar": _tar,
    "tar.gz": lambda files: gzip.compress(_tar(files)),
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "disc"
    write_disc(folder, study(1, count=3))
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_disc_in_any_carrier_holds_the_same(
        cli: Program, tmp_path: Path, files: dict[str, bytes], carrier: str) -> None:
    drop = tmp_path / "drop"
    drop.write_bytes(CARRIERS[carrier](files))
    plain, packed = (cli("inspect", path).summary for path in (tmp_path / "disc", drop))
    assert packed["kind"] == carrier.partition(".")[0].replace("udf", "iso").partition("-")[0]
    assert {**packed, "kind": ""} == {**plain, "kind": ""}
    assert (packed["instances"], packed["missing"]) == (3, 0)


def test_the_same_disc_in_another_carrier_is_not_filed_twice(
        cli: Program, tmp_path: Path, files: dict[str, bytes]) -> None:
    states = []
    for carrier in ("udf-in-pieces", "tar.gz", "iso"):
        drop = tmp_path / carrier
        drop.write_bytes(CARRIERS[carrier](files))
        states += [package["state"] for package in cli("ingest", drop).of("package")]
    assert states == ["waiting", "duplicate", "duplicate"]


@pytest.mark.parametrize("carrier", ["udf-in-pieces", "tar.gz"])
def test_what_was_put_together_is_filed_and_comes_back_as_received(
        cli: Program, tmp_path: Path, files: dict[str, bytes], carrier: str) -> None:
    import hashlib
    drop = tmp_path / "drop"
    drop.write_bytes(CARRIERS[carrier](files))
    [package] = cli("ingest", drop).of("package")
    done = cli("queue", "decide", package["package"], "--new", "--by", "A. Clerk")
    assert done.of("package")[0]["archived"] == 3, done.stderr
    [study_row] = cli("studies", "list").of("study")
    cli("studies", "restore", study_row["study_instance_uid"], "--to", tmp_path / "back")
    back = {hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / "back").iterdir()}
    assert back == {hashlib.sha256(data).hexdigest()
                    for name, data in files.items() if name != "DICOMDIR"}


def test_a_disc_whose_two_lists_contradict_waits_for_a_person(
        cli: Program, tmp_path: Path) -> None:
    from test_udf_hostile import bridge

    from samples.synthesis import person, to_bytes
    from tests.carriers import write_index
    index = write_index(tmp_path / "index.csv", [("P0001", person(1))], issuer="CLINIC")
    cli("patients", "load", index)
    one, two, three = map(to_bytes, study(1, count=3, IssuerOfPatientID="CLINIC"))
    made = bridge(tmp_path / "bridge.iso", {"A": one, "B": two}, {"A": one, "B": three})
    [package] = cli("ingest", made).of("package")
    assert (package["state"], package["held"]) == ("waiting", 3)
    [group] = cli("queue", "show", package["package"]).of("group")
    assert [reason["code"] for reason in group["waits"]] == ["disc-trees-contradict"]


def test_the_report_names_the_label_of_a_udf_disc(
        cli: Program, tmp_path: Path, files: dict[str, bytes]) -> None:
    drop = tmp_path / "drop.udf"
    drop.write_bytes(CARRIERS["udf"](files))
    [package] = cli("ingest", drop).of("package")
    cli("report", "import", package["package"], "--html", tmp_path / "report.html")
    assert ">DISC<" in (tmp_path / "report.html").read_text("utf-8")


def test_a_verdict_is_given_on_a_udf_disc(
        cli: Program, tmp_path: Path, files: dict[str, bytes]) -> None:
    drop = tmp_path / "drop.udf"
    drop.write_bytes(CARRIERS["udf"](files))
    rules = {row["id"]: row["pass"] for row in cli("check-disc", drop).of("rule")}
    assert rules["M00"]
    assert rules["M30"]
    assert not rules["R12-1b"]  # the disc is called DISC, its file-set SAMPLE
