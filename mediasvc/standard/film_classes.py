"""Which cine loops may become a video stream, and as what (PS3.3 A, C.8; PS3.5 8.2.5 to 8.2.11).

A video is YBR_PARTIAL_420 of three samples. Classes that allow this keep their instances; loops of
classes that are grey by definition become Multi-frame True Color Secondary Capture.
"""

from __future__ import annotations

from mediasvc.standard.sop_classes import STORAGE

SC_TRUE_COLOUR = f"{STORAGE}7.4"

#: SOP Class UID → that of the video.
FILM_CLASSES: dict[str, str] = {
    f"{STORAGE}3.1": f"{STORAGE}3.1",  # Ultrasound Multi-frame: YBR_PARTIAL_420 (C.8.5.6.1.2)
    SC_TRUE_COLOUR: SC_TRUE_COLOUR,  # Multi-frame True Color SC (A.8.5.4)
    f"{STORAGE}77.1.1.1": f"{STORAGE}77.1.1.1",  # Video Endoscopic (A.32.5)
    f"{STORAGE}77.1.2.1": f"{STORAGE}77.1.2.1",  # Video Microscopic (A.32.6)
    f"{STORAGE}77.1.4.1": f"{STORAGE}77.1.4.1",  # Video Photographic (A.32.7)
    f"{STORAGE}3": f"{STORAGE}3.1",  # Ultrasound Multi-frame, retired
    f"{STORAGE}12.1": SC_TRUE_COLOUR,  # X-Ray Angiographic: MONOCHROME2 only (C.8.7.2)
    f"{STORAGE}12.2": SC_TRUE_COLOUR,  # X-Ray Radiofluoroscopic: the same
    f"{STORAGE}7.2": SC_TRUE_COLOUR,  # Multi-frame Grayscale Byte SC (A.8.3.4)
    f"{STORAGE}7.3": SC_TRUE_COLOUR,  # Multi-frame Grayscale Word SC (A.8.4.4)
}

#: What says how stored values become grey or colour; nothing of it is true of a video.
GONE = (
    0x00280106, 0x00280107,  # Smallest, Largest Image Pixel Value
    0x00280120, 0x00280121,  # Pixel Padding Value, Range Limit
    0x00281040, 0x00281041,  # Pixel Intensity Relationship, Sign
    0x00281050, 0x00281051, 0x00281055, 0x00281056, 0x00283010,  # VOI LUT
    0x00281052, 0x00281053, 0x00281054, 0x00283000,  # Modality LUT
    0x00281101, 0x00281102, 0x00281103, 0x00281199,  # palettes
    0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223,
    0x00286100,  # Mask Subtraction
    0x20500020,  # Presentation LUT Shape
    0x00181065,  # Frame Time Vector
    0x7FE00001, 0x7FE00002,  # Extended Offset Table, Lengths
)
#: Text and graphics may be burned in until somebody denies it; made on a workstation (C.8.6.1).
CONVERSION_TYPE, BURNED_IN_ANNOTATION = 0x00080064, 0x00280301
WORKSTATION = "WSD"
