"""Every durable file operation of the product goes through this module (FAULTS T5).

A file counts as kept when its bytes are on the disk (fsync), then stands under its final name
(rename, never over another file), then its folder's entry is on the disk (fsync of the folder, and
of every folder made on the way). Only after that may a database row speak of it. Whatever fails in
between is thrown away; an fsync that failed is never repeated on the same file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from mediasvc.errors import PUT_BACK, DamagedError
from mediasvc.span import Span
from mediasvc.store.file_operations import (
    OPERATIONS,
    FileOperations,
    make_folder,
    storage_error,
    sync_files,
)
from mediasvc.store.scratch import Scratch

_HEX = frozenset("0123456789abcdef")
_CHUNK = 1 << 20


class Shelf:
    """``folder`` holds files ``ab/abcd….suffix`` (``fan_out``) or ``abcd….suffix``, mode ``mode``.

    No path contains anything but the digest (invariant 7). A file that is there already is adopted
    when it is identical: its length is always compared, its bytes when ``verify`` is asked for.
    """

    def __init__(self, folder: Path, scratch: Scratch, suffix: str, *, fan_out: bool = True,
                 mode: int = 0o444) -> None:
        self.folder, self.scratch, self.suffix = folder, scratch, suffix
        self.fan_out, self.mode = fan_out, mode
        self.operations = scratch.operations
        try:
            make_folder(folder, self.operations)
            self.operations.fsync(folder.parent)  # whoever made it may have died before doing so
        except OSError as error:
            raise storage_error(error) from error
        self._synced: set[Path] = set()

    def path(self, sha256: str) -> Path:
        """Where the file stands or will stand. Raises ValueError for what is not a digest."""
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError("not a sha256 in lower-case hex")
        name = f"{sha256}{self.suffix}"
        return self.folder / sha256[:2] / name if self.fan_out else self.folder / name

    def temp(self) -> Path:
        """A fresh path on the same file system, to be written and then placed."""
        return self.scratch.path()

    def write(self, chunks: Iterable[bytes | memoryview]) -> tuple[Path, str, int]:
        """Write a temporary file; returns it, its sha256 and length. Raises StorageError."""
        temp = self.temp()
        try:
            fd = self.operations.create(temp)
            try:
                sha256, length = self.operations.write(fd, chunks)
            finally:
                self.operations.close(fd)
        except OSError as error:
            self.scratch.discard([temp])
            raise storage_error(error) from error
        except BaseException:
            self.scratch.discard([temp])
            raise
        return temp, sha256, length

    def place(self, temp: Path, sha256: str, *, verify: bool = False) -> Path:
        """`place_many` for one file; returns its final path."""
        self.place_many([(temp, sha256)], verify=verify)
        return self.path(sha256)

    def secure(self, temps: Sequence[Path], anchor: int) -> None:
        """Bytes and mode of these temporary files are on the disk. ``anchor`` as `sync_each` has
        it. Raises OSError."""
        for temp in temps:
            self.operations.chmod(temp, self.mode)
        sync_files(temps, anchor, self.operations)

    def place_many(self, batch: Sequence[tuple[Path, str]], *, verify: bool = False,
                   secured: AbstractSet[Path] = frozenset()) -> None:
        """Make all files of ``[(temporary path, sha256)]`` durable under their final names; those
        of ``secured`` went through `secure` before.

        When it returns, a power cut cannot take any of them. The caller vouches for the digests of
        new files (it hashed what it wrote). On any error all temporary files are removed and
        StorageError or DamagedError is raised; files that had their name already are harmless,
        they are adopted by the next attempt.
        """
        try:
            self._place(batch, verify, secured)
        except BaseException as error:
            self.scratch.discard(temp for temp, _ in batch)
            if isinstance(error, OSError):
                raise storage_error(error) from error
            raise

    def _place(self, batch: Sequence[tuple[Path, str]], verify: bool, secured: AbstractSet[Path],
               ) -> None:
        targets = [(temp, self.path(sha256)) for temp, sha256 in batch]
        self.secure([temp for temp, _ in targets if temp not in secured], self.scratch.anchor)
        touched = {target.parent: None for _, target in targets}
        self._make_folders(touched)
        for temp, target in targets:
            try:
                self.operations.rename(temp, target)
            except FileExistsError:
                self._adopt(temp, target, verify)
        # Many folders are one syncfs too: 160 fsyncs a batch were half of an import's time.
        sync_files(list(touched), self.scratch.anchor, self.operations)

    def _make_folders(self, folders: Iterable[Path]) -> None:
        """Their entries are on the disk, even when a dead process made them and did not sync."""
        new = [folder for folder in folders if folder not in self._synced]
        for folder in new:
            with suppress(FileExistsError):
                self.operations.mkdir(folder)
        if new:
            self.operations.fsync(self.folder)
            self._synced.update(new)

    def _adopt(self, temp: Path, target: Path, verify: bool) -> None:
        wanted = temp.stat().st_size
        there = target.lstat()
        if there.st_size != wanted or (verify and not self.holds(target)):
            raise DamagedError("A file of the archive is not what its name says.",
                               PUT_BACK)
        self.operations.fsync(target)  # whoever wrote it may have died before its own fsync
        self.scratch.discard([temp])

    def holds(self, target: Path) -> bool:
        """The bytes of ``target`` have the sha256 that its name says."""
        return Span.of_file(target).sha256() == target.name.removesuffix(self.suffix)

    def keep(self, source: Span | bytes, sha256: str = "") -> tuple[Path, str]:
        """Copy ``source`` here; returns path and sha256.

        Raises DamagedError when ``sha256`` is given and the bytes have another one.
        """
        chunks = [source] if isinstance(source, bytes) else source.chunks(_CHUNK)
        temp, digest, _ = self.write(chunks)
        if sha256 and digest != sha256:
            self.scratch.discard([temp])
            raise DamagedError("The bytes changed while they were copied.")
        return self.place(temp, digest), digest

    def exists(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def remove(self, digests: Iterable[str]) -> None:
        """Remove files whose delete-intent is committed (FAULTS C15). Raises StorageError."""
        touched: dict[Path, None] = {}
        try:
            for sha256 in digests:
                path = self.path(sha256)
                if path.exists():
                    self.operations.unlink(path)
                    touched[path.parent] = None
            for folder in touched:
                self.operations.fsync(folder)
        except OSError as error:
            raise storage_error(error) from error

    def digests(self) -> Iterator[str]:
        """Every file that stands here, in order of name."""
        folders = sorted(self.folder.iterdir()) if self.fan_out else [self.folder]
        for folder in folders:
            for path in sorted(folder.iterdir()) if folder != self.scratch.root else ():
                if path.name.endswith(self.suffix):
                    yield path.name.removesuffix(self.suffix)


class Objects(Shelf):
    """archive/objects/ab/abcd….dcm: DICOM files that any tool can read without us."""

    def __init__(self, archive: Path, operations: FileOperations = OPERATIONS) -> None:
        super().__init__(archive / "objects", Scratch(archive / "tmp", operations), ".dcm")


class Quarantine(Shelf):
    """quarantine/ab/abcd….bin: bytes that may not enter, kept as evidence (invariant 19)."""

    def __init__(self, root: Path, operations: FileOperations = OPERATIONS) -> None:
        super().__init__(root, Scratch(root / "tmp", operations), ".bin", mode=0o400)


def publish(source: Path, target: Path, operations: FileOperations = OPERATIONS) -> None:
    """Give a finished file its public name: fsync, rename over nothing, fsync the folder.

    Raises FileExistsError when ``target`` is there, StorageError when the disk refuses; ``source``
    then stays where it is.
    """
    try:
        make_folder(target.parent, operations)
        operations.fsync(source)
        operations.rename(source, target)
        operations.fsync(target.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise storage_error(error) from error


def move(source: Path, target: Path, operations: FileOperations = OPERATIONS) -> None:
    """Rename a file or folder over nothing; both folders' entries are on the disk afterwards.

    Raises FileExistsError, FileNotFoundError, StorageError. The contents are not synced: this is
    how a drop is claimed, its bytes stay the sender's until they are placed.
    """
    try:
        make_folder(target.parent, operations)
        operations.rename(source, target)
        operations.fsync(target.parent)
        operations.fsync(source.parent)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        raise storage_error(error) from error


def unfinished(target: Path) -> Path:
    """What `write_file` leaves beside ``target`` when it is killed."""
    return target.with_name(f".{target.name}.tmp")


def write_file(target: Path, data: bytes | memoryview,
               operations: FileOperations = OPERATIONS) -> None:
    """Replace a small file of ours by ``data``: whole or not at all. Raises StorageError."""
    temp = unfinished(target)
    try:
        temp.unlink(missing_ok=True)
        fd = operations.create(temp)
        try:
            operations.write(fd, [data])
        finally:
            operations.close(fd)
        operations.fsync(temp)
        operations.replace(temp, target)
        operations.fsync(target.parent)
    except OSError as error:
        with suppress(OSError):
            operations.unlink(temp)
        raise storage_error(error) from error
