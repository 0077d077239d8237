"""The bytes of an ISO image that belong to no file (runs in a sandbox child)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mediasvc.media.check_medium import Surface
from mediasvc.media.iso9660 import FIRST_DESCRIPTOR, PRIMARY, SECTOR, read_volumes
from mediasvc.media.iso_seal import CHUNK, holds, read_seal
from mediasvc.media.member import Member
from mediasvc.media.window import Window
from mediasvc.span import Span

#: Sectors after ISO 9660's own descriptors where UDF announces itself (ECMA-167 2/9.1).
RECOGNITION = 16


def read_surface(image: Span, members: Sequence[Member]) -> Surface:
    """Raises DamagedError when the image has no volume descriptor."""
    window = Window(image)
    try:
        volume = next(v for v in read_volumes(window) if v.kind == PRIMARY)
        seal = read_seal(volume.raw)
        return Surface(
            volume_id=volume.identifier, system_id=volume.system_identifier, length=image.length,
            udf=_has_udf(window),
            sealed=None if seal is None else holds(seal, window.read, image.length),
            dirty=tuple(_dirty(window, members, volume.space if seal is None else seal.end)))
    finally:
        window.close()


def _has_udf(window: Window) -> bool:
    return any(window.head(sector * SECTOR + 1, 5) in (b"NSR02", b"NSR03")
               for sector in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + RECOGNITION))


def _dirty(window: Window, members: Sequence[Member], end: int) -> Iterator[str]:
    """Labels of the files with something behind them in their last sector; ``""`` for elsewhere.

    Between two files whole sectors may lie that nothing uses; those count as elsewhere.
    """
    if any(window.head(0, FIRST_DESCRIPTOR * SECTOR)):
        yield ""
    reached = 0
    for member in sorted(members, key=lambda m: m.position):
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


def _any(window: Window, start: int, stop: int) -> bool:
    return any(any(window.head(at, min(CHUNK, stop - at))) for at in range(start, stop, CHUNK))
