"""May this file enter? (FAULTS P01 to P18)

Refused is what can hurt: bytes that another program would run, lengths that lie, elements that two
readers understand in two ways, an identity or a size that nobody can know. What is only odd becomes
a warning and enters.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from mediasvc.dicom import walk_codes as C
from mediasvc.dicom.bare import looks_bare
from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID
from mediasvc.dicom.framing import INFLATE_LIMIT, Framing, NotDicomError, read_framing
from mediasvc.dicom.header import examine_header
from mediasvc.dicom.pixel_size import check_pixels
from mediasvc.dicom.second_reading import compare, needed
from mediasvc.errors import BudgetError, DamagedError
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.encodings import REFERENCED
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, NUMBERS
from mediasvc.standard.identity_tags import REQUIRED_UIDS, is_decisive
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY, RECORD_TYPE_OF
from mediasvc.standard.value_representations import TEXT_VRS

Role = Literal["instance", "dicomdir", "non_dicom", "refused"]

DIRECTORY_RECORD_SEQUENCE = 0x00041220
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_LOOSE_UID = re.compile(r"\d+(\.\d+)*", re.ASCII)
_UID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Screening:
    """``header`` is there whenever the file could be walked, also for a refused one."""

    role: Role
    header: InstanceHeader | None
    findings: tuple[Finding, ...]


def screen(view: memoryview, *, inflate_limit: int = INFLATE_LIMIT) -> Screening:
    """The role of a file's bytes and everything that speaks against them. Never raises on them."""
    try:
        framing = read_framing(view, inflate_limit=inflate_limit)
    except NotDicomError:
        return _foreign(view)
    except (DamagedError, BudgetError) as error:
        rule = "P06" if isinstance(error, BudgetError) else "P01"
        return Screening("refused", None, (_error("damaged", error.text.capitalize(), rule),))
    if _is_directory(framing):
        softened = tuple(replace(finding, severity="warning") if finding.severity == "error"
                         else finding for finding in framing.findings)
        return Screening("dicomdir", None, softened)
    return _screen_instance(view, framing)


def _foreign(view: memoryview) -> Screening:
    if looks_bare(view):
        return Screening("refused", None, (_error(
            "damaged", "The file begins like a DICOM file without header but is damaged or cut short",
            "P10"),))
    return Screening("non_dicom", None, ())


def _is_directory(framing: Framing) -> bool:
    """A DICOMDIR is recognised by content, because its name may have been changed."""
    said = framing.meta_uid(MEDIA_STORAGE_SOP_CLASS_UID)
    return said == MEDIA_STORAGE_DIRECTORY or framing.find(DIRECTORY_RECORD_SEQUENCE) is not None


def _screen_instance(view: memoryview, framing: Framing) -> Screening:
    header, odd_values = examine_header(framing)
    findings = [*framing.findings, *odd_values]
    findings += _check_uids(header)
    findings += _check_meta(framing, header)
    findings += _check_duplicates(framing)
    findings += _check_types(framing)
    if framing.verdict == C.OK:
        findings += check_pixels(framing, header)
        findings += _check_presence(framing, header)
    if not _refused(findings) and needed(framing, header.sop_instance_uid):
        findings += compare(view, framing)
    return Screening("refused" if _refused(findings) else "instance", header, tuple(findings))


def _refused(findings: list[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _check_uids(header: InstanceHeader) -> list[Finding]:
    findings = []
    for field, words in REQUIRED_UIDS.items():
        uid = getattr(header, field)
        if not uid:
            findings.append(_error("uid-missing", f"{words} is missing", "P09"))
        elif len(uid) > _UID_LENGTH or not _LOOSE_UID.fullmatch(uid):
            findings.append(_error("uid-invalid", f"{words} is not a valid UID", "P09, PS3.5 9.1"))
        elif not _UID.fullmatch(uid):
            findings.append(_warning("uid-leading-zero", f"{words} has a component that begins "
                                     "with 0", "PS3.5 9.1"))
    return findings


def _check_meta(framing: Framing, header: InstanceHeader) -> list[Finding]:
    findings = []
    for tag, uid, words in (
            (MEDIA_STORAGE_SOP_CLASS_UID, header.sop_class_uid, "SOP Class UID"),
            (MEDIA_STORAGE_SOP_INSTANCE_UID, header.sop_instance_uid, "SOP Instance UID")):
        said = framing.meta_uid(tag)
        if said and uid and said != uid:
            findings.append(_error("meta-disagrees", f"The file header and the data set name "
                                   f"different {words}s", "P08"))
        elif not said and framing.kind == "part10":
            findings.append(_warning("meta-uid-missing", f"The file header does not name the {words}",
                                     "R10-8"))
    if any(tag >> 16 in (0, 2) for tag in framing.index):
        findings.append(_warning("foreign-group", "Elements of a file or message header stand "
                                 "inside the data set", "PS3.5 7.1"))
    return findings


def _check_duplicates(framing: Framing) -> list[Finding]:
    """Only a data set that does not ascend can hold a tag twice."""
    if len(framing.index) == len(framing.elements):
        return []
    counts = Counter(framing.elements["tag"].tolist())
    twice = sorted(tag for tag, count in counts.items() if count > 1)
    decisive = [tag for tag in twice if is_decisive(tag)]
    if not decisive:
        return [_error("tag-twice", "An element stands in the data set twice: "
                       f"({twice[0] >> 16:04X},{twice[0] & 0xFFFF:04X})", "P07")]
    tag = decisive[0]
    return [_error("identity-twice", "An element of the identity or of the image description stands "
                   f"in the data set twice: ({tag >> 16:04X},{tag & 0xFFFF:04X})", "P07")]


def _check_types(framing: Framing) -> list[Finding]:
    """VRs of identity and pixel description, where the data set says them (FAULTS P13)."""
    findings = []
    for attribute in HEADER_ATTRIBUTES:
        row = framing.find(attribute.tag)
        vr = row["vr"].decode("latin-1") if row is not None else ""
        if vr in ("", "UN", attribute.vr):
            continue
        where = f"({attribute.tag >> 16:04X},{attribute.tag & 0xFFFF:04X})"
        if attribute.field in NUMBERS or vr not in TEXT_VRS:
            findings.append(_error("wrong-type", f"{where} has the type {vr}, it must be "
                                   f"{attribute.vr}", "P13"))
        else:
            findings.append(_warning("odd-type", f"{where} has the type {vr}, it should be "
                                     f"{attribute.vr}", "P13"))
    return findings


def _check_presence(framing: Framing, header: InstanceHeader) -> list[Finding]:
    """An image SOP class needs pixel data (FAULTS P02); classes that are not known may lack them."""
    if framing.pixel is not None or framing.transfer_syntax_uid in REFERENCED:
        return []
    if RECORD_TYPE_OF.get(header.sop_class_uid) == "IMAGE":
        return [_error("no-pixel-data", "The file should hold an image, but it has no pixel data",
                       "P02")]
    return []


def _error(code: str, text: str, rule: str) -> Finding:
    return Finding("error", code, "", text, rule)


def _warning(code: str, text: str, rule: str) -> Finding:
    return Finding("warning", code, "", text, rule)
