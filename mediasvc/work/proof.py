"""The written file against the received one: nothing else changed (FAULTS X10, invariant 13)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mediasvc.dicom.frames import frames
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.rewrite import can_splice
from mediasvc.errors import ProofError
from mediasvc.work.transcode_row import Transcoded

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement

LENGTH_TO_END = 0x00080001
PREAMBLE = 132
#: Values that have a byte order, as numbers of numpy.
_NUMBERS = {"OW": "u2", "US": "u2", "SS": "u2", "AT": "u2", "OF": "u4", "OL": "u4", "FL": "u4",
            "SL": "u4", "UL": "u4", "OD": "u8", "OV": "u8", "FD": "u8", "SV": "u8", "UV": "u8"}
TRANSFER_SYNTAX_UID, GROUP_LENGTH, SOP_INSTANCE_UID = 0x00020010, 0x00020000, 0x00020003


def prove(received: memoryview, written: memoryview, done: Transcoded) -> None:
    """Raise ProofError unless the written file frames well, holds exactly the frames that were
    proven, and differs from the received one only in ``done.allowed``."""
    old, new = read_framing(received), read_framing(written)
    if new.damaged or new.verdict or new.transfer_syntax_uid != done.row.target_ts:
        raise ProofError("the written file is not whole")
    if done.row.verified == "identical":
        if received != written:
            raise ProofError("the written file is not the received one")
        return
    _same_meta(old, new)
    _same_frames(new, done)
    if can_splice(old, new.transfer_syntax_uid):
        _same_elements(old, new, done.allowed)
    else:
        _same_values(received, written, done.allowed)


def _same_meta(old: Framing, new: Framing) -> None:
    """Byte for byte; what a file without them got is looked at by the walker only."""
    if old.kind == "part10" and bytes(old.head[:PREAMBLE]) != bytes(new.head[:PREAMBLE]):
        raise ProofError("the preamble changed")
    before, after = _raw_meta(old), _raw_meta(new)
    if before != {tag: after.get(tag) for tag in before}:
        raise ProofError("the file meta information changed")


def _raw_meta(framing: Framing) -> dict[int, bytes]:
    starts = [place.start for place in framing.meta.values()]
    rows = zip(framing.meta, starts, [*starts, framing.meta_end][1:], strict=True)
    changed = {TRANSFER_SYNTAX_UID, GROUP_LENGTH, SOP_INSTANCE_UID}
    return {tag: bytes(framing.head[start:end]) for tag, start, end in rows if tag not in changed}


def _same_frames(new: Framing, done: Transcoded) -> None:
    if not done.frame_digests:
        return
    found = frames(new)
    if len(found) != len(done.frame_digests):
        raise ProofError("the written file has another number of frames")
    for frame, digest in zip(found, done.frame_digests, strict=True):
        if digest not in (hashlib.sha256(frame).digest(), hashlib.sha256(frame[:-1]).digest()):
            raise ProofError("a frame changed while it was written")


def _same_elements(old: Framing, new: Framing, allowed: frozenset[int]) -> None:
    """Byte for byte, in the same order."""
    if list(_raw(old, allowed)) != list(_raw(new, allowed)):
        raise ProofError("an element changed that must not")


def _raw(framing: Framing, allowed: frozenset[int]) -> list[tuple[int, bytes]]:
    starts = framing.elements["start"].tolist()
    rows = zip(framing.elements["tag"].tolist(), starts, [*starts, framing.end][1:], strict=True)
    groups = {tag >> 16 for tag in allowed}
    return [(tag, bytes(framing.body[start:end])) for tag, start, end in rows
            if tag not in allowed and tag != LENGTH_TO_END
            and not (tag & 0xFFFF == 0 and tag >> 16 in groups)]


def _same_values(received: memoryview, written: memoryview, allowed: frozenset[int]) -> None:
    """The data set was written anew: every value as another library reads it, on every level."""
    try:
        old, new = _data_set(received), _data_set(written)
        _compare(old, new, allowed)
    except ProofError:
        raise
    except Exception as error:  # whatever the other library stumbles over: then nothing is proven
        raise ProofError("another reader cannot compare the data sets") from error


def _data_set(view: memoryview) -> Dataset:
    import io
    import warnings

    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(io.BytesIO(view), force=True)


def _compare(old: Dataset, new: Dataset, allowed: frozenset[int] = frozenset()) -> None:
    def tags(dataset: Dataset) -> list[int]:
        return sorted(int(tag) for tag in dataset.keys()  # noqa: SIM118 - iterates elements
                      if tag.element and tag.group != 0xFFFC and int(tag) not in allowed
                      and int(tag) != LENGTH_TO_END)

    if tags(old) != tags(new):
        raise ProofError("an element was lost or added")
    for tag in tags(old):
        one, two = old.get_item(tag), new.get_item(tag)
        if not _same(one, two, old, new, tag):
            raise ProofError(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) changed")


def _same(one: DataElement | RawDataElement | None, two: DataElement | RawDataElement | None,
          old: Dataset, new: Dataset, tag: int) -> bool:
    raw, other = _value(one), _value(two)
    if isinstance(raw, bytes) and isinstance(other, bytes):
        if raw == other:
            return True
        number = _NUMBERS.get(one.VR or "" if one is not None else "")
        if number and not old.original_encoding[1]:
            return bool(np.frombuffer(raw, f">{number}").astype(f"<{number}").tobytes() == other)
    left, right = old[tag], new[tag]
    if left.VR == "SQ" and right.VR == "SQ":
        if len(left.value) != len(right.value):
            return False
        for before, after in zip(left.value, right.value, strict=True):
            _compare(before, after)
        return True
    return bool(left.value == right.value)


def _value(element: Any) -> Any:
    value = element.value if element is not None else None
    return b"" if value is None or value == "" else value
