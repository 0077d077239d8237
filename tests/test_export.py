"""Studies go out: the right instances, in the right form, as the right person, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    NotFoundError,
    ProofError,
    SettingsError,
    StateError,
    UnfitError,
)
from mediasvc.media.checking.verdict import Verdict
from mediasvc.model import Demographics, Finding, PatientKey
from mediasvc.settings import Home, Settings
from mediasvc.standard.profiles import load_profile
from mediasvc.store import discs
from mediasvc.store.patients import PatientRecord, put_patients
from mediasvc.store.unreleased import unreleased_discs
from mediasvc.work.building import archive_damage
from mediasvc.work.building import export_disc as line
from mediasvc.work.building.export_disc import DiscDone, plans_of
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.export import Exported, export, tell_of
from mediasvc.work.handing_out import release
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.plan import rehearse
from mediasvc.work.planning.export_conform import conform
from mediasvc.work.planning.export_order import ExportOrder, capacity_of, container_of
from mediasvc.work.planning.export_select import select
from samples.synthesis import instance, person, study, uid, write_disc
from tests.carriers import tool, unpack_iso
from tests.conftest import Program
from tests.disc_things import new_sandbox

LOCAL = {"IssuerOfPatientID": "LOCAL"}


@dataclass
class Archive:
    """A desk with three patients in its archive; ``told`` are the findings of the last export."""

    desk: Desk
    told: list[Finding]

    def order(self, to: Path, profile: str = "STD-GEN-CD", **more: object) -> ExportOrder:
        name = f"{to}/" if not to.suffix else str(to)
        container = container_of(name)
        chosen = load_profile(profile)
        row = {"patient": PatientKey("P0001", "LOCAL")} if "studies" not in more else {}
        return ExportOrder(to=to, container=container, profile=chosen,
                           capacity=capacity_of(chosen, "", container),
                           **{**row, **more})  # type: ignore[arg-type]

    def export(self, order: ExportOrder, dry: bool = False) -> Exported:
        self.told.clear()
        return (preview if dry else export)(self.desk, order, self.told.append,
                                            lambda done, total, what: None)


def preview(desk: Desk, order: ExportOrder, tell: object, report: object) -> Exported:
    """The upper limits by which an order is spread over discs; `mediasvc.work.plan` is exact."""
    conformed = conform(desk, order, select(desk, order), None, report)  # type: ignore[arg-type]
    tell_of(conformed, tell)  # type: ignore[arg-type]
    plans = plans_of(order, conformed)
    done = tuple(DiscDone(order.path(number, len(plans)), len(plan.instances),
                          len({one.header.study_instance_uid for one in plan.instances}),
                          plan.bytes) for number, plan in enumerate(plans, 1))
    return Exported(done, len(conformed.instances), conformed.transcoded, len(conformed.excluded))


def received() -> list[FileDataset]:
    """Of patient 1: plain CT, implicit MR with a text preamble, RLE ultrasound, a report."""
    mr = study(1, 2, modality="MR", count=2, transfer_syntax=ImplicitVRLittleEndian, **LOCAL)
    for ds in mr:
        ds.preamble = b"made by hand".ljust(128, b"\0")
    return [*study(1, 1, count=3, **LOCAL), *mr,
            instance(1, 2, 2, modality="US", transfer_syntax=RLELossless, **LOCAL),
            instance(1, 3, 1, modality="SR", **LOCAL),
            instance(2, **LOCAL), instance(3, IssuerOfPatientID="LOCAL")]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with everything of `received` in its archive."""
    root = tmp_path_factory.mktemp("filled")
    home = Home(root / "home")
    home.create()
    with new_sandbox() as sandbox, open_desk(home, Settings(), sandbox) as desk:
        with desk.store.transaction() as connection:
            put_patients(connection, [local(number) for number in (1, 2, 3)], provenance="test")
        for number, rows in enumerate((received()[:7], received()[7:8], received()[8:])):
            write_disc(root / str(number), rows)
            package = submit(desk, root / str(number), source="", by="test")
            done = run_line(desk, package.id, lambda done, total, what: None)
            assert done.state == "done", done
    return home.root


def local(number: int, **changes: str) -> PatientRecord:
    someone = person(number)
    facts = {"patient_name": someone.patient_name, "patient_sex": someone.patient_sex,
             "patient_birth_date": someone.patient_birth_date}
    return PatientRecord(PatientKey(someone.patient_id, "LOCAL"),
                         Demographics(**{**facts, **changes}))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[object]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def archive(filled: Path, tmp_path: Path, sandbox: object) -> Iterator[Archive]:
    """A copy of the filled home that a test may spoil."""
    home = Home(Path(shutil.copytree(filled, tmp_path / "home")))
    with open_desk(home, Settings(), sandbox) as desk:  # type: ignore[arg-type]
        yield Archive(desk, [])


def below(folder: Path) -> dict[str, FileDataset]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "DICOMDIR" and pydicom.misc.is_dicom(path):
            ds = pydicom.dcmread(path)
            found[ds.SOPInstanceUID] = ds
    return found


def originals(count: int = 7) -> dict[str, FileDataset]:
    return {ds.SOPInstanceUID: ds for ds in received()[:count]}


def same_pixels(one: FileDataset, other: FileDataset) -> bool:
    if "PixelData" not in other:
        return "PixelData" not in one
    return bool((one.pixel_array == other.pixel_array).all())


# --- what is on the disc -------------------------------------------------------------------------

def test_a_patient_goes_out_whole_and_every_pixel_is_the_same(archive: Archive,
                                                              tmp_path: Path) -> None:
    done = archive.export(archive.order(tmp_path / "a.iso"))
    assert (len(done.discs), done.instances, done.transcoded, done.excluded) == (1, 7, 3, 0)
    [disc] = done.discs
    assert disc.verdict and disc.verdict.passed and not disc.verdict.failed
    assert (disc.instances, disc.studies) == (7, 3)
    assert hashlib.sha256((tmp_path / "a.iso").read_bytes()).hexdigest() == disc.sha256
    assert (tmp_path / "a.iso").stat().st_size == disc.bytes
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    out = below(tmp_path / "out")
    assert set(out) == set(originals())
    for found, original in originals().items():
        assert same_pixels(out[found], original)
        assert out[found].file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert not any(out[found].preamble)
        assert (out[found].PatientID, out[found].IssuerOfPatientID) == ("P0001", "LOCAL")


@pytest.mark.parametrize(("profile", "allowed"), [
    ("STD-GEN-DVD-JPEG", {ExplicitVRLittleEndian, JPEGLosslessSV1}),
    ("STD-GEN-DVD-J2K", {ExplicitVRLittleEndian, "1.2.840.10008.1.2.4.90"})])
def test_what_a_profile_does_not_allow_is_transcoded_into_what_it_does(
        archive: Archive, tmp_path: Path, profile: str, allowed: set[str]) -> None:
    done = archive.export(archive.order(tmp_path / "a.iso", profile))
    assert done.transcoded == 3
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    out = below(tmp_path / "out")
    assert {str(ds.file_meta.TransferSyntaxUID) for ds in out.values()} == allowed
    for found, original in originals().items():
        assert same_pixels(out[found], original)


def test_a_zip_keeps_rle_and_a_folder_is_ready_for_a_stick(archive: Archive,
                                                           tmp_path: Path) -> None:
    done = archive.export(archive.order(tmp_path / "a.zip", "ZIP"))
    assert done.transcoded == 2  # implicit VR is not on the list
    done = archive.export(archive.order(tmp_path / "usb", "STD-GEN-USB-JPEG"))
    assert set(below(tmp_path / "usb")) == set(originals())
    [disc] = done.discs
    listed = (tmp_path / "usb" / "MANIFEST.TXT").read_bytes()
    assert disc.sha256 == hashlib.sha256(listed).hexdigest()
    assert (tmp_path / "usb.json").is_file()


def test_single_studies_go_out_too(archive: Archive, tmp_path: Path) -> None:
    done = archive.export(archive.order(tmp_path / "a.zip", "ZIP", studies=(uid(1, 3),)))
    assert (done.instances, done.discs[0].studies) == (1, 1)


def test_a_disc_says_for_whom_it_was_made(archive: Archive, tmp_path: Path) -> None:
    archive.export(archive.order(tmp_path / "usb", "STD-GEN-USB-JPEG",
                                 recipient="Dr. Müller, Clinic East"))
    for name in ("README.TXT", "INDEX.HTM"):
        assert "Dr. Müller, Clinic East" in (tmp_path / "usb" / name).read_text("utf-8-sig")
    assert json.loads((tmp_path / "usb.json").read_text())["recipient"] == "Dr. Müller, Clinic East"


def test_the_identity_that_is_current_now_goes_out(archive: Archive, tmp_path: Path) -> None:
    with archive.desk.store.transaction() as connection:
        put_patients(connection, [local(1, patient_name="Married^Alma")], provenance="HL7")
    archive.export(archive.order(tmp_path / "a.iso"))
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    for ds in below(tmp_path / "out").values():
        assert ds.PatientName == "Married^Alma"
        last = ds.OriginalAttributesSequence[-1]
        assert last.ModifiedAttributesSequence[0].PatientName == person(1).patient_name
    index = (tmp_path / "out" / "INDEX.HTM").read_text()
    assert "Married, Alma" in index


def test_a_name_that_needs_another_character_set_goes_out_too(archive: Archive,
                                                              tmp_path: Path) -> None:
    with archive.desk.store.transaction() as connection:
        put_patients(connection, [local(1, patient_name="Wang^XiaoDong=王^小東")],
                     provenance="HL7")
    archive.export(archive.order(tmp_path / "a.iso"))
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    assert {str(ds.PatientName) for ds in below(tmp_path / "out").values()} == {
        "Wang^XiaoDong=王^小東"}


# --- who may share a disc ------------------------------------------------------------------------

def test_two_patients_never_share_a_disc_by_accident(archive: Archive, tmp_path: Path) -> None:
    both = (uid(1, 1), uid(2, 1))
    with pytest.raises(StateError, match="2 patients"):
        archive.export(archive.order(tmp_path / "a.iso", studies=both))
    assert not list(tmp_path.glob("*.iso*"))
    done = archive.export(archive.order(tmp_path / "a.iso", studies=both, several_patients=True))
    assert done.discs[0].verdict
    assert [result.rule.id for result in done.discs[0].verdict.failed] == ["E03"]


def test_the_unknown_is_named(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        archive.export(archive.order(tmp_path / "a.iso", studies=("1.2.3",)))
    with pytest.raises(NotFoundError):
        archive.export(archive.order(tmp_path / "a.iso", patient=PatientKey("NOBODY", "LOCAL")))


# --- how many discs ------------------------------------------------------------------------------

def test_a_dry_run_shows_the_plan_and_writes_nothing(archive: Archive, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    done = archive.export(archive.order(tmp_path / "out" / "a.iso"), dry=True)
    assert (done.instances, done.transcoded) == (7, 3)
    [disc] = done.discs
    assert disc.path == tmp_path / "out" / "a.iso"
    real = archive.export(archive.order(tmp_path / "b.iso")).discs[0].bytes
    assert disc.bytes >= real
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert {path for path in tmp_path.rglob("*") if "home" not in path.parts
            and not path.name.startswith("b.iso")} == before


def test_studies_that_do_not_fit_together_go_on_discs_of_their_own(archive: Archive,
                                                                   tmp_path: Path) -> None:
    whole = archive.export(archive.order(tmp_path / "a.iso"), dry=True).discs[0].bytes
    order = replace(archive.order(tmp_path / "a.iso"), capacity=whole - 4096)
    done = archive.export(order)
    assert [disc.path.name for disc in done.discs] == ["a-1of2.iso", "a-2of2.iso"]
    assert sum(disc.studies for disc in done.discs) == 3  # no study is cut
    assert len({disc.file_set_id for disc in done.discs}) == 2
    seen: set[str] = set()
    for number, disc in enumerate(done.discs):
        assert disc.verdict and disc.verdict.passed
        assert disc.bytes <= whole - 4096
        unpack_iso(disc.path, tmp_path / str(number))
        assert f"disc {number + 1} of 2" in (tmp_path / str(number) / "README.TXT").read_text()
        seen |= set(below(tmp_path / str(number)))
    assert seen == set(originals())
    assert not (tmp_path / "a.iso").exists()


def test_an_instance_larger_than_a_disc_is_refused_before_anything_is_written(
        archive: Archive, tmp_path: Path) -> None:
    order = replace(archive.order(tmp_path / "a.iso"), capacity=1 << 20)
    with pytest.raises(BudgetError):
        archive.export(order)
    assert not list(tmp_path.glob("*.iso*"))


# --- what stops an export ------------------------------------------------------------------------

def nothing_is_left(archive: Archive, folder: Path) -> bool:
    staging = [path.name for path in archive.desk.home.staging.iterdir()]
    with archive.desk.store.read() as connection:
        open_rows = unreleased_discs(connection)
    return (not open_rows and not list(folder.glob("*.iso*")) and not list(folder.glob(".*"))
            and [name for name in staging if name.startswith("export-")] == ["export-lock"])


def stored(archive: Archive, sop_instance_uid: str) -> Path:
    """The object of an instance, found by reading all of them."""
    objects = (archive.desk.home.archive / "objects").rglob("*.dcm")
    return next(path for path in objects
                if pydicom.dcmread(path).SOPInstanceUID == sop_instance_uid)


def test_a_missing_object_stops_the_export_unless_an_incomplete_disc_is_accepted(
        archive: Archive, tmp_path: Path) -> None:
    stored(archive, uid(1, 1, 1, 2)).unlink()
    order = archive.order(tmp_path / "a.iso")
    with pytest.raises(DamagedError, match="--allow-incomplete"):
        archive.export(order)
    assert [(f.severity, f.subject) for f in archive.told if "missing" in f.text] == [
        ("error", uid(1, 1, 1, 2))]
    assert nothing_is_left(archive, tmp_path)
    done = archive.export(replace(order, incomplete=True))
    assert (done.instances, done.excluded) == (6, 1)
    assert [(f.code, f.subject, f.rule) for f in archive.told if f.code == "excluded"] == [
        ("excluded", uid(1, 1, 1, 2), "E05")]
    unpack_iso(tmp_path / "a.iso", tmp_path / "out")
    for name in ("INDEX.HTM", "README.TXT"):
        assert "1 object of these studies could not be put on" in (
            tmp_path / "out" / name).read_text()


def rot(victim: Path, kind: str) -> None:
    """What happens to a file on a disk: a bit of a pixel, a UID, a length, its end, most of it."""
    data = bytearray(victim.read_bytes())
    if kind == "pixel":
        data[-50] ^= 1
    elif kind == "UID":
        data[data.index(b"\x20\0\x0d\0UI") + 20] ^= 1
    elif kind == "length":
        data[data.index(b"\x08\0\x60\0CS") + 6] = 0xFF
    elif kind == "end":
        del data[-200:]
    else:
        data[600:] = bytes(len(data) - 600)
    victim.chmod(0o600)
    victim.write_bytes(data)


@pytest.mark.parametrize(("kind", "suffix", "profile", "compress"), [
    ("pixel", ".iso", "STD-GEN-CD", None), ("UID", ".iso", "STD-GEN-CD", None),
    ("length", ".iso", "STD-GEN-CD", None), ("zeros", ".zip", "ZIP", None),
    ("pixel", ".iso", "STD-GEN-DVD-JPEG", True), ("end", ".zip", "ZIP", True)])
def test_what_rotted_in_the_archive_never_leaves_and_is_named(
        archive: Archive, tmp_path: Path, kind: str, suffix: str, profile: str,
        compress: bool | None) -> None:
    """Whether it goes as it is or is written anew; the others go when somebody allows it."""
    victim = stored(archive, uid(1, 1, 1, 1))
    rot(victim, kind)
    order = archive.order(tmp_path / f"a{suffix}", profile, compress=compress)
    with pytest.raises(DamagedError, match="--allow-incomplete"):
        archive.export(order)
    named = [finding for finding in archive.told if finding.rule == "E05"]
    assert [(one.severity, one.subject) for one in named] == [("error", uid(1, 1, 1, 1))]
    assert victim.name in named[0].text
    assert nothing_is_left(archive, tmp_path)
    done = archive.export(replace(order, incomplete=True))
    assert (done.instances, done.excluded) == (6, 1)
    assert done.discs[0].verdict and done.discs[0].verdict.passed
    assert [finding.subject for finding in archive.told if finding.code == "excluded"] == [
        uid(1, 1, 1, 1)]


def test_a_plan_that_fails_names_what_rotted_in_the_archive(archive: Archive, tmp_path: Path,
                                                            ) -> None:
    rot(stored(archive, uid(1, 1, 1, 1)), "zeros")
    order = archive.order(tmp_path / "a.iso")
    with pytest.raises(DamagedError):
        rehearse(archive.desk, order, archive.told.append, lambda *_: None)
    assert {finding.subject for finding in archive.told} == {uid(1, 1, 1, 1)}
    done = rehearse(archive.desk, replace(order, incomplete=True), archive.told.append,
                    lambda *_: None)
    assert (done.instances, done.excluded) == (6, 1)


@pytest.mark.parametrize("suffix", [".iso", ".zip", ""], ids=["iso", "zip", "folder"])
def test_a_disc_that_fails_its_check_is_never_seen(archive: Archive, tmp_path: Path, suffix: str,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    built = line.build_disc

    def spoil(*arguments: object, **named: object) -> object:
        done = built(*arguments, **named)  # type: ignore[arg-type]
        target = Path(str(named["target"]))
        victim = target / "DICOMDIR" if target.is_dir() else target
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
        return done

    monkeypatch.setattr(line, "build_disc", spoil)
    profile = "ZIP" if suffix == ".zip" else "STD-GEN-CD"
    with pytest.raises(ProofError):
        archive.export(archive.order(tmp_path / f"a{suffix}", profile))
    assert not list(tmp_path.glob("a*"))
    assert nothing_is_left(archive, tmp_path)


def test_a_disc_of_right_bytes_that_breaks_a_rule_blames_no_file(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is not read again for it."""
    judged, read = line.check_disc, list[object]()

    def strict(*arguments: Any, **named: Any) -> Verdict:
        verdict = judged(*arguments, **named)
        broken = Finding("error", "rule-rf-5", "DICOMDIR", "so it is", "RF-5")
        return replace(verdict, results=tuple(
            replace(one, count=1, findings=(broken,)) if one.rule.id == "RF-5" else one
            for one in verdict.results))

    monkeypatch.setattr(line, "check_disc", strict)
    monkeypatch.setattr(archive_damage, "damaged_instances", lambda *_: read.append(1) or {})
    with pytest.raises(UnfitError):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert not read
    assert nothing_is_left(archive, tmp_path)


def test_a_full_disk_leaves_nothing(archive: Archive, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **named: object) -> None:
        Path(str(named["target"])).write_bytes(b"half an image")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(line, "build_disc", full)
    with pytest.raises(OSError, match="No space"):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert nothing_is_left(archive, tmp_path)


def test_what_stands_there_is_not_overwritten_unless_asked(archive: Archive,
                                                           tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(b"dear to somebody")
    with pytest.raises(SettingsError, match="exists already"):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert (tmp_path / "a.iso").read_bytes() == b"dear to somebody"
    archive.export(archive.order(tmp_path / "a.iso", replace=True))
    assert (tmp_path / "a.iso").stat().st_size > 1000
    (tmp_path / "usb").mkdir()
    archive.export(archive.order(tmp_path / "usb", "STD-GEN-USB-JPEG"))  # an empty one is taken
    with pytest.raises(SettingsError, match="something in it"):
        archive.export(archive.order(tmp_path / "usb", "STD-GEN-USB-JPEG", replace=True))


def test_what_appears_meanwhile_is_not_overwritten(archive: Archive, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    built = line.build_disc

    def appear(*arguments: object, **named: object) -> object:
        (tmp_path / "a.iso").write_bytes(b"somebody else's")
        return built(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(line, "build_disc", appear)
    with pytest.raises(StateError, match="appeared"):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert [path.name for path in tmp_path.glob("*a.iso*")] == ["a.iso"]
    assert (tmp_path / "a.iso").read_bytes() == b"somebody else's"


def test_a_patient_who_changes_while_the_disc_is_made_stops_it(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = line.build_disc

    def marry(*arguments: object, **named: object) -> object:
        with archive.desk.store.transaction() as connection:
            put_patients(connection, [local(1, patient_name="Married^Alma")], provenance="HL7")
        return built(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(line, "build_disc", marry)
    with pytest.raises(StateError, match="changed while"):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert nothing_is_left(archive, tmp_path)


def test_two_exports_never_write_the_same_path(archive: Archive, tmp_path: Path) -> None:
    with release.workspace(archive.desk):  # another export is running
        release.reserve(archive.desk, tmp_path / "a.iso", profile="ZIP", file_set_id="X", by="")
        with pytest.raises(StateError, match="Another export"):
            archive.export(archive.order(tmp_path / "a.iso"))


def test_a_disc_that_does_not_fit_on_our_own_disk_is_not_begun(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(release.shutil, "disk_usage", lambda path: usage._replace(free=1 << 20))
    with pytest.raises(BudgetError, match="are free"):
        archive.export(archive.order(tmp_path / "a.iso"))
    assert nothing_is_left(archive, tmp_path)


@pytest.mark.parametrize("state", ["planned", "built", "verified"])
def test_what_a_killed_export_left_is_cleared_by_the_next(archive: Archive, tmp_path: Path,
                                                          state: str) -> None:
    (archive.desk.home.staging / "export-dead").mkdir()
    with archive.desk.store.transaction() as connection:
        row = discs.plan_disc(connection, path=str(tmp_path / "dead.iso"), profile="ZIP",
                              file_set_id="X")
        for old, new in (("planned", "built"), ("built", "verified")):
            if row.state != state:
                row = discs.change_disc(connection, row.id, expect=old, to=new)  # type: ignore[arg-type]
    release.temporary(row).write_bytes(b"half an image")
    for path in release.certificates(Path(row.path)):
        path.write_bytes(b"{}")
    archive.export(archive.order(tmp_path / "b.zip", "ZIP", studies=(uid(1, 3),)))
    with archive.desk.store.read() as connection:
        assert discs.disc(connection, row.id).state == "failed"
    assert not list(tmp_path.glob("*dead*"))
    assert nothing_is_left(archive, tmp_path)


def test_an_export_killed_after_its_last_step_is_finished_by_the_next(archive: Archive,
                                                                      tmp_path: Path) -> None:
    content = b"a finished image"
    (tmp_path / "done.iso").write_bytes(content)
    with archive.desk.store.transaction() as connection:
        row = discs.plan_disc(connection, path=str(tmp_path / "done.iso"), profile="ZIP",
                              file_set_id="X")
        discs.change_disc(connection, row.id, expect="planned", to="built")
        discs.change_disc(connection, row.id, expect="built", to="verified",
                          sha256=hashlib.sha256(content).hexdigest())
    archive.export(archive.order(tmp_path / "b.zip", "ZIP", studies=(uid(1, 3),)))
    with archive.desk.store.read() as connection:
        assert discs.disc(connection, row.id).state == "released"
    assert (tmp_path / "done.iso").read_bytes() == content


# --- certificate, ledger, repetition -------------------------------------------------------------

def test_the_certificate_lists_what_was_proven_and_names_nobody(archive: Archive,
                                                                tmp_path: Path) -> None:
    [disc] = archive.export(archive.order(tmp_path / "a.iso")).discs
    assert disc.certificate == tmp_path / "a.iso.json"
    text = (tmp_path / "a.iso.json").read_text() + (tmp_path / "a.iso.html").read_text()
    row = json.loads((tmp_path / "a.iso.json").read_text())
    assert (row["sha256"], row["verdict"], row["profile"]) == (disc.sha256, "pass", "STD-GEN-CD")
    assert {one["sop_instance_uid"] for one in row["instances"]} == set(originals())
    assert all(rule["pass"] for rule in row["rules"])
    for value in (person(1).patient_name, person(1).patient_id, person(1).patient_birth_date,
                  person(1).patient_name.split("^")[0]):
        assert value not in text


def test_the_ledger_knows_what_left(archive: Archive, tmp_path: Path) -> None:
    [disc] = archive.export(archive.order(tmp_path / "a.iso")).discs
    with archive.desk.store.read() as connection:
        [number] = discs.discs_of(connection, [uid(1, 1)])
        row = discs.disc(connection, number)
    assert (row.state, row.sha256, row.bytes, row.file_set_id) == (
        "released", disc.sha256, disc.bytes, disc.file_set_id)


def test_the_same_order_at_the_same_moment_gives_the_same_image(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    monkeypatch.setattr(line, "datetime", Stopped)
    first, second = (archive.export(archive.order(tmp_path / name)).discs[0].sha256
                     for name in ("a.iso", "b.iso"))
    assert first == second


@pytest.mark.parametrize(("text", "container"), [
    ("a.iso", "iso"), ("A.ISO", "iso"), ("x/a.zip", "zip"), ("usb/", "folder")])
def test_the_suffix_says_what_is_made(text: str, container: str) -> None:
    assert container_of(text) == container


def test_profile_medium_and_target_must_go_together() -> None:
    with pytest.raises(SettingsError, match="--to"):
        container_of("a.img")
    with pytest.raises(SettingsError, match="ZIP"):
        capacity_of(load_profile("ZIP"), "", "iso")
    with pytest.raises(SettingsError, match="floppy"):
        capacity_of(load_profile("STD-GEN-CD"), "floppy", "iso")
    assert capacity_of(load_profile("STD-GEN-CD"), "unlimited", "iso") is None
    assert capacity_of(load_profile("STD-GEN-DVD-J2K"), "dvd-dl", "iso") == 4_171_712 * 2048


# --- what others say of it -----------------------------------------------------------------------

@pytest.mark.parametrize("profile", ["STD-GEN-CD", "STD-GEN-DVD-JPEG", "STD-GEN-DVD-J2K"])
def test_other_programs_accept_the_disc(archive: Archive, tmp_path: Path, profile: str) -> None:
    archive.export(archive.order(tmp_path / "a.iso", profile))
    out = tmp_path / "out"
    unpack_iso(tmp_path / "a.iso", out)
    said = subprocess.run([tool("dciodvfy"), "DICOMDIR"], cwd=out, capture_output=True, text=True,
                          check=False)
    assert "Error" not in said.stdout + said.stderr
    dumped = subprocess.run([tool("dcdirdmp"), "DICOMDIR"], cwd=out, capture_output=True,
                            text=True, check=False)
    assert "Error" not in dumped.stdout + dumped.stderr
    (out / "DICOMDIR").unlink()
    switch = {"STD-GEN-CD": "-Pgp", "STD-GEN-DVD-JPEG": "-Pdv", "STD-GEN-DVD-J2K": "-Pd2"}[profile]
    again = subprocess.run([tool("dcmmkdir"), switch, "+I", "+r", "DICOM"], cwd=out,
                           capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.count("E:")) == (0, 0), again.stderr
    files = {"\\".join(record.ReferencedFileID)
             for record in pydicom.dcmread(out / "DICOMDIR").DirectoryRecordSequence
             if "ReferencedFileID" in record}
    assert len(files) == 7


# --- the command ---------------------------------------------------------------------------------

def test_the_command_speaks_lines_and_exit_codes(filled: Path, tmp_path: Path) -> None:
    cli = Program(Path(shutil.copytree(filled, tmp_path / "home")))
    image = tmp_path / "a.iso"
    done = cli("export", "--patient", "P0001@LOCAL", "--profile", "STD-GEN-CD", "--to", image)
    [disc] = done.of("disc")
    assert (done.code, disc["verdict"], disc["path"]) == (0, "pass", str(image))
    assert done.summary == {"type": "summary", "discs": 1, "instances": 7, "transcoded": 3,
                            "excluded": 0, "dry_run": False}
    assert cli("export", "--patient", "P0001@LOCAL", "--to", image).code == 3
    assert cli("export", "--to", image).code == 3
    assert cli("export", "--study", uid(1, 1), "--profile", "NO", "--to", image).code == 3


def test_the_disc_itself_says_what_was_checked(archive: Archive, tmp_path: Path) -> None:
    """The certificate cannot stand inside the image whose hash it holds; the statement can."""
    archive.export(archive.order(tmp_path / "usb", profile="STD-GEN-USB-JPEG"))
    disc = tmp_path / "usb"
    row = json.loads((disc / "CERT.JSN").read_text())
    listed = (disc / "MANIFEST.TXT").read_text()
    lines = [line for line in listed.splitlines() if "  DICOM/" in line]
    assert row["contents_sha256"] == hashlib.sha256(
        "".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert row["instances"] == len(lines) == sum(row["sop_classes"].values())
    assert {rule["id"] for rule in row["rules"]} >= {"R10-1", "R11-3", "RF-9", "PDI-2"}
    page = (disc / "CERT.HTM").read_text()
    assert row["file_set_id"] in page and "read again" in page and "KEY.pub" not in page
    assert "CERT.HTM" in (disc / "README.TXT").read_text()
    assert "CERT.HTM" in (disc / "INDEX.HTM").read_text()
    for name in ("CERT.HTM", "CERT.JSN"):
        assert f"{hashlib.sha256((disc / name).read_bytes()).hexdigest()}  {name}\n" in listed
        assert person(1).patient_id not in (disc / name).read_text()


def test_what_is_said_of_many_instances_alike_is_printed_three_times_and_counted(
        tmp_path: Path) -> None:
    cli = Program(tmp_path / "home")
    write_disc(tmp_path / "disc", [*study(1, 1, count=2), *study(1, 2, modality="US", count=5)])
    assert cli("ingest", tmp_path / "disc").code == 1
    assert cli("queue", "decide", "1", "--new", "--by", "test").code == 0
    order = ["export", "--patient", cli("studies", "list").of("study")[0]["patient_id"],
             "--profile", "STD-CTMR-CD", "--no-viewer", "--to"]
    said = cli.text(*order, tmp_path / "a.iso")
    words = "the profile has no place for such objects (Ultrasound Image)"
    assert (said.code, said.stdout.count(words)) == (1, 4)
    assert f"5 in all: {words}" in said.stdout
    told = cli(*order, tmp_path / "b.iso").of("finding")
    assert sum(words in one["text"] for one in told) == 5
