"""UDF discs whose list of files is lost: what is whole is found, and never passes for all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasvc.errors import DamagedError
from samples.synthesis import instance, person, to_bytes
from tests.carriers import write_index
from tests.conftest import Program
from tests.udf_images import EMBEDDED, LONG, SHORT, UdfImage, udf
from tests.udf_opened import Opener, contents, opener

IMAGES = {f"DICOM/IM{n}": to_bytes(instance(1, 1, 1, n, IssuerOfPatientID="LOCAL"))
          for n in (1, 2, 3)}
FILES = {**IMAGES, "README.TXT": b"no DICOM " * 900}
ANCHOR = 256 * 2048


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    monkeypatch.setenv("PATH", "")  # no 7-Zip
    return opener(tmp_path)


def without_folders(image: UdfImage) -> bytes:
    """File set and folders are gone; entries of files are left."""
    data = bytearray(image.bytes())
    for at in range(0, len(data), image.block):
        if data[at:at + 2] == (256).to_bytes(2, "little") or (
                data[at:at + 2] in (b"\x05\x01", b"\x0a\x01") and data[at + 27] == 4):
            data[at:at + image.block] = bytes(image.block)
    return bytes(data)


@pytest.mark.parametrize("kind", [
    {"layout": SHORT}, {"layout": LONG}, {"layout": SHORT, "pieces": 2},
    {"layout": LONG, "block": 512}, {"extended": True}, {"kind": "sparable"},
    {"kind": "virtual"}, {"kind": "metadata", "revision": 0x0250}], ids=str)
def test_files_without_folders_are_found_by_their_entries(drop: Opener, kind: dict[str, Any],
                                                         ) -> None:
    with drop(without_folders(udf(FILES, **kind))) as package:
        assert sorted(contents(package).values()) == sorted(IMAGES.values())
        [said] = [one for one in package.findings if one.code == "udf-salvaged"]
    assert said.severity == "error" and not said.subject
    assert "3 DICOM files were found" in said.text


def test_small_file_inside_its_entry_is_found(drop: Opener) -> None:
    small = {"IM1": to_bytes(instance(1, 1, 1, 1, modality="SR"))[:1400]}
    with drop(without_folders(udf(small, layout=EMBEDDED))) as package:
        assert list(contents(package).values()) == list(small.values())


def test_disc_written_packet_by_packet_that_lost_its_end(drop: Opener) -> None:
    """Its table of blocks stands last."""
    image = udf(FILES, kind="virtual")
    data = image.bytes()
    with drop(data[:len(data) - 4 * image.block]) as package:
        assert set(contents(package).values()) <= set(IMAGES.values())
        assert len(package) >= 2


def test_disc_of_which_nothing_is_left_is_refused(drop: Opener) -> None:
    with pytest.raises(DamagedError):
        drop(udf(FILES).bytes()[:ANCHOR])


def test_what_was_found_waits_for_a_person(cli: Program, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    index = write_index(tmp_path / "index.csv", [("P0001", person(1))], issuer="LOCAL")
    assert cli("patients", "load", index).code == 0
    image = tmp_path / "disc.iso"
    image.write_bytes(without_folders(udf(FILES)))
    done = cli("ingest", image)
    [package] = done.of("package")
    assert (done.code, package["state"], package["held"], package["archived"]) == (
        1, "waiting", 3, 0)
    assert "udf-salvaged" in {one["code"] for one in done.of("finding")}
