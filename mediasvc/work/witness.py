"""Where one code base alone can read a file, it reads it in another process (FAULTS X02).

Nothing that went wrong in the memory of the process that wrote the file can then hide itself.
"""

from __future__ import annotations

import atexit
import hashlib
import threading
from pathlib import Path
from typing import Any

from mediasvc.dicom.framing import read_framing
from mediasvc.errors import ProofError
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.work.mapped import give_back
from mediasvc.work.source_frames import pixel_bytes, source_frames

#: Seconds for any file, and for each so many of its bytes one more.
SECONDS, SLOWEST_BYTES_PER_SECOND = 120.0, 1 << 20
#: RLIMIT_AS where this process has none itself.
MEMORY = 3 << 30


def decoded_sha256(span: dict[str, Any]) -> str:
    """The other process's side: sha256 over all decoded frames, by pixel, little endian."""
    digest = hashlib.sha256()
    with Span.from_json(span).view() as view:
        source = source_frames(read_framing(view))
        for number in range(len(source)):
            digest.update(pixel_bytes(source.decode(number)))
            give_back(source.frames[number])
    return digest.hexdigest()


class Witness:
    """The other process. It starts when it is first asked and ends with this one."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._seconds = 0.0
        self._lock = threading.Lock()

    def agree(self, span: Span, pixels_sha256: str) -> None:
        """Raise ProofError unless the other process decodes the file to these pixels."""
        with self._lock:
            answer = self._for(span.length).call(
                f"{__name__}:decoded_sha256", span=span.as_json())
        if answer.value != pixels_sha256:
            raise ProofError("another process does not read these pixels in the file")

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _for(self, length: int) -> Sandbox:
        """One with time enough for so many bytes."""
        seconds = SECONDS + length / SLOWEST_BYTES_PER_SECOND
        if self._sandbox is None or seconds > self._seconds + SECONDS:
            self.close()
            self._sandbox = Sandbox(1, _memory(), seconds, Nursery(__name__))
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
