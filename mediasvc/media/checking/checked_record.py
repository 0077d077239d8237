"""A directory record as check-disc needs to know it, read with pydicom and boiled down at once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from mediasvc.media.checking.check_values import illegal_values
from mediasvc.standard.directory_records import KEY_SETS, RECORD_TYPES, Key, keys_of

UNIQUE = {"PATIENT": (0x00100020, "Patient ID"), "STUDY": (0x0020000D, "Study Instance UID"),
          "SERIES": (0x0020000E, "Series Instance UID")}
DEPTH = 3
CHARACTER_SET = 0x00080005
#: tag → (value bytes as latin-1, level of its record, Specific Character Set of its record)
Keys = dict[int, tuple[str, int, str]]
Lacks = dict[str, tuple[int, ...]]
_NOTHING: Lacks = {}
PLAIN_NUMBERS = frozenset({("US", 2), ("UL", 4)})
NUMBER_VRS = frozenset({"US", "SS", "UL", "SL", "FL", "FD"})


def level_of(kind: str) -> int:
    """Where a type of record belongs; leaves and what is unknown: `DEPTH`."""
    known = RECORD_TYPES.get(kind)
    return known.level if known else DEPTH


@dataclass(slots=True)
class DirectoryRecord:
    """``lacks``: key set → tags of required keys that are not there. ``identity``: what no other
    record of its type may have."""

    offset: int
    type: str
    next: int
    lower: int
    in_use: bool
    sop_class_uid: str
    identity: bytes
    lacks: Lacks

    @property
    def level(self) -> int:
        return level_of(self.type)


@dataclass(slots=True)
class Noted:
    """Everything that is asked of one record; what must be known until all are read is ``record``.
    ``illegal``: tags of values that it may not have; ``parts``: of the file that it names, () for
    none; ``keys``: of this record alone; ``shape``: records of the same are written in the same
    way."""

    record: DirectoryRecord
    illegal: tuple[str, ...]
    keys: Keys
    parts: tuple[str, ...]
    sop_instance_uid: str
    transfer_syntax_uid: str
    shape: Hashable = field(default=None, compare=False)


def noted(item: Dataset) -> Noted:
    """As pydicom reads it."""
    kind = text_of(raw_value(item, 0x00041430))
    unique = UNIQUE.get(kind)
    tags = tuple(map(int, item.keys()))
    return Noted(
        DirectoryRecord(
            offset=int(getattr(item, "seq_item_tell", -1)), type=kind,
            next=number_value(item, 0x00041400), lower=number_value(item, 0x00041420),
            in_use=number_value(item, 0x00041410) == 0xFFFF,
            sop_class_uid=text_of(raw_value(item, 0x00041510)),
            identity=raw_value(item, unique[0]) if unique else b"",
            lacks=lacks_of(kind, tags, tuple(tag for tag in tags if raw_value(item, tag)))),
        illegal=tuple(illegal_values(item)), keys=_keys_in(item, level_of(kind)),
        parts=file_id_parts(raw_value(item, 0x00041500)),
        sop_instance_uid=text_of(raw_value(item, 0x00041511)),
        transfer_syntax_uid=text_of(raw_value(item, 0x00041512)))


def file_id_parts(raw: bytes) -> tuple[str, ...]:
    """The components of Referenced File ID (its bytes without padding); () for none."""
    return tuple(part.strip() for part in raw.decode("latin-1").split("\\")) if raw else ()


def _keys_in(item: Dataset, level: int) -> Keys:
    """The keys of one record, without sequences and what has no value."""
    charset = text_of(raw_value(item, CHARACTER_SET))
    keys: Keys = {}
    for tag, element in item.items():
        if element.VR == "SQ" or tag.group in (2, 4) or tag == CHARACTER_SET:
            continue
        if isinstance(element.value, bytes) and (value := element.value.rstrip(b" \0")):
            keys[int(tag)] = (value.decode("latin-1"), level, charset)
    return keys


def raw_value(item: Dataset, tag: int) -> bytes:
    """The value's bytes without padding; of a sequence only whether it has items.

    Numbers have no padding: 32 rows are the two bytes ``20 00``.
    """
    if tag not in item:
        return b""
    element = item.get_item(tag)
    value = element.value
    if isinstance(value, bytes):
        return value if element.VR in NUMBER_VRS else value.rstrip(b" \0")
    return b"(items)" if value else b""


def number_value(item: Dataset, tag: int) -> int:
    if tag not in item:
        return 0
    raw: Any = item.get_item(tag)
    if isinstance(raw, RawDataElement) and (raw.VR, raw.length) in PLAIN_NUMBERS and raw.value:
        # what pydicom would make of it, in a tenth of the time: a large disc has 900,000 of these
        return int.from_bytes(raw.value, "little" if raw.is_little_endian else "big")
    value = item.get(tag)
    number = value.value if value is not None else None
    return number if isinstance(number, int) else 0


def text_of(raw: bytes) -> str:
    return raw.decode("latin-1").strip()


@lru_cache(maxsize=512)
def _required(kind: str, key_set: str) -> tuple[Key, ...]:
    """Keys of type 1 and 2; of another set than ``none`` only what it asks for beside that."""
    own = {key.tag: key.type for key in keys_of(kind)} if key_set != "none" else {}
    return tuple(key for key in keys_of(kind, key_set)
                 if key.type in ("1", "2") and own.get(key.tag) != key.type)


@lru_cache(maxsize=256)
def conditional_keys(kind: str, key_set: str) -> tuple[int, ...]:
    """Keys that a record must have when the file has them (type 1C, R11-5), on all levels: a
    palette or a hanging protocol stands below no patient.

    Without sequences, which `Expected` leaves out.
    """
    known = RECORD_TYPES.get(kind)
    kinds = ["PATIENT", "STUDY", "SERIES", kind] if known is None or known.level else [kind]
    return tuple(key.tag for one in kinds if one in RECORD_TYPES
                 for key in keys_of(one, key_set) if key.type == "1C" and key.vr != "SQ")


@lru_cache(maxsize=4096)
def lacks_of(kind: str, there: tuple[int, ...], filled: tuple[int, ...]) -> Lacks:
    """Key set → tags of required keys that a record of this type lacks, when it has the elements
    ``there``, those of ``filled`` with a value. The same for many, and never to be changed."""
    if kind not in RECORD_TYPES:
        return _NOTHING
    found: Lacks = {}
    for key_set in KEY_SETS:
        absent = tuple(key.tag for key in _required(kind, key_set)
                       if key.tag not in (filled if key.type == "1" else there))
        if absent:
            found[key_set] = absent
    return found or _NOTHING
