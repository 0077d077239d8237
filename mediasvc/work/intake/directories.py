"""The three-way manifest's first two columns: DICOMDIR says / disc holds (FIELD N1)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from mediasvc.media.directory.contradiction import contradictions_of
from mediasvc.media.directory.dicomdir_repairs import as_findings
from mediasvc.media.directory.manifest import Matching, match
from mediasvc.media.directory.reference import Reference
from mediasvc.media.directory.reference_repairs import reference_repairs
from mediasvc.media.page.words import Many
from mediasvc.model import Finding
from mediasvc.work.intake.seen import Held, References, Seen

#: The finding that files are missing which DICOMDIR names.
INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``places``: by number of the member, 1 + the place in ``references`` of what DICOMDIR says of
    it, 0 for nothing; ``named``: how many have one; ``missing``: named but not there;
    ``unreferenced``: how many instances no DICOMDIR names."""

    references: References
    places: array[int]
    named: int
    missing: tuple[Reference, ...]
    unreferenced: int
    findings: tuple[Finding, ...]

    @property
    def referenced(self) -> int:
        """Different files that DICOMDIR names, there or not."""
        return self.named + len(self.missing)

    def by_member(self) -> Iterator[tuple[int, Reference]]:
        """Number of a member and what DICOMDIR says of it."""
        return ((number, self.references[place - 1])
                for number, place in enumerate(self.places) if place)


def compare(seen: Seen) -> Comparison:
    """Hold every DICOMDIR of a package against its files. Files are the truth."""
    references = seen.references()
    matching = match(references, seen.members, seen.uids)
    places = array("I", bytes(4 * len(seen.members)))
    for at, number in reversed(matching.found.items()):
        places[number] = at + 1
    named = len(places) - places.count(0)
    missing = _missing(matching, references)
    unreferenced = seen.unnamed(places)
    findings = (*matching.findings,
                *contradictions_of(_held(references, matching, seen)),
                *_lists(len(seen.directories), seen.instances, named, missing, unreferenced),
                *as_findings(reference_repairs(references, matching,
                                               lambda number: seen.members[number].label,
                                               seen.header)))
    return Comparison(references, places, named, missing, unreferenced, findings)


def _held(references: References, matching: Matching, seen: Seen,
          ) -> Iterator[tuple[Reference, Held]]:
    """What DICOMDIR says of a file beside what the file says."""
    for at, number in matching.found.items():
        header = seen.header(number)
        if header is not None:
            yield references[at], header


def _missing(matching: Matching, references: References) -> tuple[Reference, ...]:
    """Each file that is not there once, under whatever path and however often it is named."""
    if not matching.missing:
        return ()
    held = {references[at].sop_instance_uid for at in matching.found} - {""}
    lacking: dict[tuple[str, ...], Reference] = {}
    for at in matching.missing:
        if references[at].sop_instance_uid not in held:
            lacking.setdefault(_path(references[at]), references[at])
    return tuple(lacking.values())


def _path(reference: Reference) -> tuple[str, ...]:
    """The path that is meant. A directory in a subfolder often repeats its own folders in its
    File IDs: A/B/DIRFILE naming B/IM1 means A/B/IM1."""
    folder = tuple(part.casefold() for part in reference.folder)
    file_id = tuple(part.casefold() for part in reference.file_id)
    shared = next((n for n in range(min(len(folder), len(file_id)), 0, -1)
                   if folder[-n:] == file_id[:n]), 0)
    return (*folder, *file_id[shared:])


def _lists(directories: int, instances: int, named: int, missing: tuple[Reference, ...],
           unreferenced: int) -> Iterator[Finding]:
    if not directories:
        if instances > 1:
            yield Finding("info", "no-dicomdir", "", "There is no DICOMDIR; the files were found "
                          "by their content.", "M08")
        return
    if directories > 1:
        yield Finding("info", "several-dicomdirs", "",
                      f"There are {directories} DICOMDIRs; all of them were used.", "R10-1")
    if missing:
        yield Finding("error", INCOMPLETE, "",
                      f"The disc is incomplete: {len(missing)} of "
                      f"{Many(named + len(missing)):file|files} that DICOMDIR names "
                      f"{Many(len(missing)):=is|are} not there.", "M07")
    for reference in missing:
        yield Finding("warning", "missing-file", reference.label,
                      "DICOMDIR names this file, and it is not there.", "M07")
    if unreferenced:
        yield Finding("warning", "unreferenced", "",
                      f"{Many(unreferenced):DICOM file is|DICOM files are} not named by "
                      f"DICOMDIR; {Many(unreferenced):=it is|they are} taken all the same.", "M08")
