"""The compiled half of `mediasvc.dicom.walk`. Import it only through there: it costs 0.4 s.

Every index is checked here against the limits of the container that it stands in; nothing is
allocated by a length that the data claim. The plain twin is `mediasvc.dicom.walk_reference`.
"""

from __future__ import annotations

import numpy as np
from numba import from_dtype, njit, types

from mediasvc.dicom import walk_codes as C
from mediasvc.standard.value_representations import FRAGMENT_VRS, LONG_VRS, SHORT_VRS

SHORT, LONG, FRAGMENTED, SEQUENCE, UNKNOWN = 1, 2, 3, 4, 5
UNDEFINED = 0xFFFFFFFF


def _vr_classes() -> np.ndarray:
    table = np.zeros(26 * 26, np.uint8)
    for vrs, kind in ((SHORT_VRS, SHORT), (LONG_VRS, LONG), (FRAGMENT_VRS, FRAGMENTED),
                      ({"SQ"}, SEQUENCE), ({"UN"}, UNKNOWN)):
        for vr in vrs:
            table[(ord(vr[0]) - 65) * 26 + ord(vr[1]) - 65] = kind
    return table


VR_CLASSES = _vr_classes()

#: Columns of a frame of the stack.
KIND, STOP, DEFINED, IMPLICIT, BIG, LENIENT, LAST = range(7)
#: Kinds of frame.
DATASET, ITEMS = 0, 1

BYTES = types.Array(types.uint8, 1, "C", readonly=True)
ROWS = types.Array(from_dtype(C.KERNEL_ROW), 1, "C")
TABLE = types.Array(types.int64, 2, "C")
VECTOR = types.Array(types.int64, 1, "C")


@njit(inline="always")
def _u16(data, at, big):
    if big:
        return (np.int64(data[at]) << 8) | np.int64(data[at + 1])
    return np.int64(data[at]) | (np.int64(data[at + 1]) << 8)


@njit
def _u32(data, at, big):
    if big:
        return (_u16(data, at, 1) << 16) | _u16(data, at + 2, 1)
    return _u16(data, at, 0) | (_u16(data, at + 2, 0) << 16)


@njit
def _tag(data, at, big):
    return (_u16(data, at, big) << 16) | _u16(data, at + 2, big)


@njit
def _note(problems, code, at, tag):
    if problems[code, 0] == 0:
        problems[code, 1] = at
        problems[code, 2] = tag
    problems[code, 0] += 1


@njit
def _vr_class(data, at):
    """The class of the VR at ``at``; 0 for two letters that are no VR, -1 for no letters."""
    first, second = np.int64(data[at]) - 65, np.int64(data[at + 1]) - 65
    if first < 0 or first > 25 or second < 0 or second > 25:
        return -1
    return np.int64(VR_CLASSES[first * 26 + second])


@njit
def _zeros(data, start, stop):
    for at in range(start, stop):
        if data[at] != 0:
            return False
    return True


@njit
def _is_item(data, value, length, big):
    """Whether a value of unknown kind begins with an item that fits into it."""
    if length < 8 or _tag(data, value, big) != C.ITEM:
        return False
    size = _u32(data, value + 4, big)
    return size == UNDEFINED or size <= length - 8


@njit
def _looks_explicit(data, at, stop):
    """Whether the element at ``at`` names a VR (an item's encoding where nothing says it)."""
    return stop - at >= 8 and _vr_class(data, at + 4) > 0


@njit
def _push(stack, top, kind, stop, defined, implicit, big, lenient):
    stack[top, KIND] = kind
    stack[top, STOP] = stop
    stack[top, DEFINED] = defined
    stack[top, IMPLICIT] = implicit
    stack[top, BIG] = big
    stack[top, LENIENT] = lenient
    stack[top, LAST] = -1


@njit
def _fragments(data, at, stop, big, avail, problems, state):
    """Walk fragments from ``at``; the place behind the delimiter, or minus a code."""
    while True:
        if stop - at < 8:
            state[C.AT] = at
            return -C.NO_DELIMITER
        if avail - at < 8:
            return -C.MORE
        tag, length = _tag(data, at, big), _u32(data, at + 4, big)
        state[C.AT] = at
        if tag == C.SEQUENCE_DELIMITER:
            if length != 0:
                _note(problems, C.DELIMITER_LENGTH, at, tag)
            return at + 8
        if tag != C.ITEM:
            return -C.NOT_AN_ITEM
        if length == UNDEFINED:
            return -C.FRAGMENT_UNDEFINED
        if length > stop - at - 8:
            return -C.BEYOND
        if length & 1:
            _note(problems, C.ODD_LENGTH, at, tag)
        state[C.FRAGMENTS] += 1
        at += 8 + length


@njit
def _recover(stack, top, code, at, tag, problems):
    """Note a structural fault; the frame that ends at a known place and may be left, or 0."""
    if stack[top, LENIENT]:
        _note(problems, C.NOT_REALLY_ITEMS, at, tag)
    else:
        _note(problems, code, at, tag)
    for frame in range(1, top + 1):
        if stack[frame, DEFINED]:
            return frame
    return 0


@njit
def _order(stack, top, at, tag, problems):
    """Note tags that do not ascend; True when the data set had ended before this element."""
    last = stack[top, LAST]
    if tag > last:
        stack[top, LAST] = tag
        return False
    if top == 0:
        if last >= C.FIRST_PIXEL_DATA:
            return True
        _note(problems, C.DUPLICATE if tag == last else C.DISORDER, at, tag)
    else:
        _note(problems, C.NESTED_DISORDER, at, tag)
    return False


@njit((BYTES, types.int64, types.int64, types.int64, types.int64, types.int64, VECTOR, ROWS,
       TABLE, VECTOR), nogil=True, cache=True)
def walk(data, start, end, implicit, big, until, limits, rows, problems, state):
    """Walk the elements of ``data[start:end]``; see `mediasvc.dicom.walk.walk`.

    ``until`` ends the walk before the first top-level tag above it and switches to a shallow
    walk in which ``data`` may be shorter than ``end`` (answer MORE when that matters).
    ``rows`` takes top-level elements as far as it reaches, ``problems[code]`` = (count, first
    position, first tag), ``state`` the columns named in `walk_codes`.
    """
    avail = np.int64(len(data))
    shallow = until < C.EVERY_TAG
    if end > avail and not shallow:
        end = avail
    deepest = 2 * limits[C.DEPTH] + 1
    stack = np.empty((deepest + 1, 7), np.int64)
    _push(stack, 0, DATASET, end, 1, implicit, big, 0)
    top, at, row = np.int64(0), np.int64(start), np.int64(-1)
    last_row = np.int64(len(rows)) - 1
    while True:
        stop, in_items = stack[top, STOP], stack[top, KIND] == ITEMS
        code, tag = np.int64(0), np.int64(-1)
        little_frame = stack[top, BIG]
        if at == stop:
            if top == 0:
                break
            if stack[top, DEFINED]:
                top -= 1
                continue
            code = C.NO_DELIMITER
        elif stop - at < 8:
            code = C.CUT
            if top == 0 and not shallow and _zeros(data, at, stop):
                _note(problems, C.TRAILING_ZEROS, at, np.int64(0))
                break
        elif avail - at < 12 and shallow and end > avail:
            state[C.VERDICT] = C.MORE
            break
        if code == 0:
            tag = _tag(data, at, little_frame)
            state[C.COUNT] += 1
            if state[C.COUNT] > limits[C.TOTAL]:
                _note(problems, C.TOO_MANY, at, tag)
                state[C.VERDICT] = C.TOO_MANY
                break
            if in_items:
                length = _u32(data, at + 4, little_frame)
                if tag == C.SEQUENCE_DELIMITER:
                    if length != 0:
                        _note(problems, C.DELIMITER_LENGTH, at, tag)
                    if not stack[top, DEFINED]:
                        at += 8
                        top -= 1
                        if top == 0 and row <= last_row:
                            rows[row].length = at - rows[row].value
                        continue
                    if at + 8 == stop:
                        _note(problems, C.NEEDLESS_DELIMITER, at, tag)
                        at += 8
                        continue
                    code = C.STRAY_DELIMITER
                elif tag != C.ITEM:
                    code = C.NOT_AN_ITEM
                elif length == UNDEFINED or length <= stop - at - 8:
                    defined = length != UNDEFINED
                    inner = at + 8 + length if defined else stop
                    at += 8
                    inner_implicit = stack[top, IMPLICIT]
                    if inner_implicit == C.GUESS:
                        inner_implicit = 0 if _looks_explicit(data, at, min(inner, avail)) else 1
                    _push(stack, top + 1, DATASET, inner, defined, inner_implicit,
                          little_frame, stack[top, LENIENT])
                    top += 1
                    continue
                else:
                    code = C.BEYOND
            elif (tag >> 16) == 0xFFFE:
                length = _u32(data, at + 4, little_frame)
                if tag == C.ITEM_DELIMITER and top > 0:
                    if length != 0:
                        _note(problems, C.DELIMITER_LENGTH, at, tag)
                    if not stack[top, DEFINED]:
                        at += 8
                        top -= 1
                        continue
                    if at + 8 == stop:
                        _note(problems, C.NEEDLESS_DELIMITER, at, tag)
                        at += 8
                        continue
                code = C.STRAY_DELIMITER
        if code == 0:
            # An element. ``kind`` is the class of its VR, 0 when there is none.
            if top == 0:
                if tag > until:
                    break
                if tag == 0 and not shallow and _zeros(data, at, stop):
                    _note(problems, C.TRAILING_ZEROS, at, tag)
                    break
            kind, vr = np.int64(0), np.int64(0)
            if not stack[top, IMPLICIT]:
                kind = _vr_class(data, at + 4)
                vr = np.int64(data[at + 4]) | (np.int64(data[at + 5]) << 8)
                if kind < 0:
                    _note(problems, C.SWITCHED, at, tag)
                    kind, vr = np.int64(0), np.int64(0)
                elif kind == 0:
                    code = C.ILLEGAL_VR
            length, value = np.int64(0), at + 8
            if code:
                pass
            elif kind == 0:
                length = _u32(data, at + 4, little_frame)
            elif kind == SHORT:
                length = _u16(data, at + 6, little_frame)
            elif stop - at < 12:
                code = C.CUT
            else:
                length, value = _u32(data, at + 8, little_frame), at + 12
            undefined = length == UNDEFINED and kind != SHORT
            if code == 0 and not undefined and length > stop - value:
                code = C.BEYOND
            if code == 0 and _order(stack, top, at, tag, problems):
                _note(problems, C.TRAILING, at, tag)
                state[C.VERDICT] = C.TRAILING
                break
            if code == 0 and top == 0:
                row = state[C.ROWS]
                if row >= limits[C.TOP]:
                    _note(problems, C.TOO_MANY, at, tag)
                    state[C.VERDICT] = C.TOO_MANY
                    break
                state[C.ROWS] += 1
                if row <= last_row:
                    rows[row].tag = tag
                    rows[row].vr = vr
                    rows[row].undefined = undefined
                    rows[row].start = at
                    rows[row].value = value
                    rows[row].length = 0 if undefined else length
            if code:
                pass
            elif undefined:
                if kind == FRAGMENTED or tag == C.PIXEL_DATA:
                    after = _fragments(data, value, stop, little_frame, avail, problems, state)
                    if after == -C.MORE:
                        state[C.VERDICT] = C.MORE
                        break
                    if after < 0:
                        code, at = -after, state[C.AT]
                    else:
                        at = after
                        if top == 0 and row <= last_row:
                            rows[row].length = at - value
                        continue
                elif kind == SHORT or kind == LONG:
                    code = C.UNDEFINED_LENGTH
                elif top + 2 > deepest:
                    _note(problems, C.TOO_DEEP, at, tag)
                    state[C.VERDICT] = C.TOO_DEEP
                    break
                else:
                    of_unknown = kind == UNKNOWN or (kind == 0 and not stack[top, IMPLICIT])
                    if of_unknown:
                        _note(problems, C.UNKNOWN_SEQUENCE, at, tag)
                        _push(stack, top + 1, ITEMS, stop, 0, C.GUESS, 0, stack[top, LENIENT])
                    else:
                        _push(stack, top + 1, ITEMS, stop, 0, stack[top, IMPLICIT],
                              little_frame, stack[top, LENIENT])
                    top += 1
                    at = value
                    continue
            else:
                if length & 1:
                    _note(problems, C.ODD_LENGTH, at, tag)
                lenient = stack[top, LENIENT]
                descend = kind == SEQUENCE and length > 0
                guess = False
                if not descend and (kind == 0 or kind == UNKNOWN) and value + 8 <= avail:
                    descend = _is_item(data, value, length, little_frame)
                    guess = kind == UNKNOWN or not stack[top, IMPLICIT]
                    if kind == UNKNOWN or (tag >> 16) & 1 or tag >= C.FIRST_BULK:
                        lenient = np.int64(1)
                if descend and not shallow:
                    if top + 2 > deepest:
                        _note(problems, C.TOO_DEEP, at, tag)
                        state[C.VERDICT] = C.TOO_DEEP
                        break
                    _push(stack, top + 1, ITEMS, value + length, 1,
                          C.GUESS if guess else stack[top, IMPLICIT], little_frame, lenient)
                    top += 1
                    at = value
                    continue
                at = value + length
                continue
        frame = _recover(stack, top, code, at, tag, problems)
        if frame == 0:
            state[C.VERDICT] = code
            break
        at = stack[frame, STOP]
        top = frame - 1
        if top == 0 and row <= last_row and rows[row].undefined:
            rows[row].length = at - rows[row].value
    state[C.AT] = at
