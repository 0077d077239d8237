"""Disc images as they arrive, honest and hostile. Rows M30 to M35 of the fault catalogue."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_media import SECTOR, SP, SYMLINK, Image, ce, image, nm, px, sl, zip_bytes

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError
from mediasvc.media.package import Package, open_package
from mediasvc.media.structure import structure
from mediasvc.settings import Limits

LIMITS = Limits()
Opener = Callable[..., Package]
FILES = {"DICOMDIR": b"directory", "DICOM/IM1": b"one" * 1000, "DICOM/IM2": b"two"}
ROOT = {"/": SP}


@pytest.fixture
def disc(tmp_path: Path) -> Opener:
    """``disc(image or bytes)`` opens it as a package."""

    def opener(data: Image | bytes, limits: Limits = LIMITS) -> Package:
        path = tmp_path / "drop.iso"
        path.write_bytes(data.bytes() if isinstance(data, Image) else data)
        return open_package(path, limits, scratch=tmp_path / "scratch")

    return opener


def contents(package: Package) -> dict[str, bytes]:
    return {m.label: b"".join(package.span(m).chunks()) for m in package.members()}


def rules(package: Package) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in package.findings]


def test_a_plain_disc_is_read_without_versions_and_dots(disc: Opener, tmp_path: Path) -> None:
    with disc(image(FILES)) as package:
        assert package.kind == "iso"
        assert contents(package) == FILES
        assert package.findings == []
        member = package.member(1)
        assert member.parts == ("DICOM", "IM1")
        span = package.span(member)
        assert (span.path, span.offset) == (str(tmp_path / "drop.iso"), member.position)


def test_joliet_names_are_shown_and_plain_names_are_kept_for_the_directory(disc: Opener) -> None:
    joliet = {"DICOMDIR": FILES["DICOMDIR"], "Bilder/Erste Aufnahme.dcm": FILES["DICOM/IM1"],
              "Bilder/Zweite.dcm": FILES["DICOM/IM2"]}
    with disc(image(FILES, joliet=joliet)) as package:
        assert contents(package) == joliet
        assert [m.parts for m in package.members()] == [
            ("DICOMDIR",), ("DICOM", "IM1"), ("DICOM", "IM2")]
        assert package.findings == []


def test_rock_ridge_names_are_shown_even_in_pieces(disc: Opener) -> None:
    use = ROOT | {"DICOM": nm(b"Bilder"), "DICOM/IM1": nm(b"Erste ", 1) + nm(b"Aufnahme.dcm")}
    with disc(image(FILES, system_use=use)) as package:
        assert set(contents(package)) == {"DICOMDIR", "Bilder/Erste Aufnahme.dcm", "Bilder/IM2"}
        assert package.member(1).parts == ("DICOM", "IM1")


def test_rock_ridge_goes_on_elsewhere_and_not_for_ever(disc: Opener) -> None:
    use = ROOT | {"DICOM/IM1": ce(0, 0, 0), "DICOM/IM2": ce(0, 0, 0)}
    made = image(FILES, system_use=use)
    name = nm(b"a name kept elsewhere")
    made.data[100:100 + len(name)] = name
    circle = ce(0, 1000, 28)
    made.data[1000:1028] = circle
    for path, offset, length in (("DICOM/IM1", 100, len(name)), ("DICOM/IM2", 1000, 28)):
        at = made.data.index(b"CE", made.records[path])
        made.data[at:at + 28] = ce(0, offset, length)
    with disc(made) as package:
        assert set(contents(package)) == {"DICOMDIR", "DICOM/a name kept elsewhere", "DICOM/IM2"}
        assert [(f.rule, f.code) for f in package.findings] == [("M34", "iso-rock-ridge-damaged")]


def test_links_and_devices_on_a_disc_are_refused(disc: Opener) -> None:
    use = ROOT | {"DICOM/IM1": sl(b"/etc/passwd"), "DICOM/IM2": px(SYMLINK)}
    with disc(image(FILES, system_use=use)) as package:
        assert set(contents(package)) == {"DICOMDIR"}
        assert rules(package) == [("M02", "DICOM/IM1"), ("M02", "DICOM/IM2")]


def test_names_that_climb_or_deceive(disc: Opener) -> None:
    use = ROOT | {"DICOM/IM1": nm(b".."), "DICOM/IM2": nm(b"a\n\x1bb/c")}
    with disc(image(FILES, system_use=use)) as package:
        assert set(contents(package)) == {"DICOMDIR", "DICOM/a\\x0a\\x1bb\\x2fc"}
        assert [f.rule for f in package.findings] == ["M10", "M13"]


def test_a_file_in_several_extents_is_read_when_they_follow_each_other(disc: Opener) -> None:
    files = {"A.DAT": b"a" * SECTOR, "B.DAT": b"b" * 10, "C.DAT": b"c"}
    made = image(files)
    made.set_flags("A.DAT", 0x80)
    with disc(made) as package:
        assert contents(package) == {"A.DAT": b"a" * SECTOR + b"b" * 10, "C.DAT": b"c"}
    made.set_extent("B.DAT", made.sector_of("B.DAT") + 1)
    with disc(made) as package:
        assert contents(package) == {"C.DAT": b"c"}
        assert "pieces" in package.findings[0].text


def test_an_interleaved_file_is_refused(disc: Opener) -> None:
    made = image(FILES)
    made.data[made.records["DICOM/IM1"] + 26] = 1
    with disc(made) as package:
        assert "interleaved" in package.findings[0].text
        assert len(package) == 2


def test_m30_a_truncated_disc_is_flagged_and_gives_what_is_whole(disc: Opener) -> None:
    whole = image({"A": b"a" * 9000}, joliet={"A": b"a" * 9000})
    late = whole._append(b"z" * 5000)  # a file at the very end
    whole.set_extent("A", late)
    whole.set_length("A", 5000)
    whole.put_both(16 * SECTOR + 80, len(whole.data) // SECTOR)
    with disc(whole.bytes()[:-SECTOR]) as package:
        assert [m.length for m in package.members()] == [9000]
        codes = [(f.rule, f.code, f.severity) for f in package.findings]
        assert ("M31", "extent-outside", "error") in codes
        assert ("M30", "iso-truncated", "error") in codes


def test_m30_a_disc_that_lacks_only_padding_is_said_to_be_short(disc: Opener) -> None:
    made = image(FILES)
    made.put_both(16 * SECTOR + 80, len(made.data) // SECTOR + 150)
    with disc(made) as package:
        assert contents(package) == FILES
        assert [(f.code, f.severity) for f in package.findings] == [("iso-short", "warning")]


@pytest.mark.parametrize(("sector", "length"), [(10**6, 10), (None, 0xFFFFFFFF), (0xFFFFFFFF, 1)])
def test_m31_a_file_past_the_end_is_refused_alone(
        disc: Opener, sector: int | None, length: int) -> None:
    made = image(FILES)
    if sector is not None:
        made.set_extent("DICOM/IM1", sector)
    made.set_length("DICOM/IM1", length)
    with disc(made) as package:
        assert set(contents(package)) == {"DICOMDIR", "DICOM/IM2"}
        assert ("M31", "DICOM/IM1") in rules(package)


def test_m31_a_folder_past_the_end_is_named(disc: Opener) -> None:
    made = image(FILES)
    made.set_extent("DICOM", 10**6)
    with disc(made) as package:
        assert set(contents(package)) == {"DICOMDIR"}
        assert ("M30", "DICOM") in rules(package)


def test_m32_two_names_for_the_same_bytes_are_both_read_and_said(disc: Opener) -> None:
    made = image(FILES)
    made.set_extent("DICOM/IM2", made.sector_of("DICOM/IM1"))
    made.set_length("DICOM/IM2", 3000)
    with disc(made) as package:
        assert contents(package)["DICOM/IM2"] == FILES["DICOM/IM1"]
        assert [(f.rule, f.severity) for f in package.findings] == [("M32", "warning")]


def test_m32_files_that_overlap_in_part_are_both_refused(disc: Opener) -> None:
    made = image(FILES)
    made.set_extent("DICOM/IM2", made.sector_of("DICOM/IM1"))
    with disc(made) as package:
        assert set(contents(package)) == {"DICOMDIR"}
        assert rules(package) == [("M32", "DICOM/IM1"), ("M32", "DICOM/IM2")] or rules(
            package) == [("M32", "DICOM/IM2"), ("M32", "DICOM/IM1")]


def test_m33_a_folder_that_leads_back_is_read_once(disc: Opener) -> None:
    made = image(FILES | {"DICOM/DEEP/IM3": b"three"})
    root, length = made.folders["."]
    made.set_extent("DICOM/DEEP", root)
    made.set_length("DICOM/DEEP", length)
    with disc(made) as package:
        assert contents(package) == FILES
        assert [(f.rule, f.subject) for f in package.findings] == [("M33", "DICOM/DEEP")]


def test_m34_a_damaged_record_costs_the_rest_of_its_sector_and_is_said(disc: Opener) -> None:
    for at, value in ((0, 33), (32, 200), (32, 0)):
        made = image(FILES)
        made.data[made.records["DICOM/IM2"] + at] = value
        with disc(made) as package:
            assert set(contents(package)) == {"DICOMDIR", "DICOM/IM1"}
            assert [(f.rule, f.subject, f.severity) for f in package.findings] == [
                ("M34", "DICOM", "error")]


def test_m34_numbers_that_disagree_in_their_two_orders_are_said(disc: Opener) -> None:
    made = image(FILES)
    made.data[made.records["DICOM/IM2"] + 17] ^= 1
    with disc(made) as package:
        assert contents(package) == FILES
        assert [(f.rule, f.severity) for f in package.findings] == [("M34", "warning")]


@pytest.mark.parametrize(("at", "value"), [(128, 7), (156, 0), (181, 0)])
def test_m34_a_disc_without_a_sensible_start_is_refused(
        disc: Opener, at: int, value: int) -> None:
    made = image(FILES)
    made.data[16 * SECTOR + at] = value
    with pytest.raises(DamagedError):
        disc(made)


def test_m35_trees_with_different_files_are_flagged_and_all_are_listed(disc: Opener) -> None:
    joliet = {"DICOMDIR": FILES["DICOMDIR"], "DICOM/IM1": FILES["DICOM/IM1"], "HIDDEN": b"hidden"}
    with disc(image(FILES, joliet=joliet)) as package:
        assert contents(package) == FILES | {"HIDDEN": b"hidden"}
        [finding] = package.findings
        assert (finding.severity, finding.code) == ("error", "iso-trees-differ")
        assert finding.rule == "M35"


def test_m35_names_that_are_swapped_between_the_trees_are_flagged(disc: Opener) -> None:
    joliet = {"DICOMDIR": FILES["DICOMDIR"], "DICOM/IM1": FILES["DICOM/IM2"],
              "DICOM/IM2": FILES["DICOM/IM1"]}
    with disc(image(FILES, joliet=joliet)) as package:
        assert [(f.rule, f.severity) for f in package.findings] == [("M35", "error")]
    use = ROOT | {"DICOM/IM1": nm(b"IM2"), "DICOM/IM2": nm(b"IM1")}
    with disc(image(FILES, system_use=use)) as package:
        assert [(f.rule, f.severity) for f in package.findings] == [("M35", "error")]


def test_m35_the_last_session_of_several_is_read(disc: Opener) -> None:
    first = image(FILES)
    start = len(first.data) // SECTOR
    files = FILES | {"DICOM/IM3": b"three"}
    second = image(files)
    for path in second.records:
        second.set_extent(path, second.sector_of(path) + start)
    root = second.folders["."][0] + start
    second.put_both(16 * SECTOR + 156 + 2, root)
    with disc(first.bytes() + second.bytes()) as package:
        assert contents(package) == files
        assert [(f.code, f.severity) for f in package.findings] == [("iso-sessions", "warning")]


def test_m37_a_disc_with_too_many_files_or_folders_too_long_is_refused(disc: Opener) -> None:
    with pytest.raises(BudgetError):
        disc(image({f"F{n:07d}": b"%d" % n for n in range(40)}), Limits(entries=30))
    made = image(FILES)
    made.data += bytes(1 << 20)
    made.set_length("DICOM", 1 << 20)
    with pytest.raises(BudgetError):
        disc(made, Limits(entries=20))


def test_m20_a_disc_image_that_is_a_zip_as_well_is_flagged(disc: Opener) -> None:
    with disc(image(FILES).bytes() + zip_bytes()) as package:
        assert contents(package) == FILES
        assert [(f.rule, f.code) for f in package.findings] == [
            ("M20", "polyglot"), ("M30", "iso-short")]


def test_m23_a_disc_image_that_is_still_being_copied_is_growing(tmp_path: Path) -> None:
    whole = image(FILES).bytes()
    path = tmp_path / "drop.iso"
    for length in range(0, len(whole), 1500):
        path.write_bytes(whole[:length])
        assert structure(path).state == "growing", length
    path.write_bytes(whole)
    assert structure(path).state == "complete"


def test_a_disc_that_announces_udf_and_holds_none_is_refused_with_words(disc: Opener) -> None:
    data = bytearray(image(FILES).bytes())
    data[16 * SECTOR + 1:16 * SECTOR + 6] = b"BEA01"
    with pytest.raises(DamagedError, match="UDF"):
        disc(bytes(data))


def test_an_image_of_raw_cd_sectors_is_refused_with_words(disc: Opener) -> None:
    raw = b"".join(b"\0" + b"\xff" * 10 + b"\0" + bytes(4) + bytes(2336) for _ in range(20))
    with pytest.raises(UnsupportedError, match="raw CD sectors"):
        disc(raw)


def test_a_nested_zip_on_a_disc_is_opened(disc: Opener) -> None:
    from hostile_media import ZipItem
    with disc(image({"DICOM.ZIP": zip_bytes(ZipItem(b"IM1", b"one"))})) as package:
        assert contents(package) == {"DICOM.ZIP!/IM1": b"one"}


def test_empty_files_share_a_place_without_a_finding(disc: Opener) -> None:
    made = image({"A": b"", "B": b"", "C": b"x"})
    with disc(made) as package:
        assert contents(package) == {"A": b"", "B": b"", "C": b"x"}
        assert package.findings == []


def test_the_space_of_another_block_size_is_understood(disc: Opener) -> None:
    made = image({"A": b"a" * 700})
    struct.pack_into("<H", made.data, 16 * SECTOR + 128, 512)
    for at in (16 * SECTOR + 156, made.records["A"]):
        made.put_both(at + 2, struct.unpack_from("<I", made.data, at + 2)[0] * 4)
    made.put_both(16 * SECTOR + 80, len(made.data) // 512)
    with disc(made) as package:
        assert contents(package) == {"A": b"a" * 700}
        assert package.findings == []
