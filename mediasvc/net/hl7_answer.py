"""The acknowledgement of an HL7 message (2.9.2, 2.14.8): MSH, MSA, and ERR where it failed."""

from __future__ import annotations

from datetime import UTC, datetime

from mediasvc.identity.adt import Envelope
from mediasvc.standard.hl7_tables import ERRORS
from mediasvc.work.index.adt import Receipt

#: Words for the sender when the message was not even looked at; it may send it again.
TROUBLE = "The receiver is in trouble; nothing was changed. Send it again."


def acknowledge(receipt: Receipt, application: str, facility: str) -> bytes:
    """AA, AE or AR for a message that was applied or judged; only after the commit."""
    return _answer(receipt.envelope, receipt.answer, receipt.reason, receipt.condition or 207,
                   application, facility)


def acknowledge_trouble(envelope: Envelope, application: str, facility: str) -> bytes:
    """AE for a message that could not be stored."""
    return _answer(envelope, "AE", TROUBLE, 207, application, facility)


def _answer(to: Envelope, code: str, reason: str, condition: int, application: str,
            facility: str) -> bytes:
    usable = len(to.marks) >= 4
    marks = to.marks if usable else Envelope().marks
    bar, caret = marks[0], marks[1]
    now = datetime.now(UTC)
    kind = caret.join(filter(None, ("ACK", to.trigger)))
    control = f"{now:%Y%m%d%H%M%S%f}"
    lines = [bar.join((f"MSH{bar}{marks[1:]}", _plain(application, marks), _plain(facility, marks),
                       to.application, to.facility, f"{now:%Y%m%d%H%M%S}+0000", "", kind, control,
                       "P", to.version or "2.5")),
             bar.join(("MSA", code, to.control_id))]
    if code != "AA":
        lines.append(bar.join(("ERR", "", "", caret.join((str(condition), ERRORS.get(
            condition, ""), "HL70357")), "E", "", "", "", _plain(reason, marks))))
    return "".join(f"{line}\r" for line in lines).encode("ascii", "replace")


def _plain(text: str, marks: str) -> str:
    """Our own words without anything that is a delimiter."""
    return "".join(" " if letter in marks or not letter.isprintable() else letter
                   for letter in text)
