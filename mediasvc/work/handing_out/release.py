"""A disc on its way into the world: planned → built → verified → released, or failed.

A disc has its public name only after its verdict. What a dead export left behind is cleared by the
next one, or released when nothing but the last note was missing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mediasvc.errors import BudgetError, SettingsError, StateError
from mediasvc.span import Span
from mediasvc.store import discs, durable
from mediasvc.store.discs import Disc
from mediasvc.store.file_operations import OPERATIONS, sync_files
from mediasvc.store.unreleased import unreleased_discs
from mediasvc.work.building.sign import PUBLIC_KEY, SIGNATURE, Signer
from mediasvc.work.desk import Desk

PREFIX = "export-"
#: In a workspace: the path of an image that is begun beside its place.
GROWING = "growing"


def temporary(disc: Disc) -> Path:
    """Where the disc is built: beside its place, on the same file system."""
    path = Path(disc.path)
    return path.with_name(f".{path.name}.{disc.id}.part")


def certificates(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + ".json"), path.with_name(path.name + ".html")


def signatures(path: Path) -> tuple[Path, ...]:
    """Of the certificate of a disc at ``path``: the signature and the public key."""
    certificate = certificates(path)[0]
    return tuple(certificate.with_name(certificate.name + suffix)
                 for suffix in (SIGNATURE, PUBLIC_KEY))


@contextmanager
def workspace(desk: Desk) -> Iterator[Path]:
    """A private folder for one export. The first export that runs alone clears what dead ones
    left; that none of them still lives is known by a lock, which ends with its process."""
    desk.home.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(desk.home.staging / f"{PREFIX}lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                   0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _clear(desk)
        except BlockingIOError:
            pass  # another export runs
        fcntl.flock(lock, fcntl.LOCK_SH)
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=desk.home.staging) as folder:
            yield Path(folder)
    finally:
        os.close(lock)


def note_growing(scratch: Path, path: Path) -> None:
    """An image is begun at ``path``, outside of the workspace: whoever clears this finds it."""
    durable.write_file(scratch / GROWING, str(path).encode())


def _clear(desk: Desk) -> None:
    for folder in desk.home.staging.glob(f"{PREFIX}*"):
        if folder.is_dir():
            if (note := folder / GROWING).is_file():
                Path(note.read_text(encoding="utf-8")).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
    with desk.store.read() as connection:
        left = unreleased_discs(connection)
    for disc in left:
        if disc.state == "verified" and _is_there(disc):
            with desk.store.transaction() as connection:
                discs.change_disc(connection, disc.id, expect="verified", to="released",
                                  by="recovery")
        else:
            give_up(desk, disc, by="recovery")


def _is_there(disc: Disc) -> bool:
    path = Path(disc.path)
    if path.is_dir():
        return not temporary(disc).exists()
    return path.is_file() and Span.of_file(path).sha256() == disc.sha256


def give_up(desk: Desk, disc: Disc, by: str = "") -> None:
    """Nothing of the disc stays but its row."""
    remove(temporary(disc))
    for path in (*certificates(Path(disc.path)), *signatures(Path(disc.path))):
        durable.unfinished(path).unlink(missing_ok=True)
        if not Path(disc.path).exists():
            path.unlink(missing_ok=True)
    with desk.store.transaction() as connection:
        discs.change_disc(connection, disc.id, expect=disc.state, to="failed", by=by)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def require_free(path: Path, replace: bool) -> None:
    """Raises SettingsError when something stands there that may not be replaced."""
    if path.is_dir():
        if any(path.iterdir()):
            raise SettingsError(f"{path.name} is a folder with something in it.",
                                "Choose another --to, or empty it.")
    elif path.exists() and not replace:
        raise SettingsError(f"{path.name} exists already.", "Choose another --to, or --replace.")


def require_room(path: Path, needed: int) -> None:
    """Raises BudgetError when the disc would not fit on the disk that it is built on."""
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise BudgetError(f"The disc may take {needed >> 20} MiB, and {free >> 20} MiB are free.",
                          "Make room, or choose another --to.")


def reserve(desk: Desk, path: Path, *, profile: str, file_set_id: str, by: str,
            recipient: str = "", part: str = "", whose: Sequence[int] = ()) -> Disc:
    """The row of a new disc. Raises StateError when another export writes to that path."""
    with desk.store.transaction() as connection:
        if any(disc.path == str(path) for disc in unreleased_discs(connection)):
            raise StateError(f"Another export writes {path.name}.", "Wait for it, then look.")
        return discs.plan_disc(connection, path=str(path), profile=profile,
                               file_set_id=file_set_id, by=by, recipient=recipient, part=part,
                               whose=whose)


def publish(disc: Disc, certificate: bytes | memoryview, readable: bytes, replace: bool,
            signer: Signer | None = None) -> None:
    """Certificates first, then the disc itself under its name, each durable.

    ``replace``: an image that stands there goes in the same moment. Raises StateError when
    something appeared there meanwhile.
    """
    path, temp = Path(disc.path), temporary(disc)
    if path.exists() and not path.is_dir() and not replace:
        raise StateError(f"{path.name} appeared while the disc was made.", "Nothing was changed.")
    for target, data in zip(certificates(path), (certificate, readable), strict=True):
        durable.write_file(target, data)
    for target in signatures(path):
        target.unlink(missing_ok=True)
    if signer is not None:
        for name, data in signer.files(certificates(path)[0].name, certificate).items():
            durable.write_file(path.with_name(name), data)
    if temp.is_dir():
        _sync_tree(temp)
        if path.is_dir():
            path.rmdir()
    elif path.is_file():
        OPERATIONS.fsync(temp)
        OPERATIONS.replace(temp, path)
        OPERATIONS.fsync(path.parent)
        return
    durable.publish(temp, path)


def _sync_tree(folder: Path) -> None:
    anchor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_files(list(folder.rglob("*")), anchor)
    finally:
        os.close(anchor)
