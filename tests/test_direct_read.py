"""What is read past the page cache is what stands in the file, whoever else reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mediasvc.errors import DamagedError
from mediasvc.media.direct_read import FROM, DirectReader
from mediasvc.span import Span


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(os.urandom(3 << 20))
    return path


@pytest.mark.parametrize(("offset", "length"), [
    (0, FROM), (2048, FROM + 1), (100, 2 << 20), ((3 << 20) - FROM - 7, FROM + 7), (5, 10), (0, 0)])
def test_any_part_of_a_file_is_read(file: Path, offset: int, length: int) -> None:
    reader = DirectReader()
    with reader.view(Span(str(file), offset, length)) as view:
        assert bytes(view) == file.read_bytes()[offset:offset + length]


def test_a_file_that_ends_early_is_damaged(file: Path) -> None:
    with (pytest.raises(DamagedError),
          DirectReader().view(Span(str(file), 2 << 20, 2 << 20))):
        pass


def test_two_forks_do_not_share_what_they_read(file: Path) -> None:
    reader = DirectReader()
    with reader.view(Span(str(file), 0, FROM)) as view:
        before = bytes(view)
        child = os.fork()
        if not child:
            with reader.view(Span(str(file), 1 << 20, FROM)):
                os._exit(0)
        os.waitpid(child, 0)
        assert bytes(view) == before
