"""Whether the pixel data have the size that the attributes describe (PS3.3 C.7.6.3, FAULTS P01, X06, X07)."""

from __future__ import annotations

from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, PixelDataPlace
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.encodings import NATIVE, REFERENCED, VIDEO_PREFIXES

#: Bits of one sample where Bits Allocated does not say them (PS3.3 C.7.6.24, C.7.6.25).
_FLOAT_BITS = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}
_STANDARD_SYNTAXES = "1.2.840.10008.1.2"


def check_pixels(framing: Framing, header: InstanceHeader) -> list[Finding]:
    """What is wrong with the pixel data of an instance that has some."""
    place = framing.pixel
    if place is None:
        return []
    findings = _form(place, framing.transfer_syntax_uid)
    missing = [words for words, value in (
        ("Rows", header.rows), ("Columns", header.columns),
        ("Bits Allocated", header.bits_allocated or _FLOAT_BITS.get(place.tag, 0))) if not value]
    if missing:
        findings.append(_error("image-size-unknown", "The size of the image is not known: "
                               f"{' and '.join(missing)} missing or unreadable", "P13"))
        return findings
    findings += _odd_attributes(framing, header)
    if place.encapsulated:
        findings += _fragments(framing, header, place)
    elif not findings or all(finding.severity != "error" for finding in findings):
        findings += _native(header, place)
    return findings


def expected_bytes(header: InstanceHeader, tag: int) -> int:
    """Bytes of native pixel data without padding; samples of 1 bit are packed over all frames."""
    bits = _FLOAT_BITS.get(tag, header.bits_allocated)
    samples = header.rows * header.columns * (header.samples_per_pixel or 1)
    return (samples * (header.number_of_frames or 1) * bits + 7) // 8


def _form(place: PixelDataPlace, syntax: str) -> list[Finding]:
    if place.encapsulated and syntax in NATIVE:
        return [_error("pixels-not-as-said", "The pixel data are compressed although the file "
                       "header says that they are not", "P02")]
    known = syntax.startswith(_STANDARD_SYNTAXES) and syntax not in NATIVE | REFERENCED
    if not place.encapsulated and known:
        return [_error("pixels-not-as-said", "The pixel data are not compressed although the file "
                       "header says that they are", "P02")]
    return []


def _odd_attributes(framing: Framing, header: InstanceHeader) -> list[Finding]:
    absent = [words for tag, words in (
        (0x00280002, "Samples per Pixel"), (0x00280004, "Photometric Interpretation"),
        (0x00280101, "Bits Stored"), (0x00280103, "Pixel Representation"))
        if framing.find(tag) is None]
    if framing.pixel and framing.pixel.tag in _FLOAT_BITS:
        absent = [words for words in absent if words not in ("Bits Stored", "Pixel Representation")]
    findings = []
    if absent:
        findings.append(_warning("image-attributes-missing",
                                 f"The image does not say its {', '.join(absent)}", "PS3.3 C.7.6.3"))
    if header.bits_stored > header.bits_allocated or header.high_bit >= max(1, header.bits_allocated):
        findings.append(_warning("bits-impossible", "Bits Stored or High Bit do not fit into "
                                 "Bits Allocated", "PS3.5 8.1.1"))
    return findings


def _native(header: InstanceHeader, place: PixelDataPlace) -> list[Finding]:
    expected, actual = expected_bytes(header, place.tag), place.end - place.value
    if header.photometric_interpretation == "YBR_FULL_422" and actual < expected:
        expected = expected * 2 // 3
    if actual < expected:
        return [_error("pixels-too-short", f"The pixel data have {actual} bytes, the image needs "
                       f"{expected}", "P01")]
    if actual > expected + expected % 2:
        return [_warning("pixels-too-long", f"The pixel data have {actual} bytes, the image needs "
                         f"only {expected}", "X07")]
    return []


def _fragments(framing: Framing, header: InstanceHeader, place: PixelDataPlace) -> list[Finding]:
    frames, items = header.number_of_frames or 1, 0
    for _ in place.fragments(framing.body):
        items += 1
        if items > frames:
            return []
    if items >= 2 and framing.transfer_syntax_uid.startswith(VIDEO_PREFIXES):
        return []
    return [_error("frames-missing", f"The image should have {frames} frames, its pixel data hold "
                   f"only {max(0, items - 1)}", "P02")]


def _error(code: str, text: str, rule: str) -> Finding:
    return Finding("error", code, "", text, rule)


def _warning(code: str, text: str, rule: str) -> Finding:
    return Finding("warning", code, "", text, rule)
