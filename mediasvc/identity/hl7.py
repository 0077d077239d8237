"""HL7 v2 messages as they come (ER7, chapter 2): frames, segments, fields, text.

A message is decoded before it is split, because the second byte of a Japanese or Chinese character
may look like a delimiter. Lines may end in CR, LF or both. Nothing here quotes what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from mediasvc.dicom.code_extensions import decode_extended
from mediasvc.errors import MediasvcError
from mediasvc.standard.hl7_tables import CODECS, REGISTERED

START, END = b"\x0b", b"\x1c"
#: A message that is longer says nothing about a patient (FAULTS I20).
MESSAGE_LIMIT = 4 << 20
#: What a delimiter may be: printable, no letter or digit.
_DELIMITER = re.compile(r"[!-/:-@\[-`{-~]")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_BATCH = ("FHS", "BHS", "BTS", "FTS")
_LINES = re.compile(rb"\r\n|\r|\n")

Answer = Literal["AR", "AE"]


class RefusedError(MediasvcError):
    """The message cannot be used. ``answer`` is the acknowledgement code: AR for a message that is
    no proper one, AE for one whose content is in the way; ``condition`` one of table 0357."""

    def __init__(self, code: str, text: str, answer: Answer = "AR", condition: int = 100) -> None:
        super().__init__(text)
        self.code, self.answer, self.condition = code, answer, condition


@dataclass(frozen=True, slots=True)
class Framed:
    """One message of a file or a connection, without its frame."""

    number: int
    line: int
    data: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2 (2.14.9.1, 2.14.9.2)."""

    fields: str = "|"
    components: str = "^"
    repetitions: str = "~"
    escape: str = "\\"
    subcomponents: str = "&"


@dataclass(frozen=True)
class Segment:
    """One line; fields are counted as the standard counts them, MSH-1 being the delimiter."""

    name: str
    fields: tuple[str, ...]
    text: Text

    def repetitions(self, number: int) -> list[str]:
        """The raw repetitions of a field; none when it is empty."""
        raw = self.fields[number] if number < len(self.fields) else ""
        return raw.split(self.text.delimiters.repetitions) if raw else []

    def value(self, number: int, component: int = 1) -> str:
        """A component of the first repetition, unescaped."""
        return self.text.component(next(iter(self.repetitions(number)), ""), component)


@dataclass(frozen=True)
class Text:
    """How the text of one message is taken apart."""

    delimiters: Delimiters
    charset: Charset

    def component(self, repetition: str, number: int = 1, sub: int = 1) -> str:
        """Component and subcomponent, unescaped, without blanks around it; ``""`` is absent."""
        parts = repetition.split(self.delimiters.components)
        if number > len(parts):
            return ""
        subs = parts[number - 1].split(self.delimiters.subcomponents)
        return self._unescaped(subs[sub - 1]).strip() if sub <= len(subs) else ""

    def _unescaped(self, raw: str) -> str:
        escape = self.delimiters.escape
        if not escape or escape not in raw:
            return raw
        return self._sequence.sub(self._replacement, raw)

    @cached_property
    def _sequence(self) -> re.Pattern[str]:
        mark = re.escape(self.delimiters.escape)
        return re.compile(rf"(?:{mark}X[0-9A-Fa-f]*{mark})+|{mark}[^{mark}]*{mark}")

    def _replacement(self, found: re.Match[str]) -> str:
        escape = self.delimiters.escape
        body = found[0].strip(escape)
        plain = {"F": self.delimiters.fields, "S": self.delimiters.components,
                 "T": self.delimiters.subcomponents, "R": self.delimiters.repetitions, "E": escape,
                 "H": "", "N": ""}
        if body in plain:
            return plain[body]
        if body[:1] == "X":
            return self._hexadecimal(found[0])
        return " " if body[:1] == "." else "\ufffd"

    def _hexadecimal(self, sequences: str) -> str:
        """Neighbours are read together: a character may be spread over them."""
        digits = re.sub(r"[^0-9A-Fa-f]", "", sequences.replace("X", ""))
        return self.charset.decode(bytes.fromhex(digits))[0] if len(digits) % 2 == 0 else "\ufffd"


@dataclass(frozen=True, slots=True)
class Charset:
    """MSH-18: the first repetition is the default, further ones may be escaped into (2.14.9.18).

    ``assumed`` says that the message names none and another one was tried.
    """

    names: tuple[str, ...] = ()
    assumed: bool = False

    def decode(self, data: bytes) -> tuple[str, bool]:
        """(text, certain); what cannot be read becomes U+FFFD."""
        if data.isascii() and b"\x1b" not in data:
            return data.decode("ascii"), True
        codec = CODECS.get(self.names[0]) if self.names else None
        if codec:
            text = data.decode(codec, "replace")
            return text, "\ufffd" not in text
        numbers = [REGISTERED[name] for name in self.names] or [6]
        return decode_extended(data, numbers, name=False)


@dataclass(frozen=True)
class Message:
    """The segments in order. ``notes`` are (code, words) about what is only odd."""

    segments: tuple[Segment, ...]
    notes: tuple[tuple[str, str], ...] = field(default=())

    def all(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment:
        """Raises RefusedError when it is not there."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        raise RefusedError("segment-missing", f"The message has no {name} segment.")


def looks_like_hl7(begin: bytes) -> bool:
    """By the first bytes of a file: a message, a frame or a batch."""
    begin = begin.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n \t" + START)
    return re.match(rb"(?:MSH|FHS|BHS)[!-/:-@\[-`{-~]", begin) is not None


def split_messages(data: bytes) -> Iterator[Framed]:
    """The messages of a file: framed as for MLLP, or one after the other, or in a batch.

    ``whole`` is False for a frame without its end.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.lstrip(b"\r\n \t").startswith(START):
        yield from _frames(data)
        return
    begins = [found.start(1) for found in re.finditer(rb"(?:\A|[\r\n])[ \t]*(MSH)", data)]
    before = data[:begins[0]] if begins else data
    if before.strip() and not looks_like_hl7(before):
        begins.insert(0, 0)
    line = at = 0
    for number, (start, stop) in enumerate(zip(begins, [*begins[1:], len(data)], strict=False), 1):
        line += len(_LINES.findall(data, at, start))
        at = start
        yield Framed(number, line + 1, _unbatched(data[start:stop]))


def _frames(data: bytes) -> Iterator[Framed]:
    line = at = 0
    for number, part in enumerate(data.split(START)[1:], 1):
        start = at + 1
        line += len(_LINES.findall(data, at, start))
        at = start + len(part)
        body, end, _ = part.partition(END)
        yield Framed(number, line + 1, body, whole=bool(end))
        line += len(_LINES.findall(part))


def _unbatched(data: bytes) -> bytes:
    """Without the trailer of a batch and the header of the next one."""
    found = re.search(rb"[\r\n](?:BTS|FTS|BHS|FHS)[!-/:-@\[-`{-~]", data)
    return data[:found.start() + 1] if found else data


def parse(data: bytes, character_set: str = "") -> Message:
    """One message without its frame. ``character_set`` (table 0211) where MSH-18 names none.

    Raises RefusedError for what is not exactly one message; never another exception.
    """
    if len(data) > MESSAGE_LIMIT:
        raise RefusedError("too-long", "The message is too long.", condition=207)
    if START in data or END in data:
        raise RefusedError("frame-inside", "The message has the mark of another frame inside.")
    lines = [line for line in _LINES.split(data) if line.strip()]
    delimiters = _delimiters(lines[0] if lines else b"")
    if sum(line.startswith(b"MSH") for line in lines) > 1:
        raise RefusedError("several-messages", "There is more than one MSH segment in a message.")
    charset = _charset(lines[0], delimiters, character_set, data)
    text = Text(delimiters, charset)
    segments = tuple(_segment(charset.decode(line)[0], text) for line in lines)
    notes = [("character-set-assumed", "The message names no character set; UTF-8 was read.")
             ] if charset.assumed else []
    if segments[-1].name in ("PID", "MRG") and not data.endswith((b"\r", b"\n")):
        notes.append(("last-line-open", "The last line does not end; something may be cut off."))
    return Message(segments, tuple(notes))


def _delimiters(header: bytes) -> Delimiters:
    if not header.startswith(b"MSH") or len(header) < 8:
        raise RefusedError("no-header", "There is no MSH segment at the beginning.")
    fields = chr(header[3])
    marks = header[4:].split(header[3:4], 1)[0].decode("latin_1")
    used = fields + marks
    if not 4 <= len(marks) <= 5 or not all(_DELIMITER.fullmatch(mark) for mark in used) \
            or len(set(used)) < len(used):
        raise RefusedError("delimiters", "The delimiters in MSH-1 and MSH-2 cannot be used.")
    return Delimiters(fields, *marks[:4])


def _charset(header: bytes, delimiters: Delimiters, fallback: str, data: bytes) -> Charset:
    fields = header.decode("latin_1").split(delimiters.fields)
    raw = fields[17] if len(fields) > 17 else ""
    names = tuple(name.strip().upper() for name in raw.split(delimiters.repetitions))
    if not any(names):
        names = (fallback.strip().upper(),) if fallback else ()
    if data.isascii() and b"\x1b" not in data:
        return Charset()
    if not names:
        return _assumed(data)
    known = names[0] in CODECS if len(names) == 1 and names[0] in CODECS else \
        all(name in REGISTERED for name in names)
    if not known:
        raise RefusedError("character-set", "The character set in MSH-18 is not known here.", "AE",
                           102)
    return Charset(names)


def _assumed(data: bytes) -> Charset:
    """Text outside ASCII without a name for it: UTF-8 proves itself, nothing else does."""
    try:
        data.decode("utf_8")
    except UnicodeDecodeError:
        pass
    else:
        if b"\x1b" not in data:
            return Charset(("UNICODE UTF-8",), assumed=True)
    raise RefusedError("character-set", "The message has letters outside ASCII and MSH-18 names no "
                       "character set.", "AE", 102)


def _segment(line: str, text: Text) -> Segment:
    name, mark, rest = line[:3], line[3:4], line[4:]
    if not _SEGMENT.fullmatch(name) or mark not in ("", text.delimiters.fields):
        raise RefusedError("no-segment", "A line of the message is not a segment.")
    fields: Sequence[str] = rest.split(text.delimiters.fields)
    if name == "MSH":
        fields = (text.delimiters.fields, *fields)
    return Segment(name, (name, *fields), text)
