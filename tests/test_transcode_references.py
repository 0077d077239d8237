"""A lossy copy of a study: what names an image names its copy afterwards, on every level."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mediasvc.dicom.framing import read_framing
from mediasvc.dicom.uid_edit import exchanged, uids_inside
from samples.synthesis import instance, to_bytes, uid
from tests.conftest import Program

NEW = "2.25.1234567890123456789"


def reference(named: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = named
    return item


def evidence(*named: str, undefined: bool = False) -> Sequence:
    """As a KO or SR has it: study, series, instances."""
    series = Dataset()
    series.SeriesInstanceUID = uid(1, 1, 1)
    series.ReferencedSOPSequence = Sequence([reference(one) for one in named])
    study = Dataset()
    study.StudyInstanceUID = uid(1, 1)
    study.ReferencedSeriesSequence = Sequence([series])
    for holder, keyword in ((series, "ReferencedSOPSequence"), (study, "ReferencedSeriesSequence")):
        holder[keyword].is_undefined_length = undefined
        for item in holder[keyword].value:
            item.is_undefined_length_sequence_item = undefined
    return Sequence([study])


def document(number: int, *named: str, **keywords: Any) -> FileDataset:
    ds = instance(series=9, instance=number, modality="SR", **keywords)
    ds.CurrentRequestedProcedureEvidenceSequence = evidence(*named)
    return ds


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A localizer, a slice that names it, a report on the slice, a note on the report, a report on
    something else."""
    root = tmp_path / "in"
    root.mkdir()
    slice_ = instance(instance=2, rows=64, columns=64)
    slice_.ReferencedImageSequence = Sequence([reference(uid(1, 1, 1, 1))])
    files = {"localizer": instance(instance=1, rows=64, columns=64), "slice": slice_,
             "report": document(1, uid(1, 1, 1, 2)), "note": document(2, uid(1, 1, 9, 1)),
             "other": document(3, "1.2.3.4.5")}
    for name, ds in files.items():
        (root / name).write_bytes(to_bytes(ds))
    return root


def named(ds: Dataset) -> str:
    series = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    return str(series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def test_documents_follow_the_images_that_they_name(cli: Program, study: Path) -> None:
    out = study.parent / "out"
    done = cli("transcode", study, out, "-t", "jls-near", "--rewrite-references")
    assert {Path(row["path"]).name for row in done.of("skipped")} == {"other"}
    assert {Path(row["path"]).name for row in done.of("referring")} == {"slice", "report", "note"}
    assert done.summary["referring"] == 3 and done.summary["instances"] == 2
    new = {name: dcmread(out / name) for name in ("localizer", "slice", "report", "note")}
    assert named(new["report"]) == new["slice"].SOPInstanceUID
    assert named(new["note"]) == new["report"].SOPInstanceUID != uid(1, 1, 9, 1)
    assert new["report"].file_meta.MediaStorageSOPInstanceUID == new["report"].SOPInstanceUID
    referenced = new["slice"].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert referenced == new["localizer"].SOPInstanceUID
    source = new["slice"].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert source == uid(1, 1, 1, 2)
    assert not list(out.rglob("*.part"))


def test_the_same_copy_twice_gives_the_same_documents(cli: Program, study: Path) -> None:
    for name in ("one", "two"):
        cli("transcode", study, study.parent / name, "-t", "jls-near", "--rewrite-references")
    for name in ("slice", "report", "note"):
        assert (study.parent / "one" / name).read_bytes() == (
            study.parent / "two" / name).read_bytes()


def test_without_the_wish_documents_are_skipped(cli: Program, study: Path) -> None:
    done = cli("transcode", study, study.parent / "out", "-t", "jls-near")
    assert {Path(row["path"]).name for row in done.of("skipped")} == {"report", "note", "other"}
    slice_ = dcmread(study.parent / "out" / "slice")
    assert slice_.ReferencedImageSequence[0].ReferencedSOPInstanceUID == uid(1, 1, 1, 1)


def test_lossless_copies_keep_their_uids_so_the_wish_is_an_error(cli: Program, study: Path,
                                                                 ) -> None:
    done = cli("transcode", study, study.parent / "out", "-t", "jls", "--rewrite-references")
    assert done.code == 3 and "references stay right" in done.stderr


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian,
                                    ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
                         ids=lambda one: one.name)
@pytest.mark.parametrize("undefined", [False, True])
def test_uids_are_exchanged_in_any_encoding_and_nothing_else(syntax: str, undefined: bool) -> None:
    ds = document(1, "1.2.3", "1.2.34", "1.2.3", transfer_syntax=syntax)
    ds.CurrentRequestedProcedureEvidenceSequence = evidence("1.2.3", "1.2.34", "1.2.3",
                                                            undefined=undefined)
    framing = read_framing(memoryview(to_bytes(ds)))
    assert uids_inside(framing, frozenset()) >= {"1.2.3", "1.2.34"}
    (element,) = exchanged(framing, {"1.2.3": NEW}, frozenset()).values()
    order = "big" if framing.big_endian else "little"
    head = b"" if framing.implicit else b"SQ\0\0"
    assert element[4:4 + len(head)] == head
    length = int.from_bytes(element[4 + len(head):8 + len(head)], order)  # type: ignore[arg-type]
    assert length in (0xFFFFFFFF, len(element) - 8 - len(head))
    received = framing.element(0x0040A375)
    assert received is not None
    padded = NEW.encode() + b"\0" * (len(NEW) % 2)
    assert element.count(padded) == 2 and element.count(b"1.2.34") == 1
    grown = 2 * (len(padded) - len(b"1.2.3\0"))
    assert len(element) == len(received) + grown


def test_a_sequence_that_names_what_it_was_made_from_stays() -> None:
    ds = instance()
    ds.SourceImageSequence = Sequence([reference("1.2.3")])
    framing = read_framing(memoryview(to_bytes(ds)))
    assert exchanged(framing, {"1.2.3": NEW}, frozenset({0x00082112})) == {}
    assert uids_inside(framing, frozenset({0x00082112})) == set()


def test_what_is_not_named_is_not_touched() -> None:
    data = to_bytes(document(1, "1.2.3"))
    assert exchanged(read_framing(memoryview(data)), {"1.2.34": NEW}, frozenset()) == {}
    assert dcmread(io.BytesIO(data)).Modality == "SR"
