"""What a message with a file-set holds, taken apart by rule (runs in a sandbox child).

Nothing is shared with what writes messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.directory.file_id import CONFORMING
from mediasvc.media.disc.disc_file import README
from mediasvc.media.packed.mime_parts import (
    DICOM,
    LOOKED_AT,
    ZIP,
    Part,
    begins_like_mail,
    decoded,
    leaves,
    part_of,
)
from mediasvc.model import Finding
from mediasvc.span import Span

if TYPE_CHECKING:
    from mediasvc.media.secure.secure_mail_read import Unsealed

LONGEST_ID = 71
LEVELS = 8


@dataclass(slots=True)
class Mail:
    """``medium``: the ZIP or the folder that was taken out, ready to be judged. ``secure``: it was
    encrypted."""

    medium: Path
    kind: str
    secure: bool = False
    findings: list[Finding] = field(default_factory=list)

    def fail(self, rule: str, text: str, subject: str = "") -> None:
        self.findings.append(Finding("error", "rule-" + rule.lower(), subject, text, rule))


def take_apart(path: Path, folder: Path, key: str | None = None) -> Mail:
    """Write what is attached below ``folder``; ``key`` opens an encrypted message.

    Raises DamagedError when nothing DICOM is, PasswordNeeded, and UnsupportedError.
    """
    from mediasvc.media.scratch import Scratch
    from mediasvc.media.secure.secure_mail_read import unsealed

    message = part_of(Span.of_file(path))
    found = unsealed(message, key, Scratch(folder / "S"), "M")
    parts = list(leaves(found.part))
    zips = [part for part in parts if part.kind == ZIP] or [
        part for part in parts if part.headers.get_filename("").upper().endswith(".ZIP")]
    dicom = [part for part in parts if part.kind == DICOM]
    if zips:
        mail = _zip(message, zips, folder)
    elif dicom:
        mail = _files(dicom, [part for part in parts if part.headers.get_filename() == README],
                      folder)
    else:
        raise DamagedError("it is no message with DICOM in it")
    if found.cipher:
        mail.secure = True
        _judge_security(mail, found)
    return mail


def _judge_security(mail: Mail, sealed: Unsealed) -> None:
    """PS3.15 B.8."""
    if not sealed.cipher.startswith("aes"):
        mail.fail("R15-8", "the message is not encrypted with AES")
    if sealed.signature != "holds":
        mail.fail("R15-8", {"": "the message is not signed",
                            "broken": "the message is not what was signed"}.get(
                                sealed.signature, "the message is signed in a way that is not "
                                "known here"))


def _zip(message: Part, zips: Sequence[Part], folder: Path) -> Mail:
    part = zips[0]
    mail = Mail(folder / "DICOM.ZIP", "mail")
    _write(part, mail.medium)
    if len(zips) > 1:
        mail.fail("R11-7", "there is more than one ZIP in the message")
    if part.kind != ZIP:
        mail.fail("R11-7", "the ZIP is not called application/zip")
    for name in ("id", "name"):
        if part.headers.get_param(name) != "DICOM.ZIP":
            mail.fail("R11-7", f"the {name} of the ZIP is not DICOM.ZIP")
    if (part.headers.get_content_disposition() != "attachment"
            or part.headers.get_filename() != "DICOM.ZIP"):
        mail.fail("R11-7", "the ZIP is not attached as DICOM.ZIP")
    if "DICOM-ZIP" not in str(message.headers.get("Subject", "")):
        mail.fail("R11-7", "the subject does not say DICOM-ZIP")
    return mail


def _files(parts: Sequence[Part], readmes: Sequence[Part], folder: Path) -> Mail:
    mail = Mail(folder / "MIME", "mime")
    mail.medium.mkdir()
    for readme in readmes[:1]:
        _write(readme, mail.medium / README)
    for number, part in enumerate(parts, 1):
        identity = str(part.headers.get_param("id") or "")
        names = identity.split("/")
        if (len(identity) > LONGEST_ID or len(names) > LEVELS
                or not all(CONFORMING.fullmatch(name) for name in names)):
            mail.fail("R12-6", "its id is no File ID", f"part {number}")
            names = [f"PART{number % 10_000:04d}"]
        target = mail.medium.joinpath(*names)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(part, target)
        except OSError:
            mail.fail("R12-6", "its id is that of another part", f"part {number}")
    return mail


def _write(part: Part, target: Path) -> None:
    """A new file. Raises DamagedError where nothing is attached."""
    length = 0
    with target.open("xb") as file:
        for chunk in decoded(part):
            length += file.write(chunk)
    if not length:
        raise DamagedError("what is attached cannot be decoded")


def is_mail(path: Path) -> bool:
    """By its beginning: header fields, one of them of MIME."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return begins_like_mail(file.read(LOOKED_AT))
