"""Is this file of a disc what DICOMDIR says, and whole? (runs in a sandbox child)

The framing walk judges the bytes, pydicom reads the values: neither shares code with the writers.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from mediasvc.dicom.screening import screen
from mediasvc.errors import DamagedError
from mediasvc.media.check_directory import Expected
from mediasvc.media.check_meta import check_meta
from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_VRS, keys_of

TIFF = (b"II*\0", b"MM\0*")
#: Level of a leaf record: its keys, and the UIDs and Patient ID above, must agree.
LEAF = 3
IDENTIFYING = frozenset({0x00100020, 0x0020000D, 0x0020000E})
#: Screening findings that belong to a rule of their own; all others break P01.
RULE_OF_CODE = {
    "hostile-preamble": "R10-5", "meta-disagrees": "R10-8", "pixels-too-short": "P02",
    "pixels-not-as-said": "P02", "image-size-unknown": "P02", "frames-missing": "P02",
}


@dataclass(frozen=True, slots=True)
class InstanceCheck:
    """``role``: instance, dicomdir or non_dicom; a refused file is an instance with findings."""

    role: str
    findings: tuple[Finding, ...]
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    patient_id: str = ""


def check_instance(view: memoryview, expected: Expected | None, key_set: str = "none",
                   ) -> InstanceCheck:
    """Judge one file; ``expected`` is what DICOMDIR says of it, None when it names it not.

    ``key_set``: the directory keys that the profile asks for. Findings have an empty subject.
    """
    screening = screen(view)
    if screening.role in ("dicomdir", "non_dicom"):
        return InstanceCheck(screening.role, ())
    findings = [_judged(finding) for finding in screening.findings
                if finding.severity == "error"]
    findings += _preamble(view)
    findings += check_meta(view)
    try:
        data = dcmread(io.BytesIO(view), stop_before_pixels=True)
        findings += _meta_agrees(data)
        if expected is not None:
            findings += _agrees(data, expected, key_set)
        return InstanceCheck("instance", tuple(findings), *_identity(data))
    except Exception as error:
        if findings:
            return InstanceCheck("instance", tuple(findings))
        raise DamagedError("cannot be read to its end") from error


def _finding(rule: str, text: str) -> Finding:
    return Finding("error", "rule-" + rule.lower(), "", text, rule)


def _judged(finding: Finding) -> Finding:
    return Finding("error", finding.code, "", finding.text, RULE_OF_CODE.get(finding.code, "P01"))


def _preamble(view: memoryview) -> Iterator[Finding]:
    preamble = bytes(view[:128])
    if any(preamble) and not preamble.startswith(TIFF):
        yield _finding("R10-5b", "the preamble holds something else than zeros or TIFF")


def _identity(data: Any) -> tuple[str, str, str, str]:
    return (str(data.get("SOPClassUID", "")), str(data.get("SOPInstanceUID", "")),
            str(data.file_meta.get("TransferSyntaxUID", "")), str(data.get("PatientID") or ""))


def _meta_agrees(data: Any) -> Iterator[Finding]:
    meta = data.file_meta
    if meta.get("MediaStorageSOPClassUID", "") != data.get("SOPClassUID", ""):
        yield _finding("R10-8", "file meta and data set have different SOP classes")
    if meta.get("MediaStorageSOPInstanceUID", "") != data.get("SOPInstanceUID", ""):
        yield _finding("R10-8", "file meta and data set have different SOP Instance UIDs")


def _agrees(data: Any, expected: Expected, key_set: str) -> Iterator[Finding]:
    sop_class, instance, syntax, _ = _identity(data)
    for words, said, held in (("SOP class", expected.sop_class_uid, sop_class),
                              ("SOP Instance UID", expected.sop_instance_uid, instance),
                              ("transfer syntax", expected.transfer_syntax_uid, syntax)):
        if said != held:
            yield _finding("RF-3", f"DICOMDIR says another {words}")
    wrong: dict[str, list[str]] = {"RF-10": [], "RF-11": []}
    for tag, (said, level, charset) in expected.keys.items():
        if not _same(data, tag, said, charset):
            rule = "RF-10" if level == LEAF or tag in IDENTIFYING else "RF-11"
            wrong[rule].append(_name(tag))
    for rule, names in wrong.items():
        if names:
            yield _finding(rule, "DICOMDIR and the file differ in " + ", ".join(names))
    if lost := [_name(tag) for tag in _lost(data, expected, key_set)]:
        yield _finding("R11-5", "DICOMDIR leaves out " + ", ".join(lost))


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _same(data: Any, tag: int, said: str, charset: str) -> bool:
    """Equal bytes or equal decoded values; what the file does not say may be made up (RF-7)."""
    if tag not in data:
        return True
    held = data.get_item(tag).value
    if not isinstance(held, bytes):
        held = str(held).encode()
    if not held.strip(b" \0") or held.strip(b" \0") == said.encode("latin-1").strip(b" \0"):
        return True
    return _decoded(data, tag) == _from_record(tag, said, charset)


def _decoded(data: Any, tag: int) -> str:
    return _normal(data[tag].value)


def _from_record(tag: int, said: str, charset: str) -> str:
    vr, raw = KEY_VRS.get(tag, "LO"), said.encode("latin-1")
    if vr in ("US", "UL"):
        return _normal(int.from_bytes(raw, "little"))
    element = convert_raw_data_element(
        RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True),
        encoding=convert_encodings(charset.split("\\") if charset else "ISO_IR 6"))
    return _normal(element.value)


def _normal(value: Any) -> str:
    if isinstance(value, (MultiValue, list)):
        return "\\".join(map(_normal, value))
    text = str(value).strip(" \0")
    try:
        return repr(float(text)) if text else ""
    except ValueError:
        return text.rstrip("^=")


def _lost(data: Any, expected: Expected, key_set: str) -> Iterable[int]:
    """Keys of type 1C that the file has a value for and the record has not (R11-5)."""
    for kind in ("PATIENT", "STUDY", "SERIES", expected.record_type):
        for key in _conditional(kind, key_set):
            if key not in expected.keys and key in data:
                held = data.get_item(key).value
                if held if not isinstance(held, bytes) else held.strip(b" \0"):
                    yield key


def _conditional(record_type: str, key_set: str) -> Iterator[int]:
    """Type 1C keys but for sequences, which `Expected` leaves out."""
    try:
        keys = keys_of(record_type, key_set)
    except KeyError:
        return
    for key in keys:
        if key.type == "1C" and key.vr != "SQ":
            yield key.tag
