"""Have the pixel data the size that the attributes describe? (PS3.3 C.7.6.3; P01, X06, X07)"""

from __future__ import annotations

from mediasvc.dicom.findings import error, warning
from mediasvc.dicom.framing import Framing
from mediasvc.dicom.pixel_place import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PixelDataPlace,
)
from mediasvc.model import Finding, InstanceHeader
from mediasvc.standard.transfer_syntaxes import TRANSFER_SYNTAXES

#: Bits of one sample where Bits Allocated need not say them (PS3.3 C.7.6.24, C.7.6.25).
_FLOAT_BITS = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}

SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION = 0x00280002, 0x00280004
NUMBER_OF_FRAMES, BITS_STORED, PIXEL_REPRESENTATION = 0x00280008, 0x00280101, 0x00280103


def check_pixels(framing: Framing, header: InstanceHeader) -> list[Finding]:
    """What is wrong with the pixel data of an instance that has some."""
    place = framing.pixel
    if place is None:
        return []
    findings = _form(place, framing.transfer_syntax_uid)
    unknown = _unknown(framing, header, place)
    if unknown:
        return [*findings, error("image-size-unknown", "The size of the image is not known: "
                                 f"{' and '.join(unknown)} missing or unreadable", "P13")]
    if findings:
        return findings
    findings = _odd_attributes(framing, header, place)
    check = _fragments if place.encapsulated else _native
    return findings + check(framing, header, place)


def expected_bytes(header: InstanceHeader, tag: int) -> int:
    """Bytes of native pixel data without padding; samples of 1 bit are packed over all frames."""
    bits = _FLOAT_BITS.get(tag, header.bits_allocated)
    samples = header.rows * header.columns * (header.samples_per_pixel or 1)
    return (samples * (header.number_of_frames or 1) * bits + 7) // 8


def _form(place: PixelDataPlace, syntax: str) -> list[Finding]:
    row = TRANSFER_SYNTAXES.get(syntax)
    if row is None:
        return []
    if place.encapsulated and row.form == "native":
        return [error("pixels-not-as-said", "The pixel data are compressed although the file "
                      "header says that they are not", "P02")]
    if row.encapsulated and not place.encapsulated:
        return [error("pixels-not-as-said", "The pixel data are not compressed although the file "
                      "header says that they are", "P02")]
    return []


def _unknown(framing: Framing, header: InstanceHeader, place: PixelDataPlace) -> list[str]:
    """Attributes without which nobody can say how large the image is."""
    unknown = [words for words, value in (
        ("Rows", header.rows), ("Columns", header.columns),
        ("Bits Allocated", _FLOAT_BITS.get(place.tag, header.bits_allocated))) if not value]
    for tag, words, value in (
            (NUMBER_OF_FRAMES, "Number of Frames", header.number_of_frames),
            (SAMPLES_PER_PIXEL, "Samples per Pixel", header.samples_per_pixel)):
        if not value and (framing.value(tag) or b"").strip(b" \0"):
            unknown.append(words)
    return unknown


def _odd_attributes(framing: Framing, header: InstanceHeader,
                    place: PixelDataPlace) -> list[Finding]:
    findings = []
    needed = [(SAMPLES_PER_PIXEL, "Samples per Pixel"),
              (PHOTOMETRIC_INTERPRETATION, "Photometric Interpretation")]
    if place.tag not in _FLOAT_BITS:
        needed += [(BITS_STORED, "Bits Stored"), (PIXEL_REPRESENTATION, "Pixel Representation")]
    absent = [words for tag, words in needed if tag not in framing.index]
    if absent:
        findings.append(warning("image-attributes-missing",
                                f"The image does not say its {', '.join(absent)}", "PS3.3 C.7.6.3"))
    allocated = _FLOAT_BITS.get(place.tag, header.bits_allocated)
    if header.bits_stored > allocated or header.high_bit >= allocated:
        findings.append(warning("bits-impossible",
                                "Bits Stored or High Bit do not fit into Bits Allocated",
                                "PS3.5 8.1.1"))
    return findings


def _native(framing: Framing, header: InstanceHeader, place: PixelDataPlace) -> list[Finding]:
    expected, actual = expected_bytes(header, place.tag), place.end - place.value
    if header.photometric_interpretation == "YBR_FULL_422" and actual < expected:
        expected = expected * 2 // 3  # chrominance for every second column only (PS3.3 C.7.6.3.1.2)
    if actual < expected:
        return [error("pixels-too-short", f"The pixel data have {actual} bytes, the image needs "
                      f"{expected}", "P01")]
    if actual > expected + expected % 2:
        return [warning("pixels-too-long", f"The pixel data have {actual} bytes, the image needs "
                        f"only {expected}", "X07")]
    return []


def _fragments(framing: Framing, header: InstanceHeader, place: PixelDataPlace) -> list[Finding]:
    """Each frame needs a fragment of its own, but for a video stream (PS3.5 A.4)."""
    frames, items = header.number_of_frames or 1, 0
    for _ in place.fragments(framing.body):
        items += 1
        if items > frames:
            return []
    row = TRANSFER_SYNTAXES.get(framing.transfer_syntax_uid)
    if items >= 2 and row is not None and row.form == "video":
        return []
    return [error("frames-missing", f"The image should have {frames} frames, its pixel data hold "
                  f"only {max(0, items - 1)}", "P02")]
