"""Of the many whom some key finds, those who are worth a comparison.

In an index of millions thousands share a name, a birth date or a street. A key that few have says
much of them, one that many have says little: what the keys say of a patient is added up, and only
those of whom most is said are compared field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from math import log2

#: Patients who are compared. Whoever is not among so many would stand far down the list of
#: candidates, which shows ten.
COMPARED = 100


def shortlist(lists: Sequence[Sequence[int]], limit: int, compared: int = COMPARED) -> list[int]:
    """The ``compared`` rows with the rarest keys in common, of ``lists`` that have one for each
    key; one of ``limit`` rows may have been cut off."""
    said: dict[int, float] = {}
    for rows in lists:
        weight = log2(1 + 2 * limit / len(rows)) if rows else 0
        for row in rows:
            said[row] = said.get(row, 0) + weight
    if len(said) <= compared:
        return list(said)
    return nlargest(compared, said, key=said.__getitem__)
