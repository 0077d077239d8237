"""What is kept of every file of a package until all of them were looked at: the little that is
compared with DICOMDIR, in columns. A package may hold hundreds of thousands of files.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar, overload

from mediasvc.errors import DamagedError
from mediasvc.media.directory.reference import Reference
from mediasvc.media.member import Member
from mediasvc.media.tree import Column
from mediasvc.model import InstanceHeader
from mediasvc.work.intake.discover import Directory, Found

SHA256 = 32
_Kind = TypeVar("_Kind", bound=Hashable)
_BETWEEN = "\\"  # no part of a File ID has it (PS3.10 8.2)


class Held(NamedTuple):
    """What an instance says of itself that a DICOMDIR says too; ``""`` where it does not."""

    patient_id: str
    patient_name: str
    study_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    uncertain_text: bool
    sop_instance_uid: str


class _Kinds(Generic[_Kind]):
    """Few different values, many times: each is kept once, and 4 bytes for each time."""

    def __init__(self) -> None:
        self._number: dict[_Kind, int] = {}
        self._kinds: list[_Kind] = []
        self._column = array("I")

    def append(self, kind: _Kind) -> None:
        number = self._number.setdefault(kind, len(self._kinds))
        if number == len(self._kinds):
            self._kinds.append(kind)
        self._column.append(number)

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, index: int) -> _Kind:
        return self._kinds[self._column[index]]


class References(Sequence[Reference]):
    """What DICOMDIRs name, one after the other; some 100 bytes each."""

    def __init__(self) -> None:
        self._alike, self._offset = _Kinds[Reference](), array("Q")
        self._paths, self._uids = Column(), Column()

    def read(self, directory: Directory) -> None:
        """Those of a DICOMDIR whose path on the medium is known."""
        folder = directory.parts[:-1]
        with directory.spool.open(encoding="utf-8") as lines:
            for line in lines:
                self.append(Reference.from_json(json.loads(line) | {"folder": folder}))

    def append(self, reference: Reference) -> None:
        # `replace` would take as long as all the rest.
        self._alike.append(Reference(
            (), reference.record_type, reference.sop_class_uid, "", reference.transfer_syntax_uid,
            reference.patient_id, reference.patient_name, reference.study_instance_uid,
            reference.series_instance_uid, reference.uncertain_text, reference.folder))
        self._offset.append(reference.offset)
        self._paths.append(_BETWEEN.join(reference.file_id))
        self._uids.append(reference.sop_instance_uid)

    def __len__(self) -> int:
        return len(self._alike)

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Reference]: ...

    def __getitem__(self, index: int | slice) -> Reference | Sequence[Reference]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        alike, path = self._alike[index], self._paths[index]
        return Reference(
            tuple(path.split(_BETWEEN)) if path else (), alike.record_type, alike.sop_class_uid,
            self._uids[index], alike.transfer_syntax_uid, alike.patient_id, alike.patient_name,
            alike.study_instance_uid, alike.series_instance_uid, alike.uncertain_text,
            alike.folder, self._offset[index])


class Seen:
    """Files of a package as they are looked at, in any order, to be compared and counted."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.directories: list[Directory] = []
        self._references = References()
        self.instances = 0
        self._compared = bytearray(len(members))
        self._digests, self._unread = bytearray(), list[str]()
        #: By number: 1 + the place of the header in the next two columns, 0 for none.
        self._place = array("I", bytes(4 * len(members)))
        self._alike, self._uids = _Kinds[tuple[str | bool, ...]](), Column()

    def add(self, found: Found) -> None:
        """Raises DamagedError for what no child of ours says."""
        number = found.member.number
        self.instances += found.role == "instance"
        self._compared[number] = found.role in ("instance", "refused")
        if found.directory is not None:
            self._add_directory(found.directory)
        if found.sha256:
            self._digests += _digest(found.sha256)
        else:
            self._unread.append(f"unread:{found.member.label}")
        if found.header is not None:
            self._add_header(number, found.header)

    def _add_directory(self, directory: Directory) -> None:
        self.directories.append(directory)
        if len(self.directories) == 1:  # nearly always the only one: read while children work
            self._references.read(directory)

    def _add_header(self, number: int, header: InstanceHeader) -> None:
        self._alike.append((
            header.patient_id, header.patient_name, header.study_instance_uid,
            header.series_instance_uid, header.sop_class_uid, header.transfer_syntax_uid,
            header.uncertain_text))
        self._uids.append(header.sop_instance_uid)
        self._place[number] = len(self._alike)

    def references(self) -> References:
        """Of all DICOMDIRs, in the order in which these lie on the package."""
        if len(self.directories) < 2:
            return self._references
        found = References()
        for directory in sorted(self.directories, key=lambda one: one.number):
            found.read(directory)
        return found

    def header(self, number: int) -> Held | None:
        place = self._place[number]
        if not place:
            return None
        return Held._make((*self._alike[place - 1], self._uids[place - 1]))

    @property
    def uids(self) -> Mapping[int, str]:
        """SOP Instance UIDs by number."""
        return _Uids(self._place, self._uids)

    def unnamed(self, named: Sequence[int]) -> int:
        """How many instances are not among the ``named``, a flag for each number."""
        return sum(bool(one) and not name for one, name in zip(self._compared, named, strict=True))

    def content_digest(self) -> str:
        """sha256 over the sorted digests of all files: names and order do not matter."""
        digest = hashlib.sha256()
        for start in sorted(range(0, len(self._digests), SHA256),
                            key=lambda at: self._digests[at:at + SHA256]):
            digest.update(self._digests[start:start + SHA256].hex().encode() + b"\n")
        for one in sorted(self._unread):  # "u" comes after all digits
            digest.update(one.encode() + b"\n")
        return digest.hexdigest()


class _Uids(Mapping[int, str]):
    def __init__(self, place: Sequence[int], uids: Column) -> None:
        self._place, self._column = place, uids

    def __getitem__(self, number: int) -> str:
        place = self._place[number]
        if not place:
            raise KeyError(number)
        return self._column[place - 1]

    def get(self, number: int, default: str | None = None) -> str | None:  # type: ignore[override]
        place = self._place[number]
        return self._column[place - 1] if place else default

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and bool(self._place[number])

    def __iter__(self) -> Iterator[int]:
        return (number for number, place in enumerate(self._place) if place)

    def __len__(self) -> int:
        return len(self._column)


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != SHA256:
        raise DamagedError("A child gave an answer that makes no sense.")
    return digest


def remove_spools(directories: Sequence[Directory]) -> None:
    for directory in directories:
        directory.spool.unlink(missing_ok=True)

