"""A span knows whether its bytes are still those that were hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from mediasvc.span import Span


def sealed(path: Path) -> tuple[Span, str]:
    span = Span.of_file(path)
    with span.view() as view:
        return Span.from_json(span.sealed(view).as_json()), hashlib.sha256(view).hexdigest()


def still_holds(span: Span, sha256: str) -> bool:
    with span.view() as view:
        return span.holds(view, sha256)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 1003])
def test_untouched_bytes_need_no_second_hash(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    span, _ = sealed(path)
    assert still_holds(span, "not asked for")


def test_a_file_changed_under_its_old_times_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"patient A" * 100)
    span, sha256 = sealed(path)
    times = path.stat()
    path.write_bytes(b"patient B" * 100)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not still_holds(span, sha256)


def test_a_copy_of_the_same_bytes_is_hashed_and_believed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"patient A" * 100)
    span, sha256 = sealed(path)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    assert still_holds(span, sha256)
    assert not still_holds(span, "0" * 64)


def test_a_medium_that_reads_differently_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"patient A" * 100)
    span, sha256 = sealed(path)
    assert not span.holds(memoryview(b"patient a" + b"patient A" * 99), sha256)
