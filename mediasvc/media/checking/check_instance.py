"""Is this file of a disc what DICOMDIR says, and whole? (runs in a sandbox child)

The framing walk judges the bytes, pydicom reads the values; what is plain the walk certifies alone
but for a share (`plain_instance`). Nothing here writes, or shares code with what writes discs.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from mediasvc.dicom.frames import frames
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.screening import examine
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.media.checking.check_directory import Expected
from mediasvc.media.checking.check_meta import check_meta, encoded_as_said
from mediasvc.media.checking.check_offsets import offset_trouble
from mediasvc.media.checking.check_values import is_legal_value
from mediasvc.media.checking.checked_record import conditional_keys
from mediasvc.media.checking.image_facts import image_facts
from mediasvc.media.checking.plain_instance import Plain, Witness, plain_instance
from mediasvc.model import Finding
from mediasvc.standard.directory_records import KEY_VRS
from mediasvc.standard.photometric import PHOTOMETRIC

TIFF = (b"II*\0", b"MM\0*")
#: Bytes of an element before its value, at the most.
HEADER = 12
#: Level of a leaf record: its keys, and the UIDs and Patient ID above, must agree.
LEAF = 3
#: Baseline, Extended and Lossless; Define Huffman Tables, and where it stands at the latest.
JPEG = frozenset(f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "51", "57", "70"))
TABLES, HEAD = b"\xff\xc4", 64 << 10
#: Keys with several values: Image Type, Performing Physician, ratios, geometry.
SEVERAL = frozenset({0x00080008, 0x00081050, 0x00282112, 0x00200032, 0x00200037, 0x00280030})
IDENTIFYING = frozenset({0x00100020, 0x0020000D, 0x0020000E})
#: Screening findings that belong to a rule of their own; all others break P01.
RULE_OF_CODE = {
    "hostile-preamble": "R10-5", "meta-disagrees": "R10-8", "pixels-too-short": "P02",
    "pixels-not-as-said": "P02", "image-size-unknown": "P02", "frames-missing": "P02",
}
#: The same for what is only odd; other warnings speak against no rule of discs.
RULE_OF_ODDITY = {
    "odd-length": "R5-2", "tags-out-of-order": "R5-3", "item-tags-out-of-order": "R5-3",
    "mixed-encoding": "R5-4", "delimiter-with-length": "R5-4", "needless-delimiter": "R5-4",
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
    facts: dict[str, Any] = field(default_factory=dict)


def check_instance(view: memoryview, expected: Expected | None, key_set: str = "none",
                   keywords: Collection[str] = (), witness: Witness | None = None,
                   ) -> InstanceCheck:
    """Judge one file; ``expected`` is what DICOMDIR says of it, None when it names it not.

    ``key_set``: the directory keys that the profile asks for; ``keywords``: what its rules for
    images must know, given back as ``facts``. ``witness`` says of which plain instances pydicom is
    asked, too; without it, of all. Findings have an empty subject.
    """
    screening, framing = examine(view)
    if screening.role in ("dicomdir", "non_dicom"):
        return InstanceCheck(screening.role, tuple(_oddities(screening.findings)))
    plain = None
    if witness is not None and framing is not None and screening.role == "instance":
        plain = _plain(framing, expected, key_set, keywords)
        if plain is not None and not witness.is_asked(plain):
            return _sound(plain)
        if plain is not None and framing.pixel is not None:
            view = view[:framing.pixel.start + HEADER]  # pydicom is to read no further anyway
    found = _judge(view, screening.findings, framing, expected, key_set, keywords)
    if witness is not None and plain is not None and found != _sound(plain):
        witness.disagrees(plain)
    return found


def _plain(framing: Framing, expected: Expected | None, key_set: str,
           keywords: Collection[str]) -> Plain | None:
    try:
        plain = plain_instance(framing, expected, key_set, keywords)
        if plain is None or any(_tables(framing, plain.transfer_syntax_uid)) or (
                offset_trouble(framing)):
            return None
        return plain
    except Exception:  # whatever it is, pydicom is to say it
        return None


def _sound(plain: Plain) -> InstanceCheck:
    return InstanceCheck("instance", (), plain.sop_class_uid, plain.sop_instance_uid,
                         plain.transfer_syntax_uid, plain.patient_id, dict(plain.facts))


def _judge(view: memoryview, screened: Collection[Finding], framing: Framing | None,
           expected: Expected | None, key_set: str, keywords: Collection[str]) -> InstanceCheck:
    """With pydicom, whatever the file is. Raises DamagedError when it has no words for it."""
    findings = [_judged(finding) for finding in screened if finding.severity == "error"]
    findings += _oddities(screened)
    if framing is not None and (words := offset_trouble(framing)):
        findings.append(_finding("R5-5", words))
    findings += _preamble(view)
    findings += check_meta(view)
    try:
        data = dcmread(_stream(view), stop_before_pixels=True)
        findings += _meta_agrees(data)
        if not encoded_as_said(view, _ascii(data.file_meta, 0x00020010)):
            findings.append(_finding("R10-8", "the data set is not written as its transfer "
                                              "syntax says"))
        if framing is not None:
            findings += _tables(framing, _ascii(data.file_meta, 0x00020010))
        if expected is not None:
            findings += _agrees(data, expected, key_set)
        findings += _pixel_words(data)  # last, because pydicom keeps no bytes of what was asked for
        return InstanceCheck("instance", tuple(findings), *_identity(data),
                             image_facts(data, keywords) if keywords else {})
    except Exception as error:
        if findings:
            return InstanceCheck("instance", tuple(findings))
        raise DamagedError("cannot be read to its end") from error


def _pixel_words(data: Any) -> Iterator[Finding]:
    """Attributes of an image without which its pixels cannot be told (PS3.5 8.1.1)."""
    if not all(data.get(word) for word in ("Rows", "Columns", "BitsAllocated", "BitsStored")):
        return  # no image, float pixels, or what breaks P02
    allocated, stored, high = data.BitsAllocated, data.BitsStored, data.get("HighBit")
    if stored > allocated or (high or 0) >= allocated:
        yield _finding("R5-1", f"{stored} bits stored and High Bit {high} do not fit into "
                               f"{allocated} bits")
    elif high != stored - 1:
        yield _finding("R5-1b", f"High Bit is {high} with {stored} bits stored")
    if data.get("PhotometricInterpretation") not in PHOTOMETRIC:
        yield _finding("R3-1", "its Photometric Interpretation is none that the standard knows")


def _tables(framing: Framing, transfer_syntax_uid: str) -> Iterator[Finding]:
    """JPEG frames in the interchange format bring their tables (H.3.4.2); the coder's are enough,
    because nothing is decoded without them."""
    if transfer_syntax_uid not in JPEG:
        return
    try:
        every = frames(framing)
        bare = sum(TABLES not in bytes(memoryview(frame)[:HEAD]) for frame in every)
    except (UnsupportedError, DamagedError):
        return  # what is damaged breaks other rules
    if bare:
        yield _finding("R11-6", f"{bare} JPEG frames have no tables of their own")


def _stream(view: memoryview) -> io.BytesIO:
    """Without a copy where the view is all of some bytes."""
    whole = view.obj
    return io.BytesIO(whole if isinstance(whole, bytes) and len(whole) == len(view) else view)


def _finding(rule: str, text: str) -> Finding:
    return Finding("error", "rule-" + rule.lower(), "", text, rule)


def _judged(finding: Finding) -> Finding:
    return Finding("error", finding.code, "", finding.text, RULE_OF_CODE.get(finding.code, "P01"))


def _oddities(screened: Collection[Finding]) -> Iterator[Finding]:
    for finding in screened:
        if rule := RULE_OF_ODDITY.get(finding.code):
            yield Finding("error", finding.code, "", finding.text, rule)


def _preamble(view: memoryview) -> Iterator[Finding]:
    preamble = bytes(view[:128])
    if any(preamble) and not preamble.startswith(TIFF):
        yield _finding("R10-5b", "the preamble holds something else than zeros or TIFF")


def _raw(data: Any, tag: int) -> bytes:
    """The value's bytes without padding; of a sequence only whether it has items."""
    element = data.get_item(tag)
    if element is None:
        return b""
    value = element.value
    if isinstance(value, bytes):
        return value.strip(b" \0")
    return str(value).encode() if value else b""


def _ascii(data: Any, tag: int) -> str:
    return _raw(data, tag).decode("ascii", "replace")


def _identity(data: Any) -> tuple[str, str, str, str]:
    return (_ascii(data, 0x00080016), _ascii(data, 0x00080018),
            _ascii(data.file_meta, 0x00020010), str(data.get("PatientID") or ""))


def _meta_agrees(data: Any) -> Iterator[Finding]:
    for words, in_meta, in_data in (("classes", 0x00020002, 0x00080016),
                                    ("Instance UIDs", 0x00020003, 0x00080018)):
        if _raw(data.file_meta, in_meta) != _raw(data, in_data):
            yield _finding("R10-8", f"file meta and data set have different SOP {words}")


def _agrees(data: Any, expected: Expected, key_set: str) -> Iterator[Finding]:
    for words, said, tag, where in (
            ("SOP class", expected.sop_class_uid, 0x00080016, data),
            ("SOP Instance UID", expected.sop_instance_uid, 0x00080018, data),
            ("transfer syntax", expected.transfer_syntax_uid, 0x00020010, data.file_meta)):
        if said != _ascii(where, tag) and not _replaced(tag, _raw(where, tag), said):
            yield _finding("RF-3", f"DICOMDIR says another {words}")
    wrong: dict[str, list[str]] = {"RF-10": [], "RF-11": []}
    for tag, (key, level, charset) in expected.keys.items():
        if not _same(data, tag, key, charset):
            rule = "RF-10" if level == LEAF or tag in IDENTIFYING else "RF-11"
            wrong[rule].append(_name(tag))
    for rule, names in wrong.items():
        if names:
            yield _finding(rule, "DICOMDIR and the file differ in " + ", ".join(names))
    if lost := [_name(tag) for tag in conditional_keys(expected.record_type, key_set)
                if tag not in expected.keys and (value := _raw(data, tag))
                and not _illegal(data, tag, value)]:
        yield _finding("R11-5", "DICOMDIR leaves out " + ", ".join(lost))


def _illegal(data: Any, tag: int, held: bytes) -> bool:
    """Whether the file's value is none that its key may have (PS3.5 6.2)."""
    vr = KEY_VRS.get(tag, "LO")
    return vr not in ("SQ", "US", "UL") and (
        not is_legal_value(vr, held, _ascii(data, 0x00080005))
        or (b"\\" in held and tag not in SEVERAL and vr != "ST"))


def _replaced(tag: int, held: bytes, said: str) -> bool:
    """A SOP Instance UID that is none in the file, for which a record says a legal one."""
    return (tag == 0x00080018 and not is_legal_value("UI", held)
            and is_legal_value("UI", said.encode("ascii", "replace")))


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _same(data: Any, tag: int, said: str, charset: str) -> bool:
    """Equal bytes or equal decoded values; what the file does not say may be made up (RF-7)."""
    held = _raw(data, tag)
    if not held or held == said.encode("latin-1").strip(b" \0"):
        return True
    if _illegal(data, tag, held):
        return True  # no record may repeat it; whether its own is legal, RF-12 says
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
