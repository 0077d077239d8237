"""One secret, and what follows from it: new UIDs, pseudonyms, days to shift by.

The same secret gives the same answers for every file of a set, whatever order or process they come
in; without it nothing leads back (HMAC-SHA256).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass

#: UIDs that the standard itself defines name no instance (PS3.6 annex A).
WELL_KNOWN = "1.2.840.10008."
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Dates move back by one to ten years, whole weeks, so that a Monday stays one.
WEEKS = (52, 520)
SECRET_BYTES = 32
#: What may be the name of a file: a UID that stays may be anything.
UID_AS_NAME = re.compile(r"\d[\d.]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """``secret``: at least 16 bytes, never written to a medium."""

    secret: bytes

    @classmethod
    def fresh(cls) -> Keys:
        """Known to nobody and kept nowhere unless the caller keeps it."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    def uid(self, uid: str) -> str:
        """The UID that stands for ``uid``; those of the standard stay. 2.25 and a version 8 UUID
        (PS3.5 B.2, RFC 9562), at most 44 characters."""
        if not uid or uid.startswith(WELL_KNOWN):
            return uid
        return f"2.25.{uuid.UUID(bytes=_version_8(self._digest('uid', uid)[:16])).int}"

    def pseudonym(self, subject: str) -> str:
        """Patient ID and Patient's Name of the de-identified: ``P`` and 12 letters."""
        number = int.from_bytes(self._digest("patient", subject)[:8], "big")
        return "P" + "".join(LETTERS[number >> (5 * place) & 31] for place in range(12))

    def days(self, subject: str) -> int:
        """How many days earlier everything of this patient happened; 364 to 3640."""
        low, high = WEEKS
        number = int.from_bytes(self._digest("days", subject)[:8], "big")
        return 7 * (low + number % (high - low + 1))

    def _digest(self, use: str, text: str) -> bytes:
        return hmac.digest(self.secret, f"{use}\0{text}".encode("utf-8", "surrogateescape"),
                           hashlib.sha256)


def _version_8(raw: bytes) -> bytes:
    changed = bytearray(raw)
    changed[6] = changed[6] & 0x0F | 0x80
    changed[8] = changed[8] & 0x3F | 0x80
    return bytes(changed)
