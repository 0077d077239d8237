"""The labels of a lossy copy: another instance that names its source (STANDARD RL-1 to RL-4)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

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
from mediasvc.standard.lossy_policy import Cap
from mediasvc.work.transcoding.source_frames import SourceFrames
from mediasvc.work.transcoding.transcode_row import Options

#: ST: at most 1024 characters (PS3.5 6.2).
ST_LIMIT = 1024


def is_lossy(framing: Framing, lossy_stream: bool) -> bool:
    """Whether pixels were once compressed with loss, by label or by how they are stored now."""
    return lossy_stream or "01" in words(framing, label.LOSSY_IMAGE_COMPRESSION)


def lossy_stream(source: SourceFrames) -> bool:
    """Whether the frames are compressed with loss, as far as their own headers say."""
    row = ts.TRANSFER_SYNTAXES[source.framing.transfer_syntax_uid]
    if row.loss != "may" or not len(source):
        return row.loss == "always"
    if row.uid == ts.JPEG_LS_NEAR:
        from mediasvc.codecs.jpeg_stream import read_jpeg_header
        return read_jpeg_header(source.frames[0]).selection > 0
    if row.uid in (ts.J2K, ts.HTJ2K):
        from mediasvc.codecs.j2k_stream import read_j2k_header
        return not read_j2k_header(source.frames[0]).reversible
    return True


def allowed_cap(framing: Framing, options: Options, lossy: bool) -> Cap | None:
    """How far it may be compressed; None where no policy was named.

    Raises UnsupportedError for what may not be compressed with loss unless asked for by name.
    """
    policy, modality = options.policy, words(framing, label.MODALITY)
    if lossy and not (options.allow_lossy_on_lossy or (policy and policy.lossy_on_lossy)):
        raise UnsupportedError("it was already compressed with loss (--allow-lossy-on-lossy)")
    mammography = (modality in label.MAMMOGRAPHY_MODALITIES
                   or words(framing, label.SOP_CLASS_UID) in label.MAMMOGRAPHY_CLASSES)
    cap = policy.cap(modality, mammography) if policy else None
    if mammography and not (options.allow_mammography or cap):
        raise UnsupportedError("mammography is not compressed with loss (--allow-mammography)")
    if policy and cap is None and not mammography:
        raise UnsupportedError(
            f"{policy.name} does not let {modality or 'no modality'} be compressed with loss")
    if not words(framing, label.SOP_CLASS_UID) or not words(framing, label.SOP_INSTANCE_UID):
        raise UnsupportedError("it has no SOP Instance UID that a derived image could name")
    return cap


def lossy_changes(framing: Framing, target: ts.TransferSyntax, encoding: Encoding, ratio: float,
                  pixels: Sequence[memoryview]) -> tuple[str, Elements]:
    """(new SOP Instance UID, changed elements) for a lossy copy; ``ratio`` is native : encoded.

    The UID is made from the source's and the new pixels: the same work twice is the same instance.
    """
    source = words(framing, label.SOP_INSTANCE_UID)
    digest = hashlib.sha256(source.encode())
    for part in pixels:
        digest.update(part)
    new = f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, digest.hexdigest()).int}"
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
