"""The child's side of a lossy copy of a study: what names an original names its copy afterwards."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from mediasvc.dicom.file_meta import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
)
from mediasvc.dicom.frames import words
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.pieces import Insert, Piece, write
from mediasvc.dicom.splice import META, Change, plan, rewrite_deflated
from mediasvc.dicom.uid_edit import exchanged, mapped, top_level, uids_inside
from mediasvc.errors import DamagedError, ProofError, UnsupportedError
from mediasvc.span import Span
from mediasvc.standard import lossy_labels as label
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY
from mediasvc.work.transcoding.proof import same_elements, same_meta

#: These name what an instance was made from, which stays the original: Source Image Sequence,
#: Predecessor Documents Sequence, Original Attributes Sequence.
KEPT = frozenset({label.SOURCE_IMAGE_SEQUENCE, 0x0040A360, 0x04000561})


def names(span: dict[str, Any]) -> dict[str, Any]:
    """``{"uid", "names"}``: the instance's own UID, and all UIDs in its sequences.

    Raises UnsupportedError for a DICOMDIR, DamagedError for what is not whole.
    """
    with Span.from_json(span).view() as view:
        framing = _framed(view)
        if words(framing, MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
            raise UnsupportedError("a DICOMDIR names the files of its disc")
        return {"uid": words(framing, label.SOP_INSTANCE_UID),
                "names": sorted(uids_inside(framing, KEPT))}


def rename(span: dict[str, Any], out: str, mapping: str) -> dict[str, Any]:
    """Write the instance at ``out`` with the UIDs of the JSON file ``mapping`` exchanged, its own
    one too where it stands there. Raises ProofError when anything else changed."""
    with Span.from_json(span).view() as view:
        old, table = _framed(view), _mapping(mapping)
        new = exchanged(old, table, KEPT)
        uid = table.get(words(old, label.SOP_INSTANCE_UID), words(old, label.SOP_INSTANCE_UID))
        meta = Change(MEDIA_STORAGE_SOP_INSTANCE_UID, META.element(
            MEDIA_STORAGE_SOP_INSTANCE_UID, "UI", uid.encode()))
        changes = [meta, *(Change(tag, element) for tag, element in new.items())]
        pieces: tuple[Piece, ...] = (
            (Insert(rewrite_deflated(old, changes)),) if old.deflated
            else plan(old, len(view), changes, carry=0))
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            sha256, length = write(view, pieces, fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        with Span(out, 0, length).view() as written:
            _prove(old, read_framing(written), frozenset(new), table)
    return {"sop_instance_uid": uid, "references": len(new.keys() - {label.SOP_INSTANCE_UID}),
            "sha256": sha256, "length": length}


def _prove(old: Framing, new: Framing, changed: frozenset[int], table: dict[str, str]) -> None:
    if new.damaged or new.verdict:
        raise ProofError("the written file is not whole")
    same_meta(old, new)
    same_elements(old, new, changed)
    for tag in changed:
        if [mapped(leaf, table) for leaf in top_level(old, tag)] != top_level(new, tag):
            raise ProofError("more than references changed")


def _framed(view: memoryview) -> Framing:
    framing = read_framing(view)
    if framing.damaged or framing.verdict:
        raise DamagedError("the data set is damaged")
    return framing


@lru_cache(maxsize=1)
def _mapping(path: str) -> dict[str, str]:
    table: dict[str, str] = json.loads(Path(path).read_text("ascii"))
    return table
