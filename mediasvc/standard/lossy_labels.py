"""How a lossy image is labelled (PS3.3 C.7.6.1.1.5, C.7.6.1.1.3, STANDARD RL-1 to RL-9)."""

from __future__ import annotations

from dataclasses import dataclass

from mediasvc.standard import transfer_syntaxes as ts
from mediasvc.standard.video_profiles import PROFILES

IMAGE_TYPE = 0x00080008
SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
MODALITY = 0x00080060
DERIVATION_DESCRIPTION, SOURCE_IMAGE_SEQUENCE = 0x00082111, 0x00082112
DERIVATION_CODE_SEQUENCE = 0x00089215
REFERENCED_SOP_CLASS_UID, REFERENCED_SOP_INSTANCE_UID = 0x00081150, 0x00081155
CODE_VALUE, CODING_SCHEME, CODE_MEANING = 0x00080100, 0x00080102, 0x00080104
PURPOSE_OF_REFERENCE = 0x0040A170
LOSSY_IMAGE_COMPRESSION = 0x00282110
LOSSY_RATIO, LOSSY_METHOD = 0x00282112, 0x00282114


@dataclass(frozen=True, slots=True)
class Code:
    value: str
    scheme: str
    meaning: str


LOSSY_COMPRESSION = Code("113040", "DCM", "Lossy Compression")  # CID 7203, RL-4
PREDECESSOR = Code("121320", "DCM", "Uncompressed predecessor")  # CID 7202, RL-4

#: (0028,2114) by transfer syntax (C.7.6.1.1.5.1, RL-5).
METHODS = {
    **dict.fromkeys((ts.JPEG_BASELINE, ts.JPEG_EXTENDED, ts.JPEG_SPECTRAL, ts.JPEG_PROGRESSIVE,
                     ts.JPEG_XL_JPEG), "ISO_10918_1"),
    ts.JPEG_LS_NEAR: "ISO_14495_1",
    ts.J2K: "ISO_15444_1",
    ts.HTJ2K: "ISO_15444_15",
    ts.JPEG_XL: "ISO_18181_1",
    **{row.uid: row.method for row in PROFILES},
}

#: Every attribute that labelling changes; `work.proof` lets no other one differ.
LABELS = frozenset({
    IMAGE_TYPE,  # value 1 DERIVED, RL-3
    SOP_INSTANCE_UID,  # another instance, RL-3
    DERIVATION_DESCRIPTION, DERIVATION_CODE_SEQUENCE, SOURCE_IMAGE_SEQUENCE,  # RL-4
    LOSSY_IMAGE_COMPRESSION,  # 01, for ever, RL-1
    LOSSY_RATIO, LOSSY_METHOD,  # one value more, measured, RL-2
})

#: Mammography is not compressed with loss unless somebody says so by name.
MAMMOGRAPHY_MODALITIES = frozenset({"MG"})
MAMMOGRAPHY_CLASSES = frozenset({
    "1.2.840.10008.5.1.4.1.1.1.2",  # Digital Mammography X-Ray, For Presentation
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # Digital Mammography X-Ray, For Processing
    "1.2.840.10008.5.1.4.1.1.13.1.3",  # Breast Tomosynthesis
    "1.2.840.10008.5.1.4.1.1.13.1.4",  # Breast Projection X-Ray, For Presentation
    "1.2.840.10008.5.1.4.1.1.13.1.5",  # Breast Projection X-Ray, For Processing
})
