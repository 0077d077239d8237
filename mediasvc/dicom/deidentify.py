"""One instance de-identified: Basic Application Level Confidentiality Profile (PS3.15 Annex E).

The data set is written anew element by element, the file meta and preamble are ours, pixel data
are copied. Nothing behind the data set is taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.deidentify_items import Walk
from mediasvc.dicom.deidentify_keys import UID_AS_NAME, Keys
from mediasvc.dicom.deidentify_streams import stream_texts
from mediasvc.dicom.deidentify_words import NATIVE, SEARCHED, Words, words_of
from mediasvc.dicom.file_meta import PREFIX
from mediasvc.dicom.findings import warning
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.inflate import deflate
from mediasvc.dicom.nested import Source
from mediasvc.dicom.pieces import Copy, Insert, Piece
from mediasvc.dicom.splice import META
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import Finding
from mediasvc.standard.deidentification import EDITION, Policy
from mediasvc.standard.deidentification_pixels import (
    DOCUMENTS,
    KEY_OBJECTS,
    STRUCTURED_REPORTS,
    pixel_risk,
)
from mediasvc.standard.encodings import DataSetEncoding, encoding_of, plain_syntax
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.preambles import LENGTH
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
PATIENT_NAME, PATIENT_ID, ISSUER = 0x00100010, 0x00100020, 0x00100021
BIRTH_DATE, STUDY_INSTANCE_UID = 0x00100030, 0x0020000D
REMOVED, METHOD, METHOD_CODES, TEMPORAL = 0x00120062, 0x00120063, 0x00120064, 0x00280303
BURNED_IN = 0x00280301
BITS_ALLOCATED, BITS_STORED, HIGH_BIT = 0x00280100, 0x00280101, 0x00280102


@dataclass(frozen=True)
class Deidentified:
    """``pieces`` over the file's bytes for `dicom.pieces.write` or `assemble`. ``findings`` have
    an empty subject. ``days``: how far dates moved, where they were shifted."""

    pieces: tuple[Piece, ...]
    sop_instance_uid: str
    patient_id: str
    days: int
    findings: tuple[Finding, ...]


def deidentify(view: memoryview, policy: Policy, keys: Keys, *, subject: str = "",
               also: Iterable[str] = (), pixels: bytes | None = None,
               framing: Framing | None = None) -> Deidentified:
    """The whole file ``view`` without what identifies its patient.

    ``subject`` is who the patient is (``ID@ISSUER`` of the index): pseudonym and shift of dates
    follow from it alone; empty: from what the file says (`_subject`). ``also``: further names and
    identifiers that must not stand in it. ``pixels``: its native pixel data with everything
    blanked that may show who the patient is.

    Raises UnsupportedError for what cannot be de-identified (documents, reports without
    ``structured``, pixels that are known to show text), DamagedError for what cannot be read.
    """
    framing = framing or read_framing(view)
    if framing.damaged or framing.verdict:
        raise DamagedError("is damaged and cannot be de-identified")
    sop_class = _text(framing, SOP_CLASS_UID)
    _refuse(sop_class, _text(framing, SOP_INSTANCE_UID), policy)
    findings = [] if pixels else list(_risk(framing, sop_class))
    subject = subject or _subject(framing)
    target = Encoding(framing.implicit, framing.big_endian)
    words = words_of(framing, policy, also)
    walk = Walk(policy, keys, words, keys.days(subject), sop_class, target)
    before, after = _data_set(framing, walk)
    before |= _statements(policy, target, keys.pseudonym(subject), pixels is not None)
    findings += [warning("sequence-removed", "A sequence that could not be read was removed",
                         "PS3.15 E.1.1")] if walk.odd else []
    _search_pixels(framing, words, pixels)
    uid = keys.uid(_text(framing, SOP_INSTANCE_UID)) if not policy.has("uids") else _text(
        framing, SOP_INSTANCE_UID)
    body = [Insert(b"".join(before[tag] for tag in sorted(before))),
            *_pixels(framing, walk, pixels),
            Insert(b"".join(after[tag] for tag in sorted(after)))]
    head = Insert(bytes(LENGTH) + PREFIX + _meta(framing, sop_class, uid))
    if any(words.stand_in(memoryview(piece.data)) for piece in (body[0], body[-1])
           if isinstance(piece, Insert)):
        raise UnsupportedError("a name or an identifier would be left in it")
    return Deidentified(_whole(framing, head, body), uid, keys.pseudonym(subject),
                        walk.days if policy.has("shifted-dates") else 0, tuple(findings))


def _subject(framing: Framing) -> str:
    """Without a Patient ID it is the name with the birth date, without these the study: what
    two people lack makes them not one."""
    if identifier := _text(framing, PATIENT_ID):
        return f"{identifier}@{_text(framing, ISSUER)}"
    name, born = _text(framing, PATIENT_NAME), _text(framing, BIRTH_DATE)
    if name and born:
        return f"{name}^{born}"
    return f"study {_text(framing, STUDY_INSTANCE_UID) or _text(framing, SOP_INSTANCE_UID)}"


def _refuse(sop_class: str, uid: str, policy: Policy) -> None:
    if not sop_class or sop_class == MEDIA_STORAGE_DIRECTORY:
        raise UnsupportedError("it is no image or other instance of a patient")
    if not uid:
        raise UnsupportedError("it has no SOP Instance UID")
    if policy.has("uids") and not UID_AS_NAME.fullmatch(uid):
        raise UnsupportedError("its SOP Instance UID is none, and is to be kept (--retain uids)")
    if sop_class.startswith(DOCUMENTS):
        raise UnsupportedError("documents inside DICOM cannot be de-identified")
    if (sop_class.startswith(STRUCTURED_REPORTS) and not sop_class.startswith(KEY_OBJECTS)
            and not policy.has("structured")):
        raise UnsupportedError("a report is only de-identified with its content cleaned "
                               "(--clean structured)")


def _risk(framing: Framing, sop_class: str) -> Iterator[Finding]:
    """Raises UnsupportedError where text in the pixels is certain."""
    if framing.pixel is None:
        return
    values = {"burned_in": _text(framing, BURNED_IN), "recognizable": _text(framing, 0x00280302),
              "conversion": _text(framing, 0x00080064), "image_type": _text(framing, 0x00080008)}
    risk = pixel_risk(sop_class, {name: text.upper() for name, text in values.items()})
    if risk is None:
        return
    if risk.level == "certain":
        raise UnsupportedError(f"{risk.text}, and no rule blanks them (--clean pixel)")
    yield warning("burned-in-risk", f"Look at its pictures before they go out: {risk.text}",
                  "PS3.15 E.3.1")


def _data_set(framing: Framing, walk: Walk) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """(before the pixel data, behind them)."""
    source = Source(framing.body, framing.implicit, framing.big_endian,
                    signed=_number(framing, 0x00280103) == 1)
    place = framing.pixel
    if place is None:
        return walk.data_set(source, framing.dataset_start, framing.end), {}
    before = walk.data_set(source, framing.dataset_start, place.start)
    return before, walk.data_set(source, place.end, framing.end)


def _statements(policy: Policy, target: Encoding, pseudonym: str, cleaned: bool,
                ) -> dict[int, bytes]:
    """Who it is now, and what was done (C.7.1.1, E.1.1 point 6 ff)."""
    codes = [*policy.codes, ("113101", "Clean Pixel Data Option")] if cleaned else policy.codes
    method = "\\".join([f"PS3.15 {EDITION} Basic Profile", *policy.words])
    items = (target.item((target.element(0x00080100, "SH", value.encode()),
                          target.element(0x00080102, "SH", b"DCM"),
                          target.element(0x00080104, "LO", meaning[:64].encode())))
             for value, meaning in codes)
    rows = {PATIENT_NAME: target.element(PATIENT_NAME, "PN", pseudonym.encode()),
            PATIENT_ID: target.element(PATIENT_ID, "LO", pseudonym.encode()),
            REMOVED: target.element(REMOVED, "CS", b"YES"),
            METHOD: target.element(METHOD, "LO", method.encode()),
            METHOD_CODES: target.sequence(METHOD_CODES, items),
            TEMPORAL: target.element(TEMPORAL, "CS", policy.temporal.encode())}
    if cleaned:
        rows[BURNED_IN] = target.element(BURNED_IN, "CS", b"NO")
    return rows


def _search_pixels(framing: Framing, words: Words, pixels: bytes | None) -> None:
    """Comments and metadata inside compressed streams are text too."""
    place = framing.pixel
    if place is None:
        return
    raw = memoryview(pixels) if pixels else framing.body[place.value:place.end]
    if words.stand_in(raw, SEARCHED if place.encapsulated else NATIVE) or any(
            words.out_of(text) != text for text in stream_texts(framing)):
        raise UnsupportedError("a name or an identifier stands in its pixel data")


def _pixels(framing: Framing, walk: Walk, pixels: bytes | None) -> list[Piece]:
    place = framing.pixel
    if place is None:
        return []
    if pixels is not None:
        if place.encapsulated or len(pixels) != place.end - place.value:
            raise UnsupportedError("its pixels were not blanked in their own encoding")
        return [Copy(place.start, place.value - place.start), Insert(pixels)]
    stored, allocated = _number(framing, BITS_STORED), _number(framing, BITS_ALLOCATED)
    top = _number(framing, HIGH_BIT)
    bits = [bit for bit in walk.overlay_bits if not top - stored < bit <= top and bit < allocated]
    if not bits:
        return [Copy(place.start, place.end - place.start)]
    if place.encapsulated or allocated not in (8, 16):
        raise UnsupportedError("an overlay is hidden in its pixel data")
    return [Copy(place.start, place.value - place.start),
            Insert(_masked(framing, allocated, bits))]


def _masked(framing: Framing, allocated: int, bits: Iterable[int]) -> bytes:
    import numpy as np

    place = framing.pixel
    assert place is not None
    raw = bytes(framing.body[place.value:place.end])
    kind = np.dtype(f"{'>' if framing.big_endian else '<'}u{allocated // 8}")
    whole = len(raw) // kind.itemsize * kind.itemsize
    samples = np.frombuffer(raw[:whole], kind).copy()
    for bit in bits:
        samples &= kind.type(~(1 << bit) & ((1 << allocated) - 1))
    return samples.tobytes() + raw[whole:]


def _meta(framing: Framing, sop_class: str, uid: str) -> bytes:
    """File meta of ours alone (PS3.10 7.1): who wrote and sent the file before stands in none."""
    said = framing.transfer_syntax_uid
    written = DataSetEncoding(framing.implicit, framing.big_endian, framing.deflated)
    if encoding_of(said) != written:
        said = plain_syntax(written)
    elements = b"".join((
        META.element(0x00020001, "OB", b"\0\1"),
        META.element(0x00020002, "UI", sop_class.encode()),
        META.element(0x00020003, "UI", uid.encode()),
        META.element(0x00020010, "UI", said.encode()),
        META.element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode()),
        META.element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode())))
    return META.element(0x00020000, "UL", len(elements).to_bytes(4, "little")) + elements


def _whole(framing: Framing, head: Insert, body: list[Piece]) -> tuple[Piece, ...]:
    if not framing.deflated:
        return (head, *body)
    plain = b"".join(piece.data if isinstance(piece, Insert)
                     else bytes(framing.body[piece.offset:piece.offset + piece.length])
                     for piece in body)
    return (head, Insert(deflate(plain)))


def _text(framing: Framing, tag: int) -> str:
    return (framing.value(tag, 1024) or b"").decode("latin-1").strip(" \0")


def _number(framing: Framing, tag: int) -> int:
    raw = framing.value(tag, 2) or b""
    return int.from_bytes(raw, "big" if framing.big_endian else "little")

