"""No plan takes a disc more than it must."""

from __future__ import annotations

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mediasvc.media.disc.fewest_bins import fewest, first_fit


def partitions(things: list[int]) -> object:
    """Every way to put them into boxes."""
    if not things:
        yield []
        return
    first, *rest = things
    for boxes in partitions(rest):  # type: ignore[attr-defined]
        yield [[first], *boxes]
        for number, box in enumerate(boxes):
            yield [*boxes[:number], [first, *box], *boxes[number + 1:]]


def brute_force(sizes: list[int], room: int) -> int:
    return min(len(boxes) for boxes in partitions(list(range(len(sizes))))  # type: ignore[attr-defined]
               if all(sum(sizes[at] for at in box) <= room for box in boxes))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=7), st.integers(20, 40))
@example([4, 8, 1, 4, 2, 1], 10)
@example([20, 20], 40)
@example([6, 5, 5, 4], 10)
def test_it_is_as_few_as_trying_everything_finds(sizes: list[int], room: int) -> None:
    boxes = fewest(sizes, room)
    assert sorted(at for box in boxes for at in box) == list(range(len(sizes)))
    assert all(sum(sizes[at] for at in box) <= room for box in boxes)
    assert len(boxes) == brute_force(sizes, room)


def test_what_fits_to_the_byte_fits() -> None:
    assert fewest([300, 400, 300], 1000) == [[0, 1, 2]]
    assert fewest([300, 401, 300], 1000) == [[0, 1], [2]]


def test_reading_order_stays_where_it_costs_no_disc() -> None:
    assert fewest([5, 6, 5, 4], 11) == [[0, 1], [2, 3]]
    assert fewest([5, 6, 5, 4], 10) == [[0, 2], [1, 3]]


def test_a_large_order_is_planned_at_once_and_never_worse_than_first_fit() -> None:
    sizes = [(number * 7919) % 997 + 1 for number in range(600)]
    start = time.process_time()
    boxes = fewest(sizes, 1000)
    assert time.process_time() - start < 5
    assert len(boxes) <= len(first_fit(sizes, range(len(sizes)), 1000))
