"""The codec campaigns in their short setting; by hand they take minutes to hours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def run(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / script), *arguments],
                          capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_damaged_streams_kill_no_decoder_of_ours() -> None:
    printed = run("fuzz_codecs", "--count", "1500", "--seed", str(os.getpid()))
    assert "WRONG" not in printed and "FOREIGN ERROR" not in printed
    assert "damaged streams in" in printed.splitlines()[-1]


def test_corners_come_back_and_outside_programs_agree() -> None:
    printed = run("campaign_corners", "--step", "199", "--start", str(os.getpid() % 199),
                  "--outside")
    assert printed.splitlines()[-1].endswith("0 wrong")
    for program in ("dcmdrle", "dcmdjpeg", "dcmdjpls"):
        assert f"{program} OTHER" not in printed


def test_the_bench_measures_every_codec_and_its_peers() -> None:
    printed = run("bench_codecs", "--short")
    for word in ("rle", "jpll", "jls", "j2k", "htj2k", "jxl"):
        assert f"| {word} encode, phantoms |" in printed
        assert f"| {word} decode, phantoms |" in printed
