"""What arrives, whatever it is: a folder, a disc image, a zip, a tar, a message or one file, as
members."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mediasvc.errors import (
    BudgetError,
    DamagedError,
    NotFoundError,
    PasswordNeeded,
    UnsupportedError,
)
from mediasvc.media.budget import Budget
from mediasvc.media.folder import Folder
from mediasvc.media.iso.bridge_package import open_disc
from mediasvc.media.iso.iso_package import IsoPackage
from mediasvc.media.labels import Ignore, label
from mediasvc.media.member import Container, Context, Member
from mediasvc.media.nested import Nested
from mediasvc.media.packed.tar_unpack import CUT, DAMAGED, holds_tar, unpack_tar
from mediasvc.media.recognise import Format, ends_like_a_zip, recognise
from mediasvc.media.scratch import Scratch
from mediasvc.media.secure.secure_package import unlocked
from mediasvc.media.single import Single
from mediasvc.media.troubles import Troubles
from mediasvc.media.udf.udf_package import UdfPackage, salvaged_package
from mediasvc.media.window import Window
from mediasvc.model import Finding, PackageKind
from mediasvc.span import Span

if TYPE_CHECKING:
    from mediasvc.media.packed.tar_package import TarPackage
    from mediasvc.settings import Limits

__all__ = ["Member", "Package", "PasswordNeeded", "open_package"]


class Package:
    """The members of what `open_package` opened. Use as a context manager, in one thread."""

    def __init__(self, path: Path, kind: PackageKind, container: Container,
                 findings: list[Finding]) -> None:
        self.path, self.kind, self.findings = path, kind, findings
        self._container = container

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._container)

    def members(self) -> Iterator[Member]:
        """All members in reading order; made one by one, so that memory stays flat."""
        return (self.member(number) for number in range(len(self)))

    def member(self, number: int) -> Member:
        """The member of that number. Raises IndexError when there is none."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        entry = self._container.entry(number)
        return Member(number, label(entry.shown), entry.parts, entry.length, entry.position,
                      entry.shown)

    def span(self, member: Member) -> Span:
        """Where the member's bytes lie: in the package itself, or unpacked in the scratch folder.

        Raises DamagedError, BudgetError or UnsupportedError when this one member cannot be read.
        """
        return self._container.span(member.number)

    @property
    def in_place(self) -> bool:
        """Whether each member is a run of bytes of the package's own file, from its position on."""
        return isinstance(self._container, Nested) and self._container.is_all_of(IsoPackage)

    def unchanged(self, member: Member) -> bool:
        """Whether the file that holds the member is still the one that was listed (M25).

        Ask after the bytes were read: inode, length and time of change must be the same.
        """
        return self._container.unchanged(member.number)

    def close(self) -> None:
        self._container.close()


def open_package(path: Path, limits: Limits, *, scratch: Path, password: str | None = None,
                 ignore: Sequence[str] = ()) -> Package:
    """List what ``path`` holds. Whatever may not enter is a finding and never a member.

    ``scratch`` is a private folder for unpacked bytes, named by member number; the caller clears
    it. ``ignore`` are name patterns of operating-system droppings. Raises NotFoundError,
    UnsupportedError (a link, a device, a format we do not read), DamagedError (nothing in the
    container can be trusted), BudgetError (too many files or bytes), PasswordNeeded.
    """
    findings: list[Finding] = []
    troubles = Troubles(findings)
    context = Context(Budget(limits), Scratch(scratch), troubles, Ignore(ignore), password)
    path = path.absolute()
    kind, container = _open(path, context)
    troubles.close()
    return Package(path, kind, container, findings)


def _open(path: Path, context: Context) -> tuple[PackageKind, Container]:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError("there is no such file or folder") from None
    levels = context.budget.limits.nesting
    if stat.S_ISDIR(mode):
        folder = unlocked(_open_folder(path, context), context)
        return "folder", Nested(folder, context, levels, _open_inner)
    if not stat.S_ISREG(mode):
        raise UnsupportedError("it is a link or a device and not a file or folder",
                               "Give the real path.")
    window = Window(Span.of_file(path))
    try:
        kind, container = _open_window(window, context)
    except BaseException:
        window.close()
        raise
    if container is None:
        window.close()
        return "file", Single(path, context)
    return kind, _nested(kind, unlocked(container, context), context, levels)


def _nested(kind: PackageKind, container: Container, context: Context, levels: int) -> Nested:
    """With the containers in it. A message is nothing without what is attached, so this is opened
    on every level; but no message in a message."""
    if kind == "mail":
        return Nested(container, context, max(levels, 1), _open_attached)
    return Nested(container, context, levels, _open_inner)


def _open_folder(path: Path, context: Context) -> Folder:
    try:
        return Folder(path, context)
    except OSError as error:
        raise DamagedError(f"the folder cannot be read ({os.strerror(error.errno or 0)})") from None


def _open_inner(window: Window, context: Context, levels: int) -> Container | None:
    kind, container = _open_window(window, context)
    return None if container is None else _nested(kind, container, context, levels)


def _open_attached(window: Window, context: Context, levels: int) -> Container | None:
    return None if recognise(window) == "mail" else _open_inner(window, context, levels)


def _open_window(window: Window, context: Context) -> tuple[PackageKind, Container | None]:
    """The container in ``window``, which it then owns; None when it is none."""
    found = recognise(window)
    if found != "zip" and ends_like_a_zip(window):
        context.troubles.add("error", "polyglot", "", "the file is a zip as well; other programs "
                             "may read other things from it", "M20")
    if found == "iso":
        return "iso", open_disc(window, context)
    if found == "udf":
        return "iso", _udf(window, context)
    if found == "raw-cd":
        raise UnsupportedError("the disc image holds raw CD sectors (BIN, MDF or NRG)",
                               "Convert it to ISO, or mount it and give the folder.")
    return _open_archive(found, window, context)


def _open_archive(found: Format, window: Window, context: Context,
                  ) -> tuple[PackageKind, Container | None]:
    """Their readers are loaded for those who have one: folders and images come more often."""
    if found == "zip":
        from mediasvc.media.packed.zip_package import ZipPackage

        return "zip", ZipPackage(window, context)
    if found == "tar":
        from mediasvc.media.packed.tar_package import TarPackage

        return "tar", TarPackage(window, context)
    if found == "packed" and (tar := _packed_tar(window, context)):
        return "tar", tar
    if found == "mail":
        from mediasvc.media.packed.mail_package import open_mail

        mail = open_mail(window, context)
        return ("mail" if mail else "file"), mail
    if found in _SEVEN_ZIP:
        kind, words = _SEVEN_ZIP[found]
        return kind, _seven_zip(window, context, words)
    return "file", None


_SEVEN_ZIP: dict[Format, tuple[PackageKind, str]] = {
    "foreign": ("archive", "an archive of a kind not read here"),
    "apple": ("iso", "a disc of Apple's format (HFS or dmg)")}


def _seven_zip(window: Window, context: Context, words: str) -> Container:
    from mediasvc.media.packed.seven_zip_package import SevenZipPackage

    return SevenZipPackage(window, context, words)


def _udf(window: Window, context: Context) -> Container:
    """7-Zip may make something of a disc that we cannot read, or what is left of its entries;
    never as a complete one."""
    try:
        return UdfPackage(window, context)
    except DamagedError as error:
        try:
            package = _seven_zip(window, context, "a damaged UDF disc")
        except (DamagedError, UnsupportedError, BudgetError):
            return salvaged_package(window, context, error)
        context.troubles.add("error", "udf-damaged", "", f"the disc is damaged ({error.text}); "
                             "nobody can say whether all of it is here", "M30")
        return package


def _packed_tar(window: Window, context: Context) -> TarPackage | None:
    """None where no tar is packed in ``window``."""
    from mediasvc.media.packed.tar_package import TarPackage

    if not holds_tar(window):
        return None
    span, end = unpack_tar(window, context)
    if end == CUT:
        context.troubles.add("error", "tar-cut", "", "the packed tar ends too early; files are "
                             "missing or cut off. Copy it again", "M21")
    elif end == DAMAGED:
        context.troubles.add("error", "tar-packing-damaged", "", "the packed bytes of the tar are "
                             "damaged; files are missing, and those that are here may be altered. "
                             "Copy it again", "M21")
    inner = Window(span)
    try:
        return TarPackage(inner, context, window)
    except BaseException:
        inner.close()
        raise
