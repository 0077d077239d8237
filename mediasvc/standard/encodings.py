"""How the data set of a transfer syntax is written (PS3.5 10, annex A).

Only the few that are not plain Explicit VR Little Endian need a row.
"""

from __future__ import annotations

from dataclasses import dataclass

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
#: Implicit VR, little endian, but pixel data big endian: written by old GE scanners.
GE_PRIVATE_IMPLICIT = "1.2.840.113619.5.2"
#: Papyrus 3, retired.
PAPYRUS_IMPLICIT = "1.2.840.10008.1.20"


@dataclass(frozen=True, slots=True)
class DataSetEncoding:
    implicit: bool = False
    big_endian: bool = False
    deflated: bool = False


_EXPLICIT = DataSetEncoding()

ENCODINGS: dict[str, DataSetEncoding] = {
    IMPLICIT_VR_LITTLE_ENDIAN: DataSetEncoding(implicit=True),  # A.1
    EXPLICIT_VR_LITTLE_ENDIAN: _EXPLICIT,  # A.2
    EXPLICIT_VR_BIG_ENDIAN: DataSetEncoding(big_endian=True),  # A.3, retired
    GE_PRIVATE_IMPLICIT: DataSetEncoding(implicit=True),
    PAPYRUS_IMPLICIT: DataSetEncoding(implicit=True),
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: DataSetEncoding(deflated=True),  # A.5
    "1.2.840.10008.1.2.4.95": DataSetEncoding(deflated=True),  # A.7 JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.205": DataSetEncoding(deflated=True),  # JPIP HTJ2K Referenced Deflate
}


def encoding_of(transfer_syntax_uid: str) -> DataSetEncoding:
    """Unknown syntaxes are Explicit VR Little Endian (PS3.5 10.1, A.4)."""
    return ENCODINGS.get(transfer_syntax_uid, _EXPLICIT)


def plain_syntax(encoding: DataSetEncoding) -> str:
    """The uncompressed transfer syntax of a data set that is written like this."""
    if encoding.implicit:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_BIG_ENDIAN if encoding.big_endian else EXPLICIT_VR_LITTLE_ENDIAN
