"""A cine loop becomes a video instance: H.264 or HEVC by ffmpeg, labelled as lossy, measured.

The frames are decoded in a limited child, encoded by ffmpeg, decoded again by ffmpeg and compared
in a child; the stream's own headers say which transfer syntax it fits.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from mediasvc.errors import (
    DamagedError,
    MediasvcError,
    NotFoundError,
    ProofError,
    SettingsError,
    StorageError,
    UnsupportedError,
)
from mediasvc.media.foreign.wrap_facts import VideoFacts
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Settings
from mediasvc.span import Span
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.standard.video_fit import fit
from mediasvc.standard.video_profiles import BD, PROFILES, Profile
from mediasvc.work.building.private_folder import private_folder
from mediasvc.work.rendering.render_ffmpeg import Raw, can_film, decode, encode
from mediasvc.work.transcoding.transcode_row import Options
from mediasvc.work.wrap import probe

CHILD = "mediasvc.work.rendering.film_child"
#: The encoders' dials: nothing that a person sees is lost at the first; the last is the finest.
CRF, FINEST, STEP = {"h264": 18.0, "hevc": 20.0}, 1.0, 4.0
SLOWEST_BYTES_PER_SECOND = 1 << 18

Report = Callable[[int, int, str], None]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FilmOrder:
    """``out`` is a folder, or the name of the one file. ``quality``: the encoder's CRF, 0 as we
    choose it; ``rate``: frames in a second, 0 as the instance says."""

    files: tuple[Path, ...]
    out: Path
    codec: str
    options: Options
    quality: float = 0.0
    rate: float = 0.0
    force: bool = False


def film(order: FilmOrder, settings: Settings, report: Report) -> Iterator[Row]:
    """``filmed``, ``skipped`` or ``failed`` for each file. Raises SettingsError, StorageError."""
    if reason := can_film(order.codec):
        raise SettingsError(f"No video can be made: {reason}.", "Debian: apt install ffmpeg")
    targets, limits = _targets(order), settings.limits
    largest = max((path.stat().st_size for path in order.files if path.is_file()), default=0)
    with Sandbox(1, limits.child_memory + 4 * largest,
                 limits.item_seconds + largest / SLOWEST_BYTES_PER_SECOND,
                 Nursery(CHILD)) as sandbox:
        for number, (path, out) in enumerate(zip(order.files, targets, strict=True)):
            report(number, len(targets), path.name)
            try:
                yield _row("filmed", path, **_filmed(order, sandbox, path, out,
                                                     limits.child_memory))
            except (SettingsError, StorageError):
                raise
            except MediasvcError as trouble:
                kind = "skipped" if isinstance(trouble, UnsupportedError) else "failed"
                yield _row(kind, path, reason=trouble.text)


def _targets(order: FilmOrder) -> list[Path]:
    if len(order.files) == 1 and not order.out.is_dir():
        names = [order.out]
    else:
        try:
            order.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"OUT cannot be made ({error.strerror}).") from error
        names = [order.out / path.name for path in order.files]
    if len(set(names)) != len(names):
        raise SettingsError("Two of the files have the same name.", "Film them one by one.")
    for path, out in zip(order.files, names, strict=True):
        if path.resolve() == out.resolve():
            raise SettingsError("OUT must not be the file itself.")
    return names


def _filmed(order: FilmOrder, sandbox: Sandbox, path: Path, out: Path, memory: int) -> Row:
    if not path.is_file():
        raise NotFoundError("there is no such file")
    if not order.force and os.path.lexists(out):
        raise UnsupportedError("OUT has a file of this name already (--force)")
    started = time.perf_counter()
    with private_folder() as folder:
        work = _Work(sandbox, order, Span.of_file(path.resolve()), folder, memory)
        return {**work.done(out), "out": _shown(out),
                "seconds": round(time.perf_counter() - started, 3)}


@dataclass(frozen=True, slots=True)
class _Work:
    sandbox: Sandbox
    order: FilmOrder
    span: Span
    folder: Path
    memory: int

    def done(self, out: Path) -> Row:
        """Raises UnsupportedError, DamagedError, ProofError."""
        ready = self._call("prepare_film", span=self.span.as_json(), raw=str(self._raw),
                           options=self.order.options.as_json(), rate=self.order.rate)
        raw = Raw(self._raw, int(ready["rows"]), int(ready["columns"]), bool(ready["colour"]),
                  int(ready["frames"]), Fraction(*map(int, ready["rate"])))
        crf = self._encoded(raw, ready)
        profile = self._profile(raw)
        back = replace(raw, path=self.folder / "back.raw")
        decode(self._video, back, self.memory)
        apart = self._call("measure_film", one=str(raw.path), other=str(back.path), rows=raw.rows,
                           columns=raw.columns, colour=raw.colour, frames=raw.frames)
        said = f"{TRANSFER_SYNTAXES[profile.uid].name}, CRF {crf:g}" + (
            ", windowed to 8 bits" if ready["windowed"] else "")
        temp = out.with_name(f".{uuid.uuid4().hex}.part")
        try:
            written = self._call("write_film", span=self.span.as_json(), video=str(self._video),
                                 out=str(temp), prepared=ready, transfer_syntax_uid=profile.uid,
                                 words_of=said)
            _publish(temp, out)
        finally:
            temp.unlink(missing_ok=True)
        return {**_facts(ready, raw), "target_ts": profile.uid, "crf": crf, **apart, **written}

    @property
    def _raw(self) -> Path:
        return self.folder / "frames.raw"

    @property
    def _video(self) -> Path:
        return self.folder / "film.mp4"

    def _encoded(self, raw: Raw, ready: Row) -> float:
        """The dial that keeps within the policy's ratio, the coarsest that is tried."""
        crf, cap = self.order.quality or CRF[self.order.codec], float(ready["cap"])
        while True:
            self._video.unlink(missing_ok=True)
            encode(raw, self._video, self.memory, codec=self.order.codec, crf=crf)
            ratio = int(ready["native_bytes"]) / self._video.stat().st_size
            if not cap or ratio <= cap:
                return crf
            if crf <= FINEST:
                raise UnsupportedError(
                    f"even at its finest the video would be {ratio:.3g} : 1, the policy allows "
                    f"{cap:g} : 1; take a lossless syntax")
            crf = max(FINEST, crf - STEP)

    def _profile(self, raw: Raw) -> Profile:
        """The transfer syntax that the stream's own headers fit, and no frame is missing."""
        facts = probe(self.sandbox, self._video, self.folder)
        if not isinstance(facts, VideoFacts) or facts.frames != raw.frames:
            raise ProofError("the video has not the same frames as its source")
        profile, reason = fit(facts)
        if profile is None:
            raise UnsupportedError(f"as a video it fits no transfer syntax: {reason}")
        if profile.uid == BD:  # only its format is a Blu-ray disc's, not how it was encoded
            return next(row for row in PROFILES
                        if (row.codec, row.level, row.uid != BD) == ("h264", 41, True))
        return profile

    def _call(self, name: str, **arguments: Any) -> Row:
        answer = self.sandbox.call(f"{CHILD}:{name}", **arguments)
        if answer.error:
            raise _trouble(answer)
        found: Row = answer.value
        return found


def _trouble(answer: Answer) -> MediasvcError:
    kinds = {"UnsupportedError": UnsupportedError, "ProofError": ProofError}
    return kinds.get(answer.error, DamagedError)(answer.text)


def _publish(temp: Path, out: Path) -> None:
    try:
        fd = os.open(temp, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        temp.replace(out)
    except OSError as error:
        raise StorageError(f"It cannot be written ({error.strerror}).") from error


def _facts(ready: Row, raw: Raw) -> Row:
    return {"source_uid": ready["uid"], "modality": ready["modality"],
            "source_ts": ready["source_ts"], "frames": raw.frames, "rows": raw.rows,
            "columns": raw.columns, "rate": str(raw.rate), "rate_source": ready["rate_source"],
            "native_bytes": ready["native_bytes"], "source_bytes": ready["source_bytes"],
            "notes": list(ready["notes"])}


def _row(kind: str, path: Path, /, **fields: Any) -> Row:
    return {"type": kind, "path": _shown(path), **fields}


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")
