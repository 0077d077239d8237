"""The walker's codes in a clerk's words. Faults of structure are errors, oddities are warnings."""

from __future__ import annotations

from mediasvc.dicom import walk_codes as C
from mediasvc.dicom.walk import Problem, Walk
from mediasvc.model import Finding, Severity

#: Walker code → (severity, finding code, words, rule).
FAULTS: dict[int, tuple[Severity, str, str, str]] = {
    C.CUT: ("error", "cut-short", "The file ends in the middle of an element", "P01"),
    C.BEYOND: ("error", "length-beyond-end",
               "An element claims to be longer than what holds it; the file is cut short or damaged",
               "P01, P03"),
    C.NO_DELIMITER: ("error", "no-delimiter", "A sequence or the pixel data have no end", "P02"),
    C.ILLEGAL_VR: ("error", "illegal-vr", "An element has a type that does not exist", "P13"),
    C.NOT_AN_ITEM: ("error", "not-an-item", "A sequence holds something that is no item", "PS3.5 7.5"),
    C.TOO_DEEP: ("error", "nested-too-deep", "Sequences are nested deeper than any real file", "P04"),
    C.TOO_MANY: ("error", "too-many-elements", "There are more elements than any real file has", "P05"),
    C.STRAY_DELIMITER: ("error", "stray-delimiter", "A delimiter stands where nothing ends",
                        "PS3.5 7.5"),
    C.UNDEFINED_LENGTH: ("error", "undefined-length",
                         "An element has no length although its type needs one", "PS3.5 7.1"),
    C.TRAILING: ("error", "trailing-data", "Something else follows after the end of the data set",
                 "P11"),
    C.FRAGMENT_UNDEFINED: ("error", "fragment-without-length",
                           "A piece of the compressed pixel data has no length", "P14"),
    C.ODD_LENGTH: ("warning", "odd-length", "Some values have an odd number of bytes", "PS3.5 7.1.1"),
    C.DISORDER: ("warning", "tags-out-of-order", "The elements do not stand in order", "P07"),
    C.DUPLICATE: ("warning", "tag-twice", "An element stands in the data set twice", "P07"),
    C.SWITCHED: ("warning", "mixed-encoding", "Some elements do not name their type", "PS3.5 7.1.2"),
    C.NESTED_DISORDER: ("warning", "item-tags-out-of-order",
                        "The elements of an item do not stand in order", "PS3.5 7.5.1"),
    C.DELIMITER_LENGTH: ("warning", "delimiter-with-length", "A delimiter claims a length",
                         "PS3.5 7.5.2"),
    C.NEEDLESS_DELIMITER: ("warning", "needless-delimiter",
                           "A delimiter ends an item or sequence that has a length", "PS3.5 7.5.2"),
    C.TRAILING_ZEROS: ("warning", "trailing-zeros", "Zero bytes follow after the data set", "P11"),
    C.NOT_REALLY_ITEMS: ("info", "private-not-items",
                         "A private or unknown value looks like a sequence but is none", "PS3.5 6.2.2"),
}

#: Faults that, behind the pixel data, only say that something foreign was appended.
_APPENDED = frozenset({C.CUT, C.BEYOND, C.ILLEGAL_VR, C.STRAY_DELIMITER, C.UNDEFINED_LENGTH})


def findings_of(walk: Walk) -> tuple[Finding, ...]:
    """One finding for each kind of trouble; ``subject`` is left to the caller."""
    return tuple(_finding(problem, walk) for problem in walk.problems if problem.code in FAULTS)


def _finding(problem: Problem, walk: Walk) -> Finding:
    code = problem.code
    if code in _APPENDED and code == walk.verdict and _after_pixels(walk, problem.position):
        code = C.TRAILING
    severity, name, words, rule = FAULTS[code]
    where = f" (byte {problem.position})"
    if problem.tag >= 0 and code != C.TRAILING:
        where = f" (first at ({problem.tag >> 16:04X},{problem.tag & 0xFFFF:04X}), byte {problem.position})"
    return Finding(severity, name, "", words + where, rule)


def _after_pixels(walk: Walk, position: int) -> bool:
    if not len(walk.elements):
        return False
    last = walk.elements[-1]
    return (int(last["tag"]) >= C.FIRST_PIXEL_DATA
            and position == int(last["value"]) + int(last["length"]))
