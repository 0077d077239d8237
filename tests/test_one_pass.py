"""What is rewritten goes straight into the image, in order, and no second copy waits anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediasvc.errors import DamagedError
from mediasvc.media.package import open_package
from mediasvc.model import PatientKey
from mediasvc.sandbox import Answer, Sandbox
from mediasvc.settings import Home, Limits, Settings
from mediasvc.standard.profiles import load_profile
from mediasvc.store.patients import put_patients
from mediasvc.work.building.seal import Seal, seal_for
from mediasvc.work.deidentifying.deidentify_order import privacy
from mediasvc.work.desk import open_desk
from mediasvc.work.handing_out import release
from mediasvc.work.ingest import run_line, submit
from mediasvc.work.plan import rehearse
from mediasvc.work.planning import export_conform
from mediasvc.work.planning.export_order import ExportOrder, container_of
from mediasvc.work.turns.in_turn import WINDOW, run_in_turn
from samples.synthesis import study, write_disc
from tests.disc_things import new_sandbox
from tests.test_export import LOCAL, Archive, local

SERIES = 12


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Three series of native images."""
    home = Home(tmp_path / "home")
    home.create()
    with new_sandbox() as sandbox, open_desk(home, Settings(), sandbox) as desk:
        with desk.store.transaction() as connection:
            put_patients(connection, [local(1)], provenance="test")
        rows = [one for number in (1, 2, 3) for one in study(
            1, 1, series=number, count=SERIES, rows=192, columns=192, **LOCAL)]
        write_disc(tmp_path / "in", rows)
        package = submit(desk, tmp_path / "in", source="", by="test")
        assert run_line(desk, package.id, lambda done, total, what: None).state == "done"
        yield Archive(desk, [])


def compressed(archive: Archive, to: Path, **more: Any) -> ExportOrder:
    return archive.order(to, "STD-GEN-DVD-JPEG", compress=True, **more)


def test_only_a_few_rewritten_instances_wait_at_a_time(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0

    def note(*arguments: Any) -> None:
        nonlocal most
        most = max(most, len(list(archive.desk.home.staging.glob("export-*/*.[ab]"))))
        return original(*arguments)

    original = export_conform._note
    monkeypatch.setattr(export_conform, "_note", note)
    done = archive.export(compressed(archive, tmp_path / "a.iso"))
    assert done.transcoded == 3 * SERIES
    assert 0 < most <= WINDOW + 4
    assert not list(tmp_path.glob(".a.iso*"))


def test_the_rehearsal_knows_the_size_to_the_byte(archive: Archive, tmp_path: Path) -> None:
    real = archive.export(compressed(archive, tmp_path / "a.iso")).discs[0].bytes
    told = rehearse(archive.desk, compressed(archive, tmp_path / "b.iso"), archive.told.append,
                    lambda done, total, what: None)
    assert told.discs[0].bytes == real
    assert not (tmp_path / "b.iso").exists()
    assert not list(tmp_path.glob(".b.iso*"))


def test_pages_come_first_and_instances_follow_in_reading_order(archive: Archive, tmp_path: Path,
                                                                ) -> None:
    archive.export(compressed(archive, tmp_path / "a.iso"))
    with open_package(tmp_path / "a.iso", Limits(), scratch=tmp_path / "scratch") as package:
        names = ["/".join(member.parts) for member in sorted(package.members(),
                                                             key=lambda one: one.position)]
    instances = [name for name in names if name.startswith("DICOM/")]
    first = names.index(instances[0])
    assert instances == sorted(instances) == names[first:first + 3 * SERIES]
    assert names[0] == "CERT.HTM" or names[0] == "DICOMDIR"
    assert {"DICOMDIR", "INDEX.HTM", "IHE_PDI/SE000001.HTM"} <= set(names[:first])
    assert all(name.startswith("VIEWER/S") for name in names[first + 3 * SERIES:])


def test_the_same_order_is_the_same_image(archive: Archive, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from mediasvc.work.building import export_disc as line

    moment = line.datetime.now(line.UTC).replace(microsecond=0)

    class Clock:
        @staticmethod
        def now(zone: object) -> Any:
            return moment

    monkeypatch.setattr(line, "datetime", Clock)
    one = archive.export(compressed(archive, tmp_path / "a.iso")).discs[0].sha256
    assert archive.export(compressed(archive, tmp_path / "b.iso")).discs[0].sha256 == one


def test_nothing_is_left_of_an_image_that_could_not_be_finished(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise DamagedError("gone")

    monkeypatch.setattr(export_conform, "_note", broken)
    with pytest.raises(DamagedError):
        archive.export(compressed(archive, tmp_path / "a.iso"))
    assert not list(tmp_path.glob("*a.iso*"))
    assert not list(tmp_path.glob(".a.iso*"))


def test_the_next_export_clears_the_image_of_a_dead_one(archive: Archive, tmp_path: Path) -> None:
    dead = archive.desk.home.staging / "export-dead"
    dead.mkdir()
    growing = tmp_path / ".old.iso.1.growing"
    growing.write_bytes(b"half")
    release.note_growing(dead, growing)
    archive.export(archive.order(tmp_path / "a.iso"))
    assert not growing.exists()
    assert not dead.exists()


def test_several_discs_are_made_of_copies(archive: Archive, tmp_path: Path) -> None:
    order = compressed(archive, tmp_path / "a.iso", viewer="none")
    small = ExportOrder(**{**{name: getattr(order, name) for name in order.__slots__},
                           "capacity": 1_900_000})
    done = archive.export(small)
    assert len(done.discs) > 1
    assert sum(disc.instances for disc in done.discs) == 3 * SERIES


# --- answers in turn -----------------------------------------------------------------------------

class Dying(Sandbox):
    """A batch of several items dies; alone only item 5 does."""

    def map(self, function: str, requests: Any, no_more: Any = None) -> Any:
        held = []
        for key, arguments in requests:
            items = arguments["items"]
            if any(item["at"] == 5 for item in items):
                held.append(Answer(key, None, "died", "ended"))
            else:
                held.append(Answer(key, [item["at"] for item in items]))
            while held:
                yield held.pop()


def test_the_batch_of_a_dead_child_is_tried_again_in_its_turn() -> None:
    with Dying(1, 1 << 30, 10) as sandbox:
        found = list(run_in_turn(sandbox, "", ({"at": at} for at in range(3 * WINDOW)), 4))
    assert [item["at"] for item, _ in found] == list(range(3 * WINDOW))
    assert [item["at"] for item, answer in found if answer.error] == [5]


def test_who_stops_listening_is_not_waited_for() -> None:
    with Dying(1, 1 << 30, 10) as sandbox:
        answers = run_in_turn(sandbox, "", ({"at": at} for at in range(3 * WINDOW)), 4)
        next(answers)
        answers.close()


# --- where the image cannot grow -----------------------------------------------------------------

@pytest.mark.parametrize("name", ["a.zip", "a"])
def test_a_copy_goes_as_soon_as_the_disc_has_it(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from mediasvc.work.building import export_disc as line

    left: list[int] = []
    original = line.check_disc

    def check(*arguments: Any, **more: Any) -> Any:
        more["arrival"].wait_whole()
        left.append(len(list(archive.desk.home.staging.glob("export-*/*.[ab]"))))
        return original(*arguments, **more)

    monkeypatch.setattr(line, "check_disc", check)
    done = archive.export(archive.order(tmp_path / name, "STD-GEN-USB-JPEG",
                                        compress=True))
    assert left == [0]
    assert done.instances == 3 * SERIES


@pytest.mark.parametrize(("name", "profile", "seal"), [
    ("a.zip", "ZIP", None), ("a.zip", "ZIP", Seal("zip", "correct horse battery")),
    ("a.eml", "STD-GEN-ZIP-MAIL", None), ("a.eml", "STD-GEN-MIME", None),
    ("a.eml", "STD-GEN-SEC-ZIP-MAIL", "smime"),
    ("out/", "STD-GEN-USB-JPEG", None),
    ("a.iso", "STD-GEN-SEC-CD", "cms")])
def test_copies_go_as_soon_as_the_disc_has_them(
        archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, profile: str,
        seal: Any) -> None:
    from mediasvc.work.building import export_disc as line

    left: list[Path] = []
    check = line.check_disc

    def checked(*arguments: Any, **more: Any) -> Any:
        more["arrival"].wait_whole()
        left.extend(archive.desk.home.staging.glob("export-*/*.[ab]"))
        left.extend(archive.desk.home.staging.glob("export-*/*/SEALED/*"))
        return check(*arguments, **more)

    monkeypatch.setattr(line, "check_disc", checked)
    if seal == "cms":
        seal = seal_for(load_profile(profile), "iso", "correct horse battery", ())
    if seal == "smime":
        from tests.mail_identities import identity
        seal = seal_for(load_profile(profile), "mail", "", (identity("Clinic").certificate,),
                        identity("Desk").both)
    done = archive.export(ExportOrder(
        to=tmp_path / name, container=container_of(f"{tmp_path}/{name}"),
        profile=load_profile(profile), capacity=None, patient=PatientKey("P0001", "LOCAL"),
        viewer="none", seal=seal, privacy=privacy(archive.desk.home, ("institution",), ())))
    assert done.instances == 3 * SERIES
    assert left == []
