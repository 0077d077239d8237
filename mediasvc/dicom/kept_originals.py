"""What a joined object keeps of its single-frame files, to make them again byte for byte.

A private block behind the pixel data, documented in docs/multiframe.md:

    (7FE3,0010) LO  MEDIASVC JOIN 1
    (7FE3,1001) OB  one zstandard frame with a record for each frame of the object, in its order
                    (and a skippable one where the length would be odd)

A record is the sha256 and length of the file, the number of its runs, and the runs: bytes as they
stand here, or a part of the frame in the pixel data (with its 16-bit words turned round where the
file was big endian). Headers of one series are nearly the same, so a record is small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from mediasvc.dicom.classic_header import EXPLICIT
from mediasvc.errors import BudgetError, DamagedError

GROUP = 0x7FE3
CREATOR_TAG, RECORDS_TAG = GROUP << 16 | 0x10, GROUP << 16 | 0x1001
CREATOR = "MEDIASVC JOIN 1"

_HEAD = struct.Struct("<32sQI")
_RUN = struct.Struct("<cQQ")
_LITERAL, _FRAME, _TURNED = b"L", b"F", b"T"
#: Headers repeat themselves over this distance, and a reader needs as much memory.
_WINDOW_LOG = 23
_LEVEL = 9
CHUNK = 1 << 20
#: A skippable frame (RFC 8878 3.1.2) of one byte makes an odd length even; nine bytes.
_FILLER = struct.pack("<IIB", 0x184D2A50, 1, 0)
#: Headers repeat themselves, but a block that grows by more than this, and beyond that, is a bomb.
_RATIO, _GROWN = 1000, 64 << 20
#: More runs than a file of one frame in fragments of a sane size has.
_MOST_RUNS = 1 << 16


@dataclass(frozen=True, slots=True)
class Run:
    """``length`` bytes of the file: of itself, or of the frame from ``offset``."""

    kind: bytes
    offset: int
    length: int

    @classmethod
    def literal(cls, length: int) -> Run:
        return cls(_LITERAL, 0, length)

    @classmethod
    def frame(cls, offset: int, length: int, *, turned: bool = False) -> Run:
        return cls(_TURNED if turned else _FRAME, offset, length)


@dataclass(frozen=True, slots=True)
class Record:
    sha256: str
    length: int
    runs: tuple[Run, ...]

    @property
    def of_frame(self) -> int:
        """Bytes that come from the frame."""
        return sum(run.length for run in self.runs if run.kind != _LITERAL)


class Keeper:
    """Writes records to ``sink``; `close` it at the end."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _LEVEL, window_log=_WINDOW_LOG, enable_ldm=True, write_checksum=True)
        self._stream = zstandard.ZstdCompressor(compression_params=parameters).stream_writer(
            sink, closefd=False)

    def add(self, sha256: str, runs: list[Run], view: memoryview) -> None:
        """The record of the file ``view``, whose runs follow each other."""
        self._stream.write(_HEAD.pack(bytes.fromhex(sha256), len(view), len(runs)))
        for run in runs:
            self._stream.write(_RUN.pack(run.kind, run.offset, run.length))
        at = 0
        for run in runs:
            if run.kind == _LITERAL:
                for start in range(at, at + run.length, CHUNK):
                    self._stream.write(view[start:min(start + CHUNK, at + run.length)])
            at += run.length

    def close(self) -> int:
        """Bytes written, an even number."""
        self._stream.flush(zstandard.FLUSH_FRAME)
        if self._sink.tell() % 2:
            self._sink.write(_FILLER)
        return self._sink.tell()


class Records:
    """Reads the records of a block one after the other. Methods raise DamagedError."""

    def __init__(self, packed: memoryview, budget: int) -> None:
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_LOG)
        self._stream = unpacker.stream_reader(packed, read_across_frames=True)
        self._budget = budget
        self._literals = max(_GROWN, _RATIO * len(packed))

    def next(self) -> Record:
        """The next record; its own bytes come from `literal`. Raises BudgetError."""
        digest, length, count = _HEAD.unpack(self._read(_HEAD.size))
        if count > _MOST_RUNS:
            raise DamagedError("what it keeps of the single-frame files is damaged")
        runs = tuple(Run(*_RUN.unpack(self._read(_RUN.size))) for _ in range(count))
        if (sum(run.length for run in runs) != length
                or any(run.kind not in (_LITERAL, _FRAME, _TURNED) for run in runs)):
            raise DamagedError("what it keeps of the single-frame files is damaged")
        self._budget -= length
        self._literals -= sum(run.length for run in runs if run.kind == _LITERAL)
        if self._budget < 0 or self._literals < 0:
            raise BudgetError("the single-frame files have more bytes than the settings allow")
        return Record(digest.hex(), length, runs)

    def literal(self, length: int) -> Iterator[bytes]:
        while length:
            part = self._read(min(length, CHUNK))
            length -= len(part)
            yield part

    def end(self) -> None:
        """Nothing follows."""
        if self._some(1):
            raise DamagedError("it keeps more single-frame files than it has frames")

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._some(size - len(data))
            if not part:
                raise DamagedError("what it keeps of the single-frame files is cut short")
            data += part
        return data

    def _some(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except zstandard.ZstdError:
            raise DamagedError("what it keeps of the single-frame files is damaged") from None


def of_run(run: Run, frame: bytes | memoryview) -> bytes | memoryview | None:
    """The bytes of a run that is a part of the frame, None for one that is not."""
    if run.kind == _LITERAL:
        return None
    if run.offset + run.length > len(frame) or (run.kind == _TURNED and run.length % 2):
        raise DamagedError("a frame is shorter than that of its single-frame file")
    part = frame[run.offset:run.offset + run.length]
    return turned(part) if run.kind == _TURNED else part


def turned(data: bytes | memoryview) -> bytes:
    """16-bit words with their bytes turned round (PS3.5 7.3)."""
    import numpy as np

    return np.frombuffer(data, np.uint16).byteswap().tobytes()


def block_head(length: int) -> bytes:
    """The private block up to the records of ``length`` bytes, an even number."""
    creator = EXPLICIT.element(CREATOR_TAG, "LO", CREATOR.encode())
    return creator + EXPLICIT.element(RECORDS_TAG, "OB", b"")[:-4] + length.to_bytes(4, "little")
