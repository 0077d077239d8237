"""The keys of an instance for its directory records, read from its bytes (PS3.3 F.5, PS3.11).

`scan` is for many files: it reads the first few KiB and goes over the elements once, which costs
less than calling the compiled walker. It takes only what is plainly written; everything else goes
to `read`, which knows all encodings.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.dicom.compose import Encoding
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.directory.directory_entry import DirectoryEntry
from mediasvc.media.directory.directory_scan import NotPlainError, scan_values, uid_text
from mediasvc.media.directory.sequence_bytes import (
    IMPLICIT,
    concept_modifiers,
    explicit_items,
    first_item_value,
    item_values,
    swapped,
)
from mediasvc.span import Span
from mediasvc.standard.directory_records import (
    CONTENT_SEQUENCE,
    FUNCTIONAL_GROUPS,
    ICON,
    KEY_VRS,
    NUMBER_VRS,
    RECORD_TYPES,
    SHARED_GROUPS,
    SOURCES,
    VERIFICATION_TIME,
    VERIFYING_OBSERVERS,
    WITH_ICONS,
    keys_of,
)
from mediasvc.standard.sop_classes import RECORD_TYPE_OF

if TYPE_CHECKING:
    from mediasvc.dicom.framing import Framing

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
#: Needed to name the file, and to invent what is missing.
ALWAYS = frozenset({
    SPECIFIC_CHARACTER_SET, SOP_CLASS_UID, SOP_INSTANCE_UID, 0x00080021, 0x00080022, 0x00080023,
    0x00100030, 0x00100040})
#: Values whose last byte is never padding.
BINARY = frozenset(tag for tag, vr in KEY_VRS.items() if vr == "SQ" or vr in NUMBER_VRS)
PADDING = (b" ", b"\0")
#: What `scan` reads first, and at most before it asks for the whole file.
WINDOWS = (8 << 10, 256 << 10)


@lru_cache(maxsize=256)
def wanted_tags(sop_class_uid: str, key_set: str) -> tuple[frozenset[int], int]:
    """The tags to look for in an instance of that class, and the last of them.

    Raises UnsupportedError when no directory record refers to such instances, DamagedError when
    there is no class.
    """
    if not sop_class_uid:
        raise DamagedError("an instance without SOP Class UID cannot be put into a directory")
    leaf = RECORD_TYPE_OF.get(sop_class_uid)
    if leaf is None:
        raise UnsupportedError(f"No directory record type is known for SOP class {sop_class_uid}.")
    levels = ("PATIENT", "STUDY", "SERIES", leaf) if RECORD_TYPES[leaf].level == 3 else (leaf,)
    tags = {key.tag for level in levels for key in keys_of(level, key_set)} - {ICON.tag}
    if VERIFICATION_TIME in tags:
        tags.add(VERIFYING_OBSERVERS)
    if tags & FUNCTIONAL_GROUPS.keys() and key_set.removesuffix(WITH_ICONS) == "extended":
        tags.add(SHARED_GROUPS)
    return frozenset(tags | ALWAYS), max(tags | ALWAYS)


def read(framing: Framing, file_id: tuple[str, ...], key_set: str = "none") -> DirectoryEntry:
    """The entry of any readable instance, in any transfer syntax.

    ``key_set`` is a name of `directory_records.KEY_SETS`. Raises UnsupportedError for a SOP class
    without a record type, DamagedError when an identifying UID or a repeated sequence is broken.
    """
    sop_class = uid_text(framing.value(SOP_CLASS_UID) or b"")
    encoding = Encoding(framing.implicit, framing.big_endian)
    values = {}
    for tag in wanted_tags(sop_class, key_set)[0]:
        row = framing.find(tag)
        if row is None:
            continue
        start = int(row["value"])
        raw = bytes(framing.body[start:start + int(row["length"])])
        values[tag] = _plain(tag, raw, bytes(row["vr"]), bool(row["undefined"]), encoding)
    return _entry(values, framing.transfer_syntax_uid, file_id, key_set)


def scan(path: Path | str | Span, file_id: tuple[str, ...], key_set: str = "none",
         ) -> DirectoryEntry:
    """`read` of a DICOM file, or of one that stands in another file, without reading more of it
    than needed. Raises also OSError."""
    place, offset, length = ((path.path, path.offset, path.length) if isinstance(path, Span)
                             else (path, 0, WINDOWS[-1]))
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        for window in WINDOWS:
            data = os.pread(descriptor, min(window, length), offset)
            try:
                found = scan_values(data, len(data) < window, key_set, wanted_tags)
                return _entry(found.values, found.transfer_syntax_uid, file_id, key_set)
            except struct.error:
                continue
    except NotPlainError:
        pass
    finally:
        os.close(descriptor)
    from mediasvc.dicom.framing import read_framing

    whole = path if isinstance(path, Span) else Span.of_file(path)
    with whole.view() as view:
        return read(read_framing(view), file_id, key_set)


def _plain(tag: int, raw: bytes, vr: bytes, undefined: bool, encoding: Encoding) -> bytes:
    """A value as Explicit VR Little Endian has it."""
    key_vr = KEY_VRS.get(tag, "")
    if key_vr == "SQ" or tag in SOURCES:
        # A sequence that was sent as UN is written in Implicit VR Little Endian (PS3.5 6.2.2).
        inner = encoding if encoding.implicit or vr == b"SQ" else IMPLICIT
        return explicit_items(raw, inner, undefined)
    return swapped(raw, key_vr) if encoding.big_endian else raw


def _entry(
    values: dict[int, bytes], transfer_syntax_uid: str, file_id: tuple[str, ...], key_set: str
) -> DirectoryEntry:
    groups = values.pop(SHARED_GROUPS, b"")
    if groups:
        _shared(groups, values)
    observers = values.pop(VERIFYING_OBSERVERS, b"")
    if observers:
        values[VERIFICATION_TIME] = max(item_values(observers, VERIFICATION_TIME), default=b"")
    for tag, raw in values.items():
        if raw[-1:] in PADDING and tag not in BINARY:
            values[tag] = raw.rstrip(b" \0")
    sop_class, sop_instance = (
        uid_text(values.pop(tag, b"")) for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID))
    record_type = RECORD_TYPE_OF[sop_class]
    in_tree = RECORD_TYPES[record_type].level == 3
    if not sop_instance.isascii() or not transfer_syntax_uid.isascii():
        raise DamagedError("an instance whose UIDs are no UIDs cannot be put into a directory")
    if not sop_instance or (in_tree and not (
            values.get(STUDY_INSTANCE_UID) and values.get(SERIES_INSTANCE_UID))):
        raise DamagedError("an instance without its UIDs cannot be put into a directory")
    if values.get(CONTENT_SEQUENCE.tag):
        values[CONTENT_SEQUENCE.tag] = concept_modifiers(values[CONTENT_SEQUENCE.tag])
    character_set = values.pop(SPECIFIC_CHARACTER_SET, b"")
    return DirectoryEntry(
        file_id, record_type, sop_class, sop_instance, transfer_syntax_uid, values, character_set)


def _shared(groups: bytes, values: dict[int, bytes]) -> None:
    """Keys that a multi-frame image gives once for all frames (H.3-2, C.7.6.16)."""
    for tag, macro in FUNCTIONAL_GROUPS.items():
        if not values.get(tag):
            path = (macro, tag) if macro != tag else (tag,)
            values[tag] = first_item_value(groups, *path)

