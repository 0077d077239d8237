"""The lengths of an optimal Huffman code, compiled (T.81 annex K.2)."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from mediasvc.codecs.compiled import INTS
from mediasvc.codecs.machine import inline, kernels

Ints = NDArray[np.int64]

#: Bits of the longest code; the standard allows 16. With 17 symbols it costs nothing to measure.
LONGEST = 12
#: Bits that a code of so few symbols cannot reach before it is limited.
_MOST = 32


@inline
def _least(weights: Ints, but: int) -> int:
    """The last one of the least weights that are not 0, other than ``but``; -1: there is none."""
    found = -1
    for k in range(len(weights)):
        if weights[k] and k != but and (found < 0 or weights[k] <= weights[found]):
            found = k
    return found


@inline
def _depths(weights: Ints, depths: Ints) -> None:
    """How deep each symbol stands in Huffman's tree (K.2, Code_size)."""
    trees = np.arange(len(weights))
    while True:
        one = _least(weights, -1)
        other = _least(weights, one)
        if other < 0:
            return
        weights[one] += weights[other]
        weights[other] = 0
        for k in range(len(trees)):
            if trees[k] in (one, other):
                depths[k] += 1
                trees[k] = one


@inline
def _limit(of_length: Ints) -> None:
    """Shorten what is longer than `LONGEST` (K.2, Adjust_BITS)."""
    for length in range(_MOST, LONGEST, -1):
        while of_length[length] > 0:
            shorter = length - 2
            while of_length[shorter] == 0:
                shorter -= 1
            of_length[length] -= 2
            of_length[length - 1] += 1
            of_length[shorter + 1] += 2
            of_length[shorter] -= 1


@kernels(types.void(INTS, INTS, INTS))
def huffman_code(counts: Ints, lengths: Ints, codes: Ints) -> None:
    """An optimal code for symbols that are ``counts`` times there, none longer than `LONGEST` and
    none of ones only; length 0 for symbols that are not there. Codes are canonical (annex C)."""
    weights = np.ones(len(counts) + 1, np.int64)  # the last one keeps the code of ones free
    weights[:-1] = counts
    depths, of_length = np.zeros(len(weights), np.int64), np.zeros(_MOST + 1, np.int64)
    _depths(weights, depths)
    for depth in depths:
        of_length[depth] += depth > 0
    _limit(of_length)
    longest = _MOST
    while of_length[longest] == 0:
        longest -= 1
    of_length[longest] -= 1
    lengths[:] = 0
    length, code = 1, 0
    for depth in range(1, _MOST + 1):
        for k in range(len(counts)):
            if counts[k] and depths[k] == depth:
                while of_length[length] == 0:
                    length += 1
                of_length[length] -= 1
                lengths[k] = length
    for length in range(1, LONGEST + 1):
        for k in range(len(counts)):
            if lengths[k] == length:
                codes[k] = code
                code += 1
        code <<= 1
