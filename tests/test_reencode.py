"""A data set in another encoding: values keep their bytes, another library reads the same."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.pieces import assemble
from mediasvc.dicom.reencode import reencode
from mediasvc.dicom.rewrite import rewrite
from samples.synthesis import instance, to_bytes

SOURCES = [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian,
           ExplicitVRLittleEndian]
TARGETS = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]


def rich(transfer_syntax: str) -> bytes:
    """Nested sequences, numbers of every width, private elements, text that is no valid UTF-8."""
    ds = instance(modality="SR", transfer_syntax=transfer_syntax)
    inner = Dataset()
    inner.ReferencedFrameNumber = [1, 2]
    inner.PixelRepresentation = 1
    inner.SmallestImagePixelValue = -5
    inner.add_new(0x00189074, "DT", "20240102030405")
    item = Dataset()
    item.RealWorldValueIntercept = -1024.5
    item.add_new(0x00189098, "FD", [1.5, 2.5])
    item.ReferencedImageSequence = Sequence([inner, Dataset()])
    ds.SourceImageSequence = Sequence([item])
    ds.PixelRepresentation = 0
    ds.SmallestImagePixelValue = 40000
    ds.FrameIncrementPointer = 0x00181063
    ds.add_new(0x00280009, "AT", [0x00181063, 0x00181065])
    ds.SimpleFrameList = [1, 70000]
    ds.ImagePositionPatient = ["1.5", "-2", "3"]
    block = ds.private_block(0x0029, "Somebody's block", create=True)
    block.add_new(0x01, "OB", b"\1\2\3\4")
    block.add_new(0x02, "LO", "private text")
    siemens = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0C, "IS", "1000")
    ds.PatientComments = "Grüße"
    data = to_bytes(ds)
    return data.replace("Grüße".encode("latin-1"), b"Gr\xff\xfee")


def rewritten(data: bytes, target: str) -> bytes:
    view = memoryview(data)
    return b"".join(assemble(view, rewrite(read_framing(view), len(view), target, {})))


def plain(data: bytes) -> dict[int, object]:
    return _values(dcmread(io.BytesIO(data)))


def _values(ds: Dataset) -> dict[int, object]:
    found: dict[int, object] = {}
    for element in ds:
        if element.VR == "SQ":
            found[int(element.tag)] = [_values(item) for item in element.value]
        elif element.tag.is_private:
            continue
        else:
            found[int(element.tag)] = element.value
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("source", SOURCES, ids=lambda uid: uid.name)
def test_every_value_is_the_same_in_another_encoding(source: str, target: str) -> None:
    data = rich(source)
    out = rewritten(data, target)
    assert plain(out) == plain(data)
    framing = read_framing(memoryview(out))
    assert framing.transfer_syntax_uid == target and not framing.damaged
    assert framing.findings == read_framing(memoryview(data)).findings


@pytest.mark.parametrize("source", SOURCES, ids=lambda uid: uid.name)
def test_text_is_never_decoded_so_wrong_bytes_stay(source: str) -> None:
    if source == DeflatedExplicitVRLittleEndian:
        pytest.skip("compressed")
    assert b"Gr\xff\xfee" in rich(source)
    assert b"Gr\xff\xfee" in rewritten(rich(source), ImplicitVRLittleEndian)


def test_private_elements_get_the_vr_of_a_known_dictionary_or_un() -> None:
    out = dcmread(io.BytesIO(rewritten(rich(ImplicitVRLittleEndian), ExplicitVRLittleEndian)))
    assert out[0x00191001 + 0x0B].VR == "IS"
    assert out[0x00290010].value == "Somebody's block"
    assert out[0x00291001].VR == "UN" and out[0x00291001].value == b"\1\2\3\4"


def test_there_and_back_is_the_same_to_the_byte() -> None:
    data = rich(ExplicitVRLittleEndian)
    once = rewritten(rewritten(data, ImplicitVRLittleEndian), ExplicitVRLittleEndian)
    twice = rewritten(rewritten(once, ImplicitVRLittleEndian), ExplicitVRLittleEndian)
    assert once == twice


def test_a_value_too_long_for_its_vr_becomes_un() -> None:
    ds = instance(modality="SR", transfer_syntax=ImplicitVRLittleEndian)
    ds.add_new(0x00281221, "OW", bytes(10))
    ds.add_new(0x00321060, "UT", "x" * 70000)
    out = rewritten(to_bytes(ds), ExplicitVRLittleEndian)
    rows = {row["tag"]: bytes(row["vr"]) for row in read_framing(memoryview(out)).elements}
    assert rows[0x00321060] == b"UN"


def test_ambiguous_numbers_take_their_sign_from_the_nearest_pixel_representation() -> None:
    framing = read_framing(memoryview(rewritten(rich(ExplicitVRLittleEndian),
                                                ImplicitVRLittleEndian)))
    elements = dict(reencode(framing, implicit=False))
    assert elements[0x00280106][4:6] == b"US"
    assert b"\x28\x00\x06\x01SS" in elements[0x00082112]


def test_group_lengths_and_padding_are_left_behind() -> None:
    ds = instance(modality="SR")
    ds.add_new(0x00080000, "UL", 1)
    ds.add_new(0xFFFCFFFC, "OB", bytes(100))
    framing = read_framing(memoryview(to_bytes(ds)))
    assert not {0x00080000, 0xFFFCFFFC} & set(dict(reencode(framing, implicit=True)))
