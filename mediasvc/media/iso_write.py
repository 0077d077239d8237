"""ISO 9660 level 1 images for PS3.12 Annexes F (CD) and P (DVD, with UDF beside it).

Written with pycdlib; the reader that judges the result (`mediasvc.media.iso9660`) shares nothing
with it. Extents follow the tree level by level, so DICOMDIR and the pages in the root come first,
then IHE_PDI/, then the instances in the order of their names: series contiguous.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from time import struct_time
from typing import Any, BinaryIO

import pycdlib
from pycdlib import dates, headervd, udf, utils
from pycdlib import pycdlib as mastering

from mediasvc import __version__
from mediasvc.media.disc_file import DiscFile, SpanFile
from mediasvc.media.iso_seal import FIELD, SECTOR, make_seal

BLOCK = 1 << 20
UDF_SECTORS = 300
"""What the descriptors and anchors of UDF take; the last anchor stands behind everything."""

_moment: ContextVar[float | None] = ContextVar("moment", default=None)


class _Clock:
    """Stands in for ``time`` (and ``random``) inside pycdlib, which stamps records by the clock.

    A disc image must depend on its content and the date it was ordered, nothing else.
    """

    def time(self) -> float:
        fixed = _moment.get()
        return time.time() if fixed is None else fixed

    def localtime(self, seconds: float | None = None) -> struct_time:
        return time.localtime(seconds) if _moment.get() is None else time.gmtime(seconds)

    def getrandbits(self, bits: int) -> int:
        return int(self.time() * 1000) & ((1 << bits) - 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


for _module in (dates, headervd, mastering, udf, utils):
    vars(_module)["time"] = _Clock()
vars(udf)["random"] = _Clock()


@contextmanager
def _stamped(moment: datetime) -> Iterator[None]:
    token = _moment.set(moment.timestamp())
    try:
        yield
    finally:
        _moment.reset(token)


def write_iso(target: BinaryIO, files: Iterable[DiscFile], *, volume_id: str, moment: datetime,
              with_udf: bool = False, publisher: str = "",
              report: Callable[[int, int], None] | None = None) -> None:
    """Master an image into ``target`` (empty, seekable, open for reading and writing).

    ``files`` are streamed from their spans; memory is about 3 KiB a file, whatever its size.
    ``report(done, total)`` in bytes. Raises ValueError where a name is not level 1 (8.3, upper
    case, at most eight levels), DamagedError when a source became shorter.
    """
    image = pycdlib.PyCdlib()
    with _stamped(moment):
        image.new(interchange_level=1, sys_ident="", vol_ident=volume_id.rstrip(), udf="2.60"
                  if with_udf else None, app_ident_str=f"MEDIASVC {__version__}",
                  pub_ident_str=publisher)
        try:
            _fill(image, files, with_udf)
            image.write_fp(target, blocksize=BLOCK, progress_cb=_progress(report))
            _seal(image, target)
        except pycdlib.pycdlibexception.PyCdlibInvalidInput as error:
            raise ValueError(str(error)) from error
        finally:
            image.close()


def iso_bytes(files: Iterable[DiscFile], *, with_udf: bool = False) -> int:
    """How long the image of these files will be, to the byte; nothing is read or written."""
    image = pycdlib.PyCdlib()
    image.new(interchange_level=1, sys_ident="", udf="2.60" if with_udf else None)
    try:
        _fill(image, files, with_udf)
        image.force_consistency()
        return int(image.pvd.space_size) * SECTOR
    finally:
        image.close()


def _seal(image: Any, target: BinaryIO) -> None:
    places = [(file.extent_location() * SECTOR, file.get_data_length()) for file in image.inodes
              if file.get_data_length()]
    length = target.seek(0, 2)
    start = min((at for at, _ in places), default=length)
    end = max((at + -(-size // SECTOR) * SECTOR for at, size in places), default=length)

    def read(at: int, size: int) -> bytes:
        target.seek(at)
        return target.read(size)

    seal = make_seal(read, length, start, min(end, length))
    target.seek(FIELD)
    target.write(seal.field())


def _progress(report: Callable[[int, int], None] | None,
              ) -> Callable[[int, int, Any], None] | None:
    if report is None:
        return None

    def call(done: int, total: int, _: Any) -> None:
        report(done, total)

    return call


def _fill(image: Any, files: Iterable[DiscFile], with_udf: bool) -> None:
    made: set[tuple[str, ...]] = set()
    for file in files:
        for depth in range(1, len(file.parts)):
            folder = file.parts[:depth]
            if folder not in made:
                made.add(folder)
                path = "/" + "/".join(folder)
                image.add_directory(path, udf_path=path if with_udf else None)
        path = "/" + file.path
        # pycdlib writes "NAME.;1" for a name without extension, as PS3.12 F.2.1.2 has it
        image.add_fp(SpanFile(file.span), file.span.length, f"{path};1" if "." in file.parts[-1]
                     else f"{path}.;1", udf_path=path if with_udf else None)


def image_size(lengths: Iterable[int], with_udf: bool = False) -> int:
    """No image of files of these lengths is larger, when folders hold ten files or more each."""
    total = 64 * SECTOR + (UDF_SECTORS * SECTOR if with_udf else 0)
    for length in lengths:
        total += file_size(length, with_udf)
    return total


def file_size(length: int, with_udf: bool = False) -> int:
    """What one more file takes at most: whole sectors, its records, its part of the folders."""
    return -(-length // SECTOR) * SECTOR + SECTOR // 4 + (2 * SECTOR if with_udf else 0)

