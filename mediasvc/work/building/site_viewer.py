"""A viewer of the site's own on the disc: files of one folder, checked by name and kind."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from mediasvc.errors import SettingsError
from mediasvc.media.checking.check_medium import FOLDER_NAME, LEVELS, SHORT_NAME, STARTERS
from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.iso.iso_write import file_size
from mediasvc.span import Span

FOLDER = "SITEVIEW"
ADVICE = "[export] viewer_dir names the folder."
#: More than any viewer has: the folder is probably another one than was meant.
MOST = 5000


def site_viewer(folder: Path) -> tuple[DiscFile, ...]:
    """Every file below ``folder``, to stand below SITEVIEW/ with capital letters.

    Raises SettingsError where a name is not 8.3, something is no plain file, or a computer would
    start something by itself (IHE PDI).
    """
    if not folder.is_dir():
        raise SettingsError("The folder of the site's own viewer is not there.", ADVICE)
    files = tuple(_files(folder, folder))
    if not files:
        raise SettingsError("The folder of the site's own viewer is empty.", ADVICE)
    if len({file.parts for file in files}) < len(files):
        raise SettingsError("Two names in the site's own viewer differ only in small letters.",
                            ADVICE)
    if len(files) > MOST:
        raise SettingsError(f"The site's own viewer has more than {MOST} files.", ADVICE)
    return files


def site_bytes(files: tuple[DiscFile, ...], udf: int) -> int:
    """What they take on a disc."""
    return sum(file_size(file.span.length, udf) for file in files)


def _files(root: Path, folder: Path) -> Iterator[DiscFile]:
    for path in sorted(folder.iterdir()):
        parts = tuple(part.upper() for part in path.relative_to(root).parts)
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            _require(bool(FOLDER_NAME.fullmatch(parts[-1])), path, "is not an 8.3 name")
            yield from _files(root, path)
            continue
        _require(stat.S_ISREG(status.st_mode), path, "is no plain file")
        _require(not STARTERS.fullmatch(parts[-1]), path, "would start by itself")
        _require(bool(SHORT_NAME.fullmatch(parts[-1])), path, "is not an 8.3 name")
        _require(len(parts) < LEVELS, path, "lies too deep")
        span = Span.of_file(path)
        yield DiscFile((FOLDER, *parts), span, span.sha256())


def _require(good: bool, path: Path, words: str) -> None:
    if not good:
        raise SettingsError(f"The site's own viewer cannot go on a disc: {path.name} {words}.",
                            ADVICE)
