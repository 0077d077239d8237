"""The Basic Application Level Confidentiality Profile and its options (PS3.15 Annex E, 2024e).

Table E.1-1 stands as data beside this module. Where it gives a choice ("X/Z/D") the type of the
attribute in the object's IOD decides (E.3.1): removed where it is optional, empty where it may be,
otherwise replaced. What the table does not list is judged by its VR, on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from mediasvc.errors import SettingsError

EDITION = "2024e"
#: D replace, Z empty, X remove, K keep (and look inside), C clean, U map the UID (table E.1-1a).
Action = Literal["D", "Z", "X", "K", "C", "U"]

#: Options in the order of table E.1-1 with their codes of CID 7050 (PS3.16).
RETAIN = {
    "uids": ("113110", "Retain UIDs Option"),
    "dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shifted-dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
    "patient-characteristics": ("113108", "Retain Patient Characteristics Option"),
    "safe-private": ("113111", "Retain Safe Private Option"),
}
CLEAN = {
    "descriptors": ("113105", "Clean Descriptors Option"),
    "graphics": ("113103", "Clean Graphics Option"),
    "structured": ("113104", "Clean Structured Content Option"),
    "pixel": ("113101", "Clean Pixel Data Option"),
}
BASIC = ("113100", "Basic Application Confidentiality Profile")
ROOT = "1.2.840.10008.5.1.4."

#: What our own import and export leave in an instance beyond the table, and where files stood.
OWN_TRACES: dict[int, Action] = {
    0x00080015: "X",  # Instance Coercion DateTime: when we took it in would tell how dates moved
    0x04000600: "X",  # Instance Origin Status (PS3.3 C.12.1)
    0x0018A001: "X",  # Contributing Equipment Sequence, with the desk and its institution
    0x00080300: "X",  # Private Data Element Characteristics Sequence; of no use without privates
    0x0008040B: "X",  # Filename in Container
    0x00080407: "X",  # Stored Instance Base URI
}
#: Unlisted UIDs that name a kind of thing and no thing: classes, syntaxes, coding schemes.
CLASS_UIDS = frozenset({
    0x00020002, 0x00020010, 0x00020012, 0x00041510, 0x00041512, 0x0004151A, 0x00080016, 0x0008001A,
    0x0008001B, 0x00080062, 0x0008010C, 0x0008010D, 0x00080117, 0x00080118, 0x0008040E, 0x00081150,
    0x0008115A, 0x00083002, 0x00340003, 0x04000010, 0x04000510, 0x30100052, 0x30100053, 0x0040DB0C,
    0x0040DB0D})
#: Unlisted text that is part of a code, not free (PS3.3 8).
CODE_TEXT = frozenset({0x00080104, 0x00080119, 0x00080120, 0x00080115, 0x00080114, 0x0008010E})
#: Text whose meaning the structured content and graphics decide (`dicom.deidentify_content`).
CONTENT_TEXT = frozenset({0x0040A160, 0x00700006})
#: VRs of what identifies by itself; ``dates`` stands for the temporal options of the table.
_BY_VR: dict[str, Action] = {"PN": "Z", "AE": "X", "UR": "X", "ST": "X", "LT": "X", "UT": "X",
                             "UC": "X", "AS": "X"}
_TEMPORAL = ("DA", "DT", "TM")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which options are on: names of `RETAIN` and `CLEAN`."""

    options: frozenset[str] = frozenset()

    @classmethod
    def of(cls, retain: Iterable[str] = (), clean: Iterable[str] = ()) -> Policy:
        """Raises SettingsError for a word that is no option, or two that contradict each other."""
        retained, cleaned = frozenset(retain), frozenset(clean)
        for words, known, name in ((retained, RETAIN, "retain"), (cleaned, CLEAN, "clean")):
            if unknown := sorted(words - set(known)):
                raise SettingsError(f"--{name} {unknown[0]} is unknown.",
                                    f"One of {', '.join(known)}.")
        if {"dates", "shifted-dates"} <= retained:
            raise SettingsError("Dates are either kept or shifted.",
                                "Say dates or shifted-dates.")
        return cls(retained | cleaned)

    def has(self, option: str) -> bool:
        return option in self.options

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """(code value, meaning) of the profile and of each option, for (0012,0064)."""
        known = {**CLEAN, **RETAIN}
        return (BASIC, *sorted(known[name] for name in self.options if name != "pixel"))

    @property
    def words(self) -> tuple[str, ...]:
        """The options for (0012,0063); whether pixels were cleaned differs from file to file."""
        return tuple(sorted(self.options - {"pixel"}))

    @property
    def temporal(self) -> str:
        """(0028,0303) Longitudinal Temporal Information Modified."""
        if self.has("dates"):
            return "UNMODIFIED"
        return "MODIFIED" if self.has("shifted-dates") else "REMOVED"


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute of table E.1-1. ``basic``: its actions, the strongest first."""

    name: str
    basic: str
    options: Mapping[str, Action]


@cache
def table() -> dict[str, Row]:
    """By tag in hexadecimal (``60XX3000`` and ``PRIVATE`` too)."""
    rows = {}
    for line in _lines("deidentification_table.tsv"):
        tag, name, basic, *rest = line.split("\t")
        pairs = (pair.split("=") for pair in " ".join(rest).split())
        rows[tag] = Row(name, basic, {key: cast("Action", action) for key, action in pairs})
    return rows


def action_of(tag: int, vr: str, policy: Policy, sop_class_uid: str, *, nested: bool) -> Action:
    """What becomes of a public attribute; groups 50xx, 60xx and private ones are decided apart."""
    if tag in OWN_TRACES:
        return OWN_TRACES[tag]
    row = table().get(f"{tag:08X}")
    if row is None:
        return _unlisted(tag, vr, policy)
    chosen = [action for option, action in row.options.items() if policy.has(option)]
    if vr in _TEMPORAL and policy.has("shifted-dates") and "C" in chosen:
        return "C"  # a device's own dates beside moved ones would tell how far they moved
    if "K" in chosen:
        return "K"
    return "C" if "C" in chosen else _basic(tag, row.basic, sop_class_uid, nested)


def _basic(tag: int, basic: str, sop_class_uid: str, nested: bool) -> Action:
    if basic == "X/Z/U*":
        return "K"  # the sequence stays, the instances it names get their new UIDs
    if "/" not in basic:
        return cast("Action", basic)
    kind = _kind(tag, sop_class_uid, nested)
    if kind == 1 and "D" in basic:
        return "D"
    if kind and "Z" in basic:
        return "Z"
    return cast("Action", "D" if kind else basic[0])


def _unlisted(tag: int, vr: str, policy: Policy) -> Action:
    if vr == "UI":
        return "K" if tag in CLASS_UIDS or policy.has("uids") else "U"
    if vr in _TEMPORAL:
        return "K" if policy.has("dates") else "C" if policy.has("shifted-dates") else "X"
    if tag in CODE_TEXT or tag in CONTENT_TEXT:
        return "K"
    action = _BY_VR.get(vr, "K")
    return "C" if action == "X" and vr in ("ST", "LT", "UT", "UC") and policy.has(
        "descriptors") else action


def _kind(tag: int, sop_class_uid: str, nested: bool) -> int:
    """1 or 2 as the attribute's type in that IOD, 0 where it is optional or not part of it."""
    types = _types()
    key = "nested" if nested else sop_class_uid.removeprefix(ROOT)
    return types.get(key, types["other"]).get(tag, 0)


@cache
def _types() -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for line in _lines("deidentification_types.tsv"):
        classes, *columns = line.split("\t")
        types = {int(tag, 16): kind for kind, column in enumerate(columns, 1)
                 for tag in column.split()}
        found.update(dict.fromkeys(classes.split(), types))
    return found


def _lines(name: str) -> Iterable[str]:
    text = files("mediasvc.standard").joinpath(name).read_text("utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))
