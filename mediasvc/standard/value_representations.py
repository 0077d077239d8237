"""Value Representations: how each is written and what it may hold (PS3.5 6.2, 7.1.2)."""

from __future__ import annotations

#: Explicit VR with two reserved bytes and a length of 32 bits (PS3.5 table 7.1-1).
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})

#: Explicit VR with a length of 16 bits (PS3.5 table 7.1-2).
SHORT_VRS = frozenset({"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
                       "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"})

ALL_VRS = LONG_VRS | SHORT_VRS

#: Undefined length means fragments for these (PS3.5 A.4) ...
FRAGMENT_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
#: ... and items for these (PS3.5 7.5, 6.2.2 note 2).
ITEM_VRS = frozenset({"SQ", "UN"})

#: VRs whose text depends on Specific Character Set (PS3.5 6.1.2.2).
CHARSET_VRS = frozenset({"SH", "LO", "ST", "LT", "PN", "UC", "UT"})

#: Text of the default repertoire (PS3.5 6.2).
ASCII_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})

TEXT_VRS = CHARSET_VRS | ASCII_VRS

#: VRs of which one value is text to the end: a backslash in them separates nothing (PS3.5 6.4).
SINGLE_VRS = frozenset({"ST", "LT", "UT", "UR"})

#: Most characters of one value (PS3.5 table 6.2-1); a PN has that many per component group.
MOST_CHARACTERS = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64,
                   "PN": 64, "SH": 16, "TM": 14, "UI": 64}
