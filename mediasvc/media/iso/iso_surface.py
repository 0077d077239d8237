"""The bytes of a disc image that belong to no file (runs in a sandbox child)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.checking.check_medium import Surface
from mediasvc.media.iso.iso9660 import FIRST_DESCRIPTOR, PRIMARY, SECTOR, read_volumes
from mediasvc.media.iso.iso_extents import extent_troubles
from mediasvc.media.iso.iso_paths import path_tables_hold
from mediasvc.media.iso.iso_seal import CHUNK, holds, read_seal
from mediasvc.media.iso.iso_session import last_session
from mediasvc.media.member import Member
from mediasvc.media.recognise import has_udf, recognise
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_open import open_volume
from mediasvc.media.window import Window
from mediasvc.span import Span

if TYPE_CHECKING:
    from mediasvc.settings import Limits

#: Ends of files that are being read at a time.
AHEAD = 64


def read_surface(image: Span, members: Sequence[Member], limits: Limits) -> Surface:
    """Raises DamagedError when the image has no volume descriptor."""
    window = Window(image)
    try:
        if recognise(window) == "udf":
            return _udf_alone(window, limits)
        volume = next(v for v in read_volumes(window) if v.kind == PRIMARY)
        last = last_session(window, Troubles([]))
        seal, udf = read_seal(volume.raw), has_udf(window)
        single = last == FIRST_DESCRIPTOR
        dirty = _dirty(window, members, volume.space if seal is None else seal.end,
                       seal is None and not udf and single)
        if udf and seal is None:  # what lies between the files may be UDF's entries
            dirty = filter(None, dirty)
        return Surface(
            volume_id=volume.identifier, system_id=volume.system_identifier, length=image.length,
            udf=udf,
            sealed=None if seal is None else holds(seal, window.read, image.length),
            dirty=tuple(dirty), revision=_revision(window, limits) if udf else 0,
            paths=not single or path_tables_hold(window, volume, _folders(members)),
            stated=not single or udf or _end(members) <= volume.space,
            troubles=tuple(extent_troubles(window, read_volumes(window, last), limits,
                                           single=single)))
    finally:
        window.close()


def _udf_alone(window: Window, limits: Limits) -> Surface:
    """Of a disc without ISO 9660 only its name: entries lie between the files, unused or not."""
    opened = open_volume(window, limits, Troubles([]))
    return Surface(volume_id=opened.identifier, system_id="", length=window.length, udf=True,
                   sealed=None, dirty=(), revision=opened.revision)


def _revision(window: Window, limits: Limits) -> int:
    """0 where the list cannot be read, which others tell."""
    try:
        return open_volume(window, limits, Troubles([])).revision
    except (BudgetError, DamagedError):
        return 0


def _end(members: Sequence[Member]) -> int:
    return max((member.position + member.length for member in members), default=0)


def _folders(members: Sequence[Member]) -> int:
    """How many folders have something in them, the root not counted."""
    return len({member.parts[:depth] for member in members
                for depth in range(1, len(member.parts))})


def _dirty(window: Window, members: Sequence[Member], end: int, alone: bool) -> Iterator[str]:
    """Labels of the files with something behind them in their last sector; ``""`` for elsewhere.

    Between two files whole sectors may lie that nothing uses; those count as elsewhere. ``alone``:
    nothing else has its place behind the ``end`` of the volume.
    """
    if any(window.head(0, FIRST_DESCRIPTOR * SECTOR)):
        yield ""
    reached, coming = 0, _expect_ends(window, members)
    for member in _as_they_lie(members):
        next(coming, None)
        if not member.length:
            continue
        if reached and member.position > reached and _any(window, reached, member.position):
            yield ""
        stop = member.position + member.length
        padded = -(-stop // SECTOR) * SECTOR
        if any(window.head(stop, padded - stop)):
            yield member.label
        reached = max(reached, padded)
    if reached and reached < end and _any(window, reached, min(end, window.length)):
        yield ""
    if alone and _any(window, max(end, reached), window.length):
        yield ""


def _as_they_lie(members: Sequence[Member]) -> Sequence[Member]:
    """Nearly always in the order in which they are."""
    if all(one.position <= two.position for one, two in pairwise(members)):
        return members
    return sorted(members, key=lambda member: member.position)


def _expect_ends(window: Window, members: Iterable[Member]) -> Iterator[None]:
    """Have the last sectors of the files read, a step with each of them, some steps ahead: there
    are as many as files, and the medium can look for many of them at a time."""
    for number, member in enumerate(members):
        stop = member.position + member.length
        if stop % SECTOR:
            window.expect(stop, -stop % SECTOR)
        if number >= AHEAD:
            yield


def _any(window: Window, start: int, stop: int) -> bool:
    return any(any(window.head(at, min(CHUNK, stop - at))) for at in range(start, stop, CHUNK))
