"""Whose images are these? Candidates with reasons, and the one rule that links (DESIGN §5).

Similarity only sorts the list that a person sees. A rule links without a person only by an
issuer-qualified Patient ID together with demographics, never by resemblance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mediasvc.identity.compare import Asked, Seen, known_date, observe, weigh
from mediasvc.identity.names import compare_names, parse_name
from mediasvc.identity.placeholders import is_placeholder
from mediasvc.identity.query import Lookup, Query, blocking
from mediasvc.identity.weights import GAP, LEAST, ORDER, WEIGHTS, Recommendation
from mediasvc.model import Patient, PatientKey

__all__ = ["SAME_ID", "Candidate", "Query", "Rule", "agreement", "candidates", "certain",
           "disagreement", "is_placeholder"]

#: The rule's id in decisions and events.
SAME_ID = "same-id"
SAME_ID_TEXT = ("same Patient ID of the same issuer, at least two of name, birth date and sex "
                "agree and none disagrees")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patient with ``score`` 0…100 and the reasons for it, in words without values."""

    patient: Patient
    score: float
    recommendation: Recommendation
    reasons: tuple[str, ...]

    @property
    def patient_id(self) -> str:
        return self.patient.key.patient_id

    @property
    def issuer(self) -> str:
        return self.patient.key.issuer


@dataclass(frozen=True, slots=True)
class Rule:
    """A certain link: the rule's id, whom it links to, and which evidence it rests on."""

    rule: str
    patient: Patient
    evidence: dict[str, Any]

    @property
    def key(self) -> PatientKey:
        return self.patient.key


def candidates(query: Query, lookup: Lookup, *, limit: int = 10) -> list[Candidate]:
    """The best ``limit`` patients that score at all, best first, or else the one that scores least
    badly; all with the same ID are kept."""
    asked, qualified = Asked(query), _qualified(query)
    compared = [(observe(asked, patient), patient) for patient in lookup(blocking(query))]
    scored = sorted(((weigh(seen), seen, patient) for seen, patient in compared),
                    key=lambda one: (-one[0], one[2].key.patient_id, one[2].key.issuer))
    full = _attainable(query)
    kept = [_scored(weight, full, seen, patient) for place, (weight, seen, patient)
            in enumerate(scored) if (place < limit and (weight > 0 or place == 0))
            or (qualified and qualified & patient.valid_keys())]
    return [_recommended(one, place, kept) for place, one in enumerate(kept)]


def certain(query: Query, found: Sequence[Candidate]) -> Rule | None:
    """The rule that links the query to one of ``found`` (of `candidates`), or None.

    Exactly one patient has one of the query's issuer-qualified IDs as own or valid further ID, at
    least two of name, birth date and sex agree with it, none disagrees, and the text is certain.
    """
    holders = [one.patient for one in found if _shares_id(query, one.patient)]
    if len(holders) != 1 or not query.certain_text:
        return None
    patient = holders[0]
    agreeing = agreement(query, patient)
    if not agreeing:
        return None
    by = "own" if patient.key in _qualified(query) else "further"
    return Rule(SAME_ID, patient, {"id": by, "agree": agreeing})


def agreement(query: Query, patient: Patient) -> list[str]:
    """Which of name, birth date and sex agree, when at least two do and none disagrees."""
    verdicts = _demographics(query, patient)
    agreeing = [field for field, agrees in verdicts.items() if agrees]
    return [] if False in verdicts.values() or len(agreeing) < 2 else agreeing


def disagreement(query: Query, patient: Patient) -> list[str]:
    """Which of name, birth date and sex are known on both sides and differ."""
    return [field for field, agrees in _demographics(query, patient).items() if agrees is False]


def _qualified(query: Query) -> frozenset[PatientKey]:
    return frozenset(key for key in query.ids
                     if key.issuer and not is_placeholder(key.patient_id))


def _shares_id(query: Query, patient: Patient) -> bool:
    return bool(_qualified(query) & patient.valid_keys())


def _demographics(query: Query, patient: Patient) -> dict[str, bool | None]:
    """Field → agrees, disagrees, or None when a side does not know it."""
    mine, theirs = query.demographics, patient.demographics
    dates = (mine.patient_birth_date, theirs.patient_birth_date)
    sexes = (mine.patient_sex, theirs.patient_sex)
    return {
        "name": compare_names(parse_name(mine.patient_name), parse_name(theirs.patient_name)),
        "birth date": _dates_agree(*dates),
        "sex": sexes[0] == sexes[1] if set(sexes) <= {"M", "F", "O"} else None,
    }


def _dates_agree(a: str, b: str) -> bool | None:
    if known_date(a) and known_date(b):
        return a == b
    years = a[:4], b[:4]
    partial = all(len(year) == 4 and year.isdecimal() for year in years)
    return False if partial and years[0] != years[1] else None


def _scored(weight: float, full: float, seen: Iterable[Seen], patient: Patient) -> Candidate:
    rows = [WEIGHTS[field][level] for field, level in seen]
    score = round(min(100.0, max(0.0, 100.0 * weight / full)), 1)
    earned = next(name for name in reversed(ORDER) if score >= LEAST[name])
    level = min((earned, *(row.cap for row in rows)), key=ORDER.index)
    reasons = tuple(row.words for row in sorted(rows, key=lambda row: -abs(row.weight)))
    return Candidate(patient, score, level, reasons)


def _attainable(query: Query) -> float:
    """The weight of full agreement in what the query says; IDs come on top."""
    who = query.demographics
    name = parse_name(who.patient_name)
    given = any(parts.given for parts in name.groups)
    said = {"family name": bool(name), "given name": given,
            "birth date": known_date(who.patient_birth_date),
            "sex": who.patient_sex in ("M", "F", "O"), "postcode": bool(who.postcode),
            "address": bool(who.address), "phone": bool(who.phone)}
    full = sum(next(iter(WEIGHTS[field].values())).weight for field, has in said.items() if has)
    return max(full, WEIGHTS["family name"]["equal"].weight + WEIGHTS["birth date"]["equal"].weight)


def _recommended(one: Candidate, place: int, best: list[Candidate]) -> Candidate:
    """Strong only for the first, and only when the second is well behind."""
    alone = place == 0 and (len(best) < 2 or best[0].score - best[1].score >= GAP)
    if one.recommendation != "strong" or alone:
        return one
    behind = ("nearly the same as the next candidate" if place == 0
              else "nearly the same as the best candidate")
    reasons = (*one.reasons, behind) if best[0].score - one.score < GAP else one.reasons
    return Candidate(one.patient, one.score, "medium", reasons)
