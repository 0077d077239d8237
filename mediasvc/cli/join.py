"""`mediasvc join IN… OUT`: a series of single-frame images becomes one multi-frame object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mediasvc.cli.progress import progress
from mediasvc.cli.session import Session
from mediasvc.errors import SettingsError

if TYPE_CHECKING:
    from mediasvc.work.join import Places
    from mediasvc.work.joining.join_sources import Source



@click.command()
@click.argument("paths", metavar="[IN]… OUT", nargs=-1, required=True)
@click.option("--series", metavar="UID", help="A series of the archive instead of IN.")
@click.option("--study", metavar="UID", help="Every series of a study of the archive.")
@click.option("--apart", is_flag=True,
              help="Images that cannot be frames of one object become several objects.")
@click.pass_obj
def command(session: Session, paths: tuple[str, ...], series: str | None, study: str | None,
            apart: bool) -> int:
    """Join single-frame CT, MR, PET and Secondary Capture images of files and folders into
    multi-frame objects, one for each series.

    Frames are kept bit for bit, and mediasvc split gives the files back byte for byte. OUT is a
    file, or a folder where there are several series. Exit code 1 when something was refused.
    """
    from mediasvc.work.join import JoinOrder, join_series

    *sources, out = paths
    found, known = _sources(session, [Path(source) for source in sources], series, study)
    order = JoinOrder(found, Path(out), apart, out.endswith("/") or Path(out).is_dir(), known)
    with progress(session) as report:
        rows = [_tell(session, row) for row in join_series(order, session.settings, report)]
    return _summary(session, rows)


def _sources(session: Session, paths: list[Path], series: str | None, study: str | None,
             ) -> tuple[tuple[Source, ...], Places]:
    from mediasvc.work.joining.join_sources import sources_of

    if sum((bool(paths), series is not None, study is not None)) != 1:
        raise SettingsError("Say what to join: files and folders, --series or --study.",
                            "OUT comes last.")
    if paths:
        return sources_of(paths), {}
    from mediasvc.work.desk import open_desk
    from mediasvc.work.joining.join_archive import archived
    with open_desk(session.home, session.settings) as desk:
        return archived(desk, series, study)


def _tell(session: Session, row: dict[str, Any]) -> dict[str, Any]:
    session.emit(row["type"], **{key: value for key, value in row.items() if key != "type"})
    if row["type"] == "joined":
        session.say(f"  joined  {row['out']}: {row['frames']} frames, {row['bytes']} bytes of "
                    f"{row['source_bytes']}")
        for note in row["notes"]:
            session.say(f"          {note}")
    else:
        session.say(f"  {row['type']} {row.get('path') or row['series_instance_uid']}: "
                    f"{row['reason']}")
        if row.get("advice"):
            session.say(f"          {row['advice']}")
    return row


def _summary(session: Session, rows: list[dict[str, Any]]) -> int:
    joined = [row for row in rows if row["type"] == "joined"]
    refused = sum(row["type"] == "refused" for row in rows)
    counts = {"joined": len(joined), "frames": sum(row["frames"] for row in joined),
              "refused": refused, "skipped": sum(row["type"] == "skipped" for row in rows),
              "source_bytes": sum(row["source_bytes"] for row in joined),
              "bytes": sum(row["bytes"] for row in joined)}
    session.say(f"{counts['joined']} objects of {counts['frames']} frames, {refused} refused, "
                f"{counts['skipped']} skipped")
    session.summary(**counts)
    return 1 if refused or not joined else 0
