"""The file: header, payload by chunks, and the UID that its own digest gives (PS3.10 7.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encapsulation import DELIMITER, ITEM, ITEM_HEADER
from mediasvc.dicom.encode import encode_elements
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.direct_write import write_new
from mediasvc.errors import StorageError
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.work.wrapping.wrap_dataset import UTF8
from mediasvc.work.wrapping.wrap_plan import FRAGMENT, LONGEST, Payload
from mediasvc.work.wrapping.wrap_uids import LENGTH, PLACEHOLDER, set_uid, stable_uid

if TYPE_CHECKING:
    from pydicom import Dataset

ENCAPSULATED_DOCUMENT, SOP_INSTANCE_UID = 0x00420011, 0x00080018
EXPLICIT = Encoding(implicit=False, big_endian=False)
CHUNK = 4 << 20
#: Where payloads stand that are no pixel data; content has been an element like any other.
_TAGS = {"document": ENCAPSULATED_DOCUMENT, "content": 0xFFFFFFFF}


@dataclass(frozen=True, slots=True)
class _Head:
    """Bytes before and behind the payload, and where the two UIDs stand that wait."""

    before: bytes
    behind: bytes
    places: tuple[int, int]


def write_instance(dataset: Dataset, transfer_syntax_uid: str, payload: Payload,
                   path: Path) -> str:
    """Write the new file ``path``, durably; returns its SOP Instance UID.

    The UID is made of the digest of all bytes, so the same source with the same attributes is the
    same instance. Raises StorageError, DamagedError when the source became shorter meanwhile.
    """
    head = _head(dataset, transfer_syntax_uid, payload)
    try:
        digest, _ = write_new(path, _parts(head, payload))
        uid = stable_uid("instance", digest)
        set_uid(path, uid, head.places)
    except OSError as error:
        raise StorageError(f"it cannot be written ({error.strerror})") from error
    return uid


def _head(dataset: Dataset, transfer_syntax_uid: str, payload: Payload) -> _Head:
    elements = encode_elements(dataset, implicit=False, big_endian=False, charset=UTF8)
    meta, place = _meta(str(dataset.SOPClassUID), transfer_syntax_uid)
    tag = _TAGS.get(payload.form, PIXEL_DATA)
    before = [meta]
    for number in sorted(elements):
        if number == SOP_INSTANCE_UID:
            inside = sum(map(len, before)) + len(elements[number]) - LENGTH
        if number < tag:
            before.append(elements[number])
    behind = b"".join(elements[number] for number in sorted(elements) if number > tag)
    if payload.form != "content":
        before.append(_announce(tag, payload))
    return _Head(b"".join(before), behind, (place, inside))


def _announce(tag: int, payload: Payload) -> bytes:
    """The payload's element up to its first byte."""
    empty = EXPLICIT.element(tag, payload.vr, b"")[:-4]
    if payload.form == "fragments":  # with an empty Basic Offset Table
        return empty + b"\xff\xff\xff\xff" + ITEM_HEADER.pack(*ITEM, 0)
    return empty + (payload.length + payload.length % 2).to_bytes(4, "little")


def _meta(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, int]:
    """(preamble, prefix and group 0002, position of the SOP Instance UID in it)."""
    element = EXPLICIT.element
    head = (element(0x00020001, "OB", b"\0\1")
            + element(0x00020002, "UI", sop_class_uid.encode())
            + element(0x00020003, "UI", PLACEHOLDER.encode()))
    rest = (element(0x00020010, "UI", transfer_syntax_uid.encode())
            + element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode())
            + element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode()))
    length = element(0x00020000, "UL", (len(head) + len(rest)).to_bytes(4, "little"))
    start = bytes(128) + b"DICM" + length + head
    return start + rest, len(start) - LENGTH


def _parts(head: _Head, payload: Payload) -> Iterator[bytes]:
    yield head.before
    if payload.form == "fragments":
        yield from _fragments(payload)
        yield DELIMITER
    else:
        yield from _chunks(payload)
        yield b"\0" * (payload.length % 2)
    yield head.behind


def _chunks(payload: Payload) -> Iterator[bytes]:
    for span in payload.spans:
        yield from span.chunks(CHUNK)


def _fragments(payload: Payload) -> Iterator[bytes]:
    """One fragment, or as many of `FRAGMENT` bytes as a longer stream needs (PS3.5 A.4)."""
    left = payload.length
    size = left if left <= LONGEST else FRAGMENT
    room = 0
    for chunk in _chunks(payload):
        rest = memoryview(chunk)
        while rest:
            if not room:
                room = min(size, left)
                yield ITEM_HEADER.pack(*ITEM, room + room % 2)
            part = rest[:room]
            yield bytes(part)
            rest, room, left = rest[len(part):], room - len(part), left - len(part)
    yield b"\0" * (payload.length % 2)
