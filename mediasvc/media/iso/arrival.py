"""How much of a new image is there already, for those who judge it while it is written.

Nothing before that point is touched again: an image is written from its first byte to its last
(`write_behind`), only what stands behind all files is laid down first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from mediasvc.errors import StateError


class Arrival:
    """Between one who writes an image and one who reads it. Thread-safe.

    Whoever waits gets StateError when the image will never be whole.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._opening = self._end = -1
        self._whole = self._failed = False
        self._sha256 = ""

    @classmethod
    def of(cls, sha256: str) -> Arrival:
        """An image that is there, of which this was handed to the disk."""
        found = cls()
        found.begin(0)
        found.finish(sha256)
        return found

    def begin(self, opening: int) -> None:
        """From ``opening`` bytes on the image can be opened: its tables are there, and the files of
        its root."""
        with self._change:
            self._opening = opening
            self._change.notify_all()

    def reached(self, end: int) -> None:
        """All before byte ``end`` can be read."""
        with self._change:
            self._end = end
            self._change.notify_all()

    def finish(self, sha256: str) -> None:
        """Nobody writes any more; ``sha256``: of what was handed to the disk, where it is known."""
        with self._change:
            self._whole, self._sha256 = True, sha256
            self._change.notify_all()

    def fail(self) -> None:
        """What is there will not be finished; of one that is finished already: it is not wanted."""
        with self._change:
            self._failed = True
            self._change.notify_all()

    def wait_open(self) -> None:
        with self._change:
            self._wait(lambda: 0 <= self._opening <= self._end)

    def wait(self, end: int) -> None:
        with self._change:
            self._wait(lambda: end <= self._end)

    def wait_whole(self) -> str:
        """The sha256 that `finish` was told."""
        with self._change:
            self._wait(lambda: False)
            return self._sha256

    @property
    def is_whole(self) -> bool:
        with self._change:
            return self._whole

    @property
    def is_hashed(self) -> bool:
        """Whether the sha256 of all of it is known, or will be when it is whole."""
        with self._change:
            return bool(self._sha256) if self._whole else self._opening >= 0

    def _wait(self, enough: Callable[[], bool]) -> None:
        self._change.wait_for(lambda: self._failed or self._whole or enough())
        if self._failed:
            raise StateError("The image was not finished.")
