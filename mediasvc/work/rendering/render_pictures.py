"""The frames of an instance as PNG, JPEG, TIFF, or raw for the video that ffmpeg will make."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediasvc.errors import SettingsError, UnsupportedError
from mediasvc.media.ordinary.ordinary_names import frame_name
from mediasvc.media.ordinary.ordinary_picture import Look, look_at, overlay_trouble, picture
from mediasvc.media.ordinary.ordinary_png import png
from mediasvc.media.ordinary.ordinary_rate import Rate, cine_rate
from mediasvc.media.ordinary.ordinary_tiff import TiffFile
from mediasvc.media.ordinary.ordinary_values import Values, unsigned, values_of
from mediasvc.media.page.display import Picture, pixel_aspect
from mediasvc.work.rendering.render_file import Rendered
from mediasvc.work.rendering.render_frames import FrameSource
from mediasvc.work.rendering.render_order import RenderOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Frames in a second where a person wants a video of frames that say no rate.
ASSUMED = Fraction(10)
NO_FILM = "ffmpeg is not installed or has no encoder: the frames are images instead of a video"


def write_pictures(frames: FrameSource, folder: Path, stem: str, form: str,
                   options: RenderOptions) -> Rendered:
    """Write the frames that are wanted. Raises UnsupportedError, DamagedError, BudgetError."""
    numbers = _wanted(frames, options.frame)
    rate = cine_rate(frames.header) if frames.count > 1 else None
    notes = _notes(frames, options)
    form, more = _chosen(form, len(numbers), rate, options)
    done = Rendered(form, frames=len(numbers), notes=[*notes, *more])
    if options.depth == 16:
        _deep(frames, numbers, folder, stem, done, options)
        return done
    shown = _shown(frames, numbers, options)
    if form == "mp4":
        _raw(shown, folder / f"{stem}.raw", done, _rate(rate, options))
    elif form == "tiff":
        _tiff(shown, folder / f"{stem}.tif", done)
    else:
        _single(shown, frames.count, folder, stem, done, options.quality)
    done.values = "displayed"
    return done


def _wanted(frames: FrameSource, frame: int) -> range:
    if frame == 0:
        return range(frames.count)
    place = frames.middle if frame < 0 else frame - 1
    if place >= frames.count:
        raise UnsupportedError(f"it has {frames.count} frames")
    return range(place, place + 1)


def _chosen(form: str, count: int, rate: Rate | None, options: RenderOptions,
            ) -> tuple[str, list[str]]:
    """(form, what is said of it)."""
    if form == "auto":
        if options.depth == 16:
            return ("tiff" if count > 1 else "png"), []
        if count == 1 or rate is None:
            return "png", []
        return ("mp4", []) if options.film else ("png", [NO_FILM])
    if form == "mp4":
        if count == 1:
            raise UnsupportedError("it is one picture, no cine (--as png)")
        if not options.film:
            return "png", [NO_FILM]
        if rate is None and not options.rate:
            return "mp4", [f"it says no rate; {ASSUMED} frames in a second are assumed (--rate)"]
    return form, []


def _notes(frames: FrameSource, options: RenderOptions) -> list[str]:
    notes = []
    if str(frames.header.get("BurnedInAnnotation") or "").upper() == "YES":
        notes.append("it says that identifying text is burned into the picture")
    if options.overlays and (text := overlay_trouble(frames.header)):
        notes.append(text)
    return notes


def _shown(frames: FrameSource, numbers: range, options: RenderOptions) -> Iterator[
        tuple[int, Picture]]:
    look = _look(frames, options)
    for number in numbers:
        yield number, drawn(frames, number, look)


def _look(frames: FrameSource, options: RenderOptions) -> Look:
    stack = [] if options.window else frames.some()
    return look_at(stack, frames.header, given=options.window, overlays=options.overlays)


def drawn(frames: FrameSource, number: int, look: Look) -> Picture:
    """One frame as displayed. Raises UnsupportedError where its tables contradict themselves."""
    try:
        return picture(frames.samples(number), frames.header, number, look)
    except (ValueError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise UnsupportedError("its lookup tables or overlays contradict themselves") from error


def _single(shown: Iterator[tuple[int, Picture]], count: int, folder: Path, stem: str,
            done: Rendered, quality: int) -> None:
    """A file for each frame."""
    import imagecodecs

    suffix = "jpg" if done.kind == "jpeg" else "png"
    for number, one in shown:
        name = f"{frame_name(stem, number, count)}.{suffix}"
        data = png(one) if suffix == "png" else imagecodecs.jpeg8_encode(
            np.ascontiguousarray(one), level=quality)
        (folder / name).write_bytes(data)
        _add(done, name, one)


def _tiff(shown: Iterator[tuple[int, Picture]], target: Path, done: Rendered) -> None:
    with target.open("wb") as stream, TiffFile(stream) as out:
        for _, one in shown:
            out.add(one, "as displayed")
            done.rows, done.columns = one.shape[:2]
    done.files.append(target.name)


def _rate(rate: Rate | None, options: RenderOptions) -> Rate:
    if options.rate:
        return Rate(Fraction(str(options.rate)), "--rate")
    return rate or Rate(ASSUMED, "assumed")


def _raw(shown: Iterator[tuple[int, Picture]], target: Path, done: Rendered, rate: Rate) -> None:
    """Raw frames, and how they are to be read."""
    if not rate.even:
        done.notes.append("its frames are not equally long; their mean rate is taken")
    colour: bool | None = None
    with target.open("wb") as stream:
        for _, one in shown:
            colour = one.ndim == 3 if colour is None else colour
            stream.write(np.ascontiguousarray(one).tobytes())
            done.rows, done.columns = one.shape[:2]
    done.files.append(target.name)
    done.rate, done.rate_source = str(rate.value), rate.source
    done.raw = {"rows": done.rows, "columns": done.columns, "colour": bool(colour),
                "frames": done.frames, "rate": [rate.value.numerator, rate.value.denominator]}


def _deep(frames: FrameSource, numbers: range, folder: Path, stem: str, done: Rendered,
          options: RenderOptions) -> None:
    """All bits of the samples: TIFF holds them as they are, PNG without sign."""
    pages = (_values(frames, number, options) for number in numbers)
    aspect = pixel_aspect(frames.header)
    if done.kind == "tiff":
        with (folder / f"{stem}.tif").open("wb") as stream, TiffFile(stream) as out:
            for page in pages:
                out.add(page.samples, page.words, aspect)
                done.values = page.words
                done.rows, done.columns = page.samples.shape[:2]
        done.files.append(f"{stem}.tif")
        return
    for number, page in zip(numbers, pages, strict=True):
        plain = unsigned(page)
        name = f"{frame_name(stem, number, frames.count)}.png"
        (folder / name).write_bytes(png(plain.samples, plain.words, aspect))
        done.values = plain.words
        _add(done, name, plain.samples)


def _values(frames: FrameSource, number: int, options: RenderOptions) -> Values:
    if str(frames.header.get("PhotometricInterpretation")) == "PALETTE COLOR":
        raise UnsupportedError("its values are places in a palette; take --depth 8")
    if options.values not in ("stored", "modality"):
        raise SettingsError("--values is stored or modality")
    return values_of(frames.samples(number), frames.header, number, options.values)


def _add(done: Rendered, name: str, samples: NDArray[Any]) -> None:
    done.files.append(name)
    done.rows, done.columns = samples.shape[:2]
