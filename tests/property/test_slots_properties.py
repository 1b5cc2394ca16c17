"""What holds for every schedule at every instant, checked against an oracle that walks minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.errors import ScheduleError
from rotator.model import Schedule
from rotator.slots import latest_slot, next_slot, parse_schedule, slots_between, splay_of

MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=30)

# Zone → instants of a time change of 2026 (UTC); the gap or the fold is there.
CHANGES = {
    "Europe/Paris": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "America/Havana": ("2026-03-08T05:00", "2026-11-01T05:00"),
    "Africa/Cairo": ("2026-04-23T22:00", "2026-10-29T21:00"),
    "Asia/Beirut": ("2026-03-28T22:00", "2026-10-24T21:00"),
    "Africa/Casablanca": ("2026-02-15T02:00", "2026-03-22T02:00"),
    "America/Nuuk": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "Asia/Kathmandu": ("2026-06-01T00:00",),
    "UTC": ("2026-06-01T00:00",),
}


@dataclass(frozen=True)
class Cron:
    """An expression as sets, and as text; days of the month and of the week are never both named."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]

    def matches(self, wall: datetime) -> bool:
        return (
            wall.minute in self.minutes
            and wall.hour in self.hours
            and wall.day in self.days
            and wall.isoweekday() % 7 in self.weekdays
        )

    def __str__(self) -> str:
        fields = ((self.minutes, 60), (self.hours, 24), (self.days, 31), None, (self.weekdays, 7))
        return " ".join(_field(*field) if field else "*" for field in fields)


def _field(values: frozenset[int], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(map(str, sorted(values)))


def oracle(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The minutes that are slots, from the promise itself: skipped times right after the gap, repeated ones once."""
    hourly = len(cron.hours) == 24
    before = after.astimezone(zone).replace(tzinfo=None)
    instant = after + MINUTE
    while instant <= until:
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        skipped = [] if hourly else [before + MINUTE * n for n in range(1, (wall - before) // MINUTE)]
        first_time = hourly or not local.fold
        if (first_time and cron.matches(wall)) or any(map(cron.matches, skipped)):
            yield instant
        before, instant = wall, instant + MINUTE


def subsets(low: int, high: int, size: int = 4) -> st.SearchStrategy[frozenset[int]]:
    whole = frozenset(range(low, high + 1))
    steps = st.integers(1, 12).map(lambda step: frozenset(range(low, high + 1, step)))
    return st.frozensets(st.integers(low, high), min_size=1, max_size=size) | steps | st.just(whole)


@st.composite
def crons(draw: st.DrawFn) -> Cron:
    every_day, every_weekday = frozenset(range(1, 32)), frozenset(range(7))
    days, weekdays = draw(
        st.just((every_day, every_weekday))
        | st.tuples(subsets(1, 28), st.just(every_weekday))
        | st.tuples(st.just(every_day), subsets(0, 6))
    )
    night = st.frozensets(st.integers(0, 4), min_size=1)
    return Cron(draw(subsets(0, 59)), draw(night | subsets(0, 23)), days, weekdays)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and an instant that is often near one of its time changes."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone]))).replace(tzinfo=UTC)
    minutes = draw(st.integers(-180, 180) | st.integers(-5000, 5000) | st.integers(-500_000, 500_000))
    return zone, change + timedelta(minutes=minutes)


@settings(deadline=None)
@given(crons(), places())
@example(Cron(frozenset({35}), frozenset(range(24)), frozenset(range(1, 32)), frozenset(range(7))),
         ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, 0, tzinfo=UTC)))  # fmt: skip
def test_slots_are_those_of_the_minute_by_minute_oracle(cron: Cron, place: tuple[str, datetime]) -> None:
    zone, start = place
    schedule = parse_schedule(str(cron), zone)
    end = start + SPAN
    expected = list(oracle(cron, ZoneInfo(zone), start, end))
    assert list(slots_between(schedule, start, end)) == expected


@settings(deadline=None)
@given(crons(), places(), st.integers(0, 1800))
def test_latest_and_next_are_the_neighbours_in_the_oracle(cron: Cron, place: tuple[str, datetime], ahead: int) -> None:
    zone, start = place
    schedule, now = parse_schedule(str(cron), zone), start + timedelta(minutes=ahead)
    slots = list(oracle(cron, ZoneInfo(zone), start, start + SPAN))
    past, future = [slot for slot in slots if slot <= now], [slot for slot in slots if slot > now]
    latest, following = latest_slot(schedule, now), next_slot(schedule, now)
    assert latest is not None
    assert following is not None
    assert latest == past[-1] if past else latest <= start
    assert following == future[0] if future else following > start + SPAN


@settings(deadline=None)
@given(crons(), places(), st.timedeltas(timedelta(0), timedelta(days=8)), st.integers(0, 59))
def test_latest_next_and_between_agree_from_every_start(
    cron: Cron, place: tuple[str, datetime], length: timedelta, second: int
) -> None:
    zone, start = place
    after = start + timedelta(seconds=second)
    schedule, until = parse_schedule(str(cron), zone), after + length
    slots = list(slots_between(schedule, after, until))
    assert slots == sorted(set(slots))
    assert all(after < slot <= until and slot.tzinfo is UTC and not slot.second for slot in slots)
    latest, following = latest_slot(schedule, until), next_slot(schedule, after)
    assert latest is not None
    assert following is not None
    assert latest == slots[-1] if slots else latest <= after
    assert following == slots[0] if slots else following > until


@settings(deadline=None)
@given(crons(), places())
def test_a_slot_is_its_own_latest_and_the_next_of_the_instant_before(cron: Cron, place: tuple[str, datetime]) -> None:
    zone, start = place
    schedule = parse_schedule(str(cron), zone)
    slot = next_slot(schedule, start)
    assert slot is not None
    assert latest_slot(schedule, slot) == slot
    assert latest_slot(schedule, slot + timedelta(seconds=59)) == slot
    assert next_slot(schedule, slot - timedelta(microseconds=1)) == slot


WORDS = st.sampled_from(["every", "at", "day", "daily", "hour", "hours", "minutes", "seconds", "monday", "@weekly"])
SIGNS = st.sampled_from(["03:00", "3am", ":", "7", "60", "0", "31", "2", "*", "*/5", "1-5", "L"])


@settings(deadline=None)
@given(st.text(max_size=40) | st.lists(WORDS | SIGNS, max_size=7).map(" ".join))
def test_any_text_is_a_schedule_or_is_refused_with_schedules_that_work(text: str) -> None:
    try:
        schedule = parse_schedule(text, "UTC")
    except ScheduleError as refused:
        for remedy in str(refused).rpartition("; use ")[2].split(" or "):
            assert parse_schedule(remedy.strip("'"), "UTC")
    else:
        assert next_slot(schedule, datetime(2026, 11, 23, tzinfo=UTC)) is not None
        assert parse_schedule(schedule.text, "UTC") == schedule
        assert parse_schedule(schedule.cron, "UTC").cron == schedule.cron


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_zone_or_is_refused(name: str) -> None:
    try:
        assert isinstance(parse_schedule("daily", name), Schedule)
    except ScheduleError as refused:
        remedy = str(refused).rpartition("; ")[2].split("'")[1]
        assert parse_schedule("daily", remedy)


@settings(deadline=None)
@given(st.integers() | st.text(), st.timedeltas(timedelta(seconds=1), timedelta(days=2)))
def test_a_splay_is_whole_seconds_within_its_range(server_id: int | str, within: timedelta) -> None:
    splay = splay_of(server_id, within)
    assert timedelta(0) <= splay < within
    assert splay.microseconds == 0


def test_the_oracle_itself_moves_a_skipped_time_and_keeps_a_repeated_one_single() -> None:
    cron = Cron(frozenset({30}), frozenset({2}), frozenset(range(1, 32)), frozenset(range(7)))
    paris = ZoneInfo("Europe/Paris")
    day = timedelta(days=1)
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert [f"{slot.astimezone(paris):%H:%M%z}" for slot in oracle(cron, paris, spring, spring + day)] == ["03:00+0200"]
    assert [f"{slot.astimezone(paris):%H:%M%z}" for slot in oracle(cron, paris, autumn, autumn + day)] == ["02:30+0200"]


@pytest.mark.parametrize("zone", sorted(CHANGES))
def test_the_changes_of_this_file_are_changes(zone: str) -> None:
    if zone in ("UTC", "Asia/Kathmandu"):
        return
    for text in CHANGES[zone]:
        change = datetime.fromisoformat(text).replace(tzinfo=UTC)
        assert (change - MINUTE).astimezone(ZoneInfo(zone)).utcoffset() != change.astimezone(ZoneInfo(zone)).utcoffset()
