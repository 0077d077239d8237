"""A disc folder onto a stick: copied, flushed, read again. Nothing is formatted or removed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from mediasvc.errors import BudgetError, ProofError, StateError
from mediasvc.media.disc.disc_file import MANIFEST, MANIFEST_SIGNATURE
from mediasvc.media.disc.hash_list import read_hash_list
from mediasvc.media.secure.secure_cms_read import HEAD, is_envelope
from mediasvc.span import Span
from mediasvc.store import burns
from mediasvc.store.burns import Burn
from mediasvc.store.discs import Disc
from mediasvc.work.burn import alone, fail, plan, step
from mediasvc.work.desk import Desk
from mediasvc.work.handing_out.folder_sum import NOTED, file_sums, folder_sum

CHUNK = 1 << 20
FAT = frozenset({"vfat", "msdos", "fat"})
FAT_LARGEST = (4 << 30) - 1
#: What a stick answers, in words and with what to do.
TROUBLE = {
    errno.EROFS: ("The stick is write-protected.", "Look for its switch, or take another one."),
    errno.ENOSPC: ("The stick has no room left.", "Take an empty one."),
    errno.EACCES: ("The stick may not be written by this user.", "Look how it is mounted."),
    errno.EPERM: ("The stick may not be written by this user.", "Look how it is mounted.")}


def copy_disc(desk: Desk, disc: Disc, folder: Path, *, by: str) -> Burn:
    """Copy a released disc folder into ``folder``, which is there and holds no file-set yet.

    Raises StateError, BudgetError or ProofError; then what was copied is taken away again.
    """
    source = Path(disc.path)
    hashes = _listed(desk, disc, source)
    _require_place(source, folder, hashes)
    with alone(desk):
        row = plan(desk, disc, "folder", str(folder), by)
        written: list[Path] = []
        try:
            for path in hashes:
                _copy(source / path, folder / path, written)
            row = step(desk, row, "built", by, program="copy")
            for path, sha256 in hashes.items():
                if _read_again(folder / path) != sha256:
                    raise ProofError(f"{path} on the stick is not what was copied")
        except BaseException as error:
            for path_written in reversed(written):
                with suppress(OSError):  # it may be gone with the stick
                    path_written.rmdir() if path_written.is_dir() else path_written.unlink()
            said = _said(error) if isinstance(error, OSError) else error
            fail(desk, row, said, by)
            raise said from error
        row = step(desk, row, "verified", by)
        return step(desk, row, "released", by)


def _said(error: OSError) -> StateError:
    return StateError(*TROUBLE.get(error.errno or 0, (
        "The stick cannot be written or read any more.",
        "Is it still plugged in? Take another one.")))


def _listed(desk: Desk, disc: Disc, source: Path) -> dict[str, str]:
    """Path → sha256, from the list that the certificate vouches for; of an encrypted folder, whose
    list is encrypted, what stands there, which the ledger vouches for."""
    manifest = source / MANIFEST
    if not manifest.is_file():
        raise StateError(f"Disc {disc.id} is no folder.", "Export to DIR/ for a stick.")
    changed = StateError(f"The folder of disc {disc.id} is not the certified one any more.",
                         "Export it again.")
    if Span.of_file(manifest).sha256() != disc.sha256:
        raise changed
    data = manifest.read_bytes()
    if is_envelope(data[:HEAD]):
        sums = file_sums(source)
        with desk.store.read() as connection:
            noted = burns.noted(connection, disc.id).get(NOTED)
        if noted and noted != folder_sum(sums):
            raise changed
        return sums
    hashes = {**read_hash_list(data).hashes, MANIFEST: disc.sha256}
    if (signature := source / MANIFEST_SIGNATURE).is_file():
        hashes[MANIFEST_SIGNATURE] = Span.of_file(signature).sha256()
    return hashes


def _require_place(source: Path, folder: Path, hashes: dict[str, str]) -> None:
    if not folder.is_dir():
        raise StateError(f"{folder.name or folder} is no folder.", "Name where the stick is.")
    there = {entry.name.upper() for entry in folder.iterdir()}
    if taken := sorted(there & {path.split("/")[0].upper() for path in hashes}):
        raise StateError(f"{taken[0]} is on the stick already; it holds one file-set only.",
                         "Take an empty one.")
    sizes = [(source / path).stat().st_size for path in hashes]
    if file_system(folder) in FAT and max(sizes) > FAT_LARGEST:
        raise BudgetError("A file is larger than FAT32 can hold (R12-4).")
    if sum(sizes) > shutil.disk_usage(folder).free:
        raise BudgetError("The stick has not enough room.")


def file_system(folder: Path) -> str:
    """Its type as the system calls it; empty where that is not known."""
    try:
        rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    place = str(folder.resolve())
    inside = [(len(row[1]), row[2]) for row in rows
              if place == row[1] or place.startswith(row[1].rstrip("/") + "/")]
    return max(inside)[1] if inside else ""


def _copy(source: Path, target: Path, written: list[Path]) -> None:
    missing = [folder for folder in target.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir()
        written.append(folder)
    with source.open("rb") as original, target.open("xb") as copy:
        written.append(target)
        shutil.copyfileobj(original, copy, CHUNK)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(source, target)


def _read_again(path: Path) -> str:
    """From the medium, not from memory, where the system can be told so."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()
