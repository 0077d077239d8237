"""One instance into another transfer syntax: decode, encode, decode again, compare, splice."""

from __future__ import annotations

import time
from pathlib import Path

from mediasvc.dicom.frames import (
    EXTENDED_OFFSET_TABLE,
    EXTENDED_OFFSET_TABLE_LENGTHS,
    words,
)
from mediasvc.dicom.framing import Framing, read_framing
from mediasvc.dicom.pixel_place import PIXEL_TAGS
from mediasvc.dicom.pixel_writer import PixelWriter
from mediasvc.dicom.rewrite import Elements, rewrite, target_encoding
from mediasvc.errors import DamagedError
from mediasvc.model import FrameSpec
from mediasvc.standard import lossy_labels as label
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.work.transcoding.jury import Jury
from mediasvc.work.transcoding.lossy_changes import (
    allowed_cap,
    is_lossy,
    lossy_changes,
    lossy_stream,
)
from mediasvc.work.transcoding.source_frames import SourceFrames, source_frames
from mediasvc.work.transcoding.target_frames import Result, to_codec, to_native
from mediasvc.work.transcoding.transcode_order import makes_copies
from mediasvc.work.transcoding.transcode_plain import without_codec
from mediasvc.work.transcoding.transcode_row import Options, Transcoded, row_of
from mediasvc.work.turns.in_step import Steps, at_once

#: Attribute of `FrameSpec` → tag and VR, where the syntax may force another value (STANDARD RL-9).
_FORCED = {
    "photometric_interpretation": (0x00280004, "CS"),
    "planar_configuration": (0x00280006, "US"),
    "bits_stored": (0x00280101, "US"),
    "high_bit": (0x00280102, "US"),
}
DEFAULT = Options()


def transcode_instance(view: memoryview, target: str, options: Options = DEFAULT, *,
                       scratch: Path | None = None, jury: Jury | None = None) -> Transcoded:
    """The instance in ``view``, a whole DICOM file, in transfer syntax ``target`` (UID, keyword or
    alias).

    Lossless: the SOP Instance UID stays, and only file meta, pixel data, offset tables and the
    attributes that the syntax forces may differ. Lossy: a derived instance, labelled as such.
    Frames beyond 64 MiB lie in a file in ``scratch``. ``jury`` counts on from earlier instances.

    Raises UnsupportedError with the reason for what is not on the tested list, DamagedError and
    BudgetError for bytes that cannot be trusted, ProofError when decoders disagree.
    """
    return at_once(transcoding(view, target, options, scratch=scratch, jury=jury))


def transcoding(view: memoryview, target: str, options: Options = DEFAULT, *,
                scratch: Path | str | None = None, jury: Jury | None = None) -> Steps[Transcoded]:
    """`transcode_instance` in steps: what the file says, its frames, what is made of them."""
    started = time.perf_counter()
    framing = read_framing(view)
    if framing.damaged or framing.verdict:
        reasons = [finding.text for finding in framing.findings if finding.severity == "error"]
        raise DamagedError(reasons[0] if reasons else "the data set is damaged")
    wanted = ts.transfer_syntax(target)
    done = without_codec(framing, len(view), wanted, started)
    if done is not None:
        return done
    source = source_frames(framing)
    writer = PixelWriter(encapsulated=wanted.encapsulated, scratch=scratch)
    done = yield from _pixels(source, len(view), wanted, options, writer, jury or Jury(), started)
    return done


def _pixels(source: SourceFrames, total: int, wanted: ts.TransferSyntax, options: Options,
            writer: PixelWriter, jury: Jury, started: float) -> Steps[Transcoded]:
    framing = source.framing
    lossy, makes_lossy = is_lossy(framing, lossy_stream(source)), makes_copies(wanted)
    cap = allowed_cap(framing, options, lossy) if makes_lossy else None
    result = yield from (
        to_native(source, writer, options, jury) if wanted.form == "native"
        else to_codec(source, wanted, writer, options, jury, cap))
    yield
    encoding = target_encoding(wanted.uid)
    head, pixels = writer.finish(encoding, result.spec.bits_allocated)
    changes: Elements = {**_offset_tables(framing), **_forced(source.received, result.spec, wanted),
                         **head}
    uid = words(framing, label.SOP_INSTANCE_UID)
    if makes_lossy:
        uid, labels = lossy_changes(framing, wanted, encoding, result.native_bytes / writer.total,
                                    pixels)
        changes.update(labels)
    elif lossy and words(framing, label.LOSSY_IMAGE_COMPRESSION) != "01":
        changes[label.LOSSY_IMAGE_COMPRESSION] = encoding.element(
            label.LOSSY_IMAGE_COMPRESSION, "CS", b"01")  # once lossy, for ever (RL-1)
    pieces = rewrite(framing, total, wanted.uid, changes, pixels)
    row = row_of(framing, wanted, started, len(source), result.native_bytes,
                 source.frames.total_bytes, writer.total, result.verified(options),
                 sop_instance_uid=uid, foreign_frames=result.foreign,
                 decoded_by=dict(result.seen_by), source_decoded_by=_readers(source, result),
                 max_error=result.max_error, psnr=result.psnr, ssim=result.ssim,
                 pixels_sha256=result.pixels_sha256)
    return Transcoded(framing, pieces, row, frozenset(changes) | set(PIXEL_TAGS),
                      tuple(result.sums), *_witnesses(result, options, encoded=wanted.encapsulated),
                      source.frames.findings)


def _readers(source: SourceFrames, result: Result) -> dict[str, int]:
    """Frames of a compressed original by code base that decoded them."""
    if source.codec is None:
        return {}
    first, second = source.codec.first, source.codec.second
    seen = {first.code_base: result.frames}
    return seen | {second.code_base: result.agreed} if second and result.agreed else seen


def _witnesses(result: Result, options: Options, *, encoded: bool) -> tuple[bool, bool]:
    """Whether source and result are yet to be decoded in another process: where there is one code
    base only, and with ``full`` where no other one knows these pixels. A lossy result was measured
    against its source, which is not asked for then."""
    if options.verify == "none":
        return False, False
    frames, full = result.frames, options.verify == "full"
    return (full and not result.distances and result.agreed < frames,
            result.alone or (full and encoded and result.foreign < frames))


def _offset_tables(framing: Framing) -> Elements:
    """Those of the received pixel data mean nothing for the new ones."""
    return {tag: None for tag in (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS)
            if framing.find(tag) is not None}


def _forced(received: FrameSpec, new: FrameSpec, wanted: ts.TransferSyntax) -> Elements:
    """The attributes that the new pixel data need and that were others before."""
    if new == received:
        return {}
    encoding = target_encoding(wanted.uid)
    changes: Elements = {}
    for name, (tag, vr) in _FORCED.items():
        value = getattr(new, name)
        if value == getattr(received, name):
            continue
        raw = value.encode() if vr == "CS" else value.to_bytes(2, "little")
        changes[tag] = encoding.element(tag, vr, raw)
    return changes
