"""May this file enter? (FAULTS P01 to P18)

Refused is what can hurt: bytes that another program would run, lengths that lie, elements that two
readers understand in two ways, an identity or a size that nobody can know. What is only odd becomes
a warning and enters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.bare import looks_bare
from mediasvc.dicom.checks import (
    check_content,
    check_duplicates,
    check_meta,
    check_syntax,
    check_types,
    check_uids,
)
from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_CLASS_UID
from mediasvc.dicom.findings import error
from mediasvc.dicom.framing import INFLATE_LIMIT, Framing, NotDicomError, read_framing
from mediasvc.dicom.header import examine_header
from mediasvc.dicom.pixel_size import check_pixels
from mediasvc.dicom.second_reading import compare, needed
from mediasvc.errors import BudgetError, DamagedError
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY

Role = Literal["instance", "dicomdir", "non_dicom", "refused"]

DIRECTORY_RECORD_SEQUENCE = 0x00041220


@dataclass(frozen=True, slots=True)
class Screening:
    """``header`` is there whenever the file could be walked, also for a refused one. A refused one
    has at least one error finding, an instance has none; subjects are empty."""

    role: Role
    header: InstanceHeader | None
    findings: tuple[Finding, ...]


def screen(view: memoryview, *, inflate_limit: int = INFLATE_LIMIT) -> Screening:
    """The role of a file's bytes and everything that speaks against them. Never raises on them."""
    return examine(view, inflate_limit=inflate_limit)[0]


def examine(view: memoryview, *, inflate_limit: int = INFLATE_LIMIT,
            ) -> tuple[Screening, Framing | None]:
    """`screen`, and the framing that it read, where there is one."""
    try:
        framing = read_framing(view, inflate_limit=inflate_limit)
    except NotDicomError:
        return _foreign(view), None
    except (DamagedError, BudgetError) as trouble:
        rule = "P06" if isinstance(trouble, BudgetError) else "P01"
        damaged = error("damaged", trouble.text.capitalize(), rule)
        return Screening("refused", None, (damaged,)), None
    if _is_directory(framing):
        # It is read for what it says and never kept, so its damage only weakens what it says.
        softened = tuple(replace(finding, severity="warning") if finding.severity == "error"
                         else finding for finding in framing.findings)
        return Screening("dicomdir", None, softened), framing
    return _screen_instance(view, framing), framing


def _foreign(view: memoryview) -> Screening:
    if looks_bare(view):
        return Screening("refused", None, (error(
            "damaged", "The file begins like a DICOM file without header, but it is damaged or "
            "cut short", "P10"),))
    return Screening("non_dicom", None, ())


def _is_directory(framing: Framing) -> bool:
    """A DICOMDIR is recognised by content, because its name may have been changed."""
    said = framing.meta_uid(MEDIA_STORAGE_SOP_CLASS_UID)
    return said == MEDIA_STORAGE_DIRECTORY or framing.find(DIRECTORY_RECORD_SEQUENCE) is not None


def _screen_instance(view: memoryview, framing: Framing) -> Screening:
    header, odd_values = examine_header(framing)
    findings = [*framing.findings, *odd_values]
    findings += check_meta(framing, header)
    findings += check_syntax(framing)
    findings += check_duplicates(framing)
    findings += check_types(framing)
    if framing.verdict == codes.OK:
        # Of a file that was cut these would only say again that it was.
        findings += check_uids(header)
        findings += check_pixels(framing, header)
        findings += check_content(framing, header)
    if not _refused(findings) and needed(framing, header.sop_instance_uid):
        findings += compare(view, framing)
    return Screening("refused" if _refused(findings) else "instance", header, tuple(findings))


def _refused(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)
