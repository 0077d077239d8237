"""What an HL7 Clinical Document (CDA R2) says of itself; the document is kept whole (A.45.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.foreign.wrap_facts import DocumentFacts
from mediasvc.media.window import Window

ROOT = "urn:hl7-org:v3 ClinicalDocument"
#: The document's own identity, kind and time stand in the elements right below the root.
HL7 = "urn:hl7-org:v3 "
CDA_LIMIT, TITLE, DEPTH = 64 << 20, 1024, 200
LOINC = "2.16.840.1.113883.6.1"
_BEGINS = re.compile(rb"<(?:\w+:)?ClinicalDocument[\s>]")


@dataclass
class _Seen:
    depth: int = 0
    values: dict[str, str] = field(default_factory=dict)
    title: str = ""
    in_title: bool = False
    types: dict[str, None] = field(default_factory=dict)


def is_cda(head: bytes) -> bool:
    return bool(_BEGINS.search(head))


def probe_cda(window: Window) -> DocumentFacts:
    """Raises DamagedError for what is no well-formed CDA, UnsupportedError for one with a DTD."""
    if window.length > CDA_LIMIT:
        raise UnsupportedError("a clinical document of more than 64 MiB is not taken")
    seen = _Seen()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda name, attributes: _start(seen, name, attributes)
    parser.EndElementHandler = lambda name: _end(seen)
    parser.CharacterDataHandler = lambda text: _text(seen, text)
    try:
        parser.Parse(window.read(0, window.length), True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # or an unknown encoding
        raise DamagedError("the clinical document is damaged: it is no whole XML") from error
    if "root" not in seen.values:
        raise DamagedError("the clinical document has no identifier")
    return DocumentFacts("cda", taken=_time(seen.values.get("time", "")),
                         title=" ".join(seen.title.split())[:TITLE],
                         identifier=seen.values["root"], code=seen.values.get("code", ""),
                         meaning=seen.values.get("meaning", ""), types=tuple(seen.types)[:64])


def _refuse(*_: object) -> None:
    raise UnsupportedError("it is an XML document with a DTD, which may reach for other files")


def _start(seen: _Seen, name: str, attributes: dict[str, str]) -> None:
    seen.depth += 1
    if seen.depth > DEPTH:
        raise DamagedError("the clinical document is nested too deeply")
    if seen.depth == 1 and name != ROOT:
        raise UnsupportedError("it is an XML document and no HL7 Clinical Document (CDA)")
    if "mediaType" in attributes:
        seen.types[attributes["mediaType"][:255]] = None
    if seen.depth != 2:
        return
    seen.in_title = name == HL7 + "title"
    if name == HL7 + "id" and attributes.get("root"):
        more = attributes.get("extension", "")
        seen.values.setdefault("root", attributes["root"] + (f"^{more}" if more else ""))
    elif name == HL7 + "effectiveTime":
        seen.values.setdefault("time", attributes.get("value", ""))
    elif name == HL7 + "code" and attributes.get("codeSystem") == LOINC:
        seen.values.setdefault("code", attributes.get("code", ""))
        seen.values.setdefault("meaning", attributes.get("displayName", ""))


def _end(seen: _Seen) -> None:
    if seen.depth == 2:
        seen.in_title = False
    seen.depth -= 1


def _text(seen: _Seen, text: str) -> None:
    if seen.in_title and seen.depth == 2 and len(seen.title) < 4 * TITLE:
        seen.title += text


def _time(text: str) -> str:
    """HL7 TS as a DT value; empty where it is none."""
    found = re.fullmatch(r"(\d{8}(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6}\d*)?)?)?)?)([-+]\d{4})?",
                         text)
    if not found:
        return ""
    return found[1][:21] + (found[2] or "")
