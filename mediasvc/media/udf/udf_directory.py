"""File identifier descriptors, one after the other in a folder's bytes (ECMA-167 4/14.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.udf.udf_descriptors import Place, parse_descriptor
from mediasvc.media.udf.udf_names import decode_name
from mediasvc.media.udf.udf_tables import (
    DELETED,
    DIRECTORY,
    FILE_IDENTIFIER,
    FILE_IDENTIFIER_HEAD,
    HIDDEN,
    PARENT,
    TAG,
)

_HEAD = TAG.size + FILE_IDENTIFIER_HEAD.size


@dataclass(frozen=True, slots=True)
class FileIdentifier:
    """One entry of a folder. ``name`` is None when it is no text; ``raw`` is it as written."""

    name: str | None
    raw: bytes
    characteristics: int
    icb: Place

    @property
    def shown(self) -> str:
        return self.raw.decode("latin-1") if self.name is None else self.name

    @property
    def is_directory(self) -> bool:
        return bool(self.characteristics & DIRECTORY)

    @property
    def is_hidden(self) -> bool:
        return bool(self.characteristics & HIDDEN)

    @property
    def is_deleted(self) -> bool:
        return bool(self.characteristics & DELETED)

    @property
    def is_parent(self) -> bool:
        return bool(self.characteristics & PARENT)


def identifiers(data: bytes) -> Iterator[FileIdentifier]:
    """The entries in order. Raises DamagedError at the first that cannot be trusted: where the
    next one begins is then unknown."""
    at = 0
    while at < len(data):
        if at + _HEAD > len(data):
            raise DamagedError("an entry is cut off")
        _, characteristics, name_length, icb, use_length = FILE_IDENTIFIER_HEAD.unpack_from(
            data, at + TAG.size)
        size = _HEAD + use_length + name_length
        padded = (size + 3) // 4 * 4
        found = parse_descriptor(data[at:at + padded], at)
        if found.identifier != FILE_IDENTIFIER or len(found.raw) < size:
            raise DamagedError("an entry is cut off")
        raw = found.raw[_HEAD + use_length:size]
        yield FileIdentifier(decode_name(raw), raw, characteristics, Place.parse(icb))
        at += padded
