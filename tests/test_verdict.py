"""check-disc: good discs pass, and each kind of damage is found by the rule that names it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pycdlib
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from mediasvc.errors import DamagedError, SettingsError
from mediasvc.media.checking.check_medium import check_profile
from mediasvc.media.checking.check_page import check_page
from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.disc.hash_list import read_hash_list, write_hash_list
from mediasvc.media.member import Member
from mediasvc.sandbox import Sandbox
from mediasvc.span import Span
from mediasvc.standard.disc_rules import BY_ID
from mediasvc.standard.profiles import load_profile
from samples.containers import mp4
from samples.streams import Video
from samples.synthesis import instance, study, to_bytes, write_disc
from tests.conftest import Program
from tests.disc_things import broken, build, disc_instances, flip, judge, new_sandbox, replaced

INSTANCES = [*study(1, 1, count=2), instance(1, 1, 2, modality="SR"), instance(1, 2, modality="MR")]
EXTRAS = {"README.TXT": b"Read me.\r\n",
          "INDEX.HTM": b'<html xmlns="http://www.w3.org/1999/xhtml"><body>'
                       b'<a href="README.TXT">r</a></body></html>'}
FIRST = "DICOM/PT000001/ST000001/SE000001/IM000001"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with new_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc folder that somebody else wrote, without a list of hashes."""
    folder = tmp_path_factory.mktemp("foreign") / "disc"
    write_disc(folder, INSTANCES, extras=EXTRAS)
    return folder


@pytest.fixture(scope="module")
def ours(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our discs of the same instances: cd.iso, dvd.iso, set.zip and usb/."""
    folder = tmp_path_factory.mktemp("ours")
    made = disc_instances(folder / "in", INSTANCES)
    scratch = folder / "scratch"
    build(sandbox, folder / "cd.iso", made, scratch)
    build(sandbox, folder / "dvd.iso", made, scratch, profile="STD-GEN-DVD-JPEG")
    build(sandbox, folder / "set.zip", made, scratch, profile="ZIP", container="zip")
    build(sandbox, folder / "usb", made, scratch, profile="STD-GEN-USB-J2K", container="folder")
    return folder


@pytest.mark.parametrize(("name", "profile"), [
    ("cd.iso", "STD-GEN-CD"), ("dvd.iso", "STD-GEN-DVD-JPEG"), ("set.zip", "ZIP"),
    ("usb", "STD-GEN-USB-J2K")])
def test_our_discs_pass_every_rule_and_name_their_profile(sandbox: Sandbox, ours: Path, name: str,
                                                          profile: str) -> None:
    verdict = judge(sandbox, ours / name)
    assert not verdict.failed
    assert (verdict.passed, verdict.profile, verdict.instances) == (True, profile, 4)
    assert len(verdict.results) > 30


def test_a_good_disc_of_somebody_else_passes(sandbox: Sandbox, foreign: Path) -> None:
    verdict = judge(sandbox, foreign)
    assert not verdict.failed
    assert verdict.profile == "STD-GEN-CD"


# --- damage to a disc that carries no list of hashes ---------------------------------------------

def patch(folder: Path, offset_of: Callable[[pydicom.Dataset], int], value: bytes) -> None:
    """Overwrite bytes of DICOMDIR at a place that its own elements tell."""
    path = folder / "DICOMDIR"
    at = offset_of(pydicom.dcmread(path))
    data = bytearray(path.read_bytes())
    data[at:at + len(value)] = value
    path.write_bytes(data)


def record(kind: str, tag: int, number: int = 0) -> Callable[[pydicom.Dataset], int]:
    """Byte position of a value in the ``number``-th record of that type."""
    def find(ds: pydicom.Dataset) -> int:
        base = ds.get_item(0x00041220).value_tell  # places inside count from here
        found = [item for item in ds.DirectoryRecordSequence
                 if item.get_item(0x00041430).value.strip() == kind.encode()]
        return int(base + found[number].get_item(tag).value_tell)
    return find


def head(tag: int) -> Callable[[pydicom.Dataset], int]:
    return lambda ds: int(ds.get_item(tag).value_tell)


def le(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "little")


def edit(folder: Path, change: Callable[[pydicom.Dataset], None], name: str = FIRST) -> None:
    ds = pydicom.dcmread(folder / name)
    change(ds)
    (folder / name).write_bytes(to_bytes(ds))


def cut(folder: Path, count: int) -> None:
    data = (folder / FIRST).read_bytes()
    (folder / FIRST).write_bytes(data[:-count])


def lower_case(folder: Path) -> None:
    (folder / FIRST).rename(folder / FIRST.replace("IM", "im"))


def preamble(text: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = (folder / FIRST).read_bytes()
        (folder / FIRST).write_bytes(text.ljust(128, b" ") + data[128:])
    return change


def added(name: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return change


def unfinished() -> bytes:
    """A recording that was broken off: its table of contents is written last."""
    data = mp4(Video())
    return data[:data.index(b"moov") - 4] + data[data.index(b"mdat") - 4:]


def two_patients(folder: Path) -> None:
    shutil.rmtree(folder)
    write_disc(folder, [instance(1), instance(2)], extras=EXTRAS)


def syntax(uid: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        shutil.rmtree(folder)
        write_disc(folder, [instance(1), instance(1, 1, 1, 2, transfer_syntax=uid)],
                   extras=EXTRAS)
    return change


def same_uid(folder: Path) -> None:
    shutil.rmtree(folder)
    twin = instance(1, 1, 1, 2, SOPInstanceUID=instance(1).SOPInstanceUID)
    write_disc(folder, [instance(1), twin], extras=EXTRAS)


def implicit_directory(folder: Path) -> None:
    ds = pydicom.dcmread(folder / "DICOMDIR")
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    pydicom.dcmwrite(folder / "DICOMDIR", ds, implicit_vr=True, little_endian=True)


def in_a_folder(folder: Path) -> None:
    inner = folder / "SUB"
    inner.mkdir()
    for path in list(folder.iterdir()):
        if path != inner:
            path.rename(inner / path.name)


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def private_class(folder: Path) -> None:
    shutil.rmtree(folder)
    odd = instance(1, SOPClassUID="1.2.826.0.1.3680043.10.1511.77")
    odd.file_meta.MediaStorageSOPClassUID = odd.SOPClassUID
    write_disc(folder, [instance(1, 1, 1, 2), odd], extras=EXTRAS)


def swapped(folder: Path) -> None:
    second = FIRST.replace("IM000001", "IM000002")
    one, other = (folder / FIRST).read_bytes(), (folder / second).read_bytes()
    (folder / FIRST).write_bytes(other)
    (folder / second).write_bytes(one)


def same_patient_id(folder: Path) -> None:
    two_patients(folder)
    replaced(folder / "DICOMDIR", b"P0002", b"P0001")


def other_charset(folder: Path) -> None:
    shutil.rmtree(folder)
    write_disc(folder, [instance(1, SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Ö")],
               extras=EXTRAS)
    replaced(folder / "DICOMDIR", b"ISO_IR 192", b"ISO_IR 6  ")


def big_directory(folder: Path) -> None:
    ds = pydicom.dcmread(folder / "DICOMDIR")
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(folder / "DICOMDIR", ds, implicit_vr=False, little_endian=False)


def no_file_set_uid(folder: Path) -> None:
    data = (folder / "DICOMDIR").read_bytes()
    at = data.index(b"\x02\x00\x03\x00UI") + 8
    (folder / "DICOMDIR").write_bytes(data[:at] + b"x" * data[at - 2] + data[at + data[at - 2]:])


SR = 0x0040A730
DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no DICOMDIR": ("R10-1", lambda f: (f / "DICOMDIR").unlink()),
    "two DICOMDIRs": ("R10-1", lambda f: shutil.copy(f / "DICOMDIR", f / "DICOM" / "DICOMDIR")),
    "DICOMDIR under another name": ("R10-1", lambda f: shutil.copy(f / "DICOMDIR", f / "DIRFILE")),
    "DICOMDIR in a folder": ("R10-1", in_a_folder),
    "lower-case dicomdir": ("R10-1", lambda f: (f / "DICOMDIR").rename(f / "dicomdir")),
    "implicit DICOMDIR": ("R10-1b", implicit_directory),
    "DICOMDIR cut in half": ("R10-1b", lambda f: (f / "DICOMDIR").write_bytes(
        (f / "DICOMDIR").read_bytes()[:900])),
    "DICOMDIR of another class": ("R10-1b", lambda f: replaced(
        f / "DICOMDIR", b"1.2.840.10008.1.3.10", b"1.2.840.10008.1.3.11")),
    "File-set ID of small letters": ("R10-2", lambda f: replaced(
        f / "DICOMDIR", b"SAMPLE", b"sample")),
    "File ID of small letters": ("R10-3", lambda f: replaced(
        f / "DICOMDIR", b"SE000001\\IM000001", b"SE000001\\im000001")),
    "file of small letters": ("R10-3b", lower_case),
    "missing file": ("R10-4", lambda f: (f / FIRST).unlink()),
    "a text where an image should be": ("R10-4", lambda f: (f / FIRST).write_bytes(b"hello")),
    "unlisted instance": ("R11-3", added("DICOM/IM000099", to_bytes(instance(1, 1, 1, 99)))),
    "file named twice": ("R11-3b", lambda f: replaced(
        f / "DICOMDIR", b"SE000001\\IM000002", b"SE000001\\IM000001")),
    "last root record elsewhere": ("RF-1", lambda f: patch(f, head(0x00041202), le(7))),
    "inconsistent by its own flag": ("RF-1", lambda f: patch(f, head(0x00041212), le(0xFFFF, 2))),
    "record not in use": ("RF-2", lambda f: patch(f, record("SERIES", 0x00041410), le(0, 2))),
    "lost branch": ("RF-2", lambda f: patch(f, record("STUDY", 0x00041420), le(0))),
    "loop of records": ("RF-2", lambda f: patch(
        f, record("IMAGE", 0x00041400, 1),
        le(pydicom.dcmread(f / "DICOMDIR").DirectoryRecordSequence[3].seq_item_tell))),
    "offset off by two": ("RF-9", lambda f: patch(
        f, record("PATIENT", 0x00041420),
        le(pydicom.dcmread(f / "DICOMDIR").DirectoryRecordSequence[1].seq_item_tell + 2))),
    "record of another instance": ("RF-3", lambda f: patch(
        f, record("IMAGE", 0x00041511), b"1.2.3.4")),
    "record of another class": ("RF-3", lambda f: patch(
        f, record("IMAGE", 0x00041510), b"1.2.840.10008.5.1.4.1.1.4")),
    "record of another syntax": ("RF-3", lambda f: replaced(
        f / "DICOMDIR", b"\x04\x00\x12\x15UI\x14\x001.2.840.10008.1.2.1\0",
        b"\x04\x00\x12\x15UI\x14\x001.2.840.10008.1.2.2\0")),
    "no Patient ID": ("RF-4", lambda f: patch(f, record("PATIENT", 0x00100020), b"     ")),
    "no Study ID": ("RF-5", lambda f: patch(f, record("STUDY", 0x00200010), b"    ")),
    "one study twice": ("RF-5", lambda f: patch(
        f, record("STUDY", 0x0020000D, 1), INSTANCES[0].StudyInstanceUID.encode())),
    "no Modality": ("RF-6", lambda f: patch(f, record("SERIES", 0x00080060), b"  ")),
    "no Instance Number": ("RF-7", lambda f: patch(f, record("IMAGE", 0x00200013), b"  ")),
    "unknown record type": ("RF-8", lambda f: patch(f, record("IMAGE", 0x00041430), b"IMAGO")),
    "type that does not suit": ("RF-8", lambda f: patch(
        f, record("SR DOCUMENT", 0x00041430), b"WAVEFORM   ")),
    "another Patient ID": ("RF-10", lambda f: patch(f, record("PATIENT", 0x00100020), b"P9999")),
    "another Instance Number": ("RF-10", lambda f: patch(f, record("IMAGE", 0x00200013), b"7")),
    "another Study Date": ("RF-11", lambda f: patch(f, record("STUDY", 0x00080020), b"19990101")),
    "cut instance": ("P01", lambda f: cut(f, 10)),
    "instance cut in its header": ("P01", lambda f: (f / FIRST).write_bytes(
        (f / FIRST).read_bytes()[:700])),
    "rows that the pixels do not have": ("P02", lambda f: edit(
        f, lambda ds: setattr(ds, "Rows", 17))),
    "no pixel data": ("P01", lambda f: edit(f, lambda ds: ds.__delitem__("PixelData"))),
    "program in the preamble": ("R10-5", preamble(b"MZ\x90\x00")),
    "text in the preamble": ("R10-5b", preamble(b"made by hand")),
    "meta of another instance": ("R10-8", lambda f: replaced(
        f / FIRST, INSTANCES[0].SOPInstanceUID.encode(), b"1.2.826.0.1.3680043.10.1511.9.9.9.9")),
    "meta length wrong": ("R10-8", lambda f: flip(f / FIRST, 140, 2)),
    "RLE on a CD": ("R11-1", syntax(RLELossless)),
    "same SOP Instance UID": ("U01", same_uid),
    "two patients": ("E03", two_patients),
    "no README.TXT": ("PDI-2", lambda f: (f / "README.TXT").unlink()),
    "long name": ("PDI-2", added("a long name.docx", b"x")),
    "stranger among the images": ("PDI-2b", added("DICOM/VIEWER.EXE", b"x")),
    "page that is no XHTML": ("PDI-3", added("INDEX.HTM", b"<p>one<br>two")),
    "link to nowhere": ("PDI-3", added("INDEX.HTM", b'<html><a href="NO.HTM">x</a></html>')),
    "script on a page": ("PDI-3", added("INDEX.HTM", b"<html><script>1</script></html>")),
    "autorun": ("PDI-5", added("AUTORUN.INF", b"[autorun]\r\nopen=x.exe\r\n")),
    "program for Linux in the preamble": ("R10-5", preamble(b"\x7fELF")),
    "zip in the preamble": ("R10-5", preamble(b"PK\x03\x04")),
    "no DICM": ("R10-4", lambda f: replaced(f / FIRST, b"DICM", b"XXXX")),
    "empty instance": ("R10-4", lambda f: (f / FIRST).write_bytes(b"")),
    "nothing but zeros": ("R10-4", lambda f: (f / FIRST).write_bytes(bytes(2000))),
    "rubbish behind the pixels": ("P01", lambda f: (f / FIRST).write_bytes(
        (f / FIRST).read_bytes() + b"garbage!" * 20)),
    "no Study Instance UID": ("P01", lambda f: edit(
        f, lambda ds: ds.__delitem__("StudyInstanceUID"))),
    "file of another study": ("RF-10", lambda f: edit(
        f, lambda ds: setattr(ds, "StudyInstanceUID", "1.2.3.4.5"))),
    "file of another patient": ("RF-10", lambda f: edit(
        f, lambda ds: setattr(ds, "PatientID", "P9999"))),
    "frames that are not there": ("P02", lambda f: edit(
        f, lambda ds: setattr(ds, "NumberOfFrames", 9))),
    "unknown transfer syntax": ("R11-1", lambda f: replaced(
        f / FIRST, b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0")),
    "implicit on a CD": ("R11-1", syntax(ImplicitVRLittleEndian)),
    "JPEG-LS on a CD": ("R11-1", syntax("1.2.840.10008.1.2.4.80")),
    "second copy of an instance": ("U01", lambda f: shutil.copy(
        f / FIRST, f / "DICOM" / "IM000077")),
    "empty DICOMDIR": ("R10-1b", lambda f: (f / "DICOMDIR").write_bytes(b"")),
    "no first record": ("RF-1", lambda f: patch(f, head(0x00041200), le(0))),
    "offset into nowhere": ("RF-9", lambda f: patch(
        f, record("SERIES", 0x00041420), le(99_999_999))),
    "series record of another series": ("RF-10", lambda f: patch(
        f, record("SERIES", 0x0020000E), b"1.2.3.4.5.6")),
    "link out of the disc": ("M00", lambda f: (f / "DICOM" / "LINK").symlink_to("/etc/hosts")),
    "illegal UID in a record": ("RF-12", lambda f: patch(
        f, record("SERIES", 0x0020000E), b"1.02.3")),
    "illegal date in a record": ("RF-12", lambda f: patch(
        f, record("STUDY", 0x00080020), b"UNKNOWN ")),
    "bytes behind DICOMDIR": ("R10-6", lambda f: append(f / "DICOMDIR", b"garbage!" * 4)),
    "zeros behind DICOMDIR": ("R10-6", lambda f: append(f / "DICOMDIR", bytes(2048))),
    "a private element behind DICOMDIR": ("R10-6", lambda f: append(
        f / "DICOMDIR", b"\x05\x00\x01\x10LO\x04\x00text")),
    "more bits stored than allocated": ("R5-1", lambda f: edit(
        f, lambda ds: setattr(ds, "BitsStored", 24))),
    "High Bit outside": ("R5-1", lambda f: edit(f, lambda ds: setattr(ds, "HighBit", 16))),
    "High Bit elsewhere": ("R5-1b", lambda f: edit(f, lambda ds: setattr(ds, "HighBit", 11))),
    "unknown colours": ("R3-1", lambda f: edit(
        f, lambda ds: setattr(ds, "PhotometricInterpretation", "CHROME"))),
    "private SOP class": ("R11-2", private_class),
    "empty README": ("PDI-8", added("README.TXT", b"\r\n")),
    "README in UTF-16": ("PDI-8", added("README.TXT", "Read me".encode("utf-16"))),
    "README in UTF-16 without its mark": ("PDI-8", added("README.TXT", "Read".encode("utf-16-le"))),
    "README that is none": ("PDI-8", added("README.TXT", b"\x7fELF\x01\x02 program")),
    "SETUP.EXE": ("PDI-5", added("SETUP.EXE", b"MZ")),
    "autorun for Linux": ("PDI-5", added("autorun.sh", b"#!/bin/sh\n")),
    "program in the root": ("PDI-5b", added("VIEWER.EXE", b"MZ")),
    "shortcut in the root": ("PDI-5b", added("IMAGES.LNK", b"L")),
    "pictures of Windows": ("PDI-2c", added("THUMBS.DB", b"\xd0\xcf\x11\xe0")),
    "trash of a stick": ("PDI-2c", added("$RECYCLE.BIN/S-1-5/A.TXT", b"x")),
    "twin of a file, by macOS": ("PDI-2c", added("DICOM/._IM000001", b"\0\5\x16\7")),
    "video cut off": ("E04", added("FILM.MP4", mp4(Video())[:-1])),
    "video cut between its parts": ("E04", added(
        "FILM.MP4", mp4(Video())[:mp4(Video()).index(b"mdat") - 4])),
    "video that was never finished": ("E04", added("VIDEO/FILM.MP4", unfinished())),
    "video that is none": ("E04", added("FILM.MP4", b"MZ" * 40)),
    "empty video": ("E04", added("FILM.MOV", b"")),
    "link that runs a script": ("PDI-3", added(
        "INDEX.HTM", b'<html><a href="javascript:x()">x</a></html>')),
    "two files exchanged": ("RF-3", swapped),
    "two patients with one ID": ("RF-4", same_patient_id),
    "file with a version": ("R10-3b", lambda f: (f / FIRST).rename(f / (FIRST + ";1"))),
    "file with an extension": ("R10-3b", lambda f: (f / FIRST).rename(f / (FIRST + ".DCM"))),
    "record in another character set": ("RF-12", other_charset),
    "big-endian DICOMDIR": ("R10-1b", big_directory),
    "File-set UID that is none": ("R10-1b", no_file_set_uid),
    "pixels two bytes short": ("P02", lambda f: edit(
        f, lambda ds: setattr(ds, "PixelData", ds.PixelData[:-2]))),
}


def test_a_whole_video_and_a_file_that_only_sounds_like_a_systems_are_nothing_odd(
        sandbox: Sandbox, foreign: Path, tmp_path: Path) -> None:
    shutil.copytree(foreign, tmp_path / "disc")
    for name, data in (("FILM.MP4", mp4(Video())), ("DOC/MYTHUMBS.DB", b"x"),
                       ("LONG.MP4", mp4(Video(), fragments=2))):
        added(name, data)(tmp_path / "disc")
    assert not {"E04", "PDI-2c"} & broken(judge(sandbox, tmp_path / "disc"))


@pytest.mark.parametrize("damage", DAMAGE)
def test_each_kind_of_damage_is_found_by_its_rule(sandbox: Sandbox, foreign: Path, tmp_path: Path,
                                                  damage: str) -> None:
    rule, spoil = DAMAGE[damage]
    shutil.copytree(foreign, tmp_path / "disc")
    spoil(tmp_path / "disc")
    verdict = judge(sandbox, tmp_path / "disc", "STD-GEN-CD")
    assert rule in broken(verdict), sorted(broken(verdict))
    assert verdict.passed == all(BY_ID[found].level == "should" for found in broken(verdict))
    [result] = [result for result in verdict.failed if result.rule.id == rule]
    assert result.text != result.rule.text


def test_missing_extended_keys_matter_only_where_the_profile_asks(sandbox: Sandbox,
                                                                  foreign: Path) -> None:
    """The other writer gives Rows and Columns but no birth date, no geometry (H.3-2)."""
    assert "R11-5" in broken(judge(sandbox, foreign, "STD-GEN-DVD-JPEG"))
    assert "R11-5" not in broken(judge(sandbox, foreign, "STD-GEN-CD"))


# --- damage to our own discs ---------------------------------------------------------------------

@pytest.mark.parametrize("name", ["cd.iso", "dvd.iso", "set.zip"])
@settings(max_examples=8, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_fails(sandbox: Sandbox, ours: Path, tmp_path: Path, name: str,
                                        place: float, bit: int) -> None:
    copy = tmp_path / name
    shutil.copyfile(ours / name, copy)
    flip(copy, int(place * copy.stat().st_size), 1 << bit)
    assert not judge(sandbox, copy).passed


def places_of(image: Path) -> dict[str, int]:
    """One byte in each kind of region of an ISO image."""
    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    record = iso.get_record(iso_path=f"/{FIRST}.;1")
    readme = iso.get_record(iso_path="/README.TXT;1")
    at = {"volume name": 16 * 2048 + 41, "volume date": 16 * 2048 + 815,
          "path table": iso.pvd.path_table_location_le * 2048 + 3,
          "directory": iso.pvd.root_directory_record().extent_location() * 2048 + 70,
          "system area": 5000,
          "DICOMDIR": iso.get_record(iso_path="/DICOMDIR.;1").extent_location() * 2048 + 700,
          "page": iso.get_record(iso_path="/INDEX.HTM;1").extent_location() * 2048 + 900,
          "hash list": iso.get_record(iso_path="/MANIFEST.TXT;1").extent_location() * 2048 + 300,
          "behind a file": (readme.extent_location() * 2048 + readme.get_data_length() + 3),
          "pixels": record.extent_location() * 2048 + record.get_data_length() - 40}
    iso.close()
    return at


@pytest.mark.parametrize("region", ["volume name", "volume date", "path table", "directory",
                                    "system area", "DICOMDIR", "page", "hash list",
                                    "behind a file", "pixels"])
def test_a_flipped_bit_in_every_region_of_an_image_fails(sandbox: Sandbox, ours: Path,
                                                         tmp_path: Path, region: str) -> None:
    shutil.copyfile(ours / "cd.iso", tmp_path / "a.iso")
    flip(tmp_path / "a.iso", places_of(ours / "cd.iso")[region])
    verdict = judge(sandbox, tmp_path / "a.iso")
    assert not verdict.passed
    assert broken(verdict) & {"N7", "M00", "M30"}


def test_a_truncated_image_says_so(sandbox: Sandbox, ours: Path, tmp_path: Path) -> None:
    data = (ours / "cd.iso").read_bytes()
    (tmp_path / "a.iso").write_bytes(data[:-4096])
    assert "M30" in broken(judge(sandbox, tmp_path / "a.iso"))
    (tmp_path / "b.iso").write_bytes(data[:20_000])
    verdict = judge(sandbox, tmp_path / "b.iso")
    assert not verdict.passed


def test_a_file_taken_from_or_added_to_our_folder_is_noticed(sandbox: Sandbox, ours: Path,
                                                             tmp_path: Path) -> None:
    shutil.copytree(ours / "usb", tmp_path / "usb")
    (tmp_path / "usb" / "IHE_PDI" / "NEW.HTM").write_text("<html></html>")
    (tmp_path / "usb" / FIRST).unlink()
    verdict = judge(sandbox, tmp_path / "usb")
    assert {"N7", "R10-4"} <= broken(verdict)
    subjects = {finding.subject for result in verdict.failed for finding in result.findings}
    assert {"IHE_PDI/NEW.HTM", FIRST} <= subjects


def test_the_certificate_beside_an_image_is_held_against_it(sandbox: Sandbox, ours: Path,
                                                            tmp_path: Path) -> None:
    copy = tmp_path / "a.iso"
    shutil.copyfile(ours / "cd.iso", copy)
    beside = tmp_path / "a.iso.json"
    beside.write_text(json.dumps({"certificate": 1, "sha256": Span.of_file(copy).sha256()}))
    good = judge(sandbox, copy)
    assert good.passed
    assert "E01" in {result.rule.id for result in good.results}
    beside.write_text(json.dumps({"certificate": 1, "sha256": "0" * 64}))
    assert broken(judge(sandbox, copy)) == {"E01"}
    beside.write_text("[1]")
    assert "E01" not in {result.rule.id for result in judge(sandbox, copy).results}


def test_a_reader_of_another_code_base_must_read_our_images(sandbox: Sandbox, ours: Path,
                                                           tmp_path: Path) -> None:
    """Readers use one half or the other of numbers that stand in both byte orders."""
    iso = pycdlib.PyCdlib()
    iso.open(str(ours / "cd.iso"))
    at = iso.get_record(iso_path=f"/{FIRST}.;1").extent_location()
    iso.close()
    data = (ours / "cd.iso").read_bytes()
    both = at.to_bytes(4, "little") + at.to_bytes(4, "big")
    (tmp_path / "a.iso").write_bytes(data.replace(both, both[:4] + bytes(4), 1))
    assert "R12-2b" in broken(judge(sandbox, tmp_path / "a.iso"))


def test_an_iso_with_long_names_is_not_level_1(sandbox: Sandbox, tmp_path: Path) -> None:
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, vol_ident="OTHER", sys_ident="LINUX")
    (tmp_path / "x").write_bytes(to_bytes(instance(1)))
    iso.add_file(str(tmp_path / "x"), "/image one.dcm")
    iso.write(str(tmp_path / "a.iso"))
    iso.close()
    assert {"R12-1a", "R12-1c", "R10-1", "R11-3"} <= broken(judge(sandbox, tmp_path / "a.iso"))


def test_the_volume_is_named_like_the_file_set(sandbox: Sandbox, foreign: Path,
                                               tmp_path: Path) -> None:
    for name, rules in (("SAMPLE", set()), ("OTHER", {"R12-1b"})):
        iso = pycdlib.PyCdlib()
        iso.new(interchange_level=1, vol_ident=name)
        for path in sorted(foreign.rglob("*")):
            inside = "/" + str(path.relative_to(foreign))
            if path.is_dir():
                iso.add_directory(inside)
            else:
                iso.add_file(str(path), inside + (";1" if "." in path.name else ".;1"))
        iso.write(str(tmp_path / f"{name}.iso"))
        iso.close()
        assert broken(judge(sandbox, tmp_path / f"{name}.iso")) == rules


@pytest.mark.parametrize("hidden", ["iso", "udf"])
def test_both_lists_of_a_dvd_show_the_same_files(sandbox: Sandbox, foreign: Path, tmp_path: Path,
                                                 hidden: str) -> None:
    """A reader of UDF and one of ISO 9660 must see the same disc (PS3.12 P.2.1)."""
    for lists in ("both", hidden):
        iso = pycdlib.PyCdlib()
        iso.new(interchange_level=1, vol_ident="SAMPLE", udf="2.60")
        for path in sorted(foreign.rglob("*")):
            inside = "/" + str(path.relative_to(foreign))
            if path.is_dir():
                iso.add_directory(inside, udf_path=inside)
                continue
            name = inside + (";1" if "." in path.name else ".;1")
            iso.add_file(str(path), name, udf_path=inside)
            if lists != "both" and path.name == "README.TXT":
                iso.rm_hard_link(**{f"{hidden}_path": name if hidden == "iso" else inside})
        iso.write(str(tmp_path / f"{lists}.iso"))
        iso.close()
    assert broken(judge(sandbox, tmp_path / "both.iso")) == set()
    assert "R12-2" in broken(judge(sandbox, tmp_path / f"{hidden}.iso"))


def test_a_zip_with_long_names_is_refused_by_annex_v(sandbox: Sandbox, foreign: Path,
                                                     tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in foreign.rglob("*"):
            if path.is_file():
                name = str(path.relative_to(foreign)).replace("IM000001", "image-1.dcm")
                archive.write(path, name)
    assert {"R12-5", "R10-4"} <= broken(judge(sandbox, tmp_path / "a.zip"))


def test_what_is_no_disc_at_all_fails_in_one_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + b"\0" * 100)
    verdict = judge(sandbox, tmp_path / "a.zip")
    assert not verdict.passed
    (tmp_path / "empty").mkdir()
    assert {"R10-1", "R11-3"} <= broken(judge(sandbox, tmp_path / "empty"))


def test_an_unknown_profile_or_certificate_is_a_usage_error(sandbox: Sandbox, ours: Path) -> None:
    with pytest.raises(SettingsError):
        judge(sandbox, ours / "cd.iso", "STD-GEN-CDX")


def test_sizes_are_held_against_the_medium() -> None:
    member = Member(0, "DICOM/A", ("DICOM", "A"), 5 << 30, 0)
    cd = load_profile("STD-GEN-CD")
    assert {f.rule for f in check_profile("iso", [member], 5 << 30, cd)} == {"R12-4", "R12-1d"}
    usb = load_profile("STD-GEN-USB-JPEG")
    assert {f.rule for f in check_profile("iso", [replace(member, length=1)], 9, usb)} == {"R12-8"}


def test_a_page_may_use_the_entities_of_xhtml() -> None:
    text = (b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
            b'"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd"><html>&nbsp;'
            b'<a href="../A.HTM?x#y">a</a><a href="http://example.org/">b</a></html>')
    assert check_page(memoryview(text), ("IHE_PDI", "B.HTM")) == ([], ["A.HTM"])


def test_the_hash_list_vouches_for_itself(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    span = Span.of_file(tmp_path / "x")
    listed = io.BytesIO()
    write_hash_list(listed, [DiscFile(("DICOM", "A"), span, span.sha256())], {"profile": "ZIP"})
    data = listed.getvalue()
    found = read_hash_list(data)
    assert (found.facts, found.hashes) == ({"profile": "ZIP"}, {"DICOM/A": span.sha256()})
    for at in range(0, len(data), 7):
        spoiled = bytearray(data)
        spoiled[at] ^= 4
        with pytest.raises(DamagedError):
            read_hash_list(bytes(spoiled))
    with pytest.raises(DamagedError):
        read_hash_list(data[:-10])


def test_sha256sum_understands_the_list(ours: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "--quiet", "MANIFEST.TXT"], cwd=ours / "usb",
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# --- the command ---------------------------------------------------------------------------------

def test_the_command_speaks_lines_and_exit_codes(cli: Program, ours: Path, foreign: Path,
                                                 tmp_path: Path) -> None:
    done = cli("check-disc", ours / "cd.iso")
    assert (done.code, done.summary["verdict"], done.summary["profile"]) == (
        0, "pass", "STD-GEN-CD")
    rules = done.of("rule")
    assert len(rules) == done.summary["rules"]
    assert all(set(rule) >= {"id", "level", "pass", "text"} for rule in rules)
    shutil.copytree(foreign, tmp_path / "disc")
    (tmp_path / "disc" / FIRST).unlink()
    failed = cli("check-disc", tmp_path / "disc")
    assert (failed.code, failed.summary["verdict"], failed.summary["failed"]) == (
        1, "fail", ["R10-4"])
    assert f"{FIRST}: DICOMDIR names this file" in cli.text("check-disc", tmp_path / "disc").stdout
    assert cli("check-disc", tmp_path / "nothing").code == 3


@pytest.mark.parametrize("name", ["covid_pdi", "clunie_charset", "philips_ct", "wg04"])
def test_real_discs_get_a_verdict(sandbox: Sandbox, real_data: Path, name: str) -> None:
    expected = {"covid_pdi": {"E03"}, "clunie_charset": {"RF-1", "E03", "PDI-2"},
                "philips_ct": {"R10-1", "R10-4", "RF-11", "PDI-2"}}
    found = broken(judge(sandbox, real_data / "media" / name))
    assert found == expected.get(name, found)
    assert name != "wg04" or {"R10-4", "R11-1"} <= found
