"""pydicom elements as bytes in a given encoding, for `mediasvc.dicom.splice` (PS3.5 7, 6.1)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from mediasvc.dicom.findings import tag_words
from mediasvc.dicom.text import decode
from mediasvc.errors import UnsupportedError
from mediasvc.standard.value_representations import CHARSET_VRS

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement


def encode_elements(dataset: Dataset, *, implicit: bool, big_endian: bool,
                    charset: str) -> dict[int, bytes]:
    """tag → the complete bytes, header and value, of each top-level element.

    ``charset`` is Specific Character Set as text, its values joined by ``\\``, of the data set
    that the bytes go into. Raises UnsupportedError when a text cannot be written in it or a value
    does not fit its VR: nothing is ever replaced.
    """
    from pydicom.charset import convert_encodings
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element

    encodings = convert_encodings(charset.split("\\")) if charset else ["iso8859"]
    encoded: dict[int, bytes] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for element in dataset:
            _check_text(element, charset)
            out = DicomBytesIO()
            out.is_implicit_VR, out.is_little_endian = implicit, not big_endian
            try:
                settled = correct_ambiguous_vr_element(element, dataset, not big_endian)
                write_data_element(out, settled, encodings)
            except (ValueError, TypeError, AttributeError, LookupError, OverflowError,
                    Warning) as reason:
                raise UnsupportedError(
                    f"{tag_words(element.tag)} cannot be written as {element.VR}") from reason
            encoded[int(element.tag)] = out.getvalue()
    return encoded


def _check_text(element: DataElement, charset: str) -> None:
    """Raise UnsupportedError when some text, on any level, has no bytes in ``charset``."""
    if element.VR == "SQ":
        for item in element.value:
            for inner in item:
                _check_text(inner, charset)
    elif element.VR in CHARSET_VRS:
        text = _joined(element)
        if not text.isascii() and not _survives(text, charset, element.VR):
            raise UnsupportedError(
                f"{tag_words(element.tag)} has characters that the character set does not hold")


def _joined(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    return str(value) if isinstance(value, str) or element.VM <= 1 else "\\".join(map(str, value))


def _survives(text: str, charset: str, vr: str) -> bool:
    """Whether the text comes back from its bytes."""
    from pydicom.charset import convert_encodings, encode_string

    try:
        encodings = convert_encodings(charset.split("\\"))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            raw = encode_string(text, encodings)
    except (UnicodeError, LookupError, ValueError, Warning):
        return False
    back, certain = decode(raw, charset, vr)
    return certain and back == text.rstrip(" \0").lstrip(" ")
