"""What a probed file becomes: SOP Class, transfer syntax, attributes that its own bytes say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mediasvc.errors import BudgetError, UnsupportedError
from mediasvc.media.foreign.text_language import NAMES
from mediasvc.media.foreign.wrap_facts import (
    DocumentFacts,
    Facts,
    OtherFacts,
    PictureFacts,
    TextFacts,
    VideoFacts,
)
from mediasvc.span import Span
from mediasvc.standard import wrap_iods as iods
from mediasvc.standard.transfer_syntaxes import EXPLICIT
from mediasvc.standard.video_fit import audio_trouble, fit
from mediasvc.work.wrapping.wrap_advice import advice
from mediasvc.work.wrapping.wrap_text import read_parts, recipe_bytes, text_values

#: What 32 bits can say of a value or fragment; it must be even (PS3.5 7.1.1, A.4).
LONGEST = 0xFFFFFFFE
#: Fragments of a stream that needs several.
FRAGMENT = 1 << 30
#: IS and US hold no more (PS3.5 6.2).
MOST_FRAMES, MOST_ROWS = (1 << 31) - 1, (1 << 16) - 1


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes that are copied as they are: ``native`` pixels, the ``fragments`` of a stream, or a
    ``document``. A text is ``content`` instead, and has none."""

    form: Literal["native", "fragments", "document", "content"]
    spans: tuple[Span, ...] = ()
    vr: str = "OB"

    @property
    def length(self) -> int:
        return sum(span.length for span in self.spans)


@dataclass(frozen=True, slots=True)
class Plan:
    """``values`` by keyword; ``taken`` a DT value or empty; ``series`` one number for each family;
    ``icc`` base64 or empty; ``recipe`` how a text is put together again; ``libraries`` the files
    that a model names."""

    sop_class: iods.SopClass
    modality: str
    transfer_syntax_uid: str
    payload: Payload
    values: dict[str, Any]
    series: int
    taken: str = ""
    notes: tuple[str, ...] = ()
    frames: int = 0
    frame_time_ms: float | None = None
    rows: int = 0
    columns: int = 0
    icc: str = ""
    recipe: bytes = b""
    libraries: tuple[str, ...] = ()


def plan(facts: Facts, source: Span, pixels: Path, modality: str) -> Plan:
    """``pixels`` is where the probe wrote decoded samples, if it did. An empty ``modality`` is
    chosen. Raises UnsupportedError with its advice, BudgetError."""
    if isinstance(facts, OtherFacts):
        raise UnsupportedError(*advice(facts, source.path))
    if isinstance(facts, DocumentFacts):
        return _document(facts, source, modality)
    if isinstance(facts, TextFacts):
        return _text(facts, pixels)
    if max(facts.rows, facts.columns) > MOST_ROWS or facts.frames > MOST_FRAMES:
        raise BudgetError("it has more rows, columns or frames than DICOM can say")
    if isinstance(facts, VideoFacts):
        return _video(facts, source, modality)
    return _picture(facts, source, pixels, modality)


def _document(facts: DocumentFacts, source: Span, modality: str) -> Plan:
    if source.length > LONGEST:
        raise BudgetError("a document of more than 4 GiB does not fit into DICOM")
    row = iods.DOCUMENTS[facts.kind]
    values: dict[str, Any] = {"MIMETypeOfEncapsulatedDocument": row.mime,
                              "EncapsulatedDocumentLength": source.length}
    said = {"ConversionType": row.conversion, "DocumentTitle": facts.title,
            "HL7InstanceIdentifier": facts.identifier, "ListOfMIMETypes": list(facts.types)}
    values |= {keyword: value for keyword, value in said.items() if value}
    if facts.code and facts.meaning:
        values["ConceptNameCodeSequence"] = [{
            "CodeValue": facts.code, "CodingSchemeDesignator": "LN",
            "CodeMeaning": facts.meaning[:64]}]
    return Plan(row.sop_class, modality or row.modality, EXPLICIT, Payload("document", (source,)),
                values, row.series, facts.taken, facts.notes, libraries=facts.libraries)


def _text(facts: TextFacts, pixels: Path) -> Plan:
    """The modality of an SR is SR, whatever the others of the batch are (C.17.1)."""
    parts, recipe = read_parts(pixels)
    values = text_values(parts, facts.language, NAMES.get(facts.language, ""))
    return Plan(iods.BASIC_TEXT_SR, iods.TEXT_MODALITY, EXPLICIT, Payload("content"), values,
                iods.TEXT_SERIES, notes=facts.notes, recipe=recipe_bytes(recipe))


def _picture(facts: PictureFacts, source: Span, pixels: Path, modality: str) -> Plan:
    values = _pixel_values(facts.rows, facts.columns, facts.samples, facts.photometric,
                           facts.bits_allocated, facts.bits_stored)
    if facts.samples > 1:
        values["PlanarConfiguration"] = 0
    if facts.lossy_method:
        values |= lossy(facts.lossy_method, facts.native_bytes, facts.encoded_bytes)
    if facts.frames > 1:
        values |= {"NumberOfFrames": facts.frames, "FrameIncrementPointer": 0x00182001,
                   "PageNumberVector": list(range(1, facts.frames + 1))}
    sop_class, modality = _picture_class(facts, modality)
    if sop_class not in iods.PHOTOS.values():
        values["ConversionType"] = iods.CONVERSIONS[facts.kind]
    if facts.places:
        spans = tuple(Span(source.path, source.offset + at, length) for at, length in facts.places)
        payload = Payload("fragments", spans)
        values["EncapsulatedPixelDataValueTotalLength"] = payload.length
    else:
        payload = Payload("native", (Span(str(pixels), 0, facts.native_bytes),),
                          "OW" if facts.bits_allocated > 8 else "OB")
    if payload.length > LONGEST:
        raise BudgetError("pixel data of more than 4 GiB do not fit into DICOM")
    return Plan(sop_class, modality, facts.transfer_syntax_uid, payload, values, 1, facts.taken,
                facts.notes, facts.frames, None, facts.rows, facts.columns, facts.icc)


def _picture_class(facts: PictureFacts, modality: str) -> tuple[iods.SopClass, str]:
    """One photo of 8 bits is a visible light image of its modality, all else Secondary Capture."""
    if facts.frames > 1:
        if facts.samples > 1:
            if facts.bits_allocated > 8:
                raise UnsupportedError("colour pages of 16 bits fit into no SOP Class",
                                       "Wrap the pages one by one, or reduce them to 8 bits.")
            return iods.SC_COLOUR, modality or iods.SCAN_MODALITY
        return (iods.SC_WORD if facts.bits_allocated > 8 else iods.SC_BYTE,
                modality or iods.SCAN_MODALITY)
    visible = facts.bits_stored == 8
    modality = modality or (iods.PHOTO_MODALITY if visible else iods.SCAN_MODALITY)
    if visible and modality in iods.PHOTOS:
        return iods.PHOTOS[modality], modality
    return iods.SECONDARY_CAPTURE, modality


def _video(facts: VideoFacts, source: Span, modality: str) -> Plan:
    profile, reason = fit(facts)
    if profile is None:
        raise UnsupportedError(reason, advice(facts, source.path)[1])
    modality = modality or iods.PHOTO_MODALITY
    sop_class = iods.VIDEOS.get(modality, iods.SC_VIDEO)
    frame_time = float(1000 / facts.rate)
    values = _pixel_values(facts.rows, facts.columns, 3, "YBR_PARTIAL_420",
                           profile.bits_allocated, profile.bits_stored)
    values |= {"PlanarConfiguration": 0, "NumberOfFrames": facts.frames,
               "FrameIncrementPointer": 0x00181063, "FrameTime": f"{frame_time:.10g}",
               "CineRate": round(facts.rate), "RecommendedDisplayFrameRate": round(facts.rate),
               "EncapsulatedPixelDataValueTotalLength": source.length}
    values |= lossy(profile.method, facts.rows * facts.columns * 3 * facts.frames
                    * profile.bits_allocated // 8, source.length)
    if facts.aspect_width != facts.aspect_height:
        values["PixelAspectRatio"] = [facts.aspect_height, facts.aspect_width]
    if profile.stereo:
        values["StereoPairsPresent"] = "YES"
    if sop_class is iods.SC_VIDEO:
        values["ConversionType"] = iods.CONVERSIONS["video"]
    notes = (*facts.notes, *(text for one in facts.audio if (
        text := audio_trouble(facts.container, facts.codec, one))))
    return Plan(sop_class, modality,
                profile.uid if source.length <= LONGEST else profile.fragmentable,
                Payload("fragments", (source,)), values, 2, facts.taken, notes, facts.frames,
                round(frame_time, 6), facts.rows, facts.columns)


def _pixel_values(rows: int, columns: int, samples: int, photometric: str, allocated: int,
                  stored: int) -> dict[str, Any]:
    return {"Rows": rows, "Columns": columns, "SamplesPerPixel": samples,
            "PhotometricInterpretation": photometric, "BitsAllocated": allocated,
            "BitsStored": stored, "HighBit": stored - 1, "PixelRepresentation": 0,
            "LossyImageCompression": "00"}


def lossy(method: str, native_bytes: int, encoded_bytes: int) -> dict[str, Any]:
    """The ratio is measured on the bytes that are there (PS3.3 C.7.6.1.1.5, STANDARD RL-2)."""
    return {"LossyImageCompression": "01", "LossyImageCompressionMethod": method,
            "LossyImageCompressionRatio": f"{native_bytes / max(1, encoded_bytes):.6g}"}
