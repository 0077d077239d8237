"""Where a DICOMDIR and the files that it names disagree (FAULTS M09). The files are the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from mediasvc.media.directory.reference import Reference
from mediasvc.media.page.words import Many
from mediasvc.model import Finding, Severity


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that both sides say: the attribute of `Reference` and of `Says`."""

    attribute: str
    words: str
    severity: Severity


#: Whose images they are decides where they go, so those are errors.
CLAIMS = (
    Claim("patient_id", "Patient ID", "error"),
    Claim("patient_name", "Patient's Name", "error"),
    Claim("study_instance_uid", "Study Instance UID", "warning"),
    Claim("series_instance_uid", "Series Instance UID", "warning"),
    Claim("sop_instance_uid", "SOP Instance UID", "warning"),
    Claim("sop_class_uid", "SOP Class UID", "warning"),
    Claim("transfer_syntax_uid", "Transfer Syntax UID", "warning"),
)
_CLAIMED = attrgetter(*(claim.attribute for claim in CLAIMS))


class Says(Protocol):
    """What an instance says of itself (see `InstanceHeader`), as far as a DICOMDIR repeats it."""

    @property
    def patient_id(self) -> str: ...
    @property
    def patient_name(self) -> str: ...
    @property
    def study_instance_uid(self) -> str: ...
    @property
    def series_instance_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def sop_class_uid(self) -> str: ...
    @property
    def transfer_syntax_uid(self) -> str: ...
    @property
    def uncertain_text(self) -> bool: ...


def contradictions(references: Sequence[Reference], headers: Mapping[int, Says],
                   ) -> tuple[Finding, ...]:
    """`contradictions_of` for headers by index of the reference."""
    return contradictions_of((references[at], header) for at, header in headers.items())


def contradictions_of(pairs: Iterable[tuple[Reference, Says]]) -> tuple[Finding, ...]:
    """One finding for each kind of disagreement.

    What one side does not say is no contradiction, nor is a name that could not be decoded for
    sure. The subject is the file when it is only one.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for reference, header in pairs:
        if _CLAIMED(reference) == _CLAIMED(header):
            continue
        for claim in CLAIMS:
            if _differ(claim, reference, header):
                counts[claim.attribute] += 1
                first.setdefault(claim.attribute, reference.label)
    return tuple(_finding(claim, counts[claim.attribute], first[claim.attribute])
                 for claim in CLAIMS if counts[claim.attribute])


def _differ(claim: Claim, reference: Reference, header: Says) -> bool:
    said = getattr(reference, claim.attribute)
    held = getattr(header, claim.attribute)
    if not said or not held or said == held:
        return False
    if claim.attribute.startswith("patient_"):
        if reference.uncertain_text or header.uncertain_text:
            return False
        if claim.attribute == "patient_name":
            return not _same_name(said, held)
    return True


def _same_name(said: str, held: str) -> bool:
    """Equal in a component group that both have, but for case, spaces and trailing carets."""
    pairs = zip(said.split("="), held.split("="), strict=False)
    both = [(_plain(a), _plain(b)) for a, b in pairs if a.strip("^ ") and b.strip("^ ")]
    return not both or any(a == b for a, b in both)


def _plain(group: str) -> str:
    return "^".join(" ".join(part.split()) for part in group.split("^")).rstrip("^").casefold()


def _finding(claim: Claim, files: int, first: str) -> Finding:
    code = "directory-" + claim.attribute.replace("_", "-") + "-differs"
    if files == 1:
        return Finding(claim.severity, code, first,
                       f"DICOMDIR and this file say a different {claim.words}", "M09")
    return Finding(claim.severity, code, "",
                   f"DICOMDIR and {Many(files):file|files} say a different {claim.words}", "M09")
