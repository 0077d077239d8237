"""A short crash campaign; by hand: ``.venv/bin/python scripts/crash_loop --kills 200``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_or_half_done() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "crash_loop"), "--kills", "10"],
                          capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost, nothing half-done" in done.stdout
