"""The child's side of "is this the same instance?": equal but for what an importer rewrites.

Two files with one SOP Instance UID are the same instance when every element agrees that coercion
does not own. Where their encodings differ, values are compared instead of bytes, and pixel data
frame by frame as decoded samples.
"""

from __future__ import annotations

from typing import Any

from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.span import Span
from mediasvc.standard import coercion
from mediasvc.work.batches import Item, each

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


def compare_items(items: list[Item]) -> list[Any]:
    """For each ``{"a": span, "b": span}``: ``{"same": bool}``."""
    return each(lambda item: {"same": same_content(Span.from_json(item["a"]),
                                                   Span.from_json(item["b"]))}, items)


def same_content(a: Span, b: Span) -> bool:
    with a.view() as left, b.view() as right:
        first, second = read_framing(left), read_framing(right)
        try:
            if _encoding(first) != _encoding(second):
                return False
            return _elements(first) == _elements(second)
        finally:
            del first, second


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
