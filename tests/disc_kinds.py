"""One instance of each kind of data, made up or taken from the real data, as Part 10 bytes."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from samples.containers import mp4
from samples.kinds import KINDS, pixels
from samples.streams import Video
from samples.synthesis import instance, to_bytes

LOCAL = {"IssuerOfPatientID": "LOCAL"}
SYNTAXES = {"implicit": ImplicitVRLittleEndian, "big": ExplicitVRBigEndian,
            "deflated": DeflatedExplicitVRLittleEndian, "rle": RLELossless,
            "jls": JPEGLSLossless, "j2k": JPEG2000Lossless}
#: SOP classes whose images are made from those of `KINDS`.
CLASSES = {"DX": ("CR", "1.1"), "MG": ("CR", "1.2"), "IO": ("CR", "1.3"),
           "NM": ("MR", "20"), "XA": ("CR", "12.1"), "SC": ("CR", "7")}
STORAGE = "1.2.840.10008.5.1.4.1.1."
VIDEOS = {
    "video MPEG-2": (Video("mpeg2", 4, 8, 576, 720, Fraction(25)), "100"),
    "video MPEG-2 HL": (Video("mpeg2", 4, 4, 1080, 1920, Fraction(25)), "101"),
    "video H.264": (Video(), "102"),
    "video H.264 BD": (Video(rate=Fraction(50)), "103"),
    "video H.264 4.2": (Video(rows=1080, columns=1920, rate=Fraction(60), level=42), "104"),
    "video HEVC": (Video("hevc", 1, 123, 1080, 1920, Fraction(25)), "107"),
}


def synthetic() -> dict[str, bytes]:
    """Kind → file, all of patient 1, each in a study of its own (KO and PR name a CT of theirs)."""
    made: dict[str, FileDataset] = {}
    for number, kind in enumerate(KINDS, 1):
        made[kind] = _one(kind, number)
    for number, (kind, (like, tail)) in enumerate(CLASSES.items(), 30):
        made[kind] = _one(like, number)
        made[kind].SOPClassUID = made[kind].file_meta.MediaStorageSOPClassUID = STORAGE + tail
        made[kind].Modality = "OT" if kind == "SC" else kind
        if kind == "XA":  # PS3.3 C.8.7.1.1.1: the third value says how many planes
            made[kind].ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    for number, (name, syntax) in enumerate(SYNTAXES.items(), 40):
        made[f"CT {name}"] = _one("CT", number, rows=64, columns=64, transfer_syntax=syntax)
    made["US regions"] = _one("US", 50, SequenceOfUltrasoundRegions=region())
    made["palette"], made["palette 16"] = _palette(51, np.uint8), _palette(52, np.uint16)
    made["SEG"] = _segmentation(53)
    for number, (name, (stream, tail)) in enumerate(VIDEOS.items(), 60):
        made[name] = _video(number, stream, tail)
    return {kind: to_bytes(ds) for kind, ds in made.items()}


def _one(modality: str, study: int, **more: object) -> FileDataset:
    return instance(1, study, modality=modality, **{**LOCAL, **more})  # type: ignore[arg-type]


def region() -> Sequence:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = 0, 0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 15, 15
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX = item.PhysicalDeltaY = 0.1
    return Sequence([item])


def _palette(study: int, kind: type[np.generic]) -> FileDataset:
    ds = _one("US", study)
    samples = (np.arange(256).reshape(1, 16, 16) % 256).astype(kind)
    pixels(ds, samples, "PALETTE COLOR", samples.itemsize * 8)
    del ds.PlanarConfiguration
    table = (np.arange(256) * 257).astype("<u2")
    for colour, entries in (("Red", table), ("Green", table[::-1]), ("Blue", table)):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", entries.tobytes())
    return ds


def _segmentation(study: int) -> FileDataset:
    ds = _one("RTDOSE", study)
    for keyword in ("DoseUnits", "DoseType", "DoseSummationType", "DoseGridScaling",
                    "GridFrameOffsetVector", "FrameIncrementPointer", "ReferencedRTPlanSequence"):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = STORAGE + "66.4"
    ds.Modality, ds.SegmentationType, ds.NumberOfFrames = "SEG", "BINARY", 4
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    ds.PixelData = bytes(range(128))
    ds["PixelData"].VR = "OB"
    return ds


def _video(study: int, video: Video, tail: str) -> FileDataset:
    from pydicom.encaps import encapsulate

    ds = _one("CINE", study, NumberOfFrames=video.frames, Rows=video.rows, Columns=video.columns,
              PhotometricInterpretation="YBR_PARTIAL_420", LossyImageCompression="01",
              LossyImageCompressionRatio="20", LossyImageCompressionMethod="ISO_14496_10",
              FrameTime="40")
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = STORAGE + "77.1.1.1"
    ds.Modality = "ES"
    ds.PixelData = encapsulate([mp4(video)], has_bot=False)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{tail}"
    return ds


def real(folder: Path, largest: int = 3 << 20) -> dict[str, bytes]:
    """The smallest sound file of each kind in ``folder`` (its MANIFEST.csv says what they are)."""
    found: dict[str, tuple[int, str]] = {}
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (row["path"].startswith(("broken/", "charset/")) or not row["sop_class"]
                    or "Directory" in row["sop_class"] or int(row["bytes"]) > largest):
                continue
            frames = "multi-frame" if row["frames"] not in ("", "0", "1") else ""
            words = (row["modality"], row["sop_class"].replace(" Storage", ""),
                     row["photometric"], row["bits_allocated"], frames,
                     row["transfer_syntax"].removeprefix("1.2.840.10008.1.2") or ".0")
            kind = " ".join(word for word in words if word)
            one = (int(row["bytes"]), row["path"])
            found[kind] = min(found.get(kind, one), one)
    # deflated files first: their UIDs stand as they are
    ordered = sorted(found, key=lambda kind: (not kind.endswith(".1.99"), kind))
    seen: set[str] = set()
    return {kind: _own_uid((folder / found[kind][1]).read_bytes(), number, seen)
            for number, kind in enumerate(ordered)}


def _own_uid(data: bytes, number: int, seen: set[str]) -> bytes:
    """Many files of the data are the same image in other syntaxes, under the same UID."""
    from io import BytesIO

    ds = dcmread(BytesIO(data), stop_before_pixels=True, force=True)
    uid = str(ds.get("SOPInstanceUID", ""))
    if not uid or uid not in seen:
        seen.add(uid)
        return data
    new = f"{uid[:-5]}7{number:04d}"
    seen.add(new)
    return data.replace(uid.encode(), new.encode())
