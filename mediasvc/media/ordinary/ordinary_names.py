"""Names of ordinary files: numbers of study, series and instance, nothing of a patient."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mediasvc.model import InstanceHeader

#: A longer number counts more than images: an order, a time of day. It is no name.
DIGITS = 6


def order_key(header: InstanceHeader) -> tuple[str, str, str, int, str, int, str]:
    """Studies by time, series and instances by number; UIDs where numbers are equal."""
    return (header.study_date, header.study_time, header.study_instance_uid,
            _number(header.series_number), header.series_instance_uid,
            _number(header.instance_number), header.sop_instance_uid)


@dataclass
class Names:
    """Hand the headers over in the order of `order_key`."""

    studies: dict[str, str] = field(default_factory=dict)
    series: dict[tuple[str, str], str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    def name(self, header: InstanceHeader) -> tuple[str, str]:
        """(folder, name without suffix): ``("ST001/SE004", "0012")``."""
        uid = header.study_instance_uid
        study = self.studies.setdefault(uid, f"ST{len(self.studies) + 1:03d}")
        key = (uid, header.series_instance_uid)
        if key not in self.series:
            self.series[key] = self._once(f"{study}/SE{_number(header.series_number):03d}")
        folder = self.series[key]
        return folder, self._once(f"{folder}/{_number(header.instance_number):04d}").rpartition(
            "/")[2]

    def _once(self, name: str) -> str:
        """A second one of the same number gets its place behind it."""
        self.used[name] += 1
        return name if self.used[name] == 1 else f"{name}-{self.used[name]}"


def frame_name(stem: str, frame: int, frames: int) -> str:
    """``frame`` counts from 0, in the name from 1; one frame needs no number."""
    return stem if frames <= 1 else f"{stem}_F{frame + 1:0{max(4, len(str(frames)))}d}"


def _number(text: str) -> int:
    plain = text.strip().removeprefix("+")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= DIGITS else 0
