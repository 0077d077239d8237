"""Damaged and hostile containers give a refusal: never a crash, never a hang."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediasvc.errors import BudgetError, DamagedError, MediasvcError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import Facts, facts_from_json
from mediasvc.span import Span
from mediasvc.work.wrapping.wrap_plan import plan
from mediasvc.work.wrapping.wrap_probe import probe_file
from samples.containers import box, mp4, ps, ts
from samples.streams import Video
from tests import wrap_things as things

SOURCES = {
    "mp4": mp4(Video(sounds=("aac",)), place=True),
    "fragments": mp4(Video(), fragments=3),
    "hevc": mp4(Video("hevc", 1, 120)),
    "mpeg2": mp4(Video("mpeg2", 4, 8, 576, 720)),
    "ts": ts(Video(sounds=("aac",), packed=True)),
    "ps": ps(Video("mpeg2", 4, 8, 576, 720)),
    "jpeg": things.jpeg(None, things.exif(orientation=3, taken="2026:01:02 03:04:05", place=True)),
    "tiff": things.tiff(things.photo(8, 8)[..., 0].copy(), things.photo(8, 8)[..., 1].copy()),
    "packed": things.tiff(things.photo(8, 8), compression=5),
    "pdf": things.PDF,
    "text": things.REPORT.encode(),
    "windows text": things.REPORT.encode("cp1252"),
    "obj": things.OBJ,
    "mtl": things.MTL,
    "cda": things.CDA,
    "avi": things.AVI,
    "matroska": things.MATROSKA,
}


def probe(folder: Path, data: bytes) -> Facts | None:
    """What the child and its parent make of it; None when they refuse it."""
    source = Span.of_file(things.written(folder, "source", data))
    pixels = folder / "pixels"
    try:
        facts = facts_from_json(probe_file(source.as_json(), str(pixels)))
        plan(facts, source, pixels, "")
    except (DamagedError, BudgetError, UnsupportedError):
        return None
    return facts


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=40, deadline=2000,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1,
                        max_size=12), cut=st.integers(0, 40))
def test_changed_bytes_are_survived(tmp_path: Path, name: str, cut: int,
                                    changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOURCES[name])
    for at, value in changes:
        data[at % len(data)] = value
    probe(tmp_path, bytes(data[:len(data) - cut]))


@pytest.mark.parametrize("name", SOURCES)
def test_every_cut_is_survived(tmp_path: Path, name: str) -> None:
    data = SOURCES[name]
    for end in range(0, len(data), max(1, len(data) // 60)):
        probe(tmp_path, data[:end])


@pytest.mark.parametrize("name", ["mp4", "hevc", "ts", "ps", "jpeg", "text", "obj", "mtl", "cda"])
def test_the_whole_one_is_taken(tmp_path: Path, name: str) -> None:
    assert probe(tmp_path, SOURCES[name]) is not None


def test_a_box_in_a_box_without_end_is_refused(tmp_path: Path) -> None:
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    assert probe(tmp_path, box(b"ftyp", b"isom") + deep) is None


def test_a_million_empty_boxes_end_with_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(MediasvcError):
        source = Span.of_file(things.written(
            tmp_path, "source", box(b"ftyp", b"isom") + box(b"free") * 500_000))
        probe_file(source.as_json(), str(tmp_path / "pixels"))


def test_tables_that_claim_four_billion_rows_are_refused(tmp_path: Path) -> None:
    data = SOURCES["mp4"]
    at = data.index(b"stts") + 8
    assert probe(tmp_path, data[:at] + b"\xff" * 4 + data[at + 4:]) is None


def test_a_scan_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    data = things.tiff(np.zeros((8, 8), np.uint8))
    for tag in (b"\0\1\4\0", b"\1\1\4\0"):
        at = data.index(tag) + 8
        data = data[:at] + (60_000).to_bytes(4, "little") + data[at + 4:]
    assert probe(tmp_path, data) is None
