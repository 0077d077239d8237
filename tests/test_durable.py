"""Files are kept whole or not at all, whatever fails and whenever."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mediasvc.errors import DamagedError, MediasvcError, StorageError
from mediasvc.span import Span
from mediasvc.store import file_operations
from mediasvc.store.durable import (
    Objects,
    Quarantine,
    move,
    publish,
    unfinished,
    write_file,
)
from mediasvc.store.early import Early
from mediasvc.store.filesystem import require_room
from mediasvc.store.index import put_objects
from mediasvc.store.scratch import Scratch
from tests.store_things import Recorded, new_store


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_under(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_an_object_is_named_by_its_hash_and_cannot_be_written(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    temp, digest, length = objects.write([b"abc", b"def"])
    path = objects.place(temp, digest)
    assert (digest, length) == (sha(b"abcdef"), 6)
    assert path == tmp_path / "objects" / digest[:2] / f"{digest}.dcm"
    assert path.read_bytes() == b"abcdef"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list(objects.digests()) == [digest]
    assert not temp.exists()


def test_bytes_are_on_disk_before_the_name_and_the_name_before_the_return(tmp_path: Path) -> None:
    seen = Recorded()
    objects = Objects(tmp_path, seen)
    temp, digest, _ = objects.write([b"pixels"])
    objects.place(temp, digest)
    final = f"{digest}.dcm"
    order = [seen.place("write"), seen.place("chmod"), seen.place("fsync", temp.name),
             seen.place("mkdir", digest[:2]), seen.place("dirsync", "objects"),
             seen.place("rename", temp.name, final), seen.place("dirsync", digest[:2])]
    assert order == sorted(order)
    assert seen.log[-1] == ("dirsync", digest[:2])


def test_the_database_speaks_of_a_file_only_when_it_is_durable(tmp_path: Path) -> None:
    """FAULTS C02: write, fsync, rename, fsync of the folder, and only then the commit."""
    import sqlalchemy

    seen = Recorded()
    with new_store(tmp_path) as store:
        sqlalchemy.event.listen(store.engine, "commit", lambda _: seen.log.append(("commit",)))
        objects = Objects(tmp_path / "archive", seen)
        temp, digest, length = objects.write([b"pixels"])
        objects.place(temp, digest)
        with store.transaction() as connection:
            put_objects(connection, {digest: length})
    steps = [words[0] for words in seen.log][-7:]
    assert steps == ["chmod", "fsync", "mkdir", "dirsync", "rename", "dirsync", "commit"]


def test_a_large_batch_syncs_once_before_the_first_rename_and_once_after_the_last(
        tmp_path: Path) -> None:
    seen = Recorded()
    objects = Objects(tmp_path, seen)
    batch = [objects.write([b"%d" % number])[:2] for number in range(100)]
    seen.log.clear()
    objects.place_many(batch)
    renames = [at for at, words in enumerate(seen.log) if words[0] == "rename"]
    syncs = [at for at, words in enumerate(seen.log) if words[0] == "syncfs"]
    folders = {digest[:2] for _, digest in batch}
    if file_operations.SYNCFS_REPORTS_ERRORS and len(folders) >= file_operations.SYNCFS_FROM:
        assert len(syncs) == 2 and not seen.of("fsync")
        assert syncs[0] < renames[0] and renames[-1] < syncs[1]
    else:
        synced = [words[1] for words in seen.log[renames[-1]:] if words[0] == "dirsync"]
        assert sorted(synced) == sorted(folders)
    assert len(list(objects.digests())) == 100


def test_a_small_batch_syncs_each_file(tmp_path: Path) -> None:
    seen = Recorded()
    objects = Objects(tmp_path, seen)
    batch = [objects.write([b"%d" % number])[:2] for number in range(5)]
    objects.place_many(batch)
    assert {words[1] for words in seen.of("fsync")} == {temp.name for temp, _ in batch}
    first_rename = seen.log.index(seen.of("rename")[0])
    assert all(seen.place("fsync", temp.name) < first_rename for temp, _ in batch)


def test_what_was_secured_early_is_synced_once_and_before_it_is_named(tmp_path: Path) -> None:
    seen = Recorded()
    objects = Objects(tmp_path, seen)
    early = Early(objects)
    batch = [objects.write([b"%d" % number])[:2] for number in range(5)]
    for temp, _ in batch[:3]:
        early.add(temp)
    secured = early.secured()
    early.close()
    assert secured == {temp for temp, _ in batch[:3]}
    objects.place_many(batch, secured=secured)
    assert sorted(words[1] for words in seen.of("fsync")) == sorted(temp.name for temp, _ in batch)
    first_rename = seen.log.index(seen.of("rename")[0])
    assert all(seen.place("fsync", temp.name) < first_rename for temp, _ in batch)
    assert all(objects.path(digest).stat().st_mode & 0o777 == 0o444 for _, digest in batch)


def test_an_error_of_syncing_early_is_told_to_who_wants_the_files(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = Objects(tmp_path)
    early = Early(objects)
    early.add(objects.write([b"lost"])[0])
    monkeypatch.setattr(objects.operations, "fsync", broken)
    with pytest.raises(StorageError):
        early.secured()
    early.close()


def broken(*_: object) -> None:
    raise OSError(errno.EIO, "")


def test_the_same_content_again_is_adopted(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    for _ in range(2):
        temp, digest, _ = objects.write([b"same"])
        objects.place(temp, digest, verify=True)
    assert len(files_under(tmp_path)) == 1
    batch = [objects.write([b"twin"])[:2] for _ in range(3)]
    objects.place_many(batch)
    assert len(files_under(tmp_path)) == 2


def test_a_damaged_object_is_not_adopted(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    path, _ = objects.keep(b"good bytes")
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(DamagedError):
        objects.place(*objects.write([b"good bytes"])[:2])
    path.write_bytes(b"evil bytes")
    with pytest.raises(DamagedError):
        objects.place(*objects.write([b"good bytes"])[:2], verify=True)
    assert path.read_bytes() == b"evil bytes"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_whatever_operation_fails_nothing_is_acknowledged_or_left(tmp_path: Path, code: int,
                                                                  ) -> None:
    data = [b"first" * 1000, b"second" * 1000]
    counted = Recorded()
    sound = Objects(tmp_path / "count", counted)
    sound.place_many([sound.write([one])[:2] for one in data])
    failures = 0
    for number in range(len(counted.log)):
        root = tmp_path / str(number)
        objects, batch = None, []
        try:
            objects = Objects(root, Recorded(number, code))
            batch.extend(objects.write([one])[:2] for one in data)
            objects.place_many(batch)
        except StorageError as error:
            failures += 1
            assert "disk" in str(error)
        if len(batch) == len(data):
            assert not files_under(root / "tmp")
        for path in files_under(root / "objects"):
            assert path.name == sha(path.read_bytes()) + ".dcm"
    assert failures == len(counted.log) > 10


def test_after_a_failure_the_next_attempt_adopts_what_was_placed(tmp_path: Path) -> None:
    broken = Recorded()
    objects = Objects(tmp_path, broken)
    batch = [objects.write([b"%d" % number])[:2] for number in range(4)]
    broken.fail_at = len(broken.log) + 4 + 4 + 3 + len({d[:2] for _, d in batch})  # a late rename
    with pytest.raises(StorageError):
        objects.place_many(batch)
    again = Objects(tmp_path)
    again.place_many([again.write([b"%d" % number])[:2] for number in range(4)], verify=True)
    assert len(list(again.digests())) == 4


def test_renameat2_missing_falls_back_to_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              ) -> None:
    operations = file_operations.FileOperations()

    def refused(*_: object) -> int:
        import ctypes
        ctypes.set_errno(errno.EINVAL)
        return -1

    monkeypatch.setattr(operations._libc, "renameat2", refused)
    objects = Objects(tmp_path, operations)
    objects.keep(b"bytes")
    objects.keep(b"bytes")
    assert [path.read_bytes() for path in files_under(tmp_path / "objects")] == [b"bytes"]
    assert not files_under(tmp_path / "tmp")


def test_a_digest_never_becomes_another_path(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    for hostile in ("../../etc/passwd", "A" * 64, "", "a" * 63 + "/", "a" * 65):
        with pytest.raises(ValueError, match="sha256"):
            objects.path(hostile)


def test_stale_temporary_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    code = ("import sys, os, signal\nfrom pathlib import Path\n"
            "from mediasvc.store.scratch import Scratch\n"
            "s = Scratch(Path(sys.argv[1]))\ns.path().write_bytes(b'x')\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (tmp_path / "stray").write_bytes(b"?")
    assert len(files_under(tmp_path)) == 2
    living, mine = Scratch(tmp_path), Scratch(tmp_path)
    kept = [living.path(), mine.path()]
    for path in kept:
        path.write_bytes(b"being written")
    assert files_under(tmp_path) == sorted(kept)
    assert Scratch(tmp_path).sweep() == 0
    assert files_under(tmp_path) == sorted(kept)
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "file").write_bytes(b"?")
    assert mine.sweep() == 1


def test_scratch_is_gone_when_its_owner_is(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "tmp")
    assert not (tmp_path / "tmp").exists()
    scratch.path().write_bytes(b"x")
    del scratch
    assert list((tmp_path / "tmp").iterdir()) == []


def test_quarantine_keeps_the_bytes_of_a_span(tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    disc.write_bytes(b"--evil--")
    quarantine = Quarantine(tmp_path / "quarantine")
    path, digest = quarantine.keep(Span(str(disc), 2, 4), sha(b"evil"))
    assert path.read_bytes() == b"evil" and digest == sha(b"evil")
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    with pytest.raises(DamagedError):
        quarantine.keep(b"evil", sha(b"good"))
    assert list(quarantine.digests()) == [digest]


def test_removal_takes_only_what_is_named(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    digests = [objects.keep(data)[1] for data in (b"a", b"b")]
    objects.remove([digests[0], sha(b"never there")])
    assert list(objects.digests()) == [digests[1]]


def test_publish_never_overwrites(tmp_path: Path) -> None:
    source, target = tmp_path / "made", tmp_path / "out" / "disc.iso"
    source.write_bytes(b"1")
    publish(source, target)
    source.write_bytes(b"2")
    with pytest.raises(FileExistsError):
        publish(source, target)
    assert target.read_bytes() == b"1" and source.read_bytes() == b"2"


def test_publish_syncs_file_then_name_then_folder(tmp_path: Path) -> None:
    seen = Recorded()
    (tmp_path / "made").write_bytes(b"1")
    publish(tmp_path / "made", tmp_path / "new" / "deep" / "disc.iso", seen)
    assert [words[0] for words in seen.log] == [
        "mkdir", "dirsync", "mkdir", "dirsync", "fsync", "rename", "dirsync"]


def test_a_dropped_folder_is_claimed_by_one(tmp_path: Path) -> None:
    (tmp_path / "inbox" / "disc").mkdir(parents=True)
    move(tmp_path / "inbox" / "disc", tmp_path / "staging" / "1")
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "inbox" / "disc", tmp_path / "staging" / "2")
    assert os.listdir(tmp_path / "staging") == ["1"]


def test_a_small_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "certificate.json"
    write_file(target, b"one")
    with pytest.raises(StorageError):
        write_file(target, b"two", Recorded(1, errno.ENOSPC))
    assert target.read_bytes() == b"one" and os.listdir(tmp_path) == [target.name]
    unfinished(target).write_bytes(b"left by a killed process")
    write_file(target, b"two")
    assert target.read_bytes() == b"two" and os.listdir(tmp_path) == [target.name]


def test_no_work_begins_on_a_full_disk(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(MediasvcError, match="MiB are free"):
        require_room(tmp_path, 1 << 60)


