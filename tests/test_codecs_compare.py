"""`mediasvc codecs compare`: a tournament on a site's own images, and what it advises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediasvc.report.standings import advice, standings
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.readers import READERS
from mediasvc.work.tournament import compete, contestants
from samples.synthesis import instance, to_bytes
from tests.conftest import Program


def entry(encoded: int, encode: float = 1.0, decode: float = 1.0) -> dict[str, Any]:
    return {"encoded_bytes": encoded, "encode_seconds": encode, "decode_seconds": decode}


def row(**entries: dict[str, Any]) -> dict[str, Any]:
    by_uid = {ts.transfer_syntax(alias).uid: one for alias, one in entries.items()}
    return {"modality": "CT", "native_bytes": 1000, "entries": by_uid}


def test_everyone_who_runs_has_known_readers() -> None:
    assert set(contestants()) <= set(READERS)
    assert ts.JPEG_LOSSLESS_SV1 in contestants() and ts.JPEG_BASELINE not in contestants()


def test_one_image_is_measured_in_every_syntax(tmp_path: Path) -> None:
    path = tmp_path / "ct"
    path.write_bytes(to_bytes(instance(rows=32, columns=32)))
    found = compete({"path": str(path), "offset": 0, "length": path.stat().st_size})
    assert found["modality"] == "CT" and found["native_bytes"] == 2048
    assert set(found["entries"]) == set(contestants())
    measured = found["entries"][ts.JPEG_LS]
    assert 0 < measured["encoded_bytes"] < 2048 and measured["decode_seconds"] > 0


def test_images_that_a_syntax_does_not_take_stay_native_in_its_ratio() -> None:
    found = standings([row(jxl=entry(200)), row(jxl={"reason": "signed samples"})])
    assert found[0].ratio == pytest.approx(2000 / 1200)
    assert found[0].as_json()["refused"] == {"signed samples": 1}


def test_the_smallest_stands_first() -> None:
    found = standings([row(jls=entry(220), jpll=entry(300), j2k=entry(210))])
    assert [one.uid for one in found] == [ts.J2K_LOSSLESS, ts.JPEG_LS, ts.JPEG_LOSSLESS_SV1]


def test_discs_get_what_everyone_reads_and_space_alone_what_is_smallest() -> None:
    found = standings([row(jxl=entry(150), jls=entry(220), jpll=entry(300), rle=entry(400))])
    assert {word.purpose: word.uid for word in advice(found)} == {
        "discs and exchange": ts.JPEG_LOSSLESS_SV1, "an archive": ts.JPEG_LS,
        "space alone": ts.JPEG_XL_LOSSLESS}


def test_nearly_as_small_and_much_faster_wins_the_archive() -> None:
    slow, quick = entry(210, encode=9, decode=9), entry(214)
    found = standings([row(j2k=slow, jls=quick)])
    assert advice(found)[0].uid == ts.JPEG_LS
    far = standings([row(j2k=slow, jls=entry(240))])
    assert advice(far)[0].uid == ts.J2K_LOSSLESS


def test_a_tree_is_compared_and_left_alone(cli: Program, tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    for number in range(3):
        data = to_bytes(instance(instance=number + 1, rows=64, columns=64))
        (root / f"{number}.dcm").write_bytes(data)
    (root / "readme.txt").write_text("nothing")
    before = {path: path.read_bytes() for path in root.iterdir()}
    done = cli("codecs", "compare", root, "--images", "2")
    assert done.code == 0 and done.summary["images"] == 2
    assert {line["transfer_syntax_uid"] for line in done.of("syntax")} == set(contestants())
    assert all(line["ratio"] > 0.9 for line in done.of("syntax"))
    assert set(done.summary["recommended"]) == {"discs and exchange", "an archive", "space alone"}
    assert {path: path.read_bytes() for path in root.iterdir()} == before


def test_a_person_sees_ratios_readers_and_the_advice(cli: Program, tmp_path: Path) -> None:
    path = tmp_path / "ct"
    path.write_bytes(to_bytes(instance(rows=64, columns=64)))
    text = cli.text("codecs", "compare", path).stdout
    assert text.splitlines()[0].split()[:3] == ["syntax", "ratio", "saved"]
    assert "all (DCMTK, GDCM, pydicom)" in text and "For discs and exchange: " in text


def test_a_tree_without_images_says_so(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing")
    assert cli("codecs", "compare", tmp_path).code == 1
    assert cli("codecs", "compare", tmp_path / "nowhere").code == 3
