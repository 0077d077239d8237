"""A packed tar (gzip, bzip2, xz), unpacked once into the scratch folder (FAULTS M16, M21)."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from mediasvc.errors import DamagedError
from mediasvc.media.member import Context
from mediasvc.media.packed.tar_header import BLOCK, looks_like_tar
from mediasvc.media.window import Window
from mediasvc.span import Span

INPUT, OUTPUT = 1 << 18, 1 << 20
#: Packed bytes that are looked at to see whether a tar is inside; a bzip2 block is 900 kB.
PEEK = 1 << 20
#: What a stream of xz may demand of memory.
MEMORY = 256 << 20
#: What became of the stream: it had its end, it stops before, its bytes contradict themselves.
WHOLE, CUT, DAMAGED = b"\1", b"\0", b"\2"
#: Steps in which a damaged stream is unpacked anew, to come near the damage.
FINE = 1 << 10


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Gzip:
    """zlib's stream (RFC 1952) with the manners of the other two."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int = OUTPUT, /) -> bytes:
        piece = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self.needs_input = len(piece) < max_length and not self._stream.unconsumed_tail
        return piece


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)


#: First bytes (RFC 1952 2.3.1, bzip2, the .xz format 2.1.1.1) and what unpacks them.
STREAMS: dict[bytes, Callable[[], _Stream]] = {
    b"\x1f\x8b\x08": _Gzip, b"BZh": bz2.BZ2Decompressor, b"\xfd7zXZ\0": _xz}


def opener(window: Window) -> Callable[[], _Stream] | None:
    """What unpacks ``window``, by its first bytes; None when nothing here does."""
    head = window.head(0, 6)
    return next((make for mark, make in STREAMS.items() if head.startswith(mark)), None)


def holds_tar(window: Window) -> bool:
    """Whether the packed file ``window`` begins with the header of a tar."""
    make, start = opener(window), b""
    if make is None:
        return False
    try:
        for piece in _Pieces(make).unpack(_input(window, PEEK), BLOCK):
            start += piece
            if len(start) >= BLOCK:
                break
    except DamagedError:
        return False
    return looks_like_tar(start)


def unpack_tar(window: Window, context: Context) -> tuple[Span, bytes]:
    """The tar inside, in the scratch folder as far as it can be unpacked, and whether the packed
    file is WHOLE, CUT or DAMAGED. Of a damaged one only what bzip2 and xz gave is surely right.

    It is unpacked once for all who read the package; its last byte on the disk, behind the tar,
    remembers the answer. Raises BudgetError.
    """
    make = opener(window)
    assert make is not None
    span = context.scratch.once(f"tar-{window.fingerprint()}", _counted(window, make, context))
    tar = replace(span, length=span.length - 1)
    return tar, b"".join(replace(span, offset=tar.length, length=1).chunks())


def _counted(window: Window, make: Callable[[], _Stream], context: Context) -> Iterator[bytes]:
    """The tar, every byte charged as it appears, and one byte more: what became of the stream."""
    budget, consumed, produced = context.budget, 0, 0

    def chunks() -> Iterator[bytes]:
        nonlocal consumed
        for chunk in _input(window, window.length):
            consumed += len(chunk)
            yield chunk

    pieces = _Pieces(make)
    try:
        for piece in pieces.unpack(chunks(), OUTPUT):
            produced += len(piece)
            budget.check_growth(consumed, produced)
            budget.produce(len(piece))
            yield piece
    except DamagedError:
        for piece in _before_damage(window, make, produced):
            budget.produce(len(piece))
            yield piece
        yield DAMAGED
        return
    yield WHOLE if pieces.ended else CUT


def _before_damage(window: Window, make: Callable[[], _Stream], known: int) -> Iterator[bytes]:
    """What the stream gives behind its first ``known`` bytes: in one large step all of it was
    lost."""
    try:
        for piece in _Pieces(make).unpack(_input(window, window.length, FINE), FINE):
            rest, known = piece[known:], max(known - len(piece), 0)
            if rest:
                yield rest
    except DamagedError:
        return


def _input(window: Window, end: int, step: int = INPUT) -> Iterator[bytes]:
    for at in range(0, min(end, window.length), step):
        yield window.head(at, step)


class _Pieces:
    """Unpacks streams that may follow each other, zeros behind them.

    ``ended`` afterwards says whether the last one was whole.
    """

    def __init__(self, make: Callable[[], _Stream]) -> None:
        self._make, self._stream = make, make()

    @property
    def ended(self) -> bool:
        return self._stream.eof

    def unpack(self, chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
        """Pieces of at most ``most`` bytes. Raises DamagedError."""
        for chunk in chunks:
            while True:
                if self._stream.eof:
                    chunk = self._stream.unused_data + chunk
                    if not chunk.strip(b"\0"):
                        break
                    self._stream = self._make()
                if not chunk and self._stream.needs_input:
                    break
                yield self._step(chunk, most)
                chunk = b""

    def _step(self, chunk: bytes, most: int) -> bytes:
        try:
            return self._stream.decompress(chunk, most)
        except (zlib.error, lzma.LZMAError, OSError, MemoryError):
            raise DamagedError("its packed bytes are damaged") from None
