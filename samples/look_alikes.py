"""Pairs of people who are easily taken for each other: twins, namesakes, father and son."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

FAMILIES = ("Sample", "Specimen", "Mustermann", "Ejemplo", "Voorbeeld", "Esempio", "Przyklad")
#: Twins are often given names that begin, end or sound alike.
TWINS = (("Anna", "Anne"), ("Jan", "Jana"), ("Maria", "Marie"), ("Erik", "Erika"),
         ("Luca", "Luka"), ("Mia", "Pia"), ("Tim", "Tom"), ("Christian", "Christina"),
         ("Alma", "Greta"), ("Bruno", "Felix"))


@dataclass(frozen=True)
class Traits:
    patient_name: str
    patient_birth_date: str
    patient_sex: str
    address: str = ""
    postcode: str = ""


@dataclass(frozen=True)
class Pair:
    """Two people: ``known`` is in the index, ``comes`` is on the disc and is somebody else."""

    kind: str
    known: Traits
    comes: Traits


def look_alikes(count: int, seed: int = 1) -> Iterator[Pair]:
    """``count`` pairs, each kind in turn; the same for the same seed."""
    dice = random.Random(seed)
    for number in range(count):
        kind = ("twins", "twins of one sex", "namesakes", "one digit apart", "day and month",
                "father and son")[number % 6]
        yield _pair(kind, dice, number)


def _pair(kind: str, dice: random.Random, number: int) -> Pair:
    first, second = dice.choice(TWINS)
    family = f"{dice.choice(FAMILIES)}{number}"
    born = _date(dice)
    known = Traits(f"{family}^{first}", born, dice.choice("MF"),
                   f"{dice.randint(1, 99)} {family} street", str(dice.randint(1000, 9999)))
    if kind.startswith("twins"):
        sex = known.patient_sex if kind.endswith("sex") else "MF"[known.patient_sex == "M"]
        return Pair(kind, known, replace(known, patient_name=f"{family}^{second}",
                                         patient_sex=sex))
    if kind == "father and son":
        son = f"{int(born[:4]) + dice.randint(19, 40)}{_date(dice)[4:]}"
        return Pair(kind, known, replace(known, patient_birth_date=son))
    other = {"namesakes": _other_date(dice, born), "one digit apart": _one_digit(born),
             "day and month": _swapped(born)}[kind]
    return Pair(kind, known, Traits(known.patient_name, other, known.patient_sex))


def _date(dice: random.Random) -> str:
    """Day and month both below 13 and different, so that they can be taken for each other."""
    month, day = dice.sample(range(1, 13), 2)
    return f"{dice.randint(1925, 2005)}{month:02}{day:02}"


def _other_date(dice: random.Random, born: str) -> str:
    while (other := _date(dice)) == born:
        pass
    return other


def _one_digit(born: str) -> str:
    return f"{born[:3]}{(int(born[3]) + 1) % 10}{born[4:]}"


def _swapped(born: str) -> str:
    return born[:4] + born[6:] + born[4:6]
