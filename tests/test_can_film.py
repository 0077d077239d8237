"""Whether videos are made is no reason for a disc to fail."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from mediasvc.work.rendering import render_ffmpeg


@pytest.fixture
def unknown() -> Iterator[None]:
    """Nobody has asked yet, and nobody believes what was said here."""
    render_ffmpeg.can_film.cache_clear()
    yield
    render_ffmpeg.can_film.cache_clear()


@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize("error", [subprocess.TimeoutExpired("ffmpeg", 60), OSError("no memory")])
def test_an_ffmpeg_that_does_not_answer_makes_no_videos(
        error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: Any, **options: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(render_ffmpeg.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(render_ffmpeg.subprocess, "run", run)
    assert render_ffmpeg.can_film() == "ffmpeg does not answer here"
