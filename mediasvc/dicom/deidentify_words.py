"""What a data set says of its patient: the words that may stand nowhere in the result.

Person names, identifiers, birth dates, UIDs on every level are collected before anything is
changed; `Words` then judges the texts and bytes that stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from mediasvc.dicom.deidentify_keys import WELL_KNOWN
from mediasvc.dicom.deidentify_text import (
    id_words,
    name_words,
    vocabulary,
    without_words,
)
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.nested import Element, Source, elements, inside, item_at
from mediasvc.dicom.text import decode
from mediasvc.errors import DamagedError
from mediasvc.standard.deidentification import Policy

#: Identifiers, telephone numbers and places of a patient or a visit, beyond every PN.
IDENTIFIERS = frozenset({
    0x00100020, 0x00101000, 0x00101001, 0x00100050, 0x00101090, 0x00102154, 0x00102155, 0x00101040,
    0x00080050, 0x00380010, 0x00380060, 0x00200010, 0x00401001, 0x00400009, 0x00402016, 0x00402017,
    0x00080080, 0x00080081, 0x00081010, 0x00081040, 0x00181000})
INSTITUTION = frozenset({0x00080080, 0x00080081, 0x00081040})
DEVICE = frozenset({0x00081010, 0x00181000})
UIDS = frozenset({0x00080018, 0x0020000D, 0x0020000E, 0x00081155, 0x00200052})
DATE_LENGTH = 8
#: In pixel data shorter words would stand by chance.
LEAST_BYTES = 6
#: Bytes searched for identifying words at most, half from each end. Native samples hold no text,
#: only what a writer left before or behind them.
SEARCHED, NATIVE = 64 << 20, 64 << 10


@dataclass(frozen=True)
class Words:
    """``words`` are case folded. ``dates`` are taken out of texts as well, but may stand where
    another date is kept or has moved to."""

    words: frozenset[str]
    dates: frozenset[str] = frozenset()

    @cached_property
    def all(self) -> set[str]:
        return {*self.words, *self.dates}

    def out_of(self, text: str, *, codes: bool = False) -> str:
        return without_words(text, self.all, codes=codes)

    @cached_property
    def patterns(self) -> tuple[bytes, ...]:
        """How the longer words may stand in bytes: as they are, in capitals, in two bytes."""
        found = set()
        for word in self.words:
            if (len(word) < LEAST_BYTES or word in vocabulary()
                    or (word.isdigit() and len(word) < LEAST_BYTES + 2)):
                continue
            if not any(sign.isalpha() for sign in word):
                found.add(word.encode("utf-8"))
                continue
            for form in {word, word.upper(), word.title()}:
                found |= {form.encode("utf-8"), form.encode("utf-16-le"),
                          form.encode("latin-1", "ignore")}
        return tuple(sorted(one for one in found if len(one) >= LEAST_BYTES))

    def stand_in(self, data: memoryview, most: int = SEARCHED) -> bool:
        """Whether any of them stands in these bytes, of which ``most`` are searched."""
        raw = bytes(data) if len(data) <= most else bytes(data[:most // 2]) + b"\0" + bytes(
            data[-most // 2:])
        return any(pattern in raw for pattern in self.patterns)


def words_of(framing: Framing, policy: Policy, also: Iterable[str] = ()) -> Words:
    """``also``: further names and identifiers, as the index has them."""
    source = Source(framing.body, framing.implicit, framing.big_endian)
    stop = framing.pixel.start if framing.pixel else framing.end
    names: list[str] = []
    ids: list[str] = []
    dates: list[str] = []
    for tag, vr, text in _texts(source, framing.dataset_start, stop, ""):
        if vr == "PN":
            names.append(text)
        elif vr == "DA":
            dates += [] if policy.has("dates") and tag != 0x00100030 else text.split("\\")
        elif vr == "UI":
            ids += [] if policy.has("uids") else [
                uid for uid in text.split("\\") if not uid.startswith(WELL_KNOWN)]
        elif not ((tag in INSTITUTION and policy.has("institution"))
                  or (tag in DEVICE and policy.has("device"))):
            ids += text.split("\\")
    for text in also:
        if text.isdigit() and len(text) == DATE_LENGTH:
            dates.append(text)
        (ids if any(c.isdigit() for c in text) else names).append(text)
    found = frozenset(id_words(dates))
    return Words(frozenset(name_words(names) | id_words(ids)) - found, found)


def _texts(source: Source, start: int, stop: int, charset: str) -> Iterator[tuple[int, str, str]]:
    """(tag, VR, text) of what identifies, on every level."""
    rows = list(elements(source, start, stop))
    charset = charset_of(source, rows, charset)
    for element in rows:
        if element.vr in ("SQ", "UN") and not element.tag & 0x10000:
            yield from _inside(source, element, charset)
        elif (element.vr == "PN" or element.tag in IDENTIFIERS or element.vr == "DA"
              or (element.vr == "UI" and element.tag in UIDS)):
            raw = bytes(source.body[element.value:element.end])
            text, _ = decode(raw, charset, element.vr if element.vr != "UI" else "LO")
            if text:
                yield element.tag, element.vr, text


def _inside(source: Source, element: Element, charset: str) -> Iterator[tuple[int, str, str]]:
    within, at = inside(source, element.vr), element.value
    try:
        while at + 8 <= element.end:
            start, end, at = item_at(within, at, element.end)
            yield from _texts(within, start, end, charset)
    except DamagedError:
        return  # a UN that is no sequence; what becomes of it is decided elsewhere


def charset_of(source: Source, rows: Iterable[Element], charset: str) -> str:
    """The character set of these elements; inherited where they do not say (PS3.5 7.5.3)."""
    for element in rows:
        if element.tag == 0x00080005:
            return bytes(source.body[element.value:element.end]).decode("latin-1").strip(" \0")
        if element.tag > 0x00080005:
            break
    return charset

