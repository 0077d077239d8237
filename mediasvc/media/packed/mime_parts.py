"""The parts of a message where they lie in its file: nothing but headers is held in memory.

Headers are read by the standard library; nothing is shared with what writes messages.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.span import Span

if TYPE_CHECKING:  # few files are messages, and whether one is takes none of it
    from email.message import Message

#: No message has longer ones, deeper parts or more of them.
HEADERS, DEPTH, PARTS = 1 << 20, 16, 100_000
#: Headers that say what a message is stand in these, behind those of the servers it went through.
LOOKED_AT = 64 << 10
DICOM, ZIP = "application/dicom", "application/zip"
_BEGINNING = re.compile(rb"(From [^\n]*\n)?[!-9;-~]+:")
_MIME = re.compile(rb"^(mime-version|content-type):", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(rb"\A\r?\n|\n\r?\n")
#: Of a line between parts, behind the boundary.
_END = re.compile(rb"(--)?[ \t]{0,64}\r?\n")
_NO_BASE64 = bytes(byte for byte in range(256) if (not chr(byte).isalnum() and byte not in b"+/=")
                   or byte > 0x7F)


@dataclass(frozen=True, slots=True)
class Part:
    """``whole`` is all of it with its headers, ``body`` what stands behind them, still encoded."""

    headers: Message
    whole: Span
    body: Span

    @property
    def kind(self) -> str:
        return self.headers.get_content_type()

    @property
    def boundary(self) -> str:
        """Of the parts in it; empty where it has none."""
        return (self.headers.get_boundary("") or "" if self.headers.get_content_maintype()
                == "multipart" else "")


def may_be_mail(head: bytes) -> bool:
    """By its very first bytes: a header field."""
    return _BEGINNING.match(head) is not None


def begins_like_mail(head: bytes) -> bool:
    """By its first bytes, best `LOOKED_AT`: header fields, one of them of MIME."""
    if not may_be_mail(head):
        return False
    end = _BLANK.search(head)
    return _MIME.search(head, 0, end.start() + 1 if end else len(head)) is not None


def part_of(span: Span) -> Part:
    """A whole message, or a part of one."""
    from email.parser import BytesHeaderParser
    from email.policy import compat32

    head = b"".join(Span(span.path, span.offset, min(HEADERS, span.length)).chunks())
    blank = _BLANK.search(head)
    end = blank.end() if blank else len(head)
    headers = BytesHeaderParser(policy=compat32).parsebytes(head[:end])
    return Part(headers, span, Span(span.path, span.offset + end, span.length - end))


def leaves(part: Part, depth: int = DEPTH) -> Iterator[Part]:
    """Those that hold something themselves. Raises DamagedError where there are too many."""
    within = [part_of(part.body)] if part.kind == "message/rfc822" else parts_of(part)
    if not within:
        yield part
        return
    if not depth:
        raise DamagedError("the parts of the message are nested too deep")
    for inner in within:
        yield from leaves(inner, depth - 1)


def parts_of(part: Part) -> list[Part]:
    """The next ones within it (RFC 2046 5.1.1); the last may lack its end."""
    if not part.boundary:
        return []
    found: list[Span] = []
    body, start = part.body, -1
    for mark in _marks(body, part.boundary.encode("utf-8", "replace")):
        if start >= 0:
            found.append(Span(body.path, body.offset + start, max(0, mark.start - start)))
        start = mark.end
        if mark.last:
            break
        if len(found) > PARTS:
            raise DamagedError("the message has too many parts")
    else:
        if start >= 0:
            found.append(Span(body.path, body.offset + start, max(0, body.length - start)))
    return [part_of(span) for span in found]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A line between parts, from the line end before it, which is its own, to its end."""

    start: int
    end: int
    last: bool


def _marks(body: Span, boundary: bytes) -> Iterator[_Mark]:
    """Read from the beginning to the end: what is attached may be large."""
    sought = b"\n--" + boundary
    longest = len(sought) + 80
    data, before, told = b"\n", -1, -1  # as if a line ended before the body, and one after it
    for chunk in chain(body.chunks(), [b"\n"]):
        data += chunk
        at = data.find(sought)
        while at >= 0:
            end = _END.match(data, at + len(sought))
            if end and before + at >= told:
                told = before + end.end() - 1
                yield _Mark(before + at - data.startswith(b"\r", at - 1), before + end.end(),
                            end[1] is not None)
            at = data.find(sought, at + 1)
        before += max(0, len(data) - longest)
        data = data[-longest:]


def decoded(part: Part) -> Iterator[bytes]:
    """What the part holds. Raises DamagedError for what is no base64."""
    encoding = str(part.headers.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        return _base64(part.body.chunks())
    if encoding == "quoted-printable":
        return (a2b_qp(line) for line in _lines(part.body.chunks()))
    return part.body.chunks()


def _base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    try:
        for chunk in chunks:
            data = rest + chunk.translate(None, _NO_BASE64)
            end = data.find(b"=")
            if end >= 0:
                rest = data[:end]
                break
            whole = len(data) // 4 * 4
            rest = data[whole:]
            yield a2b_base64(data[:whole])
        yield a2b_base64(rest + bytes(-len(rest) % 4).replace(b"\0", b"="))
    except Error:
        raise DamagedError("what is attached cannot be decoded") from None


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that end where lines end."""
    rest = b""
    for chunk in chunks:
        whole, end, tail = (rest + chunk).rpartition(b"\n")
        yield whole + end
        rest = tail
    yield rest
