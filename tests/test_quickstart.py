"""The quickstart runs, in the environment that scripts/test made."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_quickstart_comes_to_its_end(tmp_path: Path) -> None:
    if not (ROOT / ".venv" / "mediasvc-stamp").exists():
        pytest.skip("there is no .venv of scripts/test here, and a test does not install one")
    done = subprocess.run([str(ROOT / "scripts" / "quickstart")], text=True, timeout=240,
                          capture_output=True, env={**os.environ, "TMPDIR": str(tmp_path)},
                          check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "PASS" in done.stdout
    assert re.search(r"total +23 ", done.stdout)
    assert len(done.stdout.splitlines()) < 130
