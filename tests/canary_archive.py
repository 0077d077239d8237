"""An archive of one patient whose name must not be found where something is encrypted."""

from __future__ import annotations

from pathlib import Path

from samples.synthesis import instance, study, write_disc
from tests.conftest import Program


def archive_with_canary(root: Path) -> Path:
    """The home of an archive with two images and a report of Canaryname^Walter, below ``root``."""
    own = {"IssuerOfPatientID": "LOCAL", "PatientName": "Canaryname^Walter"}
    write_disc(root / "disc", [*study(1, 1, count=2, **own), instance(1, 2, modality="SR", **own)])
    cli = Program(root / "home")
    cli("ingest", root / "disc")
    assert cli("queue", "decide", "1", "--new", "--by", "test").code == 0
    return root / "home"
