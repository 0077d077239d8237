"""Foreign bytes are parsed and decoded in limited child processes (DESIGN §6).

A child (`mediasvc.sandbox_child`, started by `mediasvc.nursery`) reads one JSON request per line,
calls a function of ours named ``package.module:function`` with the request's keyword arguments, and
answers one JSON line. It lives under RLIMIT_AS, CPU, CORE and NOFILE; the parent holds a wall
deadline, which begins anew when the child says that it gets on (`mediasvc.step`). When it dies,
exactly the item it was working on is lost, and a new child goes on with the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from mediasvc.crew import Crew
from mediasvc.errors import MediasvcError
from mediasvc.nursery import Nursery, Process

ANSWER_LIMIT = 256 << 20
#: So long a pool that closes waits for a child that loads.
LOADING_SECONDS = 2.0
#: A child that gets on may take so many times its seconds for one request.
LONGEST = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request: ``value`` is JSON data, or ``error`` says why there is none.

    ``error`` holds no text from the data: a class name of ours with our own words, or one of
    ``died``, ``deadline``, ``memory``.
    """

    key: Any
    value: Any = None
    error: str = ""
    text: str = ""


class Child:
    """One limited process. Not thread-safe: a `Crew` gives each to one thread at a time."""

    def __init__(self, nursery: Nursery, memory: int, seconds: float) -> None:
        self._nursery, self._memory, self._seconds = nursery, memory, seconds
        self._process: Process | None = None

    def call(self, function: str, arguments: dict[str, Any]) -> tuple[Any, str, str]:
        """(value, error, text); starts the process when there is none, ends it on trouble."""
        early = function.partition(":")[0] in self._nursery.first
        if self._process is not None and not (early or self._process.whole):
            self.close()  # a new one has at hand what this one would have to load
        if self._process is None:
            self._process = self._nursery.process(self._memory, self._seconds, early)
        line = json.dumps({"function": function, "arguments": arguments}).encode() + b"\n"
        try:
            self._process.requests.write(line)
            reply = _read_line(self._process.answers, self._seconds)
        except TimeoutError:
            self.close()
            return None, "deadline", "took too long and was stopped"
        except (OSError, EOFError):
            self.close()
            return None, "died", "ended the process that read it, without an answer"
        answer = json.loads(reply)
        if answer.get("error") == "memory":
            self.close()
        return answer.get("value"), answer.get("error", ""), answer.get("text", "")

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()


class Sandbox:
    """A pool of children. ``map`` keeps them all busy and yields answers as they come; whoever asks
    at the same time takes turns with it. Thread-safe.

    They come from ``nursery``, which may have begun to load before; it closes with the pool.
    """

    def __init__(self, workers: int, memory: int, seconds: float,
                 nursery: Nursery | None = None) -> None:
        self._workers = max(1, workers)
        self._nursery = nursery or Nursery()
        self._children = [Child(self._nursery, memory, seconds) for _ in range(self._workers)]
        self._crew = Crew(self._children)
        self._loading: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        for thread in self._loading:
            thread.join(LOADING_SECONDS)
        for child in self._children:
            child.close()
        self._nursery.close()

    def load(self, *modules: str) -> None:
        """Children that have nothing to do load ``modules`` of ours, which are needed soon; does
        not wait for them."""
        loading = [threading.Thread(target=self._load, args=(modules,), daemon=True)
                   for _ in self._children]
        for thread in loading:
            thread.start()
        self._loading = [*filter(threading.Thread.is_alive, self._loading), *loading]

    def _load(self, modules: tuple[str, ...]) -> None:
        with self._crew.one() as child, contextlib.suppress(OSError, ValueError, MediasvcError):
            if not self._closed:
                child.call("mediasvc.sandbox_child:load", {"modules": modules})

    def call(self, function: str, **arguments: Any) -> Answer:
        """One request, in the first child that has nothing to do."""
        with self._crew.one() as child:
            value, error, text = child.call(function, arguments)
        return Answer(None, value, error, text)

    def map(self, function: str, requests: Iterable[tuple[Any, dict[str, Any]]],
            no_more: Callable[[], None] = lambda: None) -> Iterator[Answer]:
        """An `Answer` for each ``(key, arguments)``, in order of completion.

        Requests are drawn lazily, a few ahead of the children, so memory stays flat. ``no_more`` is
        called when nobody listens any longer: requests that wait for answers end then.
        """
        todo: queue.Queue[tuple[Any, dict[str, Any]] | None] = queue.Queue(self._workers * 2)
        done: queue.Queue[Answer | BaseException | None] = queue.Queue(self._workers * 64)
        stop = threading.Event()
        serving = [threading.Thread(target=_serve, args=(self._crew, function, todo, done),
                                    daemon=True) for _ in self._children]
        feeder = threading.Thread(
            target=_feed, args=(requests, todo, done, stop, self._workers), daemon=True)
        for thread in (*serving, feeder):
            thread.start()
        running = len(serving) + 1
        try:
            while running:
                answer = done.get()
                if answer is None:
                    running -= 1
                elif isinstance(answer, BaseException):
                    raise answer
                else:
                    yield answer
        finally:
            stop.set()
            no_more()
            _drain(feeder, serving, todo, done)


def _serve(crew: Crew[Child], function: str,
           todo: queue.Queue[tuple[Any, dict[str, Any]] | None],
           done: queue.Queue[Answer | BaseException | None]) -> None:
    try:
        while (request := todo.get()) is not None:
            key, arguments = request
            with crew.one() as child:
                answer = Answer(key, *child.call(function, arguments))
            done.put(answer)
    except BaseException as error:
        done.put(error)
    finally:
        done.put(None)


def _feed(requests: Iterable[tuple[Any, dict[str, Any]]],
          todo: queue.Queue[tuple[Any, dict[str, Any]] | None],
          done: queue.Queue[Answer | BaseException | None], stop: threading.Event,
          workers: int) -> None:
    try:
        for request in requests:
            if stop.is_set():
                break
            todo.put(request)
    except BaseException as error:
        done.put(error)
    finally:
        for _ in range(workers):
            todo.put(None)
        done.put(None)


def _drain(feeder: threading.Thread, serving: list[threading.Thread],
           todo: queue.Queue[Any], done: queue.Queue[Any]) -> None:
    """Let the threads end even when the caller stopped listening. Only when the feeder puts nothing
    more can what the others wait for be put where nobody else takes it."""
    while feeder.is_alive():
        _empty(todo)
        _empty(done)
        feeder.join(0.01)
    _empty(todo)
    for _ in serving:
        todo.put(None)
    while any(thread.is_alive() for thread in serving):
        _empty(done)
        time.sleep(0.001)


def _empty(waiting: queue.Queue[Any]) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()


def _read_line(stream: IO[bytes], seconds: float) -> bytes:
    """One line within so many seconds, which an empty line begins anew. Raises TimeoutError, or
    EOFError when the child has gone."""
    parts: list[bytes] = []
    size, fd = 0, stream.fileno()
    deadline = time.monotonic() + seconds
    last = deadline + (LONGEST - 1) * seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            raise TimeoutError
        part = os.read(fd, 1 << 16)
        if not part:
            raise EOFError
        if not parts and part.startswith(b"\n"):
            deadline = min(time.monotonic() + seconds, last)
            if not (part := part.lstrip(b"\n")):
                continue
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
        if size > ANSWER_LIMIT:
            raise EOFError
