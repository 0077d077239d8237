"""The functional groups of a converted frame (PS3.3 C.7.6.16.2, C.8.15.3; PS3.4 C.3.5)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from mediasvc.dicom.classic_header import EXPLICIT, Elements, items_of, number_of, text_of
from mediasvc.dicom.frame_character import FRAME_TYPE, character
from mediasvc.standard import legacy_converted as table
from mediasvc.standard.legacy_converted import Conversion, Macro

PURPOSE, REFERENCED_UID = 0x0040A170, 0x00081155
DERIVATION_DESCRIPTION, DERIVATION_CODES = 0x00082111, 0x00089215
BODY_PART, REGION, LATERALITY, IMAGE_LATERALITY = 0x00180015, 0x00082218, 0x00200060, 0x00200062
FRAME_LATERALITY = 0x00209072
INTERCEPT, SLOPE, RESCALE_TYPE = 0x00281052, 0x00281053, 0x00281054
CENTER, WIDTH, EXPLANATION = 0x00281050, 0x00281051, 0x00281055
BITS_STORED, PIXEL_REPRESENTATION = 0x00280101, 0x00280103

Groups = dict[int, bytes]
"""Sequence tag → complete sequence, each with one item."""


def groups_of(conversion: Conversion, header: Elements) -> tuple[dict[str, Groups], set[int]]:
    """The macros of one frame by name, but for those of every frame of its own, and the classic
    attributes that they hold completely."""
    if conversion.kind == "capture":
        return {}, set()
    made: dict[str, Groups] = {}
    used: set[int] = set()
    for macro in table.PLAIN_MACROS:
        inner = {tag: header[tag] for tag in macro.tags if text_of(header, tag)}
        made[macro.name] = _group(macro.sequence, inner)
        used |= inner.keys()
    if conversion.classic != table.MR.classic and table.IRRADIATION_EVENT.tags[0] in header:
        _add(made, used, table.IRRADIATION_EVENT, {
            tag: header[tag] for tag in table.IRRADIATION_EVENT.tags}, header)
    _add(made, used, table.PIXEL_VALUES, _pixel_values(conversion, header), header)
    _add(made, used, table.FRAME_VOI_LUT, _window(conversion, header), header)
    made["Frame Type"] = _group(conversion.frame_type, character(header).elements(FRAME_TYPE))
    _anatomy(made, used, header)
    _references(made, used, header)
    return made, used


def sequence(tag: int, *items: Elements) -> bytes:
    """A sequence of items, whose elements are put in order."""
    return EXPLICIT.sequence(tag, (EXPLICIT.item(item[key] for key in sorted(item))
                                   for item in items))


def code(tag: int, value: tuple[str, str, str]) -> bytes:
    """A code sequence of one item (PS3.3 8.8)."""
    return sequence(tag, {
        0x00080100: EXPLICIT.element(0x00080100, "SH", value[0].encode()),
        0x00080102: EXPLICIT.element(0x00080102, "SH", value[1].encode()),
        0x00080104: EXPLICIT.element(0x00080104, "LO", value[2].encode())})


def reference(sop_class_uid: str, sop_instance_uid: str, frame: int = 0) -> dict[int, bytes]:
    """An item that refers to an image, or to one frame of it (PS3.3 table 10-3)."""
    item = {0x00081150: EXPLICIT.element(0x00081150, "UI", sop_class_uid.encode()),
            0x00081155: EXPLICIT.element(0x00081155, "UI", sop_instance_uid.encode())}
    if frame:
        item[0x00081160] = EXPLICIT.element(0x00081160, "IS", str(frame).encode())
    return item


def frame_content(header: Elements) -> bytes:
    """C.7.6.16.2.2: number and time of its acquisition."""
    inner: dict[int, bytes] = {}
    number = text_of(header, 0x00200012)
    if number.isascii() and number.isdigit() and int(number) < 1 << 16:
        inner[0x00209156] = EXPLICIT.element(0x00209156, "US", int(number).to_bytes(2, "little"))
    date, time = text_of(header, 0x00080022), text_of(header, 0x00080032)
    start = text_of(header, 0x0008002A) or (date + time if len(date) == 8 and date.isdigit()
                                            else "")
    if start:
        inner[0x00189074] = EXPLICIT.element(0x00189074, "DT", start.encode("latin-1"))
    return sequence(table.FRAME_CONTENT, inner)


def full_window(header: Elements) -> tuple[str, str]:
    """Center and width that show every stored value (C.11.2.1.2)."""
    bits = number_of(header, BITS_STORED, 16)
    low = -(1 << (bits - 1)) if number_of(header, PIXEL_REPRESENTATION) else 0
    slope, intercept = _decimal(header, SLOPE, 1.0), _decimal(header, INTERCEPT, 0.0)
    width = abs(slope) * (1 << bits)
    center = slope * (low + (1 << (bits - 1))) + intercept
    return f"{center:.10g}", f"{max(width, 1):.10g}"


def _decimal(header: Elements, tag: int, default: float) -> float:
    try:
        value = float(text_of(header, tag).split("\\")[0])
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def _group(tag: int, inner: Elements) -> Groups:
    return {tag: sequence(tag, inner)}


def _add(made: dict[str, Groups], used: set[int], macro: Macro, inner: Elements,
         header: Elements) -> None:
    if inner:
        made[macro.name] = _group(macro.sequence, inner)
        used.update(tag for tag in inner if header.get(tag) == inner[tag])


def _pixel_values(conversion: Conversion, header: Elements) -> dict[int, bytes]:
    said = any(tag in header for tag in (INTERCEPT, SLOPE))
    if not said and table.PIXEL_VALUES not in conversion.needs:
        return {}
    kind = conversion.rescale_type
    if conversion.classic == table.CT.classic:  # a source that says no scale has no unit either
        kind = _unit(text_of(header, RESCALE_TYPE)) or (kind if said else "US")
    own = {INTERCEPT: EXPLICIT.element(INTERCEPT, "DS", b"0"),
           SLOPE: EXPLICIT.element(SLOPE, "DS", b"1"),
           RESCALE_TYPE: EXPLICIT.element(RESCALE_TYPE, "LO", kind.encode("latin-1"))}
    return own | {tag: header[tag] for tag in (INTERCEPT, SLOPE) if text_of(header, tag)}


def _unit(said: str) -> str:
    """Rescale Type (C.11.1.1.2); some write the name of the unit out."""
    return "HU" if said.lower().startswith("houn") else said


def _window(conversion: Conversion, header: Elements) -> dict[int, bytes]:
    if text_of(header, CENTER) and text_of(header, WIDTH):
        return {tag: header[tag] for tag in table.FRAME_VOI_LUT.tags if text_of(header, tag)}
    if table.FRAME_VOI_LUT not in conversion.needs:
        return {}
    center, width = full_window(header)
    return {CENTER: EXPLICIT.element(CENTER, "DS", center.encode()),
            WIDTH: EXPLICIT.element(WIDTH, "DS", width.encode()),
            EXPLANATION: EXPLICIT.element(EXPLANATION, "LO", b"full range")}


def _anatomy(made: dict[str, Groups], used: set[int], header: Elements) -> None:
    """C.7.6.16.2.8; required where Body Part Examined has a value of PS3.16 annex L."""
    region = header.get(REGION)
    known = table.ANATOMY.get(text_of(header, BODY_PART))
    if region is not None and items_of(region):
        used.add(REGION)
    elif known:
        region = code(REGION, (known[0], "SCT", known[1]))
    else:
        return
    side = text_of(header, IMAGE_LATERALITY) or text_of(header, LATERALITY)
    side = side if side in ("R", "L", "B") else "U"
    if IMAGE_LATERALITY in header:
        used.add(IMAGE_LATERALITY)
    made["Frame Anatomy"] = _group(table.FRAME_ANATOMY, {
        REGION: region, FRAME_LATERALITY: EXPLICIT.element(FRAME_LATERALITY, "CS", side.encode())})


def _references(made: dict[str, Groups], used: set[int], header: Elements) -> None:
    """C.7.6.16.2.5 and .6: what the classic image referred to, its purpose told as unknown where
    nobody said it."""
    if items := _named(header, table.REFERENCED_IMAGE):
        made["Referenced Image"] = {table.REFERENCED_IMAGE: sequence(
            table.REFERENCED_IMAGE, *map(_with_purpose, items))}
        used.add(table.REFERENCED_IMAGE)
    if not (items := _named(header, table.SOURCE_IMAGE)):
        return
    inner = {tag: header[tag] for tag in (DERIVATION_DESCRIPTION, DERIVATION_CODES)
             if tag in header}
    used |= {table.SOURCE_IMAGE, *inner}
    inner.setdefault(DERIVATION_CODES, code(DERIVATION_CODES, table.UNKNOWN))
    inner[table.SOURCE_IMAGE] = sequence(table.SOURCE_IMAGE, *map(_with_purpose, items))
    made["Derivation Image"] = _group(table.DERIVATION_IMAGE, inner)


def _named(header: Elements, tag: int) -> list[dict[int, bytes]]:
    """The references of a sequence; none where one of them names nothing."""
    items = items_of(header.get(tag))
    return items if all(text_of(item, REFERENCED_UID) for item in items) else []


def _with_purpose(item: dict[int, bytes]) -> dict[int, bytes]:
    if items_of(item.get(PURPOSE)):
        return item
    return item | {PURPOSE: code(PURPOSE, table.UNKNOWN)}


def is_left_out(tag: int) -> bool:
    """What no multi-frame object may hold: also overlays (60xx) and curves (50xx)."""
    group = tag >> 16
    return tag in table.LEFT_OUT or (group & 1 == 0 and group & 0xFF00 in (0x5000, 0x6000))


def unassigned(header: Elements, but: Iterable[Collection[int]]) -> dict[int, bytes]:
    """What has no place of its own (C.7.6.16.2.25)."""
    taken = set().union(*but)
    return {tag: element for tag, element in header.items()
            if tag not in taken and not is_left_out(tag)}
