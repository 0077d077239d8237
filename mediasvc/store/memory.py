"""Reading many rows once without keeping what nobody asks for again.

SQLite keeps up to 64 MiB of the file, and what was freed in between lies in pieces that the C
library keeps: together half of the memory of a process that read 25,000 rows.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

#: KiB that SQLite keeps meanwhile.
_KEPT = 8 << 10


@contextmanager
def frugal(connection: sa.Connection) -> Iterator[None]:
    """Little is kept of the pages that are read in the block, and nothing behind it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_KEPT}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = {int(usual)}")
        connection.exec_driver_sql("PRAGMA shrink_memory")
        _trim()


def _trim() -> None:
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc alone has it
        trim(0)
