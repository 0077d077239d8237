"""The children's side of the sandbox: programs that answer requests under limits of their own.

``python -m mediasvc.sandbox_child [MODULE…]``, started by `mediasvc.nursery`, loads the modules and
forks a child for each message on the socket that is its stdin: its bytes and seconds as text, and
with them the child's ends of two pipes. A message that ends with ``early`` waits only for the
modules before the argument ``-``. One JSON request a line, one JSON answer a line, and before it
empty ones while the child gets on; it ends with its requests, and the loader with its socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mediasvc.errors import MediasvcError
from mediasvc.step import tell_steps

#: CPU seconds that an item may use for each second of its deadline: libraries may run threads.
CPU_PER_WALL = 2.0
#: How often in its seconds a child says that it gets on.
STEPS_TOLD = 20
#: After one early child another is most likely wanted, by the next thread of the caller.
NEXT_SECONDS = 0.01
#: After the modules that are enough for early children; and what is said of those.
END_OF_FIRST, EARLY = "-", b" early"


def _limit(memory: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), min(256, hard)))
    _allow_cpu(seconds)


def _allow_cpu(seconds: float) -> None:
    """The CPU limit is raised before each item, so that it bounds the item and not the child."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds * CPU_PER_WALL) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def _resolve(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    if not module.startswith("mediasvc."):
        raise ValueError("not a function of ours")
    resolved: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return resolved


def load(modules: list[str]) -> None:
    """A request of its own: to have at hand what the next ones need."""
    for module in modules:
        if module.startswith("mediasvc."):
            importlib.import_module(module)


def _answer(request: bytes, seconds: float) -> dict[str, Any]:
    try:
        order = json.loads(request)
        function = _resolve(order["function"])
        _allow_cpu(seconds)
        return {"value": function(**order["arguments"])}
    except MemoryError:
        return {"error": "memory", "text": "needs more memory than is allowed"}
    except RecursionError:
        return {"error": "RecursionError", "text": "is nested too deeply"}
    except MediasvcError as error:
        return {"error": type(error).__name__, "text": error.text}
    except Exception as error:  # a library's words may quote the data: only the class goes out
        where = _where(error) if os.environ.get("MEDIASVC_DEBUG") else ""
        kind = type(error).__name__
        return {"error": kind, "text": f"could not be read ({kind}){where}"}


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def _serve(requests: int, answers: int, memory: int, seconds: float) -> None:
    """A child: it answers until nobody asks any more."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _limit(memory, seconds)
    with os.fdopen(requests, "rb") as lines, os.fdopen(answers, "wb", buffering=0) as out:
        def get_on() -> None:
            _allow_cpu(seconds)
            out.write(b"\n")

        tell_steps(get_on, seconds / STEPS_TOLD)
        for request in lines:
            line = json.dumps(_answer(request, seconds), ensure_ascii=True).encode() + b"\n"
            while line:
                line = line[out.write(line):]


@dataclass(frozen=True, slots=True)
class _Order:
    """What is said of a child that is to be forked, and its ends of the pipes."""

    memory: int
    seconds: float
    early: bool
    ends: list[int]


def _next_order(line: socket.socket) -> _Order:
    """Waits for it; the process ends when there will be none."""
    message, ends, _, _ = socket.recv_fds(line, 64, 2)
    if not message:
        _reap()
        os._exit(0)  # taking libraries apart would cost the caller a tenth of a second
    memory, seconds, *early = message.split()
    return _Order(int(memory), float(seconds), bool(early), ends)


def _fork(line: socket.socket, order: _Order, whole: bool) -> None:
    gc.freeze()  # a collection in a child must not touch, and so copy, every page of ours
    pid = os.fork()
    if pid:
        handle = os.pidfd_open(pid)
        socket.send_fds(line, [str(pid).encode() + (b"" if whole else EARLY)], [handle])
        for descriptor in (handle, *order.ends):
            os.close(descriptor)
        return
    status = 1
    try:
        line.close()
        gc.enable()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        requests, answers = order.ends
        _serve(requests, answers, order.memory, order.seconds)
        status = 0
    finally:
        os._exit(status)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    warnings.simplefilter("ignore")
    line = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, _reap)
    gc.disable()  # collecting while libraries load is an eighth of the time they take
    gc.set_threshold(20_000, 20, 20)  # a child's answers are many small rows
    first, waiting = True, None
    for module in sys.argv[1:]:
        if module == END_OF_FIRST:
            first = False
        else:
            importlib.import_module(module)
        if not first and waiting is None:
            waiting = _fork_early(line)
    gc.freeze()  # all of it stays: looking through it once would hold the first child up
    gc.enable()
    fork_children(line, waiting)


def _fork_early(line: socket.socket) -> _Order | None:
    """Fork what need not wait for the rest; the first order that has to."""
    patience = 0.0
    while select.select([line], [], [], patience)[0]:
        order = _next_order(line)
        if not order.early:
            return order
        _fork(line, order, whole=False)
        patience = NEXT_SECONDS
    return None


def fork_children(line: socket.socket, order: _Order | None = None) -> None:
    """Be a loader until the socket ends. ``order``: one that came before."""
    signal.signal(signal.SIGCHLD, _reap)  # so that what a child used counts as what we used
    while True:
        _fork(line, order or _next_order(line), whole=True)
        order = None


if __name__ == "__main__":
    main()
