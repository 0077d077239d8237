"""The header of a single-frame image out of a frame of an enhanced object (PS3.4 C.3.5)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mediasvc.dicom.classic_header import (
    EXPLICIT,
    Elements,
    classic_header,
    items_of,
    text_of,
    value_of,
    vr_of,
)
from mediasvc.dicom.converted_header import CONTRIBUTING_EQUIPMENT, with_equipment
from mediasvc.dicom.frame_character import PIXEL_PRESENTATION
from mediasvc.dicom.frames import number_of_frames
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.functional_groups import (
    BODY_PART,
    LATERALITY,
    reference,
    sequence,
)
from mediasvc.dicom.kept_originals import GROUP
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard import classic_images as classic
from mediasvc.standard import legacy_converted as table
from mediasvc.standard.classic_images import CLASSIC_OF

SOP_CLASS_UID, SOP_INSTANCE_UID, INSTANCE_NUMBER = 0x00080016, 0x00080018, 0x00200013
SERIES_INSTANCE_UID = 0x0020000E
IMAGE_TYPE, FRAME_TYPE, FRAME_START = 0x00080008, 0x00089007, 0x00189074
PHASE_DIRECTION = 0x00181312
#: Groups that classic images have as sequences too.
_KEPT_AS_SEQUENCE = frozenset((table.REFERENCED_IMAGE, 0x00409096))


def classic_headers(framing: Framing, sop_instance_uid: str, series_instance_uid: str,
                    ) -> Iterator[dict[int, bytes]]:
    """tag → element of everything but the pixel data, for each frame.

    Raises UnsupportedError for what has no single-frame form, DamagedError when the functional
    groups are not those of its frames.
    """
    top = {tag: element for tag, element in classic_header(framing).items()
           if tag >> 16 != GROUP}  # what a joined object keeps is of the files, not of its frames
    source = text_of(top, SOP_CLASS_UID), text_of(top, SOP_INSTANCE_UID)
    if source[0] not in CLASSIC_OF:
        raise UnsupportedError("its SOP Class has no single-frame form that its frames could take")
    kind = CLASSIC_OF[source[0]]
    count = number_of_frames(framing)
    shared = items_of(top.get(table.SHARED_GROUPS))[:1]
    own = items_of(top.get(table.PER_FRAME_GROUPS))
    if kind == table.SECONDARY_CAPTURE and not own:  # they need none
        own = [{}] * count
    elif len(own) != count or not shared:
        raise DamagedError("its functional groups are not those of its frames")
    for number, groups in enumerate(own, 1):
        header = dict(top)
        for group in (*shared, groups):
            header |= _flat(group)
        header = _classic(header, kind)
        header |= {
            SOP_CLASS_UID: _text(SOP_CLASS_UID, "UI", kind),
            SOP_INSTANCE_UID: _text(SOP_INSTANCE_UID, "UI", sop_instance_uid),
            SERIES_INSTANCE_UID: _text(SERIES_INSTANCE_UID, "UI", series_instance_uid),
            table.CONVERSION_SOURCE: sequence(table.CONVERSION_SOURCE, reference(*source, number)),
            CONTRIBUTING_EQUIPMENT: with_equipment(
                top.get(CONTRIBUTING_EQUIPMENT), table.TO_CLASSIC)}
        if INSTANCE_NUMBER not in _flat(groups):
            header[INSTANCE_NUMBER] = _text(INSTANCE_NUMBER, "IS", str(number))
        yield header


def _flat(item: Elements) -> dict[int, bytes]:
    """The attributes of the functional groups in an item, without their sequences."""
    found: dict[int, bytes] = {}
    last: dict[int, bytes] = {}
    for tag, element in item.items():
        if tag == table.CONVERSION_SOURCE:  # of the object, not of what is made of it
            continue
        items = items_of(element)
        if tag in (table.UNASSIGNED_SHARED, table.UNASSIGNED_PER_FRAME) and items:
            last |= items[0]
        elif vr_of(element) != "SQ" or tag in _KEPT_AS_SEQUENCE or len(items) > 1:
            found[tag] = element
        elif items:
            found |= items[0]
    return found | last


def _classic(header: dict[int, bytes], kind: str) -> dict[int, bytes]:
    """Named and complete as classic modules want it. Raises UnsupportedError."""
    if text_of(header, PIXEL_PRESENTATION) == "COLOR":
        raise UnsupportedError("its colours come from a supplemental palette, which no "
                               "single-frame image can hold")
    if kind != table.SECONDARY_CAPTURE and FRAME_TYPE in header and not _said_before(header):
        header[IMAGE_TYPE] = _text(IMAGE_TYPE, "CS", text_of(header, FRAME_TYPE))
    start = text_of(header, FRAME_START)
    if len(start) >= 8:
        header.setdefault(0x00080022, _text(0x00080022, "DA", start[:8]))
        if time := start[8:].split("+")[0].split("-")[0]:
            header.setdefault(0x00080032, _text(0x00080032, "TM", time))
    for tag, (new, vr) in classic.RENAMED.items():
        value = value_of(header.get(tag, b""))
        if len(value) == 8 and new not in header:
            (number,) = struct.unpack("<d", value)
            said = f"{number:.10g}" if vr == "DS" else str(round(number))
            header[new] = _text(new, vr, said)
    if kind == table.MR.classic:
        _pulses(header)
    if text_of(header, PHASE_DIRECTION) == "COLUMN":  # C.8.13.5.2 and C.8.3.1 spell it otherwise
        header[PHASE_DIRECTION] = _text(PHASE_DIRECTION, "CS", "COL")
    for tag, vr in classic.EMPTY[kind].items():
        header.setdefault(tag, _text(tag, vr, ""))
    if not text_of(header, BODY_PART):  # whether it is one of a pair, nobody said
        header.setdefault(LATERALITY, _text(LATERALITY, "CS", ""))
    return {tag: element for tag, element in header.items()
            if tag not in classic.ONLY_MULTI_FRAME}


def _said_before(header: Elements) -> bool:
    """Whether the Image Type is that of the classic image that was converted once."""
    return text_of(header, IMAGE_TYPE).split("\\")[:1] != ["MIXED"] and (
        text_of(header, IMAGE_TYPE) != text_of(header, FRAME_TYPE))


def _pulses(header: dict[int, bytes]) -> None:
    """Scanning Sequence and Sequence Variant are of Type 1."""
    if 0x00180020 not in header:
        values = [*classic.ECHOES.get(text_of(header, 0x00189008), ()),
                  *_met(header, classic.SCANNING)]
        header[0x00180020] = _text(0x00180020, "CS", "\\".join(values) or "RM")
    if 0x00180021 not in header:
        values = _met(header, classic.VARIANTS)
        header[0x00180021] = _text(0x00180021, "CS", "\\".join(values) or "NONE")


def _met(header: Elements, rows: tuple[tuple[int, tuple[str, ...], str], ...]) -> list[str]:
    return [value for tag, no, value in rows
            if text_of(header, tag) and text_of(header, tag) not in no]


def _text(tag: int, vr: str, text: str) -> bytes:
    return EXPLICIT.element(tag, vr, text.encode("latin-1"))
