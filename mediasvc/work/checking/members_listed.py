"""The files of a disc while it is judged: found by their names, and what its list of hashes says of
each. There may be hundreds of thousands, so each takes some sixty bytes of memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from mediasvc.media.long_list import LongList
from mediasvc.media.member import Member

#: Bytes of a sha256; of the hash of a UID, and that with the number of a member.
DIGEST, _KEY, _ROW = 32, 16, 20
Parts = tuple[str, ...]
#: In the scratch folder: what the disc's list of hashes says, from the child that read it.
HASHES = "hashes.txt"


class ByPath:
    """Members by their parts: a table of numbers, each at or behind the place that its hash says.
    Of several with the same parts the last is found."""

    def __init__(self, members: LongList[Member]) -> None:
        self._members = members
        self._size = 1 << (2 * len(members)).bit_length()
        self._numbers = array("Q", bytes(8 * self._size))
        """Number from 1, behind the upper half of the hash."""
        for member in members:
            place, key = self._place(member.parts)
            self._numbers[place] = key << 32 | member.number + 1

    def find(self, parts: Parts) -> Member | None:
        place, _ = self._place(parts)
        row = self._numbers[place]
        return self._members[(row & 0xFFFFFFFF) - 1] if row else None

    def _place(self, parts: Parts) -> tuple[int, int]:
        """Where it stands, or would, and the upper half of its hash."""
        whole = hash(parts) & 0xFFFFFFFF_FFFFFFFF
        key, place = whole >> 32, whole & self._size - 1
        while row := self._numbers[place]:
            if row >> 32 == key and self._members[(row & 0xFFFFFFFF) - 1].parts == parts:
                break
            place = place + 1 & self._size - 1
        return place, key


class Hashes:
    """What a list of hashes says of each member, by number."""

    def __init__(self, members: int) -> None:
        self._digests, self._there = bytearray(DIGEST * members), bytearray(members)
        self.missing: list[str] = []
        """Paths that it names, and that are not there."""

    def __bool__(self) -> bool:
        return any(self._there) or bool(self.missing)

    def __getitem__(self, number: int) -> str | None:
        if not self._there[number]:
            return None
        return self._digests[DIGEST * number:DIGEST * (number + 1)].hex()

    def take(self, lines: Path, by_path: ByPath) -> None:
        """``SHA256  PATH`` each."""
        for sha256, path in _read(lines):
            member = by_path.find(tuple(path.split("/")))
            if member is None:
                self.missing.append(path)
            else:
                self._there[member.number] = 1
                self._digests[DIGEST * member.number:DIGEST * (member.number + 1)] = (
                    bytes.fromhex(sha256))


def _read(lines: Path) -> Iterator[tuple[str, str]]:
    with lines.open(encoding="utf-8", newline="\n") as source:
        for line in source:
            sha256, _, path = line.rstrip("\n").partition("  ")
            yield sha256, path


class Uids:
    """The UIDs of members, each as its hash and the number of the member."""

    def __init__(self) -> None:
        self._rows = bytearray()

    def add(self, uid: str, number: int) -> None:
        self._rows += blake2b(uid.encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()
        self._rows += number.to_bytes(_ROW - _KEY, "big")

    def again(self) -> Iterator[int]:
        """Members with a UID that one of a lower number has, too."""
        last = b""
        starts = range(0, len(self._rows), _ROW)
        for row in sorted(bytes(self._rows[at:at + _ROW]) for at in starts):
            if row[:_KEY] == last:
                yield int.from_bytes(row[_KEY:], "big")
            last = row[:_KEY]
