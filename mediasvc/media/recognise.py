"""What a file is, by its content alone."""

from __future__ import annotations

from typing import Literal

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.iso9660 import FIRST_DESCRIPTOR, SECTOR, STANDARD_IDENTIFIER
from mediasvc.media.tar_header import BLOCK, looks_like_tar
from mediasvc.media.tar_unpack import opener
from mediasvc.media.window import Window
from mediasvc.media.zip_directory import CENTRAL, END, LOCAL, find_end

#: ``packed`` may hold a tar or anything else; ``foreign`` is an archive that is not read here.
Format = Literal["iso", "zip", "udf", "raw-cd", "tar", "packed", "foreign", "file"]
#: Volume recognition sequence of a UDF disc without ISO 9660 (ECMA-167 2/9.1).
UDF_IDENTIFIER = b"BEA01"
#: ECMA-167 second and third edition (3/9.1); they stand behind ISO 9660's own descriptors.
UDF_STANDARDS = (b"NSR02", b"NSR03")
RECOGNITION_LIMIT = 32
#: A zip begins with a local header, an empty one with its end, a split one with this mark.
ZIP_STARTS = (LOCAL, END, b"PK\x07\x08")
#: 7z and RAR.
FOREIGN_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
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
    if window.head(0, 6).startswith(FOREIGN_ARCHIVES):
        return "foreign"
    if window.head(128, 4) != DICOM_PREFIX and ends_like_a_zip(window):
        return "zip"
    return "file"


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
