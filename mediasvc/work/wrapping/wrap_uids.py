"""UIDs that the same source always gets, so that a repeat is a duplicate (PS3.5 B.2)."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

#: Digits of every UID behind ``2.25.``: all are equally long, so one can be put in another's place.
DIGITS = 39
LENGTH = len("2.25.") + DIGITS
#: Stands in a file until its own digest is known. Nobody else may see it.
PLACEHOLDER = "2.25." + "9" * DIGITS


def stable_uid(*parts: str) -> str:
    """A name-based UUID (RFC 9562) of the parts as a UID."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    while True:
        number = uuid.UUID(bytes=digest[:16], version=5).int
        if len(str(number)) == DIGITS:
            return f"2.25.{number}"
        digest = hashlib.sha256(digest).digest()


def set_uid(path: Path | str, uid: str, places: tuple[int, int]) -> None:
    """Put ``uid`` over the placeholder at both ``places`` of a file; it is on the disk then.

    Raises OSError.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for place in places:
            os.pwrite(fd, uid.encode(), place)
        os.fsync(fd)
    finally:
        os.close(fd)
