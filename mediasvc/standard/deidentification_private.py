"""Private attributes that are known to hold nothing of the patient (PS3.15 E.3.10).

What reading and computing with images needs: diffusion, uptake, dose, geometry and scan parameters;
most rows are of table E.3.10-1 (2026d), which has more. Others stay only where the instance itself
marks their block as safe, (0008,0303).
"""

from __future__ import annotations

#: (private creator, group, element within the block)
_ROWS = {
    ("Philips PET Private Group", 0x7053, 0x00),  # SUV factor
    ("Philips PET Private Group", 0x7053, 0x09),  # activity concentration factor
    ("Philips MR Imaging DD 001", 0x2005, 0x0D),  # scale intercept
    ("Philips MR Imaging DD 001", 0x2005, 0x0E),  # scale slope
    ("ELSCINT1", 0x00E1, 0x21),  # DLP
    ("ELSCINT1", 0x00E1, 0x50),  # acquisition duration
    ("ELSCINT1", 0x01E1, 0x26),  # phantom type
    ("ELSCINT1", 0x01F1, 0x01),  # acquisition type
    ("ELSCINT1", 0x01F1, 0x07),  # table velocity
    ("ELSCINT1", 0x01F1, 0x26),  # pitch
    ("ELSCINT1", 0x01F1, 0x27),  # rotation time
    ("GEMS_ACQU_01", 0x0019, 0x23),  # table speed
    ("GEMS_ACQU_01", 0x0019, 0x24),  # mid scan time
    ("GEMS_ACQU_01", 0x0019, 0x27),  # rotation speed
    ("GEMS_ACQU_01", 0x0019, 0x9E),  # internal pulse sequence name
    ("GEMS_SERS_01", 0x0025, 0x07),  # images in series
    ("GEMS_PARM_01", 0x0043, 0x27),  # scan pitch ratio
    ("GEMS_PARM_01", 0x0043, 0x39),  # b value and its relatives
    ("GEMS_PARM_01", 0x0043, 0x6F),  # table entry and gradient coil
    ("GEMS_HELIOS_01", 0x0045, 0x01),  # macro rows in detector
    ("GEMS_HELIOS_01", 0x0045, 0x02),  # macro width at isocenter
    ("GEIIS PACS", 0x0903, 0x10),  # reject flag
    ("GEIIS PACS", 0x0903, 0x11),  # significant flag
    ("GEIIS PACS", 0x0903, 0x12),  # confidential flag
    ("SIEMENS MR HEADER", 0x0019, 0x0C),  # b value
    ("SIEMENS MR HEADER", 0x0019, 0x0D),  # diffusion directionality
    ("SIEMENS MR HEADER", 0x0019, 0x0E),  # diffusion gradient direction
    ("SIEMENS MR HEADER", 0x0019, 0x27),  # b matrix
}
#: (2001,xx01) MR Image Chemical Shift to (2001,xx57) Log Subtraction Taste, with diffusion b-factor
#: and direction: all but three.
_PHILIPS = {("Philips Imaging DD 001", 0x2001, element) for element in range(0x01, 0x58)
            if element not in (0x0D, 0x20, 0x52)}
SAFE_PRIVATE = frozenset(_ROWS | _PHILIPS)
#: In sequences, texts and bytes of unknown content more may hide than their names say.
SAFE_VRS = frozenset({"CS", "DS", "IS", "FD", "FL", "SL", "SS", "UL", "US", "SH", "LO", "SV", "UV"})
