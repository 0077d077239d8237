"""How many discs an order needs, and what stands on which."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mediasvc.errors import BudgetError
from mediasvc.media.disc.disc_layout import DiscInstance
from mediasvc.media.disc.disc_plan import DiscPlan, plan_discs
from mediasvc.model import InstanceHeader
from mediasvc.span import Span

MB = 1 << 20
CD = 700 * MB


def series(number: int, count: int, size: int, study: int = 1) -> list[DiscInstance]:
    return [DiscInstance(InstanceHeader(
        patient_id="P", study_instance_uid=f"1.{study}", series_instance_uid=f"1.{study}.{number}",
        series_number=str(number), instance_number=str(at), rows=512, columns=512,
        sop_instance_uid=f"1.{study}.{number}.{at}"), Span("", 0, size), "")
        for at in range(count)]


def numbers(plan: DiscPlan) -> list[int]:
    return [int(instance.header.instance_number) for instance in plan.instances]


def test_a_series_that_fits_nowhere_is_cut_into_runs_of_neighbours_of_one_length() -> None:
    """So that each disc has room for the viewer, and not only the last one."""
    plans = plan_discs(series(1, 2000, 526_000), CD)
    assert [numbers(plan) for plan in plans] == [list(range(1000)), list(range(1000, 2000))]
    assert all(plan.bytes < 0.8 * CD for plan in plans)


def test_what_a_series_has_once_is_not_counted_for_each_of_its_instances() -> None:
    """1.37 discs of pixels are two discs, though 2,600 pages and pictures would be a third one."""
    assert len(plan_discs(series(1, 2600, 526_000), CD, with_udf=0x0102)) == 2


def test_a_run_makes_room_for_another_series_where_that_saves_a_disc() -> None:
    """Halves of 60 % would leave no room for the other; a whole disc and 20 % do."""
    order = [*series(1, 120, 7 * MB), *series(2, 10, 50 * MB)]
    assert len(plan_discs(order, CD)) == 2
    for plan in plan_discs(order, CD):
        assert plan.bytes <= CD


def test_a_study_that_fits_is_never_cut() -> None:
    order = [*series(1, 90, 7 * MB, study=1), *series(1, 30, 7 * MB, study=2),
             *series(1, 30, 7 * MB, study=3)]
    for plan in (plans := plan_discs(order, CD)):
        assert plan.bytes <= CD
    assert len(plans) == 2
    where = [{instance.header.study_instance_uid for instance in plan.instances} for plan in plans]
    assert not where[0] & where[1]


def test_an_instance_that_is_larger_than_a_disc_is_told() -> None:
    with pytest.raises(BudgetError):
        plan_discs([*series(1, 3, 300 * MB), *series(2, 1, 701 * MB)], CD)
    assert len(plan_discs(series(2, 1, 701 * MB), None)) == 1


def test_every_instance_stands_on_one_disc_once() -> None:
    order = [*series(1, 333, 5 * MB), *series(2, 77, 11 * MB), *series(3, 1, 699 * MB - (2 << 20)),
             *series(1, 12, 30 * MB, study=2)]
    placed = [instance.header.sop_instance_uid for plan in plan_discs(order, CD)
              for instance in plan.instances]
    assert sorted(placed) == sorted(one.header.sop_instance_uid for one in order)


def test_reports_of_a_study_that_is_spread_lie_beside_its_images() -> None:
    """And not on the disc of another study that happens to have room."""
    report = [replace(one, header=replace(one.header, rows=0, columns=0))
              for one in series(9, 2, 1 * MB, study=2)]
    order = [*series(1, 30, 10 * MB), *series(1, 40, 10 * MB, study=2),
             *series(2, 40, 10 * MB, study=2), *report]
    plans = plan_discs(order, CD)
    assert len(plans) == 3
    [with_report] = [plan for plan in plans if any(
        one.header.series_instance_uid == "1.2.9" for one in plan.instances)]
    assert {"1.2.1", "1.2.9"} <= {one.header.series_instance_uid for one in with_report.instances}


def test_reports_lie_alone_where_that_saves_a_disc() -> None:
    report = [replace(one, header=replace(one.header, rows=0, columns=0))
              for one in series(9, 1, 60 * MB, study=2)]
    order = [*series(1, 9, 10 * MB), *series(1, 60, 10 * MB, study=2),
             *series(2, 35, 10 * MB, study=2), *report, *series(1, 26, 10 * MB, study=3)]
    assert len(plan_discs(order, CD)) == 2


def test_nothing_but_reports_is_spread_all_the_same() -> None:
    report = [replace(one, header=replace(one.header, rows=0, columns=0))
              for number in (1, 2) for one in series(number, 90, 10 * MB)]
    placed = [one.header.sop_instance_uid for plan in plan_discs(report, CD)
              for one in plan.instances]
    assert len(placed) == len(set(placed)) == 180
