"""Deflated data sets (PS3.5 A.5), inflated with a budget on the bytes that are really produced."""

from __future__ import annotations

import zlib

from mediasvc.errors import BudgetError, DamagedError

#: A raw deflate stream: no zlib header (PS3.5 A.5, RFC 1951).
RAW = -zlib.MAX_WBITS
_STEP = 1 << 20


def inflate(data: memoryview, limit: int) -> tuple[bytes, bytes]:
    """(the data set, what stands behind the stream).

    Raises DamagedError when the stream is broken or cut, BudgetError beyond ``limit`` bytes.
    """
    engine = zlib.decompressobj(RAW)
    parts: list[bytes] = []
    produced = 0
    waiting: bytes | memoryview = data
    try:
        while not engine.eof:
            part = engine.decompress(waiting, _STEP)
            waiting = engine.unconsumed_tail
            if not part and not waiting and not engine.eof:
                raise DamagedError("the compressed data set ends too early")
            produced += len(part)
            if produced > limit:
                raise BudgetError("the compressed data set grows beyond the limit")
            parts.append(part)
    except zlib.error:
        raise DamagedError("the compressed data set is damaged") from None
    return b"".join(parts), engine.unused_data


def deflate(data: bytes) -> bytes:
    """The raw stream of a data set, padded to even length (PS3.5 A.5)."""
    engine = zlib.compressobj(6, zlib.DEFLATED, RAW)
    stream = engine.compress(data) + engine.flush()
    return stream + b"\0" * (len(stream) % 2)
