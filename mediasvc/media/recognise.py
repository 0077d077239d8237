"""What a file is, by its content alone."""

from __future__ import annotations

import re
from typing import Literal

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.iso.iso9660 import FIRST_DESCRIPTOR, SECTOR, STANDARD_IDENTIFIER
from mediasvc.media.packed.mime_parts import LOOKED_AT, begins_like_mail, may_be_mail
from mediasvc.media.packed.tar_header import BLOCK, looks_like_tar
from mediasvc.media.packed.tar_unpack import opener
from mediasvc.media.packed.zip_directory import CENTRAL, END, LOCAL, find_end
from mediasvc.media.window import Window

#: ``packed`` may hold a tar or anything else; ``foreign`` is an archive and ``apple`` a disc image
#: that is not read here.
Format = Literal["iso", "zip", "udf", "raw-cd", "tar", "packed", "mail", "foreign", "apple",
                 "file"]
#: Volume recognition sequence of a UDF disc without ISO 9660 (ECMA-167 2/9.1).
UDF_IDENTIFIER = b"BEA01"
#: ECMA-167 second and third edition (3/9.1); they stand behind ISO 9660's own descriptors.
UDF_STANDARDS = (b"NSR02", b"NSR03")
RECOGNITION_LIMIT = 32
#: A zip begins with a local header, an empty one with its end, a split one with this mark.
ZIP_STARTS = (LOCAL, END, b"PK\x07\x08")
#: 7z, RAR, Windows Imaging and Microsoft Cabinet.
FOREIGN_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"MSWIM\0", b"MSCF\0\0")
#: LHA: "-lh5-" and its like behind two bytes. ARJ: a mark, the length of a first header that
#: cannot be longer, and in it the type of the archive's own header.
LZH = re.compile(rb"..-l[hz][0-9ds]-", re.DOTALL)
ARJ_MARK, ARJ_HEADER_LIMIT, ARJ_TYPE = b"\x60\xea", 2600, (10, 2)
#: Apple's: HFS+, HFSX (TN1150) and HFS volumes in their third sector, with their version or the
#: attributes of a volume that was put away properly; the end of a dmg; a driver and partition map.
HFS_HEADER, HFS_MARKS = 1024, (b"H+\0\4", b"HX\0\5")
DMG_TRAILER, DMG_MARK = 512, b"koly\0\0\0\4\0\0\2\0"
PARTITION_MAP = (b"ER", b"PM\0\0")
DICOM_PREFIX = b"DICM"
#: The first 12 bytes of a raw CD sector (ECMA-130 14.1).
RAW_SYNC = b"\0" + b"\xff" * 10 + b"\0"


def recognise(window: Window) -> Format:
    mark = window.head(FIRST_DESCRIPTOR * SECTOR + 1, 5)
    if mark == STANDARD_IDENTIFIER:
        return "iso"
    if window.head(0, 12) == RAW_SYNC:
        return "raw-cd"
    if mark == UDF_IDENTIFIER:
        return "udf"
    if window.head(0, 4) in ZIP_STARTS:
        return "zip"
    if looks_like_tar(window.head(0, BLOCK)):
        return "tar"
    if opener(window) is not None:
        return "packed"
    if _is_foreign(window.head(0, 12)):
        return "foreign"
    if window.head(128, 4) == DICOM_PREFIX:
        return "file"
    if ends_like_a_zip(window):
        return "zip"
    if may_be_mail(window.head(0, 128)) and begins_like_mail(window.head(0, LOOKED_AT)):
        return "mail"
    return "apple" if _is_apple(window) else "file"


def _is_foreign(head: bytes) -> bool:
    at, kind = ARJ_TYPE
    is_arj = (head.startswith(ARJ_MARK) and len(head) > at and head[at] == kind
              and 0 < int.from_bytes(head[2:4], "little") <= ARJ_HEADER_LIMIT)
    return head.startswith(FOREIGN_ARCHIVES) or is_arj or LZH.match(head) is not None


def _is_apple(window: Window) -> bool:
    header = window.head(HFS_HEADER, 4)
    plain_hfs = header[:2] == b"BD" and window.head(0, 2) in (b"\0\0", b"LK")
    marks = window.head(0, 2), window.head(512, 4)
    return (header in HFS_MARKS or plain_hfs or marks == PARTITION_MAP
            or window.head(max(window.length - DMG_TRAILER, 0), len(DMG_MARK)) == DMG_MARK)


def has_udf(window: Window) -> bool:
    """Whether the volume recognition sequence of an ISO 9660 disc announces UDF as well."""
    return any(window.head(sector * SECTOR + 1, 5) in UDF_STANDARDS
               for sector in range(FIRST_DESCRIPTOR + 1, FIRST_DESCRIPTOR + RECOGNITION_LIMIT))


def ends_like_a_zip(window: Window) -> bool:
    """Whether some program would find a zip at the end of the file, whatever stands before."""
    try:
        end = find_end(window)
        return not end.entries or window.head(end.offset, 4) == CENTRAL
    except (DamagedError, UnsupportedError):
        return False
