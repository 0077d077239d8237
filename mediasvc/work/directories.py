"""The three-way manifest's first two columns: DICOMDIR says / disc holds (FIELD N1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mediasvc.media.dicomdir_repairs import as_findings
from mediasvc.media.manifest import Matching, contradictions, match
from mediasvc.media.reference import Reference
from mediasvc.media.reference_repairs import reference_repairs
from mediasvc.model import Finding, InstanceHeader
from mediasvc.work.discover import Found


@dataclass(frozen=True, slots=True)
class Comparison:
    """``named``: member number → what DICOMDIR says of it; ``missing``: named but not there;
    ``unreferenced``: numbers of instances that no DICOMDIR names."""

    named: dict[int, Reference]
    missing: tuple[Reference, ...]
    unreferenced: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def referenced(self) -> int:
        """Different files that DICOMDIR names, there or not."""
        return len(self.named) + len(self.missing)


def compare(files: Sequence[Found]) -> Comparison:
    """Hold every DICOMDIR of a package against its files. Files are the truth."""
    references = [replace(reference, folder=found.directory.parts[:-1])
                  for found in files if found.directory
                  for reference in found.directory.references]
    headers = {found.member.number: found.header for found in files if found.header}
    matching = match(references, [found.member for found in files],
                     {number: header.sop_instance_uid for number, header in headers.items()})
    named = {number: references[at] for at, number in reversed(matching.found.items())}
    missing = _missing(matching, references)
    unreferenced = tuple(found.member.number for found in files
                         if found.role in ("instance", "refused")
                         and found.member.number not in named)
    directories = sum(found.directory is not None for found in files)
    instances = sum(found.role == "instance" for found in files)
    findings = (*matching.findings, *_contradictions(matching, references, headers),
                *_lists(directories, instances, len(named), missing, len(unreferenced)),
                *as_findings(reference_repairs(
                    references, matching, {found.member.number: found.member.label
                                           for found in files}, headers)))
    return Comparison(named, missing, unreferenced, findings)


def _missing(matching: Matching, references: Sequence[Reference]) -> tuple[Reference, ...]:
    """Each file that is not there once, under whatever path and however often it is named."""
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


def _contradictions(matching: Matching, references: Sequence[Reference],
                    headers: dict[int, InstanceHeader]) -> tuple[Finding, ...]:
    return contradictions(references, {at: headers[number]
                                       for at, number in matching.found.items()
                                       if number in headers})


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
        yield Finding("error", "incomplete", "",
                      f"The disc is incomplete: {len(missing)} of {named + len(missing)} files "
                      "that DICOMDIR names are not there.", "M07")
    for reference in missing:
        yield Finding("warning", "missing-file", reference.label,
                      "DICOMDIR names this file, and it is not there.", "M07")
    if unreferenced:
        yield Finding("warning", "unreferenced", "",
                      f"{unreferenced} DICOM files are not named by DICOMDIR; they are taken all "
                      "the same.", "M08")
