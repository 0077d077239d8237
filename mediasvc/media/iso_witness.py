"""What a reader of another code base, pycdlib, sees in an image (FAULTS E01).

Our images are written and judged by code of ours. That both share a mistake is told by a stranger:
the same files, under the same names, in the same places, in each list of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mediasvc.media.member import Member

#: Where a file begins (byte of the image; -1 for an empty file, which is nowhere) and its length.
Places = dict[tuple[str, ...], tuple[int, int]]
#: It keeps a few KiB for each file: more of them are too many for the memory of a child.
MOST_FILES = 30_000


def disagreement(path: Path, members: Iterable[Member]) -> str:
    """In words how pycdlib's lists of the image at ``path`` differ from ``members``; empty where
    they do not."""
    ours: Places = {member.parts: (member.position if member.length else -1, member.length)
                    for member in members}
    import pycdlib

    image = pycdlib.PyCdlib()
    try:
        image.open(str(path))
        lists = {"ISO 9660": _listed(image, "iso_path", _iso_place)}
        if image.has_udf():
            lists["UDF"] = _listed(image, "udf_path", _udf_place)
    except Exception as error:  # whatever it raises, it does not read the image
        return f"another reader cannot open it ({type(error).__name__})"
    finally:
        if image._initialized:
            image.close()
    for name, theirs in lists.items():
        if theirs != ours:
            odd = sum(theirs.get(parts) != place for parts, place in ours.items())
            more = len(theirs.keys() - ours.keys())
            return f"another reader sees {odd} of the files differently in {name}, and {more} more"
    return ""


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
