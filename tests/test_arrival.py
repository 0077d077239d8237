"""An image that is still written: each file is judged when it is there, and nothing goes unseen."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mediasvc.errors import StateError
from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.iso.arrival import Arrival
from mediasvc.media.package import open_package
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.work.check_disc import check_disc
from mediasvc.work.checking.judging import Judging
from samples.synthesis import instance, study
from tests.disc_things import build, disc_instances, new_sandbox
from tests.test_verdict import places_of

STEP = 4096


class Written:
    """An image of ours that is written once more, step by step, while it is judged."""

    def __init__(self, sandbox: Sandbox, source: Path, sha256: str, folder: Path) -> None:
        self.data = bytearray(source.read_bytes())
        self.path, self.sha256, self._sandbox = folder / "a.iso", sha256, sandbox
        with open_package(source, Limits(), scratch=folder) as package:
            members = list(package.members())
        self.opening = min(member.position for member in members if len(member.parts) > 1)
        self._behind = max(member.position + member.length for member in members)

    def verdict(self, meanwhile: Callable[[int, int], None] = lambda fd, end: None) -> Verdict:
        """``meanwhile`` is told of the descriptor and of the end of what is there."""
        arrival = Arrival()
        with ThreadPoolExecutor(1) as pool:
            judged = pool.submit(check_disc, self.path, self._sandbox, Limits(),
                                 profile="STD-GEN-DVD-JPEG", arrival=arrival)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            os.ftruncate(fd, len(self.data))
            os.pwrite(fd, self.data[self._behind:], self._behind)
            arrival.begin(self.opening)
            for at in range(0, len(self.data), STEP):
                os.pwrite(fd, self.data[at:at + STEP], at)
                meanwhile(fd, at + STEP)
                arrival.reached(at + STEP)
            os.close(fd)
            arrival.finish(self.sha256)
            return judged.result()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path, str]]:
    folder = tmp_path_factory.mktemp("arriving")
    made = disc_instances(folder / "in", [*study(1, 1, count=3, rows=64, columns=64),
                                          instance(1, 1, 2, modality="SR")])
    with new_sandbox() as sandbox:
        built = build(sandbox, folder / "a.iso", made, folder / "scratch",
                      profile="STD-GEN-DVD-JPEG")
        yield sandbox, folder / "a.iso", built.sha256


@pytest.fixture
def written(source: tuple[Sandbox, Path, str], tmp_path: Path) -> Written:
    return Written(*source, tmp_path)


def test_what_arrives_whole_passes_and_is_not_read_twice(
        written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Span, "sha256", lambda self: pytest.fail("it was hashed again"))
    verdict = written.verdict()
    assert verdict.passed
    assert (verdict.sha256, verdict.instances) == (written.sha256, 4)


@pytest.mark.parametrize("region", ["volume name", "directory", "DICOMDIR", "hash list",
                                    "behind a file", "pixels"])
def test_what_arrives_damaged_fails(written: Written, source: tuple[Sandbox, Path, str],
                                    region: str) -> None:
    written.data[places_of(source[1])[region]] ^= 0x10
    assert not written.verdict().passed


@pytest.mark.parametrize("region", ["volume name", "directory", "path table", "system area"])
def test_tables_that_change_after_they_were_read_fail(
        written: Written, source: tuple[Sandbox, Path, str], region: str) -> None:
    at = places_of(source[1])[region]

    def spoil(fd: int, end: int) -> None:
        if end >= len(written.data):
            os.pwrite(fd, bytes((written.data[at] ^ 0x10,)), at)

    assert not written.verdict(spoil).passed


def test_a_file_that_never_arrives_is_not_read_as_zeros(written: Written) -> None:
    """What is judged before it is there would be a hole."""
    seen: list[int] = []

    def slow(fd: int, end: int) -> None:
        seen.append(end)
        if end % (64 * STEP) == 0:
            threading.Event().wait(0.02)

    assert written.verdict(slow).passed
    assert seen[-1] >= len(written.data)


@pytest.mark.parametrize("profile", ["STD-GEN-CD", "STD-GEN-DVD-JPEG"])
def test_an_image_has_its_length_before_it_can_be_opened(
        source: tuple[Sandbox, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        profile: str) -> None:
    """A CD has nothing behind its files; without it they would lie past the end of the image."""
    target, seen = tmp_path / "a.iso", []

    class Noted(Arrival):
        def begin(self, opening: int) -> None:
            seen.append(target.stat().st_size)

    monkeypatch.setattr("mediasvc.work.building.disc_build.JUDGED_MEANWHILE", 0)
    build(source[0], target, disc_instances(tmp_path / "in", [instance()]), tmp_path / "scratch",
          profile=profile, arrival=Noted())
    assert seen == [target.stat().st_size]


def test_who_waits_for_an_image_that_is_given_up_is_told() -> None:
    arrival = Arrival()
    with ThreadPoolExecutor(3) as pool:
        waits: list[Callable[[], object]] = [
            arrival.wait_open, lambda: arrival.wait(5), arrival.wait_whole]
        waiting = [pool.submit(wait) for wait in waits]
        arrival.fail()
        for one in waiting:
            with pytest.raises(StateError):
                one.result()


def test_who_waits_goes_on_when_enough_is_there() -> None:
    arrival = Arrival()
    with ThreadPoolExecutor(2) as pool:
        opened, there = pool.submit(arrival.wait_open), pool.submit(arrival.wait, 5)
        arrival.reached(4)
        assert not opened.done()
        assert not there.done()
        arrival.begin(4)
        opened.result(5)
        assert not there.done()
        arrival.finish("abc")
        there.result(5)
    assert arrival.wait_whole() == "abc"


def test_a_judge_whose_image_is_given_up_ends() -> None:
    def judge(arrival: Arrival, report: Callable[[int, int, str], None]) -> Verdict:
        arrival.wait_open()
        raise AssertionError

    judging = Judging(judge)
    judging.give_up()
    with pytest.raises(StateError):
        judging.verdict(lambda *_: None)
