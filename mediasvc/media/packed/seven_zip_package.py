"""What 7-Zip unpacks as a container: its names are judged like those of any other package."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence

from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.labels import label, refusal
from mediasvc.media.member import Context, Entry
from mediasvc.media.packed.seven_zip import Listed, SevenZip
from mediasvc.media.packed.zip_names import ODD_NAMES, components
from mediasvc.media.window import Window
from mediasvc.span import Span

Refusal = tuple[str, str, str]
PIECE = 1 << 20


class SevenZipPackage:
    """Members in the order of 7-Zip's list. Everything is unpacked once, when it is opened first;
    later readers of the same package find it in scratch."""

    def __init__(self, window: Window, context: Context, what: str) -> None:
        self._window, self._context = window, context
        span = window.span(0, window.length)
        if span.offset:
            raise UnsupportedError(f"it is {what} inside another container",
                                   "Unpack it and give the folder.")
        seven = SevenZip(span.path, context.budget.limits.item_seconds)
        self._listed = seven.entries()
        if seven.asks_password or any(one.encrypted for one in self._listed):
            raise UnsupportedError(f"it is {what} with a password",
                                   "Unpack it and give the folder, or pack it as a zip.")
        if not self._listed:
            raise DamagedError("7-Zip found no file in it")
        context.budget.enter(len(self._listed))
        self._bad, failed, lacks_method = self._unpacked(seven)
        if lacks_method and len(self._bad) == sum(
                not one.folder and one.length > 0 for one in self._listed):
            raise UnsupportedError(
                f"it is {what}, packed by a method that the 7-Zip of this machine does not know",
                "Unpack it elsewhere and give the folder. For RAR, 7-Zip has a module of its own "
                "(in Debian p7zip-rar).")
        if failed or seven.troubled or seven.before or self._goes_on(seven.behind):
            context.troubles.add("error", "archive-damaged", "", "7-Zip met damage in it; nobody "
                                 "can say whether all of it is here", "M21")
        self._taken = [at for at in range(len(self._listed)) if self._admit(at)]
        context.troubles.add("warning", "read-by-7z", "", f"This is {what}; 7-Zip unpacked it. Its "
                             "names and lengths are those that 7-Zip told.", "M35")

    def __len__(self) -> int:
        return len(self._taken)

    def entry(self, index: int) -> Entry:
        at = self._taken[index]
        parts, _ = components(self._listed[at].name)
        return Entry(parts, parts, self._listed[at].length, at)

    def span(self, index: int) -> Span:
        at = self._taken[index]
        span = self._context.scratch.once(self._file(at), ())
        if at in self._bad or span.length != self._listed[at].length:
            raise DamagedError("7-Zip could not unpack it whole")
        return span

    def unchanged(self, index: int) -> bool:
        return self._window.unchanged()

    def close(self) -> None:
        self._window.close()

    def _goes_on(self, behind: int) -> bool:
        """Whether more than padding stands behind what 7-Zip takes for the end: it stops in silence
        where the header of a file is damaged."""
        starts = range(self._window.length - behind, self._window.length, PIECE)
        return any(self._window.head(start, PIECE).strip(b"\0") for start in starts)

    def _file(self, at: int) -> str:
        return f"7z-{self._window.fingerprint()}-{at:08d}"

    def _unpacked(self, seven: SevenZip) -> tuple[frozenset[int], bool, bool]:
        """Which entries came out damaged, whether 7-Zip complained, and whether of a method that
        it does not know; written down once all is unpacked."""
        done = self._context.scratch.once(f"7z-{self._window.fingerprint()}", self._unpack(seven))
        with done.view() as view:
            told = json.loads(bytes(view))
        return frozenset(told["damaged"]), bool(told["failed"]), bool(told["lacks_method"])

    def _unpack(self, seven: SevenZip) -> Iterator[bytes]:
        files = _Files(seven.content())
        damaged: list[int] = []
        for at, one in enumerate(self._listed):
            if one.folder:
                continue
            counted = _Counted(files.take(one.length), self._context, self._window.length)
            self._context.scratch.once(self._file(at), counted)
            if counted.length != one.length or one.crc not in (None, counted.crc):
                damaged.append(at)
        if files.rest() or damaged:
            # Where one file ends is known by the lengths alone: without a checksum none is sure.
            damaged += [at for at, one in enumerate(self._listed)
                        if one.crc is None and one.length and not one.folder]
        elif files.failed:
            damaged = [at for at, one in enumerate(self._listed)
                       if one.crc is None and seven.blames(one.name)]
        yield json.dumps({"damaged": sorted(set(damaged)), "failed": files.failed,
                          "lacks_method": seven.lacks_method}).encode()

    def _admit(self, at: int) -> bool:
        one, troubles = self._listed[at], self._context.troubles
        parts, is_odd = components(one.name)
        if one.folder or self._context.passes_over(parts, parts):
            return False
        if refused := self._refusal(one, parts):
            troubles.refuse(refused[0], label(parts), *refused[1:])
            return False
        if is_odd:
            troubles.tally("warning", "archive-names-odd", label(parts), ODD_NAMES, "M10")
        self._context.notice_hidden(parts, parts)
        self._context.budget.announce(one.length)
        return True

    def _refusal(self, one: Listed, parts: Sequence[str]) -> Refusal | None:
        limits = self._context.budget.limits
        if named := refusal(parts, limits.depth):
            return "name-refused", *named
        if not parts:
            return "name-refused", "it has no name", "M13"
        if not one.plain:
            return "not-a-file", "it is a link or a device and is not read", "M14"
        if one.length > limits.member_bytes:
            return "too-long", f"it is longer than {limits.member_bytes} bytes", "M16"
        return None


class _Files:
    """A stream of files one after the other. It ends early where 7-Zip gives up."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream, self._held = stream, b""
        self.failed = False

    def take(self, length: int) -> Iterator[bytes]:
        while length:
            self._held = self._held or self._more()
            if not self._held:
                return
            part, self._held = self._held[:length], self._held[length:]
            length -= len(part)
            yield part

    def rest(self) -> bool:
        """Whether more came than was listed; only after that it is known how 7-Zip ended."""
        return bool(self._held or self._more())

    def _more(self) -> bytes:
        try:
            return next(self._stream, b"")
        except DamagedError:
            self.failed = True
            return b""


class _Counted:
    """Counts bytes against the budget as they are produced, and their CRC-32."""

    def __init__(self, chunks: Iterator[bytes], context: Context, packed: int) -> None:
        self._chunks, self._context, self._packed = chunks, context, packed
        self.length = self.crc = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.length += len(chunk)
            self.crc = zlib.crc32(chunk, self.crc)
            self._context.budget.produce(len(chunk))
            self._context.budget.check_ratio(self._packed, self.length)
            yield chunk
