"""A disc is judged while it is written: its files as soon as they are there, the rest at the end.

The judge knows nothing of the writer but how far it is (`Arrival`); what it says comes from what it
read. It has a thread of its own, and children, as the writer has.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.iso.arrival import Arrival

Report = Callable[[int, int, str], None]
Judge = Callable[[Arrival, Report], Verdict]


class Judging:
    """``judge`` begins at once, and waits for what ``arrival`` is told."""

    def __init__(self, judge: Judge) -> None:
        self.arrival = Arrival()
        self._report: Report | None = None
        self._pool = ThreadPoolExecutor(1)
        self._verdict = self._pool.submit(judge, self.arrival, self._tell)
        self._pool.shutdown(wait=False)

    def verdict(self, report: Report) -> Verdict:
        """Wait for it; from now on ``report`` hears how far it is. Raises what the judge raises."""
        self._report = report
        return self._verdict.result()

    def give_up(self) -> None:
        """There will be no disc. Returns when the judge has let go of it."""
        self.arrival.fail()
        self._verdict.exception()

    def _tell(self, done: int, total: int, what: str) -> None:
        if self._report is not None:  # before, the writer says how far it is
            self._report(done, total, what)
