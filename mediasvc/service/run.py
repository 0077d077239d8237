"""`mediasvc run`: one service per home; watch the inbox, run the line, survive restarts."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from mediasvc.errors import LockedError, MediasvcError
from mediasvc.nursery import SCREEN, Nursery
from mediasvc.service.patient_feed import PatientFeed
from mediasvc.service.watch import Watch
from mediasvc.settings import Home, Settings
from mediasvc.store.lock import HomeLock
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.index.patient_list import finish_keys
from mediasvc.work.ingest import unfinished
from mediasvc.work.queue import finish_discards
from mediasvc.work.refile import finish_all
from mediasvc.work.turns.children import open_sandbox
from mediasvc.work.undo import forget_given_up
from mediasvc.work.waiting.queue_view import view
from mediasvc.work.wrapping.wrap_drop import adopt_with_sides, run_drop, submit_with_sides

log = logging.getLogger(__name__)
#: Called with what happened: (event, fields).
Tell = Callable[..., None]


def run(home: Home, load_settings: Callable[[], Settings], tell: Tell) -> None:
    """Until SIGTERM or SIGINT; SIGHUP reloads the settings, bad new ones are refused and reported.

    Raises LockedError when another service has this home.
    """
    stop, reload_, tell = threading.Event(), threading.Event(), _one_at_a_time(tell)
    watching: list[Watch] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        (reload_ if number == signal.SIGHUP else stop).set()
        for watch in watching:
            watch.wake()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)  # first of all: a stop during the start is a stop too
    with HomeLock(home.lock):
        settings = load_settings()
        while not stop.is_set():
            reload_.clear()
            with (open_sandbox(settings, Nursery(SCREEN), more=1) as sandbox,
                  open_desk(home, settings, sandbox) as desk):
                _serve(desk, watching, stop, reload_, tell)
            if reload_.is_set():
                settings = _reloaded(load_settings, settings, tell)
    tell("stopped")


def _serve(desk: Desk, watching: list[Watch], stop: threading.Event, reload_: threading.Event,
           tell: Tell) -> None:
    watch = Watch(desk.home, desk.settings)
    watching[:] = [watch]
    feed = PatientFeed(desk.home, desk.store, desk.settings, tell)
    try:
        forget_given_up(desk)
        finish_keys(desk.store)
        _finish("discard", finish_discards, desk, tell)
        _finish("refile", finish_all, desk, tell)
        feed.start()
        tell("ready", inbox=str(desk.home.inbox))
        while not stop.is_set() and not reload_.is_set():
            _tick(desk, watch, stop, tell)
            watch.wait()
    finally:
        feed.close()
        watch.close()


def _finish(what: str, work: Callable[[Desk], object], desk: Desk, tell: Tell) -> None:
    """What was just being done when the service ended."""
    try:
        work(desk)
    except MediasvcError as error:
        tell("trouble", what=what, error=type(error).__name__)


def _tick(desk: Desk, watch: Watch, stop: threading.Event, tell: Tell) -> None:
    """Everything that can be done now: what was interrupted first, then what has settled."""
    for number in unfinished(desk):
        if stop.is_set():
            return
        _attempt(desk, number, tell)
    for drop in watch.settled():
        if stop.is_set():
            return
        try:
            package = submit_with_sides(desk, drop.path, source=drop.source)
        except (OSError, MediasvcError) as error:
            tell("drop-refused", error=type(error).__name__)
            continue
        _attempt(desk, package.id, tell)
    tell("health", waiting_drops=len(watch.waiting()))


def _attempt(desk: Desk, number: int, tell: Tell) -> None:
    try:
        package = view(desk, number).package
        adopted = adopt_with_sides(desk, package) if package.location.startswith(
            str(desk.home.inbox)) else package
        run_drop(desk, adopted.id, lambda done, total, what: None)
    except LockedError:
        return
    except (OSError, MediasvcError) as error:
        # The attempt is counted in the ledger; after a few the package is given up (FAULTS C17).
        log.error("package %d: %s", number, type(error).__name__)
        tell("trouble", package=number, error=type(error).__name__)
        return
    row = view(desk, number).as_json()
    tell("package", **row)


def _one_at_a_time(tell: Tell) -> Tell:
    """The feed tells from threads of its own."""
    lock = threading.Lock()

    def told(event: str, **fields: object) -> None:
        with lock:
            tell(event, **fields)

    return told


def _reloaded(load_settings: Callable[[], Settings], old: Settings, tell: Tell) -> Settings:
    try:
        settings = load_settings()
    except MediasvcError as error:
        tell("settings-refused", error=str(error))
        return old
    tell("settings-reloaded")
    return settings
