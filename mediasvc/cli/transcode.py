"""`mediasvc transcode IN OUT -t SYNTAX`: rewrite files with proof, and say what it saved."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.cli.table import table
from mediasvc.errors import StorageError
from mediasvc.media.page.words import count

if TYPE_CHECKING:
    from mediasvc.report.ratios import Ratios

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("source", metavar="IN", type=_PATH)
@click.argument("out", metavar="OUT", type=_PATH)
@click.option("-t", "--transfer-syntax", "syntax", required=True, metavar="SYNTAX",
              help="UID, keyword or alias: explicit rle jpll jls j2k htj2k jxl jpeg j2k-lossy …")
@click.option("--ratio", type=float, metavar="R", help="Lossy: native : encoded at least R.")
@click.option("--quality", type=float, metavar="Q",
              help="Lossy: 1 to 100 for JPEG and JPEG XL, PSNR in dB for JPEG 2000.")
@click.option("--max-error", type=int, metavar="N", help="Lossy: no sample further off than N.")
@click.option("--workers", type=click.IntRange(1), metavar="N",
              help="Children; all cores if unset.")
@click.option("--verify", type=click.Choice(["normal", "full", "none"]), default="normal",
              show_default=True, help="How the new frames are proven against the old ones.")
@click.option("--skip-unsupported", is_flag=True, help="Skipped files are no finding.")
@click.option("--force", is_flag=True, help="Replace files that OUT already has.")
@click.option("--allow-lossy-on-lossy", is_flag=True,
              help="Lossy: also what was compressed with loss before.")
@click.option("--allow-mammography", is_flag=True, help="Lossy: also mammography.")
@click.option("--policy", metavar="NAME",
              help="Lossy: caps by modality; LOSSY-DRG, LOSSY-CAR or one in HOME/profiles.")
@click.option("--rewrite-references", is_flag=True,
              help="Lossy: all that names a copied image names the copy (KO, PR, SR, images).")
@click.option("--csv", "csv_path", type=_PATH, metavar="FILE", help="One line per file.")
@click.option("--report-json", "json_path", type=_PATH, metavar="FILE", help="Rows and summary.")
@click.option("--html", "html_path", type=_PATH, metavar="FILE", help="A page with charts.")
@click.pass_obj
def command(session: Session, /, source: Path, out: Path, syntax: str, workers: int | None,
            skip_unsupported: bool, force: bool, rewrite_references: bool, csv_path: Path | None,
            json_path: Path | None, html_path: Path | None, **wishes: Any) -> int:
    """Rewrite DICOM files in another transfer syntax. IN is a file or a tree, OUT mirrors it.

    Lossless: the SOP Instance UID stays, and every frame is decoded again and compared. Lossy: a
    new instance, labelled as the standard asks. Exit code 1 when a file was skipped or failed.
    """
    from mediasvc.nursery import Nursery
    from mediasvc.standard.transfer_syntaxes import transfer_syntax
    from mediasvc.work.transcoding.transcode_children import children_need

    target = transfer_syntax(syntax)
    with closing(Nursery(*children_need(target))) as nursery:
        from mediasvc.report.ratios import Ratios
        from mediasvc.report.row_files import row_file
        from mediasvc.work.transcoding.transcode_order import Order, check_order
        from mediasvc.work.transcoding.transcode_tree import transcode_tree

        order = check_order(Order(source, out, target, _options(session, **wishes), force,
                                  workers or 0, rewrite_references))
        _refuse_folder(html_path)
        ratios, started = Ratios(), time.monotonic()
        with row_file(csv_path, json_path) as reports, progress(session) as report:
            for row in transcode_tree(order, session.settings, report, nursery):
                ratios.add(row)
                reports.add(row)
                _tell(session, row)
            summary = ratios.summary(time.monotonic() - started)
            reports.close(summary)
    if html_path:
        _write_page(html_path, ratios, summary, order.target.label)
    _show(session, ratios, summary)
    return _exit_code(ratios, skip_unsupported)


def _options(session: Session, ratio: float | None, quality: float | None, max_error: int | None,
             verify: Any, allow_lossy_on_lossy: bool, allow_mammography: bool, policy: str | None,
             ) -> Any:
    from mediasvc.codecs.search import Goal
    from mediasvc.standard.lossy_policy import load_lossy_policy
    from mediasvc.work.transcoding.transcode_row import Options

    site = session.config_path.parent / "profiles"
    return Options(Goal(ratio, quality, max_error), verify, allow_lossy_on_lossy, allow_mammography,
                   load_lossy_policy(policy, site) if policy else None)


def _refuse_folder(path: Path | None) -> None:
    """Hours of work must not end in a report that has no place."""
    if path and not path.absolute().parent.is_dir():
        raise StorageError(f"the report cannot be written: {path.parent} is no folder")


def _write_page(path: Path, ratios: Ratios, summary: dict[str, Any], target: str) -> None:
    from datetime import datetime

    from mediasvc.report.page import transcoding_page

    page = transcoding_page(ratios, summary, f"Transcoding to {target}", datetime.now())
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"the report cannot be written ({error.strerror})") from error


def _tell(session: Session, row: dict[str, Any]) -> None:
    fields = {key: value for key, value in row.items() if key != "type"}
    session.emit(row["type"], **fields)
    if "reason" in row:
        session.say(f"  {row['type']:<8}{row['path']}: {row['reason']}")


def _show(session: Session, ratios: Ratios, summary: dict[str, Any]) -> None:
    from mediasvc.report import units

    head, *rows = ratios.table()
    if ratios.total.instances:
        session.say(table(head, rows))
    if summary["instances"]:
        readers = units.counts(summary["decoded_by"])
        session.say(f"proof: {_proof(summary['proofs'])}; {summary['foreign_frames']} of "
                    f"{summary['frames']} frames seen by a decoder of another code base"
                    + (f" (frames decoded by {readers})" if readers else ""))
    if summary["referring"]:
        session.say(f"{summary['referring']} other instances name the copies now")
    speed = units.rate(summary["native_bytes"], summary["seconds"])
    session.say(f"{count(summary['instances'], 'instance')} in {summary['seconds']:.1f} s "
                f"({speed}), {summary['skipped']} skipped, {summary['failed']} failed")
    session.summary(**summary)


def _proof(proofs: dict[str, int]) -> str:
    """How many instances were proven in which way (`work.transcode_row.Verified`)."""
    again = sum(proofs.get(name, 0)
                for name in ("two decoders", "foreign decoder", "sampled", "one decoder"))
    words = ((again, "decoded again"), (proofs.get("identical", 0), "copied as they were"),
             (proofs.get("other process", 0), "decoded again in another process"),
             (proofs.get("none", 0), "not proven"))
    return ", ".join(f"{number} {word}" for number, word in words if number)


def _exit_code(ratios: Ratios, skip_unsupported: bool) -> int:
    if ratios.failed and not ratios.total.instances:
        return 2
    return 1 if ratios.failed or (ratios.skipped and not skip_unsupported) else 0
