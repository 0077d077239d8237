"""Person names brought into a form in which they can be compared, and keys to find them by.

A name has up to three groups, alphabetic, ideographic and phonetic (PS3.5 6.2.1.2), which are
compared group by group. Latin, Cyrillic, Greek and kana letters are written in plain a–z; Han
characters never are: their readings are not known (LIBRARIES, Transliteration).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

#: Words that are no part of the name itself, removed where other words remain.
TITLES = frozenset({"dr", "prof", "professor", "doctor", "mr", "mrs", "ms", "miss", "herr", "frau",
                    "mme", "mlle", "jr", "sr", "phd", "ii", "iii", "iv"})
#: Joined without a blank: O'Brien, D’Angelo, Cyrillic soft sign, kana's long vowel mark.
_DROPPED = str.maketrans("", "", "'’‘`´ʹʼʻ\"\u30fc")
#: The same, and a blank for whatever else is no letter or digit.
_ASCII = {code: " " for code in range(128) if not chr(code).isalnum()} | dict.fromkeys(
    map(ord, "'`\""))
_SMALL_Y = dict(zip("ゃゅょャュョ", "auoauo", strict=True))
_SMALL_TSU = frozenset("っッ")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "HIRAGANA", "KATAKANA")

#: Umlauts written as two letters and the same without (Müller, Mueller, Muller).
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"))
#: Spellings that sound alike: Kunrei to Hepburn, long vowels, and common European ones.
_SOUNDS = tuple((re.compile(pattern), with_) for pattern, with_ in (
    (r"sy(?=[auo])", "sh"), (r"ty(?=[auo])", "ch"), (r"zy(?=[auo])", "j"), (r"si", "shi"),
    (r"ti", "chi"), (r"tu", "tsu"), (r"zi", "ji"), (r"hu", "fu"), (r"o(?:u|o|h(?![aeiou]))", "o"),
    (r"uu", "u"), (r"sch", "sh"), (r"ph", "f"), (r"dt|th", "t"), (r"ck|q", "k"), (r"x", "ks"),
    (r"y|j(?![aeiou])", "i"), (r"w", "v"), (r"(.)\1+", r"\1")))
_SOUNDEX = str.maketrans("bfpvcgjkqsxzdtlmnraeiouyhw", "11112222222233455600000000")


@dataclass(frozen=True, slots=True)
class Parts:
    """One group, each part in normal form: lower case, a–z where that is safe, single blanks.

    ``ordered`` is False when the text did not say which word is the family name.
    """

    family: str = ""
    given: str = ""
    middle: str = ""
    ordered: bool = True

    def __bool__(self) -> bool:
        return bool(self.family or self.given or self.middle)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(" ".join((self.family, self.given, self.middle)).split())


@dataclass(frozen=True, slots=True)
class Name:
    alphabetic: Parts = Parts()
    ideographic: Parts = Parts()
    phonetic: Parts = Parts()

    def __bool__(self) -> bool:
        return bool(self.alphabetic or self.ideographic or self.phonetic)

    @property
    def groups(self) -> tuple[Parts, Parts, Parts]:
        return (self.alphabetic, self.ideographic, self.phonetic)


@lru_cache(maxsize=8192)
def parse_name(text: str) -> Name:
    """The normal form of a DICOM Person Name. A first group in Han characters is taken as the
    ideographic one where that is empty, as senders without an alphabetic name write it."""
    groups = [_parts(group) for group in text.split("=")[:3]]
    first, second, third = (*groups, Parts(), Parts(), Parts())[:3]
    if not second and not text.isascii() and any(map(_has_han, first.words)):
        first, second = Parts(), first
    return Name(first, second, third)


@lru_cache(maxsize=16384)
def normal(text: str) -> str:
    """Words in normal form, separated by single blanks."""
    text = text.casefold()
    if text.isascii():
        return " ".join(text.translate(_ASCII).split())
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _plain(text).casefold().translate(_DROPPED)
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " "
                            for c in text).split())


def same_name(a: str, b: str) -> bool:
    """The names agree: every group that both have is equal but for case, punctuation, titles,
    transliteration, umlaut spelling, and a middle name that one lacks or abbreviates."""
    return compare_names(parse_name(a), parse_name(b)) is True


def compare_names(a: Name, b: Name) -> bool | None:
    """True or False as `same_name` says; None when they have no group in common."""
    pairs = [(one, other) for one, other in zip(a.groups, b.groups, strict=True) if one and other]
    return all(_same_parts(one, other) for one, other in pairs) if pairs else None


@lru_cache(maxsize=16384)
def unspelled(text: str) -> str:
    """The same for Müller, Mueller and Muller; blanks removed, so van der Berg is Vanderberg."""
    text = text.replace(" ", "")
    for digraph, letter in _UMLAUTS:
        text = text.replace(digraph, letter)
    return text


@lru_cache(maxsize=16384)
def sounding(text: str) -> str:
    """The same for spellings that sound alike: Meyer and Meier, Tarou and Taro, Sya and Sha."""
    text = unspelled(text)
    for pattern, with_ in _SOUNDS:
        text = pattern.sub(with_, text)
    return text


@lru_cache(maxsize=16384)
def phonetic_code(text: str) -> str:
    """A short code that survives most typing errors; text outside a–z is its own code."""
    text = sounding(text)
    if not text.isascii() or not text.isalpha():
        return text
    first = {"c": "k", "z": "s"}.get(text[0], text[0])
    code, last = first, ""
    for digit in text.translate(_SOUNDEX):
        if digit not in ("0", last):
            code += digit
        last = digit
    return first + code[1:].removeprefix(text[0].translate(_SOUNDEX))[:3]


def _parts(group: str) -> Parts:
    components = [normal(component) for component in group.split("^")]
    family, given, middle = (*components, "", "", "")[:3]
    ordered = True
    if not given and not middle:
        if "," in group:
            before, _, after = group.partition("^")[0].partition(",")
            family, given = normal(before), normal(after)
        elif " " in family:
            family, _, given = _untitled(family).partition(" ")
            ordered = False
    return Parts(_untitled(family), _untitled(given), _untitled(middle), ordered)


def _untitled(text: str) -> str:
    words = text.split()
    if len(words) < 2:
        return text
    return " ".join([word for word in words if word not in TITLES] or words)


def _same_parts(a: Parts, b: Parts) -> bool:
    if a.ordered and b.ordered:
        return (unspelled(a.family) == unspelled(b.family)
                and unspelled(a.given) == unspelled(b.given) and _same_middle(a.middle, b.middle))
    return sorted(map(unspelled, a.words)) == sorted(map(unspelled, b.words))


def _same_middle(a: str, b: str) -> bool:
    if not a or not b or unspelled(a) == unspelled(b):
        return True
    pairs = list(zip(a.split(), b.split(), strict=False))
    return all(one[0] == other[0] and 1 in (len(one), len(other)) for one, other in pairs)


def _has_han(text: str) -> bool:
    return any("\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff"
               or "\uf900" <= c <= "\ufaff" for c in text)


def _plain(text: str) -> str:
    """Latin, Cyrillic, Greek and kana letters as a–z, accents dropped; others untouched."""
    from anyascii import anyascii

    written: list[str] = []
    plain_before = False
    for character in text:
        if unicodedata.category(character) == "Mn" and plain_before:
            continue
        if character in _SMALL_TSU:
            continue
        if character in _SMALL_Y and written and written[-1].endswith("i"):
            stem = written[-1][:-1]
            glide = "" if stem.endswith(("sh", "ch", "j")) else "y"
            written[-1] = stem + glide + _SMALL_Y[character]
            continue
        plain_before = _is_plain_script(character)
        written.append(anyascii(character) if plain_before else character)
    return "".join(written)


@lru_cache(maxsize=4096)
def _is_plain_script(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_SCRIPTS)
