"""Large new files past the page cache: the same bytes, whatever the sizes and the file system."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc import direct_write
from mediasvc.direct_write import BLOCK, BUFFER, FROM, DirectFile, write_direct

EDGES = [0, 1, BLOCK, FROM - 1, FROM, FROM + 1, BUFFER - 1, BUFFER, BUFFER + 1,
         BUFFER + FROM, 2 * BUFFER, 2 * BUFFER + 5]


def written(path: Path, parts: list[bytes]) -> bytes:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        sha256, length = write_direct(fd, parts)
        assert length == sum(map(len, parts)) == path.stat().st_size
        assert sha256 == hashlib.sha256(b"".join(parts)).hexdigest()
    finally:
        os.close(fd)
    return path.read_bytes()


@pytest.mark.parametrize("size", EDGES)
def test_every_size_is_written_exactly(tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert written(tmp_path / "file", [data]) == data


#: Megabytes are written to a disk that others use as well: how long that takes says nothing.
WRITES = settings(deadline=None)


@WRITES
@given(st.lists(st.one_of(st.integers(0, 9000), st.integers(FROM - 9, FROM + 9)), max_size=6))
def test_parts_of_any_size_are_put_together(tmp_path_factory: pytest.TempPathFactory,
                                            sizes: list[int]) -> None:
    parts = [random.Random(size).randbytes(size) for size in sizes]
    assert written(tmp_path_factory.getbasetemp() / "parts", parts) == b"".join(parts)


def test_a_source_that_writes_a_file_of_its_own_does_no_harm(tmp_path: Path) -> None:
    inner, outer = os.urandom(FROM + 5), os.urandom(2 * FROM)

    def parts() -> Iterator[bytes]:
        yield outer[:FROM]
        assert written(tmp_path / "inner", [inner]) == inner
        yield outer[FROM:]

    fd = os.open(tmp_path / "outer", os.O_WRONLY | os.O_CREAT)
    write_direct(fd, parts())
    os.close(fd)
    assert (tmp_path / "outer").read_bytes() == outer


def test_a_file_system_without_direct_writing_gets_plain_writes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETFL and argument & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no")
        return real(fd, command, argument)

    real = fcntl.fcntl
    monkeypatch.setattr(direct_write.fcntl, "fcntl", refuse)
    data = os.urandom(BUFFER + FROM + 3)
    assert written(tmp_path / "file", [data]) == data


@pytest.mark.parametrize("short", [-1, BLOCK, 1000])
def test_a_write_that_is_refused_or_stops_early_goes_on(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int) -> None:
    def halting(fd: int, data: memoryview, offset: int) -> int:
        if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT:
            if short < 0:
                raise OSError(errno.EINVAL, "larger blocks are wanted")
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_WRONLY)
            return real(fd, data[:short], offset)
        return real(fd, data, offset)

    real = os.pwrite
    monkeypatch.setattr(direct_write.os, "pwrite", halting)
    data = os.urandom(BUFFER + FROM + 3)
    assert written(tmp_path / "file", [data]) == data


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(direct_write.os, "pwrite", full)
    with pytest.raises(OSError, match="full"):
        written(tmp_path / "file", [bytes(FROM)])


STEPS = st.lists(st.tuples(
    st.sampled_from(["write", "write", "write", "seek", "end", "read", "flush"]),
    st.one_of(st.integers(0, 9000), st.integers(FROM - 9, 3 * FROM), st.just(BUFFER + 7))),
    max_size=12)


@WRITES
@given(STEPS)
def test_a_file_written_here_and_there_is_what_a_plain_one_would_be(
        tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    path = tmp_path_factory.getbasetemp() / "steps"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    file, plain = DirectFile(fd), io.BytesIO()
    try:
        for number, (what, size) in enumerate(steps):
            if what == "write":
                data = random.Random(number).randbytes(size)
                assert file.write(data) == plain.write(data)
            elif what == "read":
                assert file.read(size) == plain.read(size)
                file.seek(plain.tell())
            elif what == "flush":
                file.flush()
            else:
                place = (0, os.SEEK_END) if what == "end" else (size, os.SEEK_SET)
                assert file.seek(*place) == plain.seek(*place)
            assert file.tell() == plain.tell()
        file.flush()
    finally:
        os.close(fd)
    assert path.read_bytes() == plain.getvalue()
