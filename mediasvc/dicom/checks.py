"""Single questions to one walked instance; each answers with findings (FAULTS P02 to P13)."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np

from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID
from mediasvc.dicom.findings import error, tag_words, warning
from mediasvc.dicom.framing import Framing
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.essential_elements import ESSENTIAL_ELEMENTS, WITHOUT_STUDY
from mediasvc.standard.header_attributes import HEADER_ATTRIBUTES, NUMBERS
from mediasvc.standard.identity_tags import REQUIRED_UIDS, is_decisive
from mediasvc.standard.sop_classes import RECORD_TYPE_OF
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.standard.value_representations import MOST_CHARACTERS, TEXT_VRS

_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_LOOSE_UID = re.compile(r"\d+(\.\d+)*", re.ASCII)


def check_uids(header: InstanceHeader) -> list[Finding]:
    """The four UIDs that an instance is filed by (P09, PS3.5 9.1)."""
    kind = RECORD_TYPE_OF.get(header.sop_class_uid, "")
    if kind in WITHOUT_STUDY and not header.study_instance_uid:
        return [error("not-of-a-patient", "The file belongs to no patient and no study", "P09")]
    findings = []
    for field, words in REQUIRED_UIDS.items():
        uid = getattr(header, field)
        if not uid:
            findings.append(error("uid-missing", f"{words} is missing", "P09"))
        elif not _is_uid(uid):
            findings.append(error("uid-invalid", f"{words} is not a valid UID", "P09, PS3.5 9.1"))
        elif not _UID.fullmatch(uid):
            findings.append(warning("uid-leading-zero",
                                    f"{words} has a component that begins with 0", "PS3.5 9.1"))
    if header.sop_class_uid and not kind:
        findings.append(Finding("info", "sop-class-unknown", "",
                                "The file is of a kind that is not known here", "R10-9"))
    return findings


def check_meta(framing: Framing, header: InstanceHeader) -> list[Finding]:
    """Do file meta and data set name the same instance (P08)?"""
    findings = []
    for tag, uid, words in (
            (MEDIA_STORAGE_SOP_CLASS_UID, header.sop_class_uid, "SOP Class UID"),
            (MEDIA_STORAGE_SOP_INSTANCE_UID, header.sop_instance_uid, "SOP Instance UID")):
        said = framing.meta_uid(tag)
        if said and uid and said != uid:
            findings.append(error("meta-disagrees", "The file header and the data set name "
                                  f"different {words}s", "P08"))
        elif not said and framing.kind == "part10":
            findings.append(warning("meta-uid-missing",
                                    f"The file header does not name the {words}", "R10-8"))
    if _has_foreign_group(framing.elements["tag"].tobytes()):
        findings.append(warning("foreign-group", "Elements of a file or message header stand "
                                "inside the data set", "PS3.5 7.1"))
    return findings


@lru_cache(maxsize=64)
def _has_foreign_group(tags: bytes) -> bool:
    """Of the tags of all elements (u4); the instances of a series have the same."""
    return any(tag < 0x00030000 and tag >> 16 != 1 for tag in np.frombuffer(tags, "<u4").tolist())


def check_syntax(framing: Framing) -> list[Finding]:
    """Is the transfer syntax one that anybody can know (P09)?"""
    uid = framing.transfer_syntax_uid
    if not _is_uid(uid):
        return [error("transfer-syntax-invalid", "The transfer syntax is not a valid UID", "P09")]
    if uid not in TRANSFER_SYNTAXES:
        return [warning("transfer-syntax-unknown", "The transfer syntax is not known here; the "
                        "images can be kept but perhaps not shown", "PS3.5 10")]
    return []


def _is_uid(text: str) -> bool:
    """Digits and dots of a UID, zeros at the beginning of a component allowed."""
    return len(text) <= MOST_CHARACTERS["UI"] and _LOOSE_UID.fullmatch(text) is not None


def check_duplicates(framing: Framing) -> list[Finding]:
    """No tag may stand twice: readers differ in which one they take (P07)."""
    if len(framing.index) == len(framing.elements):
        return []
    counts = Counter(framing.elements["tag"].tolist())
    twice = sorted((tag for tag, count in counts.items() if count > 1),
                   key=lambda tag: (not is_decisive(tag), tag))
    if is_decisive(twice[0]):
        return [error("identity-twice", f"{tag_words(twice[0])}, which belongs to the identity or "
                      "the image description, stands in the data set twice", "P07")]
    return [error("element-twice", f"{tag_words(twice[0])} stands in the data set twice", "P07")]


def check_types(framing: Framing) -> tuple[Finding, ...]:
    """VRs of identity and pixel description, where the data set says them (P13)."""
    return _odd_types(framing.elements["tag"].tobytes(), framing.elements["vr"].tobytes())


@lru_cache(maxsize=64)
def _odd_types(tags: bytes, vrs: bytes) -> tuple[Finding, ...]:
    """Of the tags (u4) and VRs (2 bytes) of all elements; the instances of a series have the
    same."""
    first: dict[int, str] = {}
    for place, tag in enumerate(np.frombuffer(tags, "<u4").tolist()):
        first.setdefault(tag, vrs[2 * place:2 * place + 2].rstrip(b"\0").decode("latin-1"))
    findings = []
    for attribute in HEADER_ATTRIBUTES:
        vr = first.get(attribute.tag, "")
        if vr in ("", "UN", attribute.vr):
            continue
        where = tag_words(attribute.tag)
        if attribute.field in NUMBERS or vr not in TEXT_VRS:
            findings.append(error("wrong-type", f"{where} has the type {vr}, it must be "
                                  f"{attribute.vr}", "P13"))
        else:
            findings.append(warning("odd-type", f"{where} has the type {vr}, it should be "
                                    f"{attribute.vr}", "P13"))
    return tuple(findings)


def check_content(framing: Framing, header: InstanceHeader) -> list[Finding]:
    """Is what the SOP class is about there (P02)? Classes that are not known may lack anything."""
    row = ESSENTIAL_ELEMENTS.get(RECORD_TYPE_OF.get(header.sop_class_uid, ""))
    syntax = TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if row is None or (syntax is not None and syntax.form == "referenced"):
        return []
    groups, missing, clause = row
    if all(any(tag in framing.index for tag in group) for group in groups):
        return []
    return [error("content-missing", f"The file is not complete: there is {missing} in it", clause)]

