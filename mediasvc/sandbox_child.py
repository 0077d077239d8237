"""The child's side of the sandbox: a program that answers requests under limits of its own.

``python -m mediasvc.sandbox_child MEMORY SECONDS [MODULE…]``, started by `mediasvc.sandbox`. One
JSON request a line on stdin, one JSON answer a line on stdout; it ends with its stdin.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
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


def main() -> None:
    warnings.simplefilter("ignore")
    memory, seconds, modules = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not speak into the answers
    _limit(memory, seconds)
    for module in modules:
        importlib.import_module(module)
    for request in sys.stdin.buffer:
        line = json.dumps(_answer(request, seconds), ensure_ascii=True).encode() + b"\n"
        while line:
            line = line[answers.write(line):]


if __name__ == "__main__":
    main()
