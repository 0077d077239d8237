"""DICOMDIR says / disc holds: which file is meant by which reference (PS3.10 8, FIELD N1).

Names are compared, never opened: a File ID can find nothing but a member of its own package.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mediasvc.media.directory.contradiction import contradictions
from mediasvc.media.directory.reference import Reference
from mediasvc.media.labels import fold
from mediasvc.media.page.words import Many
from mediasvc.model import Finding

__all__ = ["Matching", "contradictions", "match"]

How = Literal["name", "case", "extension", "shortened", "uid"]

_VERSION = re.compile(r";[0-9]+$")
_ODD = re.compile(r"[^a-z0-9_]")

REPAIRS: dict[How, str] = {
    "case": "under names that differ in case, version or a trailing dot",
    "extension": "under names with or without an extension",
    "shortened": "under names shortened to 8 characters",
    "uid": "under other names, by their SOP Instance UID",
}


class Named(Protocol):
    """What is asked of a member (see `mediasvc.media.member.Member`)."""

    @property
    def number(self) -> int: ...

    @property
    def parts(self) -> tuple[str, ...]: ...

    @property
    def shown(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Matching:
    """``found``: index of the reference → number of the member; ``how`` it was found, in the same
    keys; ``missing``: indices of references without a file; ``unreferenced``: numbers of members
    that no reference names, whatever they are; ``findings``: what had to be repaired."""

    found: dict[int, int]
    how: dict[int, How]
    missing: tuple[int, ...]
    unreferenced: tuple[int, ...]
    findings: tuple[Finding, ...]


def match(
    references: Sequence[Reference],
    members: Sequence[Named],
    sop_instance_uids: Mapping[int, str] | None = None,
) -> Matching:
    """Find the file of each reference.

    The references of several DICOMDIRs may be given one after the other; each File ID counts from
    the folder of its own DICOMDIR, then from the folders above it. ``sop_instance_uids`` says
    what is known of the members by number; with it look-alikes are told apart and files found
    that were renamed. Linear in the number of references and members.
    """
    search = _Search(references, members, sop_instance_uids or {})
    for how, key in _KEYS.items():
        search.by_name(how, key)
    search.by_uid()
    return search.result()


def _exact(parts: Iterable[str]) -> str:
    return "/".join(parts)


def _folded(parts: Iterable[str]) -> str:
    return "/".join(fold(_VERSION.sub("", part).rstrip(".")) for part in parts)


def _stem(parts: Iterable[str]) -> str:
    head, slash, name = _folded(parts).rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return head + slash + (stem if dot and stem else name)


def _shortened(parts: Iterable[str]) -> str:
    """As ISO 9660 level 1 shows a longer name: 8 characters of a small repertoire (PS3.12 F)."""
    return "/".join(_ODD.sub("_", part)[:8] for part in _stem(parts).split("/"))


_KEYS: dict[How, Callable[[Iterable[str]], str]] = {
    "name": _exact, "case": _folded, "extension": _stem, "shortened": _shortened}


class _Search:
    """Narrow comparisons first; a looser one sees only what is still without a partner."""

    def __init__(
        self, references: Sequence[Reference], members: Sequence[Named], uids: Mapping[int, str]
    ) -> None:
        self.references = references
        self.members = members
        self.uids = uids
        self.found: dict[int, int] = {}
        self.how: dict[int, How] = {}
        self.open = list(range(len(references)))
        self.taken: set[int] = set()

    def by_name(self, how: How, key: Callable[[Iterable[str]], str]) -> None:
        if not self.open:
            return
        strict = how in ("name", "case")
        # Nearly every name is that of one file: no list for those.
        index: dict[str, int | list[int]] = {}
        for member in self.members:
            # A file that is named properly cannot be what a broken name means.
            if strict or member.number not in self.taken:
                # On a mangled ISO the File ID may be the long name of another tree.
                for name in {key(member.parts), key(member.shown or member.parts)}:
                    _add(index, name, member.number)
        self._settle(how, lambda at: self._named(self.references[at], index, key, strict))

    def by_uid(self) -> None:
        if not self.open or not self.uids:
            return
        index: dict[str, list[int]] = defaultdict(list)
        for number, uid in self.uids.items():
            if uid and number not in self.taken:
                index[uid].append(number)
        self._settle("uid", lambda at: next(
            iter(index.get(self.references[at].sop_instance_uid, ())), None))

    def _settle(self, how: How, find: Callable[[int], int | None]) -> None:
        still = []
        for at in self.open:
            number = find(at)
            if number is None:
                still.append(at)
            else:
                self.found[at] = number
                self.how[at] = how
        self.open = still
        self.taken.update(self.found.values())

    def _named(
        self,
        reference: Reference,
        index: Mapping[str, int | list[int]],
        key: Callable[[Iterable[str]], str],
        strict: bool,
    ) -> int | None:
        for folder in _upwards(reference.folder):
            numbers = index.get(key((*folder, *reference.file_id)))
            if numbers is not None:
                several = [numbers] if isinstance(numbers, int) else numbers
                chosen = self._choose(reference.sop_instance_uid, several, strict)
                if chosen is not None:
                    return chosen
        return None

    def _choose(self, uid: str, numbers: list[int], strict: bool) -> int | None:
        """One of the members of that name; a loose name must not contradict the UID."""
        if uid:
            same = [number for number in numbers if self.uids.get(number) == uid]
            if same:
                return same[0]
        if strict:
            return numbers[0]
        unknown = [number for number in numbers if not uid or number not in self.uids]
        return unknown[0] if len(unknown) == 1 else None

    def result(self) -> Matching:
        named = self.taken
        return Matching(
            found=self.found, how=self.how, missing=tuple(self.open),
            unreferenced=tuple(m.number for m in self.members if m.number not in named),
            findings=tuple(self._findings()))

    def _named_twice(self) -> int:
        times = Counter((self.references[at].folder, number) for at, number in self.found.items())
        return sum(count > 1 for count in times.values())

    def _findings(self) -> Iterator[Finding]:
        counts = Counter(self.how.values())
        for how, words in REPAIRS.items():
            if counts[how]:
                yield Finding("warning", f"reference-{how}", "",
                              f"{Many(counts[how]):file|files} of DICOMDIR "
                              f"{Many(counts[how]):=was|were} found {words}", "R10-3")
        twice = self._named_twice() if len(self.found) > len(self.taken) else 0
        if twice:
            yield Finding("info", "reference-duplicate", "",
                          f"DICOMDIR names {Many(twice):file|files} more than once", "PS3.3 F.2.2")


def _add(index: dict[str, int | list[int]], name: str, number: int) -> None:
    there = index.setdefault(name, number)
    if isinstance(there, list):
        there.append(number)
    elif there != number:
        index[name] = [there, number]


def _upwards(folder: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for length in range(len(folder), -1, -1):
        yield folder[:length]
