"""How much each kind of agreement or disagreement says, as a table (Fellegi and Sunter).

A weight is the binary logarithm of how much likelier the observation is for one person than for
two; set by hand and checked on FEBRL 4 (scripts/bench_identity). ``cap`` is the best
recommendation that a candidate with this observation can get, whatever else agrees. Words name no
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Recommendation = Literal["none", "low", "medium", "strong"]
ORDER: tuple[Recommendation, ...] = ("none", "low", "medium", "strong")


@dataclass(frozen=True, slots=True)
class Observation:
    weight: float
    words: str
    cap: Recommendation = "strong"


def _row(weight: float, words: str, cap: Recommendation = "strong") -> Observation:
    return Observation(weight, words, cap)


#: field → level → what it says. The first level of a field is its full agreement.
WEIGHTS: dict[str, dict[str, Observation]] = {
    "id": {
        "own": _row(16, "same Patient ID and issuer"),
        "further": _row(15, "Patient ID and issuer are known as this person's"),
        "ended": _row(3, "Patient ID was this person's in the past", "medium"),
        "foreign": _row(2, "same Patient ID, but of another issuer"),
        "other": _row(-3, "another Patient ID of the same issuer", "low"),
    },
    "family name": {
        "equal": _row(7, "family name equal"),
        "sounding": _row(6, "family name differs only in spelling"),
        "similar": _row(4.5, "family name similar"),
        "part": _row(4, "family names have a part in common", "medium"),
        "near": _row(2, "family name slightly similar", "medium"),
        "different": _row(-3, "family name differs", "low"),
    },
    "given name": {
        "equal": _row(5.5, "given name equal"),
        "sounding": _row(4.5, "given name differs only in spelling"),
        "similar": _row(3.5, "given name similar", "medium"),  # it may be a twin
        "part": _row(3, "given names have a part in common", "medium"),
        "initial": _row(1.5, "given name abbreviated", "medium"),
        "near": _row(1.5, "given name slightly similar", "medium"),
        "different": _row(-3.5, "given name differs", "low"),
    },
    "names": {
        "swapped": _row(-1.5, "family and given name are swapped", "medium"),
    },
    "birth date": {
        "equal": _row(11, "birth date equal"),
        "digit": _row(5, "birth date differs in one digit", "medium"),
        "turned": _row(6, "day and month of birth are swapped", "medium"),
        "transposed": _row(5, "two digits of the birth date are transposed", "medium"),
        "year": _row(2.5, "only the year of birth is given, and it agrees", "medium"),
        "two": _row(1, "birth date differs in two digits", "low"),
        "different": _row(-5, "birth date differs", "low"),
        "unknown": _row(0, "birth date unknown", "medium"),
    },
    "sex": {
        "equal": _row(1, "sex equal"),
        "different": _row(-3, "sex differs", "medium"),
    },
    "postcode": {
        "equal": _row(5, "postcode equal"),
        "similar": _row(3, "postcode similar"),
        "different": _row(-1, "postcode differs"),
    },
    "address": {
        "equal": _row(6, "address equal"),
        "similar": _row(4.5, "address similar"),
        "near": _row(2, "address slightly similar"),
        "different": _row(-1, "address differs"),
    },
    "phone": {
        "equal": _row(7, "phone number equal"),
        "similar": _row(4, "phone number similar"),
        "different": _row(-0.5, "phone number differs"),
    },
    "text": {
        "uncertain": _row(0, "the character set of the name is uncertain", "medium"),
    },
}

#: (field, level) → its weight.
WEIGHT = {(field, level): row.weight for field, levels in WEIGHTS.items()
          for level, row in levels.items()}

#: Least score (0–100) for each recommendation.
LEAST: dict[Recommendation, float] = {"strong": 88.0, "medium": 70.0, "low": 40.0,
                                      "none": 0.0}
#: Points to the runner-up that a strong recommendation needs.
GAP = 8.0
