"""Instances whose encapsulated pixel data are built byte by byte, with any offset table."""

from __future__ import annotations

import struct

from pydicom.filebase import DicomBytesIO

from samples.synthesis import instance


def fragment(data: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


def encapsulated(fragments: list[bytes], *, table: list[int] | None = None, frames: int = 1,
                 transfer_syntax: str, extended: tuple[list[int], list[int]] | None = None,
                 **keywords: object) -> bytes:
    """A file whose Pixel Data are exactly these fragments, with this Basic Offset Table (empty when
    None) and this Extended Offset Table."""
    ds = instance(NumberOfFrames=str(frames), **keywords)
    if extended:
        ds.ExtendedOffsetTable = struct.pack(f"<{len(extended[0])}Q", *extended[0])
        ds.ExtendedOffsetTableLengths = struct.pack(f"<{len(extended[1])}Q", *extended[1])
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    offsets = struct.pack(f"<{len(table or [])}I", *(table or []))
    ds.PixelData = fragment(offsets) + b"".join(map(fragment, fragments))
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    out = DicomBytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()

