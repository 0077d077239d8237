"""The fast scan of a header says what the full reading says, whatever the file is."""

from __future__ import annotations

import os
import random
import struct
import threading
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from mediasvc.dicom import header as header_module
from mediasvc.dicom.framing import NotDicomError, read_framing
from mediasvc.dicom.header import read_header, scan
from mediasvc.errors import DamagedError
from mediasvc.model import InstanceHeader
from mediasvc.span import Span
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, NUMBERS
from samples.synthesis import instance, to_bytes
from tests.raw_elements import ct_file, element, encapsulated, file_meta, item, sequence, text

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
            "1.2.840.10008.1.2.1.99"]


def slowly(data: bytes) -> InstanceHeader | None:
    """Value by value, without the compiled short cut."""
    try:
        return read_header(replace(read_framing(memoryview(data)), odd=True))
    except NotDicomError:
        return None


def scanned(data: bytes, folder: Path) -> InstanceHeader:
    """The scan of a file, after the full reading was seen to agree."""
    path = folder / "file"
    path.write_bytes(data)
    header = scan(path)
    assert header == slowly(data)
    assert header is not None
    return header


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("modality", ["CT", "US", "CINE", "SR", "ECG", "RTDOSE"])
def test_the_header_holds_what_pydicom_reads(modality: str, syntax: str, tmp_path: Path) -> None:
    written = instance(modality=modality, transfer_syntax=syntax)
    header = scanned(to_bytes(written), tmp_path)
    for attribute in HEADER_ATTRIBUTES:
        keyword = pydicom.datadict.keyword_for_tag(attribute.tag)
        value = written.get(keyword)
        expected = value if value is not None else (0 if attribute.field in NUMBERS else "")
        if attribute.field in NUMBERS:
            assert getattr(header, attribute.field) == int(expected), attribute.field
        else:
            assert getattr(header, attribute.field) == str(expected), attribute.field
    assert header.transfer_syntax_uid == syntax and not header.uncertain_text


def test_every_header_field_is_read_from_an_attribute() -> None:
    fields = set(InstanceHeader.__dataclass_fields__)
    read = {attribute.field for attribute in HEADER_ATTRIBUTES}
    assert fields == read | {"transfer_syntax_uid", "uncertain_text"}
    assert [a.tag for a in HEADER_ATTRIBUTES] == sorted(a.tag for a in HEADER_ATTRIBUTES)


def test_a_plain_file_is_read_from_its_first_bytes_only(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plain.dcm"
    path.write_bytes(to_bytes(instance(rows=512, columns=512)))
    reads: list[int] = []
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        reads.append(size)
        return real(fd, size, offset)

    monkeypatch.setattr(header_module.os, "pread", pread)
    header = scan(path)
    assert header is not None and header.rows == 512 and reads == [16 << 10]


@pytest.mark.parametrize("size", [20_000, 400_000, 6_000_000])
def test_a_header_that_stands_further_on_is_found(size: int, tmp_path: Path) -> None:
    long = {0x00091001: element(0x00091001, "OB", bytes(size))}
    assert scanned(ct_file(long), tmp_path).rows == 4
    items = sequence(0x00081140, *[item(undefined=True)] * (size // 16), undefined=True)
    assert scanned(ct_file({0x00081140: items}), tmp_path).rows == 4


def test_a_span_inside_a_larger_file_is_scanned(tmp_path: Path) -> None:
    data = ct_file()
    path = tmp_path / "disc.iso"
    path.write_bytes(b"x" * 2048 + data + ct_file(behind=b"y" * 999))
    header = scan(Span(str(path), 2048, len(data)))
    assert header == slowly(data)


def test_what_is_not_dicom_has_no_header(tmp_path: Path) -> None:
    for data in (b"", b"text", bytes(500), b"DICM" * 30):
        path = tmp_path / "other"
        path.write_bytes(data)
        assert scan(path) is None


def test_a_fifo_or_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "real").write_bytes(ct_file())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(DamagedError):
        scan(tmp_path / "fifo")
    with pytest.raises(OSError):
        scan(tmp_path / "link")


ODD = [
    ct_file({0x00280010: element(0x00280010, "UL", struct.pack("<I", 70_000))}),
    ct_file({0x00280010: element(0x00280010, "US", struct.pack("<HH", 4, 5))}),
    ct_file({0x00280010: element(0x00280010, "US", b"\1")}),
    ct_file({0x00280010: element(0x00280010, "OB", b"\1\0")}),
    ct_file({0x00280010: element(0x00280010, "US", b"")}),
    ct_file({0x00280008: text(0x00280008, "IS", "12\\13")}),
    ct_file({0x00280008: text(0x00280008, "IS", "+7")}),
    ct_file({0x00280008: text(0x00280008, "IS", " 7 ")}),
    ct_file({0x00280008: text(0x00280008, "IS", "1 2")}),
    ct_file({0x00280008: text(0x00280008, "IS", "-1")}),
    ct_file({0x00280008: text(0x00280008, "IS", "seven")}),
    ct_file({0x00280008: text(0x00280008, "IS", "9" * 60)}),
    ct_file({0x00280008: text(0x00280008, "IS", "")}),
    ct_file({0x00280008: text(0x00280008, "DS", "3")}),
    ct_file({0x00100010: text(0x00100010, "PN", "A" * 5000)}),
    ct_file({0x00100010: text(0x00100010, "PN", b"A\0B")}),
    ct_file({0x00100010: text(0x00100010, "PN", b"\x1b$B")}),
    ct_file({0x00100010: text(0x00100010, "PN", b"M\xfcller"),
             0x00080005: text(0x00080005, "CS", "ISO_IR 100")}),
    ct_file({0x00100020: text(0x00100020, "LO", b"  P1\0\0")}),
    ct_file({0x00100020: text(0x00100020, "LO", "P1") + text(0x00100020, "LO", "P2")}),
    ct_file({0x00100030: text(0x00180015, "CS", "HEAD") + text(0x00100030, "DA", "20000101")}),
    ct_file({0x00081140: sequence(0x00081140, item(text(0x00100020, "LO", "INNER")))}),
    ct_file({0x00880200: sequence(0x00880200, item(encapsulated(b"icon")), undefined=True)}),
    ct_file({0x00091001: sequence(0x00091001, item(text(0x00100020, "LO", "X", implicit=True)),
                                  undefined=True, vr="UN")}),
    ct_file(meta=file_meta()[12:]),
    ct_file(meta=file_meta(syntax="")),
    ct_file(meta=file_meta(syntax="1.2.840.10008.1.2")),
    ct_file(meta=file_meta(syntax="1.2.3.4.5")),
    ct_file(behind=b"MZ and more"),
    ct_file(preamble=b"MZ"),
    ct_file()[:-20],
    ct_file()[:400],
]


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_odd_files_have_the_same_header_both_ways(data: bytes, tmp_path: Path) -> None:
    scanned(data, tmp_path)


def test_numbers_that_are_none_are_zero_and_texts_are_cut(tmp_path: Path) -> None:
    assert scanned(ODD[10], tmp_path).number_of_frames == 0
    assert scanned(ODD[5], tmp_path).number_of_frames == 12
    assert scanned(ODD[2], tmp_path).rows == 0
    assert len(scanned(ODD[14], tmp_path).patient_name) == 3000
    assert scanned(ODD[18], tmp_path).patient_id == "P1"
    assert scanned(ODD[17], tmp_path).patient_name == "Müller"


def test_any_cut_and_any_flipped_byte_gives_the_same_both_ways_or_nothing(tmp_path: Path) -> None:
    """Where the scan may stop early it never sees faults further on; what it reads is the same."""
    data, dice = to_bytes(instance(charset="ISO_IR 100")), random.Random(3)
    path = tmp_path / "file"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert scan(path) == slowly(data[:length])
    for _ in range(300):
        flipped = bytearray(data)
        flipped[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(flipped)
        scan(path)


def test_threads_do_not_mix_their_headers(tmp_path: Path) -> None:
    paths = []
    for number in range(1, 5):
        path = tmp_path / str(number)
        path.write_bytes(to_bytes(instance(patient=number)))
        paths.append(path)
    wrong: list[str] = []

    def work(number: int) -> None:
        for _ in range(200):
            header = scan(paths[number - 1])
            if header is None or header.patient_id != f"P{number:04d}":
                wrong.append(str(header))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_real_files_have_the_same_header_both_ways(real_data: Path) -> None:
    for path in sorted(real_data.rglob("*")):
        if path.is_file():
            assert scan(path) == slowly(path.read_bytes()), path
