"""Every Transfer Syntax of the standard as a row (PS3.5 annex A, PS3.6 annex A).

A syntax that we cannot code is a row too: the program names what it cannot do.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from mediasvc.errors import SettingsError

#: Where the pixel data are: in the data set as they are, in fragments, one stream of all frames,
#: behind a URL, or in no file at all.
Form = Literal["native", "encapsulated", "video", "referenced", "none"]
#: What the syntax does to pixels: never changes them, may change them, always changes them.
Loss = Literal["never", "may", "always"]

BASE = "1.2.840.10008.1.2"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """``alias`` is the word of our command line, empty where there is none."""

    uid: str
    name: str
    keyword: str
    alias: str = ""
    form: Form = "encapsulated"
    loss: Loss = "never"
    retired: bool = False
    clause: str = ""

    @property
    def encapsulated(self) -> bool:
        """Whether Pixel Data are a sequence of fragments (PS3.5 A.4)."""
        return self.form in ("encapsulated", "video")

    @property
    def label(self) -> str:
        return self.alias or self.keyword

    @property
    def one_fragment(self) -> bool:
        """Whether the syntax forbids to spread a frame over fragments (PS3.5 A.4.2, A.4.12)."""
        return self.uid in (RLE, DEFLATED_FRAME)


IMPLICIT, EXPLICIT, BIG_ENDIAN = BASE, f"{BASE}.1", f"{BASE}.2"
ENCAPSULATED_UNCOMPRESSED, DEFLATED = f"{BASE}.1.98", f"{BASE}.1.99"
JPEG_BASELINE, JPEG_EXTENDED = f"{BASE}.4.50", f"{BASE}.4.51"
JPEG_SPECTRAL, JPEG_PROGRESSIVE = f"{BASE}.4.53", f"{BASE}.4.55"
JPEG_LOSSLESS, JPEG_LOSSLESS_SV1 = f"{BASE}.4.57", f"{BASE}.4.70"
JPEG_LS, JPEG_LS_NEAR = f"{BASE}.4.80", f"{BASE}.4.81"
J2K_LOSSLESS, J2K = f"{BASE}.4.90", f"{BASE}.4.91"
JPEG_XL_LOSSLESS, JPEG_XL_JPEG, JPEG_XL = f"{BASE}.4.110", f"{BASE}.4.111", f"{BASE}.4.112"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = f"{BASE}.4.201", f"{BASE}.4.202", f"{BASE}.4.203"
RLE, DEFLATED_FRAME = f"{BASE}.5", f"{BASE}.8.1"
#: Implicit VR little endian, but pixel data big endian: written by old GE scanners.
GE_PRIVATE = "1.2.840.113619.5.2"


def _row(number: str, name: str, keyword: str, alias: str = "", form: Form = "encapsulated",
         loss: Loss = "never", clause: str = "", retired: bool = False) -> TransferSyntax:
    return TransferSyntax(BASE + number, name, keyword, alias, form, loss, retired, clause)


def _video(number: str, name: str, keyword: str, clause: str) -> TransferSyntax:
    return _row(number, name, keyword, "", "video", "always", clause)


def _old_jpeg(number: str, process: str, keyword: str, loss: Loss = "always") -> TransferSyntax:
    return _row(number, f"JPEG {process}", keyword, "", "encapsulated", loss, "A.4.1", True)


_ROWS = (
    _row("", "Implicit VR Little Endian", "ImplicitVRLittleEndian", "implicit", "native",
         clause="A.1"),
    _row(".1", "Explicit VR Little Endian", "ExplicitVRLittleEndian", "explicit", "native",
         clause="A.2"),
    _row(".1.98", "Encapsulated Uncompressed Explicit VR Little Endian",
         "EncapsulatedUncompressedExplicitVRLittleEndian", "encapsulated", clause="A.4.11"),
    _row(".1.99", "Deflated Explicit VR Little Endian", "DeflatedExplicitVRLittleEndian",
         "deflated",
         "native", clause="A.5"),
    _row(".2", "Explicit VR Big Endian", "ExplicitVRBigEndian", "bigendian", "native",
         clause="A.3", retired=True),
    _row(".4.50", "JPEG Baseline (Process 1)", "JPEGBaseline8Bit", "jpeg", loss="always",
         clause="A.4.1"),
    _row(".4.51", "JPEG Extended (Process 2 and 4)", "JPEGExtended12Bit", "jpeg12", loss="always",
         clause="A.4.1"),
    _old_jpeg(".4.52", "Extended (Process 3 and 5)", "JPEGExtended35"),
    _old_jpeg(".4.53", "Spectral Selection, Non-Hierarchical (Process 6 and 8)",
              "JPEGSpectralSelectionNonHierarchical68"),
    _old_jpeg(".4.54", "Spectral Selection, Non-Hierarchical (Process 7 and 9)",
              "JPEGSpectralSelectionNonHierarchical79"),
    _old_jpeg(".4.55", "Full Progression, Non-Hierarchical (Process 10 and 12)",
              "JPEGFullProgressionNonHierarchical1012"),
    _old_jpeg(".4.56", "Full Progression, Non-Hierarchical (Process 11 and 13)",
              "JPEGFullProgressionNonHierarchical1113"),
    _row(".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", "JPEGLossless", clause="A.4.1"),
    _old_jpeg(".4.58", "Lossless, Non-Hierarchical (Process 15)", "JPEGLosslessNonHierarchical15",
              "never"),
    _old_jpeg(".4.59", "Extended, Hierarchical (Process 16 and 18)",
              "JPEGExtendedHierarchical1618"),
    _old_jpeg(".4.60", "Extended, Hierarchical (Process 17 and 19)",
              "JPEGExtendedHierarchical1719"),
    _old_jpeg(".4.61", "Spectral Selection, Hierarchical (Process 20 and 22)",
              "JPEGSpectralSelectionHierarchical2022"),
    _old_jpeg(".4.62", "Spectral Selection, Hierarchical (Process 21 and 23)",
              "JPEGSpectralSelectionHierarchical2123"),
    _old_jpeg(".4.63", "Full Progression, Hierarchical (Process 24 and 26)",
              "JPEGFullProgressionHierarchical2426"),
    _old_jpeg(".4.64", "Full Progression, Hierarchical (Process 25 and 27)",
              "JPEGFullProgressionHierarchical2527"),
    _old_jpeg(".4.65", "Lossless, Hierarchical (Process 28)", "JPEGLosslessHierarchical28",
              "never"),
    _old_jpeg(".4.66", "Lossless, Hierarchical (Process 29)", "JPEGLosslessHierarchical29",
              "never"),
    _row(".4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction "
         "(Process 14 [Selection Value 1])", "JPEGLosslessSV1", "jpll", clause="A.4.1"),
    _row(".4.80", "JPEG-LS Lossless Image Compression", "JPEGLSLossless", "jls", clause="A.4.3"),
    _row(".4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression", "JPEGLSNearLossless",
         "jls-near",
         loss="may", clause="A.4.3"),
    _row(".4.90", "JPEG 2000 Image Compression (Lossless Only)", "JPEG2000Lossless", "j2k",
         clause="A.4.4"),
    _row(".4.91", "JPEG 2000 Image Compression", "JPEG2000", "j2k-lossy", loss="may",
         clause="A.4.4"),
    _row(".4.92", "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
         "JPEG2000MCLossless", clause="A.4.4"),
    _row(".4.93", "JPEG 2000 Part 2 Multi-component Image Compression", "JPEG2000MC", loss="may",
         clause="A.4.4"),
    _row(".4.94", "JPIP Referenced", "JPIPReferenced", "", "referenced", "may", "A.6"),
    _row(".4.95", "JPIP Referenced Deflate", "JPIPReferencedDeflate", "", "referenced", "may",
         "A.7"),
    _video(".4.100", "MPEG2 Main Profile / Main Level", "MPEG2MPML", "A.4.5"),
    _video(".4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", "MPEG2MPMLF", "A.4.5"),
    _video(".4.101", "MPEG2 Main Profile / High Level", "MPEG2MPHL", "A.4.5"),
    _video(".4.101.1", "Fragmentable MPEG2 Main Profile / High Level", "MPEG2MPHLF", "A.4.5"),
    _video(".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "MPEG4HP41", "A.4.6"),
    _video(".4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", "MPEG4HP41F",
           "A.4.6"),
    _video(".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "MPEG4HP41BD",
           "A.4.6"),
    _video(".4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
           "MPEG4HP41BDF", "A.4.6"),
    _video(".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "MPEG4HP422D",
           "A.4.7"),
    _video(".4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
           "MPEG4HP422DF", "A.4.7"),
    _video(".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "MPEG4HP423D",
           "A.4.7"),
    _video(".4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
           "MPEG4HP423DF", "A.4.7"),
    _video(".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "MPEG4HP42STEREO",
           "A.4.8"),
    _video(".4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
           "MPEG4HP42STEREOF", "A.4.8"),
    _video(".4.107", "HEVC/H.265 Main Profile / Level 5.1", "HEVCMP51", "A.4.9"),
    _video(".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", "HEVCM10P51", "A.4.10"),
    _row(".4.110", "JPEG XL Lossless", "JPEGXLLossless", "jxl", clause="A.4.12"),
    _row(".4.111", "JPEG XL JPEG Recompression", "JPEGXLJPEGRecompression", "jxl-jpeg",
         loss="always", clause="A.4.12"),
    _row(".4.112", "JPEG XL", "JPEGXL", "jxl-lossy", loss="may", clause="A.4.12"),
    _row(".4.201", "High-Throughput JPEG 2000 Image Compression (Lossless Only)", "HTJ2KLossless",
         "htj2k", clause="A.4.4"),
    _row(".4.202", "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
         "HTJ2KLosslessRPCL", "htj2k-rpcl", clause="A.4.4"),
    _row(".4.203", "High-Throughput JPEG 2000 Image Compression", "HTJ2K", "htj2k-lossy",
         loss="may",
         clause="A.4.4"),
    _row(".4.204", "JPIP HTJ2K Referenced", "JPIPHTJ2KReferenced", "", "referenced", "may", "A.11"),
    _row(".4.205", "JPIP HTJ2K Referenced Deflate", "JPIPHTJ2KReferencedDeflate", "", "referenced",
         "may", "A.12"),
    _row(".5", "RLE Lossless", "RLELossless", "rle", clause="A.4.2, annex G"),
    _row(".6.1", "RFC 2557 MIME encapsulation", "RFC2557MIMEEncapsulation", "", "none",
         retired=True),
    _row(".6.2", "XML Encoding", "XMLEncoding", "", "none", retired=True),
    _row(".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
         "SMPTEST211020UncompressedProgressiveActiveVideo", "", "none"),
    _row(".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
         "SMPTEST211020UncompressedInterlacedActiveVideo", "", "none"),
    _row(".7.3", "SMPTE ST 2110-30 PCM Digital Audio", "SMPTEST211030PCMDigitalAudio", "", "none"),
    _row(".8.1", "Deflated Image Frame Compression", "DeflatedImageFrameCompression",
         "deflated-frame", clause="A.4.13"),
    TransferSyntax("1.2.840.10008.1.20", "Papyrus 3 Implicit VR Little Endian",
                   "Papyrus3ImplicitVRLittleEndian", form="none", retired=True),
    TransferSyntax(GE_PRIVATE, "GE Private Implicit VR with big endian pixel data",
                   "GEPrivateImplicitVRBigEndian", form="native", retired=True),
)

TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {row.uid: row for row in _ROWS}
_EXACT = {word: row for row in _ROWS for word in (row.uid, row.keyword, row.alias) if word}
#: In any case; where an alias is another row's keyword in small letters (htj2k), the alias counts.
_BY_WORD = {word.lower(): row for words in ("uid", "keyword", "alias") for row in _ROWS
            if (word := getattr(row, words))}


def transfer_syntax(text: str) -> TransferSyntax:
    """The row of a UID, keyword or alias; in any case where that is clear.

    Raises SettingsError, with the nearest words, for anything else.
    """
    row = _EXACT.get(text.strip()) or _BY_WORD.get(text.strip().lower())
    if row is not None:
        return row
    near = difflib.get_close_matches(text.strip().lower(), _BY_WORD, n=3, cutoff=0.5)
    spelt = list(dict.fromkeys(_BY_WORD[word].label for word in near))
    aliases = " ".join(row.alias for row in _ROWS if row.alias)
    advice = f"Did you mean {' or '.join(spelt)}?" if spelt else f"Known are: {aliases}"
    raise SettingsError(f"there is no transfer syntax {text!r}", advice)


def name_of(uid: str) -> str:
    """A short name for reports; the UID itself where the standard does not know it."""
    row = TRANSFER_SYNTAXES.get(uid)
    return row.label if row else uid
