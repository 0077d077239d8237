"""What each kind of object adds to patient, study and series. Enough of each IOD for validators."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from samples import phantom

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


class Place(NamedTuple):
    """What a filler may need to know: size, frames, a seed and the instance's number."""

    rows: int
    columns: int
    frames: int
    seed: int
    number: int


class Kind(NamedTuple):
    modality: str
    sop_class_uid: str
    fill: Callable[[Dataset, Place], None]


def item(**keywords: object) -> Dataset:
    ds = Dataset()
    for keyword, value in keywords.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Sequence:
    return Sequence([item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)])


def pixels(ds: Dataset, samples: NDArray[np.generic], photometric: str, stored: int) -> None:
    """Image Pixel module; ``samples`` is (frames, rows, columns) or with a last axis of 3."""
    ds.SamplesPerPixel = 3 if samples.ndim == 4 else 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = samples.shape[1:3]
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = samples.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = stored, stored - 1
    ds.PixelRepresentation = 1 if samples.dtype.kind == "i" else 0
    data = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"


def grey(place: Place, bits: int = 12) -> NDArray[np.uint16]:
    return np.stack([phantom.grey(place.rows, place.columns, place.seed + frame, bits=bits)
                     for frame in range(place.frames)])


def plane(ds: Dataset, place: Place) -> None:
    ds.ImagePositionPatient = [-100, -100, 2.5 * place.number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [0.8, 0.8]
    ds.SliceThickness = "2.5"
    ds.SliceLocation = str(2.5 * place.number)
    ds.FrameOfReferenceUID = ds.SeriesInstanceUID + ".0"
    ds.PositionReferenceIndicator = ""


def ct(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    plane(ds, place)
    ds.KVP, ds.AcquisitionNumber, ds.PatientPosition = "120", "1", "HFS"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    pixels(ds, grey(place).astype(np.int16) - 1024, "MONOCHROME2", 16)


def mr(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    plane(ds, place)
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "NONE", ""
    ds.MRAcquisitionType, ds.RepetitionTime, ds.EchoTime = "2D", "500", "15"
    ds.EchoTrainLength, ds.PatientPosition = "1", "HFS"
    pixels(ds, grey(place), "MONOCHROME2", 12)


def cr(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.BodyPartExamined, ds.ViewPosition, ds.PatientOrientation = "CHEST", "PA", ["L", "F"]
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    pixels(ds, np.asarray(4095 - grey(place), np.uint16), "MONOCHROME1", 12)


def us(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.PatientOrientation = ""
    pixels(ds, np.stack([phantom.colour(place.rows, place.columns, place.seed)]), "RGB", 8)


def cine(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.PatientOrientation = ""
    ds.NumberOfFrames = place.frames
    ds.FrameTime, ds.FrameIncrementPointer = "40", 0x00181063
    frames = [phantom.colour(place.rows, place.columns, place.seed + number)
              for number in range(place.frames)]
    pixels(ds, np.stack(frames), "RGB", 8)


def pet(ds: Dataset, place: Place) -> None:
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    plane(ds, place)
    ds.Units, ds.CountsSource, ds.SeriesType = "BQML", "EMISSION", ["WHOLE BODY", "IMAGE"]
    ds.NumberOfSlices, ds.CorrectedImage, ds.DecayCorrection = 1, ["DECY", "ATTN"], "START"
    ds.CollimatorType, ds.FrameReferenceTime, ds.ImageIndex = "NONE", "0", place.number
    ds.SeriesDate, ds.SeriesTime = ds.StudyDate, ds.StudyTime
    ds.AcquisitionDate, ds.AcquisitionTime = ds.StudyDate, ds.StudyTime
    ds.ActualFrameDuration, ds.DecayFactor = "60000", "1.1"
    ds.PatientOrientationCodeSequence = Sequence()
    ds.PatientGantryRelationshipCodeSequence = Sequence()
    ds.RadiopharmaceuticalInformationSequence = Sequence([item(
        RadiopharmaceuticalStartTime="080000", RadionuclideTotalDose="370000000",
        RadionuclideHalfLife="6588",
        RadionuclideCodeSequence=code("C-111A1", "SRT", "^18^Fluorine"))])
    ds.RescaleIntercept, ds.RescaleSlope = "0", "2.5"
    pixels(ds, grey(place).astype(np.int16), "MONOCHROME2", 16)


def report(ds: Dataset, place: Place) -> None:
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.PerformedProcedureCodeSequence = Sequence()
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = code("18748-4", "LN", "Diagnostic Imaging Report")
    ds.ContentSequence = Sequence([item(
        RelationshipType="CONTAINS", ValueType="TEXT", TextValue="Synthetic report, no findings.",
        ConceptNameCodeSequence=code("121071", "DCM", "Finding"))])


def document(ds: Dataset, place: Place) -> None:
    ds.ConversionType, ds.BurnedInAnnotation, ds.DocumentTitle = "WSD", "YES", "Referral letter"
    ds.AcquisitionDateTime = ""
    ds.ConceptNameCodeSequence = Sequence()
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocument = PDF + b"\0" * (len(PDF) % 2)
    ds.EncapsulatedDocumentLength = len(PDF)


def referenced(ds: Dataset) -> Dataset:
    """The first CT of the same study, which key objects and presentation states point at."""
    return item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2",
                ReferencedSOPInstanceUID=f"{ds.StudyInstanceUID}.1.1")


def key_object(ds: Dataset, place: Place) -> None:
    ds.ReferencedPerformedProcedureStepSequence = Sequence()
    ds.CurrentRequestedProcedureEvidenceSequence = Sequence([item(
        StudyInstanceUID=ds.StudyInstanceUID, ReferencedSeriesSequence=Sequence([item(
            SeriesInstanceUID=f"{ds.StudyInstanceUID}.1",
            ReferencedSOPSequence=Sequence([referenced(ds)]))]))])
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = code("113000", "DCM", "Of Interest")
    ds.ContentTemplateSequence = Sequence([item(MappingResource="DCMR", TemplateIdentifier="2010")])
    ds.ContentSequence = Sequence([item(RelationshipType="CONTAINS", ValueType="IMAGE",
                                        ReferencedSOPSequence=Sequence([referenced(ds)]))])


def presentation(ds: Dataset, place: Place) -> None:
    ds.ContentLabel, ds.ContentDescription = "SAMPLE", ""
    ds.PresentationCreationDate, ds.PresentationCreationTime = ds.StudyDate, "120000"
    ds.ContentCreatorName = ""
    ds.ReferencedSeriesSequence = Sequence([item(
        SeriesInstanceUID=f"{ds.StudyInstanceUID}.1",
        ReferencedImageSequence=Sequence([referenced(ds)]))])
    ds.DisplayedAreaSelectionSequence = Sequence([item(
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[place.columns, place.rows],
        PresentationSizeMode="SCALE TO FIT", PresentationPixelAspectRatio=[1, 1])])
    ds.SoftcopyVOILUTSequence = Sequence([item(WindowCenter="40", WindowWidth="350")])
    ds.PresentationLUTShape = "IDENTITY"


def ecg(ds: Dataset, place: Place) -> None:
    count = 200
    wave = (np.sin(np.arange(count) / 8 + place.seed) * 800).astype("<i2")
    channel = item(ChannelSourceSequence=code("2:1", "MDC", "Lead I"), ChannelSensitivity="1",
                   ChannelSensitivityUnitsSequence=code("uV", "UCUM", "microvolt"),
                   ChannelSensitivityCorrectionFactor="1", ChannelBaseline="0",
                   ChannelSampleSkew="0", WaveformBitsStored=16)
    group = item(WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=1,
                 NumberOfWaveformSamples=count, SamplingFrequency="200",
                 ChannelDefinitionSequence=Sequence([channel]), WaveformBitsAllocated=16,
                 WaveformSampleInterpretation="SS")
    group.add_new(0x54001010, "OW", wave.tobytes())
    ds.AcquisitionDateTime = ds.StudyDate + "090000"
    ds.AcquisitionContextSequence = Sequence()
    ds.WaveformSequence = Sequence([group])


def dose(ds: Dataset, place: Place) -> None:
    plane(ds, place)
    ds.NumberOfFrames, ds.FrameIncrementPointer = place.frames, 0x3004000C
    ds.GridFrameOffsetVector = [2.5 * n for n in range(place.frames)]
    ds.OperatorsName = ""
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = "0.001"
    ds.ReferencedRTPlanSequence = Sequence([item(
        ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.481.5",
        ReferencedSOPInstanceUID=f"{ds.SeriesInstanceUID}.9999")])
    pixels(ds, grey(place, bits=16), "MONOCHROME2", 16)


#: What `samples.synthesis.instance` takes as ``modality``.
KINDS = {
    "CT": Kind("CT", "1.2.840.10008.5.1.4.1.1.2", ct),
    "MR": Kind("MR", "1.2.840.10008.5.1.4.1.1.4", mr),
    "CR": Kind("CR", "1.2.840.10008.5.1.4.1.1.1", cr),
    "US": Kind("US", "1.2.840.10008.5.1.4.1.1.6.1", us),
    "CINE": Kind("US", "1.2.840.10008.5.1.4.1.1.3.1", cine),
    "PT": Kind("PT", "1.2.840.10008.5.1.4.1.1.128", pet),
    "SR": Kind("SR", "1.2.840.10008.5.1.4.1.1.88.11", report),
    "DOC": Kind("DOC", "1.2.840.10008.5.1.4.1.1.104.1", document),
    "KO": Kind("KO", "1.2.840.10008.5.1.4.1.1.88.59", key_object),
    "PR": Kind("PR", "1.2.840.10008.5.1.4.1.1.11.1", presentation),
    "ECG": Kind("ECG", "1.2.840.10008.5.1.4.1.1.9.1.2", ecg),
    "RTDOSE": Kind("RTDOSE", "1.2.840.10008.5.1.4.1.1.481.2", dose),
}
