"""Reports of a transcoding: figures that fit, a page that stands alone, charts that are right."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mediasvc.report import charts, units
from mediasvc.report.page import transcoding_page
from mediasvc.report.ratios import Ratios
from mediasvc.report.spread import BINS, POINTS, Spread
from mediasvc.standard import transfer_syntaxes as ts
from samples.synthesis import instance, to_bytes
from tests.conftest import Program

SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def row(**changes: Any) -> dict[str, Any]:
    return {"type": "instance", "path": "a", "modality": "CT", "source_ts": ts.EXPLICIT,
            "target_ts": ts.JPEG_LS, "frames": 1, "foreign_frames": 1,
            "decoded_by": {"mediasvc": 1, "CharLS": 1}, "source_decoded_by": {},
            "native_bytes": 1000, "source_bytes": 1000, "encoded_bytes": 250, "ratio": 4.0,
            "seconds": 0.01,
            "proof": "two decoders", "max_error": 0, "psnr": None, "ssim": 1.0, **changes}


def lossy(**changes: Any) -> dict[str, Any]:
    return row(**{"target_ts": ts.J2K, "max_error": 7, "psnr": 51.5, "ssim": 0.99, **changes})


def ratios(*rows: dict[str, Any]) -> Ratios:
    found = Ratios()
    for one in rows:
        found.add(one)
    return found


@pytest.mark.parametrize(("count", "words"), [
    (0, "0 B"), (7, "7 B"), (999, "999 B"), (1000, "1 kB"), (1234, "1.23 kB"),
    (999_700, "1 MB"), (123_456_789, "123 MB"), (9.9e9, "9.9 GB"), (-5000, "-5 kB")])
def test_sizes_have_units_that_fit(count: float, words: str) -> None:
    assert units.size(count) == words


def test_tiny_data_are_not_shown_as_nothing() -> None:
    cells = ratios(row(native_bytes=512, source_bytes=512, encoded_bytes=130)).table()[1]
    assert "512 B" in cells and "130 B" in cells and not [cell for cell in cells if "0.00" in cell]


def test_kinds_are_told_apart_by_modality_and_both_syntaxes() -> None:
    found = ratios(row(), row(source_ts=ts.RLE), row(modality="MR"), row())
    assert [line[:4] for line in found.table()[1:]] == [
        ("CT", "explicit", "jls", "2"), ("CT", "rle", "jls", "1"), ("MR", "explicit", "jls", "1"),
        ("total", "", "", "4")]
    kinds = found.summary(1)["kinds"]
    assert [kind["instances"] for kind in kinds] == [2, 1, 1]
    assert sum(kind["encoded_bytes"] for kind in kinds) == found.summary(1)["encoded_bytes"]


def test_quality_is_the_worst_of_all_and_only_shown_where_something_was_lost() -> None:
    assert "worst error" not in ratios(row()).table()[0]
    found = ratios(lossy(), lossy(max_error=9, psnr=40.25, ssim=0.97), lossy(psnr=None))
    assert found.table()[0][-3:] == ("worst error", "lowest PSNR", "lowest SSIM")
    assert found.table()[1][-3:] == ("9", "40.2 dB", "0.9700")
    assert found.summary(1)["by_modality"]["CT"]["psnr"] == 40.25


def test_how_it_was_proven_is_counted() -> None:
    found = ratios(row(), row(proof="one decoder", foreign_frames=0, frames=9))
    summary = found.summary(2.0)
    assert summary["proofs"] == {"one decoder": 1, "two decoders": 1}
    assert (summary["foreign_frames"], summary["frames"]) == (1, 10)
    assert summary["decoded_by"] == {"CharLS": 2, "mediasvc": 2}
    assert summary["mb_per_s"] == pytest.approx(0.001, abs=0.01)


def test_savings_count_every_instance_once() -> None:
    spread = Spread()
    for after in (1000, 1200, 500, 499, 0):
        spread.add(row(encoded_bytes=after, ratio=None))
    assert sum(spread.savings) == 5 and spread.savings[0] == 2
    assert spread.savings[BINS // 2] == 2 and spread.savings[-1] == 1


def test_points_of_a_large_run_stay_few() -> None:
    spread = Spread()
    for number in range(POINTS + 500):
        spread.add(lossy(psnr=float(number)))
    assert len(spread.points) == POINTS
    assert max(point.psnr for point in spread.points) > POINTS


@pytest.mark.parametrize("values", [[0, 1], [3.2, 3.3], [40, 62.5], [7], [], [0], [-3, 1e6]])
def test_axes_begin_and_end_at_round_figures_around_all_values(values: list[float]) -> None:
    scale = charts.ticks(values)
    assert len(scale) >= 2 and all(scale[0] <= value <= scale[-1] for value in values)
    assert len(scale) <= 10


def test_bars_are_as_long_as_their_values() -> None:
    svg = ElementTree.fromstring(charts.bars("Ratio", [("CT", 4, "4 : 1"), ("M<R", 2, "2 : 1")]))
    wide = [float(rect.get("width", 0)) for rect in svg.iter(f"{SVG}rect")]
    assert wide[0] == pytest.approx(2 * wide[1], rel=0.01)
    assert "M<R" in [text.text for text in svg.iter(f"{SVG}text")]


def test_points_of_each_series_have_a_colour_and_a_name() -> None:
    svg = ElementTree.fromstring(charts.scatter(
        "t", [("CT", [(4, 50), (5, 45)]), ("MR", [(6, 40)])], "ratio", "dB"))
    colours = [circle.get("fill") for circle in svg.iter(f"{SVG}circle")]
    assert len(set(colours)) == 2 and len(colours) == 3 + 2
    heights = [float(circle.get("cy", 0)) for circle in svg.iter(f"{SVG}circle")]
    assert heights[0] < heights[1]


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    found = ratios(lossy(modality="<CT>"), lossy(), row())
    page = transcoding_page(found, found.summary(1), "Transcoding & more", datetime(2026, 11, 21))
    root = ElementTree.fromstring(page)
    assert len(list(root.iter(f"{SVG}svg"))) == 3
    assert not re.search(r"\b(src|href)=|@import|url\(|<script", page)
    heads = [cell.text for cell in root.iter(f"{XHTML}th")]
    assert heads[:3] == ["modality", "from", "to"] and heads[-1] == "lowest SSIM"


def test_a_lossless_page_has_no_distortion() -> None:
    found = ratios(row())
    page = transcoding_page(found, found.summary(1), "t", datetime(2026, 11, 21))
    assert len(list(ElementTree.fromstring(page).iter(f"{SVG}svg"))) == 2


def test_the_command_writes_the_page(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "ct").write_bytes(to_bytes(instance(rows=64, columns=64)))
    done = cli("transcode", tmp_path / "ct", tmp_path / "out", "-t", "jls", "--html",
               tmp_path / "report.html")
    assert done.code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<td class=\"text\">CT</td>" in page and str(tmp_path) not in page
    done = cli("transcode", tmp_path / "ct", tmp_path / "out2", "-t", "jls", "--html",
               tmp_path / "no" / "report.html")
    assert done.code == 2 and "cannot be written" in done.stderr
