"""7-Zip as a helper for containers that are not read here: it lists, and writes to a pipe.

It gets no place to write to: every file goes through our own hands, counted, into scratch. It runs
inside a sandbox child and so under its limits, and under a deadline of its own.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.errors import BudgetError, DamagedError, UnsupportedError

#: The first that is installed is used.
PROGRAMS = ("7zz", "7z", "7za")
#: Nothing may be written to any file, only to the pipe; nothing of ours stands in the script.
LIMITED = ("/bin/sh", "-c", 'ulimit -f 0 && ulimit -c 0 && exec "$@"', "sh")
#: Of the time that a child has for one item.
SHARE = 0.8
LISTING_LIMIT = 256 << 20
#: Between what it says of the archive itself and its list.
LINE = "\n----------\n"
#: What it says of bytes that it passes over: those before the beginning, those behind the end.
PASSED = re.compile(r"^(Offset|Tail Size) = (\d+)$", re.M)
#: Kinds that begin and end with the file; a volume may lie anywhere on a disc.
ARCHIVES = re.compile(r"^Type = (7z|Rar5?|Cab|Lzh|Arj|wim)$", re.M | re.I)
CHUNK = 1 << 20
SAID_LIMIT = 64 << 10


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry in the order in which its bytes come. ``crc`` is None where none is told."""

    name: str
    length: int
    crc: int | None
    folder: bool
    plain: bool
    encrypted: bool


def program() -> str | None:
    """Where 7-Zip is, None when it is not installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class SevenZip:
    """Runs it on one file. ``seconds``: for listing and unpacking together."""

    def __init__(self, path: str, seconds: float) -> None:
        found = program()
        if found is None:
            raise UnsupportedError("7-Zip is not installed here",
                                   "Install 7-Zip, or unpack it and give the folder.")
        self._program, self._path = found, path
        self._deadline = time.monotonic() + SHARE * seconds
        self.troubled = False
        #: How many bytes, before and behind, it takes for no part of the archive.
        self.before = self.behind = 0
        #: Its complaints; they quote names, so they are looked through and never shown.
        self._said = bytearray()

    @property
    def asks_password(self) -> bool:
        return b"Wrong password" in self._said or b"encrypted archive" in self._said

    @property
    def lacks_method(self) -> bool:
        """It has no code for the compression: Debian's for RAR is a package of its own."""
        return b"Unsupported Method" in self._said

    def blames(self, name: str) -> bool:
        """Whether it complained of this file; of everything when it complained too much."""
        said = self._said.decode("utf-8", "surrogateescape")
        return len(self._said) >= SAID_LIMIT or any(
            line.startswith("ERROR:") and line.endswith(f" : {name}") for line in said.split("\n"))

    def entries(self) -> list[Listed]:
        """What it finds; ``troubled`` when it said that something is wrong. Raises BudgetError."""
        raw = bytearray()
        try:
            for chunk in self._run("l", "-slt"):
                raw += chunk
                if len(raw) > LISTING_LIMIT:
                    raise BudgetError("its list of files is too long")
        except DamagedError:
            self.troubled = True
        head, _, text = raw.decode("utf-8", "surrogateescape").rpartition(LINE)
        outermost = head.partition("\n----\n")[0]  # before that of what is packed inside
        if ARCHIVES.search(outermost):
            passed = dict(PASSED.findall(outermost))
            self.before, self.behind = int(passed.get("Offset", 0)), int(passed.get("Tail Size", 0))
        return [_listed(block) for block in text.split("\n\n") if "Path = " in block]

    def content(self) -> Iterator[bytes]:
        """The bytes of all files one after the other, in the order of `entries`. Raises
        DamagedError at the end when 7-Zip met damage."""
        return self._run("x", "-so")

    def _run(self, *arguments: str) -> Iterator[bytes]:
        # -p gives an empty password, so that it never asks for one; -- ends the switches.
        command = [*LIMITED, self._program, *arguments, "-p", "-y", "-bd", "-mmt=1", "--",
                   self._path]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd="/", env={
                                  "PATH": os.defpath, "LC_ALL": "C.UTF-8"}) as process:
            try:
                yield from self._read(process)
                code = process.wait()
            finally:
                process.kill()
        if code not in (0, 1):  # 1 is a warning
            raise DamagedError("7-Zip could not read it to its end")

    def _read(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        assert process.stdout is not None and process.stderr is not None
        content, complaints = process.stdout.fileno(), process.stderr.fileno()
        waiting = [content, complaints]
        while waiting:
            left = self._deadline - time.monotonic()
            ready = select.select(waiting, [], [], left)[0] if left > 0 else []
            if not ready:
                raise BudgetError("7-Zip took too long with it")
            for descriptor in ready:
                chunk = os.read(descriptor, CHUNK)
                if not chunk:
                    waiting.remove(descriptor)
                elif descriptor == content:
                    yield chunk
                else:
                    self._said += chunk[:max(SAID_LIMIT - len(self._said), 0)]


def _listed(block: str) -> Listed:
    fields: dict[str, str] = {}
    for line in block.splitlines():
        name, mark, value = line.partition(" = ")
        if mark or line.endswith(" ="):
            fields.setdefault(name.removesuffix(" ="), value)
    attributes = fields.get("Attributes", "")
    kind = next((word[0] for word in attributes.split() if len(word) == 10), "-")
    folder = fields.get("Folder") == "+" or attributes.startswith("D")
    size, crc = fields.get("Size", ""), fields.get("CRC", "")
    is_lzh = fields.get("Method", "").startswith("-l")  # its checksums are of another kind
    return Listed(fields["Path"], int(size) if size.isdecimal() else 0,
                  int(crc, 16) if crc and not is_lzh else None, folder,
                  kind == "-" and not any(fields.get(name) for name in (
                      "Symbolic Link", "Hard Link")), fields.get("Encrypted") == "+")
