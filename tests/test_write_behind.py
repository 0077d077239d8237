"""What was handed over is written in order and hashed, and an error of the disk is not lost."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random

import pytest

from mediasvc.media.write_behind import JOINED, WriteBehind


def test_parts_of_any_size_are_written_in_order() -> None:
    chance = random.Random(7)
    parts = [os.urandom(chance.choice((0, 1, 1000, JOINED - 1, JOINED, 1 << 20)))
             for _ in range(60)]
    target = io.BytesIO()
    with WriteBehind(target) as out:
        for part in parts:
            out.write(part)
    assert target.getvalue() == b"".join(parts)
    assert out.written == len(target.getvalue())
    assert out.sha256 == hashlib.sha256(target.getvalue()).hexdigest()


class Full(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "full")


def test_a_full_disk_stops_the_writing() -> None:
    with pytest.raises(OSError, match="full"), WriteBehind(Full()) as out:
        for _ in range(100):
            out.write(bytes(JOINED))


def test_a_small_image_on_a_full_disk_fails_at_the_end() -> None:
    with pytest.raises(OSError, match="full"), WriteBehind(Full()) as out:
        out.write(b"small")


def test_who_breaks_off_waits_for_nobody() -> None:
    with pytest.raises(KeyError), WriteBehind(Full()) as out:
        out.write(bytes(JOINED))
        raise KeyError
