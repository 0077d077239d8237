"""Many frames: in order, a few at a time, in several threads where that helps."""

from __future__ import annotations

import errno
import mmap
import os
import threading
import time
from pathlib import Path

import pytest

from mediasvc.dicom.pieces import assemble
from mediasvc.errors import UnsupportedError
from mediasvc.span import Span
from mediasvc.work.transcode import transcode_instance
from mediasvc.work.transcoding.transcode_file import transcode_files
from mediasvc.work.transcoding.transcode_row import Options
from mediasvc.work.turns.in_order import COPIES, UNDER_WAY, in_order, threads_for
from mediasvc.work.turns.mapped import STEP, give_back, in_steps
from samples.synthesis import instance, to_bytes


@pytest.mark.parametrize(("wanted", "frames", "frame_bytes", "threads"), [
    (8, 100, 1 << 20, 8), (8, 3, 1 << 20, 3), (1, 100, 1 << 20, 1), (8, 0, 0, 1),
    (8, 100, UNDER_WAY // COPIES // 2, 2), (8, 100, 1 << 30, 1)])
def test_threads_are_as_many_as_memory_and_frames_allow(wanted: int, frames: int, frame_bytes: int,
                                                        threads: int) -> None:
    assert threads_for(wanted, frames, frame_bytes) == threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_frames_come_in_their_order_and_only_a_few_wait(threads: int) -> None:
    started, lock = [0], threading.Lock()

    def work(number: int) -> int:
        with lock:
            started[0] += 1
        time.sleep(0.002 * (number % 3))
        return number

    for taken, number in enumerate(in_order(work, range(40), threads)):
        assert number == taken
        assert started[0] <= taken + 1 + 2 * threads


def test_a_frame_that_fails_ends_the_rest() -> None:
    def work(number: int) -> int:
        if number == 7:
            raise UnsupportedError("no")
        return number

    frames = in_order(work, range(1000), 3)
    assert [next(frames) for _ in range(7)] == list(range(7))
    with pytest.raises(UnsupportedError):
        next(frames)


def test_threads_change_nothing_in_the_result() -> None:
    data = memoryview(to_bytes(instance(modality="CINE", rows=40, columns=50, frames=25)))
    files = [b"".join(assemble(data, transcode_instance(
        data, "jls", Options(threads=threads)).pieces)) for threads in (1, 4)]
    assert files[0] == files[1]


def test_pages_that_are_given_back_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 400)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        part = view[5000:90_000]
        before = bytes(part)
        give_back(part)
        assert bytes(part) == before and b"".join(in_steps([part])) == before
        part.release()
        view.release()
    give_back(b"in memory")


def test_steps_are_no_longer_than_said() -> None:
    steps = list(in_steps([memoryview(bytes(STEP + 1)), memoryview(b"ab")]))
    assert list(map(len, steps)) == [STEP, 1, 2]


def test_what_a_dead_child_left_is_written_anew_and_one_failure_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(to_bytes(instance(rows=32, columns=32)))
    (tmp_path / "bad").write_bytes(b"nothing")
    (tmp_path / "new").write_bytes(b"half of a file")
    items = [{"span": Span.of_file(tmp_path / name).as_json(), "out": str(tmp_path / out)}
             for name, out in (("good", "new"), ("bad", "other"))]
    good, bad = transcode_files(items, "jls", Options().as_json())
    assert good["length"] == (tmp_path / "new").stat().st_size and good["proof"]
    assert bad["error"] == "NotDicomError" and not (tmp_path / "other").exists()


def test_a_full_disk_is_what_fails_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "in").write_bytes(to_bytes(instance(rows=32, columns=32)))
    monkeypatch.setattr(os, "write", full)
    (row,) = transcode_files([{"span": Span.of_file(tmp_path / "in").as_json(),
                               "out": str(tmp_path / "out")}], "jls", Options().as_json())
    assert row == {"error": "StorageError",
                   "text": "it cannot be written (No space left on device)"}
