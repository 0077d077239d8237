"""Lists of hundreds of thousands of rows, of which memory holds a few thousand."""

from __future__ import annotations

import json
import random
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pytest

from mediasvc.media import long_list
from mediasvc.media.checking.check_directory import DirectoryCheck
from mediasvc.media.directory.plain_record import plain_record
from mediasvc.media.directory.sequence_bytes import EXPLICIT
from mediasvc.media.disc.disc_file import disc_files
from mediasvc.media.disc.disc_layout import DiscInstance, disc_instances, lay_out
from mediasvc.media.disc.disc_plan import plan_discs
from mediasvc.media.disc.hash_list import write_hash_list
from mediasvc.media.iso import iso_write
from mediasvc.media.iso.iso_tables import Names
from mediasvc.media.iso.iso_write import IsoImage
from mediasvc.media.iso.iso_write import in_order as in_order_of_image
from mediasvc.media.long_list import LongList, in_order, picked, runs
from mediasvc.media.member import Member
from mediasvc.media.viewer.viewer_plan import plan_chunks
from mediasvc.model import InstanceHeader
from mediasvc.sandbox import Sandbox
from mediasvc.settings import Limits
from mediasvc.span import Span
from mediasvc.standard.profiles import load_profile
from mediasvc.work.building.certificate import as_json
from mediasvc.work.checking.check_files import Seen
from mediasvc.work.checking.check_files import _note as note
from mediasvc.work.checking.check_members import HEAD, certificate
from mediasvc.work.checking.disc_under_test import Disc
from mediasvc.work.checking.members_listed import ByPath, Hashes, Uids
from mediasvc.work.deidentifying.deidentify_order import Renamed
from mediasvc.work.intake.discover import Source
from mediasvc.work.intake.listed import member_list
from mediasvc.work.planning.export_conform import Conformed

Row = tuple[int, str]


def rows(count: int) -> LongList[Row]:
    found: LongList[Row] = LongList(lambda row: row, lambda row: row)
    found.extend((number * 7919 % count, str(number)) for number in range(count))
    return found


@pytest.mark.parametrize("count", [0, 1, 255, 256, 8192, 8193, 20_000])
def test_what_is_put_in_comes_out_and_can_be_sorted(count: int) -> None:
    found = rows(count)
    expected = [(number * 7919 % count, str(number)) for number in range(count)]
    assert list(found) == expected and len(found) == count
    assert list(in_order(found, lambda row: row[0], found.empty())) == sorted(expected)
    assert list(found[5:300]) == expected[5:300]


def test_rows_that_are_replaced_or_come_later_are_not_lost_on_the_disk() -> None:
    found, expected = rows(20_000), list(rows(20_000))
    for step, at in enumerate(random.Random(1).sample(range(20_000), 400)):
        assert found[at] == expected[at]
        found[at] = expected[at] = (step, "replaced")
        found.append((step, "later"))
        expected.append((step, "later"))
    assert list(found) == expected and found[-1] == expected[-1]


def test_neighbours_of_one_kind_are_found_together() -> None:
    found = in_order(rows(9_000), lambda row: row[0], rows(0))
    parts = [list(part) for part in runs(found, lambda row: row[0] // 1000)]
    assert parts == [list(part) for _, part in groupby(found, lambda row: row[0] // 1000)]
    assert list(picked(found, [range(3), [8_999]])) == [*found[:3], found[8_999]]


@pytest.fixture()
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a few hundred rows are long already, and no tables are kept."""
    monkeypatch.setattr(long_list, "BLOCK", 16)
    monkeypatch.setattr(iso_write, "KEPT", 0)


def instances(count: int) -> LongList[DiscInstance]:
    """Not in reading order, 100 in a series."""
    found = disc_instances()
    for number in range(count):
        at = number * 7919 % count
        found.append(DiscInstance(
            InstanceHeader(study_instance_uid="1.2", series_instance_uid=f"1.2.{at // 100}",
                           sop_instance_uid=f"1.2.{at // 100}.{at}", instance_number=str(at),
                           series_number=str(at // 100), rows=48, columns=48,
                           photometric_interpretation="MONOCHROME2"),
            Span(f"/home/archive/objects/{at:064x}.dcm", 0, 6000), f"{at:064x}"))
    return found


def taken(work: Callable[[int], object], count: int) -> int:
    """Bytes at most."""
    tracemalloc.start()
    work(count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def grows(work: Callable[[int], object]) -> float:
    """Bytes for each further instance, when there are many."""
    work(10)
    return (taken(work, 3_000) - taken(work, 1_500)) / 1_500


def test_a_disc_is_planned_and_laid_out_with_some_bytes_of_each_instance(forgetful: None) -> None:
    def work(count: int) -> None:
        [plan] = plan_discs(instances(count), None, with_udf=0x0260)
        layout = lay_out(plan.instances)
        assert sum(1 for _ in plan_chunks(layout)) >= count // 100
        files = disc_files()
        files.extend(layout.files())
        listed = in_order_of_image(files)
        image = IsoImage((file.parts for file in listed), 0x0260)
        placed = image.place(file.span.length for file in listed)
        with tempfile.TemporaryFile() as sink:
            write_hash_list(sink, listed, {})
            sink.writelines(image.tables(Names("DISC", datetime(2024, 1, 1, tzinfo=UTC)), placed))

    assert (g := grows(work)) < 300, g


def test_who_became_who_is_not_kept_in_memory(forgetful: None) -> None:
    def work(count: int) -> None:
        renamed = Conformed().renamed
        for one in instances(count):
            before = replace(one.header, patient_id="before")
            renamed.append(Renamed(before, replace(before, patient_id="after"), 7))
        last = renamed[-1]
        assert (last.before.patient_id, last.after.patient_id, last.days) == (
            "before", "after", 7)

    assert (g := grows(work)) < 100, g


def test_a_disc_is_judged_with_some_bytes_of_each_file(forgetful: None, tmp_path: Path) -> None:
    def work(count: int) -> None:
        members, uids = member_list(tmp_path), Uids()
        for number in range(count):
            parts = ("DICOM", "PT000001", f"SE{number // 100:06d}", f"IM{number % 100:06d}")
            members.append(Member(number, "/".join(parts), parts, 6000, 8192 * number, parts))
            uids.add(f"1.2.{number}", number)
        with (tmp_path / "hashes").open("w") as lines:
            lines.writelines(f"{one.number:064x}  {'/'.join(one.parts)}\n" for one in members)
        hashes = Hashes(count)
        hashes.take(tmp_path / "hashes", ByPath(members))
        assert hashes[count - 1] == f"{count - 1:064x}" and not hashes.missing
        assert not list(uids.again())

    assert (g := grows(work)) < 250, g


def test_a_dicomdir_is_judged_with_some_bytes_of_each_record() -> None:
    element = EXPLICIT.element

    def record(at: int, name: str) -> bytes:
        return b"".join((
            element(0x00041400, "UL", at.to_bytes(4, "little")),
            element(0x00041410, "US", b"\xff\xff"), element(0x00041420, "UL", bytes(4)),
            element(0x00041430, "CS", b"IMAGE "), element(0x00041500, "CS", name.encode()),
            element(0x00041510, "UI", b"1.2.840.10008.5.1.4.1.1.2\0")))

    def work(count: int) -> None:
        found = DirectoryCheck(lambda line: (0, len(line)))
        for number in range(count):
            name = f"DICOM\\PT000001\\ST000001\\SE{number // 100:06d}\\IM{number % 100:06d}"
            noted = plain_record(record(300 * number, name), 300 * number)
            assert noted is not None and not noted.illegal
            found.note(noted)
        assert not found.file_ids.twice() and found.records.at(300 * (count - 1)) == count - 1
        assert sum(1 for _ in found.places()) == count

    assert (g := grows(work)) < 400, g


def test_pages_of_a_disc_are_judged_without_keeping_their_links(forgetful: None,
                                                                tmp_path: Path) -> None:
    nobody = Sandbox(1, 1 << 30, 30)  # which no child is asked of

    def work(count: int) -> None:
        members = member_list(tmp_path)
        for number in range(count):
            parts = ("IHE_PDI", f"SE{number // 100:06d}", f"IM{number % 100:06d}.JPG")
            members.append(Member(number, "/".join(parts), parts, 6000, 8192 * number, parts))
        page = Member(count, "INDEX.HTM", ("INDEX.HTM",), 6000, 0)
        disc = Disc(nobody, Source(tmp_path, tmp_path, Limits()), "iso", members, ByPath(members))
        seen = Seen(bytearray(count + 1))
        for first in range(0, count, 100):
            links = [members[number].label for number in range(first, min(first + 100, count))]
            note(disc, load_profile("STD-GEN-CD"), seen, page, False, {
                "findings": [], "sha256": "", "role": "non_dicom", "links": links})
        assert not disc.trial.counts

    assert (g := grows(work)) < 150, g


@pytest.fixture
def certificates(tmp_path: Path) -> Callable[[int], Path]:
    """As they are written for so many instances."""
    def write(count: int) -> Path:
        target = tmp_path / f"{count}.json"
        with as_json({"certificate": 1, "sha256": "ab"}, lay_out(instances(count)),
                     tmp_path) as data:
            target.write_bytes(data)
        return target
    return write


def test_a_long_certificate_is_not_read_into_memory(certificates: Callable[[int], Path]) -> None:
    path = str(certificates(16_000))
    assert taken(lambda _: certificate(path), 1) < 3 * HEAD < Path(path).stat().st_size


@pytest.mark.parametrize("count", [3, 8_000])
def test_a_certificate_is_read_however_it_is_written_but_not_when_it_is_cut(
        certificates: Callable[[int], Path], count: int) -> None:
    path = certificates(count)
    data = path.read_bytes()
    assert certificate(str(path)) == {"sha256": "ab"}
    path.write_bytes(data[:-4])
    assert certificate(str(path)) == {}
    path.write_text(json.dumps(json.loads(data)))
    assert certificate(str(path)) == {"sha256": "ab"}


def test_files_of_a_disc_are_found_by_name_and_by_uid(tmp_path: Path) -> None:
    members = member_list(tmp_path)
    for number, name in enumerate(["A", "B", "C", "A"]):
        members.append(Member(number, name, ("DICOM", name), 1, 1))
    known = ByPath(members)
    found = [known.find(("DICOM", name)) for name in "ABCD"]
    assert [one.number if one else -1 for one in found] == [3, 1, 2, -1]
    uids = Uids()
    for number, uid in enumerate(["1.1", "1.2", "1.1", "1.3", "1.1"]):
        uids.add(uid, number)
    assert sorted(uids.again()) == [2, 4]
