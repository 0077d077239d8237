"""A zip as a container: its entries judged one by one, read without ever using their names."""

from __future__ import annotations

import stat
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError, PasswordNeeded, UnsupportedError
from mediasvc.media.labels import fold, label, refusal
from mediasvc.media.member import Context, Entry
from mediasvc.media.packed.inflate import DEFLATED, METHOD_NAMES, STORED, Expected, unpack
from mediasvc.media.packed.zip_directory import UTF8, ZipEntry
from mediasvc.media.packed.zip_listing import ZipListing
from mediasvc.media.packed.zip_names import ODD_NAMES, components, text
from mediasvc.media.packed.zip_secret import method_of, open_entry, password_that_fits
from mediasvc.media.page.words import count
from mediasvc.media.window import Window
from mediasvc.span import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 1 << 18
#: Encrypted entries on which a password is tried before any is unpacked.
TRIALS = 8
Refusal = tuple[str, str, str]


class ZipPackage:
    """Members in the order of their bytes. Stored ones lie in the zip, others are unpacked."""

    def __init__(self, window: Window, context: Context) -> None:
        self._window, self._context = window, context
        self._listing = ZipListing(window, context)
        self._taken = array("I")
        self._password = b""
        self._judge()
        self._try_password()
        if self._listing.broken:
            self._report_damage()
        else:
            self._listing.check_gaps()

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        number = self._taken[index]
        found = self._listing[number]
        parts = components(_name(found))[0]
        return Entry(parts, parts, found.length, self._listing.starts[number])

    def span(self, index: int) -> Span:
        listed = self._taken[index]
        entry, at = self._listing[listed], self._listing.data[listed]
        if entry.method == STORED and not entry.is_encrypted:
            for _ in self._unpacked(entry, at):
                pass  # only to know that the checksum is right
            return self._window.span(at, entry.length)
        return self._context.scratch.write(index, self._unpacked(entry, at))

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _unpacked(self, entry: ZipEntry, at: int) -> Iterator[bytes]:
        chunks, method, crc = self._chunks(entry, at), entry.method, entry.crc
        expected = Expected(method, entry.length, crc)
        if entry.is_encrypted:
            try:
                opened = open_entry(self._window, entry, at, self._password)
            except PasswordNeeded:
                raise DamagedError("it has another password than the rest of the zip") from None
            chunks = opened.chunks
            expected = Expected(opened.method, entry.length, opened.crc)
        return unpack(chunks, expected, self._context.budget)

    def _chunks(self, entry: ZipEntry, at: int) -> Iterator[bytes]:
        for start in range(0, entry.packed, CHUNK):
            yield self._window.read(at + start, min(CHUNK, entry.packed - start))

    def _judge(self) -> None:
        """Take the entries that may become members; a finding for each of the others."""
        import numpy as np

        listing = self._listing
        clashes = listing.clashes()
        names = array("q")
        for number in np.argsort(np.asarray(listing.starts), kind="stable").tolist():
            entry = listing[number]
            parts, is_odd = components(_name(entry))
            if _is_folder(entry) and not entry.length:
                continue
            if self._admit(entry, parts, is_odd, number, bool(clashes[number])):
                self._taken.append(number)
                names.append(hash(tuple(map(fold, parts))))
        self._report_collisions(np.asarray(names))

    def _admit(self, entry: ZipEntry, parts: tuple[str, ...], is_odd: bool, number: int,
               clashes: bool) -> bool:
        troubles, shown = self._context.troubles, label(parts)
        if self._context.passes_over(parts, parts):
            return False
        if refused := self._refusal(entry, parts, number, clashes):
            troubles.refuse(refused[0], shown, *refused[1:])
            return False
        if is_odd:
            troubles.tally("warning", "zip-names-odd", shown, ODD_NAMES, "M10")
        self._context.notice_hidden(parts, parts)
        self._context.budget.announce(entry.length)
        return True

    def _refusal(self, entry: ZipEntry, parts: tuple[str, ...], number: int,
                 clashes: bool) -> Refusal | None:
        """(code, words, rule) for an entry that may not become a member."""
        limits = self._context.budget.limits
        if named := refusal(parts, limits.depth):
            return "name-refused", *named
        if not parts:
            return "name-refused", "it has no name", "M13"
        if clashes:
            return "entries-overlap", "its bytes belong to another entry too (a zip bomb?)", "M15"
        if number in self._listing.broken:
            return "zip-entry-damaged", self._listing.broken[number], "M20"
        kind = stat.S_IFMT(entry.attributes >> 16)
        if kind not in (0, stat.S_IFREG) or _is_folder(entry):
            return "not-a-file", "it is a link, a device or a folder with contents", "M14"
        if entry.length > limits.member_bytes:
            return "too-long", f"it is longer than {limits.member_bytes} bytes", "M16"
        return _unreadable(entry)

    def _report_collisions(self, names: NDArray[np.int64]) -> None:
        import numpy as np

        _, first, counts = np.unique(names, return_index=True, return_counts=True)
        if (counts > 1).any():
            some = self.entry(int(first[np.flatnonzero(counts > 1)[0]])).shown
            self._context.troubles.add(
                "warning", "names-collide", label(some),
                f"{int(counts[counts > 1].sum())} entries share their name with another one or "
                "differ from it only in case or accents; all of them are kept", "M11")

    def _report_damage(self) -> None:
        """Without a subject, for the whole package: nobody knows what was in those files."""
        self._context.troubles.add(
            "error", "zip-damaged", "", f"of the zip {count(len(self._listing.broken), 'file')} "
            "cannot be read; nobody knows what was in there. Copy it again", "M21")

    def _try_password(self) -> None:
        """Raises PasswordNeeded when entries are encrypted and the password is missing or wrong."""
        trials = []
        for number in self._taken:
            entry = self._listing[number]
            if entry.is_encrypted:
                trials.append((entry, self._listing.data[number]))
                if len(trials) == TRIALS:
                    break
        if trials and self._context.password is None:
            raise PasswordNeeded("the zip is encrypted; its password is needed")
        if trials and self._context.password is not None:
            self._password = password_that_fits(self._window, trials, self._context.password)


def _unreadable(entry: ZipEntry) -> Refusal | None:
    try:
        method = method_of(entry)
    except UnsupportedError as error:
        return "zip-method", error.text, "M22"
    if method not in (STORED, DEFLATED):
        name = METHOD_NAMES.get(method, f"method {method}")
        return "zip-method", (f"it is packed with {name}, which is not read here; unpack the zip "
                              "and pack it again as usual"), "M22"
    if method == STORED and not entry.is_encrypted and entry.packed != entry.length:
        return "zip-entry-damaged", "it states two different lengths", "M20"
    return None


def _is_folder(entry: ZipEntry) -> bool:
    return (entry.name.endswith((b"/", b"\\")) or stat.S_ISDIR(entry.attributes >> 16)
            or (entry.attributes & 0x10 != 0 and not entry.length))


def _name(entry: ZipEntry) -> str:
    return text(entry.name, bool(entry.flags & UTF8), entry.unicode_path)
