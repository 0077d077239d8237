"""One patient of the index against one query, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from mediasvc.identity.names import Name, Parts, normal, parse_name, sounding, unspelled
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.identity.query import Query
from mediasvc.identity.weights import WEIGHT
from mediasvc.model import Patient

#: (field, level) of `mediasvc.identity.weights`.
Seen = tuple[str, str]
SIMILAR, NEAR = 0.88, 0.75
SEXES = frozenset({"M", "F", "O"})
#: Dates that systems write when they know none.
NO_DATES = frozenset({"", "00000000", "11111111", "99999999", "19000101", "18000101", "00010101"})


class Asked:
    """A query with everything ready that is compared with one patient after the other."""

    __slots__ = ("address", "birth_date", "certain_text", "issuers", "keys", "name", "numbers",
                 "phone", "postcode", "qualified", "sex")

    def __init__(self, query: Query) -> None:
        who = query.demographics
        self.keys = [key for key in query.ids if not is_placeholder(key.patient_id)]
        self.qualified = {key for key in self.keys if key.issuer}
        self.issuers = {key.issuer for key in self.qualified}
        self.numbers = {key.patient_id for key in self.keys}
        self.name, self.birth_date = parse_name(who.patient_name), who.patient_birth_date
        self.sex = who.patient_sex if who.patient_sex in SEXES else ""
        self.postcode, self.address = normal(who.postcode), normal(who.address)
        self.phone = _digits(who.phone)
        self.certain_text = query.certain_text


def observe(asked: Asked, patient: Patient) -> tuple[Seen, ...]:
    """What agrees and what does not; fields that one side lacks are left out."""
    theirs = patient.demographics
    seen: list[Seen] = [*_ids(asked, patient)] if asked.keys else []
    seen += _names(asked.name, parse_name(theirs.patient_name))
    seen.append(("birth date", _birth_date(asked.birth_date, theirs.patient_birth_date)))
    if asked.sex and theirs.patient_sex in SEXES:
        seen.append(("sex", "equal" if asked.sex == theirs.patient_sex else "different"))
    if asked.postcode and theirs.postcode:
        seen += _text("postcode", asked.postcode, normal(theirs.postcode))
    if asked.address and theirs.address:
        seen += _text("address", asked.address, normal(theirs.address))
    if asked.phone and theirs.phone:
        seen += _text("phone", asked.phone, _digits(theirs.phone))
    if not asked.certain_text:
        seen.append(("text", "uncertain"))
    return tuple(seen)


def weigh(seen: Iterable[Seen]) -> float:
    return sum(map(WEIGHT.__getitem__, seen))


def similarity(a: str, b: str) -> float:
    """0…1; Jaro–Winkler, which forgives typing errors more at the end than at the beginning."""
    from rapidfuzz.distance import JaroWinkler

    return float(JaroWinkler.similarity(a, b))


def known_date(date: str) -> bool:
    return len(date) == 8 and date.isdecimal() and date not in NO_DATES


def _ids(asked: Asked, patient: Patient) -> Iterator[Seen]:
    others = patient.identifiers
    if patient.key in asked.qualified:
        yield "id", "own"
    elif others and asked.qualified & {one.key for one in others if not one.valid_to}:
        yield "id", "further"
    elif others and asked.qualified & {one.key for one in others}:
        yield "id", "ended"
    elif patient.key.issuer in asked.issuers:
        yield "id", "other"
    elif patient.key.patient_id in asked.numbers or (others and asked.numbers & {
            one.patient_id for one in others if not one.valid_to}):
        yield "id", "foreign"


def _names(a: Name, b: Name) -> list[Seen]:
    """The group that agrees least decides: a different reading is another person."""
    results = [_parts(one, other) for one, other in zip(a.groups, b.groups, strict=True)
               if one and other]
    if len(results) > 1:
        return min(results, key=weigh)
    return results[0] if results else []


def _parts(a: Parts, b: Parts) -> list[Seen]:
    straight = [*_name_part("family name", a.family, b.family),
                *_name_part("given name", a.given, b.given, b.middle)]
    if not (a.given and b.given) or _good(straight) == 2:
        return straight
    crossed = [*_name_part("family name", a.family, b.given)]
    if _good(crossed) == 1:
        crossed += _name_part("given name", a.given, b.family)
    if _good(crossed) == 2:
        return crossed if not (a.ordered and b.ordered) else [*crossed, ("names", "swapped")]
    return straight


def _good(seen: list[Seen]) -> int:
    return sum(level in ("equal", "sounding", "similar") for _, level in seen)


#: Most of those who are compared with somebody share a name, a birth date or a street.
@lru_cache(maxsize=16384)
def _name_part(field: str, a: str, b: str, also: str = "") -> tuple[Seen, ...]:
    if not a or not b:
        return ()
    if a == b or unspelled(a) == unspelled(b):
        level = "equal"
    elif sounding(a) == sounding(b):
        level = "sounding"
    elif 1 in (len(a), len(b)):
        level = "initial" if a[0] == b[0] and field == "given name" else "different"
    elif (" " in a or " " in b or also) and _common_word(a, f"{b} {also}"):
        level = "part"
    else:
        likeness = similarity(unspelled(a), unspelled(b))
        level = "similar" if likeness >= SIMILAR else "near" if likeness >= NEAR else "different"
    return (field, level),


def _common_word(a: str, b: str) -> bool:
    words = set(a.split()) & set(b.split())
    return any(len(word) > 2 for word in words)


@lru_cache(maxsize=16384)
def _birth_date(a: str, b: str) -> str:
    if known_date(a) and known_date(b):
        return _date_level(a, b)
    years = a[:4], b[:4]
    if a not in NO_DATES and b not in NO_DATES and all(
            len(year) == 4 and year.isdecimal() for year in years):
        return "year" if years[0] == years[1] else "different"
    return "unknown"


def _date_level(a: str, b: str) -> str:
    if a == b:
        return "equal"
    if a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]:
        return "turned"
    places = [place for place in range(8) if a[place] != b[place]]
    if len(places) == 1:
        return "digit"
    if len(places) == 2:
        first, second = places
        if second == first + 1 and a[first] == b[second] and a[second] == b[first]:
            return "transposed"
        return "two"
    return "different"


@lru_cache(maxsize=16384)
def _text(field: str, a: str, b: str) -> tuple[Seen, ...]:
    """Of two texts in normal form."""
    if not a or not b:
        return ()
    if a == b or a.replace(" ", "") == b.replace(" ", ""):
        level = "equal"
    elif field == "address":
        from rapidfuzz.fuzz import token_sort_ratio
        likeness = token_sort_ratio(a, b) / 100
        level = "similar" if likeness >= 0.8 else "near" if likeness >= 0.6 else "different"
    else:
        level = "similar" if _one_edit(a, b) else "different"
    return (field, level),


def _one_edit(a: str, b: str) -> bool:
    from rapidfuzz.distance import OSA

    return OSA.distance(a, b, score_cutoff=1) <= 1


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))[-9:]
