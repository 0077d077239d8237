"""One instance is made fit for a disc: what needs no change keeps its bytes, the rest is proven."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from mediasvc.media.checking.check_meta import check_meta, encoded_as_said
from mediasvc.span import Span
from mediasvc.work.planning.conform import examine_items
from mediasvc.work.planning.conform_rewrite import rewrite_items
from samples.synthesis import instance, to_bytes

PLAIN = {"transfer_syntaxes": [ExplicitVRLittleEndian, RLELossless], "sop_classes": [],
         "largest_file": 1 << 30}


def examined(path: Path, limits: dict[str, Any] | None = None, **patient: str) -> dict[str, Any]:
    [row] = examine_items([{"span": Span.of_file(path).as_json(), "patient": patient}],
                          limits or PLAIN)
    assert isinstance(row, dict)
    return row


def rewritten(path: Path, tmp_path: Path, preferred: str = ExplicitVRLittleEndian) -> Path:
    row = examined(path)
    span = Span.of_file(path)
    [done] = rewrite_items([{"span": span.as_json(), "sha256": span.sha256(), "needs": row["needs"],
                             "order": {}, "preferred": [preferred],
                             "temps": [str(tmp_path / "a"), str(tmp_path / "b")]}])
    assert "error" not in done, done
    assert done["sha256"] == Span.of_file(done["path"]).sha256()
    assert examined(Path(done["path"]))["needs"] == []
    return Path(done["path"])


def saved(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "in.dcm"
    path.write_bytes(data)
    return path


def test_what_is_right_goes_as_it_is(tmp_path: Path) -> None:
    row = examined(saved(tmp_path, to_bytes(instance())), patient_id="P0001", patient_name="")
    assert row["needs"] == []
    assert "excluded" not in row
    assert row["header"]["patient_id"] == "P0001"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian,
                                    DeflatedExplicitVRLittleEndian])
def test_other_syntaxes_are_transcoded(tmp_path: Path, syntax: str) -> None:
    path = saved(tmp_path, to_bytes(instance(transfer_syntax=syntax)))
    assert "transcode" in examined(path)["needs"]
    out = pydicom.dcmread(rewritten(path, tmp_path))
    assert out.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (out.pixel_array == instance().pixel_array).all()


def test_another_name_in_the_index_asks_for_coercion(tmp_path: Path) -> None:
    path = saved(tmp_path, to_bytes(instance()))
    assert examined(path, patient_name="Other^Name")["needs"] == ["coerce"]
    assert examined(path, issuer_of_patient_id="LOCAL")["needs"] == ["coerce"]
    assert examined(path, patient_birth_date="")["needs"] == []  # the index does not know it


@pytest.mark.parametrize("preamble", [b"made by hand", b"MZ\x90\x00", b"\x89PNG\r\n\x1a\n"])
def test_a_preamble_that_says_something_is_zeroed(tmp_path: Path, preamble: bytes) -> None:
    data = to_bytes(instance())
    path = saved(tmp_path, preamble.ljust(128, b"\0") + data[128:])
    assert "clean" in examined(path)["needs"]
    assert rewritten(path, tmp_path).read_bytes() == data


def test_a_tiff_preamble_may_stay(tmp_path: Path) -> None:
    data = to_bytes(instance())
    path = saved(tmp_path, b"II*\0".ljust(128, b"\1") + data[128:])
    assert examined(path)["needs"] == []


def test_file_meta_with_gaps_are_completed(tmp_path: Path) -> None:
    ds = instance()
    del ds.file_meta.ImplementationClassUID
    del ds.file_meta.ImplementationVersionName
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, ds, enforce_file_format=False)
    data = stream.getvalue()
    path = saved(tmp_path, data)
    assert examined(path)["needs"] == ["clean"]
    out = rewritten(path, tmp_path)
    assert not list(check_meta(memoryview(out.read_bytes())))
    assert pydicom.dcmread(out).file_meta.ImplementationClassUID
    assert out.read_bytes()[-1000:] == data[-1000:]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_data_set_that_is_not_written_as_it_says_is_put_right(tmp_path: Path,
                                                                syntax: str) -> None:
    """Implicit VR under an explicit transfer syntax: highdicom once did so with JPEG."""
    ds = instance(transfer_syntax=syntax)
    head = to_bytes(ds)
    start = 144 + int.from_bytes(head[140:144], "little")
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_dataset(stream, ds)
    path = saved(tmp_path, head[:start] + stream.getvalue())
    assert not encoded_as_said(memoryview(path.read_bytes()), syntax)
    assert examined(path)["needs"] == ["clean"]
    out = pydicom.dcmread(rewritten(path, tmp_path))
    assert out.file_meta.TransferSyntaxUID == syntax
    assert out.original_encoding == (False, True)
    assert out["PixelData"].VR in ("OB", "OW")
    assert (out.pixel_array == ds.pixel_array).all()


def test_what_no_directory_can_name_is_excluded(tmp_path: Path) -> None:
    path = saved(tmp_path, to_bytes(instance(SOPClassUID="1.2.3.4")))
    assert examined(path)["excluded"][0] == "RF-8"


def test_what_the_profile_or_medium_cannot_hold_is_excluded(tmp_path: Path) -> None:
    path = saved(tmp_path, to_bytes(instance()))
    mr_only = PLAIN | {"sop_classes": ["1.2.840.10008.5.1.4.1.1.4"]}
    assert examined(path, mr_only)["excluded"][0] == "R11-2"
    assert examined(path, PLAIN | {"largest_file": 100})["excluded"][0] == "R12-4"


def test_damage_is_an_answer_and_not_the_end(tmp_path: Path) -> None:
    good, bad = saved(tmp_path, to_bytes(instance())), tmp_path / "bad.dcm"
    bad.write_bytes(b"not DICOM at all")
    rows = examine_items([{"span": Span.of_file(path).as_json(), "patient": {}}
                          for path in (bad, good)], PLAIN)
    assert rows[0]["error"] == "DamagedError"
    assert rows[1]["needs"] == []


def as_unknown(ds: pydicom.Dataset, tags: set[int] | None = None) -> bytes:
    """The data set as an implicit archive sends it on: every VR is UN."""
    data = bytearray(b"\0" * 128 + b"DICM")
    whole = to_bytes(ds)
    end = 144 + int.from_bytes(whole[140:144], "little")
    data[132:] = whole[132:end]
    for element in ds:
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, True
        one = pydicom.Dataset()
        one.add(element)
        write_dataset(stream, one)
        raw = stream.getvalue()
        if element.tag == 0x7FE00010:
            data += raw[:4] + b"OW\0\0" + raw[4:]
        elif tags is None or element.tag in tags:
            data += raw[:4] + b"UN\0\0" + raw[4:]
        else:
            stream = DicomBytesIO()
            stream.is_little_endian, stream.is_implicit_VR = True, False
            write_dataset(stream, one)
            data += stream.getvalue()
    return bytes(data)


def test_unknown_vrs_are_said_where_the_standard_knows_them(tmp_path: Path) -> None:
    ds = instance(1, modality="CT", ImageType=["ORIGINAL", "PRIMARY"])
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, "1.2.3"
    ds.ReferencedImageSequence = [item]
    ds.SmallestImagePixelValue = -5
    ds[0x00280106].VR = "SS"
    path = saved(tmp_path, as_unknown(ds))
    assert examined(path)["needs"] == ["resolve"]
    new = pydicom.dcmread(rewritten(path, tmp_path))
    assert new.get_item(0x00081140).VR == "SQ"
    assert {new.get_item(element.tag).VR for element in ds} == {element.VR for element in ds}
    assert {str(element.tag): element.value for element in new} == {
        str(element.tag): element.value for element in ds}


def test_a_value_that_is_none_of_its_vr_stays_unknown(tmp_path: Path) -> None:
    ds = instance(1)
    data = as_unknown(ds).replace(b"\x20\x00\x13\x00UN\0\0\x02\0\0\x001 ",
                                  b"\x20\x00\x13\x00UN\0\0\x02\0\0\x00\xff\xfe")
    row = examined(saved(tmp_path, data))
    span = Span.of_file(tmp_path / "in.dcm")
    [done] = rewrite_items([{"span": span.as_json(), "sha256": span.sha256(),
                             "needs": row["needs"], "order": {}, "preferred": [],
                             "temps": [str(tmp_path / "a"), str(tmp_path / "b")]}])
    new = pydicom.dcmread(done["path"])
    assert (new.get_item(0x00200013).VR, new.get_item(0x00200013).value) == ("UN", b"\xff\xfe")
    assert new.get_item(0x00280010).VR == "US"


def test_other_unknown_elements_are_no_reason_to_change_a_file(tmp_path: Path) -> None:
    path = saved(tmp_path, as_unknown(instance(1, StationName="A"), {0x00081010}))
    assert examined(path)["needs"] == []
