"""Structured reports as a page or as plain text (PS3.3 C.17.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from mediasvc.media.page.markup import Markup, element, page
from mediasvc.media.page.words import date, person_name, sex

#: Items of items, and items of a whole report.
DEPTH, ITEMS = 48, 20_000
_STYLE = (
    "body{font:15px/1.5 'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#1d2733;margin:0 auto;"
    "max-width:820px;padding:24px 28px}h1{font-size:22px;margin:0 0 10px}"
    "h2{font-size:17px;margin:18px 0 4px}h3{font-size:15px;margin:12px 0 2px}"
    "table{border-collapse:collapse;margin:0 0 16px}td{padding:2px 16px 2px 0;vertical-align:top}"
    "td.name{color:#5a6875}p{margin:2px 0;white-space:pre-wrap}"
    "div.in{border-left:2px solid #e1e6ea;padding-left:14px;margin:2px 0}"
    "p.small{color:#5a6875;font-size:13px;margin-top:24px}")
#: What stands above a report: keyword → words.
_HEAD = (("PatientName", "Patient"), ("PatientID", "Patient ID"),
         ("PatientBirthDate", "Birth date"), ("PatientSex", "Sex"), ("StudyDate", "Study date"),
         ("AccessionNumber", "Accession number"), ("StudyDescription", "Study"),
         ("ReferringPhysicianName", "Referring physician"), ("InstitutionName", "Institution"),
         ("ContentDate", "Report date"), ("CompletionFlag", "Completion"),
         ("VerificationFlag", "Verification"))
_PLAIN = {"TEXT": "TextValue", "DATE": "Date", "TIME": "Time", "DATETIME": "DateTime",
          "PNAME": "PersonName", "UIDREF": "UID"}


@dataclass(frozen=True, slots=True)
class Line:
    """One content item: ``name`` of its concept, ``value`` in words; both may be empty. ``codes``:
    what stands behind the two, as ``121071 DCM``."""

    depth: int
    kind: str
    name: str
    value: str
    codes: tuple[str, str] = ("", "")


def has_report(dataset: Dataset) -> bool:
    return "ContentSequence" in dataset and "ValueType" in dataset


def report_lines(dataset: Dataset) -> Iterator[Line]:
    """All content items in reading order, the root's own title not among them."""
    stack: list[tuple[int, Iterator[Any]]] = [(0, iter(dataset.get("ContentSequence") or []))]
    left = ITEMS
    while stack and left:
        depth, items = stack[-1]
        item = next(items, None)
        if item is None:
            stack.pop()
            continue
        left -= 1
        yield Line(depth, str(item.get("ValueType") or ""), _concept(item), _value(item),
                   (_behind(item, "ConceptNameCodeSequence"), _behind(item, "ConceptCodeSequence")))
        children = item.get("ContentSequence") or []
        if len(children) and depth < DEPTH:
            stack.append((depth + 1, iter(children)))
    if stack:
        yield Line(0, "TEXT", "", "(the report goes on; only its beginning is shown)")


def report_page(dataset: Dataset) -> bytes:
    """XHTML, UTF-8, that stands alone. It names the patient, as the report does."""
    title = _title(dataset)
    rows = [element("tr", element("td", words, class_="name"), element("td", value))
            for words, value in _head(dataset)]
    body: list[Markup] = [element("h1", title), element("table", *rows)]
    lines = list(report_lines(dataset))
    body.append(_nested(lines))
    body.append(element("p", "Made from a DICOM structured report; the DICOM object is the "
                        "original.", class_="small"))
    return page(title, _STYLE, *body)


def report_text(dataset: Dataset) -> bytes:
    """The same as lines of UTF-8 text, two blanks for each level."""
    head = [_title(dataset), "", *(f"{words}: {value}" for words, value in _head(dataset)), ""]
    body = ["  " * line.depth + _joined(line.name, _unfolded(line.value, line.depth))
            for line in report_lines(dataset)]
    return ("\n".join([*head, *body]) + "\n").encode("utf-8", "replace")


def _unfolded(value: str, depth: int) -> str:
    """Lines of a text item stay below their item."""
    return ("\n" + "  " * (depth + 1)).join(value.splitlines()) if "\n" in value else value


def _joined(name: str, value: str) -> str:
    return f"{name}: {value}" if name and value else name or value


def _nested(lines: list[Line]) -> Markup:
    """Containers as headings, their items indented below them."""
    open_levels: list[list[Markup]] = [[]]
    for line in lines:
        while len(open_levels) > line.depth + 1:
            _close(open_levels)
        while len(open_levels) < line.depth + 1:
            open_levels.append([])
        open_levels[-1].append(_line(line))
    while len(open_levels) > 1:
        _close(open_levels)
    return element("div", *open_levels[0])


def _close(levels: list[list[Markup]]) -> None:
    inner = levels.pop()
    levels[-1].append(element("div", *inner, class_="in"))


def _line(line: Line) -> Markup:
    name, value = line.codes
    if line.kind == "CONTAINER":
        return _coded("h2" if line.depth == 0 else "h3", line.name or "Section", name)
    shown = _coded("span", line.value, value) if value else line.value
    if not line.name:
        return element("p", shown)
    return element("p", _coded("b", line.name, name), ": ", shown)


def _coded(tag: str, words: str, code: str) -> Markup:
    """The words; their code appears where the pointer rests."""
    return element(tag, words, title=code) if code else element(tag, words)


def _title(dataset: Dataset) -> str:
    return _concept(dataset) or str(dataset.get("SeriesDescription") or "") or "Report"


def _head(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for keyword, words in _HEAD:
        value = _text(dataset, keyword)
        if value:
            yield words, (date(value) if keyword.endswith("Date") else
                          sex(value) if keyword == "PatientSex" else value)


def _concept(item: Dataset) -> str:
    codes = item.get("ConceptNameCodeSequence") or []
    return _code(codes[0]) if len(codes) else ""


def _code(code: Dataset) -> str:
    for keyword in ("CodeMeaning", "CodeValue", "LongCodeValue", "URNCodeValue"):
        if text := _text(code, keyword):
            return text
    return ""


def _behind(item: Dataset, keyword: str) -> str:
    """Value and scheme of a code."""
    codes = item.get(keyword) or []
    if not len(codes):
        return ""
    value = _text(codes[0], "CodeValue") or _text(codes[0], "LongCodeValue")
    return f"{value} {_text(codes[0], 'CodingSchemeDesignator')}".strip()


def _value(item: Dataset) -> str:
    kind = str(item.get("ValueType") or "")
    if kind in _PLAIN:
        return _SHOWN.get(kind, str)(_text(item, _PLAIN[kind]))
    if kind == "CODE":
        codes = item.get("ConceptCodeSequence") or []
        return _code(codes[0]) if len(codes) else ""
    if kind == "NUM":
        return _measured(item)
    if kind in ("IMAGE", "COMPOSITE", "WAVEFORM"):
        return _reference(item, kind)
    if kind in ("SCOORD", "SCOORD3D", "TCOORD"):
        shape = str(item.get("GraphicType") or item.get("TemporalRangeType") or "").lower()
        return f"({shape or 'coordinates'})"
    return ""


def _measured(item: Dataset) -> str:
    values = item.get("MeasuredValueSequence") or []
    if not len(values):
        return "(no value)"
    units = values[0].get("MeasurementUnitsCodeSequence") or []
    unit = _text(units[0], "CodeValue") if len(units) else ""
    number = _text(values[0], "NumericValue")
    return number if unit in ("", "1") else f"{number} {unit}"


def _reference(item: Dataset, kind: str) -> str:
    """Kind of the object and its UID: whoever has the objects finds it."""
    found = item.get("ReferencedSOPSequence") or []
    uid = _text(found[0], "ReferencedSOPInstanceUID") if len(found) else ""
    frames = _text(found[0], "ReferencedFrameNumber") if len(found) else ""
    return f"({kind.lower()} {uid}{', frame ' + frames if frames else ''})"


def _text(dataset: Dataset, keyword: str) -> str:
    """A value as words; empty when there is none or it cannot be read."""
    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, NotImplementedError):
        return ""
    if value is None:
        return ""
    if isinstance(value, (MultiValue, list)):
        return ", ".join(str(one) for one in value)
    if isinstance(value, PersonName):
        return person_name(str(value)) if value else ""
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def _time(raw: str) -> str:
    """``101500.123`` → ``10:15:00``; anything else as it is."""
    found = re.fullmatch(r"(\d{2})(\d{2})(\d{2})?(?:\.\d+)?", raw)
    return ":".join(filter(None, found.groups())) if found else raw


def _moment(raw: str) -> str:
    """``20240131101500+0100`` → ``2024-01-31 10:15:00 +0100``; anything else as it is."""
    found = re.fullmatch(r"(\d{8})([\d.]+)([+-]\d{4})?", raw)
    return " ".join(filter(None, (date(found[1]), _time(found[2]), found[3]))) if found else raw


#: How the text of a value type is shown.
_SHOWN = {"DATE": date, "TIME": _time, "DATETIME": _moment}
