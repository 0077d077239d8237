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
