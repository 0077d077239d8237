"""Has a drop arrived whole? Asked while it settles, before anything is parsed (FAULTS M23, M24).

Only the ends of a container are read, a few sectors, so that the service itself may ask.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.iso.iso9660 import FIRST_DESCRIPTOR, SECTOR
from mediasvc.media.packed.tar_header import BLOCK
from mediasvc.media.packed.zip_directory import CENTRAL, NoEndError, find_end
from mediasvc.media.page.words import Many
from mediasvc.media.recognise import recognise
from mediasvc.media.udf.udf_sequence import read_sequence
from mediasvc.media.window import Window
from mediasvc.span import Span

#: Names of containers whose first bytes must be there before they can be known by content.
CONTAINER_SUFFIXES = (".iso", ".zip")


@dataclass(frozen=True, slots=True)
class Structure:
    """``words`` are for the clerk: why the drop still waits, or what is wrong with it."""

    state: Literal["complete", "growing", "damaged"]
    words: str


QUIET = Structure("complete", "it has no end of its own; it counts once it is quiet")


def structure(path: Path) -> Structure:
    """What the ends of ``path`` say; never raises on foreign bytes.

    ``growing``: the end is not there (yet). ``damaged``: the end is there and contradicts the
    rest. A folder or a plain file has no end: ``complete``, and the quiet period decides.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return QUIET
        window = Window(Span.of_file(path))
    except (OSError, DamagedError):
        return Structure("growing", "it cannot be read yet")
    try:
        return _end(window, path.suffix.lower())
    except DamagedError:
        return Structure("growing", "it became shorter while it was read")
    finally:
        window.close()


def _end(window: Window, suffix: str) -> Structure:
    if not window.length:
        return Structure("growing", "it is still empty")
    found = recognise(window)
    if found == "zip":
        return _zip_end(window)
    if found == "iso":
        return _iso_end(window)
    if found == "udf":
        return _udf_end(window)
    if found == "tar":
        return _tar_end(window)
    if found == "file" and suffix in CONTAINER_SUFFIXES:
        return Structure("growing", f"it is called {suffix} and does not begin like one yet")
    return QUIET


def _zip_end(window: Window) -> Structure:
    try:
        end = find_end(window)
    except NoEndError:
        return Structure("growing", "the end of the zip has not arrived")
    except (DamagedError, UnsupportedError) as error:
        return Structure("damaged", error.text)
    if end.entries and window.head(end.offset, 4) != CENTRAL:
        return Structure("damaged", "the end of the zip does not fit the rest of it")
    return Structure("complete", "the zip is whole")


def _iso_end(window: Window) -> Structure:
    raw = window.head(FIRST_DESCRIPTOR * SECTOR, SECTOR)
    if len(raw) < SECTOR:
        return Structure("growing", "the start of the disc image has not arrived")
    space: int = struct.unpack_from("<I", raw, 80)[0]
    block: int = struct.unpack_from("<H", raw, 128)[0]
    return _image_end(space * block - window.length)


def _udf_end(window: Window) -> Structure:
    try:
        sequence, _ = read_sequence(window)
    except DamagedError:
        return Structure("growing", "the start of the disc image has not arrived")
    ends = [found.field("start") + found.field("length") for found in sequence.partitions.values()]
    return _image_end(max(ends, default=0) * sequence.block - window.length)


def _image_end(missing: int) -> Structure:
    """Of a disc image that lacks so many bytes of what it says."""
    if missing > 0:
        return Structure("growing", f"{Many(missing):byte|bytes} of the disc image "
                                    f"{Many(missing):=has|have} not arrived")
    return Structure("complete", "the disc image is whole")


def _tar_end(window: Window) -> Structure:
    """Two blocks of zeros end a tar (POSIX.1-2001 pax)."""
    if window.length % BLOCK or any(window.head(max(window.length - 2 * BLOCK, 0), 2 * BLOCK)):
        return Structure("growing", "the end of the tar has not arrived")
    return Structure("complete", "the tar is whole")
