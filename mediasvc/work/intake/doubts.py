"""Reasons to think that not all of a package could be had, though what is there is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.media.page.words import count
from mediasvc.model import Finding
from mediasvc.work.intake.directories import Comparison
from mediasvc.work.intake.discover import MEDIUM_ERROR, Found, Listing

#: The disc's own list of files has holes.
DAMAGED_LISTS = {"udf-file-damaged", "udf-folder-damaged"}


@dataclass(slots=True)
class Doubts:
    """Counts files whose bytes could not be had, such as those of a damaged zip. Nobody knows what
    was in them, so the whole package waits (FAULTS M21). Of those that a drive could not read
    their own finding says so."""

    unread: int = 0
    first: str = ""
    listed: bool = False
    """There is a DICOMDIR."""

    def look(self, found: Found) -> None:
        self.listed = self.listed or found.role == "dicomdir"
        if found.role == "refused" and not found.sha256 and not any(
                one.code == MEDIUM_ERROR for one in found.findings):
            self.unread += 1
            self.first = self.first or found.member.label

    def added_to(self, comparison: Comparison, listing: Listing) -> Iterator[Finding]:
        """The findings of ``comparison``, then one for each doubt."""
        yield from comparison.findings
        if self.unread:
            files = count(self.unread, "file")
            yield Finding("error", "files-unread", "", f"Of this package {files} could not be read,"
                          f" among them {self.first}; nobody knows what was in there.", "M21")
        codes = {one.code for one in (*listing.findings, *comparison.findings)}
        if self.listed:
            return
        if "iso-short" in codes:  # a session may be missing
            yield Finding("error", "iso-short-unlisted", "", "The disc image is cut off, and no "
                          "DICOMDIR tells what should be on it; files may be missing.", "M30")
        if codes & DAMAGED_LISTS:
            yield Finding("error", "udf-damaged-unlisted", "", "Parts of the disc's list of files "
                          "are damaged, and no DICOMDIR tells what should be on it; files may be "
                          "missing.", "M34")
