"""What was handed over is written in order and hashed, and an error of the disk is not lost."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from mediasvc.direct_write import BUFFER, DirectFile
from mediasvc.errors import DamagedError
from mediasvc.media.iso.write_behind import WriteBehind
from mediasvc.span import Span


def test_parts_of_any_size_are_written_in_order() -> None:
    chance = random.Random(7)
    parts = [os.urandom(chance.choice((0, 1, 1000, BUFFER - 1, BUFFER, 1 << 20)))
             for _ in range(40)]
    target = io.BytesIO()
    with WriteBehind(target) as out:
        for part in parts:
            out.write(part)
    assert target.getvalue() == b"".join(parts)
    assert out.written == len(target.getvalue())
    assert out.sha256 == hashlib.sha256(target.getvalue()).hexdigest()


def test_runs_of_files_are_read_to_where_they_are_written_from(tmp_path: Path) -> None:
    chance = random.Random(8)
    data = os.urandom(3 * BUFFER)
    (tmp_path / "in").write_bytes(data)
    expected, steps = b"head", []
    with (tmp_path / "out").open("x+b", buffering=0) as file:
        target = DirectFile(file.fileno())
        with WriteBehind(cast("BinaryIO", target)) as out:
            out.write(b"head")
            for _ in range(30):
                start = chance.randrange(len(data))
                length = min(chance.choice((0, 1, 4096, 500_000, BUFFER + 1)), len(data) - start)
                out.copy(Span(str(tmp_path / "in"), start, length), lambda: steps.append(1))
                expected += data[start:start + length]
        target.flush()
    assert (tmp_path / "out").read_bytes() == expected
    assert out.written == len(expected)
    assert out.sha256 == hashlib.sha256(expected).hexdigest()
    assert len(steps) >= 20


def test_a_file_that_became_shorter_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"short")
    with pytest.raises(DamagedError), WriteBehind(io.BytesIO()) as out:
        out.copy(Span(str(tmp_path / "in"), 0, 6))


class Full(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "full")


def test_a_full_disk_stops_the_writing() -> None:
    with pytest.raises(OSError, match="full"), WriteBehind(Full()) as out:
        for _ in range(20):
            out.write(bytes(BUFFER))


def test_a_small_image_on_a_full_disk_fails_at_the_end() -> None:
    with pytest.raises(OSError, match="full"), WriteBehind(Full()) as out:
        out.write(b"small")


def test_who_breaks_off_waits_for_nobody() -> None:
    with pytest.raises(KeyError), WriteBehind(Full()) as out:
        out.write(bytes(BUFFER))
        raise KeyError
