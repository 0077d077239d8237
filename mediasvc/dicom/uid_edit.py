"""UIDs exchanged for others on every level of a data set, everything around them as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import Element, Source, elements, inside, item_at
from mediasvc.errors import UnsupportedError
from mediasvc.standard.value_representations import LONG_VRS

#: What a value of a VR with a 16-bit length may have.
SHORT_LIMIT = 0xFFFE
Leaf = tuple[int, int, bytes]
"""(depth, tag, value) of an element that is no sequence; UIDs without padding."""


def uids_inside(framing: Framing, keep: frozenset[int]) -> set[str]:
    """Every UID that stands in a sequence, except those in the top-level sequences of ``keep``."""
    return {uid for tag, element in _top(framing) if tag not in keep and _is_sequence(element)
            for depth, _, value in leaves(_source(framing), element) if depth
            for uid in value.decode("ascii", "replace").split("\\")
            if uid and uid.replace(".", "").isdigit() and "." in uid}


def exchanged(framing: Framing, mapping: Mapping[str, str], keep: frozenset[int],
              ) -> dict[int, bytes]:
    """tag → complete new element, for each top-level element outside ``keep`` where a UID of
    ``mapping`` stands at any depth. Defined and undefined lengths stay what they are.

    Raises UnsupportedError when a value grows beyond what its length field can say.
    """
    source = _source(framing)
    changed = ((tag, _element(source, element, mapping)) for tag, element in _top(framing)
               if tag not in keep)
    return {tag: new for tag, new in changed if new is not None}


def leaves(source: Source, element: Element, depth: int = 0) -> Iterator[Leaf]:
    """All that an element holds, in order."""
    if not _is_sequence(element):
        value = bytes(source.body[element.value:element.end])
        yield depth, element.tag, value.rstrip(b"\0 ") if element.vr == "UI" else value
        return
    yield depth, element.tag, b""
    within, at = inside(source, element.vr), element.value
    while at < element.end:
        start, stop, at = item_at(within, at, element.end)
        yield depth, 0xFFFEE000, b""
        for one in elements(within, start, stop):
            yield from leaves(within, one, depth + 1)


def top_level(framing: Framing, tag: int) -> list[Leaf]:
    """The leaves of one top-level element."""
    return [leaf for found, element in _top(framing) if found == tag
            for leaf in leaves(_source(framing), element)]


def mapped(leaf: Leaf, mapping: Mapping[str, str]) -> Leaf:
    """The leaf as it must be after the exchange."""
    depth, tag, value = leaf
    return depth, tag, _uids(value, mapping) or value


def _source(framing: Framing) -> Source:
    return Source(framing.body, framing.implicit, framing.big_endian)


def _top(framing: Framing) -> Iterator[tuple[int, Element]]:
    """Top-level elements that can hold UIDs; pixel data are never gone through."""
    for element in elements(_source(framing), framing.dataset_start,
                            framing.pixel.start if framing.pixel else framing.end):
        yield element.tag, element


def _is_sequence(element: Element) -> bool:
    return element.vr == "SQ" or (element.vr == "UN" and element.undefined)


def _element(source: Source, element: Element, mapping: Mapping[str, str]) -> bytes | None:
    """The complete new element; None when nothing in it changes."""
    if _is_sequence(element):
        new = _items(inside(source, element.vr), element, mapping)
    elif element.vr == "UI":
        new = _uids(bytes(source.body[element.value:element.end]), mapping)
    else:
        return None
    if new is None:
        return None
    new += b"\0" * (len(new) % 2)
    long = source.implicit or element.vr in LONG_VRS
    head = bytes(source.body[_start(source, element):element.value])
    if element.undefined:
        return head + new + bytes(source.body[element.end:element.after])
    if not long and len(new) > SHORT_LIMIT:
        raise UnsupportedError("a list of UIDs would become too long")
    width = 4 if long else 2
    return head[:-width] + len(new).to_bytes(width, _order(source)) + new


def _start(source: Source, element: Element) -> int:
    return element.value - (12 if not source.implicit and element.vr in LONG_VRS else 8)


def _order(source: Source) -> Literal["little", "big"]:
    return "big" if source.big_endian else "little"


def _uids(value: bytes, mapping: Mapping[str, str]) -> bytes | None:
    names = value.decode("latin-1").rstrip("\0 ").split("\\")
    if not any(name.strip() in mapping for name in names):
        return None
    return "\\".join(mapping.get(name.strip(), name) for name in names).encode("latin-1")


def _items(source: Source, sequence: Element, mapping: Mapping[str, str]) -> bytes | None:
    parts: list[bytes] = []
    changed, at = False, sequence.value
    while at < sequence.end:
        head = at
        start, stop, at = item_at(source, at, sequence.end)
        new = _content(source, start, stop, mapping)
        if new is None:
            parts.append(bytes(source.body[head:at]))
            continue
        changed = True
        length = bytes(source.body[head + 4:head + 8])
        if stop == at:  # no delimiter: the length is said
            length = len(new).to_bytes(4, _order(source))
        parts += [bytes(source.body[head:head + 4]), length, new, bytes(source.body[stop:at])]
    return b"".join(parts) if changed else None


def _content(source: Source, start: int, stop: int, mapping: Mapping[str, str]) -> bytes | None:
    parts: list[bytes] = []
    copied = start
    for element in elements(source, start, stop):
        new = _element(source, element, mapping)
        if new is not None:
            parts += [bytes(source.body[copied:_start(source, element)]), new]
            copied = element.after
    return b"".join([*parts, bytes(source.body[copied:stop])]) if parts else None
