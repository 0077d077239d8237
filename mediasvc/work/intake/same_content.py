"""The child's side of "is this the same instance?": equal but for what an importer rewrites.

Two files with one SOP Instance UID are the same instance when every element agrees that coercion
does not own. Where their encodings differ, values are compared instead of bytes, and pixel data
frame by frame as decoded samples.
"""

from __future__ import annotations

from typing import Any

from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.pixel_place import PIXEL_TAGS
from mediasvc.errors import MediasvcError
from mediasvc.model import FrameSpec
from mediasvc.span import Span
from mediasvc.standard import coercion
from mediasvc.work.transcoding.proof_values import same_values
from mediasvc.work.transcoding.source_frames import source_frames
from mediasvc.work.turns.batches import Item, each

#: Elements that may differ between an instance as received and as filed.
OWNED = frozenset({
    *(rule.tag for rule in (*coercion.IDENTITY_RULES, *coercion.ORDER_RULES)),
    coercion.OTHER_PATIENT_IDS_SEQUENCE,
    coercion.INSTANCE_COERCION_DATE_TIME, coercion.CONTRIBUTING_EQUIPMENT_SEQUENCE,
    coercion.ORIGINAL_ATTRIBUTES_SEQUENCE, coercion.INSTANCE_ORIGIN_STATUS,
    coercion.PROCEDURE_CODE_SEQUENCE, coercion.REQUEST_ATTRIBUTES_SEQUENCE,
    0x00080005,  # Specific Character Set goes with the names
    0xFFFCFFFC,  # Data Set Trailing Padding
})

#: What another transfer syntax changes: pixel data, offset tables, and what they force (RL-9).
OF_SYNTAX = frozenset({
    0x7FE00001, 0x7FE00002, *PIXEL_TAGS, 0x00280004, 0x00280006, 0x00280101, 0x00280102,
    0x00282110})


def compare_items(items: list[Item]) -> list[Any]:
    """For each ``{"a": span, "b": span}``: ``{"same": bool}``."""
    return each(lambda item: {"same": same_content(Span.from_json(item["a"]),
                                                   Span.from_json(item["b"]))}, items)


def same_content(a: Span, b: Span) -> bool:
    """Whether two files with one SOP Instance UID are the same instance, in whatever transfer
    syntax each of them is written."""
    with a.view() as left, b.view() as right:
        first, second = read_framing(left), read_framing(right)
        try:
            if first.damaged or second.damaged:
                return False
            same_encoding = _encoding(first) == _encoding(second)
            if same_encoding and _elements(first) == _elements(second):
                return True
            if second.big_endian:  # `same_values` wants that one first
                return _same_meaning(right, left, second, first)
            return _same_meaning(left, right, first, second)
        finally:
            del first, second


def _same_meaning(left: memoryview, right: memoryview, first: Framing, second: Framing) -> bool:
    """Equal values, and pixels that decode to the same samples."""
    if (first.pixel is None) != (second.pixel is None):
        return False
    try:
        if first.pixel is not None and not _same_pixels(first, second):
            return False
        same_values(left, right, first, second, OWNED | OF_SYNTAX)
    except MediasvcError:  # what cannot be decoded or read is not known to be the same
        return False
    return True


def _same_pixels(first: Framing, second: Framing) -> bool:
    import numpy as np

    if _raw_pixels(first) == _raw_pixels(second):
        return True
    one, two = source_frames(first), source_frames(second)
    return (len(one) == len(two) and _kind(one.spec) == _kind(two.spec)
            and all(np.array_equal(one.decode(number), two.decode(number))
                    for number in range(len(one))))


def _raw_pixels(framing: Framing) -> tuple[str, int, memoryview | None]:
    """Native ones are the same in every native syntax of one byte order."""
    place = framing.pixel
    assert place is not None
    syntax = framing.transfer_syntax_uid if place.encapsulated else str(framing.big_endian)
    return syntax, place.tag, framing.body[place.value:place.end]


def _kind(spec: FrameSpec) -> tuple[object, ...]:
    return (spec.rows, spec.columns, spec.samples_per_pixel, spec.bits_allocated,
            spec.pixel_representation, spec.photometric_interpretation)


def _encoding(framing: Framing) -> tuple[str, bool, bool]:
    return framing.transfer_syntax_uid, framing.implicit, framing.big_endian


def _elements(framing: Framing) -> dict[int, bytes]:
    """Raw values by tag, without what coercion owns and group lengths."""
    import hashlib

    values: dict[int, bytes] = {}
    for row in framing.elements:
        tag = int(row["tag"])
        if tag in OWNED or tag & 0xFFFF == 0:
            continue
        start = int(row["value"])
        raw = framing.body[start:start + int(row["length"])]
        values[tag] = hashlib.sha256(raw).digest()
    return values
