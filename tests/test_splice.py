"""Changed elements get new bytes, all others stay as received, and everything can be undone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encode import encode_elements
from mediasvc.dicom.framing import Framing, is_dicom, read_framing
from mediasvc.dicom.pieces import CARRY_LIMIT, assemble
from mediasvc.dicom.splice import (
    Change,
    Copy,
    Cut,
    Insert,
    inverse,
    pack,
    plan,
    rewrite_deflated,
    unpack,
    write,
)
from mediasvc.dicom.text import decode
from mediasvc.errors import DamagedError, UnsupportedError
from samples.synthesis import instance, to_bytes
from tests.raw_elements import ct, ct_file, element, file_meta, part10, text

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
META = Encoding(implicit=False, big_endian=False)


def join(data: bytes | memoryview, pieces: Iterable[Copy | Insert | Cut]) -> bytes:
    return b"".join(assemble(memoryview(data), pieces))


def changed(data: bytes, *changes: Change) -> bytes:
    """The changed file, after its undoing was seen to give the received bytes."""
    framing = read_framing(memoryview(data))
    pieces = plan(framing, len(data), changes)
    made = join(data, pieces)
    back = unpack(pack(inverse(pieces)))
    assert join(made, back) == data
    return made


def raw_elements(framing: Framing) -> dict[int, bytes]:
    starts = [*framing.elements["start"].tolist(), framing.end]
    return {tag: bytes(framing.body[start:end]) for tag, start, end in zip(
        framing.elements["tag"].tolist(), starts, starts[1:], strict=False)}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("modality", ["CT", "CINE", "SR"])
def test_without_changes_the_file_is_copied_whole(modality: str, syntax: str) -> None:
    data = to_bytes(instance(modality=modality, transfer_syntax=syntax))
    assert plan(read_framing(memoryview(data)), len(data), ()) == (Copy(0, len(data)),)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_only_the_changed_elements_change(draw: st.DataObject) -> None:
    syntax = draw.draw(st.sampled_from(SYNTAXES))
    data = to_bytes(instance(modality=draw.draw(st.sampled_from(["CT", "US", "SR", "PR"])),
                             transfer_syntax=syntax))
    framing = read_framing(memoryview(data))
    encoding = Encoding(framing.implicit, framing.big_endian)
    tags = framing.elements["tag"].tolist()
    new = st.integers(0x00090010, 0x0009FFFE) | st.sampled_from([*tags, 0x00080000, 0xFFFCFFFC])
    values = st.none() | st.binary(max_size=40)
    orders = draw.draw(st.dictionaries(new, values, max_size=6))
    changes = {tag: None if value is None else encoding.element(tag, "UN", value)
               for tag, value in orders.items()}
    made = changed(data, *(Change(tag, raw) for tag, raw in changes.items()))
    after = raw_elements(read_framing(memoryview(made)))
    expected = raw_elements(framing)
    expected.update({tag: raw for tag, raw in changes.items() if raw is not None})
    assert after == {tag: expected[tag] for tag in sorted(expected)
                     if changes.get(tag, b"") is not None}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_was_spliced_is_what_pydicom_reads(syntax: str, tmp_path: Path) -> None:
    data = to_bytes(instance(transfer_syntax=syntax))
    framing = read_framing(memoryview(data))
    local = Dataset()
    local.PatientName, local.PatientID = "Neu^Name", "L1"
    local.OtherPatientIDsSequence = Sequence([Dataset()])
    local.OtherPatientIDsSequence[0].PatientID = "OLD"
    local.SmallestImagePixelValue = 5
    local.PixelRepresentation = 0
    encoded = encode_elements(local, implicit=framing.implicit, big_endian=framing.big_endian,
                              charset="ISO_IR 100")
    made = changed(data, *(Change(tag, raw) for tag, raw in encoded.items()),
                   Change(0x00080090, None))
    path = tmp_path / "made.dcm"
    path.write_bytes(made)
    read, was = pydicom.dcmread(path), pydicom.dcmread(_written(tmp_path, data))
    assert read.PatientName == "Neu^Name" and read.PatientID == "L1"
    assert read.OtherPatientIDsSequence[0].PatientID == "OLD"
    assert read.SmallestImagePixelValue == 5 and "ReferringPhysicianName" not in read
    assert read.PixelData == was.PixelData and read.file_meta == was.file_meta
    assert [element.tag for element in read] == sorted(element.tag for element in read)


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "was.dcm"
    path.write_bytes(data)
    return path


def test_file_meta_are_changed_and_their_length_put_right() -> None:
    data = ct_file()
    made = changed(data, Change(0x00020013, META.element(0x00020013, "SH", b"MEDIASVC")),
                   Change(0x00020010, META.element(0x00020010, "UI", b"1.2.840.10008.1.2.4.50")))
    framing = read_framing(memoryview(made))
    assert framing.transfer_syntax_uid == "1.2.840.10008.1.2.4.50"
    assert list(framing.meta) == sorted(framing.meta) and not framing.findings
    assert framing.value(0x00020013) == b"MEDIASVC"
    assert made.endswith(b"".join(ct().values()))


@pytest.mark.parametrize("meta", [
    file_meta()[12:], file_meta()[:8] + b"\7\0\0\0" + file_meta()[12:], file_meta(syntax=""),
    file_meta(sop_class="", sop_instance="", syntax="")])
def test_wrong_or_missing_meta_elements_are_put_right(meta: bytes) -> None:
    framing = read_framing(memoryview(changed(part10(*ct().values(), meta=meta))))
    assert not framing.findings
    assert framing.meta_uid(0x00020003) == "1.2.3.4"
    assert framing.meta_uid(0x00020010) == "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("form", [{}, {"implicit": True}, {"big": True}])
def test_a_file_without_header_gets_one(form: dict[str, bool]) -> None:
    body = b"".join(ct(**form).values())
    made = changed(body)
    assert made[:132] == bytes(128) + b"DICM" and made.endswith(body)
    framing = read_framing(memoryview(made))
    assert framing.kind == "part10" and not framing.findings
    assert framing.meta_uid(0x00020002) == "1.2.840.10008.5.1.4.1.1.2"


def test_file_meta_without_preamble_keep_their_elements() -> None:
    made = changed(file_meta() + b"".join(ct().values()))
    assert made == ct_file()


def test_group_lengths_of_changed_groups_are_removed_and_others_stay() -> None:
    lengths = {place: element(place, "UL", b"\x10\0\0\0")
               for place in (0x00080000, 0x00100000, 0x00280000)}
    data = ct_file(lengths)
    made = changed(data, Change(0x00100020, text(0x00100020, "LO", "P2")))
    tags = read_framing(memoryview(made)).index
    assert 0x00100000 not in tags and 0x00080000 in tags and 0x00280000 in tags
    with_end = ct_file({0x00080001: element(0x00080001, "UL", b"\x10\0\0\0")})
    assert 0x00080001 not in read_framing(memoryview(changed(
        with_end, Change(0x00100020, None)))).index
    assert changed(with_end) == with_end


def test_bytes_behind_the_data_set_and_out_of_order_elements_stay() -> None:
    data = ct_file({0x00100030: text(0x00180015, "CS", "HEAD") + text(0x00100030, "DA", "")},
                   behind=bytes(11))
    made = changed(data, Change(0x00100040, text(0x00100040, "CS", "F")))
    assert made.endswith(bytes(11))
    assert text(0x00180015, "CS", "HEAD") + text(0x00100030, "DA", "") in made


def test_a_deflated_data_set_is_only_rewritten_whole() -> None:
    deflated = "1.2.840.10008.1.2.1.99"
    data = to_bytes(instance(transfer_syntax=deflated))
    framing = read_framing(memoryview(data))
    order = Change(0x00100020, text(0x00100020, "LO", "NEW"))
    with pytest.raises(UnsupportedError):
        plan(framing, len(data), [order])
    meta_only = changed(data, Change(0x00020013, META.element(0x00020013, "SH", b"M1")))
    assert read_framing(memoryview(meta_only)).body == framing.body
    again = read_framing(memoryview(rewrite_deflated(framing, [order])))
    assert again.transfer_syntax_uid == deflated and not again.findings
    assert again.value(0x00100020) == b"NEW "
    others = raw_elements(framing)
    assert {**others, 0x00100020: order.element} == raw_elements(again)


def test_a_damaged_file_is_not_changed() -> None:
    data = ct_file()[:-1]
    with pytest.raises(DamagedError):
        plan(read_framing(memoryview(data)), len(data), ())


def test_large_pixel_data_are_not_carried_along() -> None:
    pixels = element(0x7FE00010, "OW", bytes(CARRY_LIMIT))
    data = ct_file({0x7FE00010: pixels})
    pieces = plan(read_framing(memoryview(data)), len(data),
                  [Change(0x7FE00010, element(0x7FE00010, "OW", b"1234"))])
    assert join(data, pieces).endswith(b"1234")
    with pytest.raises(UnsupportedError):
        inverse(pieces)


def test_pieces_are_written_with_their_digest(tmp_path: Path) -> None:
    data = ct_file()
    pieces = plan(read_framing(memoryview(data)), len(data),
                  [Change(0x00100020, text(0x00100020, "LO", "P2"))])
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        digest, length = write(memoryview(data), pieces, fd)
    finally:
        os.close(fd)
    made = path.read_bytes()
    assert made == join(data, pieces) and length == len(made)
    assert digest == hashlib.sha256(made).hexdigest()


def test_pieces_that_do_not_fit_the_file_are_refused() -> None:
    for bad in (Copy(5, 10), Copy(-1, 2), Copy(0, -1)):
        with pytest.raises(DamagedError):
            join(b"12345678", [bad])
    with pytest.raises(DamagedError):
        inverse([Copy(5, 1)])


@given(st.lists(st.builds(Copy, st.integers(0, 1 << 40), st.integers(0, 1 << 40))
                | st.builds(Insert, st.binary(max_size=20)), max_size=8))
def test_packed_pieces_come_back(pieces: list[Copy | Insert]) -> None:
    assert list(unpack(pack(pieces))) == pieces


@given(st.binary(max_size=60))
def test_damaged_packed_pieces_are_refused(tail: bytes) -> None:
    for packed in (tail, pack([Copy(1, 2), Insert(b"abc")])[:-1], pack([Copy(1, 2)]) + b"X" + tail):
        if packed is tail and tail.startswith(b"MSPIECE1"):
            continue  # it may be whole
        with pytest.raises(DamagedError):
            unpack(packed)


def test_every_real_file_is_changed_and_undone(real_data: Path) -> None:
    count = 0
    for folder in ("broken", "charset", "codec", "objects", "media/clunie_charset"):
        for path in sorted((real_data / folder).rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            if not is_dicom(memoryview(data)):
                continue
            framing = read_framing(memoryview(data))
            if framing.damaged or framing.deflated:
                continue
            encoding = Encoding(framing.implicit, framing.big_endian)
            order = Change(0x00100020, encoding.element(0x00100020, "LO", b"NEW1"))
            after = raw_elements(read_framing(memoryview(changed(data, order))))
            before = raw_elements(framing)
            dropped = {tag for tag in before if tag in (0x00100000, 0x00080001)}
            assert after.pop(0x00100020) == order.element
            before.pop(0x00100020, None)
            assert after == {tag: raw for tag, raw in before.items() if tag not in dropped}, path
            count += 1
    assert count > 150


# --- encode ---

@pytest.mark.parametrize(("implicit", "big"), [(False, False), (True, False), (False, True)])
def test_encoded_elements_are_those_of_the_library(implicit: bool, big: bool) -> None:
    from io import BytesIO

    from pydicom.filebase import DicomIO
    from pydicom.filewriter import write_dataset

    written = instance(modality="SR", charset="ISO_IR 100")
    written.LongTrianglePointIndexList = b"\1\0\0\0"
    encoded = encode_elements(written, implicit=implicit, big_endian=big, charset="ISO_IR 100")
    out = DicomIO(BytesIO())
    out.is_implicit_VR, out.is_little_endian = implicit, not big
    write_dataset(out, written)
    assert b"".join(encoded.values()) == out.parent.getvalue()


@pytest.mark.parametrize(("name", "charset"), [
    ("Müller^Jörg", "ISO_IR 100"), ("Müller^Jörg", "ISO_IR 192"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "\\ISO 2022 IR 87"), ("王^小東", "GB18030"),
    ("Doe^John", "")])
def test_names_are_encoded_in_the_character_set_of_the_data_set(name: str, charset: str) -> None:
    ds = Dataset()
    ds.PatientName = name
    raw = encode_elements(ds, implicit=False, big_endian=False, charset=charset)[0x00100010]
    assert len(raw) % 2 == 0 and decode(raw[8:], charset, "PN") == (name, True)


@pytest.mark.parametrize(("keyword", "value", "charset"), [
    ("PatientName", "Łucja", "ISO_IR 100"), ("PatientName", "Jörg", ""),
    ("PatientID", "山", "ISO_IR 100"), ("PatientComments", "山", "ISO_IR 13")])
def test_a_text_that_does_not_fit_is_refused_and_never_replaced(keyword: str, value: str,
                                                                charset: str) -> None:
    ds = Dataset()
    setattr(ds, keyword, value)
    for carrier in (ds, _in_sequence(ds)):
        with pytest.raises(UnsupportedError):
            encode_elements(carrier, implicit=False, big_endian=False, charset=charset)


def _in_sequence(ds: Dataset) -> Dataset:
    outer = Dataset()
    outer.OtherPatientIDsSequence = Sequence([ds])
    return outer
