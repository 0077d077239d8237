"""Where children come from: one process loads the libraries, and every child is a fork of it.

Loading takes 0.6 s of a core. Two children would pay it twice, and each one that replaces a dead
child again. The process that forks (`mediasvc.sandbox_child`) never sees a foreign byte.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mediasvc.errors import MediasvcError
from mediasvc.sandbox_child import EARLY, END_OF_FIRST

#: What receiving a package needs.
SCREEN = "mediasvc.work.intake.screen"
#: The same for many instances, and nothing but screening and filing.
SCREEN_READY = "mediasvc.work.intake.screen_ready"
#: All that an import's children load: first of all what lists a package; then in parts, so that who
#: asks for the list in between waits for none but one of them.
IMPORT = ("mediasvc.work.intake.opened", "mediasvc.dicom.compiled", "mediasvc.dicom.walk_kernel",
          "mediasvc.dicom.header_kernel", SCREEN, SCREEN_READY)
#: Memory that a child frees stays with it, up to a point: getting 0.5 MB of fresh pages from the
#: kernel for every instance takes four times as long as reading the instance into old ones.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
                "MALLOC_ARENA_MAX": "1"}
#: Seconds that loading may take: the first time kernels are compiled, on whatever machine.
_PATIENCE = 900
#: Seconds in which a loader that has nothing to do any more should have ended by itself.
_GRACE = 2


@dataclass(frozen=True, slots=True)
class Process:
    """A running child. The descriptor ``handle`` names it even when its number is used again.

    ``whole``: all that its nursery was to load was there when it was forked.
    """

    pid: int
    handle: int
    requests: IO[bytes]
    answers: IO[bytes]
    whole: bool

    def kill(self) -> None:
        """End it and wait until it has gone."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        select.select([self.handle], [], [])
        os.close(self.handle)
        for stream in (self.requests, self.answers):
            with contextlib.suppress(OSError):
                stream.close()


class Nursery:
    """Starts children. Begun before anything else, it loads while the caller still does."""

    def __init__(self, *modules: str, first: int = 0) -> None:
        """Begin loading ``modules`` of ours, if any; does not wait for them. What the ``first`` so
        many of them answer need not wait for the others."""
        self.first = modules[:first]
        self._guard = threading.Lock()
        self._modules = modules
        self._loader: subprocess.Popen[bytes] | _Forked | None = None
        self._line: socket.socket | None = None
        self._forked = False
        if modules:
            self._start()

    def process(self, memory: int, seconds: float, early: bool = False) -> Process:
        """A new child that lives under ``memory`` bytes and ``seconds`` for each request;
        ``early``: with the `first` modules, and what else is loaded at that moment.

        Raises MediasvcError when none can be had.
        """
        limits = f"{memory} {seconds}".encode() + (EARLY if early else b"")
        with self._guard:
            if self._line is None:
                self._start()
            try:
                return self._fork(limits)
            except (OSError, EOFError):  # the loader was killed: once more with a new one
                self._stop()
                self._start()
            try:
                return self._fork(limits)
            except (OSError, EOFError) as error:
                raise MediasvcError("The processes that read foreign files do not start.",
                                    "See mediasvc doctor.") from error

    def close(self) -> None:
        """The loader ends; children that run are the caller's."""
        with self._guard:
            self._stop()

    def _start(self) -> None:
        self._forked = False
        self._line, theirs = socket.socketpair()
        self._line.settimeout(_PATIENCE)
        with theirs:
            self._loader = subprocess.Popen(
                [sys.executable, "-m", "mediasvc.sandbox_child", *self._arguments()],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=_environment(), close_fds=True, start_new_session=True)

    def _arguments(self) -> tuple[str, ...]:
        """Of the loader. One without `first` modules has no early children."""
        rest = self._modules[len(self.first):]
        return (*self.first, END_OF_FIRST, *rest) if self.first else rest

    def _stop(self) -> None:
        if self._line is not None and self._loader is not None:
            self._line.close()
            try:
                self._loader.wait(_GRACE if self._forked else 0)
            except subprocess.TimeoutExpired:
                self._loader.kill()
                self._loader.wait()
        self._line = self._loader = None

    def _fork(self, limits: bytes) -> Process:
        """Hand over the child's ends of two pipes; its number and handle come back."""
        assert self._line
        their_in, requests = os.pipe()
        answers, their_out = os.pipe()
        try:
            socket.send_fds(self._line, [limits], [their_in, their_out])
            answer, handles, _, _ = socket.recv_fds(self._line, 16, 1)
            if not handles:
                raise EOFError
        except BaseException:
            os.close(requests)
            os.close(answers)
            raise
        finally:
            os.close(their_in)
            os.close(their_out)
        self._forked = True
        return Process(int(answer.split()[0]), handles[0], os.fdopen(requests, "wb", buffering=0),
                       os.fdopen(answers, "rb", buffering=0), not answer.endswith(EARLY))


class Twins(Nursery):
    """Its loader is a fork of this process as it is when it is made, with all that is loaded: where
    that was a child's before its first foreign byte, its children know nothing of the child's work.

    To be made before there are threads. Should the loader be killed, the next one loads anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line, theirs = socket.socketpair()
        self._line.settimeout(_PATIENCE)
        with theirs:
            pid = os.fork()
            if not pid:
                _be_loader(theirs)
            self._loader = _Forked(pid)


class _Forked:
    """What a `Nursery` asks of the process that it started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def wait(self, timeout: float | None = None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        while not os.waitpid(self._pid, 0 if until is None else os.WNOHANG)[0]:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("loader", timeout or 0)
            time.sleep(0.01)

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)


def _be_loader(line: socket.socket) -> None:
    """The forked side. It keeps nothing open of the process that it was."""
    from mediasvc import sandbox_child

    try:
        os.setsid()
        kept = os.dup2(line.fileno(), 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        sandbox_child.fork_children(socket.socket(fileno=kept))
    finally:
        os._exit(1)


def _environment() -> dict[str, str]:
    environment = dict(os.environ, PYTHONNOUSERSITE="1", OMP_NUM_THREADS="1", **_KEEP_MEMORY)
    environment.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))
    return environment


def _kernel_cache() -> str:
    """Compiled kernels are kept per user and machine, so that a child starts warm."""
    base = os.environ.get("XDG_CACHE_HOME")
    return str((Path(base) if base else Path.home() / ".cache") / "mediasvc" / "kernels")
