"""The walker's codes in a clerk's words. Faults of structure are errors, oddities are warnings."""

from __future__ import annotations

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.findings import tag_words
from mediasvc.dicom.walk import Problem, Walk
from mediasvc.model import Finding

#: Walker code → (finding code, words, rule).
FAULTS: dict[int, tuple[str, str, str]] = {
    codes.CUT: (
        "cut-short", "The file ends in the middle of an element", "P01"),
    codes.BEYOND: (
        "length-beyond-end", "The file is cut short or damaged: an element claims to be longer "
        "than what holds it", "P01, P03"),
    codes.NO_DELIMITER: (
        "no-delimiter", "The file is cut short or damaged: a sequence or the pixel data have no "
        "end", "P02"),
    codes.ILLEGAL_VR: (
        "illegal-vr", "An element has a type that does not exist", "P13"),
    codes.NOT_AN_ITEM: (
        "not-an-item", "A sequence holds something that is no item", "PS3.5 7.5"),
    codes.TOO_DEEP: (
        "nested-too-deep", "Sequences are nested deeper than in any real file", "P04"),
    codes.TOO_MANY: (
        "too-many-elements", "There are more elements than in any real file", "P05"),
    codes.STRAY_DELIMITER: (
        "stray-delimiter", "A delimiter stands where nothing ends", "PS3.5 7.5"),
    codes.UNDEFINED_LENGTH: (
        "undefined-length", "An element has no length although its type needs one", "PS3.5 7.1"),
    codes.TRAILING: (
        "trailing-data", "Something else follows after the end of the data set", "P11"),
    codes.FRAGMENT_UNDEFINED: (
        "fragment-without-length", "A piece of the compressed pixel data has no length", "P14"),
}

#: The same for what is only odd.
ODDITIES: dict[int, tuple[str, str, str]] = {
    codes.ODD_LENGTH: (
        "odd-length", "Some values have an odd number of bytes", "PS3.5 7.1.1"),
    codes.DISORDER: (
        "tags-out-of-order", "The elements do not stand in order", "P07"),
    codes.SWITCHED: (
        "mixed-encoding", "Some elements do not name their type", "PS3.5 7.1.2"),
    codes.NESTED_DISORDER: (
        "item-tags-out-of-order", "The elements of an item do not stand in order", "PS3.5 7.5.1"),
    codes.DELIMITER_LENGTH: (
        "delimiter-with-length", "A delimiter claims a length", "PS3.5 7.5.2"),
    codes.NEEDLESS_DELIMITER: (
        "needless-delimiter", "A delimiter ends an item or sequence that says its length",
        "PS3.5 7.5.2"),
    codes.TRAILING_ZEROS: (
        "trailing-zeros", "Zero bytes follow after the data set", "P11"),
    codes.NOT_REALLY_ITEMS: (
        "private-not-items", "A private or unknown value begins like a sequence but is none",
        "PS3.5 6.2.2"),
}

#: Faults that, right behind the pixel data, only say that something foreign was appended.
_APPENDED = frozenset({codes.CUT, codes.BEYOND, codes.ILLEGAL_VR, codes.STRAY_DELIMITER,
                       codes.UNDEFINED_LENGTH})


def findings_of(walk: Walk) -> tuple[Finding, ...]:
    """One finding for each kind of trouble."""
    return tuple(_finding(problem, walk) for problem in walk.problems
                 if problem.code in FAULTS or problem.code in ODDITIES)


def _finding(problem: Problem, walk: Walk) -> Finding:
    code = problem.code
    if code in _APPENDED and code == walk.verdict and _after_pixels(walk, problem.position):
        code = codes.TRAILING
    where = f" (byte {problem.position})"
    if problem.tag >= 0 and code != codes.TRAILING:
        where = f" (first at {tag_words(problem.tag)}, byte {problem.position})"
    name, words, rule = FAULTS.get(code) or ODDITIES[code]
    return Finding("error" if code in FAULTS else "warning", name, "", words + where, rule)


def _after_pixels(walk: Walk, position: int) -> bool:
    if not len(walk.elements):
        return False
    last = walk.elements[-1]
    return (int(last["tag"]) >= codes.FIRST_PIXEL_DATA
            and position == int(last["value"]) + int(last["length"]))
