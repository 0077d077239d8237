"""The patient feed against a small model: every order, wild interleavings, replays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediasvc.store import adt, schema
from mediasvc.store.db import Connection, Store
from mediasvc.work.index.adt import receive
from tests.adt_model import KEYS, Model, Step, compare, picture, random_steps, send
from tests.hl7_things import FEED, NOW
from tests.store_things import new_store

TABLES = ("patient", "patient_identifier", "patient_key", "patient_merge", "adt_patient",
          "adt_message")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with new_store(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """A transaction that is thrown away."""
    with store.engine.connect().execution_options(mediasvc_writes=True) as opened, \
            opened.begin() as transaction:
        yield opened
        transaction.rollback()


def tables(connection: Connection) -> dict[str, list[object]]:
    return {name: sorted(map(repr, connection.execute(sa.select(schema.metadata.tables[name]))))
            for name in TABLES}


CREATE = [("update", "A", "Ann", 1), ("update", "B", "Bea", 1), ("update", "C", "Cy", 1)]
#: Scripts, and whether each order of their messages must come to the same.
SCRIPTS: dict[str, tuple[list[Step], bool]] = {
    "chain": ([*CREATE, ("merge", "A", "B", 2), ("merge", "B", "C", 3),
               ("update", "A", "Anna", 4)], True),
    "unlinked": ([*CREATE[:2], ("merge", "A", "B", 2), ("unlink", "B", "A", 3),
                  ("merge", "A", "B", 4), ("update", "B", "Old", 0)], True),
    "circle": ([*CREATE, ("merge", "A", "B", 2), ("merge", "B", "C", 3), ("merge", "C", "A", 4)],
               False),
    "renamed": ([("update", "A", "Ann", 1), ("change", "A", "B", "Ann B", 2),
                 ("change", "B", "C", "Ann C", 3), ("merge", "A", "D", 4),
                 ("unlink", "A", "B", 5), ("update", "D", "Di", 1)], False),
}


@pytest.mark.parametrize("name", ["chain", "circle"])
def test_every_order_of_six_messages(name: str, connection: Connection) -> None:
    steps, same = SCRIPTS[name]
    ends = set()
    for model in _every_order(connection, list(enumerate(steps)), []):
        found = picture(connection)
        assert found == model.picture()
        ends.add(tuple(sorted(found.items())))
    assert (len(ends) == 1) == same


@pytest.mark.parametrize("name", ["unlinked", "renamed"])
def test_many_orders_of_six_messages(name: str, connection: Connection) -> None:
    steps, same = SCRIPTS[name]
    ends = set()
    for order in random.Random(5).sample(list(permutations(steps)), 40):
        point = connection.begin_nested()
        compare(connection, list(order))
        ends.add(tuple(sorted(picture(connection).items())))
        point.rollback()
    assert (len(ends) == 1) == same


def _every_order(connection: Connection, left: list[tuple[int, Step]], done: list[Step],
                 ) -> Iterator[Model]:
    """At each leaf of the tree of orders the model; the connection then stands there too."""
    if not left:
        yield _after(done)
    for number, step in left:
        point = connection.begin_nested()
        assert send(connection, step, number) == _after(done).apply(step), (done, step)
        yield from _every_order(connection, [one for one in left if one[0] != number],
                                [*done, step])
        point.rollback()


def _after(steps: list[Step]) -> Model:
    model = Model()
    for step in steps:
        model.apply(step)
    return model


KEY, TIME, NAME = st.sampled_from(KEYS), st.integers(0, 9), st.sampled_from(["N1", "N2", "N3"])
STEPS = st.lists(st.one_of(st.tuples(st.just("update"), KEY, NAME, TIME),
                           st.tuples(st.just("merge"), KEY, KEY, TIME),
                           st.tuples(st.just("change"), KEY, KEY, NAME, TIME),
                           st.tuples(st.just("unlink"), KEY, KEY, TIME)), max_size=14)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_interleaving_is_as_the_model_says(steps: list[Step], connection: Connection) -> None:
    point = connection.begin_nested()
    try:
        compare(connection, steps)
    finally:
        point.rollback()


def test_messages_in_their_order_make_the_same_tables_again(tmp_path: Path) -> None:
    dice = random.Random(3)
    with new_store(tmp_path / "a") as first, new_store(tmp_path / "b") as second:
        with first.transaction() as connection:
            for number, step in enumerate(random_steps(dice, 100)):
                send(connection, step, number)
        with first.read() as connection:
            wanted, messages = tables(connection), list(adt.messages(connection))
        with second.transaction() as connection:
            for _, body in messages:
                receive(connection, body, FEED, received=NOW)
            assert tables(connection) == wanted
            for _, body in reversed(messages):
                assert receive(connection, body, FEED, received=NOW).repeated
            assert tables(connection) == wanted
