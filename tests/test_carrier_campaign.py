"""Damaged carriers of every kind in a short setting; `scripts/campaign_carriers` takes longer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from mediasvc.sandbox import Sandbox
from tests.commanded import commanded
from tests.damaged_media import (
    CARRIERS,
    Carrier,
    Files,
    Judge,
    Verdict,
    accidents,
    made_up,
    put,
)

NAMES = [carrier.name for carrier in CARRIERS]
#: Others every day; within a month all of them.
TODAY = [CARRIERS[(date.today().toordinal() * 3 + step) % len(CARRIERS)] for step in range(3)]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    root = Path(tempfile.mkdtemp(prefix="mediasvc-carriers-"))
    with Sandbox(2, 3 << 30, 60.0) as sandbox:
        yield Judge(root, sandbox)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def disc() -> Files:
    return made_up()


def test_every_carrier_has_its_own_name() -> None:
    assert len(set(NAMES)) == len(NAMES) > 20


@pytest.mark.parametrize("carrier", TODAY, ids=lambda one: one.name)
def test_a_damaged_carrier_loses_nothing_in_silence(judge: Judge, disc: Files, tmp_path: Path,
                                                    carrier: Carrier) -> None:
    whole = tmp_path / "whole"
    carrier.write(put(disc, tmp_path / "disc"), whole)
    sound = judge.judge(whole, disc, carrier)
    assert (sound.state, sound.lost, sound.wrong) == ("done", 0, [])
    for accident in accidents(whole, disc, 1, f"{date.today()} {carrier.name}"):
        drop = tmp_path / "drop"
        shutil.copytree(whole, drop) if whole.is_dir() else shutil.copyfile(whole, drop)
        accident.apply(drop)
        assert judge.judge(drop, disc, carrier).wrong == [], accident.words
        shutil.rmtree(drop) if drop.is_dir() else drop.unlink()


def test_a_damaged_carrier_ends_the_command_as_promised(judge: Judge, disc: Files, tmp_path: Path,
                                                       ) -> None:
    whole = tmp_path / "whole"
    TODAY[0].write(put(disc, tmp_path / "disc"), whole)
    accident = list(accidents(whole, disc, 1, f"{date.today()} {TODAY[0].name}"))[-1]
    accident.apply(whole)
    state = judge.judge(whole, disc, TODAY[0]).state
    assert commanded(judge, whole, state) == [], accident.words


def _of(name: str) -> Carrier:
    return next(carrier for carrier in CARRIERS if carrier.name == name)


def _cut(judge: Judge, disc: Files, folder: Path, name: str, length: int) -> Verdict:
    """What comes of the carrier's first ``length`` bytes."""
    whole = folder / "whole.iso"
    _of(name).write(put(disc, folder / "disc"), whole)
    with whole.open("r+b") as stream:
        stream.truncate(length)
    return judge.judge(whole, disc, _of(name))


@pytest.mark.parametrize("method", ["zip", "zip-stored"])
def test_a_zip_with_one_damaged_file_waits_and_says_so_in_a_sentence(
        judge: Judge, disc: Files, tmp_path: Path, method: str) -> None:
    whole = tmp_path / "whole.zip"
    _of(method).write(put(disc, tmp_path / "disc"), whole)
    [content] = [one for one in accidents(whole, disc, 1, "3") if one.kind == "content"]
    content.apply(whole)
    verdict = judge.judge(whole, disc, _of(method))
    assert (verdict.state, verdict.wrong) == ("waiting", [])
    texts = [one.text for one in verdict.findings]
    assert any(text.startswith("This file cannot be read: it") for text in texts)
    assert any("Of this package 1 file could not be read" in text for text in texts)


def test_a_disc_cut_before_its_second_session_waits(judge: Judge, disc: Files, tmp_path: Path,
                                                    ) -> None:
    """What is left is a whole first session without DICOMDIR, and a few sectors too short."""
    if not shutil.which("genisoimage"):
        pytest.skip("genisoimage is not installed")
    whole = tmp_path / "whole.iso"
    _of("iso-sessions").write(put(disc, tmp_path / "disc"), whole)
    with whole.open("r+b") as stream:
        stream.truncate(180 * 2048)
    verdict = judge.judge(whole, disc, _of("iso-sessions"))
    assert (verdict.state, verdict.wrong) == ("waiting", [])
    assert verdict.lost == 4
    assert "iso-short-unlisted" in {one.code for one in verdict.findings}


def test_an_image_that_ends_in_the_middle_of_a_sector_waits_without_dicomdir(
        judge: Judge, disc: Files, tmp_path: Path) -> None:
    """The first session is whole; of the second one nothing but its beginning is left."""
    if not shutil.which("genisoimage"):
        pytest.skip("genisoimage is not installed")
    verdict = _cut(judge, disc, tmp_path, "iso-sessions", 445_184)
    assert (verdict.state, verdict.wrong) == ("waiting", [])
    assert {"iso-short", "iso-short-unlisted"} <= {one.code for one in verdict.findings}


def test_a_udf_disc_that_lost_images_and_its_dicomdir_waits(judge: Judge, disc: Files,
                                                           tmp_path: Path) -> None:
    verdict = _cut(judge, disc, tmp_path, "udf-metadata", 643_685)
    assert (verdict.state, verdict.wrong) == ("waiting", [])
    assert {"udf-file-damaged", "udf-damaged-unlisted"} <= {one.code for one in verdict.findings}
