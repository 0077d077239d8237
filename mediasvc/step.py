"""A child that gets on with something long says so after each step of it.

Who waits for it (`mediasvc.sandbox`) then gives it as long again: a large medium takes long, one
that holds a child up takes no step. Elsewhere than in a child nobody is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class _Listener:
    tell: Callable[[], None] | None = None
    every = due = 0.0


_listener = _Listener()


def tell_steps(tell: Callable[[], None], every: float) -> None:
    """``tell`` is called after steps from now on, at most once in so many seconds."""
    _listener.tell, _listener.every = tell, every


def step() -> None:
    """Something was done of which a medium has only so much: a part read, an entry listed."""
    if _listener.tell is not None and (now := time.monotonic()) >= _listener.due:
        _listener.due = now + _listener.every
        _listener.tell()
