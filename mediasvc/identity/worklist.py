"""Items of a modality worklist: rows of a CSV list, or DICOM data sets as a worklist server keeps
them (PS3.4 K.6.1.2.2; with or without file header).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mediasvc.dicom.encoding_seen import look
from mediasvc.dicom.file_meta import TRANSFER_SYNTAX_UID, read_meta
from mediasvc.dicom.nested import Element, Source, elements, item_at
from mediasvc.dicom.text import decode
from mediasvc.errors import DamagedError
from mediasvc.identity.load import is_date, key_troubles, person_troubles, read_table
from mediasvc.model import Demographics, PatientKey
from mediasvc.standard.encodings import DataSetEncoding, encoding_of

REQUIRED = ("patient_id",)
OPTIONAL = ("issuer", "name", "birth_date", "sex", "accession_number", "procedure_id",
            "description", "step_id", "code", "source", "until", "status")
SH, LO = 16, 64
#: An item is small; a longer file is something else.
FILE_LIMIT = 1 << 20
#: (0040,0020) Scheduled Procedure Step Status of what nobody will bring any more.
ENDED = frozenset({"CANCELLED", "CANCELED", "DISCONTINUED", "COMPLETED"})
#: Tag → column, on top, in the first item of (0040,0100) and of (0032,1064).
_TOP = {0x00100020: "patient_id", 0x00100021: "issuer", 0x00100010: "name",
        0x00100030: "birth_date", 0x00100040: "sex", 0x00080050: "accession_number",
        0x00401001: "procedure_id", 0x00321060: "description"}
_STEP = {0x00400009: "step_id", 0x00400002: "planned", 0x00400020: "status"}
_CODE = {0x00080100: "value", 0x00080102: "scheme", 0x00080104: "meaning"}
_STEPS, _CODES, _CHARSET = 0x00400100, 0x00321064, 0x00080005
_VRS = {"name": "PN", "patient_id": "LO", "issuer": "LO", "description": "LO", "meaning": "LO"}


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """``code`` is VALUE^SCHEME^MEANING or empty, ``planned`` a date YYYYMMDD, ``until`` YYYY-MM-DD.
    ``troubles`` in words, empty when it may be registered."""

    key: PatientKey
    demographics: Demographics
    accession_number: str = ""
    procedure_id: str = ""
    description: str = ""
    step_id: str = ""
    code: str = ""
    source: str = ""
    until: str = ""
    planned: str = ""
    ended: bool = False
    troubles: tuple[str, ...] = ()

    @property
    def order_key(self) -> str:
        """The same item again has the same one."""
        numbers = "|".join((self.accession_number, self.procedure_id, self.step_id))
        return f"worklist:{self.key}|{numbers if numbers.strip('|') else self.source}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**row | {"key": PatientKey(**row["key"]), "troubles": tuple(row["troubles"]),
                            "demographics": Demographics(**row["demographics"])})


def read_list(path: Path, home: str) -> Iterator[tuple[str, WorklistItem]]:
    """(which row, item) of a CSV list. ``home``: issuer of identifiers that name none. Raises
    SettingsError, DamagedError as `load.read_rows`."""
    for number, line, columns, values in read_table(path, REQUIRED, OPTIONAL):
        row = dict(zip(columns, (value.strip() for value in values), strict=False))
        more = ["more values than columns"] if len(values) > len(columns) else []
        yield f"row {number} (line {line})", _item(row, home, more)


def looks_like_item(begin: bytes) -> bool:
    """Whether a file begins like a data set rather than like text."""
    return begin[128:132] == b"DICM" or (b"\0" in begin[:8] and begin[:1] in b"\x02\x08\x10")


def read_item(view: memoryview, home: str) -> WorklistItem:
    """A worklist item. Raises DamagedError for what is none."""
    source, start = _source(view)
    top = {element.tag: element for element in elements(source, start, len(view))}
    if not {0x00100020, _STEPS} & top.keys():
        raise DamagedError("is no worklist item")
    charset = _text(source, top.get(_CHARSET), "CS", "")[0]
    values, uncertain = _values(source, top, _TOP, charset)
    for sequence, columns in ((_STEPS, _STEP), (_CODES, _CODE)):
        if sequence in top and top[sequence].end - top[sequence].value >= 8:
            begin, end, _ = item_at(source, top[sequence].value, top[sequence].end)
            inner = {element.tag: element for element in elements(source, begin, end)}
            more, unsure = _values(source, inner, columns, charset)
            values, uncertain = values | more, uncertain or unsure
    code = [values.pop(name, "") for name in ("value", "scheme", "meaning")]
    values["code"] = "^".join(code) if any(code) else ""
    return _item(values, home, ["its text does not fit its character set"] if uncertain else [])


def _source(view: memoryview) -> tuple[Source, int]:
    if len(view) > FILE_LIMIT:
        raise DamagedError("is too long for a worklist item")
    start = 132 if bytes(view[128:132]) == b"DICM" else 0
    meta = read_meta(view, start)
    start = meta.end
    said = meta.uid(view, TRANSFER_SYNTAX_UID)
    encoding = look(view, start, encoding_of(said) if said else DataSetEncoding(implicit=True))
    if encoding.deflated:
        raise DamagedError("is deflated")
    return Source(view, encoding.implicit, encoding.big_endian), start


def _values(source: Source, found: dict[int, Element], columns: dict[int, str], charset: str,
            ) -> tuple[dict[str, str], bool]:
    texts = {name: _text(source, found.get(tag), _VRS.get(name, "SH"), charset)
             for tag, name in columns.items()}
    return ({name: text for name, (text, _) in texts.items()},
            not all(certain for _, certain in texts.values()))


def _text(source: Source, element: Element | None, vr: str, charset: str) -> tuple[str, bool]:
    if element is None:
        return "", True
    text, certain = decode(bytes(source.body[element.value:element.end]), charset, vr)
    return text.strip(" \0"), certain


def _item(row: dict[str, str], home: str, troubles: list[str]) -> WorklistItem:
    get = {name: row.get(name, "") for name in (*REQUIRED, *OPTIONAL, "planned")}
    key = PatientKey(get["patient_id"], get["issuer"] or home)
    sex = get["sex"].upper()
    troubles += [*key_troubles(key), *person_troubles(get["name"], get["birth_date"], sex)]
    troubles += [f"{name} does not fit its attribute" for name, limit in (
        ("accession_number", SH), ("procedure_id", SH), ("step_id", SH), ("description", LO))
        if len(get[name]) > limit or "\\" in get[name] or not get[name].isprintable()]
    parts = get["code"].split("^") if get["code"] else []
    if parts and (len(parts) != 3 or not all(parts) or len(parts[0]) > SH or len(parts[1]) > SH
                  or len(parts[2]) > LO):
        troubles.append("code is not VALUE^SCHEME^MEANING")
    if get["until"] and not is_date(get["until"].replace("-", "")):
        troubles.append("until is not a date YYYY-MM-DD")
    return WorklistItem(
        key, Demographics(get["name"], get["birth_date"], "" if sex == "U" else sex),
        get["accession_number"], get["procedure_id"], get["description"], get["step_id"],
        get["code"], get["source"], _dashed(get["until"]),
        get["planned"] if is_date(get["planned"]) else "",
        get["status"].upper() in ENDED, tuple(troubles))


def _dashed(day: str) -> str:
    digits = day.replace("-", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if digits else ""
