"""Words shared by the compiled walker and its plain twin: codes, limits, columns."""

from __future__ import annotations

import numpy as np

ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
FIRST_PIXEL_DATA = 0x7FE00008
"""Float Pixel Data; from here on a data set may only ascend (padding, signatures, private)."""
FIRST_BULK = 0x50000000
"""From here on values may be anything, so what looks like an item may be chance."""

#: Faults of structure: the walk leaves the container, or ends.
(OK, CUT, BEYOND, NO_DELIMITER, ILLEGAL_VR, NOT_AN_ITEM, TOO_DEEP, TOO_MANY, STRAY_DELIMITER,
 UNDEFINED_LENGTH, TRAILING, FRAGMENT_UNDEFINED, MORE) = range(13)
#: Oddities: the walk goes on.
(ODD_LENGTH, DISORDER, DUPLICATE, SWITCHED, NESTED_DISORDER, DELIMITER_LENGTH, NEEDLESS_DELIMITER,
 TRAILING_ZEROS, NOT_REALLY_ITEMS, UNKNOWN_SEQUENCE) = range(16, 26)
CODES = 26

#: Columns of ``state``.
VERDICT, AT, ROWS, COUNT, FRAGMENTS, TOP, TAIL = range(7)
STATES = 7

#: Columns of ``limits``; the last three describe the walk: the tag that it must get beyond, the end
#: of the data set, and how.
DEPTH, TOTAL, FEW, UNTIL, END, HOW = range(6)
#: Into all sequences; only along the top level; the same with only the first bytes at hand.
FULL, SHALLOW, BEGINNING = range(3)

#: How the elements of an item are encoded: implicit, explicit, or to be seen from its first bytes.
GUESS = 2

#: One top-level element; ``vr`` is empty where the data set does not say it.
ROW = np.dtype([("tag", "<u4"), ("vr", "S2"), ("undefined", "?"), ("start", "<i8"),
                ("value", "<i8"), ("length", "<i8")], align=True)
KERNEL_ROW = np.dtype([("tag", "<u4"), ("vr", "<u2"), ("undefined", "?"), ("start", "<i8"),
                       ("value", "<i8"), ("length", "<i8")], align=True)
