"""What a file is, by its content alone."""

from __future__ import annotations

from typing import Literal

from mediasvc.media.iso9660 import FIRST_DESCRIPTOR, SECTOR, STANDARD_IDENTIFIER
from mediasvc.media.window import Window

Format = Literal["iso", "zip", "udf", "raw-cd", "file"]
#: Volume recognition sequence of a UDF disc without ISO 9660 (ECMA-167 2/9.1).
UDF_IDENTIFIER = b"BEA01"
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
    return "file"
