"""The child's side of joining: what of a file decides with which others it is joined."""

from __future__ import annotations

import hashlib
from typing import Any

from mediasvc.dicom.classic_header import classic_header, items_of, text_of
from mediasvc.dicom.frames import frame_spec
from mediasvc.dicom.framing import Framing, NotDicomError, read_framing
from mediasvc.dicom.single_frame import single_frame
from mediasvc.errors import DamagedError, MediasvcError, UnsupportedError
from mediasvc.span import Span
from mediasvc.standard.legacy_converted import (
    CONVERSIONS,
    REFERENCED_IMAGE,
    SECONDARY_CAPTURE,
    SOURCE_IMAGE,
)
from mediasvc.work.turns.batches import Item, each

_UIDS = {"sop_class": 0x00080016, "sop_uid": 0x00080018, "study": 0x0020000D,
         "series": 0x0020000E}
#: Patient's Name, ID with issuer, Birth Date, Sex: the same in all frames of an object.
_PATIENT = (0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040)
_CHARSET, _FRAME_OF_REFERENCE, _LOSSY, _INSTANCE_NUMBER = (
    0x00080005, 0x00200052, 0x00282110, 0x00200013)
_MODALITY_LUT = 0x00283000
_IMAGES = frozenset((*CONVERSIONS, SECONDARY_CAPTURE))


def scan_files(items: list[Item]) -> list[Any]:
    """`scan_file` for each item ``{"span"}``."""
    return each(lambda item: scan_file(Span.from_json(item["span"])), items)


def scan_file(span: Span) -> dict[str, Any]:
    """UIDs, and for a single-frame CT, MR, PET or Secondary Capture image ``kind`` (what all frames
    of an object have in common), ``native``, ``frame_bytes``, ``number``, ``refers`` and
    ``patient`` (a digest).

    ``trouble`` says why such an image cannot be joined; ``other`` marks what is none. Raises
    DamagedError for a file that cannot be read.
    """
    with span.view() as view:
        try:
            framing = read_framing(view)
        except NotDicomError:
            return {"other": "it is no DICOM file"}
        try:
            return _facts(framing)
        except MediasvcError as error:
            raise error.with_traceback(None) from None


def _facts(framing: Framing) -> dict[str, Any]:
    if framing.damaged:
        raise DamagedError("it is damaged or cut short")
    uids = {name: (framing.value(tag) or b"").decode("latin-1").strip(" \0")
            for name, tag in _UIDS.items()}
    if uids["sop_class"] not in _IMAGES:
        return uids | {"other": "it is no single-frame CT, MR, PET or Secondary Capture image"}
    try:
        return uids | _image(framing, uids)
    except UnsupportedError as trouble:
        return uids | {"trouble": trouble.text}


def _image(framing: Framing, uids: dict[str, str]) -> dict[str, Any]:
    missing = [name for name in ("sop_uid", "study", "series") if not uids[name]]
    if missing:
        raise UnsupportedError(f"it has no {missing[0].replace('_', ' ')}")
    frame = single_frame(framing)
    header = classic_header(framing, only=frozenset((
        *_PATIENT, _CHARSET, _FRAME_OF_REFERENCE, _LOSSY, _INSTANCE_NUMBER, _MODALITY_LUT,
        REFERENCED_IMAGE, SOURCE_IMAGE)))
    if items_of(header.get(_MODALITY_LUT)):
        raise UnsupportedError("it has a Modality LUT, which no multi-frame object can hold")
    digest = hashlib.sha256("\0".join(text_of(header, tag) for tag in _PATIENT).encode())
    refers = {text_of(item, 0x00081155) for tag in (REFERENCED_IMAGE, SOURCE_IMAGE)
              for item in items_of(header.get(tag))}
    return {"kind": _kind(framing, header), "frame_bytes": frame.length,
            "number": _number(text_of(header, _INSTANCE_NUMBER)), "refers": sorted(refers - {""}),
            "patient": digest.hexdigest(),
            "native": not (framing.pixel and framing.pixel.encapsulated)}


def _kind(framing: Framing, header: dict[int, bytes]) -> dict[str, str]:
    spec = frame_spec(framing)
    return {
        "Rows": str(spec.rows), "Columns": str(spec.columns),
        "Transfer Syntax": framing.transfer_syntax_uid,
        "Photometric Interpretation": spec.photometric_interpretation,
        "Samples per Pixel": str(spec.samples_per_pixel),
        "Bits Allocated": str(spec.bits_allocated), "Bits Stored": str(spec.bits_stored),
        "High Bit": str(spec.high_bit), "Pixel Representation": str(spec.pixel_representation),
        "Planar Configuration": str(spec.planar_configuration),
        "Lossy Image Compression": text_of(header, _LOSSY) or "00",
        "Specific Character Set": text_of(header, _CHARSET),
        "Frame of Reference": text_of(header, _FRAME_OF_REFERENCE)}


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
