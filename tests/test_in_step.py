"""Files in step: the same answers as one after the other, in fewer cold starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mediasvc.errors import DamagedError
from mediasvc.work.turns.in_step import Steps, at_once, groups, in_step


def steps(name: str, count: int, seen: list[str], fails: int = -1) -> Steps[dict[str, Any]]:
    for number in range(count):
        if number == fails:
            raise DamagedError("broken")
        seen.append(f"{name}{number}")
        yield
    return {"name": name}


def test_the_first_step_of_all_comes_before_the_second_of_any() -> None:
    seen: list[str] = []
    rows = in_step([steps("a", 3, seen), steps("b", 1, seen), steps("c", 2, seen)])
    assert seen == ["a0", "b0", "c0", "a1", "c1", "a2"]
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert all(row["seconds"] >= 0 for row in rows)


def test_one_error_is_the_answer_of_that_one() -> None:
    seen: list[str] = []
    one, two = in_step([steps("a", 3, seen, fails=1), steps("b", 3, seen)])
    assert one == {"error": "DamagedError", "text": "broken"} and two["name"] == "b"
    assert seen == ["a0", "b0", "b1", "b2"]


def test_alone_all_steps_are_taken_and_errors_are_raised() -> None:
    assert at_once(steps("a", 2, [])) == {"name": "a"}
    with pytest.raises(DamagedError):
        at_once(steps("a", 2, [], fails=0))


def test_groups_are_bounded_by_number_and_bytes_and_a_large_one_is_alone() -> None:
    sizes = [1, 1, 1, 9, 1, 5, 5, 1]

    def made() -> Iterator[list[int]]:
        for group in groups([{"size": size} for size in sizes], lambda row: row["size"], 2, 8):
            yield [row["size"] for row in group]

    assert list(made()) == [[1, 1], [1], [9], [1, 5], [5, 1]]
