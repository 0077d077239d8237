"""All entries of a tar, found by walking from header to header, within a budget."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from mediasvc.errors import DamagedError
from mediasvc.media.member import Context
from mediasvc.media.packed.tar_header import (
    BLOCK,
    FOLDER,
    GNU_LINK,
    GNU_NAME,
    GNU_SPARSE,
    PAX,
    PAX_GLOBAL,
    REFUSED,
    REGULAR,
    Header,
    parse_header,
    pax_fields,
)
from mediasvc.media.tree import Column
from mediasvc.media.window import Window

#: A long name or an extended header is never longer.
EXTRA_LIMIT = 1 << 20
#: Extended headers that may stand before one entry, and blocks of a GNU sparse map.
EXTRAS_LIMIT, MAP_LIMIT = 16, 1 << 16


@dataclass(slots=True)
class _Extra:
    """What headers before an entry say of it."""

    name: bytes | None = None
    length: int | None = None
    sparse: bool = False


class TarListing:
    """Names, first bytes and lengths; ``flaws`` says in words why an entry may not be read.

    ``folders`` are the entries that are folders. A tar that breaks off or is damaged gives the
    entries before, and a finding.
    """

    def __init__(self, window: Window, context: Context) -> None:
        self._window, self._troubles = window, context.troubles
        self._names = Column()
        self.starts, self.lengths = array("Q"), array("Q")
        self.flaws: dict[int, str] = {}
        self.folders: set[int] = set()
        self._defaults = _Extra()
        self._extra = _Extra()
        try:
            self._walk(context)
        except DamagedError as error:
            self._troubles.add("error", "tar-damaged", "", f"from byte {self._at} on the tar "
                               f"cannot be read ({error.text}); files may be missing", "M21")

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        return self._names[index]

    def _walk(self, context: Context) -> None:
        self._at = extras = 0
        while self._at < self._window.length:
            header = parse_header(self._window.head(self._at, BLOCK))
            if header is None:
                self._look_behind()
                return
            if header.kind in (GNU_NAME, GNU_LINK, PAX, PAX_GLOBAL):
                extras += 1
                if extras > EXTRAS_LIMIT:
                    raise DamagedError("too many extended headers")
                self._take_extra(header)
                continue
            extras = 0
            context.budget.enter()
            self._take(header)
        self._troubles.add("error", "tar-truncated", "", "the tar ends without its end mark; "
                           "files may be missing. Copy it again", "M21")

    def _take_extra(self, header: Header) -> None:
        if header.length > EXTRA_LIMIT:
            raise DamagedError("an extended header is too long")
        raw = self._window.read(self._at + BLOCK, header.length)
        self._at += BLOCK + _padded(header.length)
        if header.kind == GNU_NAME:
            self._extra.name = raw.rstrip(b"\0")
        elif header.kind in (PAX, PAX_GLOBAL):
            extra = self._extra if header.kind == PAX else self._defaults
            fields = pax_fields(raw)
            extra.name = fields.get(b"path", extra.name)
            if (size := fields.get(b"size")) is not None:
                if not size.isdigit() or len(size) > 18:
                    raise DamagedError("a number in the tar is none")
                extra.length = int(size)
            extra.sparse |= any(key.startswith(b"GNU.sparse.") for key in fields)

    def _take(self, header: Header) -> None:
        extra, known = self._extra, self._defaults
        self._extra = _Extra()
        name = extra.name or known.name or header.name
        length = next((n for n in (extra.length, known.length) if n is not None), header.length)
        index = len(self._names)
        start = self._at + BLOCK
        if header.continues:
            start = self._skip_map(start)
        if flaw := self._flaw(header, extra, start, length):
            self.flaws[index] = flaw
        if header.kind == FOLDER or (header.kind in REGULAR and name.endswith(b"/")):
            self.folders.add(index)
        self._names.append(name.decode("utf-8", "surrogateescape"))
        self.starts.append(start)
        self.lengths.append(length)
        self._at = start + _padded(length)

    def _flaw(self, header: Header, extra: _Extra, start: int, length: int) -> str:
        if header.kind not in (*REGULAR, FOLDER):
            return REFUSED.get(header.kind, "it is of an unknown kind")
        if extra.sparse:
            return REFUSED[GNU_SPARSE]
        return "the tar ends before it does" if start + length > self._window.length else ""

    def _skip_map(self, start: int) -> int:
        """Behind the blocks in which GNU goes on with the map of a sparse file."""
        for _ in range(MAP_LIMIT):
            block = self._window.read(start, BLOCK)
            start += BLOCK
            if not block[504]:
                return start
        raise DamagedError("a map of holes has no end")

    def _look_behind(self) -> None:
        """After the end mark nothing may follow but padding (M20)."""
        chunk = 1 << 20
        for at in range(self._at, self._window.length, chunk):
            if any(self._window.head(at, chunk)):
                self._troubles.add("warning", "tar-goes-on", "", "something stands behind the end "
                                   "of the tar; it was not read", "M20")
                return


def _padded(length: int) -> int:
    return -(-length // BLOCK) * BLOCK
