"""Free text: identifying words taken out, or only words kept that a vocabulary knows (E.3.4).

Two ways. `without_words` takes what is known of this one patient out of text that may stay.
`known_words` (Clean Descriptors) keeps nothing but words of the medical vocabularies of PS3.16 and
of scan protocols: a list of what is harmless is never complete, and so fails to the safe side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any

#: Shorter parts of names stand in too many innocent words.
LEAST_NAME, LEAST_ID = 3, 4
#: From here on stand Han, Kana and Hangul.
IDEOGRAPHS = 0x2E80
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
_NAME_PARTS = re.compile(r"[^\W\d_]+")
_SEPARATORS = re.compile(r"(\s+|[_/,;:()\[\]+*<>=&|-]+)")
#: 45y is an age.
_NUMBER = re.compile(r"[a-z]{0,2}\d{1,3}([.,x]\d{1,3})?(?!y)[a-z]{0,2}", re.ASCII | re.IGNORECASE)
_DATES = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{4,}", re.ASCII)
#: Short groups of digits one behind the other; with so many digits they are a number of somebody.
_GROUPS, MOST_DIGITS = re.compile(r"\d+(?:[ ./_-]\d+)+", re.ASCII), 4
#: What protocol and series names are made of beyond anatomy.
_PROTOCOL = """
abdomen abd adc add angio arm art arterial ax axial ax. bh blade body bold bone bolus brain breast
breath brst cardiac cap cbct cerebral cervical chest cine cist cm cor coronal cranial csp ct cta
ctp cube delayed delay diff diffusion dixon dce dual dwi dynamic dti early ecg echo enhanced epi
erect exp exposure ext fat fast fgre fiesta flair flash flex fov fse fs ge gre gradient haste head
hip hr image images inhale exhale inf ir iso kernel knee kub l lat lateral late left liver loc
localizer lower lumbar lung mag mask mip mm mm3 motion mp mpr mprage mr mra mrcp mri mrv ms neck
neuro nm non oblique obl ob p pa ap pat pelvis perf perfusion pet phase plain plane plus portal post
pre prone protocol ph proj pulm r recon rad reformat reformatted registered res resp rest right roi
routine rt lt sag sagittal scan scout se sec section sense seg sequence series single skull slab
slice slices soft spair spgr spin spine spiral standard std stir stress study sub subtraction sup
superior supine survey swi t tag thick thin thorax thoracic tof topogram tra transverse trigger trig
true trufi tse tr te ti ti. upper uniform us venous vessel vibe view volume vol vr w wb whole wo w/o
with without weighted wrist x y z xray hand foot ankle elbow shoulder series
"""


def name_words(texts: Iterable[str]) -> set[str]:
    """The parts of person names, case folded, that are long enough to be told from other words,
    with their forms without accents (Müller: also muller and mueller)."""
    parts = {part.casefold() for text in texts for part in _NAME_PARTS.findall(text)}
    forms = parts | {_plain(part) for part in parts} | {
        part.translate(_UMLAUTS) for part in parts}
    return {part for part in forms if len(part) >= LEAST_NAME or _is_ideographic(part)}


def id_words(texts: Iterable[str]) -> set[str]:
    return {text.strip().casefold() for text in texts if len(text.strip()) >= LEAST_ID}


def without_words(text: str, words: set[str], *, codes: bool = False) -> str:
    """``text`` without any of ``words``. In ``codes`` (VR CS) a word of the vocabulary may stay:
    a body part is no surname there."""
    folded = text.casefold()
    hits = [word for word in words if word in folded]
    if codes:
        hits = [word for word in hits if word not in vocabulary() and word not in _TERMS]
    for word in sorted(hits, key=len, reverse=True):
        # digits and letters of an identifier count inside longer runs as well, names do not
        edge = r"(?<![^\W\d_])", r"(?![^\W\d_])"
        free = _is_ideographic(word) or any(sign.isdigit() for sign in word)
        pattern = re.escape(word) if free else edge[0] + re.escape(word) + edge[1]
        text = re.sub(pattern, "", text, flags=re.IGNORECASE)
    return text if not hits else re.sub(r"\s{2,}", " ", text).strip(" ")


def _plain(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", word)
                   if not unicodedata.combining(sign))


def _is_ideographic(word: str) -> bool:
    """Scripts that put no spaces between words: two signs are a whole name there."""
    return len(word) > 1 and any(ord(sign) >= IDEOGRAPHS for sign in word)


def known_words(text: str, words: set[str]) -> str:
    """What of ``text`` the vocabulary knows, in its order; ``words`` never."""
    text = _DATES.sub(" ", without_words(text, words))
    text = _GROUPS.sub(_few_digits, text)
    parts = _SEPARATORS.split(text)
    kept = [part if at % 2 or _is_known(part, words) else "" for at, part in enumerate(parts)]
    joined = re.sub(r"\s{2,}", " ", "".join(kept)).strip(" _/,;:-+*=&|<>")
    return joined if any(any(sign.isalpha() for sign in part) for part in kept[::2]) else ""


def _few_digits(groups: re.Match[str]) -> str:
    return groups[0] if sum(map(str.isdigit, groups[0])) <= MOST_DIGITS else " "


def _is_known(part: str, words: set[str]) -> bool:
    folded = part.strip(".").casefold()
    if not folded or folded in words:
        return False
    return folded in vocabulary() or bool(_NUMBER.fullmatch(folded))


@cache
def vocabulary() -> frozenset[str]:
    """Single words of the code meanings that pydicom knows of PS3.16 (SNOMED CT, DCM), without
    those of people and places, and of scan protocols."""
    from pydicom.sr._concepts_dict import concepts

    known: dict[str, Any] = dict(concepts)

    found = set(_PROTOCOL.split())
    for scheme in ("SCT", "DCM"):
        for codes in known[scheme].values():
            for meaning, *_ in codes.values():
                # with a capital it may be somebody's name (Baker cyst)
                found.update(part for part in _NAME_PARTS.findall(meaning) if part.islower())
    return frozenset(found - set(_EPONYMS.split()))


#: Words of the enumerated values that hold objects together (PS3.3 C.17.3, C.7.6.1, C.7.6.3).
_TERMS = frozenset([
    "text", "code", "image", "container", "pname", "num", "waveform", "composite", "scoord",
    "scoord3d", "tcoord", "uidref", "date", "time", "datetime", "table", "contains", "has", "obs",
    "context", "concept", "mod", "properties", "inferred", "from", "selected", "separate",
    "continuous", "original", "primary", "derived", "secondary", "mixed", "monochrome", "rgb",
    "ybr", "full", "partial", "palette", "color", "complete", "partially", "verified",
    "unverified", "final", "prelim", "yes", "no", "none", "pixel", "display", "point", "polyline",
    "circle", "ellipse", "closed", "open", "planar", "interpolated", "identity", "linear",
    "sigmoid", "table", "volume", "slab", "removed", "unmodified", "modified", "dcmr"])
#: Eponyms and countries among the code meanings that are surnames and home towns, too.
_EPONYMS = """
baker bennett bland white brown black gray grey green young long short king price cook stone wood
robinson williams johnson smith jones miller taylor davis wilson thomas jackson martin thompson
berlin german germany france french england english italy italian spain spanish china chinese
japan japanese korea india indian brazil mexico canada ireland scotland wales sweden norway denmark
"""
