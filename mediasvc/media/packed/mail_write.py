"""A file-set as an email message: one ZIP (PS3.11 Annex L, PS3.12 Annex W) or one part for each
file (PS3.11 Annex G, PS3.12 Annex K). Built with the standard library's email package.

Nothing in the headers is about the patient: subjects are shown and logged everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import IO

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_file import DICOM_FOLDER, DICOMDIR, README, DiscFile
from mediasvc.span import Span

ATTACHMENT = "DICOM.ZIP"
SUBJECT = "DICOM-ZIP"
#: A message is put together in memory, and no server takes larger ones.
LARGEST = 512 << 20
#: Octets in a line of base64, and what the line takes with its end.
LINE, WRITTEN = 57, 78
#: Headers and text of a message, more than they ever take.
ENVELOPE = 64 << 10


def payload_limit(message_bytes: int) -> int:
    """How large a file may be so that the message around it stays within ``message_bytes``."""
    return (message_bytes - ENVELOPE) // WRITTEN * LINE


def write_zip_mail(target: IO[bytes], archive: Span, *, file_set_id: str, moment: datetime,
                   sender: str = "", text: str = "") -> None:
    """The message with ``archive`` as ``DICOM.ZIP`` (R11-7). Raises BudgetError beyond 512 MiB."""
    message = _message(f"{SUBJECT} {file_set_id}", archive.length, moment, sender, text)
    _attach(message, archive, "zip", ATTACHMENT, ATTACHMENT)
    _write(target, message, file_set_id)


def write_mime(target: IO[bytes], files: Iterable[DiscFile], *, file_set_id: str, moment: datetime,
               sender: str = "", text: str = "",
               copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """The message with DICOMDIR and every instance as application/dicom, whose ``id`` is its
    File ID (R12-6), and README.TXT. Pages stay out: links do not lead from one part of a message to
    another. ``copied`` is told of each file that is needed no more. Raises BudgetError beyond
    512 MiB."""
    files = list(files)
    dicom = [file for file in files if file.parts == (DICOMDIR,) or file.parts[0] == DICOM_FOLDER]
    message = _message(f"DICOM-MIME {file_set_id}", sum(file.span.length for file in dicom),
                       moment, sender, text)
    for file in dicom:
        _attach(message, file.span, "dicom", file.path, file.parts[-1])
        copied(file)
    for file in files:
        if file.parts == (README,):
            message.add_attachment(b"".join(file.span.chunks()), maintype="text", subtype="plain",
                                   filename=README)
    _write(target, message, file_set_id)


def readme_of(files: Iterable[DiscFile]) -> str:
    """README.TXT of the disc, which becomes the text of the message."""
    for file in files:
        if file.parts == (README,):
            return b"".join(file.span.chunks()).decode("utf-8-sig").replace("\r\n", "\n")
    return ""


def _message(subject: str, length: int, moment: datetime, sender: str, text: str) -> EmailMessage:
    if length > LARGEST:
        raise BudgetError("That is too much for an email message.", "Try --disc mail or a ZIP.")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["Date"] = format_datetime(moment)
    if "@" in sender and sender.isascii() and " " not in sender:
        message["From"] = sender
    message["X-Unsent"] = "1"  # mail programs open it as a draft that still wants its recipient
    message.set_content(text or "DICOM images are attached.\n", cte="base64")
    return message


def _attach(message: EmailMessage, span: Span, subtype: str, identity: str, name: str) -> None:
    message.add_attachment(b"".join(span.chunks()), maintype="application", subtype=subtype,
                           filename=name)
    *_, part = message.iter_attachments()
    part.set_param("id", identity)
    part.set_param("name", name)


def _write(target: IO[bytes], message: EmailMessage, file_set_id: str) -> None:
    """The boundary follows from the name, so that the same order gives the same message."""
    message.set_boundary("=_" + hashlib.sha256(file_set_id.encode()).hexdigest()[:32])
    target.write(message.as_bytes())
