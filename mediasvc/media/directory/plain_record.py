"""A directory record read byte by byte, where it is written plainly: a twentieth of the time that
pydicom takes. `mediasvc.media.directory.plain_directory` shows pydicom what is not, and a
share of the rest.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

from mediasvc.media.checking.check_icon import plain_icon
from mediasvc.media.checking.check_values import is_legal_value
from mediasvc.media.checking.checked_record import (
    CHARACTER_SET,
    NUMBER_VRS,
    UNIQUE,
    DirectoryRecord,
    Keys,
    Noted,
    file_id_parts,
    lacks_of,
    level_of,
    text_of,
)

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
ICON = 0x00880200
#: What stays of an icon.
WHOLE, BROKEN = b"(items)", b"(items without their pixels)"
_TAG_LENGTH = struct.Struct("<HHI")
_ELEMENT = struct.Struct("<HH2sH")
#: VRs with a length of two bytes that are text or numbers.
_SHORT = {vr.encode(): vr for vr in (
    "AE", "AS", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST",
    "TM", "UI", "UL", "US")}
#: What surely is legal (PS3.5 6.2); of anything else `is_legal_value` is asked.
_LEGAL = {
    "CS": re.compile(rb"[A-Z0-9_]{1,16}(\\[A-Z0-9_]{1,16})* ?"),
    "IS": re.compile(rb"(0|[1-9][0-9]{0,8}) ?"),
    "UI": re.compile(rb"(?=.{3,64}\Z)(1\.[0-3]|2\.(0|[1-9][0-9]*))(\.(0|[1-9][0-9]*))*\0?",
                     re.DOTALL),
}

#: tag → (VR, value as it stands)
Elements = dict[int, tuple[str, bytes]]


def item_place(view: memoryview, at: int, end: int) -> tuple[int, int, int]:
    """Where the content of the item at ``at`` begins and ends, and where the next item begins; all
    0 at the end of the sequence. An item of undefined length that holds a sequence, too, has no
    next one: 0. Raises ValueError or struct.error where there is no item."""
    group, element, length = _TAG_LENGTH.unpack_from(view, at)
    tag, start = group << 16 | element, at + 8
    if tag == SEQUENCE_END and not length:
        return 0, 0, 0
    if tag != ITEM:
        raise ValueError
    if length != UNDEFINED:
        if start + length > end:
            raise ValueError
        return start, start + length, start + length
    stop = start
    while True:
        group, element, vr, length = _ELEMENT.unpack_from(view, stop)
        if group << 16 | element == ITEM_END:
            return start, stop, stop + 8
        if vr not in _SHORT:
            return start, start, 0
        stop += 8 + length


def plain_elements(item: bytes) -> Elements | None:
    """The elements of a record without sequences but for an icon, of which only stays whether it
    has its pixels; None for what is written in any other way. Raises struct.error where the bytes
    end too early."""
    found: Elements = {}
    at, size, last = 0, len(item), 0
    while at < size:
        group, element, vr, length = _ELEMENT.unpack_from(item, at)
        tag = group << 16 | element
        name = _SHORT.get(vr)
        if tag <= last:
            return None
        if name is not None:
            start = at + 8
            at = start + length
            found[tag] = name, item[start:at]
        elif vr == b"SQ" and tag == ICON:
            length = int.from_bytes(item[at + 8:at + 12], "little")
            start = at + 12
            at = start + length
            whole = plain_icon(item[start:at]) if length else True
            if whole is None:
                return None
            found[tag] = "SQ", (WHOLE if whole else BROKEN) if length else b""
        else:
            return None
        last = tag
    return found if at == size else None


def plain_record(item: bytes, offset: int) -> Noted | None:
    """What `noted` tells of the record whose content is ``item``, with its item tag at ``offset``;
    None for what pydicom has to read."""
    try:
        found = plain_elements(item)
    except struct.error:
        return None
    if found is None:
        return None
    numbers = [_number(found, tag, vr) for tag, vr in (
        (0x00041400, "UL"), (0x00041420, "UL"), (0x00041410, "US"))]
    following, lower, in_use = numbers
    if following is None or lower is None or in_use is None:
        return None
    kind = _text(found, 0x00041430)
    unique = UNIQUE.get(kind)
    filled = tuple(tag for tag, (vr, value) in found.items()
                   if (value if vr in NUMBER_VRS else value.rstrip(b" \0")))
    level, charset = level_of(kind), _text(found, CHARACTER_SET)
    return Noted(
        DirectoryRecord(
            offset=offset, type=kind, next=following, lower=lower, in_use=in_use == 0xFFFF,
            sop_class_uid=_text(found, 0x00041510),
            identity=_raw(found, unique[0]) if unique else b"",
            lacks=lacks_of(kind, tuple(found), filled)),
        illegal=_illegal(found), keys=_keys(found, level, charset),
        parts=file_id_parts(_raw(found, 0x00041500)),
        sop_instance_uid=text_of(_raw(found, 0x00041511)),
        transfer_syntax_uid=_text(found, 0x00041512),
        shape=(kind, charset, tuple(found), tuple(vr for vr, _ in found.values())))


def _number(found: Elements, tag: int, vr: str) -> int | None:
    """0 where it is absent, None where it is no such number."""
    element = found.get(tag)
    if element is None:
        return 0
    said, value = element
    return int.from_bytes(value, "little") if said == vr and len(value) == (
        2 if vr == "US" else 4) else None


def _raw(found: Elements, tag: int) -> bytes:
    element = found.get(tag)
    if element is None:
        return b""
    return element[1] if element[0] in NUMBER_VRS else element[1].rstrip(b" \0")


def _text(found: Elements, tag: int) -> str:
    return _shared(_raw(found, tag))


@lru_cache(maxsize=4096)
def _shared(raw: bytes) -> str:
    """One text for all records that say the same."""
    return raw.decode("latin-1").strip()


def _illegal(found: Elements) -> tuple[str, ...]:
    charset = found.get(CHARACTER_SET, ("", b""))[1].decode("ascii", "replace").strip()
    return tuple(f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag, (vr, value) in found.items()
                 if not ((quick := _LEGAL.get(vr)) and quick.fullmatch(value))
                 and (value == BROKEN if vr == "SQ" else not is_legal_value(vr, value, charset)))


def _keys(found: Elements, level: int, charset: str) -> Keys:
    return {tag: (text.decode("latin-1"), level, charset) for tag, (vr, value) in found.items()
            if tag >> 16 not in (2, 4) and vr != "SQ" and tag != CHARACTER_SET
            and (text := value.rstrip(b" \0"))}
