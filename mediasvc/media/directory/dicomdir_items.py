"""The records of a DICOMDIR in file order: no tree yet (PS3.5 7.5, PS3.3 F.3.2.2).

Lengths are believed only where what follows agrees with them; each correction is a finding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from mediasvc.dicom.compose import ITEM, Encoding
from mediasvc.media.directory.dicomdir_head import EXPLICIT, finding
from mediasvc.media.directory.directory_item import KEPT, VALUE_LIMIT, item_of
from mediasvc.media.directory.directory_items import Items
from mediasvc.media.directory.element_walk import (
    ITEM_END,
    LONG,
    SEQUENCE_END,
    SHORT,
    UNDEFINED,
    UnreadableError,
    element_end,
    read_header,
)
from mediasvc.model import Finding

#: After so many damaged places the rest is not worth the search for its pieces.
DAMAGE_LIMIT = 64

_EXPLICIT_HEADER = struct.Struct("<HH2sH").unpack_from
_LENGTH = struct.Struct("<I").unpack_from


class RecordWalk:
    """Walks the items of (0004,1220) once, from first to last byte."""

    def __init__(self, view: memoryview, encoding: Encoding) -> None:
        self.view = view
        self.encoding = encoding
        self.item_tag = encoding.tag(ITEM)
        self.wrong_lengths = 0
        self.damaged = 0
        self.cut = False
        self.too_many = 0
        self.shared_tags: dict[tuple[int, ...], tuple[int, ...]] = {}

    def read(self, position: int, end: int, limit: int) -> Items:
        """Records until the sequence ends; ``end`` is -1 when its length is undefined."""
        items = Items()
        view, size = self.view, len(self.view)
        plain = self.encoding == EXPLICIT
        while position + 8 <= size:
            if view[position:position + 4] != self.item_tag:
                if self._ends_here(position, end):
                    break
                position = self._resume(position)
                continue
            if len(items) >= limit:
                self.too_many = limit
                break
            found = self._plain_item(position) if plain else None
            after, values, tags = found or self._item(position)
            if tags:
                shared = tuple(tags)
                shared = self.shared_tags.setdefault(shared, shared)
                items.append(item_of(position, after, values, shared, self.encoding))
            position = after
        self.cut = end > size or (end < 0 and position + 8 > size)
        self.wrong_lengths += 0 <= end < position
        return items

    def _ends_here(self, position: int, end: int) -> bool:
        at_delimiter = self.view[position:position + 4] == self.encoding.tag(SEQUENCE_END)
        return at_delimiter or 0 <= end <= position

    def _resume(self, position: int) -> int:
        """The next item tag after damage, or the end of the file."""
        self.damaged += 1
        view = self.view
        while position < len(view) and self.damaged <= DAMAGE_LIMIT:
            found = bytes(view[position + 1:position + 1 + (1 << 16)]).find(self.item_tag)
            if found >= 0:
                return position + 1 + found
            position += (1 << 16) - 4
        return len(view)

    def _plain_item(self, start: int) -> tuple[int, dict[int, bytes], list[int]] | None:
        """A record as it should be: explicit little endian, lengths defined and true."""
        view = self.view
        at = start + 8
        end = at + _LENGTH(view, start + 4)[0]
        values: dict[int, bytes] = {}
        tags: list[int] = []
        if end > len(view):
            return None
        while at + 8 <= end:
            group, element, vr, length = _EXPLICIT_HEADER(view, at)
            if vr in SHORT:
                value = at + 8
            elif vr in LONG and at + 12 <= end:
                value = at + 12
                length = _LENGTH(view, at + 8)[0]
            else:
                return None
            at = value + length
            if length:
                tag = group << 16 | element
                tags.append(tag)
                if tag in KEPT:
                    values[tag] = bytes(view[value:min(at, value + VALUE_LIMIT)])
        return (end, values, tags) if at == end else None

    def _item(self, start: int) -> tuple[int, dict[int, bytes], list[int]]:
        """A record that is not plain; its length is believed when its elements fill it."""
        view, encoding = self.view, self.encoding
        _, _, position, length = read_header(view, start, encoding)
        declared = None if length == UNDEFINED else min(position + length, len(view))
        values: dict[int, bytes] = {}
        tags: list[int] = []
        try:
            while position < len(view) and position != declared:
                tag, _, value, length = read_header(view, position, encoding)
                if tag in (ITEM, ITEM_END, SEQUENCE_END):
                    position += 8 if tag == ITEM_END else 0
                    # An undefined length is ended by its delimiter and by nothing else.
                    self.wrong_lengths += declared is None and tag != ITEM_END
                    break
                after = element_end(view, position, encoding)
                if self._overruns(after, declared):
                    raise UnreadableError
                if length:
                    tags.append(tag)
                    if tag in KEPT:
                        values[tag] = bytes(view[value:min(after, value + VALUE_LIMIT)])
                position = after
        except UnreadableError:
            if declared is None:
                position = self._resume(position)
            else:
                self.damaged += 1
                position = declared
        self.wrong_lengths += declared is not None and position != declared
        return position, values, tags

    def _overruns(self, after: int, declared: int | None) -> bool:
        """An element that leaves its item is wrong when the item's own end makes sense."""
        if declared is None or after <= declared:
            return False
        following = self.view[declared:declared + 4]
        return following in (self.item_tag, self.encoding.tag(SEQUENCE_END), b"")

    def findings(self) -> Iterable[Finding]:
        if self.too_many:
            yield finding("error", "directory-too-large",
                          f"DICOMDIR has more than {self.too_many} records; the rest was not read",
                          "M04")
        if self.cut:
            yield finding("error", "directory-truncated",
                          "DICOMDIR ends in the middle of its records; the last ones are lost",
                          "M30")
        if self.wrong_lengths:
            yield finding("warning", "directory-lengths-wrong",
                          f"{self.wrong_lengths} lengths in DICOMDIR are wrong; its records were "
                          "read to their real ends", "PS3.5 7.5")
        if self.damaged > DAMAGE_LIMIT:
            yield finding("error", "directory-damaged",
                          "DICOMDIR is damaged in too many places; the rest was not read", "M06")
        elif self.damaged:
            yield finding("warning", "directory-damaged",
                          f"DICOMDIR is damaged in {self.damaged} places; records there may be "
                          "incomplete", "M06")
