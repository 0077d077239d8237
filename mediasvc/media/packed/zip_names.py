"""Names of zip entries as text. For display and comparison only; nothing is opened by them."""

from __future__ import annotations

import re
import zlib

_DRIVE = re.compile(r"[A-Za-z]:")
#: Characters that speak for a Japanese name (APPNOTE knows only CP437 and UTF-8).
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_JAPANESE_ONLY = re.compile(r"[\x20-\x7e\u3000-\u30ff\u4e00-\u9fff\uff00-\uff9f]*")


#: Of names that `components` says were written so; for `troubles.Troubles.tally`.
ODD_NAMES = ("{n:name is|names are} written with backslashes, a drive or a leading slash; {n:=it "
             "is read as a plain name|they are read as plain names}")


def text(raw: bytes, is_utf8: bool, unicode_path: bytes = b"") -> str:
    """A name as its writer probably meant it; bytes that are no UTF-8 become surrogates.

    ``unicode_path`` is the Info-ZIP field (4.6.9), believed when its checksum fits ``raw``.
    """
    if raw.isascii() and not unicode_path:
        return raw.decode("ascii")
    checksum = int.from_bytes(unicode_path[1:5], "little")
    if unicode_path[:1] == b"\x01" and checksum == zlib.crc32(raw):
        return unicode_path[5:].decode("utf-8", "surrogateescape")
    if is_utf8:
        return raw.decode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _japanese(raw) or raw.decode("cp437")


def _japanese(raw: bytes) -> str:
    try:
        name = raw.decode("cp932")
    except UnicodeDecodeError:
        return ""
    return name if _JAPANESE.search(name) and _JAPANESE_ONLY.fullmatch(name) else ""


def components(name: str) -> tuple[tuple[str, ...], bool]:
    """(the parts of a name, whether it was written in a way the standard forbids, 4.4.17.1).

    Backslashes separate like slashes; a drive letter and leading slashes are no parts.
    """
    plain = name.replace("\\", "/")
    drive = _DRIVE.match(plain)
    if drive:
        plain = plain[2:]
    parts = tuple(part for part in plain.split("/") if part not in ("", "."))
    return parts, "\\" in name or bool(drive) or plain.startswith("/")
