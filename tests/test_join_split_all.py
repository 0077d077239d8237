"""Every single-frame CT, MR and PET series of the real data, joined apart and split."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mediasvc.errors import MediasvcError
from mediasvc.span import Span
from mediasvc.standard.legacy_converted import CONVERSIONS
from mediasvc.work.joining.join_kind import Scanned, kinds_of
from mediasvc.work.joining.join_scan import scan_file
from tests import join_things as things


@pytest.mark.slow
def test_every_series_comes_back_as_it_was(real_data: Path, tmp_path: Path) -> None:
    series: dict[str, list[Scanned]] = {}
    for path in sorted(real_data.rglob("*")):
        try:
            facts = scan_file(Span.of_file(path)) if path.is_file() else {}
        except MediasvcError:
            continue
        if "kind" in facts and facts["sop_class"] in CONVERSIONS:
            series.setdefault(facts["series"], []).append(
                Scanned(str(path), Span.of_file(path), facts))
    frames = 0
    for number, files in enumerate(series.values()):
        for kind, members in enumerate(kinds_of(files, apart=True)):
            frames += _round_trip(members, tmp_path / f"{number}-{kind}")
    assert len(series) >= 89 and frames >= 300


def _round_trip(members: list[Scanned], folder: Path) -> int:
    folder.mkdir()
    once = {one.sop_uid: one for one in members}
    paths = [Path(one.label) for one in once.values()]
    out = things.joined_here(paths, folder / "mf.dcm")
    made = things.split_here(out, folder / "back")
    sources = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert sorted(row["sha256"] for row in made["files"]) == sources
    return len(sources)
