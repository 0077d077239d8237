"""Children that read foreign bytes: limited, replaced when they die, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from mediasvc.errors import MediasvcError
from mediasvc.nursery import Nursery
from mediasvc.sandbox import Child, Sandbox

ECHO = "mediasvc.configuration_text:toml"
#: With SPIN as its value this keeps a core busy for minutes.
BUSY = "mediasvc.configuration_text:masked"
SPIN = "://:" * 300_000
MEMORY = 512 << 20


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(2, MEMORY, 30) as sandbox:
        yield sandbox


def child_pid(child: Child) -> int:
    assert child._process
    return child._process.pid


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_every_request_is_answered_once(sandbox: Sandbox) -> None:
    requests = ((number, {"value": number}) for number in range(500))
    answers = list(sandbox.map(ECHO, requests))
    assert sorted((answer.key, answer.value) for answer in answers) == [
        (number, str(number)) for number in range(500)]


def test_requests_are_drawn_only_a_few_ahead(sandbox: Sandbox) -> None:
    drawn = 0

    def requests() -> Iterator[tuple[int, dict[str, int]]]:
        nonlocal drawn
        for number in range(100_000):
            drawn += 1
            yield number, {"value": number}

    for count, _ in enumerate(sandbox.map(ECHO, requests())):
        if count == 10:
            break
    assert drawn < 1000


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3])
def test_whoever_stops_listening_is_not_kept(sandbox: Sandbox, pause: float) -> None:
    """Ctrl-C: the children had ended, and who feeds them waited for room that nobody made."""
    requests = ((number, {"value": "://:" * 8_000}) for number in range(10_000))
    answers = sandbox.map(BUSY, requests)
    next(answers)
    time.sleep(pause)
    started = time.monotonic()
    answers.close()
    assert time.monotonic() - started < 5


def test_a_child_that_waits_for_work_ends_when_nobody_listens(sandbox: Sandbox) -> None:
    """What one thread was to end with, another took: a certified export never came back."""
    for number in range(20):
        answers = sandbox.map(BUSY, [(1, {"value": "x"}), (2, {"value": "://:" * (500 * number)})])
        next(answers)
        started = time.monotonic()
        answers.close()
        assert time.monotonic() - started < 5


def test_requests_that_wait_for_answers_end_when_there_will_be_none(
        sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No child can be started, and the second request waits for what becomes of the first."""
    def refuse(memory: int, seconds: float, early: bool) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(sandbox._nursery, "process", refuse)
    nothing_more = threading.Event()

    def requests() -> Iterator[tuple[int, dict[str, str]]]:
        yield 1, {"value": "x"}
        nothing_more.wait()

    with pytest.raises(MemoryError):
        list(sandbox.map(ECHO, requests(), nothing_more.set))


def test_a_file_that_takes_for_ever_costs_itself_only() -> None:
    with Sandbox(2, MEMORY, 1.5) as sandbox:
        answers = {answer.key: answer for answer in sandbox.map(BUSY, [
            (number, {"value": SPIN if number == 3 else "x"}) for number in range(8)])}
    assert answers[3].error == "deadline"
    assert all(answers[number].value == "x" for number in answers if number != 3)
    assert len(answers) == 8


def test_a_file_that_needs_too_much_memory_costs_itself_only() -> None:
    with Sandbox(1, 256 << 20, 60) as sandbox:
        assert sandbox.call(ECHO, value="x" * (90 << 20)).error in ("memory", "died")
        assert sandbox.call(ECHO, value=1).value == "1"


def test_a_child_that_dies_is_replaced(sandbox: Sandbox) -> None:
    assert sandbox.call(ECHO, value=1).value == "1"
    os.kill(child_pid(sandbox._children[0]), signal.SIGKILL)
    assert sandbox.call(ECHO, value=2).error == "died"
    assert sandbox.call(ECHO, value=3).value == "3"


def test_deep_nesting_is_an_answer_not_a_crash(sandbox: Sandbox) -> None:
    nested: list[object] = []
    for _ in range(600):
        nested = [nested]
    assert sandbox.call(ECHO, value=nested).error == "RecursionError"


def test_words_of_a_foreign_exception_stay_inside(sandbox: Sandbox) -> None:
    answer = sandbox.call(ECHO, **{"Mustermann^Erika": 1})
    assert answer.error == "TypeError"
    assert "Mustermann" not in answer.text


@pytest.mark.parametrize("name", ["os:system", "subprocess:run", "mediasvc:nothing",
                                  "mediasvc.none:x"])
def test_only_functions_of_ours_are_called(sandbox: Sandbox, name: str) -> None:
    assert sandbox.call(name, command="true").error


def test_an_error_in_the_request_list_reaches_the_caller(sandbox: Sandbox) -> None:
    def requests() -> Iterator[tuple[int, dict[str, int]]]:
        yield 1, {"value": 1}
        raise OSError("the disc was taken out")

    with pytest.raises(OSError, match="taken out"):
        list(sandbox.map(ECHO, requests()))


def test_a_child_lives_under_limits(sandbox: Sandbox) -> None:
    sandbox.call(ECHO, value=1)
    limits = Path(f"/proc/{child_pid(sandbox._children[0])}/limits").read_text()
    row = {line[:25].strip(): line[25:].split()[0] for line in limits.splitlines()}
    assert row["Max address space"] == str(MEMORY)
    assert row["Max core file size"] == "0"
    assert int(row["Max open files"]) <= 256
    assert row["Max cpu time"].isdigit()


def test_no_child_is_left_when_the_pool_closes() -> None:
    with Sandbox(2, MEMORY, 30) as sandbox:
        list(sandbox.map(ECHO, [(number, {"value": number}) for number in range(20)]))
        pids = [child_pid(child) for child in sandbox._children if child._process]
    assert pids
    assert all(gone(pid) for pid in pids)


def test_no_child_is_left_when_the_service_is_killed() -> None:
    code = ("import os, signal\nfrom mediasvc.sandbox import Sandbox\n"
            f"pool = Sandbox(1, {MEMORY}, 30)\npool.call({ECHO!r}, value=1)\n"
            "print(pool._children[0]._process.pid, flush=True)\n"
            "os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert gone(int(done.stdout))


def test_a_loader_that_was_killed_is_replaced(sandbox: Sandbox) -> None:
    assert sandbox.call(ECHO, value=1).value == "1"
    loader = sandbox._nursery._loader
    assert loader
    loader.kill()
    loader.wait()
    assert sandbox.call(ECHO, value=2).value == "2"
    os.kill(child_pid(sandbox._children[0]), signal.SIGKILL)
    assert sandbox.call(ECHO, value=3).error == "died"
    assert sandbox.call(ECHO, value=4).value == "4"


def test_children_share_what_was_loaded_for_them() -> None:
    with Sandbox(2, 2 << 30, 30, Nursery("mediasvc.work.intake.screen")) as sandbox:
        list(sandbox.map(ECHO, [(number, {"value": number}) for number in range(20)]))
        for child in sandbox._children:
            assert "numba" in Path(f"/proc/{child_pid(child)}/maps").read_text()


def test_what_the_first_modules_answer_does_not_wait_for_the_others() -> None:
    first, other = "mediasvc.work.planning.conform", "mediasvc.work.intake.screen"
    with Sandbox(1, 2 << 30, 30, Nursery(first, other, first=1)) as sandbox:
        assert sandbox.call(f"{first}:look_at_heads", items=[]).value == []
        early = child_pid(sandbox._children[0])
        assert sandbox.call(ECHO, value=1).value == "1"
        process = sandbox._children[0]._process
        assert process is not None and process.whole
        assert "numba" in Path(f"/proc/{process.pid}/maps").read_text()
        assert sandbox.call(f"{first}:look_at_heads", items=[]).value == []
        assert child_pid(sandbox._children[0]) == process.pid
        assert gone(early) or early == process.pid


def test_library_that_does_not_load_is_said_in_words() -> None:
    with (Sandbox(1, MEMORY, 30, Nursery("mediasvc.there_is_none")) as sandbox,
          pytest.raises(MediasvcError, match="do not start")):
        sandbox.call(ECHO, value=1)


def test_who_asks_while_all_work_gets_a_turn_and_its_own_answer(sandbox: Sandbox) -> None:
    answers = sandbox.map(ECHO, ((number, {"value": number}) for number in range(900)))
    next(answers)
    assert sandbox.call(ECHO, value=-1).value == "-1"
    assert sum(answer.value != str(answer.key) for answer in answers) == 0


def test_children_that_have_nothing_to_do_load_what_is_needed_soon() -> None:
    with Sandbox(2, MEMORY, 30) as sandbox:
        sandbox.load("mediasvc.standard.encodings", "os")
        assert sandbox.call(ECHO, value=1).value == "1"
        pids = [child_pid(child) for child in sandbox._children if child._process]
    assert pids
    assert all(map(gone, pids))
