"""`mediasvc wrap`: whose files, where to, what is said; and into the archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mediasvc.errors import SettingsError
from mediasvc.work.wrapping import wrap_write
from mediasvc.work.wrapping.wrap_identity import read_identity
from samples.containers import mp4
from samples.streams import Video
from tests import wrap_things as things
from tests.conftest import Program

CSV = "patient_id,issuer,name,birth_date,sex\nW1,LOCAL,Weiß^Ada,19700102,F\nW2,LOCAL,Rot^Eva,,\n"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return things.written(tmp_path, "clip.mp4", mp4(Video(sounds=("aac",)), made=3_850_000_000))


@pytest.fixture
def known(cli: Program, tmp_path: Path) -> Program:
    """A home whose index has two patients."""
    path = things.written(tmp_path, "patients.csv", CSV.encode())
    assert cli("patients", "load", path).code == 0
    return cli


def test_a_video_becomes_an_instance(cli: Program, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.dcm"
    done = cli("wrap", clip, "--identity", things.identity(tmp_path), "--out", out,
               "--modality", "ES")
    assert done.code == 0 and done.summary == {"type": "summary", "wrapped": 1, "refused": 0}
    row, made = done.of("wrapped")[0], pydicom.dcmread(out)
    assert row | {"notes": []} == {
        "type": "wrapped", "path": str(clip), "out": str(out), "modality": "ES", "notes": [],
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.77.1.1.1", "rows": 720, "columns": 1280,
        "sop_instance_uid": made.SOPInstanceUID, "frames": 10, "frame_time_ms": 40.0,
        "transfer_syntax_uid": "1.2.840.10008.1.2.4.102", "stream_bytes": clip.stat().st_size}
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert (made.PatientID, made.IssuerOfPatientID, made.PatientName) == ("W1", "LOCAL", "Weiß^Ada")
    assert (made.NumberOfFrames, made.FrameTime, made.FrameIncrementPointer) == (10, 40, 0x181063)
    assert (made.PhotometricInterpretation, made.BitsStored) == ("YBR_PARTIAL_420", 8)
    assert (made.LossyImageCompression, made.LossyImageCompressionMethod) == ("01", "ISO_14496_10")
    assert made.AcquisitionDateTime == "20251231042640+0000"


def test_the_same_file_again_is_the_same_instance(cli: Program, clip: Path,
                                                  tmp_path: Path) -> None:
    side = things.identity(tmp_path)
    folder = tmp_path / "out"
    first = cli("wrap", clip, "--identity", side, "--out", f"{folder}/").of("wrapped")[0]
    again = cli("wrap", clip, "--identity", side, "--out", folder).of("wrapped")[0]
    assert first == again and len(list(folder.iterdir())) == 1
    clip.write_bytes(clip.read_bytes() + bytes(8))
    other = cli("wrap", clip, "--identity", side, "--out", folder)
    assert other.code == 1 and "another file" in other.of("refused")[0]["reason"]


def test_all_files_of_a_batch_share_their_study(cli: Program, clip: Path, tmp_path: Path) -> None:
    paths = [clip, things.written(tmp_path, "a.jpg", things.jpeg()),
             things.written(tmp_path, "b.jpg", things.jpeg(things.photo(16, 16))),
             things.written(tmp_path, "a.pdf", things.PDF)]
    done = cli("wrap", *paths, "--identity", things.identity(tmp_path))
    made = [pydicom.dcmread(row["out"]) for row in done.of("wrapped")]
    assert len(made) == 4 and len({one.StudyInstanceUID for one in made}) == 1
    assert len({one.SeriesInstanceUID for one in made}) == 3
    assert made[1].SeriesInstanceUID == made[2].SeriesInstanceUID


def test_what_is_refused_costs_only_itself(cli: Program, clip: Path, tmp_path: Path) -> None:
    bad = things.written(tmp_path, "a.gif", b"GIF89a" + bytes(50))
    done = cli("wrap", bad, tmp_path / "none.mp4", clip, "--identity", things.identity(tmp_path))
    assert done.code == 1 and (done.summary["wrapped"], done.summary["refused"]) == (1, 2)
    refused = done.of("refused")
    assert "GIF" in refused[0]["reason"] and "PNG" in refused[0]["advice"]
    assert "no such file" in refused[1]["reason"]


def test_what_is_refused_says_what_to_do(cli: Program, tmp_path: Path) -> None:
    import imagecodecs
    import numpy as np
    cmyk = imagecodecs.jpeg8_encode(np.zeros((8, 8, 4), np.uint8), colorspace="CMYK",
                                    outcolorspace="CMYK")
    files = {"a.jpg": (bytes(cmyk), "RGB"), "b.jpg": (things.jpeg()[:-30], "copy it again"),
             "c.stl": (b"solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n", "binary"),
             "d.html": (b"<!DOCTYPE html><html><body>hi</body></html>", "PDF"),
             "e.bin": (bytes(range(256)) * 4, "Save it as")}
    paths = [things.written(tmp_path, name, data) for name, (data, _) in files.items()]
    done = cli("wrap", *paths, "--identity", things.identity(tmp_path))
    said = [row["advice"] for row in done.of("refused")]
    assert len(said) == len(files)
    for advice, (_, word) in zip(said, files.values(), strict=True):
        assert word in advice


@pytest.mark.parametrize(("more", "words"), [
    ({"patient_id": ""}, "patient_id"),
    ({"Rows": 5}, "comes from the file itself"),
    ({"SOPInstanceUID": "1.2"}, "comes from the file itself"),
    ({"TransferSyntaxUID": "1.2"}, "comes from the file itself"),
    ({"DirectoryRecordSequence": []}, "comes from the file itself"),
    ({"PixelData": "x"}, "comes from the file itself"),
    ({"PatientsName": "x"}, "Did you mean PatientName"),
    ({"birth_date": "02.01.1970"}, "PatientBirthDate does not fit"),
    ({"RequestAttributesSequence": "x"}, "a sequence"),
    ({"StudyInstanceUID": "1.2.x"}, "StudyInstanceUID does not fit"),
])
def test_a_side_file_that_cannot_be_is_refused_without_its_values(
        tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refused:
        read_identity(things.identity(tmp_path, **more))
    assert "1970" not in str(refused.value)


def test_a_side_file_may_say_any_attribute(cli: Program, clip: Path, tmp_path: Path) -> None:
    region = [{"CodeValue": "71854001", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Colon"}]
    side = things.identity(tmp_path, AnatomicRegionSequence=region, Manufacturer="Acme",
                           SeriesDescription="Endoskopie", BurnedInAnnotation="NO")
    made = pydicom.dcmread(cli("wrap", clip, "--identity", side).of("wrapped")[0]["out"])
    assert made.AnatomicRegionSequence[0].CodeMeaning == "Colon"
    assert (made.Manufacturer, made.BurnedInAnnotation) == ("Acme", "NO")


@pytest.mark.parametrize("arguments", [
    [], ["--identity", "x.json", "--patient", "P"], ["--identity", "none.json"],
    ["--identity", "SIDE", "--study", "1.2.x"], ["--identity", "SIDE", "--out", "a", "--file"]])
def test_a_wrong_command_line_is_usage(cli: Program, clip: Path, tmp_path: Path,
                                       arguments: list[str]) -> None:
    side = str(things.identity(tmp_path))
    done = cli("wrap", clip, *[side if one == "SIDE" else one for one in arguments])
    assert done.code == 3 and not list(tmp_path.glob("*.dcm"))


def test_a_patient_that_nobody_knows_is_refused(known: Program, clip: Path) -> None:
    assert known("wrap", clip, "--patient", "W9").code == 3


@pytest.mark.parametrize("patient", ["W1", "W2@LOCAL"])
def test_into_the_archive_under_the_patient_that_was_named(known: Program, clip: Path,
                                                           tmp_path: Path, patient: str) -> None:
    report = things.written(tmp_path, "a.pdf", things.PDF)
    done = known("wrap", clip, report, "--patient", patient, "--file")
    assert done.code == 0 and done.summary["state"] == "done"
    assert all(Path(row["out"]).is_file() for row in done.of("wrapped"))
    studies = known("studies", "list", "--patient", patient)
    assert "DOC" in json.dumps(studies.lines) and studies.summary["studies"] == 1
    again = known("wrap", clip, report, "--patient", patient, "--file")
    assert (again.code, again.summary["state"]) == (0, "duplicate")


def test_a_person_whom_the_index_does_not_know_waits_for_a_decision(
        cli: Program, clip: Path, tmp_path: Path) -> None:
    done = cli("wrap", clip, "--identity", things.identity(tmp_path), "--file")
    assert (done.code, done.summary["state"]) == (1, "waiting")
    assert done.of("wrapped")[0]["out"] == ""
    number = done.summary["package"]
    assert cli("queue", "decide", number, "--new", "--by", "desk").code == 0
    uid = done.of("wrapped")[0]["sop_instance_uid"]
    study = cli("studies", "list").of("study")[0]["study_instance_uid"]
    filed = cli("studies", "files", study).of("file")
    assert [one["sop_instance_uid"] for one in filed] == [uid]


def test_a_study_of_another_patient_is_refused(known: Program, clip: Path, tmp_path: Path) -> None:
    side = things.identity(tmp_path, StudyInstanceUID="1.2.3.4")
    assert known("wrap", clip, "--identity", side, "--file").code == 0
    wrong = known("wrap", clip, "--patient", "W2", "--study", "1.2.3.4")
    assert wrong.code == 2 and "another patient" in wrong.stderr
    right = known("wrap", clip, "--patient", "W1", "--study", "1.2.3.4", "--out",
                  tmp_path / "b.dcm")
    assert pydicom.dcmread(right.of("wrapped")[0]["out"]).StudyDate == "20260105"


def test_a_stream_of_more_than_four_gigabytes_is_fragmented(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Program) -> None:
    from mediasvc.work.wrapping import wrap_plan
    for module in (wrap_plan, wrap_write):
        monkeypatch.setattr(module, "LONGEST", 4000)
    monkeypatch.setattr(wrap_write, "FRAGMENT", 1024)
    source = things.written(tmp_path, "a.mp4", mp4(Video(), pad=9001))
    done = cli("wrap", source, "--identity", things.identity(tmp_path))
    row = done.of("wrapped")[0]
    assert row["transfer_syntax_uid"] == "1.2.840.10008.1.2.4.102.1"
    back = cli("unwrap", row["out"], tmp_path / "back.mp4")
    assert back.code == 0 and (tmp_path / "back.mp4").read_bytes() == source.read_bytes()


def test_photos_of_a_batch_are_one_study_of_its_first_day(cli: Program, tmp_path: Path) -> None:
    days = [None, "2026:03:05 10:00:00", "2026:03:04 23:00:00"]
    paths = [things.written(tmp_path, f"{number}.jpg", things.jpeg(
        None, *([things.exif(taken=day)] if day else []))) for number, day in enumerate(days)]
    side = things.identity(tmp_path, StudyDate="")
    made = [pydicom.dcmread(row["out"])
            for row in cli("wrap", *paths, "--identity", side).of("wrapped")]
    assert {one.StudyDate for one in made} == {"20260304"}
    assert len({one.StudyInstanceUID for one in made}) == 1
    assert made[1].InstanceNumber > made[2].InstanceNumber
