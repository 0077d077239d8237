"""Folders as they are dropped: what enters, what is refused by name, what is only said."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediasvc.errors import BudgetError, DamagedError, NotFoundError, UnsupportedError
from mediasvc.media import labels
from mediasvc.media.package import Package, open_package
from mediasvc.settings import Limits

LIMITS = Limits()


def opened(path: Path, limits: Limits = LIMITS, ignore: tuple[str, ...] = ()) -> Package:
    return open_package(path, limits, scratch=path.parent / "scratch", ignore=ignore)


def labels_of(package: Package) -> list[str]:
    return [member.label for member in package.members()]


def rules(package: Package) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in package.findings]


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """DICOMDIR and two images in a folder."""
    folder = tmp_path / "disc"
    (folder / "DICOM").mkdir(parents=True)
    (folder / "DICOMDIR").write_bytes(b"directory")
    (folder / "DICOM" / "IM000001").write_bytes(b"one")
    (folder / "DICOM" / "IM000002").write_bytes(b"two!")
    return folder


def test_a_disc_is_listed_in_sorted_order_with_its_lengths(disc: Path) -> None:
    with opened(disc) as package:
        members = list(package.members())
        assert package.kind == "folder"
        assert [(m.number, m.label, m.parts, m.length) for m in members] == [
            (0, "DICOM/IM000001", ("DICOM", "IM000001"), 3),
            (1, "DICOM/IM000002", ("DICOM", "IM000002"), 4),
            (2, "DICOMDIR", ("DICOMDIR",), 9)]
        assert b"".join(package.span(members[1]).chunks()) == b"two!"
        assert package.findings == []
        assert package.member(1) == members[1]
        with pytest.raises(IndexError):
            package.member(3)


def test_m02_a_link_out_of_the_disc_is_refused_and_the_rest_is_read(disc: Path) -> None:
    (disc.parent / "secret").write_bytes(b"not on the disc")
    (disc / "DICOM" / "IM000003").symlink_to(disc.parent / "secret")
    (disc / "ELSEWHERE").symlink_to(disc.parent)
    with opened(disc) as package:
        assert labels_of(package) == ["DICOM/IM000001", "DICOM/IM000002", "DICOMDIR"]
        assert rules(package) == [("M02", "DICOM/IM000003"), ("M02", "ELSEWHERE")]
        assert all(finding.severity == "error" for finding in package.findings)


def test_m02_a_folder_swapped_for_a_link_after_listing_is_not_followed(disc: Path) -> None:
    with opened(disc) as package:
        image = package.member(0)
        (disc / "DICOM").rename(disc.parent / "moved")
        (disc / "DICOM").symlink_to(disc.parent / "moved")
        with pytest.raises(DamagedError):
            package.span(image)
        assert not package.unchanged(image)


def test_m02_a_link_as_the_package_itself_is_refused(disc: Path) -> None:
    link = disc.parent / "link"
    link.symlink_to(disc)
    with pytest.raises(UnsupportedError):
        opened(link)


def test_m03_a_pipe_a_socket_and_a_sparse_giant_are_refused_at_once(disc: Path) -> None:
    os.mkfifo(disc / "FIFO")
    (disc / "GIANT").touch()
    os.truncate(disc / "GIANT", 8 << 40)
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(disc)  # a socket's path is short
        try:
            server.bind("SOCKET")
        finally:
            os.chdir(here)
        with opened(disc) as package:
            assert rules(package) == [("M03", "FIFO"), ("M03", "GIANT"), ("M03", "SOCKET")]
            assert len(package) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_m03_a_device_node_is_refused(disc: Path) -> None:
    try:
        os.mknod(disc / "ZERO", 0o020666, os.makedev(1, 5))
    except OSError:
        pytest.skip("device nodes are not allowed here")
    with opened(disc) as package:
        assert rules(package) == [("M03", "ZERO")]


def test_m12_names_that_differ_only_in_case_or_accents_are_both_kept(disc: Path) -> None:
    (disc / "dicomdir").write_bytes(b"another")
    (disc / "u\u0308ber").write_bytes(b"nfd")
    (disc / "\u00fcber").write_bytes(b"nfc")
    with opened(disc) as package:
        assert len(package) == 6
        assert [f.code for f in package.findings] == ["names-collide", "names-collide"]
        assert {f.severity for f in package.findings} == {"warning"}


def test_m13_names_that_deceive_are_shown_written_out(disc: Path) -> None:
    for name in (b"a\nb", b"\x1b[31mred", "gnp.\u202eexe".encode(), b"\xff\xfe"):
        (disc / os.fsdecode(name)).write_bytes(b"x")
    with opened(disc) as package:
        shown = labels_of(package)
        assert {"a\\x0ab", "\\x1b[31mred", "gnp.\\u202eexe", "\\xff\\xfe"} <= set(shown)
        assert [(f.code, f.rule) for f in package.findings] == [("odd-names", "M13")]
        assert all(package.span(m).length == m.length for m in package.members())
        assert ("\udcff\udcfe",) in [m.parts for m in package.members()]


def test_m19_a_path_of_two_thousand_folders_costs_only_itself(disc: Path) -> None:
    fd = os.open(disc, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    try:
        with opened(disc) as package:
            assert len(package) == 3
            assert [(f.rule, f.code) for f in package.findings] == [("M19", "too-deep")]
    finally:
        _remove_chain(disc)


def _remove_chain(folder: Path) -> None:
    """pytest's own clean-up would recurse."""
    fds = [os.open(folder, os.O_RDONLY)]
    for _ in range(2000):
        fds.append(os.open("d", os.O_RDONLY, dir_fd=fds[-1]))
        if len(fds) > 200:
            os.close(fds.pop(0))
    for fd in reversed(fds):
        os.close(fd)
    os.system(f"rm -rf '{folder}/d'")


def test_m24_a_file_that_grows_after_listing_is_not_handed_out(disc: Path) -> None:
    with opened(disc) as package:
        image = package.member(0)
        assert package.unchanged(image)
        (disc / "DICOM" / "IM000001").write_bytes(b"one and more")
        assert not package.unchanged(image)
        with pytest.raises(DamagedError):
            package.span(image)


def test_m25_a_file_rewritten_in_place_while_it_is_read_is_noticed(disc: Path) -> None:
    path = disc / "DICOM" / "IM000001"
    with opened(disc) as package:
        image = package.member(0)
        data = b"".join(package.span(image).chunks())
        path.write_bytes(b"ONE")
        os.utime(path, ns=(1, 1))
        assert data == b"one"
        assert not package.unchanged(image)
        path.unlink()
        assert not package.unchanged(image)


def test_m36_autorun_and_viewer_are_members_by_name_and_nothing_more(disc: Path) -> None:
    (disc / "AUTORUN.INF").write_bytes(b"[autorun]")
    (disc / "VIEWER.EXE").write_bytes(b"MZ")
    with opened(disc) as package:
        assert {"AUTORUN.INF", "VIEWER.EXE"} <= set(labels_of(package))


def test_m36_droppings_of_operating_systems_are_passed_over_and_counted(disc: Path) -> None:
    (disc / ".DS_Store").write_bytes(b"x")
    (disc / "THUMBS.DB").write_bytes(b"x")
    (disc / "__MACOSX").mkdir()
    (disc / "__MACOSX" / "._IM000001").write_bytes(b"x")
    with opened(disc, ignore=(".DS_Store", "Thumbs.db", "__MACOSX", "._*")) as package:
        assert len(package) == 3
        [finding] = package.findings
        assert (finding.severity, finding.code) == ("info", "ignored-files")
        assert finding.text.startswith("3 files")


def test_m37_a_disc_over_its_budget_is_refused_with_words(disc: Path) -> None:
    with pytest.raises(BudgetError, match="more than 3 files"):
        opened(disc, Limits(entries=3))
    with pytest.raises(BudgetError, match="more than 10 bytes"):
        opened(disc, Limits(package_bytes=10))


def test_a_folder_that_may_not_be_read_is_named(
        disc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: object, flags: int, *more: object, **options: object) -> int:
        if path == "DICOM":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    with opened(disc) as package:
        assert labels_of(package) == ["DICOMDIR"]
        assert rules(package) == [("M28", "DICOM")]


def test_a_package_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        opened(tmp_path / "nothing")


def test_one_file_alone_is_a_package_of_one_member(tmp_path: Path) -> None:
    path = tmp_path / "IM1.dcm"
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    with opened(path) as package:
        assert package.kind == "file"
        [member] = package.members()
        assert (member.label, member.length) == ("IM1.dcm", 232)
        assert package.span(member).length == 232
        assert package.unchanged(member)
        path.write_bytes(b"")
        assert not package.unchanged(member)
    path.write_bytes(b"ab")
    with pytest.raises(BudgetError):
        opened(path, Limits(member_bytes=1))


def test_the_same_folder_gives_the_same_numbers_again(disc: Path) -> None:
    with opened(disc) as one, opened(disc) as two:
        assert list(one.members()) == list(two.members())


@given(st.text())
def test_a_label_never_holds_what_a_terminal_would_obey(text: str) -> None:
    shown = labels.display(text)
    assert shown.isprintable()
    assert labels.label((text,)).isprintable()
    if text.isprintable():
        assert shown == text


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1))
def test_any_bytes_can_be_a_name(names: list[bytes]) -> None:
    parts = [os.fsdecode(name) for name in names]
    assert labels.label(parts).isprintable()
    assert labels.label(parts).encode()
