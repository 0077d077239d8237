"""How far an image of each modality may be compressed with loss: policies in profiles/ as data.

A policy is a TOML file with ``kind = "lossy"``. What it does not name is not compressed with loss:
mammography needs a row of its own, and images that were compressed with loss before need
``lossy_on_lossy = true``.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mediasvc.errors import SettingsError
from mediasvc.standard.profiles import profile_files

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Cap:
    """``ratio``: native : encoded at most so much. ``max_error``: no sample further off."""

    modality: str
    ratio: float
    max_error: int | None = None


@dataclass(frozen=True, slots=True)
class LossyPolicy:
    """``caps`` by Modality; `OTHERS` stands for those without a row, except mammography."""

    name: str
    title: str
    source: str
    caps: tuple[Cap, ...]
    lossy_on_lossy: bool = False

    def cap(self, modality: str, mammography: bool) -> Cap | None:
        """None where the policy does not allow loss."""
        rows = {row.modality: row for row in self.caps}
        if mammography:
            return rows.get("MG")
        return rows.get(modality) or rows.get(OTHERS)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**{**row, "caps": tuple(Cap(**cap) for cap in row["caps"])})


def load_lossy_policy(name: str, site: Path | None = None) -> LossyPolicy:
    """The policy of that name, the site's own before ours. Raises SettingsError, which names all
    that is wrong with the file at once."""
    found = profile_files(site)
    rows = {stem: row for stem, path in found.items()
            if (row := _row(path)).get("kind") == "lossy"}
    if name not in rows:
        near = difflib.get_close_matches(name, rows, 1, 0.5)
        raise SettingsError(f"There is no policy {name} for lossy compression.",
                            f"Did you mean {near[0]}?" if near else f"There are: {_list(rows)}.")
    problems = list(_problems(rows[name], name))
    if problems:
        raise SettingsError(f"{found[name].name}: " + "; ".join(problems) + ".")
    row = rows[name]
    caps = (Cap(modality, **_cap(cap)) for modality, cap in row["caps"].items())
    return LossyPolicy(name, row["title"], row["source"], tuple(caps),
                       row.get("lossy_on_lossy", False))


def _list(rows: dict[str, Any]) -> str:
    return ", ".join(sorted(rows)) or "none"


def _row(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path.name}: {error}.") from error


def _cap(cap: Any) -> dict[str, Any]:
    """``CT = 5`` is short for ``CT = { ratio = 5 }``."""
    return cap if isinstance(cap, dict) else {"ratio": cap}


_TEXTS = ("kind", "name", "title", "source")


def _problems(row: dict[str, Any], stem: str) -> list[str]:
    known = {*_TEXTS, "caps", "lossy_on_lossy"}
    found = [f"{key} is unknown" for key in row if key not in known]
    found += [f"{key} must be a text" for key in _TEXTS if not isinstance(row.get(key), str)]
    if row.get("name") != stem:
        found.append(f"name is {row.get('name')!r}, the file says {stem!r}")
    if not isinstance(row.get("lossy_on_lossy", False), bool):
        found.append("lossy_on_lossy must be true or false")
    caps = row.get("caps")
    if not isinstance(caps, dict) or not caps:
        return [*found, "caps must be a table: a modality and its ratio on each line"]
    for modality, cap in caps.items():
        found += [f"caps.{modality}: {words}" for words in _cap_problems(_cap(cap))]
    return found


def _cap_problems(cap: dict[str, Any]) -> list[str]:
    found = [f"{key} is unknown" for key in cap if key not in ("ratio", "max_error")]
    ratio, error = cap.get("ratio"), cap.get("max_error", 1)
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or ratio < 1:
        found.append("ratio must be a number of 1 or more")
    if isinstance(error, bool) or not isinstance(error, int) or error < 1:
        found.append("max_error must be a whole number of 1 or more")
    return found
