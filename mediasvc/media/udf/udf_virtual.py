"""The virtual allocation table of a disc that was written packet by packet (UDF 2.2.11)."""

from __future__ import annotations

import struct
import sys
from array import array

from mediasvc.errors import BudgetError, DamagedError
from mediasvc.media.udf.udf_descriptors import Place
from mediasvc.media.udf.udf_tables import VIRTUAL_TABLE, VIRTUAL_TABLES
from mediasvc.media.udf.udf_volume import Volume

#: The table's ICB is the last block that was written; images may have run-out blocks behind it.
SEARCH_BLOCKS = 320
#: 16 million blocks of 2 KiB, more than any disc of this kind has.
TABLE_LIMIT = 64 << 20
#: UDF 1.50: an entity identifier and the previous table's ICB stand behind the entries.
OLD_TAIL = 36


def find_table(volume: Volume, partition: int, start: int) -> array[int]:
    """Real block numbers by virtual block number, from the last table on the disc.

    ``partition`` is the index of the partition whose blocks lie from block ``start`` of the
    volume on. Raises DamagedError when there is no table.
    """
    last = volume.window.length // volume.block - 1
    for number in range(last, max(last - SEARCH_BLOCKS, start), -1):
        icb = Place(volume.block, number - start, partition)
        try:
            entry = volume.entry(icb)
        except DamagedError:
            continue
        if entry.file_type not in VIRTUAL_TABLES:
            continue
        if entry.length > TABLE_LIMIT:
            raise BudgetError("the table of the disc's blocks is too long")
        found = _entries(volume.read(volume.pieces(icb, entry)), entry.file_type)
        if found is not None:
            return found
    raise DamagedError("the disc was not closed and its table of blocks is not there")


def _entries(raw: bytes, file_type: int) -> array[int] | None:
    """The words of the table; None when the file is something else."""
    if file_type:  # UDF 2.00: a header that states its own length
        head = struct.unpack_from("<H", raw)[0] if len(raw) >= 2 else 0
        body = raw[head:] if 152 <= head <= len(raw) else None
    else:
        tail = raw[-OLD_TAIL:]
        body = raw[:-OLD_TAIL] if tail[1:1 + len(VIRTUAL_TABLE)] == VIRTUAL_TABLE else None
    if body is None:
        return None
    words = array("I", body[:len(body) // 4 * 4])
    if sys.byteorder == "big":
        words.byteswap()
    return words
