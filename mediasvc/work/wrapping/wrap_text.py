"""A plain text as the content of a Basic Text SR (PS3.3 A.35.1, C.17.3), and the way back.

Headings become sections, paragraphs text items in the order in which they were written. What lies
between them, and the character set, stands in one private element, so that the text comes back
byte for byte; where the content was changed since, it does not, and that is said.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mediasvc.errors import DamagedError
from mediasvc.standard import report_headings as headings
from mediasvc.standard.report_headings import Code, Heading, heading_of

#: Where the recipe stands (PS3.5 7.8.1).
CREATOR_TAG, RECIPE_TAG, CREATOR = 0x00710010, 0x00711001, "MEDIASVC TEXT"
#: Parts and recipe as the probe wrote them are no larger.
LIMIT = 64 << 20


def read_parts(path: Path) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """What the child wrote, checked. Raises DamagedError."""
    try:
        with path.open("rb") as stream:
            row = json.loads(stream.read(LIMIT))
        parts = [(str(kind), str(text)) for kind, text in row["parts"]]
        recipe = row["recipe"]
        if not parts or not isinstance(recipe, dict):
            raise ValueError
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedError("it could not be understood") from error
    return parts, recipe


def text_values(parts: list[tuple[str, str]], language: str, name: str) -> dict[str, Any]:
    """Attributes of the SR Document Content module; ``language`` a tag of RFC 5646 or empty."""
    content: list[dict[str, Any]] = []
    if language:
        content.append(_coded("HAS CONCEPT MOD", headings.LANGUAGE, (language, "RFC5646", name)))
    within, under = content, headings.OTHER
    for kind, text in parts:
        if kind == "heading":
            under = heading_of(text) or headings.OTHER
            section = _section(under, text)
            content.append(section)
            within = section["ContentSequence"]
        else:
            within.append(_text("CONTAINS", under.text, text))
    return {"ValueType": "CONTAINER", "ConceptNameCodeSequence": [_code(headings.NOTE)],
            "ContinuityOfContent": "SEPARATE", "ContentSequence": content}


def _section(heading: Heading, text: str) -> dict[str, Any]:
    return {"RelationshipType": "CONTAINS", "ValueType": "CONTAINER",
            "ConceptNameCodeSequence": [_code(heading.section)], "ContinuityOfContent": "SEPARATE",
            "ContentSequence": [_text("HAS CONCEPT MOD", headings.EQUIVALENT, text)]}


def _text(relation: str, concept: Code, text: str) -> dict[str, Any]:
    return {"RelationshipType": relation, "ValueType": "TEXT",
            "ConceptNameCodeSequence": [_code(concept)], "TextValue": text}


def _coded(relation: str, concept: Code, value: Code) -> dict[str, Any]:
    return {"RelationshipType": relation, "ValueType": "CODE",
            "ConceptNameCodeSequence": [_code(concept)], "ConceptCodeSequence": [_code(value)]}


def _code(code: Code) -> dict[str, str]:
    value, scheme, meaning = code
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def recipe_bytes(recipe: dict[str, Any]) -> bytes:
    data = json.dumps(recipe, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
    return data + b" " * (len(data) % 2)
