"""MANIFEST.TXT: every file of a disc with its SHA-256, in the form that sha256sum checks.

Lines that begin with ``#`` say what the disc is; the last one is the hash of all lines above it,
so that the list also vouches for itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import IO

from mediasvc.errors import DamagedError
from mediasvc.media.disc_file import DiscFile

TITLE = "# mediasvc disc manifest 1"
SEAL = "# sha256 of the lines above: "
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
    body, seal, digest = data.decode("utf-8", "replace").rpartition(SEAL)
    if not seal or digest != hashlib.sha256(body.encode()).hexdigest() + "\n":
        raise DamagedError("the list of hashes on the disc was changed or cut short")
    facts, hashes = {}, {}
    for line in body.splitlines():
        if found := _LINE.fullmatch(line):
            hashes[found[2]] = found[1]
        elif found := _FACT.fullmatch(line):
            facts[found[1]] = found[2]
    return HashList(facts, hashes)
