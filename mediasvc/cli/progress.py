"""Progress: a bar on a terminal, status lines in JSON, silence elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mediasvc.cli.session import Session

#: (done, total or 0 when unknown, what is being done)
Progress = Callable[[int, int, str], None]
STATUS_SECONDS = 1.0


@contextmanager
def progress(session: Session) -> Iterator[Progress]:
    if session.on_terminal:
        with _bar() as report:
            yield report
    else:
        yield _status_lines(session)


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
             TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def report(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total or None, description=what)

        yield report


def _status_lines(session: Session) -> Progress:
    last = time.monotonic()

    def report(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= STATUS_SECONDS:
            last = now
            session.status(done=done, total=total, what=what)

    return report
