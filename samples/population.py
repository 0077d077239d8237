# ruff: noqa: SIM905 - long lists of words are easier to read as text
"""A population as large as one likes, with the crowding of a real one.

A few hundred names make up half of the people, and a long tail of rare ones the rest; given names
come and go with the years; families share a name, an address and a phone; twins a birth date as
well; a clerk who did not know a birthday wrote the first of January. Everything is made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

FAMILIES = """Müller Smith Nguyen Schmidt García Jones Schneider Williams Fischer Brown Weber Taylor
Yılmaz Tran Meyer Davies Wagner Wilson Becker Evans Schulz Thomas Hoffmann Johnson Schäfer Roberts
Koch Walker Bauer Wright Richter Robinson Klein Thompson Wolf White Schröder Hughes Neumann Edwards
Schwarz Green Zimmermann Lewis Braun Wood Krüger Harris Hofmann Martin Hartmann Jackson Lange Clarke
Le Pham Rossi Kaya Kim Lee Wang Singh Kaur Silva Santos Novak Kowalski Ivanov Petrov Popescu Hansen
Meier Maier Mayer Schmitt Schulze Krause Lehmann Huber Kaiser Fuchs Peters Scholz Möller Weiß Jung
Hahn Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht
Schuster Simon Ludwig Böhm Winter Kraus Martinez Lopez O'Brien Murphy Kelly Ryan Campbell Anderson
van_der_Berg de_Jong Öztürk Demir Çelik Şahin Hassan Ahmed Ali Khan Chen Liu Zhang Li Huang Sato
Suzuki Tanaka Yamamoto""".split()
GIVEN = {
    "F": """Ursula Helga Ingrid Karin Renate Monika Sabine Susanne Petra Andrea Claudia Stefanie
Anna
Julia Laura Sarah Lena Emma Mia Sophie Maria Margaret Elizabeth Susan Linda Patricia Jessica
Emily Olivia Charlotte Fatma Ayşe Thi Linh Elena Olga Katarzyna Ana Carmen Yuki""".split(),
    "M": """Hans Karl Günter Klaus Peter Wolfgang Jürgen Michael Thomas Andreas Stefan Christian
Markus Daniel Jan Lukas Leon Finn Paul Ben John William James Robert David Richard Mark Matthew
Jack Oliver Mehmet Mustafa Van Minh Ivan Sergej Piotr José Antonio Kenji""".split()}
SYLLABLES = """bach berg born dal der eck feld ger hart hei hof horn kamp ker land lau lin lo mann
mar mei mo nau ne ow pel ra rei ren ro sa schen ski son stein stett ta ten thal tow va wald wick
win zen zig el an ka""".split()
STREETS = """Hauptstraße Schulstraße Gartenstraße Bahnhofstraße Dorfstraße Bergstraße Birkenweg
Lindenstraße Kirchstraße Waldstraße Ringstraße High_Street Station_Road Church_Road Park_Avenue
Victoria_Street""".split()


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    birth_date: str
    sex: str
    address: str
    postcode: str
    phone: str


def _weights(number: int, flat: int, steep: float) -> list[float]:
    """Cumulative: the n-th name is ``1 / (n + flat) ** steep`` as frequent."""
    return list(accumulate(1 / (place + flat) ** steep for place in range(number)))


class Population:
    """The names, streets and towns of a country."""

    def __init__(self, seed: int = 1, rare: int = 60_000) -> None:
        self._dice = random.Random(seed)
        self._families = [*(one.replace("_", " ") for one in FAMILIES), *self._made_up(rare, 3)]
        self._family_weights = _weights(len(self._families), 8, 0.95)
        self._rare_given = self._made_up(3000, 2)
        self._given_weights = _weights(8, 2, 1.0)
        self._postcodes = [f"{number:05}" for number in self._dice.sample(range(1000, 99999), 6000)]
        self._postcode_weights = _weights(len(self._postcodes), 20, 0.8)
        self._streets = [*(one.replace("_", " ") for one in STREETS),
                         *(f"{one} Straße" for one in self._made_up(20_000, 2))]
        self._street_weights = _weights(len(self._streets), 4, 0.8)

    def people(self, number: int, part: int = 0) -> Iterator[Person]:
        """So many of its people; another ``part`` gives others, the same one the same."""
        self._dice = random.Random(f"{number}/{part}")
        done = 0
        while done < number:
            for one in self._household():
                if done < number:
                    yield one
                    done += 1

    def _made_up(self, number: int, syllables: int) -> list[str]:
        return ["".join(self._dice.choices(SYLLABLES, k=self._dice.randint(2, syllables))).title()
                for _ in range(number)]

    def _household(self) -> Iterator[Person]:
        dice = self._dice
        family, = dice.choices(self._families, cum_weights=self._family_weights)
        street, = dice.choices(self._streets, cum_weights=self._street_weights)
        postcode, = dice.choices(self._postcodes, cum_weights=self._postcode_weights)
        address = f"{street} {min(dice.randint(1, 200), dice.randint(1, 200))}"
        phone = f"0{dice.randint(10**8, 10**10 - 1)}"
        year = dice.randint(1925, 2024)
        for _ in range(dice.choice((1, 1, 2, 2, 3, 4))):
            sex = dice.choice("FM")
            born = f"{year}{dice.randint(1, 12):02}{dice.randint(1, 28):02}"
            if dice.random() < 0.01:
                born = f"{year}0101"
            one = Person(f"{family}^{self._given(sex, year)}", born, sex, address, postcode, phone)
            yield one
            if dice.random() < 0.015:
                yield replace(one, name=f"{family}^{self._given(sex, year)}")
            year = min(2024, max(1925, year + dice.choice((-2, 2, 27, -27))))

    def _given(self, sex: str, year: int) -> str:
        """Of forty names, those that lie around the year's place; some are rare ones."""
        dice = self._dice
        if dice.random() < 0.25:
            return dice.choice(self._rare_given)
        names = GIVEN[sex]
        middle = (year - 1925) * (len(names) - 1) // 99
        place, = dice.choices(range(8), cum_weights=self._given_weights)
        return names[(middle + (place + 1) // 2 * (1 if place % 2 else -1)) % len(names)]
