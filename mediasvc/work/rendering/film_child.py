"""The child of `mediasvc film`: frames for ffmpeg, how far its video is off, the instance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediasvc.dicom.frames import native_frame_bytes, words
from mediasvc.errors import ProofError, UnsupportedError
from mediasvc.media.ordinary.ordinary_picture import look_at
from mediasvc.media.ordinary.ordinary_rate import Rate, cine_rate
from mediasvc.media.page.display import pixel_aspect
from mediasvc.span import Span
from mediasvc.standard import lossy_labels as label
from mediasvc.standard.film_classes import FILM_CLASSES, SC_TRUE_COLOUR
from mediasvc.standard.lossy_policy import Cap
from mediasvc.work.rendering.render_frames import FrameSource, with_frames
from mediasvc.work.rendering.render_pictures import drawn
from mediasvc.work.transcoding.lossy_changes import allowed_cap, is_lossy, lossy_stream
from mediasvc.work.transcoding.new_frames import ALARM_OF_RANGE, ALARM_OF_SPREAD
from mediasvc.work.transcoding.source_frames import SourceFrames
from mediasvc.work.transcoding.transcode_row import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

PEAK = 255
#: Structural similarity is slow: so many frames, evenly spread, are enough for it.
SIMILAR = 60


@dataclass(frozen=True, slots=True)
class Prepared:
    """``rows`` and ``columns`` are even; ``cap`` is the largest ratio that the policy allows, 0
    without one; ``windowed``: stored values were shown through a window."""

    uid: str
    modality: str
    sop_class_uid: str
    source_ts: str
    rows: int
    columns: int
    colour: bool
    frames: int
    rate: tuple[int, int]
    rate_source: str
    native_bytes: int
    source_bytes: int
    cap: float
    windowed: bool
    notes: tuple[str, ...]


def prepare_film(span: dict[str, Any], raw: str, options: dict[str, Any], rate: float,
                 ) -> dict[str, Any]:
    """Write the frames as raw gray or RGB to ``raw``. Raises UnsupportedError with the reason for
    everything that does not become a video."""
    chosen = Options.from_json(options)
    return asdict(with_frames(Span.from_json(span), lambda frames: _prepare(
        frames, Path(raw), chosen, rate)))


def _prepare(frames: FrameSource, raw: Path, options: Options, wanted: float) -> Prepared:
    framing, uid = frames.framing, words(frames.framing, label.SOP_CLASS_UID)
    source, cap = _allowed(frames, uid, options)
    rate = _rate(frames, wanted)
    rows, columns, colour, windowed = _write_raw(frames, raw)
    return Prepared(
        words(framing, label.SOP_INSTANCE_UID), words(framing, label.MODALITY), uid,
        framing.transfer_syntax_uid, rows, columns, colour, frames.count,
        (rate.value.numerator, rate.value.denominator), rate.source,
        native_frame_bytes(source.received) * frames.count, source.frames.total_bytes,
        cap.ratio if cap else 0.0, windowed,
        tuple(_notes(frames, rate, uid, windowed, (rows, columns))))


def _allowed(frames: FrameSource, uid: str, options: Options) -> tuple[SourceFrames, Cap | None]:
    """What is decoded, and how far it may be compressed. Raises UnsupportedError."""
    if frames.count < 2:
        raise UnsupportedError("it is no cine: it has one frame")
    if uid not in FILM_CLASSES:
        raise UnsupportedError("its SOP Class is none of the cine loops that may become a video")
    if frames.ours is None:
        raise UnsupportedError("its frames are none that are decoded here")
    cap = allowed_cap(frames.framing, options, is_lossy(frames.framing, lossy_stream(frames.ours)))
    if abs(pixel_aspect(frames.header) - 1) >= 0.005:
        raise UnsupportedError("its pixels are not square, and those of a video are")
    return frames.ours, cap


def _write_raw(frames: FrameSource, raw: Path) -> tuple[int, int, bool, bool]:
    """Rows, columns, whether it is colour, and whether grey values were windowed."""
    look = look_at(frames.some(), frames.header, square=False)
    first = frames.samples(0)
    shown = drawn(frames, 0, look)
    as_stored = first.dtype == np.uint8 and np.array_equal(first, shown)
    with raw.open("wb") as stream:
        for number in range(frames.count):
            shown = _even(drawn(frames, number, look))
            stream.write(np.ascontiguousarray(shown).tobytes())
    return shown.shape[0], shown.shape[1], shown.ndim == 3, shown.ndim == 2 and not as_stored


def _rate(frames: FrameSource, wanted: float) -> Rate:
    if wanted:
        return Rate(Fraction(str(wanted)), "--rate")
    found = cine_rate(frames.header)
    if found is None:
        raise UnsupportedError("it does not say how fast its frames follow each other (--rate)")
    return found


def _even(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of a video have half the rows and columns: an odd side gets its last line twice."""
    pad = [(0, side % 2) for side in shown.shape[:2]] + [(0, 0)] * (shown.ndim - 2)
    return np.pad(shown, pad, mode="edge") if any(side % 2 for side in shown.shape[:2]) else shown


def _notes(frames: FrameSource, rate: Rate, uid: str, windowed: bool, size: tuple[int, int],
           ) -> list[str]:
    notes = []
    if not rate.even:
        notes.append("its frames are not equally long; their mean rate is taken")
    if windowed:
        notes.append("its values were windowed to eight bits; the source keeps the others")
    spec = frames.ours.received if frames.ours else None
    if spec and (spec.rows, spec.columns) != size:
        notes.append("an odd side got its last line twice")
    if FILM_CLASSES[uid] == SC_TRUE_COLOUR != uid:
        notes.append("its class allows no video; it is Multi-frame True Color Secondary Capture")
    return notes


def measure_film(one: str, other: str, rows: int, columns: int, colour: bool, frames: int,
                 ) -> dict[str, Any]:
    """How far the frames of the raw file ``other`` are from those of ``one``: ``max_error``,
    ``psnr`` (dB, None for equal ones) and ``ssim``. Raises ProofError when it is another film."""
    from mediasvc.codecs.quality import distance, psnr
    from mediasvc.media.page.page_content import spread

    shape = (rows, columns, 3) if colour else (rows, columns)
    size = int(np.prod(shape))
    if Path(other).stat().st_size != size * frames:
        raise ProofError("the video has not the same frames as its source")
    first, second = (np.memmap(path, np.uint8, "r", shape=(frames, *shape))
                     for path in (one, other))
    squares, furthest, spreads = 0.0, 0, 0.0
    for a, b in zip(first, second, strict=True):
        error = a.astype(np.int32) - b
        squares += float(np.square(error, dtype=np.float64).sum())
        furthest = max(furthest, int(np.abs(error).max()))
        spreads = max(spreads, float(a.std()))
    rms = (squares / (size * frames)) ** 0.5
    if rms > ALARM_OF_RANGE * PEAK and rms > ALARM_OF_SPREAD * spreads:
        raise ProofError("what the encoder made is not the film that it was made from")
    chosen = spread(frames, min(SIMILAR, frames))
    alike = sum(distance(first[k], second[k], PEAK).ssim for k in chosen) / len(chosen)
    decibel = psnr(squares, size * frames, PEAK)
    return {"max_error": furthest, "psnr": round(decibel, 4) if np.isfinite(decibel) else None,
            "ssim": round(alike, 6)}


def write_film(span: dict[str, Any], video: str, out: str, prepared: dict[str, Any],
               transfer_syntax_uid: str, words_of: str) -> dict[str, Any]:
    """Write the instance with the stream ``video`` at the new file ``out``; its UID and sizes.

    ``words_of`` says in the derivation what was done. Raises ProofError, DamagedError.
    """
    from mediasvc.work.rendering.film_write import write_instance

    done = Prepared(**{**prepared, "rate": tuple(prepared["rate"]),
                       "notes": tuple(prepared["notes"])})
    source = Span.from_json(span)
    with source.view() as view:
        try:
            return write_instance(view, Path(video), Path(out), done, transfer_syntax_uid,
                                  words_of)
        except Exception as error:
            raise error.with_traceback(None) from None


