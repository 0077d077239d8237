"""The children's side of the sandbox: programs that answer requests under limits of their own.

``python -m mediasvc.sandbox_child [MODULE…]``, started by `mediasvc.nursery`, loads the modules and
forks a child for each message on the socket that is its stdin: its bytes and seconds as text, and
with them the child's ends of two pipes. One JSON request a line, one JSON answer a line; a child
ends with its requests, and the loader with its socket.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from typing import Any

from mediasvc.errors import MediasvcError

#: CPU seconds that an item may use for each second of its deadline: libraries may run threads.
CPU_PER_WALL = 2.0


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
        for request in lines:
            line = json.dumps(_answer(request, seconds), ensure_ascii=True).encode() + b"\n"
            while line:
                line = line[out.write(line):]


def _fork(line: socket.socket, ends: list[int], memory: int, seconds: float) -> None:
    pid = os.fork()
    if pid:
        handle = os.pidfd_open(pid)
        socket.send_fds(line, [str(pid).encode()], [handle])
        for descriptor in (handle, *ends):
            os.close(descriptor)
        return
    status = 1
    try:
        line.close()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        requests, answers = ends
        _serve(requests, answers, memory, seconds)
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
    gc.disable()  # collecting while libraries load is an eighth of the time they take
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.enable()
    fork_children(line)


def fork_children(line: socket.socket) -> None:
    """Be a loader until the socket ends."""
    signal.signal(signal.SIGCHLD, _reap)  # so that what a child used counts as what we used
    gc.freeze()  # a collection in a child must not touch, and so copy, every page of ours
    while True:
        message, ends, _, _ = socket.recv_fds(line, 64, 2)
        if not message:
            break
        memory, seconds = message.split()
        _fork(line, ends, int(memory), float(seconds))
    _reap()
    os._exit(0)  # taking libraries apart would cost the caller a tenth of a second


if __name__ == "__main__":
    main()
