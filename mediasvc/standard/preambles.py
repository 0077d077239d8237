"""What the first 128 bytes of a DICOM file may begin with (PS3.10 7.1, 7.5; FAULTS P12).

An unused preamble is zero. TIFF is the dual format that PS3.10 names. Anything that another program
would run, unpack or interpret makes the file two things at once, and such a file does not enter.
"""

from __future__ import annotations

from typing import Literal

Preamble = Literal["zero", "tiff", "text", "executable", "archive", "other", "none"]

LENGTH = 128

#: (first bytes, what it is, kind); no row begins like a row of another kind.
MAGICS: tuple[tuple[bytes, str, Literal["executable", "archive"]], ...] = (
    (b"MZ", "a Windows program", "executable"),
    (b"ZM", "a DOS program", "executable"),
    (b"\x7fELF", "a Linux program", "executable"),
    (b"\xfe\xed\xfa\xce", "a macOS program", "executable"),
    (b"\xfe\xed\xfa\xcf", "a macOS program", "executable"),
    (b"\xce\xfa\xed\xfe", "a macOS program", "executable"),
    (b"\xcf\xfa\xed\xfe", "a macOS program", "executable"),
    (b"\xca\xfe\xba\xbe", "a macOS or Java program", "executable"),
    (b"dex\n", "an Android program", "executable"),
    (b"\0asm", "a WebAssembly program", "executable"),
    (b"BC\xc0\xde", "a compiled program", "executable"),
    (b"\x1bLua", "a compiled script", "executable"),
    (b"#!", "a script", "executable"),
    (b"#@~^", "an encoded script", "executable"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "executable"),
    (b"ITSF", "a Windows help file", "executable"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document or installer", "executable"),
    (b"PK\x03\x04", "a zip archive", "archive"),
    (b"PK\x05\x06", "a zip archive", "archive"),
    (b"PK\x07\x08", "a zip archive", "archive"),
    (b"\x1f\x8b", "a gzip archive", "archive"),
    (b"\x1f\x9d", "a compress archive", "archive"),
    (b"BZh", "a bzip2 archive", "archive"),
    (b"\xfd7zXZ\0", "an xz archive", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "archive"),
    (b"Rar!\x1a\x07", "a rar archive", "archive"),
    (b"MSCF", "a cabinet archive", "archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive", "archive"),
    (b"\x04\x22\x4d\x18", "an lz4 archive", "archive"),
    (b"LZIP", "an lzip archive", "archive"),
    (b"!<arch>\n", "an ar archive", "archive"),
    (b"\xed\xab\xee\xdb", "an rpm package", "archive"),
    (b"xar!", "a xar archive", "archive"),
    (b"hsqs", "a file system image", "archive"),
    (b"QFI\xfb", "a disk image", "archive"),
    (b"KDMV", "a disk image", "archive"),
    (b"SQLite format 3\0", "a database", "archive"),
)

#: The same for text formats: in lower case, behind white space and a byte order mark.
TEXT_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"%pdf", "a PDF document"),
    (b"%!ps", "a PostScript program"),
    (b"{\\rtf", "an RTF document"),
    (b"{", "a JSON document"),
    (b"[{", "a JSON document"),
    (b"[autorun", "an autorun file"),
    (b"[internetshortcut", "a link file"),
    (b"[desktop entry", "a link file"),
    (b"<", "an HTML or XML document"),
    (b"@echo", "a command file"),
    (b"rem ", "a command file"),
    (b"begin 6", "an encoded attachment"),
    (b"mime-version:", "a mail"),
)

#: Anywhere in the preamble: their readers look for these behind other bytes.
HIDDEN_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"%pdf-", "a PDF document"),
    (b"<script", "an HTML document"),
    (b"<html", "an HTML document"),
    (b"<?php", "a script"),
    (b"pk\x03\x04", "a zip archive"),
)

#: PS3.10 7.5 names TIFF; the third and fourth are BigTIFF, which whole slide images use.
TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def classify(preamble: bytes) -> tuple[Preamble, str]:
    """(kind, what it is in words) of a preamble of 128 bytes."""
    if not preamble.strip(b"\0"):
        return "zero", ""
    if preamble.startswith(TIFF_MAGICS):
        return "tiff", "a TIFF image"
    for magic, words, kind in MAGICS:
        if preamble.startswith(magic):
            return kind, words
    low = preamble.lower()
    text = low.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, words in TEXT_MAGICS:
        if text.startswith(magic):
            return "executable", words
    for magic, words in HIDDEN_MAGICS:
        if magic in low:
            return "executable", words
    printable = preamble.rstrip(b"\0 ").translate(None, b"\t\r\n\0")
    if printable and all(32 <= byte < 127 for byte in printable):
        return "text", "a text"
    return "other", "bytes of no known kind"
