"""The matrix of profiles and kinds of data in its short setting; by hand it takes an hour."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.disc_kinds import synthetic

ROOT = Path(__file__).resolve().parent.parent


def test_every_kind_has_its_own_name_and_study() -> None:
    kinds = synthetic()
    assert len(kinds) == len(set(kinds.values())) > 30


@pytest.mark.slow
def test_discs_of_some_profiles_hold_every_kind_or_name_it() -> None:
    """Other profiles every day; within three weeks all of them."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "campaign_discs"), "--outside", "--step", "19",
         "--start", str(date.today().toordinal() % 19)],
        capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].endswith(" 0 wrong")
    assert "not let in" not in done.stdout
