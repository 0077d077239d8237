"""Lists of hundreds of thousands of rows, of which memory holds a few thousand."""

from __future__ import annotations

import random
import tracemalloc
from itertools import groupby

import pytest

from mediasvc.media.disc_layout import DiscInstance, disc_instances
from mediasvc.media.long_list import LongList, in_order, picked, runs
from mediasvc.model import InstanceHeader
from mediasvc.span import Span

Row = tuple[int, str]


def rows(count: int) -> LongList[Row]:
    found: LongList[Row] = LongList(lambda row: row, lambda row: row)
    found.extend((number * 7919 % count, str(number)) for number in range(count))
    return found


@pytest.mark.parametrize("count", [0, 1, 255, 256, 8192, 8193, 20_000])
def test_what_is_put_in_comes_out_and_can_be_sorted(count: int) -> None:
    found = rows(count)
    expected = [(number * 7919 % count, str(number)) for number in range(count)]
    assert list(found) == expected and len(found) == count
    assert list(in_order(found, lambda row: row[0], found.empty())) == sorted(expected)
    assert list(found[5:300]) == expected[5:300]


def test_rows_that_are_replaced_or_come_later_are_not_lost_on_the_disk() -> None:
    found, expected = rows(20_000), list(rows(20_000))
    for step, at in enumerate(random.Random(1).sample(range(20_000), 400)):
        assert found[at] == expected[at]
        found[at] = expected[at] = (step, "replaced")
        found.append((step, "later"))
        expected.append((step, "later"))
    assert list(found) == expected and found[-1] == expected[-1]


def test_neighbours_of_one_kind_are_found_together() -> None:
    found = in_order(rows(9_000), lambda row: row[0], rows(0))
    parts = [list(part) for part in runs(found, lambda row: row[0] // 1000)]
    assert parts == [list(part) for _, part in groupby(found, lambda row: row[0] // 1000)]
    assert list(picked(found, [range(3), [8_999]])) == [*found[:3], found[8_999]]


def test_memory_does_not_grow_with_the_instances_of_an_order() -> None:
    def taken(count: int) -> int:
        tracemalloc.start()
        found = disc_instances()
        for number in range(count):
            found.append(DiscInstance(
                InstanceHeader(sop_instance_uid=f"1.2.{number}", instance_number=str(number)),
                Span(f"/archive/objects/{number:064x}.dcm", 0, 6000), f"{number:064x}"))
        assert sum(1 for _ in found) == count
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert taken(30_000) - taken(15_000) < 15_000 * 20
