"""Damaged containers by the thousand: our own errors, findings, or the right bytes; in no time.

``MEDIASVC_TEST_FLIPS=10000 pytest tests/test_package_fuzz.py`` runs the long campaign.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_media import SP, ZipItem, encrypted_item, image, nm, px, zip_bytes

from mediasvc.errors import MediasvcError
from mediasvc.media.package import open_package
from mediasvc.media.structure import structure
from mediasvc.settings import MIB, Limits

FLIPS = int(os.environ.get("MEDIASVC_TEST_FLIPS", "300"))
LIMITS = Limits(entries=200, package_bytes=MIB, member_bytes=MIB)
SECONDS_EACH = 2.0

INNER = zip_bytes(ZipItem(b"IM5", b"five"))
ZIP = zip_bytes(
    ZipItem(b"DICOM/IM1", b"one" * 50), ZipItem(b"IM2", b"two", method=0),
    encrypted_item(b"IM3", b"three", b"pw"), ZipItem(b"IM4", b"4", flags=8),
    ZipItem(b"in.zip", INNER))
FILES = {"DICOMDIR": b"directory", "DICOM/IM1": b"one" * 1000, "DICOM/IM2": b"two",
         "DICOM/SE1/IM3": b"three", "IN.ZIP": INNER}
ISO = image(FILES, joliet={f"long {name}": data for name, data in FILES.items()}).bytes()
ROCK = image(FILES, system_use={"/": SP, "DICOM/IM1": nm(b"first") + px(0o100644)}).bytes()


def mutants(whole: bytes, seed: int, first: int, count: int) -> Iterator[bytes]:
    """``count`` damaged copies; most flips fall on bytes from ``first`` on that say something."""
    chance = random.Random(seed)
    spots = [at for at in range(first, len(whole)) if whole[at] and whole[at] != whole[at - 1]]
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 1, 3, 20))):
            at = chance.choice([chance.choice(spots), chance.randrange(first, len(data))])
            data[at] = chance.choice((0, 1, 255, chance.randrange(256), data[at] ^ 1))
        if chance.random() < 0.1:
            del data[chance.randrange(first, len(data)):]
        yield bytes(data)


def read_all(path: Path) -> tuple[str, list[bytes], int]:
    """(kind, contents that could be read, findings) of a package that may refuse anything."""
    with open_package(path, LIMITS, scratch=path.parent / "scratch", password="pw") as package:
        read = []
        for member in package.members():
            assert member.label.isprintable()
            try:
                read.append(b"".join(package.span(member).chunks()))
                assert len(read[-1]) == member.length
            except MediasvcError:
                pass
        return package.kind, read, len(package.findings)


@pytest.mark.parametrize(("name", "whole", "first"), [
    ("zip", ZIP, 0), ("iso", ISO, 16 * 2048), ("rock", ROCK, 16 * 2048)])
def test_any_damaged_byte_gives_findings_or_our_errors_and_never_wrong_bytes(
        tmp_path: Path, name: str, whole: bytes, first: int) -> None:
    path = tmp_path / "drop"
    path.write_bytes(whole)
    _, good, _ = read_all(path)
    assert len(good) == 5
    for data in mutants(whole, 20, first, FLIPS):
        path.write_bytes(data)
        start = time.monotonic()
        structure(path)
        try:
            kind, read, findings = read_all(path)
        except MediasvcError:
            continue
        finally:
            assert time.monotonic() - start < SECONDS_EACH
        if kind == "zip" and not findings:
            assert set(read) <= set(good)
