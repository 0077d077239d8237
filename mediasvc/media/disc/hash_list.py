"""MANIFEST.TXT: every file of a disc with its SHA-256, in the form that sha256sum checks.

Lines that begin with ``#`` say what the disc is; the last one is the hash of all lines above it,
so that the list also vouches for itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import IO

from mediasvc.errors import DamagedError
from mediasvc.media.disc.disc_file import DiscFile

TITLE = "# mediasvc disc manifest 1"
SEAL = "# sha256 of the lines above: "
#: Bytes of a list that are taken apart at a time.
_AT_ONCE = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_FACT = re.compile(r"# ([a-z][a-z -]*): (.*)")


@dataclass(frozen=True, slots=True)
class HashList:
    """``facts``: what the lines with ``#`` say; ``hashes``: path with ``/`` → SHA-256."""

    facts: Mapping[str, str]
    hashes: Mapping[str, str]


def write_hash_list(target: IO[bytes], files: Iterable[DiscFile], facts: Mapping[str, str],
                    ) -> None:
    digest = hashlib.sha256()
    for line in chain([TITLE], (f"# {name}: {value}" for name, value in facts.items()),
                      (f"{file.sha256}  {file.path}" for file in files)):
        data = f"{line}\n".encode()
        digest.update(data)
        target.write(data)
    target.write(f"{SEAL}{digest.hexdigest()}\n".encode())


def is_hash_list(data: bytes) -> bool:
    return data.startswith(TITLE.encode())


def read_hash_list(data: bytes) -> HashList:
    """Raises DamagedError where a byte of it was changed."""
    facts: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for is_fact, name, value in hash_list_rows(memoryview(data)):
        (facts if is_fact else hashes)[name] = value
    return HashList(facts, hashes)


def hash_list_rows(data: memoryview) -> Iterator[tuple[bool, str, str]]:
    """Of each line whether it is a fact, and its name and value, otherwise path and SHA-256.
    Raises DamagedError where a byte of the list was changed."""
    end = len(data) - len(SEAL) - hashlib.sha256().digest_size * 2 - 1
    seal = f"{SEAL}{hashlib.sha256(data[:max(0, end)]).hexdigest()}\n"
    if end < 0 or bytes(data[end:]) != seal.encode():
        raise DamagedError("the list of hashes on the disc was changed or cut short")
    for line in _lines(data[:end]):
        if found := _LINE.fullmatch(line):
            yield False, found[2], found[1]
        elif found := _FACT.fullmatch(line):
            yield True, found[1], found[2]


def _lines(body: memoryview) -> Iterator[str]:
    rest = b""
    for at in range(0, len(body), _AT_ONCE):
        *lines, rest = (rest + body[at:at + _AT_ONCE]).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
