"""Files of an image are the same bytes, past the page cache and through it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediasvc.direct_write import DirectFile
from mediasvc.errors import DamagedError
from mediasvc.media.iso import image_reader
from mediasvc.media.iso.image_reader import LARGE, RUN, ImageReader, Run, runs
from mediasvc.span import Span

LENGTH = (1 << 20) + 2048 + 7
CONTENT = random.Random(5).randbytes(LENGTH)


@pytest.fixture(params=[True, False], ids=["cached", "not-cached"])
def reader(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
           ) -> Iterator[ImageReader]:
    monkeypatch.setattr(image_reader, "is_cached", lambda span: request.param)
    path = tmp_path / "disc.iso"
    path.write_bytes(CONTENT)
    reader = ImageReader(path)
    yield reader
    reader.close()


@pytest.mark.parametrize(("offset", "length"), [
    (0, LARGE), (0, LARGE - 1), (2048, LARGE + 1), (4095, 300_001), (6144, 3), (0, LENGTH),
    (LENGTH - LARGE - 1, LARGE + 1), (LENGTH - 1, 1), (LENGTH, 0)])
def test_every_file_is_what_lies_in_the_image(
        reader: ImageReader, tmp_path: Path, offset: int, length: int) -> None:
    for _ in range(2):  # memory that was used before
        with reader.view(Span(str(tmp_path / "disc.iso"), offset, length)) as view:
            assert view == CONTENT[offset:offset + length]


def test_what_was_read_beforehand_is_the_same(reader: ImageReader, tmp_path: Path) -> None:
    path, chance = str(tmp_path / "disc.iso"), random.Random(3)
    for _ in range(5):
        spans = [Span(path, at, chance.choice((LARGE, LARGE + 4097, 500, 600_000)))
                 for at in chance.sample(range(400_000), 30)]
        reader.expect(chance.sample(spans, 25))  # others are asked for, and in another order
        for span in spans:
            with reader.view(span) as view:
                assert view == CONTENT[span.offset:span.offset + span.length]


def test_neighbours_are_read_at_once(reader: ImageReader, tmp_path: Path) -> None:
    spans = [Span(str(tmp_path / "disc.iso"), 2048 + number * (LARGE + 2048), LARGE + number)
             for number in range(7)]
    assert list(runs(spans)) == [Run(2048, 2048 + LARGE),
                                 Run(spans[1].offset, spans[-1].offset + LARGE + 6)]
    for _ in range(2):
        reader.expect(spans)
        for span in spans[:1] + spans[2:]:  # who is passed over is not waited for
            with reader.view(span) as view:
                assert view == CONTENT[span.offset:span.offset + span.length]


def test_runs_end_where_neighbours_do_and_stay_short() -> None:
    def of(*places: tuple[int, int]) -> list[Run]:
        return list(runs(Span("disc.iso", offset, length) for offset, length in places))

    assert of((0, LARGE), (LARGE + 4096, LARGE)) == [
        Run(0, LARGE), Run(LARGE + 4096, 2 * LARGE + 4096)]
    assert of((LARGE, LARGE), (0, LARGE)) == [Run(LARGE, 2 * LARGE), Run(0, LARGE)]
    assert of((0, RUN), (RUN, 1)) == [Run(0, RUN), Run(RUN, RUN + 1)]
    assert of((0, 1), (1, LARGE), (LARGE + 1, RUN - LARGE), (RUN + 1, 1)) == [
        Run(0, 1), Run(1, RUN + 1), Run(RUN + 1, RUN + 2)]
    assert of() == []


def test_a_guess_behind_the_end_harms_nobody(reader: ImageReader, tmp_path: Path) -> None:
    path = str(tmp_path / "disc.iso")
    reader.expect([Span(path, 0, LARGE), Span(path, LENGTH - 5, LARGE)])
    with reader.view(Span(path, 0, LARGE)) as view:
        assert view == CONTENT[:LARGE]
    with pytest.raises(DamagedError), reader.view(Span(path, LENGTH - 5, LARGE)):
        pass


def test_a_file_that_an_image_has_only_half_of_is_damaged(
        reader: ImageReader, tmp_path: Path) -> None:
    span = Span(str(tmp_path / "disc.iso"), LENGTH - LARGE, LARGE + 1)
    with pytest.raises(DamagedError), reader.view(span):
        pass


def test_an_image_that_was_just_written_by_the_system_is_in_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "disc.iso"
    path.write_bytes(CONTENT)
    assert image_reader.is_cached(Span.of_file(path))


def test_an_image_that_is_still_written_past_the_memory_is_not_in_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not written yet, the system would give at once, as zeros."""
    path = tmp_path / "disc.iso"
    monkeypatch.setattr(image_reader, "is_in_memory", lambda fd, at: at >= 2 * LARGE)
    with path.open("x+b") as file:
        direct = DirectFile(file.fileno())
        direct.truncate(64 * LARGE)
        direct.write(bytes(2 * LARGE))
        direct.flush()
        assert path.stat().st_size == 64 * LARGE
        assert not image_reader.is_cached(Span(str(path), 2048, LARGE))
