"""Ten years of slots are what the rules of Debian's manual pages say, worked out without the library of rotator.

rotator departs from them in two things, and here is exactly how. Whether a schedule follows elapsed time is decided by
the hours that it has, all 24 or not, and not by a star in its text: `0 */6 * * *` is a job at particular times. And a
time that is skipped runs after the gap however long the gap is.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from rotator.slots import latest_slot, next_slot, parse_schedule, slots_between
from tests.cron_rules import HOUR, MINUTE, Job, stretches

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)

ZONES = {
    "Europe/Paris": 20,
    "America/New_York": 20,
    "Australia/Lord_Howe": 20,  # half an hour
    "Africa/Casablanca": 22,  # backwards for Ramadan, forwards after it
    "America/Havana": 20,  # at midnight
    "Europe/Dublin": 20,  # summer is standard time, winter is an hour behind
    "Antarctica/Troll": 20,  # two hours
    "Asia/Kathmandu": 0,
}
"""Each with the number of its changes in those ten years."""

AT_PARTICULAR_TIMES = (
    "30 2 * * *",
    "15,45 0,1,2,3 * feb-apr,SEP-NOV sun",
    "0 0,6,12,18 * 2-4,9-11 *",
    "0-59/20 1-3 * * 0",
    "30 1 * * 7",
    "59 23 31 * *",
    "0 3 L * *",
    "5 0 29 2 *",
    "0 2 13 * fri",
    "0 2 1-7 * MON-WED",
    "30 0,2 1,15 mar,apr,SEP-NOV 0",
    "10 2 */10 * 1",
)

BY_ELAPSED_TIME = ("0 * * 2-4,9-11 sat,sun", "10,40 * * * sun", "*/30 * 1 * *", "30 * 28-31 mar,oct 1")

STARRED = ("*/15 2 * * *", "0 */6 * * *", "30 */2 * mar,apr,oct,nov sun")
"""A star, but not every hour."""

UNSTARRED = ("30 0-23 * 3,4,10,11 SUN",)
"""Every hour, but no star."""


def slots(expression: str, zone: str) -> list[datetime]:
    return list(slots_between(parse_schedule(expression, zone), START, END))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", [*AT_PARTICULAR_TIMES, *BY_ELAPSED_TIME])
def test_ten_years_are_as_debian_cron_documents(expression: str, zone: str) -> None:
    job = Job(expression)
    runs = job.runs(zone, START, END, wildcard=job.has_star)
    assert len(runs) >= 2
    assert slots(expression, zone) == runs


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", [*STARRED, *UNSTARRED])
def test_a_star_does_not_decide_but_the_hours_do(expression: str, zone: str) -> None:
    job = Job(expression)
    assert slots(expression, zone) == job.runs(zone, START, END, wildcard=len(job.hours) == 24)


def test_a_star_would_make_a_difference_to_debian_cron() -> None:
    for expression in (*STARRED[::2], *UNSTARRED):
        job = Job(expression)
        assert job.runs("Europe/Paris", START, END, wildcard=job.has_star) != slots(expression, "Europe/Paris")


def test_a_day_that_is_skipped_runs_after_the_gap() -> None:
    """Samoa went to the other side of the date line at the end of 29 December 2011; cron would not run the 30th."""
    start, end = datetime(2011, 12, 28, 12, tzinfo=UTC), datetime(2012, 1, 1, 12, tzinfo=UTC)
    found = list(slots_between(parse_schedule("30 2 * * *", "Pacific/Apia"), start, end))
    runs = Job("30 2 * * *").runs("Pacific/Apia", start, end, wildcard=False)
    assert sorted({*found} - {*runs}) == [datetime(2011, 12, 30, 10, 0, tzinfo=UTC)]
    assert {*runs} <= {*found}


@pytest.mark.parametrize("zone", ZONES)
def test_latest_and_next_are_the_neighbours_in_ten_years(zone: str) -> None:
    """At random instants, half of them near a change of the clock."""
    draw = random.Random(zone)
    seams = [each.start for each in stretches(zone, START, END)]
    for expression in ("30 2 * * *", "0 0,6,12,18 * 2-4,9-11 *", "10,40 * * * sun", "0 2 13 * fri"):
        job, schedule = Job(expression), parse_schedule(expression, zone)
        runs = job.runs(zone, START, END, wildcard=job.has_star)
        for number in range(40):
            near = draw.choice(seams) + draw.randint(-300, 300) * MINUTE
            anywhere = START + timedelta(seconds=draw.randrange(int((END - START).total_seconds())))
            at = min(max(near if number % 2 else anywhere, runs[0]), runs[-1] - MINUTE)
            assert latest_slot(schedule, at) == max(run for run in runs if run <= at)
            assert next_slot(schedule, at) == min(run for run in runs if run > at)


@pytest.mark.parametrize(("zone", "changes"), ZONES.items())
def test_the_zones_change_as_often_as_they_are_meant_to(zone: str, changes: int) -> None:
    seams = stretches(zone, START, END)
    assert len(seams) - 1 == changes
    assert all(before.offset != after.offset for before, after in pairwise(seams))
    jumps = [after.offset - before.offset for before, after in pairwise(seams)]
    assert all(abs(jump) in (HOUR / 2, HOUR, 2 * HOUR) for jump in jumps)


def test_the_rules_themselves_on_a_night_that_a_person_can_check() -> None:
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)

    def of(expression: str, start: datetime) -> list[str]:
        job = Job(expression)
        runs = job.runs("Europe/Paris", start, start + timedelta(hours=16), wildcard=job.has_star)
        return [f"{run:%H:%M}" for run in runs]

    assert of("30 2 * * *", spring) == ["01:00"]
    assert of("15,45 2,3 * * *", spring) == ["01:00", "01:15", "01:45"]
    assert of("30 2 * * *", autumn) == ["00:30"]
    assert of("30 1-3 * * *", autumn) == ["23:30", "00:30", "02:30"]
    assert of("30 * * * *", autumn)[-4:] == ["00:30", "01:30", "02:30", "03:30"]
