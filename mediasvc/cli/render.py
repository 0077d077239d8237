"""`mediasvc render`: images, cines, reports and documents as ordinary files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.password import password_option, read_password
from mediasvc.cli.private_options import CLEAN_HELP, RETAIN_HELP, words
from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.work.deidentifying.deidentify_order import Privacy
    from mediasvc.work.rendering.render_order import RenderOrder
    from mediasvc.work.rendering.render_sources import Target

_PATH = click.Path(path_type=Path)
#: What the first child loads while we load our own libraries.
_CHILDREN = ("mediasvc.work.rendering.render_file", "mediasvc.work.rendering.render_pictures")
_FORMS = ("auto", "png", "jpeg", "tiff", "mp4", "json", "html", "text")


@click.command()
@click.argument("paths", metavar="[PATH…]", nargs=-1, type=_PATH)
@click.option("--study", "studies", metavar="UID", multiple=True,
              help="A study of the archive; repeatable.")
@click.option("--patient", metavar="ID[@ISSUER]", help="All studies of this patient.")
@click.option("--to", required=True, metavar="DIR", type=_PATH, help="The folder of the files.")
@click.option("--as", "form", type=click.Choice(_FORMS), default="auto", show_default=True,
              help="auto: PNG; MP4 of a cine; HTML of a report; streams and documents as they are.")
@click.option("--depth", type=click.Choice(["8", "16"]), default="8", show_default=True,
              help="8: as displayed. 16: all bits, PNG or TIFF.")
@click.option("--values", type=click.Choice(["stored", "modality"]), default="stored",
              show_default=True, help="With --depth 16: as stored, or rescaled (HU, …).")
@click.option("--frame", metavar="N|middle", default="",
              help="One frame of each instance; all if unset.")
@click.option("--window", metavar="CENTRE,WIDTH", default="", help="Instead of the header's.")
@click.option("--overlays", is_flag=True, help="Draw overlays into the pictures.")
@click.option("--rate", type=click.FloatRange(0.01, 1000), metavar="N",
              help="MP4: frames in a second; as the cine says if unset.")
@click.option("--quality", type=click.IntRange(1, 100), default=90, show_default=True,
              help="JPEG.")
@click.option("--inline", type=click.IntRange(0), default=1024, show_default=True, metavar="BYTES",
              help="JSON: binary values up to here are written, longer ones left out.")
@click.option("--deidentify", is_flag=True,
              help="Nobody is named (PS3.15 Basic Profile); see --retain and --clean.")
@click.option("--retain", default="", metavar="WORDS", help=RETAIN_HELP)
@click.option("--clean", default="", metavar="WORDS", help=CLEAN_HELP)
@click.option("--project", default="", metavar="NAME",
              help="De-identified: the same patient is the same in all files of NAME.")
@click.option("--force", is_flag=True, help="DIR may hold files; the same names are replaced.")
@password_option
@click.pass_obj
def command(session: Session, /, paths: tuple[Path, ...], studies: tuple[str, ...],
            patient: str | None, to: Path, deidentify: bool, retain: str, clean: str, project: str,
            force: bool, password_file: Path | None, **wishes: Any) -> int:
    """Write ordinary files of a file, folder, disc image or zip, or of the archive.

    Names are numbers: ST001/SE003/0012.png. Pictures say nothing of a patient unless it is burned
    into them; reports, documents and JSON do. Exit code 1 when something could not be written.
    """
    from mediasvc.model import PatientKey
    from mediasvc.work.rendering.render_order import RenderOrder, check_render

    key = PatientKey.parse(patient, session.settings.site.issuer) if patient else None
    order = check_render(RenderOrder(
        to, _options(**wishes), paths, studies, key, force, read_password(password_file),
        _privacy(session, deidentify, retain, clean, project)))
    return _over_packages(session, order) if order.paths else _over_archive(session, order)


def _options(form: Any, depth: str, values: Any, frame: str, window: str, overlays: bool,
             rate: float | None, quality: int, inline: int) -> Any:
    from mediasvc.work.rendering.render_order import RenderOptions

    return RenderOptions(form, int(depth), values, _frame(frame), overlays, _window(window),
                         rate or 0.0, quality, inline)


def _privacy(session: Session, deidentify: bool, retain: str, clean: str, project: str,
             ) -> Privacy | None:
    if not deidentify:
        if retain or clean or project:
            raise SettingsError("--retain, --clean and --project belong to --deidentify.")
        return None
    from mediasvc.work.deidentifying.deidentify_order import privacy

    return privacy(session.home, words(retain), words(clean), project=project,
                   site=session.home.profiles)


def _frame(text: str) -> int:
    if text in ("", "middle"):
        return -1 if text else 0
    if not text.isdigit() or int(text) < 1:
        raise SettingsError("--frame is a number from 1, or middle.")
    return int(text)


def _window(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        centre, width = map(float, text.split(","))
    except ValueError:
        raise SettingsError("--window is two numbers: CENTRE,WIDTH.") from None
    return centre, width


def _over_packages(session: Session, order: RenderOrder) -> int:
    from mediasvc.nursery import SCREEN
    from mediasvc.work.building.private_folder import private_folder

    with (private_folder() as scratch, progress(session) as report,
          session.children(SCREEN, *_CHILDREN) as sandbox):
        from mediasvc.work.rendering.render_sources import of_packages

        targets = of_packages(sandbox, order, scratch, session.settings, report)
        return _rendered(session, order, targets, report, sandbox)


def _over_archive(session: Session, order: RenderOrder) -> int:

    with session.children(*_CHILDREN) as sandbox, progress(session) as report:
        from mediasvc.work.desk import open_desk
        from mediasvc.work.rendering.render_sources import of_archive

        with open_desk(session.home, session.settings, sandbox) as desk:
            targets = of_archive(desk, order)
        return _rendered(session, order, targets, report, sandbox)


def _rendered(session: Session, order: RenderOrder, targets: list[Target], report: Any,
              sandbox: Any) -> int:
    from mediasvc.work.render import render

    counts: Counter[str] = Counter(rendered=0, skipped=0, failed=0, files=0)
    for row in render(order, targets, session.settings, report, sandbox):
        counts[row["type"]] += 1
        counts["files"] += len(row.get("files", ()))
        _tell(session, row)
    session.say(f"{counts['rendered']} instances as {counts['files']} files, "
                f"{counts['skipped']} skipped, {counts['failed']} failed")
    session.summary(**counts)
    if counts["failed"] and not counts["rendered"]:
        return 2
    return 1 if counts["failed"] or counts["skipped"] else 0


def _tell(session: Session, row: dict[str, Any]) -> None:
    session.emit(row["type"], **{key: value for key, value in row.items() if key != "type"})
    if "reason" in row:
        session.say(f"  {row['type']:<8}{row['path']}: {row['reason']}")
        return
    first, *rest = row["files"]
    more = f" and {len(rest)} more" if rest else ""
    facts = [row["values"] if row["values"] != "displayed" else "",
             f"{row['rate']} frames/s ({row['rate_source']})" if row["rate"] else ""]
    said = "; ".join([*filter(None, facts), *row["notes"]])
    session.say(f"  {first}{more}" + (f": {said}" if said else ""))
