"""Where a DICOMDIR and the files that it names disagree (FAULTS M09). The files are the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mediasvc.media.reference import Reference
from mediasvc.model import Finding, InstanceHeader, Severity


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that both sides say: the attribute of `Reference` and of `InstanceHeader`."""

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


def contradictions(
    references: Sequence[Reference], headers: Mapping[int, InstanceHeader]
) -> tuple[Finding, ...]:
    """One finding for each kind of disagreement; ``headers`` by index of the reference.

    What one side does not say is no contradiction, nor is a name that could not be decoded for
    sure. The subject is the file when it is only one.
    """
    findings = []
    for claim in CLAIMS:
        files = [references[at].label for at, header in headers.items()
                 if _differ(claim, references[at], header)]
        if files:
            findings.append(_finding(claim, files))
    return tuple(findings)


def _differ(claim: Claim, reference: Reference, header: InstanceHeader) -> bool:
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


def _finding(claim: Claim, files: list[str]) -> Finding:
    code = "directory-" + claim.attribute.replace("_", "-") + "-differs"
    if len(files) == 1:
        return Finding(claim.severity, code, files[0],
                       f"DICOMDIR and this file say a different {claim.words}", "M09")
    return Finding(claim.severity, code, "",
                   f"DICOMDIR and {len(files)} files say a different {claim.words}", "M09")
