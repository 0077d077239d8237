"""What check-disc certifies from the bytes alone is what pydicom would have said of them."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit

from mediasvc.errors import DamagedError
from mediasvc.media.checking import check_directory as directories
from mediasvc.media.checking import check_instance as instances
from mediasvc.media.checking.check_directory import Expected, check_directory
from mediasvc.media.checking.check_instance import InstanceCheck, check_instance
from mediasvc.media.checking.plain_instance import SHARE, Plain, Witness
from mediasvc.media.directory import plain_directory
from mediasvc.media.directory.plain_directory import NotPlainError, plain_records
from mediasvc.media.directory.plain_record import plain_record
from mediasvc.model import Finding
from samples.synthesis import instance, study, to_bytes, write_disc

FACTS = ("Modality", "Rows", "ImageType", "PixelSpacing", "ReferencedStudySequence/RetrieveURL")


class Nobody(Witness):
    """Never asks pydicom about what is plain; counts it."""

    plain = 0

    def is_asked(self, plain: Plain) -> bool:
        Nobody.plain += 1
        return False


def spoiled(data: bytes, at_most: int, chance: random.Random) -> bytes:
    """A few bytes between the preamble and ``at_most`` changed, taken out, put in or exchanged."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2))):
        at, other = chance.randrange(120, at_most), chance.randrange(120, at_most)
        kind = chance.random()
        if kind < 0.6:
            made[at] ^= 1 << chance.randrange(8)
        elif kind < 0.8:
            made[at] = chance.choice(b"\0 \\~^=1A\x1b\xff")
        elif kind < 0.9:
            del made[at:at + chance.choice((1, 2, 8))]
        else:
            made[at:at + 8], made[other:other + 8] = made[other:other + 8], made[at:at + 8]
    return bytes(made)


def judged(view: memoryview, expected: Expected | None, keywords: tuple[str, ...],
           witness: Witness | None) -> InstanceCheck | str:
    try:
        return check_instance(view, expected, "extended" if keywords else "none", keywords, witness)
    except DamagedError as error:
        return error.text


def of_disc(folder: Path) -> Iterator[tuple[bytes, Expected]]:
    """Each file that DICOMDIR names, and what it says of it."""
    lines: list[str] = []

    def spool(line: str) -> tuple[int, int]:
        lines.append(line)
        return len(lines) - 1, len(line)

    found = check_directory(memoryview((folder / "DICOMDIR").read_bytes()), spool)
    for file_id, number, _, above in found.places():
        expected = Expected.from_json(json.loads(lines[number]), found.keys_of(above))
        yield (folder / Path(*file_id.split("\\"))).read_bytes(), expected


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "disc"
    inner = Dataset()
    inner.RetrieveURL = "x"
    write_disc(folder, [
        *study(1, 1, count=3), instance(1, 2, modality="MR", ReferencedStudySequence=[inner]),
        instance(1, 3, modality="SR"), instance(1, 4, transfer_syntax=ImplicitVRLittleEndian),
        instance(1, 5, PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")])
    return folder


def test_a_damaged_instance_is_judged_as_pydicom_judges_it(disc: Path) -> None:
    chance, whole = random.Random(4), list(of_disc(disc))
    Nobody.plain = 0
    for data, expected in whole:
        for keywords in ((), FACTS):
            assert judged(memoryview(data), expected, keywords, Nobody()) == judged(
                memoryview(data), expected, keywords, None)
    assert Nobody.plain >= len(whole) - 1  # the name in its record is in UTF-8
    for _ in range(400):
        data, expected = chance.choice(whole)
        view = memoryview(spoiled(data, min(len(data), 1200), chance))
        said, keywords = chance.choice((expected, None)), chance.choice(((), FACTS))
        assert judged(view, said, keywords, Nobody()) == judged(view, said, keywords, None)
    assert Nobody.plain > 4 * len(whole)


def read(data: bytes) -> Any:
    lines: list[str] = []

    def spool(line: str) -> tuple[int, int]:
        lines.append(line)
        return len(lines) - 1, len(line)

    try:
        found = check_directory(memoryview(data), spool)
    except DamagedError as error:
        return error.text
    return (found.file_set_id, found.records, found.findings, found.missing_keys, found.syntaxes,
            found.illegal, [(file_id, lines[number], found.keys_of(above))
                            for file_id, number, _, above in found.places()])


def never(view: memoryview, framing: object) -> Iterator[Any]:
    if framing is not None:
        raise NotPlainError
    yield from ()


def test_a_damaged_directory_is_judged_as_pydicom_judges_it(
        disc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, whole, plain = random.Random(4), (disc / "DICOMDIR").read_bytes(), 0

    def counted(*arguments: Any) -> Iterator[Any]:
        nonlocal plain
        yield from plain_records(*arguments)
        plain += 1

    for number in range(150):
        data = spoiled(whole, len(whole), chance) if number else whole
        monkeypatch.setattr(directories, "plain_records", counted)
        ours = read(data)
        monkeypatch.setattr(directories, "plain_records", never)
        assert ours == read(data)
    assert plain > 10


def test_a_directory_of_undefined_lengths_is_read_plainly(
        disc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom import dcmread, dcmwrite

    data = dcmread(disc / "DICOMDIR")
    data["DirectoryRecordSequence"].is_undefined_length = True
    for item in data.DirectoryRecordSequence:
        item.is_undefined_length_sequence_item = True
    stream = io.BytesIO()
    dcmwrite(stream, data)
    made, ended = stream.getvalue(), []

    def counted(*arguments: Any) -> Iterator[Any]:
        yield from plain_records(*arguments)
        ended.append(True)

    monkeypatch.setattr(directories, "plain_records", counted)
    ours = read(made)
    monkeypatch.setattr(directories, "plain_records", never)
    assert ours == read(made)
    assert ended


def test_pydicom_overrules_a_record_that_it_reads_otherwise(
        disc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (disc / "DICOMDIR").read_bytes()
    right = read(whole)
    monkeypatch.setattr(plain_directory, "plain_record", lambda item, offset: (
        (found := plain_record(item, offset)) and replace(found, sop_instance_uid="1.2.3")))
    assert read(whole) == right


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[InstanceCheck]:
    """What pydicom said, call by call."""
    found: list[InstanceCheck] = []
    judge: Callable[..., InstanceCheck] = instances._judge

    def note(*arguments: Any) -> InstanceCheck:
        found.append(judge(*arguments))
        return found[-1]

    monkeypatch.setattr(instances, "_judge", note)
    return found


def test_pydicom_sees_the_first_of_each_series_and_a_share_of_the_rest(
        asked: list[InstanceCheck]) -> None:
    witness = Witness()
    for series in (1, 2):
        check_instance(memoryview(to_bytes(instance(1, 1, series))), None, witness=witness)
        assert len(asked) == series
    for number in range(2, 202):
        data = to_bytes(instance(1, 1, 1, number, rows=2, columns=2))
        check_instance(memoryview(data), None, witness=witness)
    assert 200 // SHARE // 3 < len(asked) - 2 < 200 // SHARE * 3


def test_what_is_not_plain_is_always_for_pydicom(asked: list[InstanceCheck]) -> None:
    witness = Witness()
    odd = (b"text".ljust(128) + to_bytes(instance(1))[128:],
           to_bytes(instance(1, PatientID="Ä1", SpecificCharacterSet="ISO_IR 100")),
           to_bytes(instance(1, HighBit=3)),
           to_bytes(instance(1, PhotometricInterpretation="CHROME")))
    for data in odd * 2:
        check_instance(memoryview(data), None, witness=witness)
    assert len(asked) == 2 * len(odd)


def test_a_series_of_which_pydicom_thinks_otherwise_is_for_pydicom(
        monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = InstanceCheck("instance", (Finding("error", "rule-p01", "", "odd", "P01"),))
    monkeypatch.setattr(instances, "_judge", lambda *_: trouble)
    witness = Witness()
    for number in range(1, 30):
        data = to_bytes(instance(1, 1, 1, number, rows=2, columns=2))
        assert check_instance(memoryview(data), None, witness=witness) == trouble


def test_frames_without_tables_are_not_plain() -> None:
    """Their tables are looked for in every frame, whoever reads the rest."""
    ds = instance(1, modality="US", rows=8, columns=8)
    frame = bytes(imagecodecs.jpeg8_encode(ds.pixel_array.astype(np.uint8)))
    ds.PixelData = encapsulate([frame])
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data = to_bytes(ds)
    for spoiled_one in (data, data.replace(b"\xff\xc4", b"\xff\xfe")):
        found = check_instance(memoryview(spoiled_one), None, witness=Nobody())
        assert ("R11-6" in {row.rule for row in found.findings}) == (spoiled_one is not data)
