"""The labels of a lossy copy: another instance that names its source (STANDARD RL-1 to RL-4)."""

from __future__ import annotations

import hashlib
import uuid

from mediasvc.dicom.compose import Encoding
from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_INSTANCE_UID
from mediasvc.dicom.frames import words
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.reencode import reencode
from mediasvc.dicom.rewrite import Elements
from mediasvc.dicom.splice import META
from mediasvc.errors import UnsupportedError
from mediasvc.standard import lossy_labels as label
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcode_row import Options

#: ST: at most 1024 characters (PS3.5 6.2).
ST_LIMIT = 1024


def is_lossy(framing: Framing, lossy_stream: bool) -> bool:
    """Whether pixels were once compressed with loss, by label or by how they are stored now."""
    return lossy_stream or "01" in words(framing, label.LOSSY_IMAGE_COMPRESSION)


def refuse_lossy(framing: Framing, target: ts.TransferSyntax, options: Options,
                 lossy: bool) -> None:
    """Raise UnsupportedError for what may not be compressed with loss unless asked for by name."""
    if lossy and not options.allow_lossy_on_lossy:
        raise UnsupportedError("it was already compressed with loss (--allow-lossy-on-lossy)")
    mammography = (words(framing, label.MODALITY) in label.MAMMOGRAPHY_MODALITIES
                   or words(framing, label.SOP_CLASS_UID) in label.MAMMOGRAPHY_CLASSES)
    if mammography and not options.allow_mammography:
        raise UnsupportedError("mammography is not compressed with loss (--allow-mammography)")
    if not words(framing, label.SOP_CLASS_UID) or not words(framing, label.SOP_INSTANCE_UID):
        raise UnsupportedError("it has no SOP Instance UID that a derived image could name")


def lossy_changes(framing: Framing, target: ts.TransferSyntax, encoding: Encoding, ratio: float,
                  digests: list[bytes]) -> tuple[str, Elements]:
    """(new SOP Instance UID, changed elements) for a lossy copy; ``ratio`` is native : encoded.

    The UID is made from the source's and the new pixels: the same work twice is the same instance.
    """
    source = words(framing, label.SOP_INSTANCE_UID)
    digest = hashlib.sha256(source.encode() + b"".join(digests)).hexdigest()
    new = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, digest).int}"
    method, figure = label.METHODS[target.uid], f"{ratio:.4g}"
    changes: Elements = {
        MEDIA_STORAGE_SOP_INSTANCE_UID: META.element(MEDIA_STORAGE_SOP_INSTANCE_UID, "UI",
                                                     new.encode())}

    def put(tag: int, vr: str, value: bytes) -> None:
        changes[tag] = encoding.element(tag, vr, value)

    put(label.IMAGE_TYPE, "CS", _derived(framing))
    put(label.SOP_INSTANCE_UID, "UI", new.encode())
    put(label.DERIVATION_DESCRIPTION, "ST", _description(framing, target, figure))
    put(label.LOSSY_IMAGE_COMPRESSION, "CS", b"01")
    put(label.LOSSY_RATIO, "DS", _appended(framing, label.LOSSY_RATIO, figure))
    put(label.LOSSY_METHOD, "CS", _appended(framing, label.LOSSY_METHOD, method))
    for tag, item in ((label.DERIVATION_CODE_SEQUENCE, _code(encoding, label.LOSSY_COMPRESSION)),
                      (label.SOURCE_IMAGE_SEQUENCE, _reference(framing, encoding))):
        put(tag, "SQ", _items(framing, tag, encoding) + item)
    return new, changes


def _derived(framing: Framing) -> bytes:
    """Image Type with value 1 DERIVED; value 2 is there too, as the standard asks."""
    values = (framing.value(label.IMAGE_TYPE) or b"").strip(b" \0").split(b"\\")
    return b"\\".join([b"DERIVED", *(values[1:] or [b"SECONDARY"])])


def _description(framing: Framing, target: ts.TransferSyntax, figure: str) -> bytes:
    """What was done, behind what was done before, in whatever character set that is."""
    new = f"{target.name}, lossy, {figure} : 1".encode()
    old = (framing.value(label.DERIVATION_DESCRIPTION) or b"").rstrip(b" \0")
    joined = old + b"; " + new if old else new
    return joined if len(joined) <= ST_LIMIT else new


def _appended(framing: Framing, tag: int, value: str) -> bytes:
    """One value more, in the order of the steps (RL-2)."""
    old = (framing.value(tag) or b"").strip(b" \0")
    return (old + b"\\" if old else b"") + value.encode()


def _items(framing: Framing, tag: int, encoding: Encoding) -> bytes:
    """The items that a sequence already has, in the target's encoding."""
    if framing.find(tag) is None:
        return b""
    everything = frozenset(framing.index) - {tag}
    for found, element in reencode(framing, implicit=encoding.implicit, skip=everything):
        if found == tag:
            return element[8 if encoding.implicit else 12:]
    return b""


def _code(encoding: Encoding, code: label.Code) -> bytes:
    return encoding.item([
        encoding.element(label.CODE_VALUE, "SH", code.value.encode()),
        encoding.element(label.CODING_SCHEME, "SH", code.scheme.encode()),
        encoding.element(label.CODE_MEANING, "LO", code.meaning.encode())])


def _reference(framing: Framing, encoding: Encoding) -> bytes:
    """An item of Source Image Sequence (C.7.6.1.1.4)."""
    return encoding.item([
        encoding.element(label.REFERENCED_SOP_CLASS_UID, "UI",
                         words(framing, label.SOP_CLASS_UID).encode()),
        encoding.element(label.REFERENCED_SOP_INSTANCE_UID, "UI",
                         words(framing, label.SOP_INSTANCE_UID).encode()),
        encoding.sequence(label.PURPOSE_OF_REFERENCE, [_code(encoding, label.PREDECESSOR)])])
