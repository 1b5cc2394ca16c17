"""What holds for every set of restore points and every keep policy."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rotator.model import Keep
from rotator.retention import KeepReason, Point, kept

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana"])

counts = st.integers(0, 6)
keeps = st.builds(Keep, counts, counts, counts, counts, counts, counts).filter(lambda keep: keep.total > 0)
slots = st.integers(0, 900_000).map(lambda minutes: START + timedelta(minutes=minutes))
near = st.integers(0, 400).map(
    lambda quarters: datetime(2026, 10, 24, 20, tzinfo=UTC) + timedelta(minutes=15 * quarters)
)
points_lists = st.lists(st.builds(Point, slots | near, st.integers(0, 9) | st.sampled_from("ab")), max_size=40)


@given(points_lists, keeps, ZONES, st.randoms(use_true_random=False))
def test_the_answer_depends_on_the_set_of_points_only(
    points: list[Point], keep: Keep, zone: str, order: random.Random
) -> None:
    shuffled = order.sample(points, len(points)) + points[:1]
    assert list(kept(points, keep, zone).items()) == list(kept(shuffled, keep, zone).items())


@given(points_lists, keeps, ZONES)
def test_the_newest_is_always_kept_and_nothing_comes_from_elsewhere(points: list[Point], keep: Keep, zone: str) -> None:
    stays = kept(points, keep, zone)
    assert stays.keys() <= set(points)
    if points:
        assert next(iter(stays)).slot == max(point.slot for point in points)


@given(points_lists, keeps, ZONES)
def test_no_rule_keeps_more_than_its_count_and_each_numbers_its_own(points: list[Point], keep: Keep, zone: str) -> None:
    by_rule: dict[str, list[KeepReason]] = {}
    for reason in kept(points, keep, zone).values():
        by_rule.setdefault(reason.rule, []).append(reason)
    for rule, reasons in by_rule.items():
        assert [reason.number for reason in reasons] == list(range(1, len(reasons) + 1))
        assert len(reasons) <= keep.counts()[rule]
        assert not any(reason.oldest for reason in reasons[:-1])


@given(points_lists, keeps, ZONES)
def test_what_is_kept_is_kept_again(points: list[Point], keep: Keep, zone: str) -> None:
    """Pruning what has been pruned gives up nothing more, and for the same reasons."""
    stays = kept(points, keep, zone)
    assert kept(stays, keep, zone) == stays


@given(st.sets(st.integers(0, 900_000), max_size=30), st.integers(1, 8), ZONES)
def test_a_plain_count_keeps_the_newest_ones(minutes: set[int], count: int, zone: str) -> None:
    """Restore points a day or more apart, so that no clock change gives two of them the same wall time."""
    points = [Point(START + timedelta(days=minute), minute) for minute in {minute // 1000 for minute in minutes}]
    newest = sorted(points, key=lambda point: point.slot, reverse=True)[:count]
    assert list(kept(points, Keep(last=count), zone)) == newest


@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 3), st.integers(20, 60))
def test_every_tier_adds_its_own_so_the_slots_are_filled(last: int, daily: int, weekly: int, days: int) -> None:
    """Never fewer than the policy's total while history allows: six-hourly points of enough days."""
    points = [Point(START + timedelta(hours=6 * number), number) for number in range(4 * days + 40)]
    keep = Keep(last=last, daily=daily, weekly=weekly)
    assert len(kept(points, keep, "UTC")) == keep.total
