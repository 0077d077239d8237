"""What a message with a file-set holds, taken apart by rule (runs in a sandbox child).

The standard library's parser reads it; nothing is shared with `mail_write`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.directory.file_id import CONFORMING
from mediasvc.media.disc.disc_file import README
from mediasvc.model import Finding

if TYPE_CHECKING:
    from email.message import Message

LONGEST_ID = 71
LEVELS = 8
HEAD = 4096


@dataclass(slots=True)
class Mail:
    """``medium``: the ZIP or the folder that was taken out, ready to be judged."""

    medium: Path
    kind: str
    findings: list[Finding] = field(default_factory=list)

    def fail(self, rule: str, text: str, subject: str = "") -> None:
        self.findings.append(Finding("error", "rule-" + rule.lower(), subject, text, rule))


def take_apart(path: Path, folder: Path) -> Mail:
    """Write what is attached below ``folder``. Raises DamagedError when nothing DICOM is."""
    import email  # few discs are messages, and whether one is takes none of it
    from email.policy import compat32

    message = email.message_from_bytes(path.read_bytes(), policy=compat32)
    parts = [part for part in message.walk() if not part.is_multipart()]
    zips = [part for part in parts if part.get_content_type() == "application/zip"]
    dicom = [part for part in parts if part.get_content_type() == "application/dicom"]
    if zips:
        return _zip(message, zips, folder)
    if dicom:
        return _files(dicom, [part for part in parts if part.get_filename() == README], folder)
    raise DamagedError("it is no message with DICOM in it")


def _zip(message: Message, zips: list[Message], folder: Path) -> Mail:
    part = zips[0]
    mail = Mail(folder / "DICOM.ZIP", "mail")
    mail.medium.write_bytes(_content(part))
    if len(zips) > 1:
        mail.fail("R11-7", "there is more than one ZIP in the message")
    for name in ("id", "name"):
        if part.get_param(name) != "DICOM.ZIP":
            mail.fail("R11-7", f"the {name} of the ZIP is not DICOM.ZIP")
    if part.get_content_disposition() != "attachment" or part.get_filename() != "DICOM.ZIP":
        mail.fail("R11-7", "the ZIP is not attached as DICOM.ZIP")
    if "DICOM-ZIP" not in str(message.get("Subject", "")):
        mail.fail("R11-7", "the subject does not say DICOM-ZIP")
    return mail


def _files(parts: list[Message], readmes: list[Message], folder: Path) -> Mail:
    mail = Mail(folder / "MIME", "mime")
    mail.medium.mkdir()
    for readme in readmes[:1]:
        (mail.medium / README).write_bytes(_content(readme))
    for number, part in enumerate(parts, 1):
        identity = str(part.get_param("id") or "")
        names = identity.split("/")
        if (len(identity) > LONGEST_ID or len(names) > LEVELS
                or not all(CONFORMING.fullmatch(name) for name in names)):
            mail.fail("R12-6", "its id is no File ID", f"part {number}")
            names = [f"PART{number % 10_000:04d}"]
        target = mail.medium.joinpath(*names)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(_content(part))
        except OSError:
            mail.fail("R12-6", "its id is that of another part", f"part {number}")
    return mail


def _content(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data:
        raise DamagedError("what is attached cannot be decoded")
    return data


def is_mail(path: Path) -> bool:
    """By its beginning: header fields, one of them MIME-Version."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD)
    return bool(re.match(rb"[!-9;-~]+:", head)) and b"\nmime-version:" in b"\n" + head.lower()
