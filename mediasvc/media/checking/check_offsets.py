"""Do the offset tables of encapsulated pixel data lead to its frames? (runs in a sandbox child)

Basic: PS3.5 A.4; Extended: PS3.3 C.7.6.3.1.8. Shares no code with what writes them, nor with what
finds frames in spite of them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from mediasvc.dicom.framing import Framing
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

NUMBER_OF_FRAMES = 0x00280008
EXTENDED, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002


def offset_trouble(framing: Framing) -> str:
    """In words what is wrong first; empty for native pixel data, and for tables that are right or
    not there. Fragments that nobody can tell apart break other rules."""
    place = framing.pixel
    if place is None or not place.encapsulated:
        return ""
    table, *fragments = list(place.fragments(framing.body)) or [(0, 0)]
    extended, lengths = framing.value(EXTENDED), framing.value(EXTENDED_LENGTHS)
    if not (table[1] or extended or lengths):
        return ""
    count = _frames(framing)
    row = TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if row is not None and row.form == "video":
        count = 1  # one stream, whatever it holds (PS3.5 A.4.5 and the following)
    starts = {at - fragments[0][0]: length for at, length in fragments} if fragments else {}
    if extended or lengths:
        return _extended(extended or b"", lengths or b"", starts, count, bool(table[1]))
    if table[1] % 4:
        return "the Basic Offset Table is no list of 32-bit numbers"
    offsets = struct.unpack_from(f"<{table[1] // 4}I", framing.body, table[0])
    return _wrong("Basic", offsets, starts, count)


def _frames(framing: Framing) -> int:
    """Number of Frames; 0 where it cannot be told."""
    text = (framing.value(NUMBER_OF_FRAMES) or b"1").strip(b" \0") or b"1"
    return int(text) if text.isdigit() else 0


def _extended(offsets: bytes, lengths: bytes, starts: dict[int, int], count: int,
              has_basic: bool) -> str:
    if has_basic:
        return "there are both a Basic and an Extended Offset Table"
    if len(offsets) % 8 or len(offsets) != len(lengths):
        return "the Extended Offset Table and its lengths do not fit each other"
    places = struct.unpack(f"<{len(offsets) // 8}Q", offsets)
    if words := _wrong("Extended", places, starts, count):
        return words
    longest = (starts[at] for at in places)
    sizes = struct.unpack(f"<{len(lengths) // 8}Q", lengths)
    if any(not most - 1 <= size <= most for size, most in zip(sizes, longest, strict=True)):
        return "the Extended Offset Table gives other lengths than the fragments have"
    return ""


def _wrong(name: str, offsets: Sequence[int], starts: dict[int, int], count: int) -> str:
    """``starts``: where each fragment's item begins, counted from the first one's."""
    if count and len(offsets) != count:
        return f"the {name} Offset Table has {len(offsets)} entries for {count} frames"
    if offsets[0] != 0:
        return f"the {name} Offset Table does not begin with the first fragment"
    if any(before >= after for before, after in pairwise(offsets)):
        return f"offsets of the {name} Offset Table do not ascend"
    if any(offset not in starts for offset in offsets):
        return f"an offset of the {name} Offset Table leads to no fragment"
    return ""
