"""Private attributes that are known to hold nothing of the patient (PS3.15 table E.3.10-1).

The part of the table that reading and computing with images needs: diffusion, uptake, dose and
geometry. Others stay only where the instance itself marks their block as safe, (0008,0303).
"""

from __future__ import annotations

#: (private creator, group, element within the block)
SAFE_PRIVATE = frozenset({
    ("Philips PET Private Group", 0x7053, 0x00),  # SUV factor
    ("Philips PET Private Group", 0x7053, 0x09),  # activity concentration factor
    ("Philips MR Imaging DD 001", 0x2005, 0x0D),  # scale intercept
    ("Philips MR Imaging DD 001", 0x2005, 0x0E),  # scale slope
    ("Philips Imaging DD 001", 0x2001, 0x03),  # diffusion b-factor
    ("Philips Imaging DD 001", 0x2001, 0x04),  # diffusion direction
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
    ("SIEMENS MR HEADER", 0x0019, 0x0C),  # b value
    ("SIEMENS MR HEADER", 0x0019, 0x0D),  # diffusion directionality
    ("SIEMENS MR HEADER", 0x0019, 0x0E),  # diffusion gradient direction
    ("SIEMENS MR HEADER", 0x0019, 0x27),  # b matrix
})
#: In sequences, texts and bytes of unknown content more may hide than their names say.
SAFE_VRS = frozenset({"CS", "DS", "IS", "FD", "FL", "SL", "SS", "UL", "US", "SH", "LO", "SV", "UV"})
