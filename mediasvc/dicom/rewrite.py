"""A file in another data set encoding, or with changed elements, as pieces over the received one.

Where source and target are both Explicit VR Little Endian, not deflated, everything but the changes
is copied (`splice`). Otherwise the data set is written anew value by value (`reencode`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from mediasvc.dicom import walk_codes
from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
)
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.inflate import deflate
from mediasvc.dicom.nested import dictionary_vr
from mediasvc.dicom.pieces import Copy, Cut, Insert, Piece
from mediasvc.dicom.pixel_place import PIXEL_DATA, PIXEL_TAGS
from mediasvc.dicom.reencode import reencode
from mediasvc.dicom.splice import META, Change, plan
from mediasvc.errors import ProofError
from mediasvc.standard.encodings import encoding_of

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018

Elements = dict[int, bytes | None]


@lru_cache(maxsize=64)
def target_encoding(transfer_syntax_uid: str) -> Encoding:
    """How elements for a file of this transfer syntax are written (little endian only)."""
    return Encoding(implicit=encoding_of(transfer_syntax_uid).implicit, big_endian=False)


def can_splice(framing: Framing, transfer_syntax_uid: str) -> bool:
    target = encoding_of(transfer_syntax_uid)
    return (framing.implicit, framing.big_endian, framing.deflated, target.deflated) == (
        target.implicit, target.big_endian, False, False)


def rewrite(framing: Framing, total: int, transfer_syntax_uid: str, changes: Elements,
            pixels: Sequence[memoryview] | None = None) -> tuple[Piece, ...]:
    """The pieces of the file of ``total`` bytes in another transfer syntax.

    ``changes``: data set tags, and group 0002 ones, with their complete new element in the
    target's encoding, or None to remove them. ``pixels`` follow behind the element that
    ``changes`` holds for Pixel Data.
    """
    uid = META.element(TRANSFER_SYNTAX_UID, "UI", transfer_syntax_uid.encode())
    changes = {**changes, TRANSFER_SYNTAX_UID: uid}
    if can_splice(framing, transfer_syntax_uid):
        pieces = plan(framing, total, [Change(tag, new) for tag, new in changes.items()],
                      carry=0)
        return pieces if pixels is None else _behind(pieces, changes[PIXEL_DATA] or b"", pixels)
    changes, pixels = _pixels_kept(framing, changes, pixels, target_encoding(transfer_syntax_uid))
    head = _meta(framing, {tag: new for tag, new in changes.items() if tag >> 16 == 2})
    body = list(_data_set(framing, transfer_syntax_uid, changes, pixels))
    if encoding_of(transfer_syntax_uid).deflated:
        body = [deflate(b"".join(body))]
    return (*head, *(Insert(part) for part in body))  # type: ignore[arg-type]


def _pixels_kept(framing: Framing, changes: Elements, pixels: Sequence[memoryview] | None,
                 target: Encoding) -> tuple[Elements, Sequence[memoryview] | None]:
    """Native pixel data that stay as they are: their new head, and their bytes uncopied."""
    place = framing.pixel
    if pixels is not None or place is None or place.tag in changes or framing.big_endian:
        return changes, pixels
    vr = framing.vr(place.tag) or dictionary_vr(place.tag, {}, signed=False)
    head = target.element(place.tag, vr, b"")[:-4] + (place.end - place.value).to_bytes(4, "little")
    return {**changes, place.tag: head}, [framing.body[place.value:place.end]]


def _meta(framing: Framing, changes: Elements) -> tuple[Piece, ...]:
    """Everything before the data set, by `plan` on a file that ends there."""
    for tag, source in ((MEDIA_STORAGE_SOP_CLASS_UID, SOP_CLASS_UID),
                        (MEDIA_STORAGE_SOP_INSTANCE_UID, SOP_INSTANCE_UID)):
        value = framing.value(source)
        if tag not in framing.meta and tag not in changes and value:
            changes[tag] = META.element(tag, "UI", value.strip(b"\0 "))
    bare = replace(framing, elements=framing.elements[:0], deflated=False, verdict=walk_codes.OK,
                   end=framing.meta_end)
    return tuple(piece for piece in plan(
        bare, framing.meta_end, [Change(tag, new) for tag, new in changes.items()])
        if not isinstance(piece, Cut))


def _data_set(framing: Framing, uid: str, changes: Elements, pixels: Sequence[memoryview] | None,
              ) -> Iterator[bytes | memoryview]:
    """Elements in tag order, changed ones in their place, the frames behind Pixel Data."""
    kept = dict(_received(framing, uid, frozenset(changes)))
    kept.update({tag: new for tag, new in changes.items() if new is not None and tag >> 16 != 2})
    for tag in sorted(kept):
        yield kept[tag]
        if tag in PIXEL_TAGS and pixels is not None:
            yield from pixels


def _received(framing: Framing, uid: str, skip: frozenset[int],
              ) -> Iterator[tuple[int, bytes | memoryview]]:
    target = encoding_of(uid)
    if (framing.implicit, framing.big_endian) != (target.implicit, target.big_endian):
        yield from reencode(framing, implicit=target.implicit, skip=skip)
        return
    starts = framing.elements["start"].tolist()
    for tag, start, end in zip(framing.elements["tag"].tolist(), starts,
                               [*starts, framing.end][1:], strict=True):
        if tag not in skip and tag & 0xFFFF:
            yield tag, framing.body[start:end]


def _behind(pieces: tuple[Piece, ...], head: bytes, pixels: Sequence[memoryview],
            ) -> tuple[Piece, ...]:
    """The pieces with the frames put behind the one that ends with Pixel Data's head."""
    places = [number for number, piece in enumerate(pieces)
              if isinstance(piece, Insert) and piece.data.endswith(head)]
    if len(places) != 1:
        raise ProofError("the place of the pixel data was lost")
    at = places[0] + 1
    frames = [Insert(part) for part in pixels]  # type: ignore[arg-type]
    return (*pieces[:at], *frames, *pieces[at:])


__all__ = ["Copy", "Elements", "can_splice", "rewrite", "target_encoding"]
