"""A file-set as an email message: one ZIP (PS3.11 Annex L, PS3.12 Annex W) or one part for each
file (PS3.11 Annex G, PS3.12 Annex K). The standard library's email package makes all of it but what
is attached, which goes from its file into the message piece by piece.

Nothing in the headers is about the patient: subjects are shown and logged everywhere.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from typing import IO

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_file import DICOM_FOLDER, DICOMDIR, README, DiscFile
from mediasvc.media.packed.base64_lines import LINE, WRITTEN, in_lines, length_in_lines
from mediasvc.span import Span

ATTACHMENT = "DICOM.ZIP"
SUBJECT = "DICOM-ZIP"
#: No server takes larger messages.
LARGEST = 512 << 20
#: Headers and text of a message, more than they ever take.
ENVELOPE = 64 << 10


def payload_limit(message_bytes: int) -> int:
    """How large a file may be so that the message around it stays within ``message_bytes``."""
    return (message_bytes - ENVELOPE) // WRITTEN * LINE


@dataclass(frozen=True, slots=True)
class Attached:
    """A file, in base64; ``copied`` is called when it is needed no more."""

    span: Span
    copied: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Entity:
    """A message, or a part of one, whose length is known before it is written."""

    pieces: tuple[bytes | Attached, ...]

    @property
    def length(self) -> int:
        return sum(length_in_lines(piece.span.length) if isinstance(piece, Attached)
                   else len(piece) for piece in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from in_lines(piece.span.chunks())
                piece.copied()


def write_zip_mail(target: IO[bytes], archive: Span, *, file_set_id: str, moment: datetime,
                   sender: str = "", text: str = "") -> None:
    """The message with ``archive`` as ``DICOM.ZIP`` (R11-7). Raises BudgetError beyond 512 MiB."""
    message = addressed(f"{SUBJECT} {file_set_id}", moment, sender)
    _as_draft(message)
    _write(target, _with_zip(message, archive, file_set_id, text))


def zip_entity(archive: Span, *, file_set_id: str, text: str = "") -> Entity:
    """What such a message holds, without the headers of a message. Raises BudgetError."""
    return _with_zip(EmailMessage(policy=SMTP), archive, file_set_id, text, bare=True)


def write_mime(target: IO[bytes], files: Iterable[DiscFile], *, file_set_id: str, moment: datetime,
               sender: str = "", text: str = "",
               copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """The message with DICOMDIR and every instance as application/dicom, whose ``id`` is its
    File ID (R12-6), and README.TXT. Pages stay out: links do not lead from one part of a message to
    another. ``copied`` is told of each file that is needed no more. Raises BudgetError beyond
    512 MiB."""
    files = list(files)
    dicom = [file for file in files if file.parts == (DICOMDIR,) or file.parts[0] == DICOM_FOLDER]
    message = addressed(f"DICOM-MIME {file_set_id}", moment, sender)
    _as_draft(message)
    _say(message, text, sum(file.span.length for file in dicom))
    for number, file in enumerate(dicom):
        _attach(message, number, "dicom", file.path, file.parts[-1])
    for file in files:
        if file.parts == (README,):
            message.add_attachment(b"".join(file.span.chunks()), maintype="text", subtype="plain",
                                   filename=README)
    _bound(message, file_set_id)
    _write(target, filled(message.as_bytes(), (
        Attached(file.span, partial(copied, file)) for file in dicom)))


def readme_of(files: Iterable[DiscFile]) -> str:
    """README.TXT of the disc, which becomes the text of the message."""
    for file in files:
        if file.parts == (README,):
            return b"".join(file.span.chunks()).decode("utf-8-sig").replace("\r\n", "\n")
    return ""


def addressed(subject: str, moment: datetime, sender: str) -> EmailMessage:
    """A message without content."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["Date"] = format_datetime(moment)
    if "@" in sender and sender.isascii() and " " not in sender:
        message["From"] = sender
    return message


def filled(template: bytes, attached: Iterable[Attached]) -> Entity:
    """``template`` with files in the place of their `mark`."""
    pieces: list[bytes | Attached] = []
    done = 0
    for number, file in enumerate(attached):
        start, end = place_of(template, number, done)
        pieces += template[done:start], file
        done = end
    return Entity((*pieces, template[done:]))


def place_of(template: bytes, number: int, after: int = 0) -> tuple[int, int]:
    """Where that `mark` begins and ends; no other part has such a first line."""
    line = b2a_base64(mark(number), newline=False)
    start = template.index(b"\r\n\r\n" + line + b"\r\n", after) + 4
    return start, start + len(line)


def mark(number: int) -> bytes:
    """Stands for the content of what is attached, of which it is the only line."""
    return b"what is attached %010d" % number


def _as_draft(message: EmailMessage) -> None:
    """Mail programs open it as one that still wants its recipient."""
    message["X-Unsent"] = "1"


def _with_zip(message: EmailMessage, archive: Span, file_set_id: str, text: str, *,
              bare: bool = False) -> Entity:
    _say(message, text, archive.length)
    _attach(message, 0, "zip", ATTACHMENT, ATTACHMENT)
    _bound(message, file_set_id)
    if bare:
        del message["MIME-Version"]
    return filled(message.as_bytes(), [Attached(archive)])


def _say(message: EmailMessage, text: str, length: int) -> None:
    if length > LARGEST:
        raise BudgetError("That is too much for an email message.", "Try --disc mail or a ZIP.")
    message.set_content(text or "DICOM images are attached.\n", cte="base64")


def _attach(message: EmailMessage, number: int, subtype: str, identity: str, name: str) -> None:
    message.add_attachment(mark(number), maintype="application", subtype=subtype, filename=name)
    *_, part = message.iter_attachments()
    part.set_param("id", identity)
    part.set_param("name", name)


def _bound(message: EmailMessage, file_set_id: str) -> None:
    """The boundary follows from the name, so that the same order gives the same message."""
    message.set_boundary("=_" + hashlib.sha256(file_set_id.encode()).hexdigest()[:32])


def _write(target: IO[bytes], entity: Entity) -> None:
    for chunk in entity.chunks():
        target.write(chunk)
