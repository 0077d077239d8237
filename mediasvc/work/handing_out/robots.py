"""Released images to a disc robot by job files in its hot folder, and how far it is.

A job appears whole: it is written under a name that the robot passes over and then renamed. The
robot renames it in turn as it goes on, which is all that it tells.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath, PureWindowsPath

from mediasvc.errors import SettingsError, StateError
from mediasvc.settings import Robot
from mediasvc.standard.profiles import CAPACITY, load_profile
from mediasvc.standard.profiles import Disc as DiscKind
from mediasvc.store import burns
from mediasvc.store.burns import Burn
from mediasvc.store.discs import Disc
from mediasvc.work.burn import plan, require_image, step
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out.label_facts import LabelFacts, label_facts
from mediasvc.work.handing_out.robot_jobs import FORMATS, JobFormat, RobotJob, epson_fields

FIELDS = "TXT"
#: What the files of an open job say, in words.
HOW_FAR = {"waiting": "waits in the robot's folder", "busy": "the robot works on it",
           "gone": "its job file is not in the robot's folder"}


def robot_named(robots: Sequence[Robot], name: str) -> Robot:
    """Raises SettingsError."""
    for robot in robots:
        if robot.name.casefold() == name.casefold():
            return robot
    known = ", ".join(robot.name for robot in robots) or "none"
    raise SettingsError(f"There is no robot {name} in the settings.", f"Known: {known}.")


def send(desk: Desk, disc: Disc, robot: Robot, *, by: str, copies: int = 0) -> Burn:
    """Put a job for a released disc into the robot's folder; `poll` tells what becomes of it.

    Raises StateError unless the image is the certified one, SettingsError for a folder that is not
    there.
    """
    folder = Path(robot.folder)
    if not folder.is_dir():
        raise SettingsError(f"The folder of robot {robot.name} is not there.",
                            "Is the share mounted?")
    image, facts = require_image(disc), label_facts(desk, disc)
    row = plan(desk, disc, "robot", robot.name, by, copies or robot.copies)
    form = FORMATS[robot.kind]
    job = job_of(row, image, disc, robot, facts, desk.home.profiles)
    path = folder / f"{job.id}.{form.extension}"
    with desk.store.transaction() as connection:
        burns.note_job(connection, row.id, str(path.with_suffix("")))
    try:
        if job.fields_file:
            _appear(path.with_suffix(f".{FIELDS}"), epson_fields(job))
        _appear(path, form.write(job))
    except OSError as error:
        step(desk, row, "failed", by, reason="the job file could not be written")
        raise StateError(f"The folder of robot {robot.name} takes no job file.") from error
    with desk.store.read() as connection:
        return burns.burn(connection, row.id)


def job_of(row: Burn, image: Path, disc: Disc, robot: Robot, facts: LabelFacts,
           site: Path | None = None) -> RobotJob:
    """``site``: the folder of the site's own profiles."""
    number = f"MSVC{row.id:08d}"
    fields = facts.fields() if robot.label else ()
    shared = f"{number}.{FIELDS}" if robot.kind == "epson" and fields else ""
    return RobotJob(
        number, seen_by(robot, image), row.copies, _disc_type(disc, site), disc.file_set_id,
        robot.label, fields, seen_by(robot, Path(robot.folder) / shared) if shared else "")


def seen_by(robot: Robot, path: Path) -> str:
    """``path`` as the robot names it (`seen_from` becomes `seen_as`)."""
    if not robot.seen_from:
        return str(path)
    try:
        inside = path.absolute().relative_to(Path(robot.seen_from).absolute())
    except ValueError as error:
        raise SettingsError(f"Robot {robot.name} does not see that folder.",
                            "Export below its seen_from, or change the settings.") from error
    base: PurePath = (PureWindowsPath if "\\" in robot.seen_as else PurePath)(robot.seen_as)
    return str(base.joinpath(*inside.parts))


def _disc_type(disc: Disc, site: Path | None) -> str:
    """The smallest that holds the image among those that the profile is for: a small image of a
    DVD profile still belongs on a DVD."""
    try:
        allowed = set(load_profile(disc.profile, site).medium.discs)
    except SettingsError:  # of a profile that the site has taken away since
        allowed = set()
    kinds: tuple[DiscKind, ...] = ("cd", "dvd", "dvd-dl", "bd")
    for name in [kind for kind in kinds if kind in allowed] or kinds:
        if disc.bytes <= (CAPACITY[name] or 0):
            return name.upper()
    return "BD"


def _appear(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def poll(desk: Desk, robots: Sequence[Robot], *, now: datetime | None = None) -> list[Burn]:
    """Look at every open job once; the rows as they are then. What a robot calls done was compared
    by the robot itself."""
    moment = now or datetime.now(UTC)
    with desk.store.read() as connection:
        rows = [row for row in burns.burns(connection, open_only=True) if row.method == "robot"]
    known = {robot.name: robot for robot in robots}
    return [_advance(desk, row, known.get(row.target), moment) for row in rows]


def how_far(row: Burn, robots: Sequence[Robot]) -> str:
    """In words what a robot does with an open job; empty for other burns."""
    robot = next((one for one in robots if one.name == row.target), None)
    if robot is None or row.method != "robot" or row.state in ("released", "failed"):
        return ""
    return HOW_FAR.get(_said(Path(row.job), FORMATS[robot.kind]), "")


def _advance(desk: Desk, row: Burn, robot: Robot | None, now: datetime) -> Burn:
    if robot is None:
        return row
    said = _said(Path(row.job), FORMATS[robot.kind])
    if said == "done":
        row = step(desk, row, "built", "robot", program=robot.kind)
        row = step(desk, row, "verified", "robot", reason="verified by the robot")
        return step(desk, row, "released", "robot")
    if said == "failed":
        return step(desk, row, "failed", "robot", reason="the robot reports an error")
    age = (now - datetime.fromisoformat(row.created_at)).total_seconds()
    if age > robot.seconds:
        return step(desk, row, "failed", "robot",
                    reason=f"the robot did not finish within {robot.seconds:.0f} seconds")
    return row


def _said(job: Path, form: JobFormat) -> str:
    """``waiting``, ``busy``, ``done`` or ``failed``; ``gone`` when no file of the job is there."""
    try:
        there = {path.suffix[1:].upper() for path in job.parent.iterdir()
                 if path.stem.casefold() == job.name.casefold()}
    except OSError:
        return "gone"
    for word, extensions in (("failed", form.failed), ("done", form.done), ("busy", form.busy),
                             ("waiting", (form.extension,))):
        if there & set(extensions):
            return word
    return "gone"
