"""A look and an import name programs and scripts on a disc; none is kept (FAULTS M36)."""

from __future__ import annotations

from pathlib import Path

from samples.synthesis import study, write_disc
from tests.conftest import Program


def test_a_look_names_programs_as_an_import_does(cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    write_disc(disc, study(1))
    (disc / "AUTORUN.INF").write_text("[autorun]\nopen=START.EXE\n")
    (disc / "START.EXE").write_bytes(b"MZ" + bytes(60))
    (disc / "README.TXT").write_bytes(b"\x7fELF" + bytes(60))
    looked = cli("inspect", disc)
    assert looked.code == 1
    cli("ingest", disc)
    imported = cli("queue", "show", 1)
    for shown in (looked, imported):
        assert {row["subject"] for row in shown.of("finding") if row["rule"] == "M36"} == {
            "AUTORUN.INF", "START.EXE", "README.TXT"}
    kept = [path for path in (cli.home / "archive").rglob("*") if path.is_file()]
    assert not [path for path in kept if path.read_bytes()[:2] == b"MZ"]


def test_a_web_viewer_s_scripts_are_no_reason_to_warn(cli: Program, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    write_disc(disc, study(1))
    (disc / "VIEWER").mkdir()
    (disc / "VIEWER" / "STUDY.JS").write_text("show()")
    looked = cli("inspect", disc)
    assert looked.code == 0
    [told] = looked.of("finding")
    assert (told["severity"], told["subject"]) == ("info", "VIEWER/STUDY.JS")
