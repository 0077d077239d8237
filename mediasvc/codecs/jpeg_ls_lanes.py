"""The contexts of JPEG-LS side by side, compiled (T.87 A.4 to A.6), for an encoder.

Without loss, all neighbours are known beforehand, and a context learns from its own samples only.
So the samples of several lines are dealt out to their contexts, and `LANES` contexts go on in step,
one instruction for all; those with the most samples together, so that few lanes wait.

A *code* is a number: its bits, and from `SIZE` on how many they are, zeros before them included.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediasvc.codecs.jpeg_ls_contexts import MAX_C, MIN_C, REGULAR, Box
from mediasvc.codecs.jpeg_ls_neighbours import ROOM
from mediasvc.codecs.jpeg_ls_writer import BOX as _FIRST
from mediasvc.codecs.jpeg_ls_writer import STRIDE
from mediasvc.codecs.lanes import LANES, copy_lanes, left, right, zeros_before
from mediasvc.codecs.machine import bare, bare_part

i32, u32 = np.int32, np.uint32

#: A code has fewer bits than this that aren't zeros before it.
SIZE = i32(24)
#: Stands for a context where an item is a code already.
CODED = REGULAR
#: The default (C.2.4.1.1), as a shift: what has it is seen by one.
RESET_BITS = i32(6)

#: Places in the box, behind those of `jpeg_ls_writer`: A B C N of each lane, and what it works on;
#: contexts by how many samples they have, that number, where their next sample goes, and how far
#: that is from the one before.
_LANE = _FIRST
_WORK = _LANE + 4 * LANES
ORDER = _WORK + LANES
COUNT = ORDER + REGULAR
_NEXT = COUNT + REGULAR + 1
_STEP = _NEXT + REGULAR + 1
DESK = _STEP + REGULAR + 1
_A, _B, _C, _N = (np.uintp(_LANE + LANES * _k) for _k in range(4))
_UWORK, UCOUNT = np.uintp(_WORK), np.uintp(COUNT)
_UNEXT, _USTEP = np.uintp(_NEXT), np.uintp(_STEP)


@bare
def _work(box: Box, maxval: Any, cut: Any, most: Any, bits: Any) -> None:
    """One sample in each lane, from what `look_around` says to its code."""
    one, none = i32(1), i32(0)
    for number in range(LANES):
        lane = np.uintp(number)
        pair = box[_UWORK + lane]
        a, b, c, n = box[_A + lane], box[_B + lane], box[_C + lane], box[_N + lane]
        floor = i32(none - i32(u32(pair) >> u32(ROOM)))
        error = right(left(i32(pair - min(max(c, floor), i32(floor + maxval))), cut), cut)
        k = i32(zeros_before(n) - zeros_before(i32(a | n)))
        k = i32(k + i32(left(n, k) < a))
        sign = right(error, i32(31))
        other = i32(i32(i32(b + b) + n) <= none) & i32(k == none)
        mapped = i32(i32(left(error, one) ^ sign) ^ i32(other))
        unary = right(mapped, k)
        code = i32(left(one, k) | i32(mapped & i32(left(one, k) - one)))
        size = i32(i32(unary + one) + k)
        if unary >= most:
            code, size = i32(left(one, bits) | i32(mapped - one)), i32(i32(most + one) + bits)
        box[_UWORK + lane] = i32(left(size, SIZE) | code)
        half = right(n, RESET_BITS)
        a = right(i32(a + i32(i32(error ^ sign) - sign)), half)
        b, n = right(i32(b + error), half), right(n, half)
        now = i32(n + one)
        over, under = right(i32(none - b), i32(31)), right(i32(b + n), i32(31))
        b = i32(i32(b + i32(now & under)) - i32(now & over))
        b = min(max(b, i32(none - n)), none)
        c = min(max(i32(c + i32(under - over)), i32(MIN_C)), i32(MAX_C))
        box[_A + lane], box[_B + lane], box[_C + lane], box[_N + lane] = a, b, c, now


@bare
def fill_desk(box: Box) -> None:
    for context in range(REGULAR):
        box[ORDER + context], box[_STEP + context] = context, LANES
    box[_STEP + CODED] = 1


@bare_part
def _by_count(box: Box) -> int:
    """Sort the contexts, those with most samples first; how many have any. They nearly are."""
    order, counts = box[ORDER:ORDER + REGULAR], box[COUNT:COUNT + REGULAR]
    some = 0
    for at in range(REGULAR):
        context = order[at]
        count, to = counts[np.uintp(context)], np.uintp(at)
        some += count > 0
        while to > 0 and counts[np.uintp(order[to - np.uintp(1)])] < count:
            order[to] = order[to - np.uintp(1)]
            to -= np.uintp(1)
        order[to] = context
    return some


@bare_part
def deal(box: Box, items: Any, count: int, slots: Box) -> int:
    """Put ``count`` items to their contexts' lanes in ``slots``; how many contexts there are. An
    item is the number of a context or `CODED`, what `look_around` says of the sample or a code,
    and, found here, the slot that will have its code."""
    some, at = _by_count(box), 0
    for first in range(0, some, LANES):
        for lane in range(min(LANES, some - first)):
            box[_NEXT + box[ORDER + first + lane]] = at + lane
        at += LANES * box[COUNT + box[ORDER + first]]
    box[_NEXT + CODED] = at
    contexts, values, places = items[0], items[1], items[2]
    for number in range(count):
        item = np.uintp(number)
        mine = np.uintp(u32(contexts[item]))
        slot = box[_UNEXT + mine]
        box[_UNEXT + mine] = i32(slot + box[_USTEP + mine])
        slots[np.uintp(u32(slot))], places[item] = values[item], slot
    return some


@bare_part
def work_through(box: Box, slots: Box, some: int, maxval: int, bits: int) -> None:
    """The codes of all samples, in their slots. A lane whose context is through goes on with
    whatever it finds; its variables were put away before."""
    cut, most = i32(32 - bits), i32(2 * (bits + max(8, bits)) - bits - 1)
    at = 0
    for first in range(0, some, LANES):
        lanes = min(LANES, some - first)
        for lane in range(lanes):
            state = STRIDE * box[ORDER + first + lane]
            for k in range(STRIDE):
                box[_LANE + LANES * k + lane] = box[state + k]
        done = 0
        for lane in range(lanes - 1, -1, -1):
            context = box[ORDER + first + lane]
            for _ in range(done, box[COUNT + context]):
                copy_lanes(slots, at, box, _WORK)
                _work(box, i32(maxval), cut, most, i32(bits))
                copy_lanes(box, _WORK, slots, at)
                at += LANES
            done = max(done, box[COUNT + context])
            for k in range(STRIDE):
                box[STRIDE * context + k] = box[_LANE + LANES * k + lane]
