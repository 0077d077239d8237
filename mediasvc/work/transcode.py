"""One instance into another transfer syntax: decode, encode, decode again, compare, splice."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediasvc.dicom.frames import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    words,
)
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.pieces import Copy, write
from mediasvc.dicom.pixel_place import PIXEL_TAGS
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.dicom.rewrite import Elements, rewrite, target_encoding
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.model import FrameSpec
from mediasvc.span import Span
from mediasvc.standard import lossy_labels as label
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.lossy_changes import is_lossy, lossy_changes, refuse_lossy
from mediasvc.work.source_frames import SourceFrames, source_frames
from mediasvc.work.target_frames import to_codec, to_native
from mediasvc.work.transcode_row import Options, RatioRow, Transcoded, Verified

#: Attribute of `FrameSpec` → tag and VR, where the syntax may force another value (STANDARD RL-9).
_FORCED = {
    "photometric_interpretation": (0x00280004, "CS"),
    "planar_configuration": (0x00280006, "US"),
    "bits_stored": (0x00280101, "US"),
    "high_bit": (0x00280102, "US"),
}
DEFAULT = Options()


def transcode_instance(view: memoryview, target: str, options: Options = DEFAULT, *,
                       scratch: Path | None = None) -> Transcoded:
    """The instance in ``view``, a whole DICOM file, in transfer syntax ``target`` (UID, keyword or
    alias).

    Lossless: the SOP Instance UID stays, and only file meta, pixel data, offset tables and the
    attributes that the syntax forces may differ. Lossy: a derived instance, labelled as such.
    Frames beyond 64 MiB lie in a file in ``scratch``.

    Raises UnsupportedError with the reason for what is not on the tested list, DamagedError and
    BudgetError for bytes that cannot be trusted, ProofError when decoders disagree.
    """
    started = time.perf_counter()
    framing = read_framing(view)
    if framing.damaged or framing.verdict:
        reasons = [finding.text for finding in framing.findings if finding.severity == "error"]
        raise DamagedError(reasons[0] if reasons else "the data set is damaged")
    wanted = ts.transfer_syntax(target)
    if framing.transfer_syntax_uid == wanted.uid:
        return _identical(framing, len(view), wanted, started)
    if framing.pixel is None or _only_data_set(framing, wanted):
        return _data_set_only(framing, len(view), wanted, started)
    return _pixels(framing, len(view), wanted, options, scratch, started)


def transcode_file(span: dict[str, Any], out: str, target: str, options: dict[str, Any],
                   ) -> dict[str, Any]:
    """The child's side: read ``span``, write a new file at ``out``, read it again, and prove it.

    Answers the row of CONTRACT without its paths, and ``sha256`` and ``length`` of the new file.
    """
    from mediasvc.work.proof import prove

    chosen, place = Options.from_json(options), Span.from_json(span)
    with place.view() as view:
        done = transcode_instance(view, target, chosen, scratch=Path(out).parent)
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            sha256, length = write(view, done.pieces, fd)
        finally:
            os.close(fd)
        if chosen.verify != "none":
            with Span(out, 0, length).view() as written:
                prove(view, written, done)
    return {**done.row.as_json(), "sha256": sha256, "length": length}


def _identical(framing: Framing, total: int, wanted: ts.TransferSyntax,
               started: float) -> Transcoded:
    """It is in that transfer syntax already: the same bytes."""
    native = size = count = 0
    if framing.pixel is not None:
        try:
            source = source_frames(framing)
            count, size = len(source), source.frames.total_bytes
            native = source.spec.native_bytes * count
        except (UnsupportedError, DamagedError):
            native = size = framing.pixel.end - framing.pixel.value
    row = _row(framing, wanted, started, count, native, size, size, "identical")
    return Transcoded((Copy(0, total),), row)


def _only_data_set(framing: Framing, wanted: ts.TransferSyntax) -> bool:
    """Native pixel data stay as they are between syntaxes that differ only in the data set."""
    row = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    return (row is not None and row.form == wanted.form == "native" and not framing.big_endian
            and row.uid != ts.GE_PRIVATE)


def _data_set_only(framing: Framing, total: int, wanted: ts.TransferSyntax, started: float,
                   ) -> Transcoded:
    if wanted.form != "native":
        raise UnsupportedError("it has no pixel data that could be compressed")
    _refuse_big_endian(wanted)
    size = framing.pixel.end - framing.pixel.value if framing.pixel else 0
    pieces = rewrite(framing, total, wanted.uid, {})
    row = _row(framing, wanted, started, 0, size, size, size, "two decoders")
    return Transcoded(pieces, row)


def _refuse_big_endian(wanted: ts.TransferSyntax) -> None:
    if wanted.uid in (ts.BIG_ENDIAN, ts.GE_PRIVATE):
        raise UnsupportedError(f"{wanted.label} is retired and only read")


def _pixels(framing: Framing, total: int, wanted: ts.TransferSyntax, options: Options,
            scratch: Path | None, started: float) -> Transcoded:
    _refuse_big_endian(wanted)
    source = source_frames(framing)
    lossy = is_lossy(framing, _lossy_stream(source))
    makes_lossy = _makes_lossy(wanted)
    if makes_lossy:
        refuse_lossy(framing, wanted, options, lossy)
    writer = PixelWriter(encapsulated=wanted.encapsulated, scratch=scratch)
    result, verified = (to_native(source, writer, options) if wanted.form == "native"
                        else to_codec(source, wanted, writer, options))
    encoding = target_encoding(wanted.uid)
    head, pixels = writer.finish(encoding, result.spec.bits_allocated)
    changes: Elements = {**_offset_tables(framing), **_forced(source.received, result.spec, wanted),
                         **head}
    uid = words(framing, label.SOP_INSTANCE_UID)
    if makes_lossy:
        uid, labels = lossy_changes(framing, wanted, encoding, result.native_bytes / writer.total,
                                    result.digests)
        changes.update(labels)
    elif lossy and words(framing, label.LOSSY_IMAGE_COMPRESSION) != "01":
        changes[label.LOSSY_IMAGE_COMPRESSION] = encoding.element(
            label.LOSSY_IMAGE_COMPRESSION, "CS", b"01")  # once lossy, for ever (RL-1)
    pieces = rewrite(framing, total, wanted.uid, changes, pixels)
    row = _row(framing, wanted, started, len(source), result.native_bytes,
               source.frames.total_bytes, writer.total, verified)
    row = replace(row, sop_instance_uid=uid, max_error=result.max_error, psnr=result.psnr,
                  ssim=result.ssim, pixels_sha256=result.pixels.hexdigest())
    return Transcoded(pieces, row, frozenset(changes) | set(PIXEL_TAGS), tuple(result.digests),
                      source.frames.findings)


def _makes_lossy(wanted: ts.TransferSyntax) -> bool:
    """Packing a JPEG stream changes no pixel, whatever its syntax says."""
    return wanted.loss != "never" and wanted.uid != ts.JPEG_XL_JPEG


def _lossy_stream(source: SourceFrames) -> bool:
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


def _offset_tables(framing: Framing) -> Elements:
    """Those of the received pixel data mean nothing for the new ones."""
    return {tag: None for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)
            if framing.find(tag) is not None}


def _forced(received: FrameSpec, new: FrameSpec, wanted: ts.TransferSyntax) -> Elements:
    """The attributes that the new pixel data need and that were others before."""
    encoding = target_encoding(wanted.uid)
    changes: Elements = {}
    for name, (tag, vr) in _FORCED.items():
        value = getattr(new, name)
        if value == getattr(received, name):
            continue
        raw = value.encode() if vr == "CS" else value.to_bytes(2, "little")
        changes[tag] = encoding.element(tag, vr, raw)
    return changes


def _row(framing: Framing, wanted: ts.TransferSyntax, started: float, count: int, native: int,
         received: int, encoded: int, verified: Verified) -> RatioRow:
    return RatioRow(
        sop_instance_uid=words(framing, label.SOP_INSTANCE_UID),
        modality=words(framing, label.MODALITY), source_ts=framing.transfer_syntax_uid,
        target_ts=wanted.uid, frames=count, native_bytes=native, source_bytes=received,
        encoded_bytes=encoded, seconds=round(time.perf_counter() - started, 6), verified=verified)


