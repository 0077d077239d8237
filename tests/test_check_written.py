"""The check of an export trusts the hash of what it handed to the disk, and no byte goes unseen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mediasvc.media.checking.verdict import Verdict
from mediasvc.media.iso.arrival import Arrival
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.work.check_disc import check_disc
from samples.synthesis import instance, study
from tests.disc_things import build, disc_instances, new_sandbox
from tests.test_verdict import places_of

SECTOR = 2048
ROUNDS = 24


@dataclass(frozen=True)
class Image:
    """An image as it was meant to be, with its hash."""

    sandbox: Sandbox
    path: Path
    sha256: str

    def spoiled(self, folder: Path, change: Callable[[bytearray], object]) -> Verdict:
        """Of a copy that was changed after its hash was taken."""
        data = bytearray(self.path.read_bytes())
        change(data)
        folder.mkdir(exist_ok=True)
        copy = folder / "a.iso"
        copy.write_bytes(data)
        return check_disc(copy, self.sandbox, Limits(), profile="STD-GEN-CD",
                          arrival=Arrival.of(self.sha256))


@pytest.fixture(scope="module", params=["STD-GEN-CD", "STD-GEN-DVD-JPEG"])
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
          ) -> Iterator[Image]:
    folder = tmp_path_factory.mktemp("written")
    made = disc_instances(folder / "in", [*study(1, 1, count=2), instance(1, 1, 2, modality="SR")])
    with new_sandbox() as sandbox:
        built = build(sandbox, folder / "a.iso", made, folder / "scratch", profile=request.param)
        yield Image(sandbox, folder / "a.iso", built.sha256)


def test_an_image_that_is_whole_is_not_read_twice(image: Image, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Span, "sha256", lambda self: pytest.fail("it was hashed again"))
    verdict = image.spoiled(tmp_path, lambda data: None)
    assert {result.rule.id for result in verdict.failed} <= {"R12-3"}
    assert verdict.sha256 == image.sha256
    monkeypatch.undo()
    assert Span.of_file(image.path).sha256() == image.sha256


def flipping(at: int, bits: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[at] ^= bits
    return change


@pytest.mark.parametrize("region", [
    "volume name", "volume date", "path table", "directory", "system area", "DICOMDIR", "page",
    "hash list", "behind a file", "pixels"])
def test_a_byte_that_differs_from_what_was_written_fails(image: Image, tmp_path: Path,
                                                         region: str) -> None:
    at = places_of(image.path)[region]
    verdict = image.spoiled(tmp_path, flipping(at, 0x10))
    assert not verdict.passed
    assert {result.rule.id for result in verdict.failed} & {"N7", "M00", "M30"}


def test_no_bit_anywhere_goes_unseen(image: Image, tmp_path: Path) -> None:
    chance, size = random.Random(7), image.path.stat().st_size
    for number in range(ROUNDS):
        at, bit = chance.randrange(16 * SECTOR * (number % 2), size), 1 << chance.randrange(8)
        verdict = image.spoiled(tmp_path / str(number), flipping(at, bit))
        assert not verdict.passed, (at, bit)


def used(data: bytearray) -> list[int]:
    """Where sectors begin that are not all zeros."""
    return [at for at in range(20 * SECTOR, len(data), SECTOR) if any(data[at:at + SECTOR])]


def exchanged(data: bytearray) -> None:
    """Two sectors in each other's place, as a disk that mixes up its blocks would have it."""
    places = used(data)
    first, last = places[len(places) // 2], places[-3]
    assert data[first:first + SECTOR] != data[last:last + SECTOR]
    data[first:first + SECTOR], data[last:last + SECTOR] = (
        data[last:last + SECTOR], data[first:first + SECTOR])


def emptied(data: bytearray) -> None:
    at = used(data)[-5]
    data[at:at + SECTOR] = bytes(SECTOR)


@pytest.mark.parametrize("change", [
    exchanged, emptied, lambda data: data.extend(bytes(SECTOR)),
    lambda data: data.__delitem__(slice(-SECTOR, None))],
    ids=["sectors exchanged", "sector lost", "longer", "shorter"])
def test_what_a_disk_may_make_of_it_fails(image: Image, tmp_path: Path,
                                          change: Callable[[bytearray], object]) -> None:
    assert not image.spoiled(tmp_path, change).passed
