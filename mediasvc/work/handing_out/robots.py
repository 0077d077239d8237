"""Released images to a disc robot by job files in its hot folder, and how far it is.

A job appears whole: it is written under a name that the robot passes over and then renamed. The
robot renames it in turn as it goes on, which is all that it tells.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath, PureWindowsPath

from mediasvc.errors import MediasvcError, SettingsError, StateError
from mediasvc.settings import Robot
from mediasvc.standard.profiles import CAPACITY, load_profile
from mediasvc.standard.profiles import Disc as DiscKind
from mediasvc.store import burns, discs
from mediasvc.store.burns import Burn
from mediasvc.store.discs import Disc
from mediasvc.work.burn import fail, plan, require_image, step
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out.label_facts import LabelFacts, label_facts
from mediasvc.work.handing_out.robot_jobs import (
    FORMATS,
    JobFormat,
    RobotJob,
    epson_fields,
    printable,
)

FIELDS = "TXT"
#: What the files of an open job say, in words.
HOW_FAR = {"waiting": "waits in the robot's folder", "busy": "the robot works on it",
           "gone": "its job file is not in the robot's folder",
           "unseen": "the robot's folder cannot be read; is the share mounted?"}


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
    path = folder / f"{_job_id(row)}.{form.extension}"
    row = replace(row, job=str(path.with_suffix("")))
    try:
        job = job_of(row, image, disc, robot, facts, desk.home.profiles)
        data = form.write(job)
        with desk.store.transaction() as connection:
            burns.note_job(connection, row.id, row.job)
        if job.fields_file:
            _appear(_fields_folder(robot, image) / f"{job.id}.{FIELDS}", epson_fields(job))
        _appear(path, data)
    except MediasvcError as error:
        fail(desk, row, error, by)
        raise
    except OSError as error:
        _clear(desk, row, (form.extension, "TMP"))
        step(desk, row, "failed", by, reason="the job file could not be written")
        raise StateError(f"The folder of robot {robot.name} takes no job file.") from error
    return row


def unprintable(desk: Desk, disc: Disc, robot: Robot) -> int:
    """How many letters of its label a robot's job cannot hold."""
    if not robot.label:
        return 0
    return sum(printable(value)[1] for _, value in label_facts(desk, disc).fields())


def _job_id(row: Burn) -> str:
    """Another one every time: what an earlier installation or another one left in the folder says
    nothing of this job."""
    return f"MSVC{row.id:08d}{secrets.token_hex(3).upper()}"


def job_of(row: Burn, image: Path, disc: Disc, robot: Robot, facts: LabelFacts,
           site: Path | None = None) -> RobotJob:
    """``site``: the folder of the site's own profiles."""
    number = Path(row.job).name
    fields = facts.fields() if robot.label else ()
    shared = (seen_by(robot, _fields_folder(robot, image) / f"{number}.{FIELDS}")
              if robot.kind == "epson" and fields else "")
    return RobotJob(number, seen_by(robot, image), row.copies, _disc_type(disc, site),
                    disc.file_set_id, robot.label, fields, shared)


def _fields_folder(robot: Robot, image: Path) -> Path:
    """Beside the job where the robot's name of that folder is known, otherwise beside the image,
    which it must see."""
    folder = Path(robot.folder).absolute()
    seen = not robot.seen_from or folder.is_relative_to(Path(robot.seen_from).absolute())
    return folder if seen else image.parent


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
    if row.method != "robot" or row.state in ("released", "failed"):
        return ""
    robot = next((one for one in robots if one.name == row.target), None)
    if robot is None:
        return "that robot is not in the settings any more"
    return HOW_FAR.get(_said(Path(row.job), FORMATS[robot.kind]), "")


def _advance(desk: Desk, row: Burn, robot: Robot | None, now: datetime) -> Burn:
    if robot is None:
        return row
    form = FORMATS[robot.kind]
    said = _said(Path(row.job), form)
    if said == "done":
        return _released(desk, row, robot)
    if said == "failed":
        _clear(desk, row, ())
        return step(desk, row, "failed", "robot", reason="the robot reports an error")
    age = (now - datetime.fromisoformat(row.created_at)).total_seconds()
    if age <= robot.seconds or said == "unseen":
        return row  # of a folder that cannot be read nobody knows what the robot did
    why = f"the robot did not finish within {robot.seconds:.0f} seconds"
    if said == "waiting":
        _clear(desk, row, (form.extension,))  # else it would burn it whenever it wakes up
        why = f"the robot did not take it within {robot.seconds:.0f} seconds; " + (
            "take the job out of its folder" if _said(Path(row.job), form) == "waiting" else
            "the job was taken back")
    return step(desk, row, "failed", "robot", reason=why)


def _released(desk: Desk, row: Burn, robot: Robot) -> Burn:
    """Step by step from wherever an earlier look was interrupted."""
    if row.state == "planned":
        row = step(desk, row, "built", "robot", program=robot.kind)
    if row.state == "built":
        row = step(desk, row, "verified", "robot", reason="verified by the robot")
    row = step(desk, row, "released", "robot")
    _clear(desk, row, FORMATS[robot.kind].done)
    return row


def _clear(desk: Desk, row: Burn, extensions: Sequence[str]) -> None:
    """Nothing that names the patient stays for a robot: the fields of the label go, and files of
    the job with these ``extensions``. What a failed job says stays for its technician."""
    with desk.store.read() as connection:
        beside = Path(discs.disc(connection, row.disc_id).path).parent
    job = Path(row.job)
    for folder in dict.fromkeys((job.parent, beside)):
        with suppress(OSError):
            for path in _files_of(folder / job.name):
                if path.suffix[1:].upper() in (FIELDS, *extensions):
                    path.unlink()


def _said(job: Path, form: JobFormat) -> str:
    """``waiting``, ``busy``, ``done`` or ``failed``; ``gone`` when no file of the job is there,
    ``unseen`` when nobody can look."""
    try:
        there = {path.suffix[1:].upper() for path in _files_of(job)}
    except OSError:
        return "unseen"
    for word, extensions in (("failed", form.failed), ("done", form.done), ("busy", form.busy),
                             ("waiting", (form.extension,))):
        if there & set(extensions):
            return word
    return "gone"


def _files_of(job: Path) -> list[Path]:
    return [path for path in job.parent.iterdir() if path.stem.casefold() == job.name.casefold()]
