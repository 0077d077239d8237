"""The walker once more, in plain recursive Python: what `mediasvc.dicom.walk` must agree with.

It is written from the rules (PS3.5 7.1, 7.5, A.4) and not from the kernel, shares only names with
it, and is for tests: it takes some 5 µs for each element.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.walk import DEFAULT_LIMITS, Limits, Problem, Walk
from mediasvc.standard.value_representations import ALL_VRS, FRAGMENT_VRS, ITEM_VRS, SHORT_VRS

_FATAL = frozenset({codes.TOO_DEEP, codes.TOO_MANY, codes.TRAILING})


class _FaultError(Exception):
    def __init__(self, code: int, position: int, tag: int) -> None:
        self.code, self.position, self.tag = code, position, tag


@dataclass(frozen=True)
class _Place:
    """A container: where it must end, whether it says so itself, how it is written."""

    stop: int
    defined: bool
    implicit: bool
    big: bool
    depth: int = 0
    lenient: bool = False
    guarded: bool = False
    """An outer container knows where it ends and goes on there after a fault in here."""
    guess: bool = False


def walk(data: bytes, start: int, end: int, *, implicit: bool, big_endian: bool,
         limits: Limits = DEFAULT_LIMITS) -> Walk:
    """The same as `mediasvc.dicom.walk.walk`."""
    end = min(end, len(data))
    return _Walker(data, limits).run(start, _Place(end, True, implicit, big_endian))


class _Walker:
    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data, self.limits = data, limits
        self.rows: list[tuple[int, bytes, bool, int, int, int]] = []
        self.notes: dict[int, tuple[int, int, int]] = {}
        self.count = self.fragments = 0

    def run(self, start: int, place: _Place) -> Walk:
        verdict, end = codes.OK, start
        if start <= place.stop:
            try:
                end = self.elements(start, place)
            except _FaultError as fault:
                self.note(fault.code, fault.position, fault.tag)
                verdict, end = fault.code, fault.position
        problems = tuple(Problem(code, *self.notes[code]) for code in sorted(self.notes))
        elements = np.array(self.rows, codes.ROW)
        return Walk(elements, verdict, end, self.count, self.fragments, problems)

    # --- reading ---

    def number(self, at: int, size: int, place: _Place) -> int:
        return int.from_bytes(self.data[at:at + size], "big" if place.big else "little")

    def tag(self, at: int, place: _Place) -> int:
        return self.number(at, 2, place) << 16 | self.number(at + 2, 2, place)

    def vr(self, at: int) -> str:
        return self.data[at + 4:at + 6].decode("latin-1")

    def note(self, code: int, at: int, tag: int) -> None:
        count, first, first_tag = self.notes.get(code, (0, at, tag))
        self.notes[code] = (count + 1, first, first_tag)

    def fault(self, code: int, at: int, place: _Place) -> _FaultError:
        return _FaultError(code, at, self.tag(at, place) if place.stop - at >= 8 else -1)

    def next_tag(self, at: int, place: _Place) -> int:
        self.count += 1
        if self.count > self.limits.total:
            raise self.fault(codes.TOO_MANY, at, place)
        return self.tag(at, place)

    # --- containers ---

    def elements(self, at: int, place: _Place) -> int:
        """All elements of the data set or of an item; the position behind it and its delimiter."""
        last = -1
        while place.stop - at >= 8:
            if place.depth == 0 and not self.data[at:at + 4].strip(b"\0") and not any(
                    self.data[at:place.stop]):
                break
            tag = self.next_tag(at, place)
            if tag >> 16 == 0xFFFE:
                if self.closes(at, tag, codes.ITEM_DELIMITER, place) and place.depth:
                    return at + 8
                raise self.fault(codes.STRAY_DELIMITER, at, place)
            at, last = self.element(at, tag, last, place)
        if at == place.stop and place.defined:
            return at
        if at < place.stop and place.depth == 0 and not any(self.data[at:place.stop]):
            self.note(codes.TRAILING_ZEROS, at, 0)
            return at
        raise self.fault(codes.CUT if at < place.stop else codes.NO_DELIMITER, at, place)

    def closes(self, at: int, tag: int, own: int, place: _Place) -> bool:
        """Whether a delimiter may end this container. In one that says its length it may only stand
        needlessly at the end."""
        if tag != own or place.depth == 0:
            return False
        if self.number(at + 4, 4, place):
            self.note(codes.DELIMITER_LENGTH, at, tag)
        if place.defined and at + 8 == place.stop:
            self.note(codes.NEEDLESS_DELIMITER, at, tag)
            return True
        return not place.defined

    def items(self, at: int, place: _Place) -> int:
        while place.stop - at >= 8:
            tag = self.next_tag(at, place)
            if tag == codes.SEQUENCE_DELIMITER:
                if self.closes(at, tag, codes.SEQUENCE_DELIMITER, place):
                    return at + 8
                raise self.fault(codes.STRAY_DELIMITER, at, place)
            if tag != codes.ITEM:
                raise self.fault(codes.NOT_AN_ITEM, at, place)
            length = self.number(at + 4, 4, place)
            defined = length != codes.UNDEFINED
            if defined and length > place.stop - at - 8:
                raise self.fault(codes.BEYOND, at, place)
            stop = at + 8 + length if defined else place.stop
            item = replace(place, stop=stop, defined=defined, depth=place.depth + 1,
                           guarded=place.guarded or place.defined, guess=False)
            if place.guess:
                item = replace(item, implicit=stop - at - 8 < 8 or self.vr(at + 8) not in ALL_VRS)
            at = self.guard(at + 8, item, items=False)
        if at == place.stop and place.defined:
            return at
        raise self.fault(codes.CUT if at < place.stop else codes.NO_DELIMITER, at, place)

    def guard(self, at: int, place: _Place, *, items: bool) -> int:
        """Walk a container; after a fault go on behind it where that is known and ours to do."""
        try:
            return self.items(at, place) if items else self.elements(at, place)
        except _FaultError as fault:
            if fault.code in _FATAL or not place.defined or place.guarded:
                raise
            code = codes.NOT_REALLY_ITEMS if place.lenient else fault.code
            self.note(code, fault.position, fault.tag)
            return place.stop

    # --- elements ---

    def element(self, at: int, tag: int, last: int, place: _Place) -> tuple[int, int]:
        """(where the next one starts, the highest tag so far)."""
        vr, value, length = self.header(at, tag, place)
        if length != codes.UNDEFINED and length > place.stop - value:
            raise self.fault(codes.BEYOND, at, place)
        if tag <= last:
            self.disorder(at, tag, last, place)
        if place.depth == 0:
            if len(self.rows) >= self.limits.few:
                raise self.fault(codes.TOO_MANY, at, place)
            undefined = length == codes.UNDEFINED
            self.rows.append((tag, vr.encode(), undefined, at, value, 0 if undefined else length))
        if length == codes.UNDEFINED:
            after = self.undefined(at, tag, vr, value, place)
            if place.depth == 0:
                self.rows[-1] = (*self.rows[-1][:5], after - value)
        else:
            after = self.defined(at, tag, vr, value, length, place)
        return after, max(tag, last)

    def header(self, at: int, tag: int, place: _Place) -> tuple[str, int, int]:
        """(VR, start of the value, its length)."""
        vr = "" if place.implicit else self.vr(at)
        if vr in SHORT_VRS:
            return vr, at + 8, self.number(at + 6, 2, place)
        if vr in ALL_VRS:
            if place.stop - at < 12:
                raise self.fault(codes.CUT, at, place)
            return vr, at + 12, self.number(at + 8, 4, place)
        if vr.isascii() and vr.isalpha() and vr.isupper():
            raise self.fault(codes.ILLEGAL_VR, at, place)
        if vr:
            self.note(codes.SWITCHED, at, tag)
        return "", at + 8, self.number(at + 4, 4, place)

    def disorder(self, at: int, tag: int, last: int, place: _Place) -> None:
        if place.depth:
            self.note(codes.NESTED_DISORDER, at, tag)
        elif last >= codes.FIRST_PIXEL_DATA:
            raise self.fault(codes.TRAILING, at, place)
        else:
            self.note(codes.DUPLICATE if tag == last else codes.DISORDER, at, tag)

    def undefined(self, at: int, tag: int, vr: str, value: int, place: _Place) -> int:
        if vr in FRAGMENT_VRS or tag == codes.PIXEL_DATA:
            return self.pixel_items(value, place)
        if vr and vr not in ITEM_VRS:
            raise self.fault(codes.UNDEFINED_LENGTH, at, place)
        self.check_depth(at, place)
        inner = replace(place, defined=False, depth=place.depth + 1,
                        guarded=place.guarded or (place.defined and place.depth > 0))
        if vr == "UN" or (not vr and not place.implicit):
            self.note(codes.UNKNOWN_SEQUENCE, at, tag)
            inner = replace(inner, guess=True, big=False)
        return self.guard(value, inner, items=True)

    def defined(self, at: int, tag: int, vr: str, value: int, length: int, place: _Place) -> int:
        if length % 2:
            self.note(codes.ODD_LENGTH, at, tag)
        known = vr == "SQ"
        if not known and (vr not in ("", "UN") or not self.begins_item(value, length, place)):
            return value + length
        self.check_depth(at, place)
        private = not known and (vr == "UN" or bool(tag >> 16 & 1) or tag >= codes.FIRST_BULK)
        lenient = place.lenient or private
        inner = replace(
            place, stop=value + length, defined=True, depth=place.depth + 1, lenient=lenient,
            guarded=place.lenient or (not private and (
                place.guarded or (place.defined and place.depth > 0))),
            guess=not known and (vr == "UN" or not place.implicit))
        return self.guard(value, inner, items=True)

    def check_depth(self, at: int, place: _Place) -> None:
        if place.depth // 2 + 1 > self.limits.depth:
            raise self.fault(codes.TOO_DEEP, at, place)

    def begins_item(self, value: int, length: int, place: _Place) -> bool:
        if length < 8 or self.tag(value, place) != codes.ITEM:
            return False
        size = self.number(value + 4, 4, place)
        return size == codes.UNDEFINED or size <= length - 8

    def pixel_items(self, at: int, place: _Place) -> int:
        while place.stop - at >= 8:
            tag, length = self.tag(at, place), self.number(at + 4, 4, place)
            if tag == codes.SEQUENCE_DELIMITER:
                if length:
                    self.note(codes.DELIMITER_LENGTH, at, tag)
                return at + 8
            if tag != codes.ITEM:
                raise self.fault(codes.NOT_AN_ITEM, at, place)
            if length == codes.UNDEFINED:
                raise self.fault(codes.FRAGMENT_UNDEFINED, at, place)
            if length > place.stop - at - 8:
                raise self.fault(codes.BEYOND, at, place)
            if length % 2:
                self.note(codes.ODD_LENGTH, at, tag)
            self.fragments += 1
            at += 8 + length
        raise self.fault(codes.NO_DELIMITER, at, place)
