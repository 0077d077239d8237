"""Job files of disc robots as their makers describe them: one job, three writers.

Epson: Discproducer TD Bridge. Primera: PTBurn SDK. Rimage: network publisher's text orders, known
from a third party's manual only and therefore experimental.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from mediasvc.errors import SettingsError

#: Where lines end, and what a text may hold: the robots' programs are for Windows.
END, ENCODING = "\r\n", "cp1252"
#: Letters that no accent makes.
_STROKES = {"đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
            "ı": "i"}


@dataclass(frozen=True, slots=True)
class RobotJob:
    """``image`` and ``label`` as the robot sees them; ``fields``: what is merged into the label,
    in the order of its fields; ``fields_file``: where Epson reads them."""

    id: str
    image: str
    copies: int
    disc: str
    """CD, DVD, DVD-DL or BD."""
    volume: str
    label: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    fields_file: str = ""


@dataclass(frozen=True, slots=True)
class JobFormat:
    """``extension`` of a new job; the robot renames it to ``busy``, then to one of the others."""

    extension: str
    write: Callable[[RobotJob], bytes]
    busy: tuple[str, ...] = ("INP",)
    done: tuple[str, ...] = ("DON",)
    failed: tuple[str, ...] = ("ERR",)
    longest_id: int = 32


def epson(job: RobotJob) -> bytes:
    rows = [("JOB_ID", job.id), ("COPIES", str(job.copies)), ("DISC_TYPE", job.disc),
            ("IMAGE", job.image), ("VOLUME_LABEL", job.volume)]
    if job.label:
        rows.append(("LABEL", job.label))
        if job.fields_file:
            rows.append(("REPLACE_FIELD", job.fields_file))
    return _lines(rows)


def epson_fields(job: RobotJob) -> bytes:
    """The file that REPLACE_FIELD names."""
    return _lines(_printed(job))


def primera(job: RobotJob) -> bytes:
    rows = [("JobID", job.id), ("ClientID", "MEDIASVC"), ("Importance", "4"),
            ("ImageFile", job.image), ("ImageType", "MODE_1_2048"), ("Copies", str(job.copies)),
            ("VerifyDisc", "YES"), ("RejectIfNotBlank", "YES"), ("CloseDisc", "YES"),
            ("DeleteFiles", "NO")]
    if job.label:
        rows.append(("PrintLabel", job.label))
        rows += [("MergeField", value) for _, value in _printed(job)]
    return _lines(rows)


def rimage(job: RobotJob) -> bytes:
    rows = [("order_id", job.id), ("filetype", "IMAGE"), ("file", job.image),
            ("volume", job.volume), ("copies", str(job.copies))]
    if job.label:
        rows.append(("label", job.label))
        rows += [("merge", value) for _, value in _printed(job)]
    return _lines(rows)


FORMATS = {
    "epson": JobFormat("JDF", epson, busy=("RJD", "INP"),
                       failed=("ERR", "CDN", "CER"), longest_id=40),
    "primera": JobFormat("JRQ", primera),
    "rimage": JobFormat("NWP", rimage),
}


def printable(text: str) -> tuple[str, int]:
    """``text`` as a robot can print it, accents taken off where it has no such letter (Dvořák:
    Dvorák), and how many letters became question marks."""
    signs = [_nearest(sign) for sign in unicodedata.normalize("NFC", text)]
    return "".join(sign or "?" for sign in signs), signs.count("")


def _nearest(sign: str) -> str:
    forms: tuple[str, ...] = (sign, _STROKES.get(sign, sign),
                              unicodedata.normalize("NFKD", sign)[0])
    for form in forms:
        try:
            form.encode(ENCODING)
        except UnicodeEncodeError:
            continue
        return form
    return ""


def _printed(job: RobotJob) -> list[tuple[str, str]]:
    return [(name, printable(value)[0]) for name, value in job.fields]


def _lines(rows: list[tuple[str, str]]) -> bytes:
    """Raises SettingsError for what would be another line, or another path."""
    for key, value in rows:
        if any(sign in key + value for sign in "\r\n\0"):
            raise SettingsError(f"{key} of a robot's job cannot have a line break.")
    try:
        return "".join(f"{key}={value}{END}" for key, value in rows).encode(ENCODING)
    except UnicodeEncodeError as error:
        raise SettingsError("A robot cannot be told that path: it has letters that its job files "
                            "have not.", "Export to another place.") from error
