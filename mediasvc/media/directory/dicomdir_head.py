"""What stands before the records of a DICOMDIR: file meta, encoding, file-set (PS3.10 7, 8.6)."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.dicom.compose import Encoding
from mediasvc.media.directory.element_walk import (
    UNDEFINED,
    UnreadableError,
    element_end,
    number,
    read_header,
    sniff,
)
from mediasvc.model import Finding, Severity
from mediasvc.standard.encodings import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

RECORD_SEQUENCE = 0x00041220
EXPLICIT = Encoding(False, False)
TRANSFER_SYNTAXES = {
    IMPLICIT_VR_LITTLE_ENDIAN: Encoding(True, False),
    EXPLICIT_VR_LITTLE_ENDIAN: EXPLICIT,
    EXPLICIT_VR_BIG_ENDIAN: Encoding(False, True),
}
#: No value before the records is longer.
VALUE_LIMIT = 16 << 10
#: How far the record sequence is searched for when what precedes it is damaged.
SEARCH_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """``values``: the elements of group 2 and those before the records, by tag. ``sequence``:
    first byte of the first item and end of the sequence (-1 for undefined length), or None."""

    encoding: Encoding
    values: dict[int, bytes]
    sequence: tuple[int, int] | None
    findings: tuple[Finding, ...]

    def number(self, tag: int) -> int:
        """An unsigned value, 0 when absent."""
        return number(self.values.get(tag, b""), self.encoding)

    def text(self, tag: int) -> str:
        """A value of the default repertoire without padding, "" when absent."""
        return text_value(self.values.get(tag, b""))


def read_head(view: memoryview) -> Head:
    """Everything up to the first record. Never raises on foreign bytes."""
    findings: list[Finding] = []
    start, meta = _read_meta(view)
    encoding = _encoding(view, start, meta, findings)
    values, sequence = _find_sequence(view, start, encoding, findings)
    return Head(encoding, meta | values, sequence, tuple(findings))


def text_value(raw: bytes) -> str:
    """A value of the default repertoire, without its padding."""
    return raw.decode("latin-1").strip(" \0")


def finding(severity: Severity, code: str, text: str, rule: str) -> Finding:
    """A finding about the DICOMDIR itself; the caller knows its label."""
    return Finding(severity, code, "", text, rule)


def _read_meta(view: memoryview) -> tuple[int, dict[int, bytes]]:
    """Where the data set starts, and group 2 (always Explicit VR Little Endian)."""
    starts = (at + 4 for at in (128, 0) if bytes(view[at:at + 4]) == b"DICM")
    position = next(starts, 0)
    meta: dict[int, bytes] = {}
    try:
        while bytes(view[position:position + 2]) == b"\x02\0":
            tag, _, value, length = read_header(view, position, EXPLICIT)
            if value + length > len(view):
                break
            meta[tag] = bytes(view[value:value + length])
            position = value + length
    except UnreadableError:
        pass
    return position, meta


def _encoding(
    view: memoryview, start: int, meta: dict[int, bytes], findings: list[Finding]
) -> Encoding:
    declared = TRANSFER_SYNTAXES.get(text_value(meta.get(0x00020010, b"")))
    seen = sniff(view, start)
    if not meta:
        findings.append(finding(
            "warning", "directory-meta-missing",
            "DICOMDIR has no File Meta Information; its encoding was recognised from its content",
            "PS3.10 7.1"))
    elif seen is not None and declared != seen:
        findings.append(finding(
            "warning", "directory-syntax-wrong",
            "DICOMDIR is not encoded as its File Meta Information says; read as it really is",
            "R10-8"))
    found = seen or declared or EXPLICIT
    if found != EXPLICIT:
        findings.append(finding(
            "warning", "directory-syntax",
            "DICOMDIR is not in Explicit VR Little Endian", "R10-1"))
    return found


def _find_sequence(
    view: memoryview, start: int, encoding: Encoding, findings: list[Finding]
) -> tuple[dict[int, bytes], tuple[int, int] | None]:
    """The file-set's own values and the first and last byte of the record sequence."""
    values: dict[int, bytes] = {}
    position = start
    try:
        while position < len(view):
            tag, _, value, length = read_header(view, position, encoding)
            if tag == RECORD_SEQUENCE:
                return values, (value, -1 if length == UNDEFINED else value + length)
            end = element_end(view, position, encoding)
            if length <= VALUE_LIMIT:
                values[tag] = bytes(view[value:value + length])
            position = end
    except UnreadableError:
        pass
    # Something before it is damaged: the tag itself can still be found.
    pattern = encoding.tag(RECORD_SEQUENCE) + (b"" if encoding.implicit else b"SQ")
    place = bytes(view[start:start + SEARCH_LIMIT]).find(pattern)
    if place < 0:
        findings.append(finding(
            "warning", "directory-empty", "DICOMDIR has no list of directory records", "R10-9"))
        return values, None
    findings.append(finding(
        "warning", "directory-damaged",
        "the beginning of DICOMDIR is damaged; its records were found by searching", "RF-1"))
    try:
        _, _, value, length = read_header(view, start + place, encoding)
    except UnreadableError:
        return values, None
    return values, (value, -1 if length == UNDEFINED else value + length)
