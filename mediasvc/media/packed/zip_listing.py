"""All entries of a zip in columns, and what their places in the file say about them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from mediasvc.errors import DamagedError
from mediasvc.media.extents import overlapping
from mediasvc.media.member import Context
from mediasvc.media.packed.zip_directory import (
    DESCRIPTOR,
    LOCAL,
    End,
    ZipEntry,
    find_end,
    headers,
    read_header,
)
from mediasvc.media.packed.zip_local import LOCAL_HEADER, locate
from mediasvc.media.packed.zip_recover import recover
from mediasvc.media.window import Window
from mediasvc.model import Severity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Lengths of a data descriptor (4.3.9): with or without its mark, zip64 or not.
DESCRIPTOR_LENGTHS = (12, 16, 20, 24)


class ZipListing:
    """Entries numbered as the zip lists them: 25 bytes each, the headers are read again at need.

    ``starts`` and ``ends`` bound an entry from its local header to its last packed byte,
    ``data`` is where the packed bytes begin; ``broken`` says in words what is wrong with some.
    """

    def __init__(self, window: Window, context: Context) -> None:
        self._window, self._context = window, context
        self.starts, self.data, self.ends = array("Q"), array("Q"), array("Q")
        self.broken: dict[int, str] = {}
        self._headers, self._loose = array("Q"), array("B")
        self._recovered: list[ZipEntry] = []
        try:
            self._end = find_end(window)
            self._list(self._end)
        except DamagedError as error:
            self._recover(error)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> ZipEntry:
        if self._recovered:
            return self._recovered[index]
        return read_header(self._window, self._end, self._headers[index])

    def _list(self, end: End) -> None:
        self._context.budget.enter(end.entries)
        for at, entry in headers(self._window, end):
            self._headers.append(at)
            self._append(entry)
        for oddity in dict.fromkeys(end.oddities):
            self._odd(oddity)

    def _append(self, entry: ZipEntry) -> None:
        index = len(self.starts)
        data = entry.local + LOCAL_HEADER.size
        try:
            data = locate(self._window, entry)
            if data + entry.packed > self._window.length:
                raise DamagedError("its bytes lie past the end of the zip")
        except DamagedError as error:
            self.broken[index] = error.text
        self.starts.append(min(entry.local, self._window.length))
        self.data.append(min(data, self._window.length))
        self.ends.append(min(data + entry.packed, self._window.length))
        self._loose.append(bool(entry.flags & DESCRIPTOR))

    def _recover(self, error: DamagedError) -> None:
        """Start again without the zip's own list. Raises ``error`` when nothing can be saved."""
        for column in (self.starts, self.data, self.ends, self._headers, self._loose):
            del column[:]
        self.broken.clear()
        for entry in recover(self._window, self._context.budget):
            self._context.budget.enter()
            self._recovered.append(entry)
            self._append(entry)
        if not self._recovered:
            raise error
        self._context.troubles.add(
            "error", "archive-damaged", "", f"{error.text}. {len(self._recovered)} of its files "
            "could still be read; nobody knows how many are lost", "M21")

    def clashes(self) -> NDArray[np.bool_]:
        """Entries that share bytes with another one or with the list itself, shape (n,)."""
        import numpy as np

        starts, ends = np.asarray(self.starts), np.asarray(self.ends)
        result = overlapping(starts, ends)
        if not self._recovered:
            result |= ends > np.uint64(self._end.offset)
        return result

    def check_gaps(self) -> None:
        """Findings for bytes that belong to no entry; entries may hide there (M20)."""
        import numpy as np

        if self._recovered or not len(self):
            return
        starts, ends = np.asarray(self.starts).astype(np.int64), np.asarray(self.ends)
        order = np.argsort(starts, kind="stable")
        if starts[order[0]] > self._end.prefix:
            self._odd("other bytes stand before it")
        reach = np.maximum.accumulate(ends[order].astype(np.int64))
        gaps = np.append(starts[order[1:]], self._end.offset) - reach
        loose = np.asarray(self._loose)[order].astype(bool)
        odd = (gaps > 0) & ~(loose & np.isin(gaps, DESCRIPTOR_LENGTHS))
        for at in reach[odd].tolist():
            hidden = LOCAL in self._window.head(at, max(DESCRIPTOR_LENGTHS) + len(LOCAL))
            self._odd("it holds files that it does not list" if hidden else
                      "it holds bytes that belong to no file", "error" if hidden else "warning")

    def _odd(self, words: str, severity: Severity = "error") -> None:
        self._context.troubles.tally(
            severity, "zip-ambiguous", "",
            f"the zip is ambiguous: {words}; other programs may read other files from it", "M20")
