"""What is asked of a transcoding and what is reported of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from typing import Any, Literal, Self

from mediasvc.codecs.search import Goal
from mediasvc.dicom.frames import words
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pieces import Piece
from mediasvc.errors import SettingsError
from mediasvc.model import Finding
from mediasvc.standard import lossy_labels as label
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.lossy_policy import LossyPolicy

#: How much is proven. ``normal``: every new frame is decoded again, and those that `work.jury`
#: picks by a decoder of another code base too. ``full``: every new frame by a decoder of another
#: code base than wrote it, those picks by ours too, and every frame of a compressed original by
#: two. ``none``: only what lossy compression did is measured.
Verify = Literal["normal", "full", "none"]
VERIFY: tuple[Verify, ...] = ("normal", "full", "none")

#: Who looked at the new frames: ``two decoders``: two code bases decoded each; ``foreign decoder``:
#: another code base than wrote it did; ``sampled``: of some that is so, the others were decoded by
#: the one that wrote them; ``one decoder``: all by that alone;
#: ``other process``: there is one code base only, and it decoded the written file in a process of
#: its own; ``identical``: nothing was encoded.
Verified = Literal["two decoders", "foreign decoder", "sampled", "one decoder", "other process",
                   "identical", "none"]

NO_GOAL = Goal()

FrameSum = bytes | tuple[int, int]
"""An encoded frame as its encoder gave it, or, of large ones, (bytes without padding, CRC-32)."""


@dataclass(frozen=True, slots=True)
class Options:
    goal: Goal = NO_GOAL
    verify: Verify = "normal"
    allow_lossy_on_lossy: bool = False
    allow_mammography: bool = False
    policy: LossyPolicy | None = None
    threads: int = 1
    """For the frames of one instance."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        if row.get("verify") not in VERIFY:
            raise SettingsError("verify is normal, full or none")
        policy = LossyPolicy.from_json(row["policy"]) if row["policy"] else None
        return cls(**{**row, "goal": Goal(**row["goal"]), "policy": policy})


@dataclass(frozen=True, slots=True)
class RatioRow:
    """One instance. Bytes are of pixel data: native, as received, as written.

    ``max_error``, ``psnr`` (dB) and ``ssim`` are None unless the target is lossy; ``psnr`` is None
    for equal images too. ``foreign_frames`` were seen by a decoder of another code base than wrote
    them; ``decoded_by`` counts the new frames by code base that decoded them again,
    ``source_decoded_by`` those of a compressed original. ``pixels_sha256`` is over all frames as
    the new file decodes, by pixel, little endian: the same in every lossless syntax; `full`
    verification has it, and where one process asks another (elsewhere the samples themselves are
    compared, which costs a tenth less). ``source_uid`` is the received SOP Instance UID.
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
    foreign_frames: int = 0
    decoded_by: dict[str, int] = field(default_factory=dict)
    source_decoded_by: dict[str, int] = field(default_factory=dict)
    source_uid: str = ""
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
        row = dict(zip(_FIELDS, _VALUES(self), strict=True))
        return {**row, "ratio": self.ratio, "psnr": psnr,
                "verified": self.verified != "none", "proof": self.verified,
                "max_error": 0 if equal else self.max_error, "ssim": 1.0 if equal else self.ssim}


_FIELDS = tuple(one.name for one in fields(RatioRow))
_VALUES = attrgetter(*_FIELDS)


@dataclass(frozen=True, slots=True)
class Transcoded:
    """``pieces`` over the received file make the new one. Only tags in ``allowed`` may differ."""

    framing: Framing = field(repr=False)
    """The received file."""
    pieces: Sequence[Piece]
    row: RatioRow
    allowed: frozenset[int] = frozenset()
    frames: tuple[FrameSum, ...] = field(default=(), repr=False)
    """What was proven of each frame, to be found in the new file."""
    source_witness: bool = False
    result_witness: bool = False
    """What another process has yet to decode to ``row.pixels_sha256``."""
    findings: tuple[Finding, ...] = ()


def row_of(framing: Framing, wanted: ts.TransferSyntax, started: float, count: int, native: int,
         received: int, encoded: int, verified: Verified, *, sop_instance_uid: str = "",
         **more: Any) -> RatioRow:
    """``received`` and ``encoded`` are bytes of pixel data; ``started`` is of `perf_counter`. The
    SOP Instance UID is the received one unless another is given; ``more`` is of the row."""
    uid = words(framing, label.SOP_INSTANCE_UID)
    return RatioRow(
        sop_instance_uid=sop_instance_uid or uid, source_uid=uid,
        modality=words(framing, label.MODALITY),
        source_ts=framing.transfer_syntax_uid, target_ts=wanted.uid, frames=count,
        native_bytes=native, source_bytes=received, encoded_bytes=encoded,
        seconds=round(time.perf_counter() - started, 6), verified=verified, **more)
