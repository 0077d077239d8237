"""One patient of the index against one query, field by field."""

from __future__ import annotations

from collections.abc import Iterator

from mediasvc.identity.names import Name, Parts, normal, parse_name, sounding, unspelled
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.identity.query import Query
from mediasvc.model import Patient

#: (field, level) of `mediasvc.identity.weights`.
Seen = tuple[str, str]
SIMILAR, NEAR = 0.88, 0.75
#: Dates that systems write when they know none.
NO_DATES = frozenset({"", "00000000", "11111111", "99999999", "19000101", "18000101", "00010101"})


def observe(query: Query, patient: Patient) -> tuple[Seen, ...]:
    """What agrees and what does not; fields that one side lacks are left out."""
    mine, theirs = query.demographics, patient.demographics
    seen: list[Seen] = [*_ids(query, patient)]
    seen += _names(parse_name(mine.patient_name), parse_name(theirs.patient_name))
    seen += _birth_date(mine.patient_birth_date, theirs.patient_birth_date)
    if mine.patient_sex in ("M", "F", "O") and theirs.patient_sex in ("M", "F", "O"):
        seen.append(("sex", "equal" if mine.patient_sex == theirs.patient_sex else "different"))
    seen += _text("postcode", mine.postcode, theirs.postcode)
    seen += _text("address", mine.address, theirs.address)
    seen += _text("phone", _digits(mine.phone), _digits(theirs.phone))
    if not query.certain_text:
        seen.append(("text", "uncertain"))
    return tuple(seen)


def similarity(a: str, b: str) -> float:
    """0…1; Jaro–Winkler, which forgives typing errors more at the end than at the beginning."""
    from rapidfuzz.distance import JaroWinkler

    return float(JaroWinkler.similarity(a, b))


def known_date(date: str) -> bool:
    return len(date) == 8 and date.isdecimal() and date not in NO_DATES


def _ids(query: Query, patient: Patient) -> Iterator[Seen]:
    asked = [key for key in query.ids if not is_placeholder(key.patient_id)]
    qualified = {key for key in asked if key.issuer}
    valid = {one.key for one in patient.identifiers if not one.valid_to}
    if patient.key in qualified:
        yield "id", "own"
    elif qualified & valid:
        yield "id", "further"
    elif qualified & {one.key for one in patient.identifiers}:
        yield "id", "ended"
    elif patient.key.issuer in {key.issuer for key in qualified}:
        yield "id", "other"
    elif {key.patient_id for key in asked} & {key.patient_id for key in patient.valid_keys()}:
        yield "id", "foreign"


def _names(a: Name, b: Name) -> list[Seen]:
    """The group that agrees least decides: a different reading is another person."""
    from mediasvc.identity.weights import WEIGHTS

    def weight(seen: list[Seen]) -> float:
        return sum(WEIGHTS[field][level].weight for field, level in seen)

    results = [_parts(one, other) for one, other in zip(a.groups, b.groups, strict=True)
               if one and other]
    return min(results, key=weight, default=[])


def _parts(a: Parts, b: Parts) -> list[Seen]:
    straight = [*_name_part("family name", a.family, b.family),
                *_name_part("given name", a.given, b.given, b.middle)]
    if not (a.given and b.given) or _good(straight) == 2:
        return straight
    crossed = [*_name_part("family name", a.family, b.given),
               *_name_part("given name", a.given, b.family)]
    if _good(crossed) == 2 and _good(straight) < 2:
        return crossed if not (a.ordered and b.ordered) else [*crossed, ("names", "swapped")]
    return straight


def _good(seen: list[Seen]) -> int:
    return sum(level in ("equal", "sounding", "similar") for _, level in seen)


def _name_part(field: str, a: str, b: str, also: str = "") -> Iterator[Seen]:
    if not a or not b:
        return
    if unspelled(a) == unspelled(b):
        yield field, "equal"
    elif sounding(a) == sounding(b):
        yield field, "sounding"
    elif 1 in (len(a), len(b)):
        yield field, "initial" if a[0] == b[0] and field == "given name" else "different"
    elif _common_word(a, f"{b} {also}"):
        yield field, "part"
    else:
        likeness = similarity(unspelled(a), unspelled(b))
        yield field, ("similar" if likeness >= SIMILAR else "near" if likeness >= NEAR
                      else "different")


def _common_word(a: str, b: str) -> bool:
    words = set(a.split()) & set(b.split())
    return any(len(word) > 2 for word in words)


def _birth_date(a: str, b: str) -> Iterator[Seen]:
    if known_date(a) and known_date(b):
        yield "birth date", _date_level(a, b)
    elif a[:4].isdecimal() and b[:4].isdecimal() and len(a[:4]) == len(b[:4]) == 4 and \
            a not in NO_DATES and b not in NO_DATES:
        yield "birth date", "year" if a[:4] == b[:4] else "different"
    else:
        yield "birth date", "unknown"


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


def _text(field: str, a: str, b: str) -> Iterator[Seen]:
    a, b = normal(a), normal(b)
    if not a or not b:
        return
    if a.replace(" ", "") == b.replace(" ", ""):
        yield field, "equal"
        return
    if field == "address":
        from rapidfuzz.fuzz import token_sort_ratio
        likeness = token_sort_ratio(a, b) / 100
        yield field, "similar" if likeness >= 0.8 else "near" if likeness >= 0.6 else "different"
    else:
        yield field, "similar" if _one_edit(a, b) else "different"


def _one_edit(a: str, b: str) -> bool:
    from rapidfuzz.distance import OSA

    return OSA.distance(a, b, score_cutoff=1) <= 1


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))[-9:]
