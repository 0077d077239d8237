"""A line of text in the order in which it is drawn, for printers that only go from left to right.

One line with one level of embedding, as names and addresses are (Unicode annex 9 without explicit
marks), and Arabic letters in the forms in which they join. Our own: the packages for the order are
LGPL, which no part of a disc's label needs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache

LAM, TATWEEL = "\u0644", "\u0640"
ALEFS = "\u0622\u0623\u0625\u0627"
MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
BRACKETS = {"(": ")", "[": "]", "{": "}"}
STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}


def visual(text: str, drawable: Callable[[str], bool] = lambda sign: True) -> str:
    """``text`` from left to right as it is read. ``drawable``: whether a letter form exists."""
    if not any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text):
        return text
    signs = _clusters(joined(text, drawable))
    levels = _levels(signs)
    for level in range(max(levels), 0, -1):
        at = 0
        while at < len(signs):
            end = at
            while end < len(signs) and levels[end] >= level:
                end += 1
            signs[at:end] = signs[at:end][::-1]
            levels[at:end] = levels[at:end][::-1]
            at = end + 1
    return "".join(sign.translate(MIRRORED) if level % 2 else sign
                   for sign, level in zip(signs, levels, strict=True))


def joined(text: str, drawable: Callable[[str], bool] = lambda sign: True) -> str:
    """Arabic letters as they stand between their neighbours, lam and alef as one."""
    out, at = [], 0
    before = ""
    while at < len(text):
        sign = text[at]
        if unicodedata.category(sign) == "Mn":  # stands above or below, and parts nothing
            out.append(sign)
            at += 1
            continue
        width = 2 if sign == LAM and text[at + 1:at + 2] in tuple(ALEFS) else 1
        letters = text[at:at + width]
        left = _next(text, at + width)
        form = _form(letters, _reaches_on(before), _may_follow(left))
        out.append(form if drawable(form) else letters)
        before = letters[-1]
        at += width
    return "".join(out)


def _form(letters: str, follows: bool, goes_on: bool) -> str:
    forms = _forms().get(letters, {})
    goes_on = goes_on and "initial" in forms
    follows = follows and "final" in forms
    wanted = ("medial" if goes_on else "final") if follows else (
        "initial" if goes_on else "isolated")
    return forms.get(wanted, letters)


def _reaches_on(sign: str) -> bool:
    return sign == TATWEEL or "initial" in _forms().get(sign, {})


def _may_follow(sign: str) -> bool:
    return sign == TATWEEL or "final" in _forms().get(sign, {})


def _next(text: str, at: int) -> str:
    return next((sign for sign in text[at:] if unicodedata.category(sign) != "Mn"), "")


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Letter, or lam and alef → its presentation forms, as the Unicode database names them."""
    found: dict[str, dict[str, str]] = {}
    for number in (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *codes = unicodedata.decomposition(chr(number)).split() or [""]
        letters = "".join(chr(int(code, 16)) for code in codes)
        if len(letters) == 1 or (letters[:1] == LAM and letters[1:] in tuple(ALEFS)):
            found.setdefault(letters, {})[kind.strip("<>")] = chr(number)
    return found


def _clusters(text: str) -> list[str]:
    """Letters with the marks that stand on them."""
    found: list[str] = []
    for sign in text:
        if found and unicodedata.category(sign) == "Mn":
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _levels(signs: list[str]) -> list[int]:
    """How deep each stands: even from left to right, odd from right to left."""
    kinds = [STRONG.get(unicodedata.bidirectional(sign[0]), "") for sign in signs]
    base = next(kind for kind in (*kinds, "L") if kind in ("L", "R"))
    _join_numbers(signs, kinds)
    last = base
    for at, kind in enumerate(kinds):
        if kind in ("L", "R"):
            last = kind
        elif kind == "N" and last == "L":
            kinds[at] = "L"
    _part_brackets(signs, kinds, base)
    for at, kind in enumerate(kinds):
        if not kind:  # between two of one direction it goes with them, else with the line
            left = next((one for one in kinds[:at][::-1] if one), base).replace("N", "R")
            right = next((one for one in kinds[at:] if one), base).replace("N", "R")
            kinds[at] = left if left == right else base
    depth = {"L": 0, "R": 1, "N": 2} if base == "L" else {"L": 2, "R": 1, "N": 2}
    return [depth[kind] for kind in kinds]


def _join_numbers(signs: list[str], kinds: list[str]) -> None:
    """One separator within a number belongs to it: 1950-01-01, also where the annex would turn a
    date round, behind Arabic letters."""
    for at in range(1, len(signs) - 1):
        if (not kinds[at] and kinds[at - 1] == kinds[at + 1] == "N"
                and unicodedata.bidirectional(signs[at][0]) in ("ES", "CS")):
            kinds[at] = "N"


def _part_brackets(signs: list[str], kinds: list[str], base: str) -> None:
    """Both of a pair go the same way: that of the line, or of what they hold when that continues
    what was before them (N0)."""
    opened: list[tuple[str, int]] = []
    for at, sign in enumerate(signs):
        if sign in BRACKETS:
            opened.append((BRACKETS[sign], at))
            continue
        while opened and sign in BRACKETS.values():
            wanted, start = opened.pop()
            if wanted == sign:
                inside = {kind.replace("N", "R") for kind in kinds[start + 1:at]} & {"L", "R"}
                before = next((kind.replace("N", "R") for kind in kinds[:start][::-1] if kind),
                              base)
                if inside:
                    kinds[start] = kinds[at] = (
                        before if before != base and before in inside and base not in inside
                        else base)
                break
