"""Unpacking one zip entry as a stream, every byte counted as it appears (FAULTS M16, M21)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.budget import Budget

#: Bytes that come out at a time, whatever goes in.
OUTPUT = 1 << 20
STORED, DEFLATED = 0, 8
#: Methods of APPNOTE 4.4.5 that we can name, though not read.
METHOD_NAMES = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What the zip says of an entry; ``crc`` None where another proof stands for it."""

    method: int
    length: int
    crc: int | None


def unpack(chunks: Iterable[bytes], expected: Expected, budget: Budget) -> Iterator[bytes]:
    """The entry's bytes in pieces of at most 1 MiB, or as long as the chunks when stored.

    Raises DamagedError when length or checksum are not as stated, BudgetError when the entry
    grows too much. What was yielded before is then worthless.
    """
    step = _stored if expected.method == STORED else _Inflater().step
    produced = consumed = crc = 0
    for chunk in chunks:
        consumed += len(chunk)
        for piece in step(chunk):
            produced += len(piece)
            if produced > expected.length:
                raise DamagedError("it unpacks to more bytes than the zip says")
            budget.check_ratio(consumed, produced)
            budget.produce(len(piece))
            crc = zlib.crc32(piece, crc)
            yield piece
    if produced != expected.length:
        raise DamagedError("it unpacks to fewer bytes than the zip says")
    if expected.crc is not None and crc != expected.crc:
        raise DamagedError("its checksum is wrong; the bytes are damaged")


def _stored(chunk: bytes) -> Iterator[bytes]:
    yield chunk


class _Inflater:
    """A raw deflate stream (RFC 1951) that never gives more than `OUTPUT` bytes at once."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    def step(self, chunk: bytes) -> Iterator[bytes]:
        stream = self._stream
        if stream.eof and chunk:
            raise DamagedError("it holds bytes after its end")
        piece = b""
        while chunk or len(piece) == OUTPUT:
            piece = _decompress(stream.decompress, chunk)
            yield piece
            chunk = stream.unconsumed_tail
        if stream.unused_data:
            raise DamagedError("it holds bytes after its end")


def _decompress(decompress: Callable[[bytes, int], bytes], chunk: bytes) -> bytes:
    try:
        return decompress(chunk, OUTPUT)
    except zlib.error:
        raise DamagedError("its packed bytes are damaged") from None
