"""Whole discs leave without their patient: image, pages, directory, certificate, everything."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediasvc.dicom.deidentify_keys import Keys
from mediasvc.errors import SettingsError
from mediasvc.standard.deidentification import Policy
from mediasvc.standard.profiles import load_profile
from mediasvc.work.deidentifying.deidentify_order import Privacy
from mediasvc.work.planning.export_lossy import Lossy
from mediasvc.work.planning.export_order import ExportOrder
from samples.synthesis import instance, study, to_bytes, uid, write_disc
from tests.carriers import unpack_iso
from tests.conftest import Program

SECRETS = ("Canaryname", "Walter", "CANARY4711", "19610813", "Zuweiserin", "Sample Hospital",
           "1.2.826.0.1.3680043.10.1511.1", "20240202")
OWN = {"PatientName": "Canaryname^Walter", "PatientID": "CANARY4711",
       "PatientBirthDate": "19610813", "IssuerOfPatientID": "LOCAL",
       "ReferringPhysicianName": "Zuweiserin^Rita"}


def ultrasound() -> Dataset:
    region = Dataset()
    for keyword, value in (("RegionLocationMinX0", 4), ("RegionLocationMinY0", 4),
                           ("RegionLocationMaxX1", 11), ("RegionLocationMaxY1", 11)):
        setattr(region, keyword, value)
    ds = instance(1, 2, 2, modality="US", BurnedInAnnotation="YES", **OWN)
    ds.SequenceOfUltrasoundRegions = Sequence([region])
    return ds


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    write_disc(root / "disc", [*study(1, 1, count=2, **OWN), ultrasound(),
                               *(instance(1, 1, number, modality=kind, **OWN)
                                 for number, kind in enumerate(("SR", "KO", "PR", "DOC"), 5))])
    cli = Program(root / "home")
    cli("ingest", root / "disc")
    assert cli("queue", "decide", "1", "--new", "--by", "test").code == 0
    return root / "home"


@pytest.fixture
def desk(archive: Path, tmp_path: Path) -> Program:
    return Program(Path(shutil.copytree(archive, tmp_path / "home")))


def export(desk: Program, to: Path, *more: object) -> list[dict[str, object]]:
    patient = desk("studies", "list").of("study")[0]["patient_id"]
    done = desk("export", "--patient", patient, "--to", to, "--deidentify", *more)
    assert done.code in (0, 1), done.stderr
    assert done.of("disc")[0]["verdict"] == "pass"
    return done.lines


def everything(to: Path, scratch: Path) -> bytes:
    """Every byte of a disc and of what stands beside it, packed data unpacked."""
    parts = [path.read_bytes() for path in (to, Path(f"{to}.json"), Path(f"{to}.html"))]
    if to.suffix == ".zip":
        with zipfile.ZipFile(to) as packed:
            parts += [packed.read(name) for name in packed.namelist()]
            parts.append("\n".join(packed.namelist()).encode())
    else:
        unpack_iso(to, scratch)
        parts += [path.read_bytes() for path in scratch.rglob("*") if path.is_file()]
    return b"\0".join([*parts, *(inner for part in parts for inner in inflated(part))])


def inflated(data: bytes) -> Iterator[bytes]:
    """What is packed inside: the viewer's chunks (fifteen bits a character), zlib streams."""
    if data.startswith("\ufeff<!DOCTYPE".encode("utf-16-le")):
        for length, text in re.findall(r'\[(\d+),"([^"]*)"\]', data.decode("utf-16")):
            units = np.frombuffer(text.encode("utf-16-le"), "<u2") - 0x3400
            bits = (units[:, None] >> np.arange(14, -1, -1)) & 1
            yield zlib.decompress(np.packbits(bits.ravel()[:int(length) * 8]).tobytes())
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(data[found.start():], 1 << 20)


def forms(word: str) -> set[bytes]:
    return {text.encode(codec) for text in (word, word.upper(), word.lower())
            for codec in ("utf-8", "utf-16-le", "utf-16-be")}


@pytest.mark.parametrize(("name", "profile", "options"), [
    ("a.iso", "STD-GEN-CD", ()), ("a.zip", "ZIP", ("--clean", "structured,descriptors,pixel")),
    ("a.iso", "STD-GEN-DVD-JPEG", ("--retain", "shifted-dates,device", "--clean", "pixel"))])
def test_no_byte_of_the_medium_names_the_patient(
        desk: Program, tmp_path: Path, name: str, profile: str, options: tuple[str, ...]) -> None:
    export(desk, tmp_path / name, "--profile", profile, *options)
    found = everything(tmp_path / name, tmp_path / "out")
    assert b"Phantom 1" in found  # what is packed was looked into: the model may be named
    patient = desk("studies", "list").of("study")[0]["patient_id"]
    for word in (*SECRETS, patient):
        for form in forms(word):
            assert form not in found, word


def test_what_cannot_go_is_named_to_the_desk_and_to_nobody_else(desk: Program, tmp_path: Path,
                                                                ) -> None:
    lines = export(desk, tmp_path / "a.iso")
    told = [line["subject"] for line in lines if line["type"] == "finding"
            and line["code"] == "excluded"]
    assert uid(1, 2, 2, 1) in told
    certificate = json.loads((tmp_path / "a.iso.json").read_text())
    assert certificate["excluded"] and not set(certificate["excluded"]) & set(map(str, told))
    assert certificate["institution"] == "De-identified images"


def test_key_objects_and_presentations_lead_to_the_new_instances(desk: Program, tmp_path: Path,
                                                                 ) -> None:
    export(desk, tmp_path / "a.zip", "--profile", "ZIP")
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(tmp_path / "out")
    found = [pydicom.dcmread(path) for path in (tmp_path / "out" / "DICOM").rglob("IM*")]
    names = {ds.SOPInstanceUID for ds in found}
    assert {"CT", "KO", "PR"} <= {ds.Modality for ds in found} and "DOC" not in {
        ds.Modality for ds in found}
    for ds in found:
        if ds.Modality in ("KO", "PR"):
            led = {element.value for element in ds.iterall()
                   if element.keyword == "ReferencedSOPInstanceUID"}
            assert led and led <= names, ds.Modality
    directory = pydicom.dcmread(tmp_path / "out" / "DICOMDIR")
    assert names == {record.ReferencedSOPInstanceUIDInFile
                     for record in directory.DirectoryRecordSequence
                     if "ReferencedSOPInstanceUIDInFile" in record}


def test_regions_of_ultrasound_stay_and_the_rest_is_black(desk: Program, tmp_path: Path) -> None:
    export(desk, tmp_path / "a.zip", "--profile", "ZIP", "--clean", "pixel")
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        packed.extractall(tmp_path / "out")
    [new] = [ds for path in (tmp_path / "out" / "DICOM").rglob("IM*")
             if (ds := pydicom.dcmread(path)).Modality == "US"]
    old = ultrasound()
    assert new.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in new.DeidentificationMethodCodeSequence]
    kept = np.zeros(old.pixel_array.shape[:2], bool)
    kept[4:12, 4:12] = True
    assert (new.pixel_array[kept] == old.pixel_array[kept]).all()
    assert not new.pixel_array[~kept].any()


def test_a_project_gives_the_same_names_again_and_its_map_stays_at_home(
        desk: Program, tmp_path: Path) -> None:
    export(desk, tmp_path / "a.zip", "--profile", "ZIP", "--project", "Trial", "--keep-mapping")
    export(desk, tmp_path / "b.zip", "--profile", "ZIP", "--project", "Trial")
    ids = []
    for name in "ab":
        certificate = json.loads((tmp_path / f"{name}.zip.json").read_text())
        ids.append(sorted(row["sop_instance_uid"] for row in certificate["instances"]))
    assert ids[0] == ids[1]
    [mapping] = (desk.home / "deidentification").glob("*.map")
    assert mapping.stat().st_mode & 0o777 == 0o600
    rows = [json.loads(line) for line in mapping.read_text().splitlines()]
    assert uid(1, 1, 1, 1) in [row["sop_instance_uid"][0] for row in rows]
    assert sorted(row["sop_instance_uid"][1] for row in rows) == ids[0]
    secret = (desk.home / "deidentification" / "Trial.key").read_text().strip()
    for name in "ab":
        assert secret.encode() not in (tmp_path / f"{name}.zip").read_bytes()


def test_options_without_deidentify_are_refused(desk: Program, tmp_path: Path) -> None:
    done = desk("export", "--study", uid(1, 1), "--to", tmp_path / "a.iso", "--retain", "dates")
    assert done.code == 3 and "--deidentify" in done.stderr


def test_a_folder_of_files_is_deidentified_under_new_names(cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "Canaryname Walter"
    write_disc(folder, study(1, 1, count=2, **OWN))
    done = cli("deidentify", folder, tmp_path / "out", "--retain", "device")
    assert done.summary["instances"] == 2
    paths = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(paths) == 2
    for path in paths:
        raw = path.read_bytes() + str(path.relative_to(tmp_path)).encode()
        assert all(form not in raw for word in SECRETS[:6] for form in forms(word))
    assert cli("deidentify", folder, tmp_path / "out").code == 3


def test_of_two_files_with_one_uid_the_first_stays_and_the_other_is_told(
        cli: Program, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_disc(folder, study(1, 1, count=30))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files[1:11]:
        path.write_bytes(path.read_bytes().replace(b"Phantom 1", b"Phantom 2"))
    first = next(path for path in files if path.name != "DICOMDIR")
    (folder / "ZZ_SAME").write_bytes(first.read_bytes())
    (folder / "ZZ_TWIN").write_bytes(first.read_bytes().replace(b"Sampleworks", b"Otherworks "))
    done = cli("deidentify", folder, tmp_path / "out")
    assert (done.code, done.summary["instances"]) == (1, 30)
    reasons = {Path(row["path"]).name: row["reason"] for row in done.of("skipped")}
    assert "is the same instance" in reasons.pop("ZZ_SAME")
    assert "is not the same" in reasons.pop("ZZ_TWIN") and not reasons
    assert not any(b"Otherworks" in path.read_bytes()
                   for path in (tmp_path / "out").rglob("*.dcm"))


def test_a_folder_of_links_or_of_nothing_is_no_silent_success(cli: Program, tmp_path: Path) -> None:
    write_disc(tmp_path / "real", study(1, 1, count=1))
    (tmp_path / "in").mkdir()
    assert cli("deidentify", tmp_path / "in", tmp_path / "out").code == 3
    (tmp_path / "in" / "A").symlink_to(tmp_path / "real" / "nowhere")
    (tmp_path / "in" / "B").symlink_to(tmp_path / "real")
    done = cli("deidentify", tmp_path / "in", tmp_path / "out")
    assert (done.code, done.summary["skipped"]) == (2, 2)
    assert all("link" in row["reason"] for row in done.of("skipped"))


def test_no_uid_that_is_kept_leads_out_of_the_folder(cli: Program, tmp_path: Path) -> None:
    raw = to_bytes(instance(1))
    folder = tmp_path / "in"
    folder.mkdir()
    for uid_at in (b"\x20\x00\x0d\x00UI", b"\x20\x00\x0e\x00UI"):
        at = raw.index(uid_at) + 8
        size = int.from_bytes(raw[at - 2:at], "little")
        raw = raw[:at] + b"..".ljust(size, b"\0") + raw[at + size:]
    (folder / "A").write_bytes(raw)
    done = cli("deidentify", folder, tmp_path / "here" / "out", "--retain", "uids")
    assert done.summary["instances"] == 1
    [path] = (path for path in (tmp_path / "here").rglob("*") if path.is_file())
    assert path.relative_to(tmp_path / "here" / "out").parts[1:3] == ("study", "series")


def test_loss_and_privacy_at_once_are_refused(tmp_path: Path) -> None:
    order = {"to": tmp_path / "a.iso", "container": "iso", "capacity": None,
             "profile": load_profile("STD-GEN-DVD-JPEG")}
    private = Privacy(Policy(), Keys.fresh())
    with pytest.raises(SettingsError):
        ExportOrder(**order, privacy=private, lossy=Lossy("1.2.840.10008.1.2.4.50", {}))
