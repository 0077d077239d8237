"""The child's side of making instances fit a disc: what each one needs (see `conform_rewrite`)."""

from __future__ import annotations

import os
import stat
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.media.checking.check_meta import check_meta, encoded_as_said
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.preambles import LENGTH
from mediasvc.work.planning.fitting import Limits, fitness
from mediasvc.work.turns.batches import Item, each

#: The file meta is within this, or the file is read whole.
HEAD = 4 << 10
#: What each element of an unknown VR has behind its tag.
UNKNOWN = b"UN\0\0"
TIFF = (b"II*\0", b"MM\0*")
#: Of an instance whose file is not there.
MISSING = "missing"
#: (0002,0002), (0002,0003) and (0002,0010), all of them UI.
_NAMING = (b"\2\0\2\0UI", b"\2\0\3\0UI", b"\2\0\x10\0UI")


def examine_items(items: list[Item], limits: dict[str, Any]) -> list[Any]:
    """For each ``{"span", "patient"}``: header, and what it needs (`Fitness.needs`), or why it
    cannot go (``excluded``: rule and words)."""
    wanted = Limits.from_json(limits)
    return each(lambda item: _examine(item, wanted), items)


def _examine(item: Item, limits: Limits) -> dict[str, Any]:
    from mediasvc.dicom.header import scan  # loads kernels; nobody waits for them who only looks

    span = Span.from_json(item["span"])
    header = scan(span)
    if header is None:
        raise DamagedError("is damaged")
    facts = _facts(span, header, limits)
    fits = fitness(header, span.length, item["patient"], limits, facts,
                   _needs(_head(span), span, header.transfer_syntax_uid))
    row: dict[str, Any] = {"header": header.as_json(), "needs": fits.needs}
    if fits.excluded:
        return row | {"excluded": fits.excluded}
    return row | {"facts": facts} if facts else row


def _facts(span: Span, header: InstanceHeader, limits: Limits) -> dict[str, Any]:
    """What the rules for images must know; read in full only where the header is not enough."""
    if limits.header_is_enough(header.sop_class_uid):
        return limits.facts(header)
    from pydicom import dcmread
    from pydicom.filebase import DicomBytesIO

    from mediasvc.media.checking.image_facts import image_facts

    with span.view() as view:
        data = dcmread(DicomBytesIO(bytes(view)), stop_before_pixels=True, force=True)
    return image_facts(data, limits.asked(header.sop_class_uid))


def look_at_heads(items: list[Item]) -> list[Any]:
    """For each ``{"path", "length", "uids"}``, a file whose header is known: what it needs by its
    bytes; None where it is not a file of that length, or its File Meta Information does not name
    these UIDs (SOP class, SOP instance, transfer syntax); `MISSING`."""
    return each(_look, items)


def _look(item: Item) -> list[str] | str | None:
    path, length, uids = item["path"], item["length"], item["uids"]
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return MISSING
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != length:
            return None
        head = os.pread(fd, HEAD, 0)
    finally:
        os.close(fd)
    if not _names(head, uids):
        return None
    return _needs(head, Span(path, 0, length), uids[2])


def _names(head: bytes, uids: list[str]) -> bool:
    if head[LENGTH:LENGTH + 4] != b"DICM":
        return False
    for begin, uid in zip(_NAMING, uids, strict=True):
        value = uid.encode() + b"\0" * (len(uid) & 1)
        if begin + len(value).to_bytes(2, "little") + value not in head:
            return False
    return True


def _head(span: Span) -> bytes:
    return next(Span(span.path, span.offset, min(HEAD, span.length)).chunks(HEAD))


def _needs(head: bytes, span: Span, transfer_syntax_uid: str) -> list[str]:
    needs = []
    view = memoryview(head)
    if (not clean_preamble(head) or any(check_meta(view))
            or not encoded_as_said(view, transfer_syntax_uid)):
        needs.append("clean")
    if UNKNOWN in head and _hides_something(span):
        needs.append("resolve")
    return needs


def _hides_something(span: Span) -> bool:
    """What others must find is sent as UN; only files that have UN are read as a whole."""
    from mediasvc.dicom.framing import read_framing
    from mediasvc.dicom.unknown_vr import hides_something

    with span.view() as view:
        return hides_something(read_framing(view))


def clean_preamble(head: bytes) -> bool:
    """Zero or TIFF: an outgoing file is nothing but DICOM (FAULTS E07)."""
    preamble = head[:LENGTH]
    return not any(preamble) or preamble.startswith(TIFF)
