"""What a wrapped file becomes: the modules of each SOP Class and their attributes (PS3.3 A, C).

Only attributes of Type 1 and 2 stand here, and conditional ones whose condition is met; what a side
file says comes on top. A Type 2 attribute that nobody knows is written empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mediasvc.standard.sop_classes import STORAGE

Type = Literal["1", "2"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """``default`` is used where neither the file nor a person says it; None means there is none."""

    keyword: str
    type: Type
    default: Any = None


def _attributes(type_: Type, keywords: str, **defaults: Any) -> tuple[Attribute, ...]:
    return tuple(Attribute(keyword, type_, defaults.get(keyword)) for keyword in keywords.split())


#: Module → attributes; the clause is PS3.3's.
MODULES: dict[str, tuple[Attribute, ...]] = {
    # C.7.1.1; no identifier is ever invented, so Patient ID counts as Type 1 here
    "Patient": (*_attributes("1", "PatientID"),
                *_attributes("2", "PatientName PatientBirthDate PatientSex")),
    # C.7.2.1
    "General Study": (*_attributes("1", "StudyInstanceUID"),
                      *_attributes("2", "StudyDate StudyTime ReferringPhysicianName StudyID "
                                   "AccessionNumber")),
    # C.7.3.1; whether the part is a paired one, nobody said
    "General Series": (*_attributes("1", "Modality SeriesInstanceUID"),
                       *_attributes("2", "SeriesNumber Laterality")),
    # C.24.1
    "Encapsulated Document Series": _attributes("1", "Modality SeriesInstanceUID SeriesNumber"),
    # C.7.4.1
    "Frame of Reference": (*_attributes("1", "FrameOfReferenceUID"),
                           *_attributes("2", "PositionReferenceIndicator")),
    # C.7.5.1
    "General Equipment": _attributes("2", "Manufacturer"),
    # C.7.5.2
    "Enhanced General Equipment": _attributes(
        "1", "Manufacturer ManufacturerModelName DeviceSerialNumber SoftwareVersions",
        Manufacturer="unknown", ManufacturerModelName="unknown", DeviceSerialNumber="unknown",
        SoftwareVersions="unknown"),
    # C.8.6.1; DI digital interface, DV digitised video, SD scanned document
    "SC Equipment": _attributes("1", "ConversionType"),
    # C.7.6.1; time is written where it is known, empty it would be wrong in C.8.12.1
    "General Image": _attributes("2", "InstanceNumber PatientOrientation"),
    # C.7.6.3.1
    "Image Pixel": _attributes("1", "SamplesPerPixel PhotometricInterpretation Rows Columns "
                               "BitsAllocated BitsStored HighBit PixelRepresentation"),
    # C.7.6.5; Frame Time because Frame Increment Pointer names it
    "Cine": _attributes("1", "FrameTime"),
    # C.7.6.6
    "Multi-frame": _attributes("1", "NumberOfFrames FrameIncrementPointer"),
    # C.7.6.14
    "Acquisition Context": _attributes("2", "AcquisitionContextSequence",
                                       AcquisitionContextSequence=[]),
    # C.8.12.1
    "VL Image": (*_attributes("1", "ImageType PhotometricInterpretation"),
                 *_attributes("2", "LossyImageCompression")),
    # C.8.12.1, conditional: a video; CID 4
    "VL Video": _attributes("1", "AnatomicRegionSequence", AnatomicRegionSequence=[
        {"CodeValue": "38266002", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Entire body"}]),
    # C.8.6.3; that text may be burned in is assumed until somebody denies it
    "SC Multi-frame Image": _attributes("1", "BurnedInAnnotation", BurnedInAnnotation="YES"),
    # C.8.6.3, conditional: MONOCHROME2
    "SC Multi-frame Grayscale": _attributes(
        "1", "PresentationLUTShape RescaleIntercept RescaleSlope RescaleType",
        PresentationLUTShape="IDENTITY", RescaleIntercept=0, RescaleSlope=1, RescaleType="US"),
    # C.8.6.4
    "SC Multi-frame Vector": _attributes("1", "PageNumberVector"),
    # C.24.2
    "Encapsulated Document": (
        *_attributes("1", "InstanceNumber BurnedInAnnotation MIMETypeOfEncapsulatedDocument "
                     "EncapsulatedDocumentLength", BurnedInAnnotation="YES"),
        *_attributes("2", "ContentDate ContentTime AcquisitionDateTime DocumentTitle "
                     "ConceptNameCodeSequence", ConceptNameCodeSequence=[])),
    # C.35.2; the format has no unit, printers take millimetres
    "Manufacturing 3D Model": _attributes(
        "1", "MeasurementUnitsCodeSequence ModelModification ModelMirroring",
        MeasurementUnitsCodeSequence=[{"CodeValue": "mm", "CodingSchemeDesignator": "UCUM",
                                       "CodeMeaning": "mm"}],
        ModelModification="NO", ModelMirroring="NO"),
    # C.24.2, conditional: a clinical document; identifier and media types come from it
    "Clinical Document": _attributes("1", "HL7InstanceIdentifier"),
    # C.17.1
    "SR Document Series": (*_attributes("1", "Modality SeriesInstanceUID SeriesNumber"),
                           *_attributes("2", "ReferencedPerformedProcedureStepSequence",
                                        ReferencedPerformedProcedureStepSequence=[])),
    # C.17.2; nobody attested a text that was only wrapped. All of the file is in it, so it is
    # complete, unless the person who gives it says that the file is not
    "SR Document General": (
        *_attributes("1", "InstanceNumber CompletionFlag VerificationFlag ContentDate ContentTime",
                     CompletionFlag="COMPLETE", VerificationFlag="UNVERIFIED"),
        *_attributes("2", "PerformedProcedureCodeSequence", PerformedProcedureCodeSequence=[])),
    # C.17.3
    "SR Document Content": _attributes(
        "1", "ValueType ConceptNameCodeSequence ContinuityOfContent ContentSequence"),
    # C.12.1
    "SOP Common": _attributes("1", "SOPClassUID SOPInstanceUID"),
}


@dataclass(frozen=True, slots=True)
class SopClass:
    uid: str
    name: str
    modules: tuple[str, ...]
    clause: str


_COMMON = ("Patient", "General Study", "SOP Common")
_IMAGE = (*_COMMON, "General Series", "General Equipment", "General Image", "Image Pixel")
_VL = (*_IMAGE, "Acquisition Context", "VL Image")
_VIDEO = (*_VL, "VL Video", "Cine", "Multi-frame")
_SC_PAGES = (*_IMAGE, "SC Equipment", "Multi-frame", "SC Multi-frame Image",
             "SC Multi-frame Vector")
_DOCUMENT = (*_COMMON, "General Equipment", "Encapsulated Document Series",
             "Encapsulated Document")


def _class(tail: str, name: str, modules: tuple[str, ...], clause: str) -> SopClass:
    return SopClass(STORAGE + tail, name, modules, clause)


SECONDARY_CAPTURE = _class("7", "Secondary Capture Image", (*_IMAGE, "SC Equipment"), "A.8.1")
SC_BYTE = _class("7.2", "Multi-frame Grayscale Byte Secondary Capture Image",
                 (*_SC_PAGES, "SC Multi-frame Grayscale"), "A.8.3")
SC_WORD = _class("7.3", "Multi-frame Grayscale Word Secondary Capture Image",
                 (*_SC_PAGES, "SC Multi-frame Grayscale"), "A.8.4")
SC_COLOUR = _class("7.4", "Multi-frame True Color Secondary Capture Image", _SC_PAGES, "A.8.5")
SC_VIDEO = _class("7.4", "Multi-frame True Color Secondary Capture Image",
                  (*_IMAGE, "SC Equipment", "Cine", "Multi-frame", "SC Multi-frame Image"), "A.8.5")
ENCAPSULATED_PDF = _class("104.1", "Encapsulated PDF", (*_DOCUMENT, "SC Equipment"), "A.45.1")
ENCAPSULATED_STL = _class(
    "104.3", "Encapsulated STL", (*_DOCUMENT, "Frame of Reference", "Enhanced General Equipment",
                                  "Manufacturing 3D Model"), "A.85.1")
ENCAPSULATED_OBJ = _class(
    "104.4", "Encapsulated OBJ", (*_DOCUMENT, "Frame of Reference", "Enhanced General Equipment",
                                  "Manufacturing 3D Model"), "A.85.2")
ENCAPSULATED_MTL = _class(
    "104.5", "Encapsulated MTL", (*_DOCUMENT, "Enhanced General Equipment",
                                  "Manufacturing 3D Model"), "A.85.3")
ENCAPSULATED_CDA = _class("104.2", "Encapsulated CDA",
                          (*_DOCUMENT, "SC Equipment", "Clinical Document"), "A.45.2")
BASIC_TEXT_SR = _class("88.11", "Basic Text SR",
                       (*_COMMON, "General Equipment", "SR Document Series", "SR Document General",
                        "SR Document Content"), "A.35.1")

#: Modality → class of one photo (A.32.1, A.32.2, A.32.4), and of a video (A.32.5, .6, .7).
PHOTOS = {
    "XC": _class("77.1.4", "VL Photographic Image", _VL, "A.32.4"),
    "ES": _class("77.1.1", "VL Endoscopic Image", _VL, "A.32.1"),
    "GM": _class("77.1.2", "VL Microscopic Image", _VL, "A.32.2"),
}
VIDEOS = {
    "XC": _class("77.1.4.1", "Video Photographic Image", _VIDEO, "A.32.7"),
    "ES": _class("77.1.1.1", "Video Endoscopic Image", _VIDEO, "A.32.5"),
    "GM": _class("77.1.2.1", "Video Microscopic Image", _VIDEO, "A.32.6"),
}
#: What is assumed where nobody says a modality (PS3.3 C.7.3.1.1.1).
PHOTO_MODALITY, SCAN_MODALITY, TEXT_MODALITY = "XC", "OT", "SR"


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of file that is kept whole; ``mime`` of C.24.2.1 and A.85, ``conversion`` of C.8.6.1,
    ``series`` the Series Number of its kind."""

    sop_class: SopClass
    modality: str
    mime: str
    conversion: str = ""
    series: int = 3


DOCUMENTS = {
    "pdf": Document(ENCAPSULATED_PDF, "DOC", "application/pdf", "SD"),
    "cda": Document(ENCAPSULATED_CDA, "DOC", "text/XML", "WSD", 5),
    "stl": Document(ENCAPSULATED_STL, "M3D", "model/stl"),
    "obj": Document(ENCAPSULATED_OBJ, "M3D", "model/obj", series=6),
    "mtl": Document(ENCAPSULATED_MTL, "M3D", "model/mtl", series=7),
}
TEXT_SERIES = 4
#: Where a payload came from (C.8.6.1).
CONVERSIONS = {"jpeg": "DI", "png": "DI", "tiff": "SI", "video": "DV"}
