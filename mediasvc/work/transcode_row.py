"""What is asked of a transcoding and what is reported of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from mediasvc.codecs.search import Goal
from mediasvc.dicom.pieces import Piece
from mediasvc.errors import SettingsError
from mediasvc.model import Finding

#: ``normal``: every new frame is decoded by another code base than wrote it, where there is one,
#: and a tenth of the compressed originals' frames by two. ``full``: every frame by all. ``none``.
Verify = Literal["normal", "full", "none"]
VERIFY: tuple[Verify, ...] = ("normal", "full", "none")

Verified = Literal["two decoders", "one decoder", "identical", "none"]


NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Options:
    goal: Goal = NO_GOAL
    verify: Verify = "normal"
    allow_lossy_on_lossy: bool = False
    allow_mammography: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        if row.get("verify") not in VERIFY:
            raise SettingsError("verify is normal, full or none")
        return cls(**{**row, "goal": Goal(**row["goal"])})


@dataclass(frozen=True, slots=True)
class RatioRow:
    """One instance. Bytes are of pixel data: native, as received, as written.

    ``max_error``, ``psnr`` (dB) and ``ssim`` are None unless the target is lossy; ``psnr`` is None
    for equal images too. ``pixels_sha256`` is over all decoded frames, by pixel, little endian: the
    same in every lossless syntax.
    """

    sop_instance_uid: str
    modality: str
    source_ts: str
    target_ts: str
    frames: int
    native_bytes: int
    source_bytes: int
    encoded_bytes: int
    seconds: float
    verified: Verified
    max_error: int | None = None
    psnr: float | None = None
    ssim: float | None = None
    pixels_sha256: str = ""

    @property
    def ratio(self) -> float | None:
        """native : encoded, measured; None without pixels."""
        return round(self.native_bytes / self.encoded_bytes, 4) if self.encoded_bytes else None

    def as_json(self) -> dict[str, Any]:
        """The fields of CONTRACT's ``instance`` line except the paths.

        ``verified`` says whether the frames were proven, ``proof`` how. Frames that were proven
        equal have the error 0 and the similarity 1.
        """
        psnr = self.psnr if self.psnr is not None and math.isfinite(self.psnr) else None
        equal = self.verified != "none" and self.max_error is None and self.frames > 0
        return {**asdict(self), "ratio": self.ratio, "psnr": psnr,
                "verified": self.verified != "none", "proof": self.verified,
                "max_error": 0 if equal else self.max_error, "ssim": 1.0 if equal else self.ssim}


@dataclass(frozen=True, slots=True)
class Transcoded:
    """``pieces`` over the received file make the new one. Only tags in ``allowed`` may differ."""

    pieces: Sequence[Piece]
    row: RatioRow
    allowed: frozenset[int] = frozenset()
    frame_digests: tuple[bytes, ...] = field(default=(), repr=False)
    """sha256 of each frame's bytes as they stand in the new file, without padding."""
    findings: tuple[Finding, ...] = ()
