"""The VideoLAN project's UDF reader, where it is installed: a second opinion on test discs."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from pathlib import Path

FOLDER = 1


class _Entry(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_uint), ("name", ctypes.c_char_p))


@functools.cache
def _library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("udfread")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures = {
        "init": (pointer, []), "open": (ctypes.c_int, [pointer, text]), "close": (None, [pointer]),
        "opendir": (pointer, [pointer, text]),
        "readdir": (pointer, [pointer, ctypes.POINTER(_Entry)]),
        "file_open": (pointer, [pointer, text]), "file_size": (ctypes.c_int64, [pointer]),
        "file_read": (ctypes.c_ssize_t, [pointer, pointer, ctypes.c_size_t]),
        "closedir": (None, [pointer]), "file_close": (None, [pointer])}
    for one, (result, arguments) in signatures.items():
        function = getattr(library, f"udfread_{one}")
        function.restype, function.argtypes = result, arguments
    return library


def libudfread_found() -> bool:
    return _library() is not None


def libudfread_files(path: Path) -> dict[str, bytes]:
    """Every file of an image with its contents."""
    library = _library()
    assert library is not None
    disc = library.udfread_init()
    assert library.udfread_open(disc, bytes(path)) == 0
    files: dict[str, bytes] = {}
    waiting = [""]
    while waiting:
        folder, entry = waiting.pop(), _Entry()
        listing = library.udfread_opendir(disc, f"{folder}/".encode())
        while library.udfread_readdir(listing, ctypes.byref(entry)):
            name = f"{folder}/{entry.name.decode()}"
            if entry.name in (b".", b".."):
                continue
            if entry.kind == FOLDER:
                waiting.append(name)
            else:
                files[name[1:]] = _read(library, disc, name)
        library.udfread_closedir(listing)
    library.udfread_close(disc)
    return files


def _read(library: ctypes.CDLL, disc: int, name: str) -> bytes:
    file = library.udfread_file_open(disc, name.encode())
    size = library.udfread_file_size(file)
    data = ctypes.create_string_buffer(size + 1)
    taken = library.udfread_file_read(file, data, size)
    library.udfread_file_close(file)
    return data.raw[:taken]
