"""A burnt medium is read again from its first to its last byte before anybody gets it."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from mediasvc.errors import ProofError
from mediasvc.media.iso.iso_seal import DESCRIPTOR, SECTOR

CHUNK = 1 << 20
#: A drive needs this long at most until it shows what it has just written.
PATIENCE = 90.0


def read_back(device: Path, image: Path, sha256: str, *, patience: float = PATIENCE) -> None:
    """Compare what ``device`` holds with the image whose hash is known. Raises ProofError that
    says where they part; nothing behind the end of the image is asked for, because discs and
    drives pad."""
    digest, at = hashlib.sha256(), 0
    length = image.stat().st_size
    with image.open("rb") as wanted:
        medium = _opened(device, patience)
        try:
            while at < length:
                expected = wanted.read(CHUNK)
                found = _read(medium, at, len(expected))
                digest.update(found)
                if found != expected:
                    raise _parted(found, expected, at)
                at += len(expected)
        finally:
            os.close(medium)
    if digest.hexdigest() != sha256:
        raise ProofError("the image is not the certified one any more")


def _opened(device: Path, patience: float) -> int:
    """Past the cache where the system knows how, so that the medium itself answers."""
    end = time.monotonic() + patience
    while True:
        try:
            medium = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
            break
        except OSError as error:
            if time.monotonic() > end:
                raise ProofError("the drive does not show what it has written") from error
            time.sleep(min(1.0, patience / 10))
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(medium, 0, 0, os.POSIX_FADV_DONTNEED)
    return medium


def _read(medium: int, at: int, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = os.pread(medium, size, at)
        except OSError as error:
            raise ProofError(f"the medium cannot be read at byte {at}") from error
        if not part:
            break
        parts.append(part)
        at, size = at + len(part), size - len(part)
    return b"".join(parts)


def _parted(found: bytes, expected: bytes, at: int) -> ProofError:
    if len(found) < len(expected) and expected.startswith(found):
        return ProofError(f"the medium ends after {at + len(found)} bytes")
    first = at + next(number for number, (one, other) in enumerate(zip(found, expected,
                                                                       strict=False))
                      if one != other)
    if DESCRIPTOR <= first < DESCRIPTOR + SECTOR:  # name and date of a disc
        return ProofError("another disc is in the drive", "Look whose it is; it was not written.")
    return ProofError(f"the medium differs from the image at byte {first}")
