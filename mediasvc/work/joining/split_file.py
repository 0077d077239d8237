"""The child's side of splitting: the single-frame files of a joined object, byte for byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mediasvc.dicom.converted_header import SOP_INSTANCE_UID
from mediasvc.dicom.frames import Frames, frames
from mediasvc.dicom.framing import Framing, NotDicomError, read_framing
from mediasvc.dicom.kept_originals import (
    CREATOR,
    GROUP,
    Record,
    Records,
    of_run,
)
from mediasvc.direct_write import write_new
from mediasvc.errors import (
    DamagedError,
    MediasvcError,
    ProofError,
    StorageError,
    UnsupportedError,
)
from mediasvc.span import Span
from mediasvc.work.joining.join_seal import sealed_uid
from mediasvc.work.joining.split_classic import classic_files
from mediasvc.work.turns.mapped import give_back
from mediasvc.work.wrapping.wrap_uids import PLACEHOLDER

CHANGED = ("the object was changed after it was joined, so the files do not belong to what it says "
           "now")
_Result = TypeVar("_Result")


def split_file(span: dict[str, Any], folder: str, budget: int, *, as_joined: bool = False,
               as_new: bool = False) -> dict[str, Any]:
    """Write the single-frame files into ``folder`` (there, empty): ``kind`` (``original``, or
    ``converted`` for an object that was not joined by us, or ``as_new``) and ``files`` [{name,
    sha256, bytes, sop_instance_uid}] in the order of the frames. ``as_joined``: also when what
    stands before the frames was changed since.

    Raises UnsupportedError for what has no single-frame form, DamagedError, ProofError when a file
    would not be the one that was joined, BudgetError, StorageError.
    """
    def work(view: memoryview) -> dict[str, Any]:
        framing = _framing(view)
        if as_new or _records_tag(framing) is None:
            return {"kind": "converted", "files": list(classic_files(framing, Path(folder)))}
        files = list(_originals(framing, budget, as_joined, _Writer(Path(folder))))
        return {"kind": "original", "files": files}
    try:
        return _viewed(Span.from_json(span), work)
    except OSError as error:
        raise StorageError(f"the files cannot be written ({error.strerror})") from error


def prove_joined(span: Span, sha256s: list[str]) -> None:
    """That the joined file gives back the files of these digests. Raises ProofError."""
    def work(view: memoryview) -> None:
        framing = _framing(view)
        made = [row["sha256"] for row in _originals(framing, 1 << 62, False, _hashed)]
        if made != sha256s:
            raise ProofError("the joined object does not give its files back")
    _viewed(span, work)


def _viewed(span: Span, work: Callable[[memoryview], _Result]) -> _Result:
    with span.view() as view:
        try:
            return work(view)
        except MediasvcError as error:
            # Its traceback holds parts of the view, which could then not be closed.
            raise error.with_traceback(None) from None


def _framing(view: memoryview) -> Framing:
    try:
        framing = read_framing(view)
    except NotDicomError:
        raise UnsupportedError("it is no DICOM file") from None
    if framing.damaged:
        raise DamagedError("the file is damaged or cut short")
    return framing


def _records_tag(framing: Framing) -> int | None:
    """Where our private block keeps its records (PS3.5 7.8.1), None when there is none."""
    for number in range(0x10, 0x100):
        creator = framing.value(GROUP << 16 | number, 64)
        if creator is not None and creator.strip(b" \0") == CREATOR.encode():
            return GROUP << 16 | number << 8 | 0x01
    return None


def _originals(framing: Framing, budget: int, as_joined: bool,
               take: Callable[[int, Iterator[bytes | memoryview]], tuple[str, int]],
               ) -> Iterator[dict[str, Any]]:
    tag = _records_tag(framing)
    place = None if tag is None else framing.find(tag)
    if place is None:
        raise DamagedError("what it keeps of the single-frame files is missing")
    packed = framing.body[int(place["value"]):int(place["value"]) + int(place["length"])]
    records, pixels, sums = Records(packed, budget), frames(framing), []
    for number in range(len(pixels)):
        record = records.next()
        sha256, length = take(number, _file(record, records, pixels, number))
        if sha256 != record.sha256:
            raise ProofError(f"frame {number + 1} does not give the file that was joined; the "
                             "frames, or what is kept of the files, were changed")
        sums.append(sha256)
        yield {"name": _name(number), "sha256": sha256, "bytes": length}
    records.end()
    if not as_joined:
        _check_seal(framing, sums)


def _file(record: Record, records: Records, pixels: Frames, number: int,
          ) -> Iterator[bytes | memoryview]:
    frame = pixels[number]
    if record.of_frame > len(frame):
        raise DamagedError(f"frame {number + 1} is shorter than that of its single-frame file")
    for run in record.runs:
        part = of_run(run, frame)
        if part is None:
            yield from records.literal(run.length)
        else:
            yield part
    give_back(frame)


def _check_seal(framing: Framing, sha256s: list[str]) -> None:
    """Raises ProofError when the head is not the one that was written when it was joined."""
    place = framing.find(SOP_INSTANCE_UID)
    if place is None or framing.pixel is None:
        raise ProofError(CHANGED)
    start, length = int(place["value"]), int(place["length"])
    uid = (framing.value(SOP_INSTANCE_UID) or b"").decode("latin-1").strip(" \0")
    digest = hashlib.sha256(framing.body[framing.dataset_start:start])
    digest.update(PLACEHOLDER.encode())
    digest.update(framing.body[start + length:_first_frame(framing)])
    if sealed_uid(digest.hexdigest(), sha256s) != uid:
        raise ProofError(CHANGED)


def _first_frame(framing: Framing) -> int:
    """Where the first frame begins: behind the offset table of encapsulated ones."""
    assert framing.pixel is not None
    for at, length in framing.pixel.fragments(framing.body):
        return at + length
    return framing.pixel.value


class _Writer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, number: int, parts: Iterator[bytes | memoryview]) -> tuple[str, int]:
        path = self._folder / _name(number)
        sha256, length = write_new(path, parts)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        return sha256, length


def _hashed(_: int, parts: Iterator[bytes | memoryview]) -> tuple[str, int]:
    digest, length = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        length += len(part)
    return digest.hexdigest(), length


def _name(number: int) -> str:
    return f"IM{number + 1:06d}.dcm"
