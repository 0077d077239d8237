"""The instance around a video that was made of a cine: what changes, everything else as it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.encapsulation import DELIMITER, ITEM, ITEM_HEADER
from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_CLASS_UID
from mediasvc.dicom.frames import words
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.pieces import assemble
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.dicom.rewrite import Elements, rewrite, target_encoding
from mediasvc.dicom.splice import META
from mediasvc.direct_write import write_new
from mediasvc.errors import BudgetError, ProofError
from mediasvc.span import Span
from mediasvc.standard import film_classes as film
from mediasvc.standard import lossy_labels as label
from mediasvc.standard.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES
from mediasvc.work.rendering.film_child import Prepared
from mediasvc.work.transcoding.lossy_changes import lossy_changes

#: One fragment, and its length is even (PS3.5 A.4).
LONGEST = 0xFFFFFFFE
FRAME_TIME = 0x00181063
TOTAL_LENGTH = 0x7FE00003
#: Image Pixel attributes of a video of eight bits (PS3.5 8.2.7, 8.2.10): tag → number.
_PIXELS = {0x00280002: 3, 0x00280006: 0, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7,
           0x00280103: 0}


def write_instance(view: memoryview, video: Path, out: Path, done: Prepared, uid: str,
                   said: str) -> dict[str, Any]:
    """Write and read again. Raises ProofError, BudgetError."""
    stream = video.read_bytes()
    if len(stream) > LONGEST:
        raise BudgetError("the video is longer than a fragment may be")
    framing, target = read_framing(view), TRANSFER_SYNTAXES[uid]
    encoding = target_encoding(uid)
    ratio = done.native_bytes / len(stream)
    new, changes = lossy_changes(framing, target, encoding, ratio, [memoryview(stream)])
    changes |= {tag: None for tag in film.GONE if framing.find(tag) is not None}
    changes |= _numbers(done, encoding, len(stream))
    changes |= _class(framing, done, encoding)
    changes[label.DERIVATION_DESCRIPTION] = encoding.element(
        label.DERIVATION_DESCRIPTION, "ST", _described(framing, said, ratio))
    changes[0x00020012] = META.element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode())
    changes[0x00020013] = META.element(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode())
    changes[PIXEL_DATA] = (encoding.element(PIXEL_DATA, "OB", b"")[:-4] + b"\xff\xff\xff\xff"
                           + ITEM_HEADER.pack(*ITEM, 0)
                           + ITEM_HEADER.pack(*ITEM, len(stream) + len(stream) % 2))
    pixels = [memoryview(stream + b"\0" * (len(stream) % 2) + DELIMITER)]
    digest, length = write_new(out, assemble(view, rewrite(framing, len(view), uid, changes,
                                                           pixels)))
    _prove(Span(str(out), 0, length), stream, new)
    return {"sop_instance_uid": new, "sop_class_uid": film.FILM_CLASSES[done.sop_class_uid],
            "encoded_bytes": len(stream), "ratio": round(ratio, 4), "sha256": digest,
            "length": length}


def _numbers(done: Prepared, encoding: Encoding, length: int) -> Elements:
    """Size, count and time of the frames."""
    changes: Elements = {}

    def put(tag: int, vr: str, value: bytes) -> None:
        changes[tag] = encoding.element(tag, vr, value)

    for tag, value in {**_PIXELS, 0x00280010: done.rows, 0x00280011: done.columns}.items():
        put(tag, "US", value.to_bytes(2, "little"))
    put(0x00280004, "CS", b"YBR_PARTIAL_420")
    put(0x00280008, "IS", str(done.frames).encode())
    put(0x00280009, "AT", encoding.tag(FRAME_TIME))
    rate = Fraction(*done.rate)
    put(FRAME_TIME, "DS", f"{float(1000 / rate):.10g}".encode())
    for tag in (0x00180040, 0x00082144):  # Cine Rate, Recommended Display Frame Rate
        put(tag, "IS", str(max(1, round(rate))).encode())
    put(TOTAL_LENGTH, "UV", length.to_bytes(8, "little"))
    return changes


def _class(framing: Framing, done: Prepared, encoding: Encoding) -> Elements:
    """Another SOP Class where the source's allows no colour, with what that class asks for."""
    wanted = film.FILM_CLASSES[done.sop_class_uid]
    if wanted == done.sop_class_uid:
        return {}
    changes: Elements = {
        label.SOP_CLASS_UID: encoding.element(label.SOP_CLASS_UID, "UI", wanted.encode()),
        MEDIA_STORAGE_SOP_CLASS_UID: META.element(MEDIA_STORAGE_SOP_CLASS_UID, "UI",
                                                  wanted.encode())}
    if wanted == film.SC_TRUE_COLOUR:
        changes[film.CONVERSION_TYPE] = encoding.element(film.CONVERSION_TYPE, "CS",
                                                         film.WORKSTATION.encode())
        changes[label.IMAGE_TYPE] = encoding.element(label.IMAGE_TYPE, "CS",
                                                     b"DERIVED\\SECONDARY")
        if not words(framing, film.BURNED_IN_ANNOTATION):
            changes[film.BURNED_IN_ANNOTATION] = encoding.element(film.BURNED_IN_ANNOTATION, "CS",
                                                                  b"YES")
    return changes


def _described(framing: Framing, said: str, ratio: float) -> bytes:
    """What was done, behind what was done before (ST: 1024 characters)."""
    new = f"{said}, lossy, {ratio:.4g} : 1".encode()
    old = (framing.value(label.DERIVATION_DESCRIPTION) or b"").rstrip(b" \0")
    joined = old + b"; " + new if old else new
    return joined if len(joined) <= 1024 else new


def _prove(span: Span, stream: bytes, uid: str) -> None:
    """Read the file as a stranger would: the stream and the labels are in it."""
    with span.view() as view:
        framing = read_framing(view)
        place = framing.pixel
        whole = not framing.damaged and place is not None and place.encapsulated
        if whole and place is not None:
            _, *fragments = place.fragments(framing.body)
            (at, length), = fragments or [(0, 0)]
            whole = bytes(framing.body[at:at + length])[:len(stream)] == stream
        said = (words(framing, label.SOP_INSTANCE_UID), words(framing,
                                                              label.LOSSY_IMAGE_COMPRESSION))
        del framing, place
    if not whole or said != (uid, "01"):
        raise ProofError("the written instance does not hold the video that was made")
