"""Where one code base alone can read a file, it reads it in another process (FAULTS X02).

Nothing that went wrong in the memory of the process that wrote the file can then hide itself.
"""

from __future__ import annotations

import atexit
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import read_framing
from mediasvc.nursery import Nursery, Twins
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.transcoding.source_frames import pixel_bytes, source_frames
from mediasvc.work.turns.batches import each
from mediasvc.work.turns.mapped import give_back

#: Seconds for any file, and for each so many of its bytes one more.
SECONDS, SLOWEST_BYTES_PER_SECOND = 120.0, 1 << 20
#: RLIMIT_AS where this process has none itself.
MEMORY = 3 << 30

Asked = Sequence[tuple[Span, str]]
"""Files, and the sha256 of the pixels that each should have."""


def decoded_sha256(span: dict[str, Any]) -> str:
    """The other process's side: sha256 over all decoded frames, by pixel, little endian."""
    digest = hashlib.sha256()
    with Span.from_json(span).view() as view:
        source = source_frames(read_framing(view))
        for number in range(len(source)):
            digest.update(pixel_bytes(source.decode(number)))
            give_back(source.frames[number])
    return digest.hexdigest()


def decoded(spans: list[dict[str, Any]]) -> list[Any]:
    """`decoded_sha256` of each, or its error as `batches.each` says it."""
    return each(lambda span: decoded_sha256(span), spans)


class Witness:
    """The other process. It starts when it is first asked and ends with this one.

    ``early``: its loader is a fork of this process as it is now, which saves loading again.
    """

    def __init__(self, *, early: bool = False) -> None:
        self._nursery: Nursery | None = Twins() if early else None
        self._sandbox: Sandbox | None = None
        self._seconds = 0.0
        self._lock = threading.Lock()

    def sees(self, asked: Asked) -> list[bool]:
        """Whether the other process decodes each file to these pixels."""
        with self._lock:
            answer = self._for(sum(span.length for span, _ in asked)).call(
                f"{__name__}:decoded", spans=[span.as_json() for span, _ in asked])
        if answer.error and len(asked) > 1:  # it died of one of them
            return [self.sees([one])[0] for one in asked]
        found = answer.value or [None] * len(asked)
        return [one == expected for one, (_, expected) in zip(found, asked, strict=True)]

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _for(self, length: int) -> Sandbox:
        """One with time enough for so many bytes."""
        seconds = SECONDS + length / SLOWEST_BYTES_PER_SECOND
        if self._sandbox is None or seconds > self._seconds + SECONDS:
            self.close()
            self._sandbox = Sandbox(1, _memory(), seconds, self._nursery or Nursery(__name__))
            self._nursery = None  # it closes with the pool
            self._seconds = seconds
            atexit.register(self.close)
        return self._sandbox


def _memory() -> int:
    """As much as this process may have itself: nobody can allow a child more."""
    for line in Path("/proc/self/limits").read_text("ascii").splitlines():
        if line.startswith("Max address space"):
            hard = line.split()[-2]
            return int(hard) if hard.isdigit() else MEMORY
    return MEMORY
