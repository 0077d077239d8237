"""Who won the tournament of the lossless transfer syntaxes, and which one to take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mediasvc.report import units
from mediasvc.report.ratios import syntax_name
from mediasvc.standard.readers import REACHES, READERS, Reach

Row = dict[str, Any]
#: A syntax that costs at most so much more space but is twice as fast is the better choice.
NEARLY, FASTER = 1.03, 2.0
HEAD = ("syntax", "ratio", "saved", "encode", "decode", "taken", "read by")


@dataclass
class Standing:
    """One transfer syntax. Bytes and seconds are of the images that it takes; ``left_bytes`` are
    the native bytes of those that it does not take, which stay as they are."""

    uid: str
    taken: int = 0
    native_bytes: int = 0
    encoded_bytes: int = 0
    left_bytes: int = 0
    encode_seconds: float = 0.0
    decode_seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, native: int, entry: Row) -> None:
        if "reason" in entry:
            self.left_bytes += native
            self.reasons[entry["reason"]] = self.reasons.get(entry["reason"], 0) + 1
            return
        self.taken += 1
        self.native_bytes += native
        self.encoded_bytes += entry["encoded_bytes"]
        self.encode_seconds += entry["encode_seconds"]
        self.decode_seconds += entry["decode_seconds"]

    @property
    def stored(self) -> int:
        """What all images would take: the ones not taken stay native."""
        return self.encoded_bytes + self.left_bytes

    @property
    def ratio(self) -> float:
        """native : stored over all images."""
        return (self.native_bytes + self.left_bytes) / self.stored if self.stored else 0.0

    @property
    def reach(self) -> Reach:
        return READERS[self.uid].reach

    def as_json(self) -> Row:
        readers = READERS[self.uid]
        return {"transfer_syntax_uid": self.uid, "alias": syntax_name(self.uid),
                "ratio": round(self.ratio, 4), "taken": self.taken, "refused": self.reasons,
                "native_bytes": self.native_bytes, "encoded_bytes": self.encoded_bytes,
                "encode_mb_per_s": _rate(self.native_bytes, self.encode_seconds),
                "decode_mb_per_s": _rate(self.native_bytes, self.decode_seconds),
                "reach": readers.reach, "programs": list(readers.programs), "note": readers.note}

    def cells(self, images: int) -> tuple[str, ...]:
        readers = READERS[self.uid]
        native = self.native_bytes + self.left_bytes
        names = f" ({', '.join(readers.programs)})" if readers.programs else ""
        return (syntax_name(self.uid), units.ratio(self.ratio),
                units.percent(native - self.stored, native),
                units.rate(self.native_bytes, self.encode_seconds),
                units.rate(self.native_bytes, self.decode_seconds), f"{self.taken} of {images}",
                readers.reach + names)


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds / 1e6, 2) if seconds else None


def standings(rows: Iterable[Row]) -> list[Standing]:
    """The smallest first; ``rows`` are those of `work.tournament`."""
    found: dict[str, Standing] = {}
    for row in rows:
        for uid, entry in row["entries"].items():
            found.setdefault(uid, Standing(uid)).add(row["native_bytes"], entry)
    return sorted(found.values(), key=lambda one: one.stored)


@dataclass(frozen=True, slots=True)
class Advice:
    purpose: str
    uid: str
    why: str


def advice(found: list[Standing]) -> list[Advice]:
    """What to take for discs, for an archive that others read, and where only space counts."""
    able = [one for one in found if one.taken]
    chosen = (("discs and exchange", _balanced(_within(able, "all"))),
              ("an archive", _balanced(_within(able, "most"))),
              ("space alone", able[0] if able else None))
    return [Advice(purpose, best.uid, _why(best)) for purpose, best in chosen if best]


def _within(found: list[Standing], narrowest: Reach) -> list[Standing]:
    allowed = REACHES[:REACHES.index(narrowest) + 1]
    return [one for one in found if one.reach in allowed]


def _balanced(found: list[Standing]) -> Standing | None:
    """The smallest, or one that is nearly as small and much faster."""
    best = found[0] if found else None
    for other in found[1:]:
        if best and other.stored <= NEARLY * best.stored and _time(other) * FASTER <= _time(best):
            best = other
    return best


def _time(one: Standing) -> float:
    """Seconds a native byte, both ways."""
    return (one.encode_seconds + one.decode_seconds) / one.native_bytes


def _why(one: Standing) -> str:
    readers = READERS[one.uid]
    return (f"{units.ratio(one.ratio)}, encode {units.rate(one.native_bytes, one.encode_seconds)}, "
            f"decode {units.rate(one.native_bytes, one.decode_seconds)}, read by {readers.reach}: "
            f"{readers.note}")
