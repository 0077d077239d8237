"""The child's side of splitting what was not joined here: new single-frame instances."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediasvc.dicom.classic_header import number_of
from mediasvc.dicom.classic_instance import (
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    classic_headers,
)
from mediasvc.dicom.encapsulation import DELIMITER, item, offset_tables
from mediasvc.dicom.frames import frames
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.dicom.single_frame import encapsulated_head, native_head
from mediasvc.direct_write import write_new
from mediasvc.errors import UnsupportedError
from mediasvc.standard.transfer_syntaxes import EXPLICIT
from mediasvc.work.joining.join_seal import head_of_file
from mediasvc.work.wrapping.wrap_uids import PLACEHOLDER, stable_uid


def classic_files(framing: Framing, folder: Path) -> Iterator[dict[str, Any]]:
    """Write each frame as an instance of its own: rows {name, sha256, bytes, sop_instance_uid}.

    UIDs are made of what the object and the frame say, so a repeat gives the same ones. Raises
    UnsupportedError, DamagedError.
    """
    if framing.big_endian:
        raise UnsupportedError("its samples are big endian; transcode it first")
    uid = (framing.value(SOP_INSTANCE_UID) or b"").decode("latin-1").strip(" \0")
    headers = classic_headers(framing, PLACEHOLDER, stable_uid("split series", uid))
    pixels: Any = None
    for number, header in enumerate(headers, 1):
        pixels = frames(framing) if pixels is None else pixels
        yield _written(framing, header, bytes(pixels[number - 1]), folder / f"IM{number:06d}.dcm")


def _written(framing: Framing, header: dict[int, bytes], frame: bytes, path: Path,
             ) -> dict[str, Any]:
    assert framing.pixel is not None
    encapsulated = framing.pixel.encapsulated
    before = b"".join(header[tag] for tag in sorted(header) if tag < PIXEL_DATA)
    behind = b"".join(header[tag] for tag in sorted(header) if tag > PIXEL_DATA)
    if encapsulated:
        table, _ = offset_tables([len(frame)])
        pixels = encapsulated_head() + table + item(frame) + DELIMITER
    else:
        padded = frame + b"\0" * (len(frame) % 2)
        pixels = native_head(number_of(header, 0x00280100), len(padded)) + padded
    body = before + pixels + behind
    uid = stable_uid("split", hashlib.sha256(body).hexdigest())
    sop_class = header[SOP_CLASS_UID][8:].decode("latin-1").strip("\0")
    syntax = framing.transfer_syntax_uid if encapsulated else EXPLICIT
    head, _ = head_of_file(sop_class, syntax, uid)
    sha256, length = write_new(path, (head, body.replace(PLACEHOLDER.encode(), uid.encode(), 1)))
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return {"name": path.name, "sha256": sha256, "bytes": length, "sop_instance_uid": uid}
