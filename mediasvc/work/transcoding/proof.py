"""The written file against the received one: nothing else changed (FAULTS X10, invariant 13)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mediasvc.dicom.frames import frame_spec, frames
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.nested import LENGTH_TO_END
from mediasvc.dicom.rewrite import can_splice
from mediasvc.errors import ProofError
from mediasvc.work.transcoding.proof_labels import prove_labels
from mediasvc.work.transcoding.proof_values import same_values
from mediasvc.work.transcoding.transcode_row import FrameSum, Transcoded
from mediasvc.work.turns.in_step import Steps, at_once
from mediasvc.work.turns.mapped import give_back, in_steps

PREAMBLE = 132
#: Compared at a time: what stays in the processor's cache.
_CHUNK = 1 << 16
#: Transfer Syntax UID, group length, Media Storage SOP Instance UID.
_NEW_META = frozenset({0x00020010, 0x00020000, 0x00020003})


def prove(received: memoryview, written: memoryview, done: Transcoded) -> None:
    """Raise ProofError unless the written file frames well, holds exactly the frames that were
    proven, says what was measured, and differs from the received one only in ``done.allowed``."""
    at_once(proving(received, written, done))


def proving(received: memoryview, written: memoryview, done: Transcoded) -> Steps[None]:
    """`prove` in steps: all else, the frames."""
    if done.row.verified == "identical":
        if not _same_bytes(received, written):
            raise ProofError("the written file is not the received one")
        return
    old, new = done.framing, read_framing(written)
    if new.damaged or new.verdict or new.transfer_syntax_uid != done.row.target_ts:
        raise ProofError("the written file is not whole")
    same_meta(old, new)
    found = _frames(new) if done.frames else ()
    if done.row.max_error is not None:
        prove_labels(old, new, done.row)
    if can_splice(old, new.transfer_syntax_uid):
        same_elements(old, new, done.allowed)
    else:
        same_values(received, written, old, new, done.allowed)
    yield
    _same_frames(found, done)


def _same_bytes(one: memoryview, two: memoryview) -> bool:
    if len(one) != len(two):
        return False
    if len(one) <= _CHUNK:
        return bytes(one) == bytes(two)
    return all(bytes(a[at:at + _CHUNK]) == bytes(b[at:at + _CHUNK])
               for a, b in zip(in_steps([one]), in_steps([two]), strict=True)
               for at in range(0, len(a), _CHUNK))


def same_meta(old: Framing, new: Framing) -> None:
    """Byte for byte; what a file without them got is looked at by the walker only."""
    if old.kind == "part10" and bytes(old.head[:PREAMBLE]) != bytes(new.head[:PREAMBLE]):
        raise ProofError("the preamble changed")
    before, after = _raw_meta(old), _raw_meta(new)
    if before != {tag: after.get(tag) for tag in before}:
        raise ProofError("the file meta information changed")


def _raw_meta(framing: Framing) -> dict[int, bytes]:
    return {tag: framing.head[place.start:place.value + place.length]
            for tag, place in framing.meta.items() if tag not in _NEW_META}


def _same_frames(found: Sequence[bytes | memoryview], done: Transcoded) -> None:
    """The frames that were proven, where the written file's own tables say that they are."""
    if len(found) != len(done.frames):
        raise ProofError("the written file has another number of frames")
    for frame, proven in zip(found, done.frames, strict=True):
        if not _is_frame(frame, proven):
            raise ProofError("a frame changed while it was written")
        give_back(frame)


def _frames(new: Framing) -> Sequence[bytes | memoryview]:
    """Native pixels of one bit are one for all frames; of others whatever the tables say."""
    place = new.pixel
    if place is not None and not place.encapsulated and frame_spec(new).bits_allocated == 1:
        return [new.body[place.value:place.end]]
    found = frames(new)
    if found.findings:
        raise ProofError("the written file has another number of frames")
    return found


def _is_frame(frame: bytes | memoryview, proven: FrameSum) -> bool:
    """Whether it is the proven one, with the byte that makes its length even or without."""
    length = len(proven) if isinstance(proven, bytes) else proven[0]
    if len(frame) - length not in (0, 1):
        return False
    if isinstance(proven, bytes):
        one, two = np.frombuffer(frame, np.uint8, length), np.frombuffer(proven, np.uint8)
        return bool((one == two).all())  # bytes and views would have to be copied
    return zlib.crc32(frame[:length]) == proven[1]


def same_elements(old: Framing, new: Framing, allowed: frozenset[int]) -> None:
    """All but the ``allowed`` elements: the same bytes in the same order."""
    stale = allowed | {LENGTH_TO_END} | {tag >> 16 << 16 for tag in allowed}
    if not _same_stream(_kept(old, stale), _kept(new, stale)):
        raise ProofError("an element changed that must not")


def _kept(framing: Framing, stale: frozenset[int]) -> list[memoryview]:
    """The data set without the ``stale`` elements, in as many parts as they leave."""
    parts, at = [], framing.dataset_start
    for row in _rows_of(framing.tags, stale):
        parts.append(framing.body[at:framing.start(row)])
        at = framing.start(row + 1)
    return [part for part in (*parts, framing.body[at:framing.end]) if part]


@lru_cache(maxsize=64)
def _rows_of(tags: bytes, stale: frozenset[int]) -> list[int]:
    """The rows of `Framing.tags` that are ``stale``; the instances of a series share them."""
    return [row for row, tag in enumerate(np.frombuffer(tags, "<u4").tolist()) if tag in stale]


def _same_stream(one: list[memoryview], two: list[memoryview]) -> bool:
    """Whether the parts make the same bytes, wherever they are divided."""
    if sum(map(len, one)) != sum(map(len, two)):
        return False
    mine, others = one[::-1], two[::-1]
    while mine:
        part, other = mine.pop(), others.pop()
        length = min(len(part), len(other))
        if not _same_bytes(part[:length], other[:length]):
            return False
        if len(part) > length:
            mine.append(part[length:])
        if len(other) > length:
            others.append(other[length:])
    return True
