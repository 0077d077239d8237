"""`mediasvc transcode IN OUT`: a tree mirrored, one line per file, sums, exit codes."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest
from pydicom import dcmread

from mediasvc.report.ratios import Ratios
from mediasvc.report.row_files import row_file
from mediasvc.standard import transfer_syntaxes as ts
from samples.synthesis import instance, to_bytes, write_disc
from tests.conftest import Program

FIELDS = {"type", "path", "out", "sop_instance_uid", "modality", "source_ts", "target_ts", "frames",
          "native_bytes", "source_bytes", "encoded_bytes", "ratio", "seconds", "verified",
          "proof", "max_error", "psnr", "ssim"}
SUMMARY = {"type", "instances", "skipped", "failed", "native_bytes", "source_bytes",
           "encoded_bytes", "ratio", "seconds", "mb_per_s", "by_modality"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two CTs, a colour cine, a report, a damaged file, a text, a link and a pipe."""
    root = tmp_path / "in"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "one.dcm").write_bytes(to_bytes(instance(rows=40, columns=30)))
    (root / "a" / "b" / "TWO").write_bytes(to_bytes(instance(instance=2, rows=40, columns=30)))
    (root / "cine").write_bytes(to_bytes(instance(modality="CINE", rows=20, columns=30)))
    (root / "report").write_bytes(to_bytes(instance(modality="SR")))
    (root / "cut").write_bytes(to_bytes(instance(instance=3))[:-100])
    (root / "readme.txt").write_text("nothing")
    (root / "link").symlink_to(root / "cine")
    os.mkfifo(root / "pipe")
    return root


def test_a_tree_is_mirrored_and_every_file_is_accounted_for(cli: Program, tree: Path) -> None:
    out = tree.parent / "out"
    done = cli("transcode", tree, out, "-t", "jls")
    assert done.code == 1
    rows = {Path(row["out"]).relative_to(out).as_posix(): row for row in done.of("instance")}
    assert set(rows) == {"a/one.dcm", "a/b/TWO", "cine"}
    assert all(set(row) >= FIELDS for row in rows.values())
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == set(rows)
    assert dcmread(out / "a" / "b" / "TWO").file_meta.TransferSyntaxUID == ts.JPEG_LS
    reasons = {Path(row["path"]).name: row["reason"] for row in done.of("skipped")}
    assert set(reasons) == {"report", "readme.txt", "link", "pipe"}
    assert reasons["readme.txt"] == "it is no DICOM file" and "link" in reasons["pipe"]
    assert [Path(row["path"]).name for row in done.of("failed")] == ["cut"]


def test_the_summary_counts_what_the_rows_say(cli: Program, tree: Path) -> None:
    done = cli("transcode", tree, tree.parent / "out", "-t", "jpll")
    summary, rows = done.summary, done.of("instance")
    assert set(summary) >= SUMMARY
    assert (summary["instances"], summary["skipped"], summary["failed"]) == (3, 4, 1)
    for name in ("native_bytes", "source_bytes", "encoded_bytes"):
        assert summary[name] == sum(row[name] for row in rows)
        assert summary[name] == sum(part[name] for part in summary["by_modality"].values())
    ratio = summary["native_bytes"] / summary["encoded_bytes"]
    assert summary["ratio"] == pytest.approx(ratio, 1e-3)
    assert set(summary["by_modality"]) == {"CT", "US"}


def test_a_person_sees_a_table_by_modality(cli: Program, tree: Path) -> None:
    done = cli.text("transcode", tree, tree.parent / "out", "-t", "jls")
    lines = done.stdout.splitlines()
    assert any(line.startswith("  failed  ") and "cut" in line for line in lines)
    head = next(number for number, line in enumerate(lines) if line.startswith("modality"))
    assert [line.split()[0] for line in lines[head:head + 4]] == ["modality", "CT", "US", "total"]
    assert lines[-2].startswith("proof: 3 decoded again; ")
    assert lines[-1].startswith("3 instances in") and "1 failed" in lines[-1]


def test_what_was_not_proven_is_not_said_to_be(cli: Program, tree: Path) -> None:
    out = cli.text("transcode", tree / "a", tree.parent / "o", "-t", "jls", "--verify", "none")
    assert "proof: 2 not proven; 0 of 2 frames" in out.stdout


def test_a_dicomdir_is_said_to_belong_to_its_disc(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "disc", [instance(rows=32, columns=32)])
    for syntax in ("jls", "explicit", "implicit"):
        done = cli("transcode", tmp_path / "disc", tmp_path / syntax, "-t", syntax)
        (row,) = (row for row in done.of("skipped") if row["path"].endswith("DICOMDIR"))
        assert "DICOMDIR, which belongs to its disc" in row["reason"]
        assert not (tmp_path / syntax / "DICOMDIR").exists()


def test_skipped_files_may_be_no_finding(cli: Program, tree: Path) -> None:
    (tree / "cut").unlink()
    assert cli("transcode", tree, tree.parent / "one", "-t", "rle").code == 1
    assert cli("transcode", tree, tree.parent / "two", "-t", "rle", "--skip-unsupported").code == 0


def test_one_file_goes_to_one_file_or_into_a_folder(cli: Program, tree: Path) -> None:
    source, folder = tree / "a" / "one.dcm", tree.parent / "folder"
    folder.mkdir()
    assert cli("transcode", source, tree.parent / "new.dcm", "-t", "htj2k").code == 0
    assert dcmread(tree.parent / "new.dcm").file_meta.TransferSyntaxUID == ts.HTJ2K_LOSSLESS
    assert cli("transcode", source, folder, "-t", "rle").code == 0
    assert dcmread(folder / "one.dcm").file_meta.TransferSyntaxUID == ts.RLE


def test_existing_files_are_not_replaced_unless_forced(cli: Program, tree: Path) -> None:
    out = tree.parent / "new.dcm"
    out.write_text("precious")
    done = cli("transcode", tree / "cine", out, "-t", "jls")
    assert done.code == 1 and "--force" in done.of("skipped")[0]["reason"]
    assert out.read_text() == "precious"
    assert cli("transcode", tree / "cine", out, "-t", "jls", "--force").code == 0
    assert dcmread(out).file_meta.TransferSyntaxUID == ts.JPEG_LS


def test_when_nothing_could_be_done_the_exit_code_is_2(cli: Program, tree: Path) -> None:
    done = cli("transcode", tree / "cut", tree.parent / "out", "-t", "jls")
    assert done.code == 2 and done.of("failed")
    assert not (tree.parent / "out").exists()


def test_no_temporary_file_is_left_behind(cli: Program, tree: Path) -> None:
    cli("transcode", tree, tree.parent / "out", "-t", "jxl")
    assert not list((tree.parent / "out").rglob("*.part"))


@pytest.mark.parametrize(("arguments", "words"), [
    (["-t", "jpl"], "Did you mean"),
    (["-t", "jls", "--ratio", "5"], "lossless"),
    (["-t", "jpeg", "--ratio", "5", "--quality", "50"], "exclude"),
    (["-t", "jls-near", "--quality", "50"], "no quality"),
    (["-t", "explicit", "--max-error", "1"], "lossless"),
    (["-t", "1.2.840.10008.1.2.4.102"], "video"),
    (["-t", "1.2.840.10008.1.2.4.57"], "only read"),
    (["-t", "jls", "--verify", "perhaps"], "perhaps"),
    ([], "--transfer-syntax"),
])
def test_usage_errors_are_told_before_anything_is_written(cli: Program, tree: Path,
                                                          arguments: list[str], words: str) -> None:
    done = cli("transcode", tree, tree.parent / "out", *arguments)
    assert done.code == 3 and words in done.stderr
    assert not (tree.parent / "out").exists()


@pytest.mark.parametrize("out", ["in", "in/a", "."], ids=["same", "inside", "around"])
def test_in_and_out_may_not_lie_in_each_other(cli: Program, tree: Path, out: str) -> None:
    done = cli("transcode", tree, tree.parent / out, "-t", "jls")
    assert done.code == 3 and "each other" in done.stderr


def test_a_missing_source_is_a_usage_error(cli: Program, tmp_path: Path) -> None:
    assert cli("transcode", tmp_path / "nothing", tmp_path / "out", "-t", "jls").code == 3


def test_lossy_wishes_reach_the_frames(cli: Program, tree: Path) -> None:
    done = cli("transcode", tree / "a", tree.parent / "out", "-t", "jls-near", "--max-error", "3",
               "--verify", "full", "--workers", "1")
    assert done.code == 0
    assert {row["max_error"] for row in done.of("instance")} == {3}
    assert {row["proof"] for row in done.of("instance")} == {"two decoders"}


def test_lossy_on_lossy_is_skipped_until_it_is_named(cli: Program, tree: Path) -> None:
    once, twice = tree.parent / "once", tree.parent / "twice"
    cli("transcode", tree / "a" / "one.dcm", once, "-t", "jls-near")
    done = cli("transcode", once, twice, "-t", "htj2k-lossy")
    assert done.code == 1 and "--allow-lossy-on-lossy" in done.of("skipped")[0]["reason"]
    done = cli("transcode", once, twice, "-t", "htj2k-lossy", "--allow-lossy-on-lossy")
    assert done.code == 0 and done.of("instance")[0]["max_error"] > 0


def test_reports_go_into_csv_and_json(cli: Program, tree: Path) -> None:
    table, report = tree.parent / "rows.csv", tree.parent / "rows.json"
    done = cli("transcode", tree, tree.parent / "out", "-t", "jls", "--csv", table,
               "--report-json", report)
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    assert len(rows) == 8 and {row["type"] for row in rows} == {"instance", "skipped", "failed"}
    written = json.loads(report.read_text(encoding="utf-8"))
    assert len(written["rows"]) == 8
    assert written["summary"]["encoded_bytes"] == done.summary["encoded_bytes"]


def test_a_path_that_looks_like_a_formula_is_text_in_the_csv(tmp_path: Path) -> None:
    with row_file(tmp_path / "rows.csv", None) as reports:
        reports.add({"type": "skipped", "path": "=cmd|' /C calc'!A0", "reason": "-"})
    assert "'=cmd" in (tmp_path / "rows.csv").read_text()


def test_a_report_of_nothing_has_no_ratio() -> None:
    summary = Ratios().summary(0)
    assert summary["ratio"] is None and summary["mb_per_s"] is None and summary["by_modality"] == {}


def test_names_that_are_no_utf8_do_not_break_the_lines(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/f\xff.dcm")).write_bytes(to_bytes(instance()))
    done = cli.process("transcode", folder, tmp_path / "out", "-t", "rle")
    assert done.code == 0 and done.of("instance")[0]["path"].endswith("f\ufffd.dcm")
    assert os.fsencode(next((tmp_path / "out").iterdir())).endswith(b"f\xff.dcm")


def test_whoever_stops_listening_leaves_no_half_file(tree: Path) -> None:
    from mediasvc.settings import Settings
    from mediasvc.work.transcoding.transcode_order import Order, check_order
    from mediasvc.work.transcoding.transcode_row import Options
    from mediasvc.work.transcoding.transcode_tree import transcode_tree

    out = tree.parent / "out"
    order = check_order(Order(tree, out, ts.transfer_syntax("jls"), Options()))
    rows = transcode_tree(order, Settings(), lambda *_: None)
    while next(rows)["type"] != "instance":
        pass
    rows.close()
    assert not list(out.rglob("*.part"))
    assert all(dcmread(path).SOPInstanceUID for path in out.rglob("*") if path.is_file())
