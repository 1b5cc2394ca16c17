"""Retention as tables to check by reading: slots and a policy → what is kept and why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotator.errors import EmptyKeepError, Exit
from rotator.model import Keep
from rotator.retention import KeepReason, Point, kept
from tests.machine import machine_in

SIX_HOURLY = [f"2026-11-{day} {hour:02}:00" for day in (20, 21, 22, 23) for hour in (0, 6, 12, 18)]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reasons(slots: list[str], keep: Keep, zone: str = "UTC") -> dict[str, str]:
    """Kept slot → reason, newest first, as text."""
    points = [Point(utc(slot), number) for number, slot in enumerate(slots)]
    return {f"{point.slot:%Y-%m-%d %H:%M}": str(reason) for point, reason in kept(points, keep, zone).items()}


@pytest.mark.parametrize(
    ("slots", "keep", "expected"),
    [
        (
            SIX_HOURLY,
            Keep(last=3),
            {"2026-11-23 18:00": "last #1", "2026-11-23 12:00": "last #2", "2026-11-23 06:00": "last #3"},
        ),
        # The daily rule passes over the 23rd, the weekly one (2026-11-23 is a Monday) over this week.
        (
            SIX_HOURLY,
            Keep(last=2, daily=1, weekly=1),
            {
                "2026-11-23 18:00": "last #1",
                "2026-11-23 12:00": "last #2",
                "2026-11-22 18:00": "daily #1 (2026-11-22)",
                "2026-11-20 00:00": "weekly #1 (oldest)",
            },
        ),
        (
            ["2026-10-31 03:00", "2026-11-08 03:00", "2026-11-15 03:00", "2026-11-22 03:00", "2026-11-23 03:00"],
            Keep(daily=1, weekly=2, monthly=1),
            {
                "2026-11-23 03:00": "daily #1 (2026-11-23)",
                "2026-11-22 03:00": "weekly #1 (2026-W47)",
                "2026-11-15 03:00": "weekly #2 (2026-W46)",
                "2026-10-31 03:00": "monthly #1 (2026-10)",
            },
        ),
        (
            ["2024-12-30 03:00", "2025-01-05 03:00", "2025-12-31 03:00", "2026-01-01 03:00"],
            Keep(weekly=2, yearly=1),
            {
                "2026-01-01 03:00": "weekly #1 (2026-W01)",
                "2025-12-31 03:00": "yearly #1 (2025)",
                "2025-01-05 03:00": "weekly #2 (2025-W01)",
            },
        ),
        (
            ["2026-11-23 01:10", "2026-11-23 01:50", "2026-11-23 02:05"],
            Keep(hourly=2),
            {"2026-11-23 02:05": "hourly #1 (2026-11-23 02h)", "2026-11-23 01:50": "hourly #2 (2026-11-23 01h)"},
        ),
        # Too few for the count: the oldest stays too.
        (
            ["2026-11-21 03:00", "2026-11-22 03:00", "2026-11-22 09:00", "2026-11-22 15:00"],
            Keep(monthly=3),
            {"2026-11-22 15:00": "monthly #1 (2026-11)", "2026-11-21 03:00": "monthly #2 (oldest)"},
        ),
        (["2026-11-21 03:00"], Keep(last=4), {"2026-11-21 03:00": "last #1"}),
        (["2026-11-21 03:00"], Keep(last=1, daily=1), {"2026-11-21 03:00": "last #1"}),
        ([], Keep(last=4), {}),
    ],
)
def test_each_rule_adds_its_own_restore_points(slots: list[str], keep: Keep, expected: dict[str, str]) -> None:
    assert reasons(slots, keep) == expected
    assert list(reasons(slots, keep)) == list(expected)


def test_two_of_one_second_count_once_for_last_and_the_higher_key_is_the_newer() -> None:
    slot = utc("2026-11-23 02:00")
    points = [Point(slot, 9), Point(slot, 10), Point(utc("2026-11-22 02:00"), 1)]
    assert kept(points, Keep(last=2), "UTC") == {
        points[1]: KeepReason("last", 1, "", oldest=False),
        points[2]: KeepReason("last", 2, ""),
    }
    assert str(kept(points[:2], Keep(last=2), "UTC")[points[0]]) == "last #2 (oldest)"


def test_keys_may_be_numbers_and_text() -> None:
    slot = utc("2026-11-23 02:00")
    assert list(kept([Point(slot, "a"), Point(slot, 10)], Keep(last=1), "UTC")) == [Point(slot, "a")]


def test_parts_of_a_second_make_no_period() -> None:
    slot = utc("2026-11-23 02:00")
    earlier, later = Point(slot, 2), Point(slot.replace(microsecond=5), 1)
    assert kept([earlier, later], Keep(last=2), "UTC") == {
        later: KeepReason("last", 1, ""),
        earlier: KeepReason("last", 2, "", oldest=True),
    }


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", {"2026-11-23 02:00": "daily #1 (2026-11-23)", "2026-11-22 23:30": "daily #2 (2026-11-22)"}),
        ("Europe/Paris", {"2026-11-23 02:00": "daily #1 (2026-11-23)", "2026-11-22 22:30": "daily #2 (2026-11-22)"}),
        (
            "America/New_York",
            {"2026-11-23 02:00": "daily #1 (2026-11-22)", "2026-11-22 02:00": "daily #2 (2026-11-21)"},
        ),
    ],
)
def test_periods_are_those_of_the_zone(zone: str, expected: dict[str, str]) -> None:
    slots = ["2026-11-22 02:00", "2026-11-22 22:30", "2026-11-22 23:30", "2026-11-23 02:00"]
    assert reasons(slots, Keep(daily=2), zone) == expected


def test_an_hour_that_the_clock_repeats_is_one_period_as_in_borg() -> None:
    slots = ["2026-10-24 23:00", "2026-10-25 00:00", "2026-10-25 01:00"]
    assert reasons(slots, Keep(hourly=2), "Europe/Paris") == {
        "2026-10-25 01:00": "hourly #1 (2026-10-25 02h)",
        "2026-10-24 23:00": "hourly #2 (2026-10-25 01h)",
    }


def test_the_last_ones_of_the_hour_that_the_clock_repeats_are_two() -> None:
    """Unlike borg's, which goes by the local second: 02:00 and 02:00 again would be one."""
    slots = ["2026-10-24 23:00", "2026-10-25 00:00", "2026-10-25 01:00"]
    assert reasons(slots, Keep(last=2), "Europe/Paris") == {
        "2026-10-25 01:00": "last #1",
        "2026-10-25 00:00": "last #2",
    }


@pytest.mark.parametrize("machine", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_ends_of_the_calendar_are_no_trap(zone: str, machine: str) -> None:
    slots = ["0001-01-01 00:00", "9999-12-31 23:59"]
    with machine_in(machine):
        why = reasons(slots, Keep(weekly=2), zone)
    assert list(why.values()) == ["weekly #1 (9999-W52)", "weekly #2 (1-W01)"]


def test_an_empty_policy_is_refused() -> None:
    with pytest.raises(EmptyKeepError) as refused:
        kept([], Keep(), "UTC")
    assert str(refused.value) == "keep: every count is 0, which would keep nothing; keep at least 1"
    assert refused.value.exit_code is Exit.CONFIG
    assert isinstance(refused.value, ValueError)
