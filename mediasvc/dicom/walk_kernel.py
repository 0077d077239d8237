"""The compiled half of `mediasvc.dicom.walk`. Import it only through there: it costs 0.4 s.

Every index is checked here against the container that it stands in; nothing is allocated by a
length that the data claim. The plain twin is `mediasvc.dicom.walk_reference`.

The stack has one row for the data set, then in turn one for a sequence and one for an item of it.
A step answers GO, DONE, or the code of a fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.compiled import BYTES, INT, NUMBERS, ROWS, TABLE, kernel, part
from mediasvc.standard.value_representations import FRAGMENT_VRS, LONG_VRS, SHORT_VRS

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Rows = NDArray[Any]

#: Classes of VR; 0 is two letters that are no VR.
SHORT, LONG, FRAGMENTED, SEQUENCE, UNKNOWN, NONE = 1, 2, 3, 4, 5, 6

#: Columns of a row of the stack.
STOP, DEFINED, IMPLICIT, BIG, LENIENT, LAST = range(6)

GO, DONE = 0, -1


def _vr_classes() -> NDArray[np.uint8]:
    table = np.zeros(26 * 26, np.uint8)
    for vrs, kind in ((SHORT_VRS, SHORT), (LONG_VRS, LONG), (FRAGMENT_VRS, FRAGMENTED),
                      ({"SQ"}, SEQUENCE), ({"UN"}, UNKNOWN)):
        for vr in vrs:
            table[(ord(vr[0]) - 65) * 26 + ord(vr[1]) - 65] = kind
    return table


VR_CLASSES = _vr_classes()


@part
def _u16(data: Bytes, at: int, big: int) -> int:
    first, second = int(data[at]), int(data[at + 1])
    return (first << 8) | second if big else (second << 8) | first


@part
def _u32(data: Bytes, at: int, big: int) -> int:
    if big:
        return (_u16(data, at, 1) << 16) | _u16(data, at + 2, 1)
    return _u16(data, at, 0) | (_u16(data, at + 2, 0) << 16)


@part
def _tag(data: Bytes, at: int, big: int) -> int:
    return (_u16(data, at, big) << 16) | _u16(data, at + 2, big)


@part
def _note(problems: Ints, code: int, at: int, tag: int) -> None:
    if problems[code, 0] == 0:
        problems[code, 1] = at
        problems[code, 2] = tag
    problems[code, 0] += 1


@part
def _vr_class(data: Bytes, at: int) -> int:
    first, second = data[at] - 65, data[at + 1] - 65
    if first < 0 or first > 25 or second < 0 or second > 25:
        return NONE
    return int(VR_CLASSES[first * 26 + second])


@part
def _only_zeros(data: Bytes, at: int, stop: int, state: Ints) -> bool:
    """Whether nothing but zeros follows up to the end of the data set; it is searched only once."""
    if state[codes.TAIL] == 0:
        tail = stop
        while tail > at and data[tail - 1] == 0:
            tail -= 1
        state[codes.TAIL] = tail + 1
    return bool(at + 1 >= state[codes.TAIL])


@part
def _is_item(data: Bytes, value: int, length: int, big: int) -> bool:
    """Whether a value of unknown kind begins with an item that fits into it."""
    if length < 8 or _tag(data, value, big) != codes.ITEM:
        return False
    size = _u32(data, value + 4, big)
    return size == codes.UNDEFINED or size <= length - 8


@part
def _names_vr(data: Bytes, at: int, stop: int) -> bool:
    """Whether the element at ``at`` names a VR: the encoding of an item where nothing says it."""
    if stop - at < 8:
        return False
    kind = _vr_class(data, at + 4)
    return kind not in (0, NONE)


@part
def _push(stack: Ints, state: Ints, stop: int, defined: int, implicit: int, big: int,
          lenient: int) -> None:
    state[codes.TOP] += 1
    top = state[codes.TOP]
    stack[top, STOP] = stop
    stack[top, DEFINED] = defined
    stack[top, IMPLICIT] = implicit
    stack[top, BIG] = big
    stack[top, LENIENT] = lenient
    stack[top, LAST] = -1


@part
def _ran_out(limits: Ints, stack: Ints) -> int:
    """The bytes at hand have ended: enough when the last tag that was asked for is passed."""
    return DONE if stack[0, LAST] > limits[codes.UNTIL] else codes.MORE


@part
def _pop(state: Ints, rows: Rows, at: int) -> None:
    """Leave a sequence or item of undefined length that ends at ``at``."""
    state[codes.AT] = at
    state[codes.TOP] -= 1
    row = state[codes.ROWS] - 1
    if state[codes.TOP] == 0 and row < len(rows):
        rows[row].length = at - rows[row].value


@part
def _delimiter(data: Bytes, tag: int, own: int, stack: Ints, rows: Rows, problems: Ints,
               state: Ints) -> int:
    """A delimiter; ``own`` is the one that may end the present sequence or item."""
    top, at = state[codes.TOP], state[codes.AT]
    if tag != own or top == 0:
        return codes.STRAY_DELIMITER
    if _u32(data, at + 4, stack[top, BIG]) != 0:
        _note(problems, codes.DELIMITER_LENGTH, at, tag)
    if not stack[top, DEFINED]:
        _pop(state, rows, at + 8)
        return GO
    if at + 8 != stack[top, STOP]:
        return codes.STRAY_DELIMITER
    _note(problems, codes.NEEDLESS_DELIMITER, at, tag)
    state[codes.AT] = at + 8
    return GO


@part
def _item(data: Bytes, tag: int, limits: Ints, stack: Ints, rows: Rows, problems: Ints,
          state: Ints) -> int:
    """The next item of a sequence, or its end."""
    top, at = state[codes.TOP], state[codes.AT]
    stop, big = stack[top, STOP], stack[top, BIG]
    if tag == codes.SEQUENCE_DELIMITER:
        return _delimiter(data, tag, codes.SEQUENCE_DELIMITER, stack, rows, problems, state)
    if tag != codes.ITEM:
        return codes.NOT_AN_ITEM
    length = _u32(data, at + 4, big)
    if length != codes.UNDEFINED and length > stop - at - 8:
        return codes.BEYOND
    if limits[codes.HOW] == codes.BEGINNING and len(data) - at < 16:
        return _ran_out(limits, stack)
    inner = stop if length == codes.UNDEFINED else at + 8 + length
    implicit = stack[top, IMPLICIT]
    if implicit == codes.GUESS:
        implicit = 0 if _names_vr(data, at + 8, min(inner, len(data))) else 1
    _push(stack, state, inner, length != codes.UNDEFINED, implicit, big, stack[top, LENIENT])
    state[codes.AT] = at + 8
    return GO


@part
def _fragments(data: Bytes, at: int, stop: int, big: int, limits: Ints, stack: Ints,
               problems: Ints, state: Ints) -> int:
    """The items of encapsulated pixel data, from ``at`` through their delimiter."""
    while True:
        state[codes.AT] = at
        if stop - at < 8:
            return codes.NO_DELIMITER
        if limits[codes.HOW] == codes.BEGINNING and len(data) - at < 8:
            return _ran_out(limits, stack)
        tag, length = _tag(data, at, big), _u32(data, at + 4, big)
        if tag == codes.SEQUENCE_DELIMITER:
            if length != 0:
                _note(problems, codes.DELIMITER_LENGTH, at, tag)
            state[codes.AT] = at + 8
            return GO
        if tag != codes.ITEM:
            return codes.NOT_AN_ITEM
        if length == codes.UNDEFINED:
            return codes.FRAGMENT_UNDEFINED
        if length > stop - at - 8:
            return codes.BEYOND
        if length & 1:
            _note(problems, codes.ODD_LENGTH, at, tag)
        state[codes.FRAGMENTS] += 1
        at += 8 + length


@part
def _order(tag: int, stack: Ints, problems: Ints, state: Ints) -> int:
    """Note tags that do not ascend; TRAILING where the data set had ended before this element."""
    top, at = state[codes.TOP], state[codes.AT]
    last = stack[top, LAST]
    if tag > last:
        stack[top, LAST] = tag
        return GO
    if top > 0:
        _note(problems, codes.NESTED_DISORDER, at, tag)
        return GO
    if last >= codes.FIRST_PIXEL_DATA:
        return codes.TRAILING
    _note(problems, codes.DUPLICATE if tag == last else codes.DISORDER, at, tag)
    return GO


@part
def _store(tag: int, vr: int, value: int, length: int, limits: Ints, rows: Rows,
           state: Ints) -> int:
    """Keep a top-level element, as far as ``rows`` reaches."""
    row = state[codes.ROWS]
    if row >= limits[codes.FEW]:
        return codes.TOO_MANY
    state[codes.ROWS] += 1
    if row < len(rows):
        rows[row].tag = tag
        rows[row].vr = vr
        rows[row].undefined = length == codes.UNDEFINED
        rows[row].start = state[codes.AT]
        rows[row].value = value
        rows[row].length = 0 if length == codes.UNDEFINED else length
    return GO


@part
def _without_length(data: Bytes, tag: int, kind: int, value: int, limits: Ints, stack: Ints,
                    rows: Rows, problems: Ints, state: Ints) -> int:
    """Enter a value of undefined length."""
    top, at = state[codes.TOP], state[codes.AT]
    stop, big, implicit = stack[top, STOP], stack[top, BIG], stack[top, IMPLICIT]
    if kind == FRAGMENTED or tag == codes.PIXEL_DATA:
        answer = _fragments(data, value, stop, big, limits, stack, problems, state)
        row = state[codes.ROWS] - 1
        if answer == GO and top == 0 and row < len(rows):
            rows[row].length = state[codes.AT] - value
        return answer
    if kind in (SHORT, LONG):
        return codes.UNDEFINED_LENGTH
    if top + 2 >= len(stack):
        return codes.TOO_DEEP
    if kind == UNKNOWN or (kind == NONE and not implicit):
        # PS3.5 6.2.2 note 2: Implicit VR Little Endian; some writers keep VRs nevertheless.
        _note(problems, codes.UNKNOWN_SEQUENCE, at, tag)
        implicit, big = codes.GUESS, 0
    _push(stack, state, stop, 0, implicit, big, stack[top, LENIENT])
    state[codes.AT] = value
    return GO


@part
def _with_length(data: Bytes, tag: int, kind: int, value: int, length: int, limits: Ints,
                 stack: Ints, problems: Ints, state: Ints) -> int:
    """Enter a sequence of known length, or step over the value."""
    top, at = state[codes.TOP], state[codes.AT]
    implicit, lenient = stack[top, IMPLICIT], stack[top, LENIENT]
    if length & 1:
        _note(problems, codes.ODD_LENGTH, at, tag)
    enter = kind == SEQUENCE
    if kind in (NONE, UNKNOWN) and limits[codes.HOW] == codes.FULL:
        enter = _is_item(data, value, length, stack[top, BIG])
        if kind == UNKNOWN or (tag >> 16) & 1 or tag >= codes.FIRST_BULK:
            lenient = 1
        if kind == UNKNOWN or not implicit:
            implicit = codes.GUESS
    if not enter or limits[codes.HOW] != codes.FULL:
        state[codes.AT] = value + length
        return GO
    if top + 2 >= len(stack):
        return codes.TOO_DEEP
    _push(stack, state, value + length, 1, implicit, stack[top, BIG], lenient)
    state[codes.AT] = value
    return GO


@part
def _element(data: Bytes, tag: int, limits: Ints, stack: Ints, rows: Rows, problems: Ints,
             state: Ints) -> int:
    """The next element of the data set or of an item."""
    top, at = state[codes.TOP], state[codes.AT]
    stop, big = stack[top, STOP], stack[top, BIG]
    if tag >> 16 == 0xFFFE:
        return _delimiter(data, tag, codes.ITEM_DELIMITER, stack, rows, problems, state)
    kind, vr, value = NONE, 0, at + 8
    if not stack[top, IMPLICIT]:
        kind = _vr_class(data, at + 4)
        if kind == 0:
            return codes.ILLEGAL_VR
        if kind == NONE:
            _note(problems, codes.SWITCHED, at, tag)
        else:
            vr = _u16(data, at + 4, 0)
    if kind == NONE:
        length = _u32(data, at + 4, big)
    elif kind == SHORT:
        length = _u16(data, at + 6, big)
    else:
        if stop - at < 12:
            return codes.CUT
        value, length = at + 12, _u32(data, at + 8, big)
    if length != codes.UNDEFINED and length > stop - value:
        return codes.BEYOND
    answer = _order(tag, stack, problems, state)
    if answer == GO and top == 0:
        answer = _store(tag, vr, value, length, limits, rows, state)
    if answer != GO:
        return answer
    if length == codes.UNDEFINED:
        return _without_length(data, tag, kind, value, limits, stack, rows, problems, state)
    return _with_length(data, tag, kind, value, length, limits, stack, problems, state)


@part
def _end(data: Bytes, limits: Ints, stack: Ints, problems: Ints, state: Ints) -> int:
    """Fewer than eight bytes are left in the present container."""
    top, at = state[codes.TOP], state[codes.AT]
    stop = stack[top, STOP]
    if at < stop:
        if top == 0 and limits[codes.HOW] == codes.FULL and _only_zeros(data, at, stop, state):
            _note(problems, codes.TRAILING_ZEROS, at, 0)
            return DONE
        return codes.CUT
    if top == 0:
        return DONE
    if not stack[top, DEFINED]:
        return codes.NO_DELIMITER
    state[codes.TOP] -= 1
    return GO


@part
def _step(data: Bytes, limits: Ints, stack: Ints, rows: Rows, problems: Ints, state: Ints) -> int:
    top, at = state[codes.TOP], state[codes.AT]
    stop = stack[top, STOP]
    if stop - at < 8:
        return _end(data, limits, stack, problems, state)
    if limits[codes.HOW] == codes.BEGINNING and len(data) - at < 12:
        return _ran_out(limits, stack)
    tag = _tag(data, at, stack[top, BIG])
    if top == 0:
        if limits[codes.HOW] != codes.FULL and tag >= codes.FIRST_PIXEL_DATA:
            return DONE
        if tag == 0 and limits[codes.HOW] == codes.FULL and _only_zeros(data, at, stop, state):
            _note(problems, codes.TRAILING_ZEROS, at, tag)
            return DONE
    state[codes.COUNT] += 1
    if state[codes.COUNT] > limits[codes.TOTAL]:
        return codes.TOO_MANY
    if top & 1:
        return _item(data, tag, limits, stack, rows, problems, state)
    return _element(data, tag, limits, stack, rows, problems, state)


@part
def _recover(data: Bytes, code: int, stack: Ints, problems: Ints, state: Ints) -> bool:
    """Note a fault and leave the container that it spoils: the private value that only looked like
    items, else the outermost one that says where it ends. False when there is none."""
    top, at = state[codes.TOP], state[codes.AT]
    fatal = code in (codes.TOO_DEEP, codes.TOO_MANY, codes.TRAILING, codes.MORE)
    column = LENIENT if stack[top, LENIENT] and not fatal else DEFINED
    if code != codes.MORE:
        known = stack[top, STOP] - at >= 8 and len(data) - at >= 8
        _note(problems, codes.NOT_REALLY_ITEMS if column == LENIENT else code, at,
              _tag(data, at, stack[top, BIG]) if known else -1)
    if not fatal:
        for frame in range(1, top + 1):
            if stack[frame, column]:
                state[codes.AT] = stack[frame, STOP]
                state[codes.TOP] = frame - 1
                return True
    state[codes.VERDICT] = code
    return False


@kernel(BYTES, INT, INT, INT, NUMBERS, ROWS, TABLE, NUMBERS)
def walk(data: Bytes, start: int, implicit: int, big: int, limits: Ints, rows: Rows,
         problems: Ints, state: Ints) -> None:
    """Walk the elements from ``start``; see `mediasvc.dicom.walk.walk`.

    ``limits`` and ``state`` have the columns of `walk_codes`, both zero but for what they say.
    ``rows`` takes top-level elements as far as it reaches; ``problems[code]`` = (count, first
    position, first tag). ``limits[HOW]`` says how deep to look: unless FULL, sequences that say
    their length are stepped over and the walk ends before pixel data; in a BEGINNING the data may
    end before the data set does, and the verdict is MORE when they do not go beyond the tag
    ``limits[UNTIL]``.
    """
    stack = np.empty((2 * limits[codes.DEPTH] + 1, 6), np.int64)
    if limits[codes.HOW] == codes.FULL:
        limits[codes.END] = min(limits[codes.END], len(data))
    state[codes.TOP] = -1
    state[codes.AT] = start
    _push(stack, state, limits[codes.END], 1, implicit, big, 0)
    going = start <= limits[codes.END]
    while going:
        answer = _step(data, limits, stack, rows, problems, state)
        if answer == DONE:
            going = False
        elif answer != GO:
            going = _recover(data, answer, stack, problems, state)
