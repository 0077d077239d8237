"""Discs of the narrower profiles: made, judged by us and by DCMTK's directory maker, and broken."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1, RLELossless

from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Settings
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.export import Exported, export
from mediasvc.work.plan import rehearse
from mediasvc.work.planning.export_order import ExportOrder
from samples.synthesis import instance, study, write_disc
from tests.carriers import tool, unpack_iso
from tests.disc_kinds import region
from tests.disc_things import broken, build, disc_instances, filled_home, judge, new_sandbox
from tests.test_export import below, local
from tests.test_plan import ordered

LOCAL = {"IssuerOfPatientID": "LOCAL"}


def received() -> list[FileDataset]:
    return [*study(1, 1, count=2, **LOCAL), instance(1, 2, 1, modality="MR", **LOCAL),
            instance(1, 3, 1, modality="US", **LOCAL), instance(1, 3, 2, modality="CINE", **LOCAL),
            instance(1, 3, 3, modality="US", SequenceOfUltrasoundRegions=region(), **LOCAL),
            instance(1, 4, 1, modality="SR", **LOCAL)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    return filled_home(tmp_path_factory.mktemp("profiles"), sandbox, local(1), received())


def made(filled: Path, sandbox: Sandbox, to: Path, profile: str, **more: object,
         ) -> tuple[Exported, list[str]]:
    told: list[str] = []
    with open_desk(Home(filled), Settings(), sandbox) as desk:
        done = export(desk, ordered(to, profile, **more),
                      lambda finding: told.append(f"{finding.rule} {finding.text}"),
                      lambda *_: None)
    return done, told


@pytest.mark.parametrize(("profile", "switch", "modalities", "compress"), [
    ("STD-CTMR-CD", "--ct-and-mr", {"CT", "MR"}, None),
    ("STD-CTMR-DVD", "--ct-and-mr", {"CT", "MR"}, True),
    ("STD-US-ID-SF-CDR", "--ultrasound-id-sf", {"US"}, None),
    ("STD-US-ID-MF-DVD", "--ultrasound-id-mf", {"US"}, True),
    ("STD-US-SC-SF-CDR", "--ultrasound-sc-sf", {"US"}, None),
    ("STD-GEN-BD-JPEG", "--general-bd-jpeg", {"CT", "MR", "US", "SR"}, True),
    ("STD-GEN-MMC-J2K", "--usb-and-flash-j2k", {"CT", "MR", "US", "SR"}, True)])
def test_a_disc_of_a_narrow_profile_is_made_and_others_accept_it(
        filled: Path, sandbox: Sandbox, tmp_path: Path, profile: str, switch: str,
        modalities: set[str], compress: bool | None) -> None:
    folder = profile.startswith("STD-GEN")
    to = tmp_path / ("out" if folder else "a.iso")
    done, told = made(filled, sandbox, to, profile, compress=compress)
    assert done.discs[0].verdict and done.discs[0].verdict.profile == profile
    if not folder:
        unpack_iso(to, tmp_path / "out")
    held = below(tmp_path / "out")
    assert {ds.Modality for ds in held.values()} == modalities
    assert done.excluded == 7 - len(held) and len(told) >= done.excluded
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    (tmp_path / "copy" / "DICOMDIR").chmod(0o600)
    (tmp_path / "copy" / "DICOMDIR").unlink()
    said = subprocess.run([tool("dcmmkdir"), switch, "-W", "+I", "+r", "DICOM"],
                          cwd=tmp_path / "copy", capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr.count("E:")) == (0, 0), said.stderr


@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (32, 8192), (16, 32)])
def test_an_image_of_32_rows_has_its_rows_in_the_directory(sandbox: Sandbox, tmp_path: Path,
                                                           rows: int, columns: int) -> None:
    """Their bytes, 20 00 and 00 20, look like the padding of a text."""
    files = disc_instances(tmp_path / "in", [instance(1, 1, rows=rows, columns=columns)])
    build(sandbox, tmp_path / "a.iso", files, tmp_path / "scratch", profile="STD-GEN-DVD-JPEG")
    assert judge(sandbox, tmp_path / "a.iso").passed


def test_a_palette_that_names_a_patient_stands_below_none(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its record is one of the root (PS3.3 F.4), so no key of a patient's may be missed there."""
    palette = instance(1, 1, PatientSex="F", PatientBirthDate="19500101", ImageType=["DERIVED"],
                       ContentLabel="HOT", ContentDescription="Hot iron",
                       SOPClassUID="1.2.840.10008.5.1.4.39.1", **LOCAL)
    palette.file_meta.MediaStorageSOPClassUID = palette.SOPClassUID
    del palette.PixelData
    files = disc_instances(tmp_path / "in", [palette, *study(1, 2, count=2, **LOCAL)])
    build(sandbox, tmp_path / "a.iso", files, tmp_path / "scratch", profile="STD-GEN-DVD-JPEG")
    assert "R11-5" not in broken(judge(sandbox, tmp_path / "a.iso"))


def test_what_a_narrow_profile_cannot_hold_is_named_with_its_rule(
        filled: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    done, told = made(filled, sandbox, tmp_path / "a.iso", "STD-US-SC-SF-CDR")
    assert done.instances == 1
    assert any("R11-2b" in words and "Ultrasound Regions" in words for words in told)
    assert any(words.startswith("R11-2 ") for words in told)


@pytest.mark.parametrize(("profile", "kind", "changes", "rule"), [
    ("STD-CTMR-CD", "CT", {"Modality": "OT"}, "R11-2b"),
    ("STD-CTMR-CD", "SR", {}, "R11-2"),
    ("STD-US-ID-SF-CDR", "CINE", {}, "R11-2"),
    ("STD-US-CC-SF-CDR", "US", {"SequenceOfUltrasoundRegions": region()}, "R11-2b"),
    ("STD-DEN-CD", "CT", {}, "R11-2"),
    ("STD-XABC-CD", "CT", {}, "R11-1"), ("STD-XABC-CD", "CT", {}, "R11-5"),
    ("STD-GEN-BD-MPEG4-HPLV42-2D", "CT", {}, "R11-1")])
def test_what_breaks_a_narrow_profile_is_found_by_its_rule(
        sandbox: Sandbox, tmp_path: Path, profile: str, kind: str, changes: dict[str, object],
        rule: str) -> None:
    files = disc_instances(tmp_path / "in", [instance(1, 1, modality=kind, **changes)])
    build(sandbox, tmp_path / "a.iso", files, tmp_path / "scratch", profile="STD-GEN-CD")
    assert rule in broken(judge(sandbox, tmp_path / "a.iso", profile))


def test_lossless_syntaxes_are_chosen_by_what_the_profile_prefers(
        filled: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    for name, profile, expected in (("ct.iso", "STD-CTMR-DVD", JPEGLosslessSV1),
                                    ("us.iso", "STD-US-ID-MF-DVD", RLELossless)):
        made(filled, sandbox, tmp_path / name, profile, compress=True)
        unpack_iso(tmp_path / name, tmp_path / name[:2])
        assert {str(ds.file_meta.TransferSyntaxUID)
                for ds in below(tmp_path / name[:2]).values()} == {expected}
    assert ExplicitVRLittleEndian != expected


def test_a_profile_that_is_only_read_is_refused_in_words() -> None:
    from dataclasses import replace

    from mediasvc.errors import SettingsError
    from mediasvc.standard.profiles import load_profile
    from mediasvc.work.planning.export_order import capacity_of

    profile = replace(load_profile("STD-GEN-CD"), reads_only="nobody here makes them")
    with pytest.raises(SettingsError, match="nobody here"):
        capacity_of(profile, "", "iso")


def test_icons_stand_in_dicomdir_when_asked_and_other_programs_accept_them(
        filled: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    made(filled, sandbox, tmp_path / "a.iso", "STD-CTMR-CD", icons=True)
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    records = [record for record in pydicom.dcmread(
        tmp_path / "out" / "DICOMDIR").DirectoryRecordSequence
        if record.DirectoryRecordType == "IMAGE"]
    assert len(records) == 3
    for record in records:
        [icon] = record.IconImageSequence
        assert (icon.Rows, icon.Columns, icon.BitsAllocated, icon.PhotometricInterpretation) == (
            64, 64, 8, "MONOCHROME2")
        assert len(icon.PixelData) == 64 * 64 and len(set(icon.PixelData)) > 4
    for program in ("dciodvfy", "dcdirdmp"):
        said = subprocess.run([tool(program), "DICOMDIR"], cwd=tmp_path / "out",
                              capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr


def test_with_icons_the_plan_is_exact_too(filled: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.iso", "STD-GEN-DVD-JPEG", icons=True)
    with open_desk(Home(filled), Settings(), sandbox) as desk:
        planned, built = planned_and_built(desk, order)
    assert planned == built


def planned_and_built(desk: Desk, order: ExportOrder) -> tuple[int, int]:
    planned = rehearse(desk, order, lambda finding: None, lambda *_: None)
    built = export(desk, order, lambda finding: None, lambda *_: None)
    return planned.discs[0].bytes, built.discs[0].bytes


def test_bytes_behind_a_file_that_nobody_vouches_for_are_told(sandbox: Sandbox, tmp_path: Path,
                                                              ) -> None:
    """R12-1e on a disc of somebody else; on ours the seal and the list of hashes answer for it."""
    import pycdlib

    write_disc(tmp_path / "disc", study(1, count=1))
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=1, vol_ident="SAMPLE")
    for path in sorted((tmp_path / "disc").rglob("*")):
        inside = "/" + str(path.relative_to(tmp_path / "disc"))
        if path.is_dir():
            iso.add_directory(inside)
        else:
            iso.add_file(str(path), inside + (";1" if "." in path.name else ".;1"))
    iso.write(str(tmp_path / "a.iso"))
    iso.close()
    with (tmp_path / "a.iso").open("r+b") as image:
        image.seek(-1, 2)
        image.write(b"\x07")
    assert "R12-1e" in broken(judge(sandbox, tmp_path / "a.iso"))


def test_a_jpeg_frame_without_its_tables_is_found(sandbox: Sandbox, tmp_path: Path) -> None:
    """R11-6: abbreviated streams, whose tables stand in the frame before."""
    from pydicom.encaps import encapsulate, generate_frames

    from tests.test_conformance import angiogram

    whole = angiogram(12)
    [stream] = generate_frames(whole.PixelData, number_of_frames=1)
    at = stream.index(b"\xff\xc4")
    length = int.from_bytes(stream[at + 2:at + 4], "big") + 2
    bare = angiogram(12)
    bare.PixelData = encapsulate([stream[:at] + stream[at + length:]], has_bot=False)
    for name, ds, rules in (("a", whole, set()), ("b", bare, {"R11-6"})):
        files = disc_instances(tmp_path / name, [ds])
        build(sandbox, tmp_path / f"{name}.iso", files, tmp_path / "scratch",
              profile="STD-XA1K-CD")
        assert broken(judge(sandbox, tmp_path / f"{name}.iso")) == rules
