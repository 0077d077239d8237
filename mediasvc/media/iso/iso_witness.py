"""What readers of other code bases, pycdlib and 7-Zip, see in an image (FAULTS E01).

Our images are written and judged by code of ours. That both share a mistake is told by a stranger:
the same files, under the same names, in the same places, in each list of the image. pycdlib knows
UDF of the second edition of ECMA-167 only: the newer one of BD is shown to 7-Zip, where that is
installed, which tells names and lengths.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mediasvc.media.member import Member
from mediasvc.media.packed.seven_zip import SevenZip, program

#: Where a file begins (byte of the image; -1 for an empty file, which is nowhere) and its length.
Places = dict[tuple[str, ...], tuple[int, int]]
#: It keeps a few KiB for each file: more of them are too many for the memory of a child.
MOST_FILES = 30_000
#: Where an image of ours announces UDF, and how the third edition is called (ECMA-167 3/9.1).
_RECOGNITION, _THIRD = (18 * 2048, 21 * 2048), b"NSR03"
#: What 7-Zip has to list an image.
_PATIENCE = 60.0


def disagreement(path: Path, members: Iterable[Member]) -> str:
    """In words how pycdlib's lists of the image at ``path`` differ from ``members``; empty where
    they do not."""
    ours: Places = {member.parts: (member.position if member.length else -1, member.length)
                    for member in members}
    import pycdlib

    image, file = pycdlib.PyCdlib(), _Hidden(path)
    try:
        image.open_fp(file)
        lists = {"ISO 9660": _listed(image, "iso_path", _iso_place)}
        if image.has_udf():
            lists["UDF"] = _listed(image, "udf_path", _udf_place)
    except Exception as error:  # whatever it raises, it does not read the image
        return f"another reader cannot open it ({type(error).__name__})"
    finally:
        if image._initialized:
            image.close()
        file.close()
    if file.hides and program() is not None and (trouble := _newer(path, ours)):
        return trouble
    for name, theirs in lists.items():
        if theirs != ours:
            odd = sum(theirs.get(parts) != place for parts, place in ours.items())
            more = len(theirs.keys() - ours.keys())
            return f"another reader sees {odd} of the files differently in {name}, and {more} more"
    return ""


class _Hidden(io.FileIO):
    """The image without its UDF where that is of the third edition."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        start, end = _RECOGNITION
        self.seek(start)
        self.hides = _THIRD in super().read(end - start)
        self.seek(0)

    def read(self, size: int | None = -1) -> bytes:
        at, (start, end) = self.tell(), _RECOGNITION
        data = super().read(-1 if size is None else size) or b""
        first, last = max(at, start) - at, min(at + len(data), end) - at
        if not self.hides or first >= last:
            return data
        return data[:first] + bytes(last - first) + data[last:]


def _newer(path: Path, ours: Places) -> str:
    """In words how 7-Zip's list of the UDF differs."""
    reader = SevenZip(str(path), _PATIENCE)
    theirs = {tuple(entry.name.split("/")): entry.length
              for entry in reader.entries() if not entry.folder}
    lengths = {parts: length for parts, (_, length) in ours.items()}
    if reader.troubled:
        return "7-Zip cannot open it without complaint"
    if theirs == lengths:
        return ""
    odd = sum(theirs.get(parts) != length for parts, length in lengths.items())
    return (f"7-Zip sees {odd} of the files differently in UDF, and "
            f"{len(theirs.keys() - lengths.keys())} more")


def _listed(image: Any, kind: str,
            place: Callable[[Any], tuple[int, int]]) -> Places:
    return {parts: place(record) for parts, record in _files(image, kind)}


def _files(image: Any, kind: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    folders: list[tuple[str, ...]] = [()]
    while folders:
        above = folders.pop()
        for record in image.list_children(**{kind: "/" + "/".join(above)}):
            if record.is_dot() or record.is_dotdot():
                continue
            name = record.file_identifier().decode("ascii", "replace")
            if record.is_dir():
                folders.append((*above, name))
            else:
                yield (*above, name.partition(";")[0].rstrip(".")), record


def _iso_place(record: Any) -> tuple[int, int]:
    length = int(record.get_data_length())
    return (record.extent_location() * 2048 if length else -1), length


def _udf_place(record: Any) -> tuple[int, int]:
    length = int(record.get_data_length())
    return (record.inode.extent_location() * 2048 if length else -1), length
