"""What the patient feed should come to: a few dictionaries, and nothing of the program.

A step is one message: ``("update", key, name, time)``, ``("merge", prior, survivor, time)``,
``("change", prior, new, name, time)``, ``("unlink", a, b, time)``; keys are words, times minutes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mediasvc.model import PatientKey
from mediasvc.store import merges, patients
from mediasvc.store.db import Connection
from mediasvc.work.index.adt import receive
from tests.hl7_things import FEED, NOW, message

Step = tuple[Any, ...]
KEYS = "ABCDE"
BEGIN = datetime(2024, 1, 1, 10)


class ContradictionError(Exception):
    """A person must see to it; the model is as before."""


@dataclass
class Model:
    names: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    up: dict[str, tuple[str, int]] = field(default_factory=dict)
    ended: dict[frozenset[str], int] = field(default_factory=dict)

    def apply(self, step: Step) -> str:
        """The verdict."""
        kind, *rest, time = step
        try:
            return str(getattr(self, kind)(*rest, time))
        except ContradictionError:
            return "held"

    def update(self, key: str, name: str, time: int) -> str:
        if time < self.times.get(key, -1):
            return "stale"
        self.names[key], self.times[key] = name, time
        return "applied"

    def merge(self, prior: str, survivor: str, time: int) -> str:
        if prior == survivor:
            raise ContradictionError
        if self.ended.get(frozenset((prior, survivor)), -1) > time:
            return "stale"
        held_by, since = self.up.get(prior, ("", 0))
        if held_by == survivor:
            self.up[prior] = (survivor, max(time, since))
            return "applied"
        if prior in self.way(survivor):
            raise ContradictionError
        if held_by:
            if self.way(prior)[-1] == self.way(survivor)[-1]:
                return "applied"
            raise ContradictionError
        self.up[prior] = (survivor, time)
        return "applied" if self.who(survivor) else "waiting"

    def change(self, prior: str, new: str, name: str, time: int) -> str:
        if prior == new:
            return self.update(new, name, time)
        before = dict(self.names), dict(self.times)
        first = self.update(new, name, time)
        try:
            second = self.merge(prior, new, time)
        except ContradictionError:
            self.names, self.times = before
            raise
        return "applied" if "applied" in (first, second) else second

    def unlink(self, a: str, b: str, time: int) -> str:
        for prior, survivor in ((a, b), (b, a)):
            held_by, since = self.up.get(prior, ("", 0))
            if held_by == survivor:
                if since > time:
                    return "stale"
                del self.up[prior]
                self._end(a, b, time)
                return "applied"
        if self.way(a)[-1] == self.way(b)[-1]:
            raise ContradictionError
        self._end(a, b, time)
        return "applied"

    def _end(self, a: str, b: str, time: int) -> None:
        pair = frozenset((a, b))
        self.ended[pair] = max(time, self.ended.get(pair, -1))

    def way(self, key: str) -> list[str]:
        found = [key]
        while found[-1] in self.up:
            found.append(self.up[found[-1]][0])
        return found

    def who(self, key: str) -> str:
        """The patient whom a key means; "" for nobody."""
        return next((one for one in reversed(self.way(key)) if one in self.names), "")

    def picture(self, keys: Sequence[str] = KEYS) -> dict[str, tuple[str, str]]:
        """key → (who it is now, the name that stands under the key itself)."""
        return {key: (self.who(key), self.names.get(key, "")) for key in keys}


def text(step: Step, number: int) -> bytes:
    """The step as a message; ``number`` makes its control id."""
    kind, *rest, time = step
    common: dict[str, str] = {"at": f"{BEGIN + timedelta(minutes=time):%Y%m%d%H%M}+0000",
                              "control": f"c{number}"}
    if kind == "update":
        key, name = rest
        return message("A08", pid=f"{key}1^^^HOSP", name=name, **common)
    if kind == "unlink":
        a, b = rest
        return message("A37", pid=f"{a}1^^^HOSP", pid2=f"{b}1^^^HOSP", **common)
    prior, new = rest[:2]
    name = rest[2] if kind == "change" else "Any^Body"
    return message("A47" if kind == "change" else "A40", pid=f"{new}1^^^HOSP", name=name,
                   mrg=f"{prior}1^^^HOSP", **common)


def send(connection: Connection, step: Step, number: int) -> str:
    return receive(connection, text(step, number), FEED, received=NOW).verdict


def picture(connection: Connection, letters: Sequence[str] = KEYS) -> dict[str, tuple[str, str]]:
    """The same as `Model.picture`, of the index."""
    keys = {key: PatientKey(f"{key}1", "HOSP") for key in letters}
    own = {one.key: one for one in patients.patients_by_keys(connection, list(keys.values()))}
    there = {one.row: one.key for one in own.values()}
    now = merges.survivors(connection, list(there))
    result = {}
    for letter, key in keys.items():
        row = now[own[key].row] if key in own else merges.survivor_row(connection, key)
        name = own[key].demographics.patient_name if key in own else ""
        result[letter] = (there[row].patient_id[:-1] if row else "", name)
    return result


def random_steps(dice: random.Random, size: int) -> list[Step]:
    return [random_step(dice, KEYS, dice.randint(0, 9)) for _ in range(size)]


def random_step(dice: random.Random, keys: Sequence[str], time: int) -> Step:
    a, b, name = dice.choice(keys), dice.choice(keys), f"N{dice.randint(0, 9)}"
    return dice.choice([("update", a, name, time), ("update", b, name, time),
                        ("merge", a, b, time), ("merge", b, a, time),
                        ("change", a, b, name, time), ("unlink", a, b, time)])


class LongFeed:
    """One feed without an end: times go on, some messages come late, some come again."""

    def __init__(self, dice: random.Random, keys: int) -> None:
        self.dice, self.keys = dice, [f"K{number}x" for number in range(keys)]
        self.model, self.sent = Model(), 0
        self._lately: list[tuple[Step, int]] = []

    def go_on(self, connection: Connection, messages: int) -> None:
        """Send so many more, and compare every verdict; in the end compare everybody."""
        for _ in range(messages):
            if self._lately and self.dice.random() < 0.1:
                self._again(connection)
                continue
            late = self.dice.choice((0, 0, 0, 1, 10, 100))
            step = self._step(max(0, self.sent // 20 - late))
            verdict = send(connection, step, self.sent)
            assert verdict == self.model.apply(step), (self.sent, step)
            self._lately = [*self._lately[-99:], (step, self.sent)]
            self.sent += 1
        assert picture(connection, self.keys) == self.model.picture(self.keys), self.sent

    def _step(self, time: int) -> Step:
        """Often the end of a merge that lasts; else everybody would soon be one person."""
        if self.model.up and self.dice.random() < 0.25:
            prior = self.dice.choice(list(self.model.up))
            return ("unlink", prior, self.model.up[prior][0], time)
        return random_step(self.dice, self.keys, time)

    def _again(self, connection: Connection) -> None:
        step, number = self.dice.choice(self._lately)
        assert receive(connection, text(step, number), FEED, received=NOW).repeated


def compare(connection: Connection, steps: list[Step]) -> None:
    """Index and model say the same after each step, and the same messages again change nothing."""
    model = Model()
    for number, step in enumerate(steps):
        assert send(connection, step, number) == model.apply(step), (number, steps)
    assert picture(connection) == model.picture(), steps
    for number, step in enumerate(steps):
        send(connection, step, number)
    assert picture(connection) == model.picture(), steps
