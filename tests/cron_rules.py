"""When Debian's cron would run a job, straight from the rules of its manual page, crontab(5) and cron(8).

Shares nothing with rotator nor with the library that evaluates its expressions. The clock of a machine is seen as
stretches of one offset from UTC; at the seams the wall clock skips or repeats what lies in between.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

CORRECTION = timedelta(hours=3)
"""Changes of the clock of so much are taken for corrections of it: the new time is used immediately (cron(8))."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` (UTC, included) to `end` (not included) the wall clock is ahead of UTC by `offset`."""

    start: datetime
    end: datetime
    offset: timedelta

    @property
    def opens(self) -> datetime:
        """The wall clock at its start."""
        return (self.start + self.offset).replace(tzinfo=None)

    @property
    def closes(self) -> datetime:
        """The wall clock that its end would have shown."""
        return (self.end + self.offset).replace(tzinfo=None)


@lru_cache(maxsize=64)
def stretches(zone: str, start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """The whole time from `start` to `end`, looked at every six hours and to the minute where the offset changed."""
    seams, at = [start], start
    while at < end:
        after = min(at + 6 * HOUR, end)
        if _offset(zone, at) != _offset(zone, after):
            minutes = range((after - at) // MINUTE + 1)
            before = _offset(zone, at)
            first = bisect_right(minutes, 0, key=lambda each: _offset(zone, at + each * MINUTE) != before)
            seams.append(at + first * MINUTE)
        at = after
    return tuple(Stretch(a, b, _offset(zone, a)) for a, b in zip(seams, [*seams[1:], end], strict=True))


def _offset(zone: str, instant: datetime) -> timedelta:
    return instant.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)


class Job:
    """A line of a crontab, by its five fields. Also knows `L`, the last day of the month, which cron does not."""

    def __init__(self, expression: str) -> None:
        minute, hour, self._day, month, self._weekday = expression.split()
        self.minutes = _values(minute, 0, 59)
        self.hours = _values(hour, 0, 23)
        self._days = _values(self._day.replace("L", "31"), 1, 31)
        self._months = _values(month, 1, 12, _MONTHS)
        self._weekdays = {each % 7 for each in _values(self._weekday, 0, 7, _WEEKDAYS)}
        self.has_star = "*" in minute or "*" in hour
        """Whether the hour or minute is written with a star, by which cron tells what changes of the clock affect."""

    def runs(self, zone: str, start: datetime, end: datetime, *, wildcard: bool) -> list[datetime]:
        """The instants from `start` (not included) to `end` (included) at which it runs, each once.

        cron(8): jobs that run at a particular time and would have run in the time that was skipped run soon after the
        change; those that fall into the repeated time are not re-run. Jobs with wildcards run by the new time
        immediately. So do all after a change of three hours or more.
        """
        found: list[datetime] = []
        reached: datetime | None = None  # how far the wall clock ever came
        for each in stretches(zone, start + MINUTE, end + MINUTE):
            begin = each.opens
            if reached is not None and not wildcard and abs(reached - begin) < CORRECTION:
                if any(self._walls(reached, begin)):
                    found.append(each.start)
                begin = max(begin, reached)
            runs = ((wall - each.offset).replace(tzinfo=UTC) for wall in self._walls(begin, each.closes))
            found += [run for run in runs if not found or run > found[-1]]
            reached = each.closes
        return found

    def is_skipped(self, before: Stretch, after: Stretch) -> bool:
        """Whether a time of it is left out where the wall clock goes from one stretch to the next."""
        return any(self._walls(before.closes, after.opens))

    def _walls(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The times on a clock without changes that match, from `start` (included) to `end` (not included)."""
        times = [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        for number in range((end.date() - start.date()).days + 1 if start < end else 0):
            day = start.date() + number * DAY
            if self._matches(day):
                walls = (datetime.combine(day, each) for each in times)
                yield from (wall for wall in walls if start <= wall < end)

    def _matches(self, day: date) -> bool:
        """crontab(5): if both day fields are restricted, either is enough; one that begins with a star is not."""
        last = self._day == "L" and day.day == monthrange(day.year, day.month)[1]
        of_month = last or (self._day != "L" and day.day in self._days)
        of_week = day.isoweekday() % 7 in self._weekdays
        both = self._day.startswith("*") or self._weekday.startswith("*")
        return day.month in self._months and (of_month and of_week if both else of_month or of_week)


def _values(field: str, low: int, high: int, names: list[str] | None = None) -> set[int]:
    """crontab(5): `*`, a number, a name, a range, lists of these; `/step` after a star or a range."""
    return {value for part in field.lower().split(",") for value in _part(part, low, high, names or [])}


def _part(part: str, low: int, high: int, names: list[str]) -> range:
    found = re.fullmatch(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
    assert found, part
    star, first, last, step = found.groups()

    def number(text: str) -> int:
        return names.index(text) + low if text in names else int(text)

    start = low if star else number(first)
    stop = high if star else number(last or first)
    return range(start, stop + 1, int(step or 1))
