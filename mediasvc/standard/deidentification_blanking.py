"""Rules that say where a device writes text into its pictures: profiles/BLANKING.toml as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mediasvc.errors import SettingsError
from mediasvc.standard.profiles import profile_files

NAME = "BLANKING"
#: (left, top, width, height) in pixels; 0 as width or height: to the edge.
Region = tuple[int, int, int, int]
_LISTS = ("modality", "sop_classes")
_TEXTS = ("name", "manufacturer", "model", "software")
_NUMBERS = ("rows", "columns")


@dataclass(frozen=True, slots=True)
class BlankingRule:
    """Empty fields fit everything."""

    name: str
    modality: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()
    manufacturer: str = ""
    model: str = ""
    software: str = ""
    rows: int = 0
    columns: int = 0
    regions: tuple[Region, ...] = ()
    outside_ultrasound_regions: bool = False

    def fits(self, facts: Mapping[str, str]) -> bool:
        """``facts``: modality, sop_class, manufacturer, model, software, rows, columns."""
        return ((not self.modality or facts["modality"] in self.modality)
                and (not self.sop_classes or facts["sop_class"] in self.sop_classes)
                and all(not wanted or wanted.casefold() in facts[name].casefold()
                        for name, wanted in (("manufacturer", self.manufacturer),
                                             ("model", self.model), ("software", self.software)))
                and all(not wanted or facts[name] == str(wanted)
                        for name, wanted in (("rows", self.rows), ("columns", self.columns))))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        lists = {key: tuple(row.get(key, ())) for key in _LISTS}
        regions = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in row.get("regions", ()))
        return cls(**{**row, **lists, "regions": regions})


def blanking_rules(site: Path | None = None) -> tuple[BlankingRule, ...]:
    """The site's own first. Raises SettingsError, which names the rule that is wrong."""
    ours, own = profile_files(None).get(NAME), profile_files(site).get(NAME)
    paths = [path for path in dict.fromkeys((own, ours)) if path is not None]
    return tuple(rule for path in paths for rule in _rules(path))


def _rules(path: Path) -> list[BlankingRule]:
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("rule", [])
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.name}: {error}.") from error
    for number, row in enumerate(rows, 1):
        if problem := _problem(row):
            raise SettingsError(f"{path.name}, rule {number}: {problem}.")
    return [BlankingRule.from_json(row) for row in rows]


def _problem(row: dict[str, Any]) -> str:
    known = {*_LISTS, *_TEXTS, *_NUMBERS, "regions", "outside_ultrasound_regions"}
    if unknown := sorted(set(row) - known):
        return f"{unknown[0]} is unknown"
    if not isinstance(row.get("name"), str):
        return "it needs a name"
    for key in _TEXTS:
        if not isinstance(row.get(key, ""), str):
            return f"{key} must be a text"
    for key in _NUMBERS:
        if not isinstance(row.get(key, 0), int):
            return f"{key} must be a number"
    for key in _LISTS:
        if not isinstance(row.get(key, []), list):
            return f"{key} must be a list"
    regions = row.get("regions", [])
    if not isinstance(regions, list) or not all(
            isinstance(one, list) and len(one) == 4
            and all(isinstance(value, int) and value >= 0 for value in one) for one in regions):
        return "regions must be lists of four numbers: left, top, width, height"
    if not regions and row.get("outside_ultrasound_regions") is not True:
        return "it blanks nothing"
    return ""
