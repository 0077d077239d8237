"""The SOP Instance UID of a joined object is the seal on it.

It is made of the digest of everything before the frames, with a placeholder where it stands itself,
and of the digests of the single-frame files. So the same files joined again are the same instance,
and a head that was changed afterwards does not fit its UID any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mediasvc.dicom.classic_header import EXPLICIT
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.preambles import LENGTH as PREAMBLE
from mediasvc.work.wrapping.wrap_uids import LENGTH, PLACEHOLDER, stable_uid


def sealed_uid(head_sha256: str, sha256s: Sequence[str]) -> str:
    """Of the head's digest and those of the single-frame files in the order of the frames."""
    digest = hashlib.sha256("".join(sha256s).encode()).hexdigest()
    return stable_uid("joined", head_sha256, digest)


def head_of_file(sop_class_uid: str, transfer_syntax_uid: str,
                 sop_instance_uid: str = PLACEHOLDER) -> tuple[bytes, int]:
    """Preamble and file meta (PS3.10 7.1), and where in them the SOP Instance UID stands."""
    element = EXPLICIT.element
    first = (element(0x00020001, "OB", b"\0\1")
             + element(0x00020002, "UI", sop_class_uid.encode())
             + element(0x00020003, "UI", sop_instance_uid.encode()))
    rest = (element(0x00020010, "UI", transfer_syntax_uid.encode())
            + element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode())
            + element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode()))
    length = element(0x00020000, "UL", (len(first) + len(rest)).to_bytes(4, "little"))
    start = bytes(PREAMBLE) + PREFIX + length + first
    return start + rest, len(start) - LENGTH
