"""What a transcoding saved: by modality and syntaxes, and in total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mediasvc.report import units
from mediasvc.report.spread import Spread
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

Row = dict[str, Any]
Kind = tuple[str, str, str]
"""(modality, source and target transfer syntax UID)."""


@dataclass
class Sums:
    """Instances of one kind. Bytes are of pixel data, seconds those that a worker took.

    ``max_error``, ``psnr`` and ``ssim`` are the worst of all lossy instances, None without any.
    """

    instances: int = 0
    native_bytes: int = 0
    source_bytes: int = 0
    encoded_bytes: int = 0
    seconds: float = 0.0
    max_error: int | None = None
    psnr: float | None = None
    ssim: float | None = None

    def add(self, row: Row) -> None:
        self.instances += 1
        self.native_bytes += row["native_bytes"]
        self.source_bytes += row["source_bytes"]
        self.encoded_bytes += row["encoded_bytes"]
        self.seconds += row["seconds"]
        if row["max_error"]:
            self.max_error = _worst(max, self.max_error, row["max_error"])
            self.psnr = _worst(min, self.psnr, row["psnr"])
            self.ssim = _worst(min, self.ssim, row["ssim"])

    @property
    def ratio(self) -> float | None:
        """native : encoded, None where nothing was encoded."""
        return round(self.native_bytes / self.encoded_bytes, 4) if self.encoded_bytes else None

    def as_json(self) -> Row:
        rate = self.native_bytes / self.seconds / 1e6 if self.seconds else None
        return {"instances": self.instances, "native_bytes": self.native_bytes,
                "source_bytes": self.source_bytes, "encoded_bytes": self.encoded_bytes,
                "ratio": self.ratio, "worker_mb_per_s": round(rate, 2) if rate else None,
                "max_error": self.max_error, "psnr": self.psnr, "ssim": self.ssim}

    def cells(self) -> tuple[str, ...]:
        return (str(self.instances), units.size(self.native_bytes), units.size(self.source_bytes),
                units.size(self.encoded_bytes), units.ratio(self.ratio),
                units.rate(self.native_bytes, self.seconds))

    def quality(self) -> tuple[str, ...]:
        if self.max_error is None:
            return ("exact", "-", "1")
        return (str(self.max_error), f"{self.psnr:.1f} dB" if self.psnr else "-",
                f"{self.ssim:.4f}")


def _worst(which: Callable[..., Any], one: Any, other: Any) -> Any:
    known = [value for value in (one, other) if value is not None]
    return which(known) if known else None


HEAD = ("modality", "from", "to", "instances", "native", "before", "after", "ratio", "per worker")
QUALITY = ("worst error", "lowest PSNR", "lowest SSIM")


@dataclass
class Ratios:
    """``add`` every row of `work.transcode_tree`. Memory does not grow with their number."""

    total: Sums = field(default_factory=Sums)
    by_modality: dict[str, Sums] = field(default_factory=dict)
    kinds: dict[Kind, Sums] = field(default_factory=dict)
    proofs: dict[str, int] = field(default_factory=dict)
    spread: Spread = field(default_factory=Spread)
    frames: int = 0
    foreign_frames: int = 0
    decoded_by: dict[str, int] = field(default_factory=dict)
    referring: int = 0
    skipped: int = 0
    failed: int = 0

    def add(self, row: Row) -> None:
        if row["type"] == "instance":
            self._add_instance(row)
        elif row["type"] == "referring":
            self.referring += 1
        elif row["type"] == "skipped":
            self.skipped += 1
        else:
            self.failed += 1

    def _add_instance(self, row: Row) -> None:
        modality = row["modality"] or "-"
        self.total.add(row)
        self.by_modality.setdefault(modality, Sums()).add(row)
        self.kinds.setdefault((modality, row["source_ts"], row["target_ts"]), Sums()).add(row)
        self.proofs[row["proof"]] = self.proofs.get(row["proof"], 0) + 1
        self.frames += row["frames"]
        self.foreign_frames += row["foreign_frames"]
        for name, frames in row["decoded_by"].items():
            self.decoded_by[name] = self.decoded_by.get(name, 0) + frames
        self.spread.add(row)

    @property
    def lossy(self) -> bool:
        return self.total.max_error is not None

    def summary(self, seconds: float) -> Row:
        """CONTRACT's summary; ``seconds`` is the wall time of the whole run."""
        kinds = [{"modality": modality, "source_ts": source, "target_ts": target, **sums.as_json()}
                 for (modality, source, target), sums in sorted(self.kinds.items())]
        return {**self.total.as_json(), "referring": self.referring, "skipped": self.skipped,
                "failed": self.failed, "seconds": round(seconds, 3),
                "mb_per_s": round(self.total.native_bytes / seconds / 1e6, 2) if seconds else None,
                "by_modality": {name: sums.as_json()
                                for name, sums in sorted(self.by_modality.items())},
                "kinds": kinds, "frames": self.frames, "foreign_frames": self.foreign_frames,
                "decoded_by": dict(sorted(self.decoded_by.items())),
                "proofs": dict(sorted(self.proofs.items()))}

    def table(self) -> list[tuple[str, ...]]:
        """Head and rows for people, the last one the total; quality only where some was lost."""
        rows = [HEAD + (QUALITY if self.lossy else ())]
        for (modality, source, target), sums in sorted(self.kinds.items()):
            rows.append((modality, syntax_name(source), syntax_name(target), *self._cells(sums)))
        return [*rows, ("total", "", "", *self._cells(self.total))]

    def _cells(self, sums: Sums) -> tuple[str, ...]:
        return sums.cells() + (sums.quality() if self.lossy else ())


def syntax_name(uid: str) -> str:
    """The alias of CONTRACT, or the end of the UID where there is none."""
    row = TRANSFER_SYNTAXES.get(uid)
    return row.alias if row and row.alias else uid.removeprefix("1.2.840.10008.1.2") or uid
