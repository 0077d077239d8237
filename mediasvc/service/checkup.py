"""Is this machine fit for the work? One row per thing looked at; nothing is changed for good."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mediasvc.errors import MediasvcError
from mediasvc.settings import GIB, Home, Settings

#: Distribution → the module that must load; where they are spelt alike it need not stand here.
MODULES = {"pylibjpeg-openjpeg": "openjpeg", "pylibjpeg-rle": "rle", "pyjpegls": "jpeg_ls",
           "python-multipart": "multipart", "argon2-cffi": "argon2", "pillow": "PIL",
           "psycopg": "psycopg"}
#: Programs that we never need but use, or that a person would: name → what for.
PROGRAMS = {
    "dcmdump": "second opinion on DICOM files (Debian: dcmtk)",
    "7z": "other people's encrypted zips (Debian: p7zip-full)",
    "xorriso": "burning and second opinion on discs (Debian: xorriso)",
    "isoinfo": "second opinion on discs (Debian: genisoimage)",
    "ffmpeg": "video that cannot go into DICOM as it is (Debian: ffmpeg)",
}
#: Less than this and ingest of one CD may not fit (with its staging copy).
FREE_BYTES = 4 * GIB
PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """``needed`` is False for what only some jobs use: its absence is no failure."""

    name: str
    ok: bool
    text: str
    needed: bool = True


def checkup(home: Home, settings: Settings) -> Iterator[Check]:
    """All checks in the order in which a person would repair things."""
    yield _python()
    yield _site(settings)
    yield from _libraries()
    yield from _codecs()
    yield from _programs()
    yield from _folders(home)
    yield from _guarded("disk", lambda: _disk(home))
    yield from _guarded("database", lambda: _database(home, settings))
    yield _watching()
    yield _clock()


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """A check that fails in an unforeseen way is a failed check, not the end of the list."""
    try:
        yield from check()
    except (MediasvcError, OSError) as error:
        yield Check(name, False, str(error))


def _site(settings: Settings) -> Check:
    name = settings.site.institution
    if name == type(settings.site)().institution:
        return Check("institution", False, "not set (site.institution): discs and imported "
                     "instances name nobody", needed=False)
    return Check("institution", True, name)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    utf8 = sys.getfilesystemencoding() == "utf-8"
    return Check("python", sys.version_info >= PYTHON and utf8,
                 f"{version} at {sys.executable}" + ("" if utf8 else "; file names are not UTF-8"))


def _libraries() -> Iterator[Check]:
    for requirement in metadata.requires("mediasvc") or []:
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if name != "mediasvc" and not (extra and extra[1] in ("dev", "server")):
            yield _library(name, extra[1] if extra else "")


def _library(name: str, extra: str) -> Check:
    label, needed = f"library {name}", not extra
    try:
        version = metadata.version(name)
        importlib.import_module(MODULES.get(name, name.replace("-", "_")))
    except metadata.PackageNotFoundError:
        advice = f"pip install 'mediasvc[{extra}]'" if extra else "reinstall mediasvc"
        return Check(label, False, f"not installed ({advice})", needed)
    except Exception as error:  # a broken native library fails in many ways
        return Check(label, False, f"{version} does not load ({type(error).__name__})", needed)
    return Check(label, True, version, needed)


def _codecs() -> Iterator[Check]:
    """What decodes and encodes each transfer syntax; those that have an alias are promised."""
    from mediasvc.codecs.capability import capabilities, kinds

    try:
        rows = capabilities()
    except (ImportError, OSError) as error:
        yield Check("codecs", False, f"do not load ({type(error).__name__})")
        return
    for row in rows:
        alias, by = row.syntax.alias, row.decode.by
        if alias or by:
            written = row.lossless if row.lossless.by else row.lossy
            words = [f"decodes with {' and '.join(by)}" if by else "",
                     f"encodes with {written.by[0]} ({kinds(written.takes)})" if written.by else "",
                     "" if written.by else written.reason]
            yield Check(f"codec {alias or row.syntax.name}", bool(by),
                        "; ".join(filter(None, words)), needed=bool(alias))


def _programs() -> Iterator[Check]:
    for name, use in PROGRAMS.items():
        found = shutil.which(name)
        yield Check(f"program {name}", bool(found), found or f"not found; {use}", needed=False)


def _folders(home: Home) -> Iterator[Check]:
    for path in (home.inbox, home.staging, home.quarantine, home.outbox, home.archive):
        yield Check(f"folder {path.name}", *_writable(path))
    kernels = Path(os.environ.get("NUMBA_CACHE_DIR")
                   or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"))
    yield Check("folder for compiled kernels", *_writable(kernels), needed=False)


def _writable(path: Path) -> tuple[bool, str]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"mediasvc")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return False, f"{path} cannot be written ({error.strerror})"
    return True, f"{path} can be written"


def _disk(home: Home) -> Iterator[Check]:
    from mediasvc.store.filesystem import (
        free_bytes,
        network_filesystem,
        require_same_filesystem,
    )

    free = free_bytes(home.archive)
    yield Check("free space", free >= FREE_BYTES,
                f"{free / GIB:.1f} GiB free at {home.root}; {FREE_BYTES / GIB:.0f} GiB wanted")
    network = network_filesystem(home.root)
    yield Check("file system", not network,
                f"{home.root} lies on a network file system ({network})" if network
                else f"{home.root} lies on a local file system")
    require_same_filesystem(home.inbox, home.staging, home.quarantine, home.outbox, home.archive)
    yield Check("one file system", True, "moves inside the data directory are atomic")


def _database(home: Home, settings: Settings) -> Iterator[Check]:
    from mediasvc.store.db import open_store

    store = open_store(home, settings)
    try:
        with store.transaction():
            pass
    finally:
        store.close()
    place = "PostgreSQL" if settings.database.startswith("postgres") else str(home.database)
    yield Check("database", True, f"{place} opens and takes a transaction")


def _watching() -> Check:
    limit = Path("/proc/sys/fs/inotify/max_user_watches")
    try:
        watches = int(limit.read_text())
    except (OSError, ValueError):
        return Check("watching", False, "no inotify here; the inbox is polled", needed=False)
    return Check("watching", watches >= 8192, f"inotify allows {watches} watches", needed=False)


def _clock() -> Check:
    """A clock before the day when this very file was installed is wrong."""
    now, installed = time.time(), Path(__file__).stat().st_mtime
    return Check("clock", now >= installed - 86400,
                 time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now)))
