"""What another transfer syntax needs no codec for: the same bytes, or only another data set."""

from __future__ import annotations

from mediasvc.dicom.file_meta import MEDIA_STORAGE_SOP_CLASS_UID
from mediasvc.dicom.frames import frame_spec, words
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pieces import Copy
from mediasvc.dicom.pixel_place import PIXEL_DATA
from mediasvc.dicom.rewrite import rewrite
from mediasvc.errors import DamagedError, UnsupportedError
from mediasvc.standard import lossy_labels as label
from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.sop_classes import MEDIA_STORAGE_DIRECTORY
from mediasvc.work.transcoding.source_frames import source_frames
from mediasvc.work.transcoding.transcode_row import Transcoded, row_of


def without_codec(framing: Framing, total: int, wanted: ts.TransferSyntax, started: float,
                  ) -> Transcoded | None:
    """None when the frames must be encoded anew. Raises UnsupportedError for what cannot be in the
    wanted syntax at all."""
    _refuse_directory(framing)
    if framing.transfer_syntax_uid == wanted.uid:
        return _identical(framing, total, wanted, started)
    if wanted.uid in (ts.BIG_ENDIAN, ts.GE_PRIVATE):
        raise UnsupportedError(f"{wanted.label} is retired and only read")
    if framing.pixel is not None and not _only_data_set(framing, wanted):
        return None
    if wanted.form != "native":
        raise UnsupportedError("it has no pixel data that could be compressed")
    size = framing.pixel.end - framing.pixel.value if framing.pixel else 0
    row = row_of(framing, wanted, started, 0, size, size, size, "two decoders")
    return Transcoded(framing, rewrite(framing, total, wanted.uid, {}), row)


def _refuse_directory(framing: Framing) -> None:
    """Its records name the places and transfer syntaxes of files on its disc (PS3.3 F.3.2.2)."""
    if MEDIA_STORAGE_DIRECTORY in (words(framing, MEDIA_STORAGE_SOP_CLASS_UID),
                     words(framing, label.SOP_CLASS_UID)):
        raise UnsupportedError("it is a DICOMDIR, which belongs to its disc and lists the files "
                               "there; `mediasvc export` writes a new one")


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
    row = row_of(framing, wanted, started, count, native, size, size, "identical")
    return Transcoded(framing, (Copy(0, total),), row)


def _only_data_set(framing: Framing, wanted: ts.TransferSyntax) -> bool:
    """Native pixel data stay as they are between syntaxes that differ only in the data set. Of big
    endian ones, those that no codec reads (one bit, floating point) turn with all other values."""
    row = ts.TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    return (row is not None and row.form == wanted.form == "native" and row.uid != ts.GE_PRIVATE
            and (not framing.big_endian or _unread(framing)))


def _unread(framing: Framing) -> bool:
    assert framing.pixel is not None
    return framing.pixel.tag != PIXEL_DATA or frame_spec(framing).bits_allocated == 1
