"""System Use entries for new images: the very names of ISO 9660, in Rock Ridge (SUSP, RRIP 1.09).

Linux shows names without them in small letters (mount option ``map=normal``), and the links of
INDEX.HTM lead nowhere then. PS3.12 F.2.2 asks for ISO 9660 level 1, whose records may end with a
System Use field that receivers ignore (ECMA-119 9.1.13); P.2.2 has readers know Rock Ridge.
"""

from __future__ import annotations

import struct

_FILE, _FOLDER = 0o100644, 0o040755
_IDENTIFIER = b"RRIP_1991A"
_DESCRIPTION = (b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM "
                b"SEMANTICS")


def _both(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def _attributes(is_folder: bool) -> bytes:
    """PX (RRIP 4.1.1): everybody may read."""
    mode = _FOLDER if is_folder else _FILE
    return b"PX\x24\1" + b"".join(map(_both, (mode, 2 if is_folder else 1, 0, 0)))


#: Of the root's own record: what follows is SUSP (5.3), its extension is Rock Ridge (5.5).
ROOT_USE = (b"SP\7\1\xbe\xef\0" + _attributes(True)
            + struct.pack("<2sBBBBBB", b"ER", 8 + len(_IDENTIFIER) + len(_DESCRIPTION), 1,
                          len(_IDENTIFIER), len(_DESCRIPTION), 0, 1) + _IDENTIFIER + _DESCRIPTION)
#: Of other records for a folder itself and the one above.
SELF_USE = _attributes(True)
_FILE_USE = _attributes(False)


def name_use(name: str, is_folder: bool) -> bytes:
    """Of a record in a folder: NM (RRIP 4.1.4) with the name as files link to it."""
    written = name.encode()
    return struct.pack("<2sBBB", b"NM", 5 + len(written), 1, 0) + written + (
        SELF_USE if is_folder else _FILE_USE)
