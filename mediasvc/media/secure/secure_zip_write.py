"""A file-set as a ZIP encrypted with AES-256 (WinZip AE-2): what any recipient's 7-Zip opens.

Only names of files stay in the open, and they are counters.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import IO, Any

from mediasvc.errors import SettingsError
from mediasvc.media.disc.disc_file import DiscFile
from mediasvc.media.packed.zip_write import keep_little
from mediasvc.media.secure.secure_keys import NeedsExtraError

KEY_BITS = 256
LEVEL = 1
#: A shorter one is found by trying.
LEAST_PASSWORD = 8


def check_password(password: str) -> None:
    """Raises SettingsError for one that keeps nothing secret, NeedsExtraError without library."""
    try:
        import pyzipper  # noqa: F401
    except ImportError:
        raise NeedsExtraError from None
    if len(password) < LEAST_PASSWORD:
        raise SettingsError(f"The password has less than {LEAST_PASSWORD} characters.")


def write_secure_zip(target: IO[bytes], files: Iterable[DiscFile], password: str, *,
                     moment: datetime, report: Callable[[int, int], None] | None = None,
                     copied: Callable[[DiscFile], None] = lambda file: None) -> None:
    """Like `zip_write.write_zip`, every entry encrypted. Two runs never give the same bytes."""
    import pyzipper

    done = 0
    with pyzipper.AESZipFile(target, "w", pyzipper.ZIP_STORED, allowZip64=True,
                             encryption=pyzipper.WZ_AES) as archive:
        keep_little(archive, pyzipper.zipfile_aes.AESZipInfo)
        archive.setpassword(password.encode("utf-8"))
        archive.setencryption(pyzipper.WZ_AES, nbits=KEY_BITS)
        for file in files:
            with archive.open(_entry(pyzipper, file, moment), "w") as entry:
                for chunk in file.span.chunks():
                    entry.write(chunk)
                    done += len(chunk)
                    if report:
                        report(done, 0)
            copied(file)


def _entry(library: Any, file: DiscFile, moment: datetime) -> Any:
    info = library.zipfile_aes.AESZipInfo(file.path, moment.astimezone(UTC).timetuple()[:6])
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.file_size = file.span.length
    if not file.dense:
        info.compress_type = library.ZIP_DEFLATED
        info._compresslevel = LEVEL
    return info
