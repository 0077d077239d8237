"""The framing walker: hostile and odd data sets, and its agreement with its plain twin."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediasvc.dicom import walk_codes as codes
from mediasvc.dicom.framing import is_dicom, read_framing
from mediasvc.dicom.walk import Limits, Walk, walk
from mediasvc.dicom.walk_reference import walk as plain_walk
from tests.raw_elements import (
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    ct,
    element,
    encapsulated,
    item,
    sequence,
    tag,
    text,
)

FORMS = [(False, False), (True, False), (False, True)]


def both(data: bytes, *, implicit: bool = False, big: bool = False, start: int = 0,
         limits: Limits | None = None) -> Walk:
    """The walk, after the twin was seen to say the same."""
    limits = limits or Limits()
    fast = walk(data, start, len(data), implicit=implicit, big_endian=big, limits=limits)
    plain = plain_walk(data, start, len(data), implicit=implicit, big_endian=big, limits=limits)
    assert fast.elements.tolist() == plain.elements.tolist()
    assert (fast.verdict, fast.end, fast.count, fast.fragments, fast.problems) == (
        plain.verdict, plain.end, plain.count, plain.fragments, plain.problems)
    return fast


def noted(walked: Walk) -> set[int]:
    return {problem.code for problem in walked.problems}


@pytest.mark.parametrize(("implicit", "big"), FORMS)
def test_a_plain_data_set_is_walked_to_its_end(implicit: bool, big: bool) -> None:
    elements = ct(implicit=implicit, big=big)
    data = b"".join(elements.values())
    walked = both(data, implicit=implicit, big=big)
    assert walked.verdict == codes.OK and not walked.problems and walked.end == len(data)
    assert walked.elements["tag"].tolist() == list(elements)
    for row in walked.elements:
        raw = data[row["start"]:row["value"] + row["length"]]
        assert raw == elements[int(row["tag"])]


@pytest.mark.parametrize(("implicit", "big"), FORMS)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("items_undefined", [False, True])
def test_nested_sequences_of_every_form_are_walked(implicit: bool, big: bool, undefined: bool,
                                                   items_undefined: bool) -> None:
    form = {"implicit": implicit, "big": big}
    inner = sequence(0x00081115, item(text(0x00081150, "UI", "1.2", **form), big=big),
                     undefined=undefined, **form)
    outer = sequence(0x00081140, item(inner, undefined=items_undefined, big=big),
                     item(undefined=items_undefined, big=big), undefined=undefined, **form)
    data = outer + text(0x00100010, "PN", "A^B", **form)
    walked = both(data, **form)
    assert walked.verdict == codes.OK and not walked.problems
    assert walked.elements["tag"].tolist() == [0x00081140, 0x00100010]
    assert walked.elements[0]["length"] == len(outer) - int(walked.elements[0]["value"])


def test_unknown_vr_of_undefined_length_is_implicit_little_endian_inside() -> None:
    inner = item(text(0x00081150, "UI", "1.2", implicit=True), undefined=True)
    for big in (False, True):
        data = (element(0x00091010, "UN", inner + tag(SEQUENCE_END) + bytes(4), length=UNDEFINED,
                        big=big) + text(0x00100010, "PN", "A^B", big=big))
        walked = both(data, big=big)
        assert walked.verdict == codes.OK
        assert noted(walked) == {codes.UNKNOWN_SEQUENCE}


def test_unknown_vr_whose_items_keep_their_vrs_is_walked_too() -> None:
    inner = item(text(0x00081150, "UI", "1.2"), undefined=True)
    data = sequence(0x00091010, inner, undefined=True, vr="UN") + text(0x00100010, "PN", "A^B")
    assert both(data).verdict == codes.OK


def test_fragments_may_hold_delimiters_as_data() -> None:
    data = encapsulated(tag(SEQUENCE_END) + bytes(4) + tag(ITEM) + b"abcd", b"more")
    walked = both(data)
    assert walked.verdict == codes.OK and walked.fragments == 3
    assert walked.elements[0]["undefined"] and walked.end == len(data)


def test_an_encapsulated_icon_in_a_sequence_is_walked() -> None:
    icon = element(0x7FE00010, "OB", item() + item(b"jpeg") + tag(SEQUENCE_END) + bytes(4),
                   length=UNDEFINED)
    data = sequence(0x00880200, item(icon)) + encapsulated(b"real")
    walked = both(data)
    assert walked.verdict == codes.OK and not walked.problems


@pytest.mark.parametrize(("data", "code"), [
    (text(0x00100010, "PN", "Muster")[:-1], codes.BEYOND),
    (text(0x00100010, "PN", "Muster") + b"\x10\x00\x20\x00LO", codes.CUT),
    (element(0x00100010, "PN", b"Must", length=6), codes.BEYOND),
    (element(0x00420011, "OB", b"", length=0xFFFFFFFE), codes.BEYOND),
    (text(0x00100010, "ZZ", "Must"), codes.ILLEGAL_VR),
    (element(0x00081140, "SQ", item(), length=UNDEFINED), codes.NO_DELIMITER),
    (encapsulated(b"data", end=False), codes.NO_DELIMITER),
    (encapsulated(b"data")[:-8] + b"junkjunk", codes.NOT_AN_ITEM),
    (element(0x7FE00010, "OB", tag(ITEM) + b"\xff" * 4 + bytes(8), length=UNDEFINED),
     codes.FRAGMENT_UNDEFINED),
    (element(0x00100010, "UT", b"text", length=UNDEFINED), codes.UNDEFINED_LENGTH),
    (sequence(0x00081140, text(0x00100010, "PN", "no item")), codes.NOT_AN_ITEM),
    (text(0x00080005, "CS", "A") + tag(0xFFFEE00D) + bytes(4), codes.STRAY_DELIMITER),
    (sequence(0x00081140, item(text(0x00100010, "PN", "AB")[:-1] + b"")), codes.BEYOND),
])
def test_a_fault_of_structure_is_named(data: bytes, code: int) -> None:
    assert code in noted(both(data))


@pytest.mark.parametrize(("data", "code"), [
    (element(0x00100010, "PN", b"Odd"), codes.ODD_LENGTH),
    (text(0x00100020, "LO", "1") + text(0x00100010, "PN", "A"), codes.DISORDER),
    (text(0x00100020, "LO", "1") + text(0x00100020, "LO", "2"), codes.DUPLICATE),
    (text(0x00100020, "LO", "1") + bytes(30), codes.TRAILING_ZEROS),
    (text(0x00100020, "LO", "1") + bytes(3), codes.TRAILING_ZEROS),
    (sequence(0x00081140, item(text(0x00100020, "LO", "1") + text(0x00100010, "PN", "A"))),
     codes.NESTED_DISORDER),
    (sequence(0x00081140, item(tag(0xFFFEE00D) + bytes(4))), codes.NEEDLESS_DELIMITER),
    (text(0x00080005, "CS", "A") + text(0x00100020, "LO", "12", implicit=True), codes.SWITCHED),
    (element(0x00091001, "UN", item(b"not elements at all")), codes.NOT_REALLY_ITEMS),
])
def test_what_is_only_odd_does_not_stop_the_walk(data: bytes, code: int) -> None:
    walked = both(data)
    assert walked.verdict == codes.OK and code in noted(walked)
    assert not any(problem < 16 for problem in noted(walked))


def test_bytes_behind_the_pixel_data_are_not_part_of_the_data_set() -> None:
    pixels = element(0x7FE00010, "OW", b"1234")
    program = struct.pack("<HHI", 0x5A4D, 0x0090, 2) + b"xx"  # "MZ" as a tag
    walked = both(pixels + program, implicit=False)
    assert walked.verdict in (codes.TRAILING, codes.BEYOND)
    assert walked.end == len(pixels)


def test_padding_and_private_groups_behind_the_pixel_data_are_legal() -> None:
    data = (element(0x7FE00010, "OW", b"1234") + element(0x7FE11010, "OB", b"ge")
            + element(0xFFFCFFFC, "OB", bytes(10)))
    assert both(data).verdict == codes.OK


def test_a_damaged_sequence_that_says_its_length_is_left_at_its_end() -> None:
    data = sequence(0x00081140, b"garbage!") + text(0x00100010, "PN", "A^B")
    walked = both(data)
    assert walked.verdict == codes.OK and codes.NOT_AN_ITEM in noted(walked)
    assert walked.elements["tag"].tolist() == [0x00081140, 0x00100010]


def nested(depth: int, *, undefined: bool) -> bytes:
    data = b""
    for _ in range(depth):
        data = sequence(0x00081140, item(data, undefined=undefined), undefined=undefined)
    return data


@pytest.mark.parametrize("undefined", [False, True])
def test_nesting_up_to_the_limit_passes_and_beyond_it_stops(undefined: bool) -> None:
    assert both(nested(32, undefined=undefined)).verdict == codes.OK
    assert both(nested(33, undefined=undefined)).verdict == codes.TOO_DEEP
    deep = nested(3000, undefined=True)
    assert walk(deep, 0, len(deep), implicit=False, big_endian=False).verdict == codes.TOO_DEEP


def test_deep_nesting_hidden_in_an_unknown_vr_is_seen() -> None:
    hidden = element(0x00091001, "UN", item(nested(40, undefined=False)))
    assert both(hidden).verdict == codes.TOO_DEEP


def test_a_million_empty_items_are_walked_in_a_moment_and_stop_at_the_budget() -> None:
    data = sequence(0x00081140, item() * 1_000_000, undefined=True)
    started = time.monotonic()
    assert walk(data, 0, len(data), implicit=False, big_endian=False).verdict == codes.OK
    few = Limits(total=1000)
    walked = walk(data, 0, len(data), implicit=False, big_endian=False, limits=few)
    assert walked.verdict == codes.TOO_MANY and walked.count == 1001
    assert time.monotonic() - started < 2


def test_zeros_that_are_not_the_end_are_looked_through_once() -> None:
    data = text(0x00100010, "PN", "A") + bytes(20_000_000) + b"\1"
    started = time.monotonic()
    walked = walk(data, 0, len(data), implicit=True, big_endian=False)
    assert walked.verdict == codes.TOO_MANY and time.monotonic() - started < 2
    both(bytes(8) + text(0x00100010, "PN", "A", implicit=True) + bytes(9), implicit=True)
    both(bytes(40) + b"\1" + bytes(40), implicit=True)


def test_too_many_elements_at_top_level_stop_the_walk() -> None:
    data = b"".join(element(0x00090000 + number, "LO") for number in range(700))
    assert len(both(data).elements) == 700  # more rows than the first buffer takes
    assert both(data, limits=Limits(few=600)).verdict == codes.TOO_MANY


def test_a_length_of_four_gigabytes_allocates_nothing() -> None:
    data = element(0x00091001, "OB", bytes(8), length=0xFFFFFFF0)
    walked = both(data)
    assert walked.verdict == codes.BEYOND and not len(walked.elements)


@pytest.mark.parametrize("data", [b"", b"\0", b"\x08\0\x05\0CS", bytes(8), bytes(64)])
def test_next_to_nothing_is_walked(data: bytes) -> None:
    for implicit, big in FORMS:
        both(data, implicit=implicit, big=big)


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 0, **form: bool) -> bytes:
    """Mostly legal elements, some with wrong lengths and VRs."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        number = draw(st.sampled_from([0x00080005, 0x00091001, 0x00100010, 0x00100020, 0x00281052,
                                       0x50001000, 0x7FE00010, 0x7FE11010, 0xFFFCFFFC, 0xFFFEE00D]))
        vr = draw(st.sampled_from(["LO", "UN", "OB", "SQ", "UL", "UT", "ZZ", "  "]))
        if depth < 3 and draw(st.booleans()):
            items = [item(draw(data_sets(depth + 1, **form)), undefined=draw(st.booleans()),
                          big=form["big"]) for _ in range(draw(st.integers(0, 2)))]
            parts.append(sequence(number, *items, undefined=draw(st.booleans()),
                                  vr=draw(st.sampled_from(["SQ", "UN", "OB"])), **form))
            continue
        value = draw(st.binary(max_size=12))
        claim = draw(st.sampled_from([None, None, None, 0, 3, 200, 0xFFFE, UNDEFINED]))
        if vr not in ("UN", "OB", "SQ", "UT") and claim == UNDEFINED:
            claim = None
        parts.append(element(number, vr, value, length=claim, **form))
    return b"".join(parts)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_kernel_and_plain_twin_agree_on_anything(data: st.DataObject, written: tuple[bool, bool],
                                                 read: tuple[bool, bool]) -> None:
    raw = data.draw(data_sets(implicit=written[0], big=written[1]))
    both(raw, implicit=read[0], big=read[1])
    both(raw, implicit=read[0], big=read[1], limits=Limits(depth=2, total=9, few=3))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(FORMS))
def test_kernel_and_plain_twin_agree_on_noise(raw: bytes, form: tuple[bool, bool]) -> None:
    both(raw, implicit=form[0], big=form[1])


SEEDS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xff\xff\xff", b"SQ",
         b"UN", b"OB", b"\0\0\0\0", b"ZZ", b"\xe0\x7f\x10\0")


def mutant(data: bytes, start: int, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(start, len(changed))
        match dice.randint(0, 4):
            case 0 if at < len(changed):
                changed[at] = dice.randrange(256)
            case 1:
                seed = dice.choice(SEEDS)
                changed[at:at + len(seed)] = seed
            case 2:
                del changed[at:at + dice.randint(1, 40)]
            case 3:
                other = dice.randint(start, len(changed))
                changed[at:at] = changed[other:other + dice.randint(1, 60)]
            case 4 if dice.random() < 0.3:
                del changed[at:]
    return bytes(changed)


def test_kernel_and_plain_twin_agree_on_mutants_of_real_files(real_data: Path) -> None:
    files = sorted(path for folder in ("broken", "charset", "objects")
                   for path in (real_data / folder).iterdir() if path.stat().st_size < 20_000)
    dice = random.Random(7)
    sources = []
    for path in files:
        view = memoryview(path.read_bytes())
        if is_dicom(view):
            framing = read_framing(view)
            sources.append((bytes(framing.body), framing.dataset_start, framing.implicit,
                            framing.big_endian))
    for data, start, implicit, big in sources:
        both(data, start=start, implicit=implicit, big=big)
    for _ in range(1500):
        data, start, implicit, big = dice.choice(sources)
        both(mutant(data, start, dice), start=start, implicit=implicit, big=big)
