"""Which files become one multi-frame object, and why others do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mediasvc.errors import UnsupportedError
from mediasvc.span import Span
from mediasvc.standard import legacy_converted as table
from mediasvc.standard.legacy_converted import Conversion
from mediasvc.standard.transfer_syntaxes import EXPLICIT

#: Pixel Data of native frames have one 32-bit length (PS3.5 7.1).
LONGEST_NATIVE = 0xFFFFFFFE
APART = "--apart makes one object of each kind."


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file of the series, as `join_scan.scan_file` saw it."""

    label: str
    span: Span
    facts: dict[str, Any]

    @property
    def sop_uid(self) -> str:
        return str(self.facts["sop_uid"])

    @property
    def order(self) -> tuple[int, str]:
        return int(self.facts["number"]), self.sop_uid


@dataclass(frozen=True, slots=True)
class Group:
    """Files that become one object, in the order of its frames. ``number``: which of the series."""

    conversion: Conversion
    series: str
    files: tuple[Scanned, ...]
    number: int = 1

    @property
    def native(self) -> bool:
        return bool(self.files[0].facts["native"])

    @property
    def transfer_syntax_uid(self) -> str:
        """Native frames become Explicit VR Little Endian."""
        return EXPLICIT if self.native else str(self.files[0].facts["kind"]["Transfer Syntax"])


def kinds_of(files: list[Scanned], *, apart: bool) -> list[list[Scanned]]:
    """The images of one series, those together that can be frames of one object.

    Raises UnsupportedError when they differ in what an object has only once, unless ``apart``;
    another patient or study is never put apart.
    """
    _same("Study Instance UID", (str(one.facts["study"]) for one in files), shown=False)
    _same("patient", (str(one.facts["patient"]) for one in files), shown=False)
    kinds: dict[tuple[str, ...], list[Scanned]] = {}
    for one in files:
        kind = one.facts["kind"]
        kinds.setdefault((str(one.facts["sop_class"]), *map(str, kind.values())), []).append(one)
    if len(kinds) > 1 and not apart:
        _differ([members[0].facts for members in kinds.values()])
    return [kinds[key] for key in sorted(kinds)]


def group_of(series: str, number: int, files: list[Scanned]) -> Group:
    """Raises UnsupportedError when no object can hold them."""
    members = sorted(_once(files), key=lambda one: one.order)
    _check_size(members)
    return Group(conversion_of(members[0].facts), series, tuple(members), number)


def conversion_of(facts: dict[str, Any]) -> Conversion:
    """The multi-frame class for such images. Raises UnsupportedError where there is none."""
    kind = facts["kind"]
    photometric, bits = kind["Photometric Interpretation"], int(kind["Bits Stored"])
    if facts["sop_class"] != table.SECONDARY_CAPTURE:
        if photometric != "MONOCHROME2" or kind["Samples per Pixel"] != "1":
            raise UnsupportedError(f"no enhanced image has {photometric or 'such'} pixels")
        return table.CONVERSIONS[facts["sop_class"]]
    allocated = int(kind["Bits Allocated"])
    if photometric == "MONOCHROME2" and kind["Pixel Representation"] == "0":
        if (allocated, bits) == (8, 8):
            return table.CAPTURE_BYTE
        if allocated == 16 and 9 <= bits <= 16:
            return table.CAPTURE_WORD
    colours = ("RGB",) if facts["native"] else table.CAPTURE_COLOURS
    if photometric in colours and (allocated, bits) == (8, 8) and not (
            facts["native"] and kind["Planar Configuration"] != "0"):
        return table.CAPTURE_COLOUR
    how = "signed " if kind["Pixel Representation"] == "1" else ""
    how += "planar " if kind["Planar Configuration"] == "1" else ""
    raise UnsupportedError(f"no multi-frame Secondary Capture has {how}{photometric or 'such'} "
                           f"pixels of {bits} bits in {allocated}")


def _differ(facts: list[dict[str, Any]]) -> None:
    _same("SOP Class", (str(one["sop_class"]) for one in facts), shown=False, advice=APART)
    for name in facts[0]["kind"]:
        shown = name not in ("Frame of Reference", "Specific Character Set", "Transfer Syntax")
        _same(name, (str(one["kind"][name]) for one in facts), shown=shown, advice=APART)


def _same(name: str, values: Iterable[str], *, shown: bool, advice: str = "") -> None:
    found = sorted(set(values))
    if len(found) > 1:
        words = f" ({', '.join(value or 'none' for value in found)})" if shown else ""
        raise UnsupportedError(f"its images do not have the same {name}{words}", advice)


def _once(files: list[Scanned]) -> Iterator[Scanned]:
    """Each instance once. Raises UnsupportedError when it is there with two contents."""
    seen: dict[str, Scanned] = {}
    for one in files:
        other = seen.setdefault(one.sop_uid, one)
        if other is one:
            yield one
        elif other.span.sha256() != one.span.sha256():
            raise UnsupportedError("one of its SOP Instance UIDs is there with two contents")


def _check_size(files: list[Scanned]) -> None:
    total = sum(int(one.facts["frame_bytes"]) for one in files)
    if files[0].facts["native"] and total > LONGEST_NATIVE:
        raise UnsupportedError("native frames of more than 4 GiB fit into no Pixel Data",
                               "Transcode the series first, for instance with -t jls.")
