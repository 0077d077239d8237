"""The rules that a finished disc is judged by, one row each (PS3.10, PS3.11, PS3.12, IHE PDI).

Ids are those of the clause lists the project works from: R10 PS3.10, RF PS3.3 Annex F, R11 PS3.11,
R12 PS3.12, R15 PS3.15, R3 and R5 images in PS3.3 and PS3.5, PDI IHE Portable Data for Imaging; P
and M what damage does to files and media. A small letter behind an id parts one clause into rules
that can fail alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["must", "should"]
ALL = frozenset({"folder", "iso", "zip", "tar", "file"})
ISO = frozenset({"iso"})
ZIP = frozenset({"zip"})


@dataclass(frozen=True, slots=True)
class DiscRule:
    """``text`` says what is so when the rule holds; ``kinds`` of package that it is asked of."""

    id: str
    level: Level
    text: str
    kinds: frozenset[str] = ALL


RULES = (
    # the medium
    DiscRule("M30", "must", "The image is complete: nothing lies behind its end", ISO),
    DiscRule("M00", "must", "Every file on the medium can be read and none is hostile"),
    DiscRule("R12-1a", "must", "ISO 9660 level 1: 8.3 names of A-Z 0-9 _, at most 8 levels", ISO),
    DiscRule("R12-1b", "must", "The volume is named like the file-set", ISO),
    DiscRule("R12-1c", "should", "The system identifier is blank", ISO),
    DiscRule("R12-1d", "must", "The image fits the medium of its profile", ISO),
    DiscRule("R12-1e", "should", "Unused bytes of the image are zero", ISO),
    DiscRule("R12-1f", "must", "Both path tables lead to the folders of the tree", ISO),
    # ECMA-119 9.1.6, PS3.12 P.2.1: hidden files have no place; ISO 9660:1999 8.5; ECMA-119 6.4, 6.8
    DiscRule("R12-1g", "should", "No file or folder is hidden or associated with another", ISO),
    DiscRule("R12-1h", "should", "No enhanced volume descriptor announces level 4", ISO),
    DiscRule("R12-1i", "must", "Files, folders and tables lie within the volume, none in another",
             ISO),
    DiscRule("R12-2", "must", "Its lists (ISO 9660, Joliet, UDF) show the same files", ISO),
    DiscRule("R12-2b", "must", "A reader of another code base (pycdlib) sees the same files", ISO),
    DiscRule("R12-3", "must", "A BD image has UDF 2.50 or 2.60", ISO),
    DiscRule("R12-4", "must", "No file is larger than its medium can hold"),
    DiscRule("R12-5", "must", "The ZIP keeps 8-character names in at most 8 levels", ZIP),
    DiscRule("R12-6", "must", "Parts of the message have File IDs of at most 71 characters"),
    DiscRule("R11-7", "must", "The message has the subject and the one attachment of Annex L"),
    DiscRule("R15-8", "must", "The message is encrypted with AES, signed, and not changed"),
    DiscRule("R12-8", "should", "The container is that of the profile's medium"),
    # the file-set
    DiscRule("R10-1", "must", "Exactly one DICOMDIR, in the root, under that name"),
    DiscRule("R10-1b", "must", "DICOMDIR is a Media Storage Directory, Explicit VR Little Endian, "
             "with a File-set UID"),
    DiscRule("R10-2", "must", "The File-set ID has at most 16 characters of A-Z 0-9 _ and space"),
    DiscRule("R10-6", "must", "Nothing but padding lies behind the records of DICOMDIR"),
    DiscRule("R10-3", "must", "File IDs have 1 to 8 components of 1 to 8 characters A-Z 0-9 _"),
    DiscRule("R10-3b", "must", "Files stand under exactly the names that DICOMDIR gives"),
    DiscRule("R10-4", "must", "Every file that DICOMDIR names is on the medium"),
    DiscRule("R11-3", "must", "Every DICOM file is named by DICOMDIR, which is not empty"),
    DiscRule("R11-3b", "must", "No file is named twice"),
    # the directory
    DiscRule("RF-1", "must", "First and last root record are right, the file-set is consistent"),
    DiscRule("RF-2", "must", "Every record is in use and reached exactly once"),
    DiscRule("RF-9", "must", "Every offset is the byte position of a record"),
    DiscRule("RF-3", "must", "SOP class, instance and transfer syntax of records equal the files'"),
    DiscRule("RF-4", "must", "PATIENT records have a Patient ID, each another one"),
    DiscRule("RF-5", "must", "One STUDY record with all its keys for each Study Instance UID"),
    DiscRule("RF-6", "must", "One SERIES record with all its keys for each Series Instance UID"),
    DiscRule("RF-7", "must", "Records of instances have all their keys"),
    DiscRule("RF-8", "must", "Record types stand at their level and suit the SOP class"),
    DiscRule("RF-10", "must", "Identifying and instance keys of records equal the files' values"),
    DiscRule("RF-11", "should", "Describing keys of records equal the files' values"),
    DiscRule("RF-12", "must", "Values of records are legal for their Value Representation"),
    DiscRule("RF-13", "must", "Icons have the pixels that their rows and columns ask for"),
    # the instances
    DiscRule("P01", "must", "Every DICOM file is complete and unambiguous, to its last byte"),
    DiscRule("P02", "must", "Pixel data are as long as rows, columns and frames say"),
    DiscRule("R5-1", "must", "Bits Stored and High Bit fit into Bits Allocated"),
    DiscRule("R5-1b", "should", "High Bit is one less than Bits Stored"),
    DiscRule("R3-1", "should", "Photometric Interpretations are those of the standard"),
    # PS3.5 7.1.1; 7.1 and 7.5.1; 7.1.2 and 7.5.2; A.4 and PS3.3 C.7.6.3.1.8. Archives hold such
    # instances, and readers bear them: what one breaks is told, and it still goes on a disc.
    DiscRule("R5-2", "should", "Values have an even number of bytes"),
    DiscRule("R5-3", "should", "Elements stand in the order of their tags, also in items"),
    DiscRule("R5-4", "should", "Elements name their type, delimiters stand where they are needed"),
    DiscRule("R5-5", "should", "Offset tables lead to the frames of encapsulated pixel data"),
    DiscRule("R10-5", "must", "No preamble can be run or opened as another kind of file"),
    DiscRule("R10-5b", "should", "Preambles are zero or TIFF"),
    DiscRule("R10-8", "must", "File meta information is right and agrees with the data set"),
    DiscRule("R11-1", "must", "Transfer syntaxes are those of the profile"),
    DiscRule("R11-2", "must", "SOP classes are those of the profile"),
    DiscRule("R11-2b", "must", "Images have the values that the profile asks for"),
    DiscRule("R11-5", "must", "DICOMDIR has the further keys that the profile asks for"),
    DiscRule("R11-6", "must", "JPEG frames are in the interchange format, with their tables"),
    DiscRule("U01", "must", "No two files have the same SOP Instance UID"),
    DiscRule("E03", "should", "All images are of one patient"),
    # what is beside them
    DiscRule("PDI-2", "should", "README.TXT and INDEX.HTM are in the root, names are 8.3"),
    DiscRule("PDI-2b", "should", "DICOM and IHE_PDI hold nothing else"),
    DiscRule("PDI-2c", "should", "Nothing lies on it that an operating system left behind"),
    DiscRule("PDI-8", "should", "README.TXT is plain text with something in it"),
    DiscRule("PDI-3", "should", "Pages are well-formed and every link of them leads to a file"),
    DiscRule("PDI-5", "should", "Nothing starts by itself, or is offered for a start"),
    DiscRule("PDI-5b", "should", "No program stands in the root"),
    DiscRule("E04", "should", "Videos beside the images are whole"),
    # the proof
    DiscRule("N7", "must", "Every file has the hash that the list on the disc gives"),
    DiscRule("E01", "must", "The image is the one of its certificate"),
    DiscRule("E01b", "must", "Certificate and list of hashes are signed by the key that is named"),
)

BY_ID = {rule.id: rule for rule in RULES}
