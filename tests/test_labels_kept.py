"""How a disc names itself is kept when it is read: the report needs no second look at it."""

from __future__ import annotations

import shutil
from pathlib import Path

from samples.synthesis import study, write_disc
from tests.carriers import as_plain_iso
from tests.conftest import Program
from tests.test_import_report import words


def test_label_and_readme_outlive_the_medium(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=1), extras={
        "README.TXT": "Radiologie Dr. Müller\r\n\r\n\x1b[2JTel. 030 1234".encode("cp1252")})
    disc = as_plain_iso(tmp_path / "d", tmp_path / "disc.iso")
    [package] = cli("ingest", disc).of("package")
    disc.unlink()
    shutil.rmtree(tmp_path / "d")
    assert cli("report", "import", package["package"], "--html", tmp_path / "r.html").code == 0
    page = words(tmp_path / "r.html")
    assert "SAMPLE" in page
    assert "Radiologie Dr. Müller" in page
    assert "\\x1b[2JTel. 030 1234" in page
    assert "no longer readable" not in page
    checked = cli("report", "check", tmp_path / "r.html")
    assert (checked.code, checked.summary["package"]) == (0, package["package"])


def test_folder_without_any_label_is_fine(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "d", study(1, 1, count=1), dicomdir=False)
    [package] = cli("ingest", tmp_path / "d").of("package")
    assert cli("report", "import", package["package"], "--html", tmp_path / "r.html").code == 0
    assert "none, or no longer readable" in words(tmp_path / "r.html")
