"""What is planned is what is built, to the byte; what it would take elsewhere; for whom."""

from __future__ import annotations

import email
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000MCLossless,
    JPEGLosslessSV1,
    RLELossless,
)

from mediasvc.codecs.search import Goal
from mediasvc.errors import BudgetError, NotFoundError, SettingsError
from mediasvc.media.packed.mail_write import payload_limit
from mediasvc.model import Finding, PatientKey
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Home, Recipient, Settings
from mediasvc.standard.profiles import load_profile
from mediasvc.standard.transfer_syntaxes import transfer_syntax
from mediasvc.store import burns
from mediasvc.work.building.export_disc import plans_of
from mediasvc.work.desk import Desk, open_desk
from mediasvc.work.export import Exported, export
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.plan import rehearse
from mediasvc.work.planning.export_conform import conform
from mediasvc.work.planning.export_lossy import lossy_for
from mediasvc.work.planning.export_order import ExportOrder, capacity_of, container_of
from mediasvc.work.planning.export_presets import chosen
from mediasvc.work.planning.export_select import select
from mediasvc.work.planning.plan_options import archived, offers
from mediasvc.work.planning.recipients import narrowed, recipient_of, warnings
from mediasvc.work.transcoding.transcode_row import Options
from samples.synthesis import instance, study, uid
from tests.conftest import Program
from tests.disc_things import broken, filled_home, judge, new_sandbox
from tests.test_export import below, local

LOCAL = {"IssuerOfPatientID": "LOCAL"}


def received() -> list[pydicom.FileDataset]:
    """Two studies with CT, one with an RLE ultrasound and a cine loop, a report."""
    return [*study(1, 1, count=3, rows=64, columns=64, **LOCAL),
            *study(1, 2, count=2, modality="MR", **LOCAL),
            instance(1, 2, 2, modality="US", transfer_syntax=RLELossless, **LOCAL),
            instance(1, 3, 1, modality="CINE", **LOCAL), instance(1, 3, 2, modality="SR", **LOCAL)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    return filled_home(tmp_path_factory.mktemp("filled"), sandbox, local(1), received())


@pytest.fixture
def desk(filled: Path, tmp_path: Path, sandbox: Sandbox) -> Iterator[Desk]:
    home = Home(Path(shutil.copytree(filled, tmp_path / "home")))
    with open_desk(home, Settings(), sandbox) as desk:
        yield desk


def ordered(to: Path, profile: str, **more: object) -> ExportOrder:
    container = container_of(f"{to}/" if not to.suffix else str(to))
    chosen_profile = load_profile(profile)
    facts = {"capacity": capacity_of(chosen_profile, "", container),
             "patient": PatientKey("P0001", "LOCAL"), **more}
    return ExportOrder(to=to, container=container, profile=chosen_profile,
                       **facts)  # type: ignore[arg-type]


def tight(desk: Desk, order: ExportOrder) -> int:
    """Room for every study by itself, not for all of them together."""
    free = replace(order, capacity=None)
    [plan] = plans_of(free, conform(desk, free, select(desk, free), None, lambda *_: None))
    return plan.bytes - 10_000


def made(desk: Desk, order: ExportOrder, dry: bool = False) -> Exported:
    return (rehearse if dry else export)(desk, order, print,
                                         lambda done, total, what: None)


# --- to the byte ---------------------------------------------------------------------------------

def test_what_fits_no_syntax_is_named_by_the_plan_as_by_the_disc(sandbox: Sandbox,
                                                                  tmp_path: Path) -> None:
    """Nobody here decodes JPEG 2000 Part 2."""
    odd = instance(1, 1, 1, 2, **LOCAL)
    odd.PixelData = encapsulate([bytes(64)])
    odd["PixelData"].VR = "OB"
    odd["PixelData"].is_undefined_length = True
    odd.file_meta.TransferSyntaxUID = JPEG2000MCLossless
    home = filled_home(tmp_path, sandbox, local(1), [instance(1, **LOCAL), odd])
    order = ordered(tmp_path / "a.iso", "STD-GEN-DVD-JPEG")
    with open_desk(Home(home), Settings(), sandbox) as desk:
        for line in (rehearse, export):
            told: list[Finding] = []
            done = line(desk, order, told.append, lambda *_: None)
            assert (done.instances, done.excluded) == (1, 1)
            assert [(one.subject, one.rule) for one in told if one.code == "excluded"] == [
                (uid(1, 1, 1, 2), "R11-1")]
            assert any("no tested decoder" in one.text for one in told)


@pytest.mark.parametrize(("name", "profile"), [
    ("a.iso", "STD-GEN-CD"), ("b.iso", "STD-GEN-DVD-JPEG"), ("c.iso", "STD-GEN-DVD-J2K"),
    ("d.zip", "ZIP"), ("stick", "STD-GEN-USB-JPEG"), ("e.eml", "STD-GEN-ZIP-MAIL"),
    ("f.eml", "STD-GEN-MIME")])
def test_the_planned_size_is_the_built_size(desk: Desk, tmp_path: Path, name: str,
                                            profile: str) -> None:
    order = ordered(tmp_path / name, profile, compress=True)
    planned = made(desk, order, dry=True)
    assert not order.to.exists() and not list(desk.home.staging.glob("export-*/"))
    built = made(desk, order)
    assert [disc.bytes for disc in planned.discs] == [disc.bytes for disc in built.discs]
    assert planned.transcoded == built.transcoded
    size = (sum(path.stat().st_size for path in order.to.rglob("*") if path.is_file())
            if order.container == "folder" else order.to.stat().st_size)
    assert size == planned.discs[0].bytes


def test_of_several_discs_each_is_planned_to_the_byte(desk: Desk, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.iso", "STD-GEN-CD")
    order = replace(order, capacity=tight(desk, order))
    planned, built = made(desk, order, dry=True), made(desk, order)
    assert len(planned.discs) > 1
    assert [(disc.path, disc.bytes) for disc in planned.discs] == [
        (disc.path, disc.bytes) for disc in built.discs]


def test_rather_no_disc_than_two_when_that_was_said(desk: Desk, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.iso", "STD-GEN-CD", splitting=False)
    order = replace(order, capacity=tight(desk, order))
    for dry in (True, False):
        with pytest.raises(BudgetError, match="--no-split"):
            made(desk, order, dry)
    assert not list(tmp_path.glob("*a*.iso*"))


def test_native_images_are_compressed_only_when_asked_or_when_it_saves_a_disc(
        desk: Desk, tmp_path: Path) -> None:
    def syntaxes(name: str, **more: object) -> set[str]:
        order = ordered(tmp_path / name, "STD-GEN-USB-JPEG", **more)
        made(desk, order)
        return {str(ds.file_meta.TransferSyntaxUID) for ds in below(order.to).values()
                if ds.Modality == "CT"}

    assert syntaxes("plain") == {ExplicitVRLittleEndian}
    assert syntaxes("asked", compress=True) == {JPEGLosslessSV1}
    full = ordered(tmp_path / "full.iso", "STD-GEN-DVD-JPEG", capacity=10_000)
    conformed = conform(desk, full, select(desk, full), None, lambda *_: None)
    assert "compressed" in {finding.code for finding in conformed.findings}
    assert syntaxes("never", compress=False) == {ExplicitVRLittleEndian}


# --- loss ----------------------------------------------------------------------------------------

def lossy(order: ExportOrder, syntax: str, **goal: float) -> ExportOrder:
    options = Options(Goal(**goal))  # type: ignore[arg-type]
    return replace(order, lossy=lossy_for(order.profile, transfer_syntax(syntax).uid, options))


def test_nothing_is_lost_unless_asked_and_then_copies_say_so(desk: Desk, tmp_path: Path) -> None:
    plain = ordered(tmp_path / "plain", "STD-GEN-USB-J2K")
    made(desk, plain)
    originals = below(plain.to)
    assert not any("LossyImageCompression" in ds for ds in originals.values())
    order = lossy(ordered(tmp_path / "lossy", "STD-GEN-USB-J2K"), "j2k-lossy", ratio=4)
    told: list[str] = []
    export(desk, order, lambda finding: told.append(finding.code), lambda *_: None)
    copies = [ds for ds in below(order.to).values()
              if ds.file_meta.TransferSyntaxUID.endswith(".4.91")]
    assert copies and "lossy" in told
    for ds in copies:
        assert ds.LossyImageCompression == "01" and ds.SOPInstanceUID not in originals
        [source] = ds.SourceImageSequence
        assert source.ReferencedSOPInstanceUID in originals
    assert "compressed with loss" in (order.to / "README.TXT").read_text()
    with desk.store.read() as connection:
        assert [row.patients for row in burns.handed_out(connection, whose=1)] == [
            (PatientKey("P0001", "LOCAL"),)] * 2


def test_what_has_lost_before_never_loses_again(desk: Desk, sandbox: Sandbox,
                                                tmp_path: Path) -> None:
    once = lossy(ordered(tmp_path / "once", "STD-GEN-USB-JPEG", studies=(uid(1, 2),),
                         patient=None), "jpeg", quality=80)
    made(desk, once)
    package = submit(desk, once.to, source="", by="clerk")
    assert run_line(desk, package.id, lambda *_: None).state == "done"
    before = {ds.SOPInstanceUID for ds in below(once.to).values()
              if ds.get("LossyImageCompression") == "01"}
    assert before
    again = lossy(ordered(tmp_path / "again", "STD-GEN-USB-J2K", studies=(uid(1, 2),),
                          patient=None), "j2k-lossy", ratio=4)
    told: list[str] = []
    export(desk, again, lambda finding: told.append(finding.code), lambda *_: None)
    held = below(again.to)
    assert "not-lossy" in told and before <= held.keys()
    assert all(len(ds.LossyImageCompressionMethod.split("\\")) == 1
               if isinstance(ds.LossyImageCompressionMethod, str) else False
               for ds in held.values() if ds.get("LossyImageCompression") == "01")


def test_a_lossy_plan_is_exact_too(desk: Desk, tmp_path: Path) -> None:
    order = lossy(ordered(tmp_path / "a.iso", "STD-GEN-DVD-JPEG"), "jpeg", quality=70)
    planned, built = made(desk, order, dry=True), made(desk, order)
    assert planned.discs[0].bytes == built.discs[0].bytes


@pytest.mark.parametrize(("profile", "syntax", "words"), [
    ("STD-GEN-DVD-JPEG", "jpll", "no lossy syntax"), ("STD-GEN-CD", "jpeg", "does not allow")])
def test_a_lossy_syntax_must_lose_and_be_allowed(profile: str, syntax: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        lossy_for(load_profile(profile), transfer_syntax(syntax).uid, Options())


# --- elsewhere -----------------------------------------------------------------------------------

def test_the_table_offers_every_medium_and_says_what_compression_saves(desk: Desk,
                                                                       tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.iso", "STD-GEN-CD")
    rows = offers(desk, archived(desk, order, load_profile("ZIP")), None)
    assert [row.medium for row in rows] == ["CD", "DVD", "DVD", "DVD-DL", "BD", "USB", "ZIP"]
    assert all(row.discs == 1 for row in rows)
    assert rows[0].gain == 0 and rows[1].gain > 0


def test_a_recipient_who_cannot_open_a_profile_is_told_in_its_row(desk: Desk,
                                                                  tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.iso", "STD-GEN-CD")
    nobody = Recipient(name="Practice", opens=("jpll",))
    rows = offers(desk, archived(desk, order, load_profile("ZIP")), nobody)
    assert rows[0].discs == 0 and "opens nothing" in rows[0].note
    assert rows[1].discs == 1


def test_what_a_recipient_opens_narrows_the_profile() -> None:
    profile = load_profile("STD-GEN-DVD-JPEG")
    plain = Recipient(name="Old Viewer", opens=("explicit",), disc="cd", note="Call first.")
    assert narrowed(profile, plain).transfer_syntaxes == (ExplicitVRLittleEndian,)
    assert narrowed(profile, plain).preferred == (ExplicitVRLittleEndian,)
    assert [row.code for row in warnings(profile, plain, "dvd")] == [
        "recipient-syntaxes", "recipient-disc", "recipient-note"]
    with pytest.raises(SettingsError, match="opens nothing"):
        narrowed(profile, replace_opens(plain, "jxl"))
    assert recipient_of([plain], "old viewer ") is plain
    assert recipient_of([plain], "") is None and recipient_of([plain], "Dr. X") is None


def replace_opens(recipient: Recipient, *words: str) -> Recipient:
    return recipient.model_copy(update={"opens": words})


def test_a_disc_for_a_recipient_holds_only_what_they_open(desk: Desk, tmp_path: Path) -> None:
    narrow = narrowed(load_profile("ZIP"), Recipient(name="X", opens=("explicit", "jpll")))
    order = replace(ordered(tmp_path / "a.zip", "ZIP"), profile=narrow)
    assert made(desk, order).transcoded == 1  # the RLE ultrasound
    shutil.unpack_archive(order.to, tmp_path / "out")
    assert {str(ds.file_meta.TransferSyntaxUID) for ds in below(tmp_path / "out").values()} == {
        ExplicitVRLittleEndian}


# --- which studies -------------------------------------------------------------------------------

def test_only_what_nobody_got_yet_and_only_the_newest(desk: Desk, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.zip", "ZIP")
    newest = chosen(desk, order, not_exported=False, last=1)
    assert newest.studies == (uid(1, 3),) and newest.patient is None
    made(desk, replace(newest, to=tmp_path / "newest.zip"))
    left = chosen(desk, order, not_exported=True, last=0)
    assert left.studies == (uid(1, 1), uid(1, 2))
    made(desk, left)
    assert chosen(desk, order, not_exported=True, last=0).studies == ()
    with pytest.raises(NotFoundError):
        chosen(desk, replace(order, patient=None, studies=("1.2.3",)), not_exported=True, last=0)


def test_the_ledger_tells_who_exported_what_to_whom(desk: Desk, tmp_path: Path) -> None:
    made(desk, ordered(tmp_path / "a.zip", "ZIP", recipient="Dr. Who", by="clerk"))
    made(desk, ordered(tmp_path / "b.zip", "ZIP", studies=(uid(1, 1),), patient=None))
    with desk.store.read() as connection:
        first, second = burns.handed_out(connection)
        whose = burns.handed_out(connection, whose=1, since="2020-01-01")
        assert [row.disc.id for row in whose] == [first.disc.id, second.disc.id]
        assert list(burns.handed_out(connection, whose=99)) == []
        assert list(burns.handed_out(connection, since="2999-01-01")) == []
    assert (first.disc.recipient, first.disc.by) == ("Dr. Who", "clerk")
    assert (first.studies, first.instances) == (3, 8)
    assert first.patients == (PatientKey("P0001", "LOCAL"),)
    assert (second.studies, second.instances) == (1, 3)


def test_even_a_disc_that_names_nobody_is_known_to_be_somebodys(desk: Desk,
                                                                tmp_path: Path) -> None:
    """De-identified: the UIDs on it are in no index."""
    import sqlalchemy as sa

    made(desk, ordered(tmp_path / "a.zip", "ZIP"))
    with desk.store.transaction() as connection:
        connection.execute(sa.text(
            "UPDATE disc_instance SET sop_instance_uid = '2.25.' || file_id"))
    with desk.store.read() as connection:
        [row] = burns.handed_out(connection, whose=1)
    assert row.patients == (PatientKey("P0001", "LOCAL"),)
    assert (row.studies, row.instances) == (0, 8)


# --- at the border -------------------------------------------------------------------------------

def test_what_fits_to_the_byte_is_one_disc(desk: Desk, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """Upper limits alone would take it for too large."""
    monkeypatch.setattr("mediasvc.work.planning.exact_plan.WORTH_IT", 0)

    def order(name: str, capacity: int) -> ExportOrder:
        return ordered(tmp_path / name, "STD-GEN-DVD-JPEG", capacity=capacity, splitting=False)

    free = ordered(tmp_path / "free.iso", "STD-GEN-DVD-JPEG", capacity=None)
    with_room = made(desk, free, dry=True).discs[0].bytes
    [disc] = made(desk, order("large.iso", with_room)).discs
    assert disc.bytes <= with_room
    [exact] = made(desk, order("exact.iso", disc.bytes)).discs
    assert exact.bytes == made(desk, order("e.iso", disc.bytes), dry=True).discs[0].bytes
    assert exact.bytes <= disc.bytes
    with pytest.raises(BudgetError):
        made(desk, order("b.iso", exact.bytes - 2048))


# --- mail ----------------------------------------------------------------------------------------

def test_a_message_is_what_annex_l_asks_for(desk: Desk, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.eml", "STD-GEN-ZIP-MAIL")
    made(desk, order)
    message = email.message_from_bytes(order.to.read_bytes())
    [part] = [part for part in message.walk() if part.get_content_type() == "application/zip"]
    assert (part.get_param("id"), part.get_param("name")) == ("DICOM.ZIP", "DICOM.ZIP")
    assert part.get_filename() == "DICOM.ZIP"
    assert message["Subject"].startswith("DICOM-ZIP ")
    assert "P0001" not in str(message.items())
    (tmp_path / "DICOM.ZIP").write_bytes(part.get_payload(decode=True))  # type: ignore[arg-type]
    shutil.unpack_archive(tmp_path / "DICOM.ZIP", tmp_path / "out", "zip")
    assert len(below(tmp_path / "out")) == 8


def test_every_part_of_a_mime_message_is_a_file_of_the_file_set(desk: Desk,
                                                                tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.eml", "STD-GEN-MIME")
    made(desk, order)
    message = email.message_from_bytes(order.to.read_bytes())
    ids = [str(part.get_param("id")) for part in message.walk()
           if part.get_content_type() == "application/dicom"]
    assert len(ids) == 9 and "DICOMDIR" in ids and max(map(len, ids)) <= 71


@pytest.mark.parametrize("profile", ["STD-GEN-MIME", "STD-GEN-ZIP-MAIL"])
def test_a_message_has_its_readme_and_keeps_every_rule(
        desk: Desk, sandbox: Sandbox, tmp_path: Path, profile: str) -> None:
    order = ordered(tmp_path / "a.eml", profile)
    done = made(desk, order)
    verdict = judge(sandbox, tmp_path / "a.eml", profile)
    assert verdict.passed and not verdict.failed
    assert done.discs[0].verdict and not done.discs[0].verdict.failed
    readmes = [part for part in email.message_from_bytes(order.to.read_bytes()).walk()
               if part.get_filename() == "README.TXT"]
    assert len(readmes) == (profile == "STD-GEN-MIME")
    assert all(b"DICOMDIR" in part.get_payload(decode=True) for part in readmes)  # type: ignore[operator]


@pytest.mark.parametrize(("old", "new", "rule"), [
    (b"Subject: DICOM-ZIP", b"Subject: PICTURES_", "R11-7"),
    (b'id="DICOM.ZIP"', b'id="IMAGE.ZIP"', "R11-7"),
    (b"attachment;", b"inline;    ", "R11-7")])
def test_a_message_that_breaks_annex_l_is_found_by_its_rule(
        desk: Desk, sandbox: Sandbox, tmp_path: Path, old: bytes, new: bytes, rule: str) -> None:
    order = ordered(tmp_path / "a.eml", "STD-GEN-ZIP-MAIL")
    made(desk, order)
    data = order.to.read_bytes()
    assert old in data
    (tmp_path / "b.eml").write_bytes(data.replace(old, new, 1))
    verdict = judge(sandbox, tmp_path / "b.eml")
    assert broken(verdict) == {rule} and not verdict.passed


@pytest.mark.parametrize(("old", "new"), [
    (b'id="DICOMDIR"', b'id="dicomdir"'),
    (b"SE000001/IM000001", b"SE000001/IM-00001"), (b"PT000001/ST000001", b"S" * 80)])
def test_a_part_without_a_file_id_is_found_by_its_rule(desk: Desk, sandbox: Sandbox,
                                                       tmp_path: Path, old: bytes, new: bytes,
                                                       ) -> None:
    order = ordered(tmp_path / "a.eml", "STD-GEN-MIME")
    made(desk, order)
    data = order.to.read_bytes()
    assert old in data
    (tmp_path / "b.eml").write_bytes(data.replace(old, new, 1))
    verdict = judge(sandbox, tmp_path / "b.eml")
    assert "R12-6" in broken(verdict) and not verdict.passed


def test_what_is_no_message_at_all_fails_in_one_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: x\r\nMIME-Version: 1.0\r\n\r\nnothing\r\n")
    verdict = judge(sandbox, tmp_path / "a.eml")
    assert broken(verdict) == {"M00"}


def test_a_message_never_becomes_larger_than_its_limit(desk: Desk, tmp_path: Path) -> None:
    order = ordered(tmp_path / "a.eml", "STD-GEN-ZIP-MAIL")
    limit = tight(desk, order) * 78 // 57 + (64 << 10) + 100
    assert payload_limit(limit) < limit * 57 // 78
    order = replace(order, capacity=limit)
    done = made(desk, order)
    assert len(done.discs) > 1
    assert all(disc.path.stat().st_size <= limit for disc in done.discs)


# --- the command ---------------------------------------------------------------------------------

def test_the_dry_run_prints_the_plan_and_a_table(filled: Path, tmp_path: Path) -> None:
    cli = Program(Path(shutil.copytree(filled, tmp_path / "home")))
    target = tmp_path / "a.iso"
    ask = ["export", "--patient", "P0001@LOCAL", "--profile", "STD-GEN-CD", "--to", target]
    done = cli(*ask, "--dry-run")
    assert (done.code, len(done.of("disc")), len(done.of("offer"))) == (0, 1, 7), done.stderr
    assert not target.exists()
    table = cli.text(*ask[:4], "ZIP", "--to", tmp_path / "a.zip", "--dry-run").stdout
    assert "would make" in table and "DVD-DL" in table


def test_when_everybody_has_everything_there_is_nothing_wrong(filled: Path, tmp_path: Path) -> None:
    cli = Program(Path(shutil.copytree(filled, tmp_path / "home")))
    ask = ["export", "--patient", "P0001@LOCAL", "--not-exported", "--profile", "ZIP", "--to"]
    assert cli(*ask, tmp_path / "a.zip").summary["discs"] == 1
    for more in ((), ("--dry-run",)):
        again = cli(*ask, tmp_path / "b.zip", *more)
        assert (again.code, again.summary["discs"]) == (0, 0), again.stderr
    assert not (tmp_path / "b.zip").exists()
    assert "Nothing is left" in cli.text(*ask, tmp_path / "b.zip").stdout


def test_the_recipients_of_the_settings_choose(filled: Path, tmp_path: Path) -> None:
    cli = Program(Path(shutil.copytree(filled, tmp_path / "home")))
    (cli.home / "config.toml").write_text(
        '[[recipients]]\nname = "General Hospital"\nprofile = "STD-GEN-DVD-JPEG"\n'
        'opens = ["jpll", "explicit"]\ndisc = "dvd-dl"\nnote = "Call before."\n')
    done = cli("export", "--patient", "P0001@LOCAL", "--to", tmp_path / "a.iso",
               "--recipient", "general hospital")
    assert done.code == 0, done.stderr
    assert done.of("disc")[0]["profile"] == "STD-GEN-DVD-JPEG"
    assert {row["code"] for row in done.of("finding")} >= {"recipient-note", "recipient-syntaxes"}


def test_a_profile_of_the_sites_own_makes_discs(filled: Path, tmp_path: Path) -> None:
    cli = Program(Path(shutil.copytree(filled, tmp_path / "home")))
    text = (Path(__file__).parents[1] / "profiles" / "STD-GEN-CD.toml").read_text()
    (cli.home / "profiles").mkdir(exist_ok=True)
    (cli.home / "profiles" / "OUR-CD.toml").write_text(text.replace(
        '"STD-GEN-CD"', '"OUR-CD"').replace('secure_twin = "STD-GEN-SEC-CD"\n', ""))
    done = cli("export", "--patient", "P0001@LOCAL", "--profile", "OUR-CD",
               "--to", tmp_path / "a.iso", "--no-viewer")
    assert done.code == 0 and done.of("disc")[0]["profile"] == "OUR-CD", done.stderr
    judged = cli("check-disc", tmp_path / "a.iso")
    assert (judged.code, judged.summary["profile"]) == (0, "OUR-CD")
    assert "OUR-CD" in cli.text("profiles", "list").stdout
    (cli.home / "profiles" / "BAD.toml").write_text('kind = "media"\nname = "BAD"\n')
    assert cli("profiles", "list").code == 3
