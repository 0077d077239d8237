"""Text with ISO 2022 escape sequences (PS3.5 6.1.2.5)."""

from __future__ import annotations

from mediasvc.standard.character_sets import ASCII, ELEMENT_OF, ESCAPES, ROMAJI, CodeElement

ESC = 0x1B
#: After these the initial code elements are active again (PS3.5 6.1.2.5.3).
_RESETS = frozenset(b"\t\n\f\r\\")
_NAME_RESETS = _RESETS | frozenset(b"^=")


def decode_extended(raw: bytes, numbers: list[int], *, name: bool) -> tuple[str, bool]:
    """(text, certain) of ``raw`` under the ISO registration ``numbers`` of (0008,0005).

    Uncertain: bytes without a character, an escape sequence that is unknown or was not declared,
    and C1 control codes. ``name`` adds the delimiters of Person Name.
    """
    return _Reader(raw, numbers, _NAME_RESETS if name else _RESETS).read()


class _Reader:
    """The state of one decoding: what G0 and G1 hold, and whether all was as declared."""

    def __init__(self, raw: bytes, numbers: list[int], resets: frozenset[int]) -> None:
        self._raw, self._resets = raw, resets
        self._declared = {6, *numbers}
        if 13 in self._declared:
            self._declared.add(14)
        first = numbers[0] if numbers else 6
        self._initial_low = ROMAJI if first == 13 else ASCII
        element = ELEMENT_OF.get(first)
        self._initial_high = element if element and element.register == 1 else None
        self._low, self._high = self._initial_low, self._initial_high
        self._certain = True

    def read(self) -> tuple[str, bool]:
        parts: list[str] = []
        at, raw = 0, self._raw
        while at < len(raw):
            byte = raw[at]
            if byte == ESC:
                at = self._escape(at, parts)
                continue
            element = self._high if byte >= 0x80 else self._low
            if byte < 0x21 or (byte in self._resets and self._low.width == 1):
                if byte in self._resets:
                    self._low, self._high = self._initial_low, self._initial_high
                parts.append(chr(byte))
                at += 1
                continue
            stop = self._run(at)
            parts.append(self._characters(raw[at:stop], element))
            at = stop
        return "".join(parts), self._certain

    def _run(self, at: int) -> int:
        """Where the run of bytes of the same register ends."""
        raw, high, wide = self._raw, self._raw[at] >= 0x80, self._low.width > 1
        stop = at + 1
        while stop < len(raw) and (raw[stop] >= 0x80) == high and raw[stop] > 0x20:
            if not high and not wide and raw[stop] in self._resets:
                break
            stop += 1
        return stop

    def _escape(self, at: int, parts: list[str]) -> int:
        for size in (2, 3):
            element = ESCAPES.get(self._raw[at + 1:at + 1 + size])
            if element:
                self._certain &= element.number in self._declared
                if element.register:
                    self._high = element
                else:
                    self._low = element
                return at + 1 + size
        self._certain = False
        parts.append("\x1b")
        return at + 1

    def _characters(self, run: bytes, element: CodeElement | None) -> str:
        if element is None:
            self._certain = False
            return "\ufffd" * len(run)
        if element.width == 1 and element.number != 13 and any(0x80 <= byte < 0xA0 for byte in run):
            self._certain = False
        coded = run
        if element.width == 2:
            coded = bytes(byte | 0x80 for byte in run)
        if element.prefix:
            coded = b"".join(element.prefix + coded[place:place + 2]
                             for place in range(0, len(coded), 2))
        try:
            return coded.decode(element.codec)
        except UnicodeDecodeError:
            self._certain = False
            return coded.decode(element.codec, "replace")
