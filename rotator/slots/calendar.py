"""The instants of a schedule: skipped local times run right after the gap, repeated ones once.

A schedule that runs in every hour of the day follows elapsed time instead, so that every hour is every hour: 23 of
them on the short day, 25 on the long one. Its minutes are read off the wall clock all the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import sha256
from itertools import takewhile

from cronsim import CronSim

from rotator.model import Id, Schedule
from rotator.slots.zones import timezone_of

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)

# Hourly, daily, monthly, yearly, leap days (2096 to 2104), and more than cronsim looks ahead (50 years).
_WINDOWS = tuple(timedelta(hours=hours) for hours in (2, 48, 35 * 24, 400 * 24, 9 * 366 * 24, 60 * 366 * 24))

# From six days down to a minute, then nothing: an offset that is the same at both ends is taken to hold in between.
# Not longer: Morocco has suspended its offset for as little as a month.
_STEADY = (*(timedelta(minutes=2**power) for power in range(13, -1, -1)), timedelta(0))

_CACHED = 4096
_DAYS_CACHED = 400  # a year and a bit; fewer, since a day may hold 1,440 slots


def latest_slot(schedule: Schedule, at_or_before: datetime) -> datetime | None:
    """The last slot ≤ `at_or_before` (aware), in UTC; None if there was none for 60 years."""
    day, reached, slots = _place(schedule, at_or_before)
    return slots[reached - 1] if reached else _latest(schedule.cron, schedule.timezone, day - _MINUTE)


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot > `after` (aware), in UTC; None if there is none for 50 years."""
    day, reached, slots = _place(schedule, after)
    if reached < len(slots):
        return slots[reached]
    return _next(schedule.cron, schedule.timezone, day + _DAY - _MINUTE)


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every slot with `after` < slot ≤ `until`, in UTC, strictly increasing."""
    slots = _slots(schedule.cron, schedule.timezone, after.astimezone(UTC))
    return takewhile(lambda slot: slot <= until, slots)


def splay_of(server_id: Id, within: timedelta) -> timedelta:
    """The server's own delay: whole seconds in [0, `within`), the same on every machine and in every run."""
    seconds = int(within.total_seconds())
    digest = sha256(str(server_id).encode()).digest()
    return timedelta(seconds=int.from_bytes(digest) % seconds if seconds > 0 else 0)


def _place(schedule: Schedule, instant: datetime) -> tuple[datetime, int, tuple[datetime, ...]]:
    """The day in UTC that `instant` is in, how many slots of it are reached by then, and all of them."""
    utc = instant.astimezone(UTC)
    day = utc.replace(hour=0, minute=0, second=0, microsecond=0)
    slots = _slots_of(schedule.cron, schedule.timezone, day)
    return day, bisect_right(slots, utc), slots


@lru_cache(maxsize=_DAYS_CACHED)
def _slots_of(cron: str, timezone: str, day: datetime) -> tuple[datetime, ...]:
    """The slots of one day in UTC."""
    return tuple(takewhile(lambda slot: slot < day + _DAY, _slots(cron, timezone, day - _MINUTE)))


@lru_cache(maxsize=_CACHED)
def _latest(cron: str, timezone: str, instant: datetime) -> datetime | None:
    # cronsim's own backward iteration answers differently around DST changes, so look forward from ever earlier.
    for window in _WINDOWS:
        slots = _slots(cron, timezone, instant - window)
        if last := deque(takewhile(lambda slot: slot <= instant, slots), maxlen=1):
            return last[0]
    return None


@lru_cache(maxsize=_CACHED)
def _next(cron: str, timezone: str, after: datetime) -> datetime | None:
    return next(_slots(cron, timezone, after), None)


def _slots(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The slots > `after`, in UTC, strictly increasing; the same ones whatever `after` the walk starts from."""
    expression, hourly = _normalised(cron)
    zone = timezone_of(timezone)
    return _elapsed_slots(expression, zone, after) if hourly else _wall_slots(expression, zone, after)


@lru_cache(maxsize=_CACHED)
def _normalised(cron: str) -> tuple[str, bool]:
    """`cron` with minutes and hours listed one by one, and whether it runs in every hour (then its hour is `*`).

    cronsim has Debian cron's DST rule, which depends on whether a field is written with a star; a list never is.
    """
    sim = CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
    hourly = len(sim.hours) == 24
    minutes, hours = (",".join(map(str, sorted(field))) for field in (sim.minutes, sim.hours))
    return " ".join([minutes, "*" if hourly else hours, *cron.split()[2:]]), hourly


def _wall_slots(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    previous = after
    for local in CronSim(expression, after.astimezone(zone)):
        slot = local.astimezone(UTC)
        if slot > previous:
            yield slot
            previous = slot


def _elapsed_slots(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The instants whose wall clock matches, in stretches of one UTC offset each.

    Not cronsim's walk over aware times: where a change is not a whole hour (Lord Howe) that jumps over matches.
    """
    while True:
        offset, end = _steady(zone, after + _MINUTE)
        for wall in CronSim(expression, after + offset):
            slot = wall - offset
            if slot > end:
                break
            yield slot
        else:
            return
        after = end


def _steady(zone: tzinfo, start: datetime) -> tuple[timedelta, datetime]:
    """The UTC offset at `start`, and an instant ≥ `start` up to which it holds."""
    offset = _offset(zone, start)
    return offset, next(start + span for span in _STEADY if _offset(zone, start + span) == offset)


def _offset(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)
