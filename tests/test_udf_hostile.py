"""UDF discs that lie, break off or lead in circles: a finding for each item, never a crash."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import pycdlib
import pytest
from udf_images import EMBEDDED, LONG, SHORT, START, UdfImage, descriptor, tagged, udf
from udf_opened import FILES, LIMITS, Opener, contents, opener

from mediasvc.errors import BudgetError, DamagedError, MediasvcError
from mediasvc.media.package import Package, open_package
from mediasvc.media.structure import structure
from mediasvc.settings import Limits


@pytest.fixture
def disc(tmp_path: Path) -> Opener:
    return opener(tmp_path)


def rules(package: Package) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in package.findings]


def others(*lost: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name not in lost}


@pytest.mark.parametrize(("at", "byte"), [(4, 1), (8, 1), (100, 7)])
def test_a_damaged_entry_costs_its_file_alone(disc: Opener, at: int, byte: int) -> None:
    made = udf(FILES)
    made.data[made.at("DICOM/IM1") + at] ^= byte
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM1")
        assert rules(package) == [("M02", "DICOM/IM1")]


@pytest.mark.parametrize("place", [10**6, 0xFFFFFFFF, 0])
def test_a_file_whose_entry_is_elsewhere_is_refused_alone(disc: Opener, place: int) -> None:
    made = udf(FILES)
    made.patch(made.identifiers["DICOM/IM2"], 24, "<I", place)
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM2")
        assert rules(package) == [("M02", "DICOM/IM2")]


def test_a_file_in_a_partition_that_is_not_there_is_refused_alone(disc: Opener) -> None:
    made = udf(FILES)
    made.patch(made.identifiers["DICOM/IM2"], 28, "<H", 7)
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM2")
        assert "partition" in package.findings[0].text


@pytest.mark.parametrize(("offset", "layout", "value"), [
    (56, "<Q", 1 << 63), (56, "<Q", 20_000), (180, "<I", 10**6), (176, "<I", 0),
    (172, "<I", 0), (172, "<I", 5000), (168, "<I", 0xFFFFFFFF), (34, "<H", 5), (20, "<H", 77)])
def test_an_entry_that_promises_what_is_not_there_is_refused_alone(
        disc: Opener, offset: int, layout: str, value: int) -> None:
    made = udf(FILES)
    made.patch(made.at("DICOM/IM1"), offset, layout, value)
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM1")
        assert rules(package) == [("M02", "DICOM/IM1")]


def test_a_file_that_runs_into_another_is_refused_with_it(disc: Opener) -> None:
    made = udf(FILES)
    block = struct.unpack_from("<I", made.data, made.at("DICOM/IM1") + 180)[0]
    made.patch(made.at("DICOM/IM2"), 180, "<I", block)
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM1", "DICOM/IM2")
        assert {rule for rule, _ in rules(package)} == {"M32"}


def test_two_names_of_one_entry_are_both_read_and_said(disc: Opener) -> None:
    made = udf(FILES)
    made.patch(made.identifiers["DICOM/IM2"], 24, "<I", made.places["DICOM/IM1"])
    with disc(made) as package:
        assert contents(package)["DICOM/IM2"] == FILES["DICOM/IM1"]
        assert [(f.rule, f.severity) for f in package.findings] == [("M32", "warning")]


@pytest.mark.parametrize("kind", ["virtual", "plain", "metadata", "sparable"])
def test_an_image_that_breaks_off_gives_what_is_whole(disc: Opener, kind: str) -> None:
    made = udf(FILES, kind=kind)
    whole = made.bytes()
    for length in range(20 * 2048, len(whole), 9001):
        try:
            with disc(whole[:length]) as package:
                read = contents(package)
                assert all(FILES[name] == data for name, data in read.items())
                assert package.findings or read == FILES
        except (DamagedError, MediasvcError):
            assert length < len(whole) - 2048
            continue


def test_a_file_past_the_end_of_the_image_is_said_to_be_cut_off(disc: Opener) -> None:
    made = udf(FILES)
    partition = made.data[98 * 2048:99 * 2048]
    assert struct.unpack_from("<H", partition)[0] == 5
    made.patch(98 * 2048, 192, "<I", 10**6)
    made.patch(made.at("DICOM/IM1"), 180, "<I", 10**5)
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM1")
        assert {f.code for f in package.findings} == {"extent-outside", "udf-truncated"}


@pytest.mark.parametrize("target", [".", "DICOM", "DICOM/DEEP"])
def test_a_folder_that_leads_back_is_read_once(disc: Opener, target: str) -> None:
    made = udf(FILES)
    made.patch(made.identifiers["DICOM/DEEP/ER"], 24, "<I", made.places[target])
    with disc(made) as package:
        assert contents(package) == others("DICOM/DEEP/ER/IM3")
        assert rules(package) == [("M33", "DICOM/DEEP/ER")]


def test_a_list_of_pieces_that_leads_in_circles_is_left(disc: Opener) -> None:
    made = udf({"IM1": b"a" * 5000, "IM2": b"b"})
    area = descriptor(SHORT, 2048, 2, 3)
    made.put(START + 2, tagged(258, 2, struct.pack("<II", 0, 8) + area))
    at = made.at("IM1")
    made.data[at + 176:at + 184] = area
    made.seal(at)
    with disc(made) as package:
        assert contents(package) == {"IM2": b"b"}
        assert "circles" in package.findings[0].text


def test_entries_that_replace_each_other_in_circles_are_left(disc: Opener) -> None:
    made = udf({"IM1": b"a" * 5000, "IM2": b"b"}, strategy=4096)
    number = made.places["IM1"]
    made.patch((START + number + 1) * 2048, 40, "<I", number)
    with disc(made) as package:
        assert contents(package) == {"IM2": b"b"}
        assert "circles" in package.findings[0].text


@pytest.mark.parametrize("behind", [1, 2])
def test_an_outdated_entry_does_not_stand_for_a_damaged_one(disc: Opener, behind: int) -> None:
    made = udf({"IM1": b"a" * 5000, "IM2": b"b"}, strategy=4096)
    made.data[(START + made.places["IM1"] + behind) * 2048 + 38] ^= 1
    with disc(made) as package:
        assert contents(package) == {"IM2": b"b"}
        assert rules(package) == [("M02", "IM1")]


def test_deleted_entries_are_passed_over_and_hidden_ones_are_read(disc: Opener) -> None:
    marks = {"DICOM/IM1": 4, "DICOM/IM2": 1}
    with disc(udf(FILES, marks=marks)) as package:
        assert contents(package) == others("DICOM/IM1")
        assert [(f.code, f.severity, f.subject) for f in package.findings] == [
            ("udf-hidden", "warning", "DICOM/IM2"), ("udf-deleted", "info", "DICOM/IM1")] or [
            f.code for f in package.findings] == ["udf-deleted", "udf-hidden"]


@pytest.mark.parametrize(("kind", "words"), [(6, "device"), (9, "FIFO"), (12, "link"),
                                             (4, "folder"), (99, "regular")])
def test_links_and_devices_are_refused(disc: Opener, kind: int, words: str) -> None:
    with disc(udf(FILES, types={"DICOM/IM2": kind})) as package:
        assert contents(package) == others("DICOM/IM2")
        assert words in package.findings[0].text


def test_names_that_climb_or_deceive(disc: Opener) -> None:
    names = {"DICOM/IM1": b"\x08..", "DICOM/IM2": b"\x08a\n\x1bb", "DICOMDIR": b"\x63junk",
             "EMPTY": b""}
    with disc(udf(FILES, names=names)) as package:
        assert set(contents(package)) == {"DICOM/a\\x0a\\x1bb", "DICOM/DEEP/ER/IM3", "cjunk", ""}
        assert sorted(f.rule for f in package.findings) == ["M10", "M13", "M34"]


def test_a_damaged_list_of_a_folder_is_said(disc: Opener) -> None:
    made = udf(FILES)
    made.data[made.identifiers["DICOM/IM2"] + 30] ^= 0xFF
    with disc(made) as package:
        assert contents(package) == others("DICOM/IM2")
        assert rules(package) == [("M34", "DICOM")]


def test_parts_that_were_never_written_are_zeros_and_said(disc: Opener) -> None:
    made = udf({"IM1": b"a" * 5000})
    made.patch(made.at("IM1"), 176, "<I", 5000 | 2 << 30)
    with disc(made) as package:
        assert contents(package) == {"IM1": bytes(5000)}
        assert [(f.code, f.severity) for f in package.findings] == [
            ("udf-never-written", "warning")]


def test_a_giant_of_nothing_is_refused(disc: Opener, tmp_path: Path) -> None:
    made = udf({"IM1": b"a" * 50_000})
    at = made.at("IM1")
    made.patch(at, 56, "<Q", 10 * 0x3FFFF800)
    area = descriptor(SHORT, 0x3FFFF800, 0, 2) * 10
    made.data[at + 176:at + 176 + len(area)] = area
    made.patch(at, 172, "<I", len(area))
    with disc(made, Limits(member_bytes=1 << 30)) as package:
        assert contents(package) == {}
        assert rules(package) == [("M37", "IM1")]
    with disc(made, Limits(member_bytes=16 << 30)) as package, pytest.raises(BudgetError):
        package.span(package.member(0))


def test_the_reserve_is_read_when_the_description_is_damaged(disc: Opener) -> None:
    made = udf(FILES)
    made.data[97 * 2048 + 300] ^= 1
    with disc(made) as package:
        assert contents(package) == FILES
        assert [(f.code, f.severity) for f in package.findings] == [
            ("udf-reserve-used", "warning")]
    made.data[113 * 2048 + 300] ^= 1
    with pytest.raises(DamagedError):
        disc(made)


def test_a_disc_of_a_later_edition_is_read_and_said(disc: Opener) -> None:
    with disc(udf(FILES, revision=0x0300)) as package:
        assert contents(package) == FILES
        assert [(f.code, f.severity) for f in package.findings] == [("udf-revision", "warning")]


def test_any_one_anchor_is_enough(disc: Opener) -> None:
    made = udf(FILES)
    anchor = struct.pack("<IIII", 16 * 2048, 96, 16 * 2048, 112) + bytes(480)
    made.data += bytes(600 * 2048 - len(made.data))
    last = 599
    for places in ([256], [last], [last - 256], [512]):
        for place in (256, last, last - 256, 512, len(made.blocks) + START):
            made.put(place, bytes(512))
        for place in places:
            made.put(place, tagged(2, place, anchor))
        with disc(made) as package:
            assert contents(package) == FILES, places


def test_the_mirror_is_read_where_the_metadata_are_damaged(disc: Opener) -> None:
    made = udf(FILES, kind="metadata")
    made.data[made.at("DICOM/IM1") + 100] ^= 1
    with disc(made) as package:
        assert contents(package) == FILES
        assert [(f.code, f.severity) for f in package.findings] == [("udf-mirror-used", "warning")]
    made.data[START * 2048 + 60] ^= 1  # the metadata file's own entry
    with disc(made) as package:
        assert contents(package) == FILES


def test_a_disc_without_its_tables_is_refused_with_words(disc: Opener) -> None:
    made = udf(FILES, kind="sparable")
    for place in (200, 201):
        made.data[place * 2048 + 20] ^= 1
    with pytest.raises(DamagedError, match="replaced blocks"):
        disc(made)
    made = udf(FILES, kind="virtual")
    with pytest.raises(DamagedError, match="table of blocks"):
        disc(bytes(made.data[:-2048]))
    made = udf(FILES, kind="metadata")
    for number in (0, 1):
        made.data[(START + number) * 2048 + 60] ^= 1
    with pytest.raises(DamagedError):
        disc(made)


def test_a_disc_with_too_many_files_or_folders_too_long_is_refused(disc: Opener) -> None:
    many = {f"F{n:05d}": b"%d" % n for n in range(40)}
    with pytest.raises(BudgetError):
        disc(udf(many), Limits(entries=30))
    made = udf(FILES)
    made.patch(made.at("DICOM"), 56, "<Q", 1 << 40)
    with pytest.raises(BudgetError):
        disc(made)


@pytest.mark.parametrize("kind", ["plain", "sparable", "virtual", "metadata"])
@pytest.mark.parametrize("layout", [LONG, EMBEDDED])
def test_flipped_bytes_never_crash_and_never_give_other_names_silently(
        disc: Opener, kind: str, layout: int) -> None:
    made = udf(FILES, kind=kind, layout=layout)
    dice = random.Random(kind)
    live = [at for at in range(len(made.data)) if made.data[at]]
    for _ in range(40):
        data = bytearray(made.data)
        for _ in range(dice.choice((1, 3, 30))):
            data[dice.choice(live)] = dice.randrange(256)
        try:
            with disc(bytes(data)) as package:
                contents(package)
        except MediasvcError:
            continue


@pytest.mark.parametrize("kind", ["plain", "sparable", "metadata"])
def test_fields_with_the_worst_values_never_crash(disc: Opener, kind: str) -> None:
    honest = udf(FILES, kind=kind).bytes()
    made = UdfImage({})
    starts = [at for at in range(96 * 2048, len(honest), 2048) if honest[at + 10:at + 12] != b"\0\0"
              and honest[at + 1] in (0, 1) and honest[at + 2] == 3]
    dice = random.Random(5)
    for _ in range(150):
        made.data = bytearray(honest)
        at = dice.choice(starts)
        value = dice.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
        made.patch(at, dice.randrange(16, 480), "<I", value)
        try:
            with disc(bytes(made.data)) as package:
                contents(package)
        except MediasvcError:
            continue


def test_m23_a_udf_image_that_is_still_being_copied_is_growing(tmp_path: Path) -> None:
    whole = udf(FILES).bytes()
    path = tmp_path / "drop.iso"
    for length in range(0, len(whole) - 2 * 2048, 30_000):
        path.write_bytes(whole[:length])
        assert structure(path).state == "growing", length
    path.write_bytes(whole)
    assert structure(path).state == "complete"


# --- discs with two lists -------------------------------------------------------------------------

def bridge(path: Path, iso: dict[str, bytes], other: dict[str, bytes]) -> Path:
    """A disc whose ISO 9660 and UDF lists name what they are told to."""
    made = pycdlib.PyCdlib()
    made.new(interchange_level=1, udf="2.60")
    for name, data in iso.items():
        same = next((n for n in other if n == name and other[n] == data), None)
        if same:
            made.add_fp(io.BytesIO(data), len(data), f"/{name}.;1", udf_path=f"/{same}")
        else:
            made.add_fp(io.BytesIO(data), len(data), f"/{name}.;1")
    for name, data in other.items():
        if iso.get(name) != data:
            made.add_fp(io.BytesIO(data), len(data), udf_path=f"/{name}")
    made.write(str(path))
    made.close()
    return path


@pytest.mark.parametrize(("iso", "other", "found"), [
    ({"A": b"a", "B": b"b"}, {"A": b"a"}, ("disc-trees-differ", "error", "B")),
    ({"A": b"a", "B": b"b"}, {"A": b"a", "B": b"b", "C": b"c"},
     ("disc-trees-differ", "error", "C")),
    ({"A": b"a", "B": b"b"}, {"A": b"a", "B": b"x"}, ("disc-trees-contradict", "error", "")),
    ({"README": b"this is UDF"}, {"A": b"a", "B": b"b"}, ("udf-notice", "info", "A"))])
def test_m35_lists_that_differ_are_flagged_and_all_files_are_read(
        tmp_path: Path, iso: dict[str, bytes], other: dict[str, bytes], found: tuple[str, ...],
        ) -> None:
    path = bridge(tmp_path / "bridge.iso", iso, other)
    with open_package(path, LIMITS, scratch=tmp_path) as package:
        read = sorted((m.label, b"".join(package.span(m).chunks())) for m in package.members())
        assert read == sorted({*iso.items(), *other.items()})
        assert [(f.code, f.severity, f.subject) for f in package.findings] == [found]


def test_m35_the_same_file_kept_twice_is_no_contradiction(tmp_path: Path) -> None:
    made = pycdlib.PyCdlib()
    made.new(interchange_level=1, udf="2.60")
    made.add_fp(io.BytesIO(b"same"), 4, "/A.;1")
    made.add_fp(io.BytesIO(b"same"), 4, udf_path="/A")
    made.write(str(tmp_path / "bridge.iso"))
    made.close()
    with open_package(tmp_path / "bridge.iso", LIMITS, scratch=tmp_path) as package:
        assert contents(package) == {"A": b"same"}
        assert package.findings == []


def test_m35_a_second_list_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = bridge(tmp_path / "bridge.iso", {"A": b"a"}, {"A": b"a"})
    data = bytearray(path.read_bytes())
    for at in range(20 * 2048, len(data), 2048):
        if data[at:at + 2] == b"\x02\0":
            data[at + 4] ^= 1
    path.write_bytes(data)
    with open_package(path, LIMITS, scratch=tmp_path) as package:
        assert contents(package) == {"A": b"a"}
        assert [(f.code, f.severity) for f in package.findings] == [("udf-unreadable", "warning")]
