"""Time across the picture: where a moment is, and which hours, days, weeks, months or years to read it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from rotator.simulate.timeline.markup import number, path, width_of, words

WIDTH = 1200
LEFT = 104
RIGHT = 934
"""The plot is between these two; what is there on the last day is named right of it."""

_SIZE = 11
_NEAREST_MARKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """The span of the simulation on the width of the plot, read in one time zone."""

    begun: datetime
    ended: datetime
    zone: tzinfo

    def x(self, at: datetime) -> float:
        """Where a moment is, never outside of the plot."""
        share = (at - self.begun) / max(self.ended - self.begun, timedelta(minutes=1))
        return LEFT + min(max(share, 0), 1) * (RIGHT - LEFT)

    def local(self, at: datetime) -> datetime:
        """What a clock on the wall shows then."""
        return at.astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """One way to divide time: how a stretch is called, how wide that is, and where on the wall clock one begins."""

    name: Callable[[datetime], str]
    room: float
    shortest: timedelta
    days: Callable[[date], bool]
    hours: tuple[int, ...] = (0,)

    def fits(self, axis: Axis, room: float) -> bool:
        """Whether each stretch is as wide as that."""
        return axis.x(axis.begun + self.shortest) - LEFT >= room

    def begins(self, axis: Axis) -> list[datetime]:
        """Where stretches begin: one at or before the axis, then all that are on it; each day of a change has one."""
        day, last = axis.local(axis.begun).date(), axis.local(axis.ended).date()
        while not self.days(day):
            day -= timedelta(days=1)
        days = (day + timedelta(days=ahead) for ahead in range((last - day).days + 1))
        moments = [
            datetime.combine(day, time(hour), axis.zone).astimezone(UTC)
            for day in days
            if self.days(day)
            for hour in self.hours
        ]
        before = [at for at in moments if at <= axis.begun]
        return before[-1:] + [at for at in moments if axis.begun < at < axis.ended]


def _any(_: date) -> bool:
    return True


def _hours(step: int) -> _Stretches:
    return _Stretches(lambda at: f"{at:%H:%M}", 44, timedelta(hours=step), _any, tuple(range(0, 24, step)))


_DAY = timedelta(days=1)
_DATES = _Stretches(lambda at: f"{at:%a} {at.day} {at:%b %Y}", 110, _DAY, _any)
_DAYS = _Stretches(lambda at: str(at.day), 21, _DAY, _any)
_WEEKS = _Stretches(lambda at: str(at.day), 21, 7 * _DAY, lambda day: day.weekday() == 0)
_MONTHS = _Stretches(lambda at: f"{at:%b %Y}", 60, 28 * _DAY, lambda day: day.day == 1)
_SHORT_MONTHS = _Stretches(lambda at: f"{at:%b}", 30, 28 * _DAY, lambda day: day.day == 1)
_YEARS = _Stretches(lambda at: str(at.year), 36, 365 * _DAY, lambda day: day.day == day.month == 1)

_DIVISIONS = (
    (_hours(1), _DATES),
    (_hours(3), _DATES),
    (_hours(6), _DATES),
    (_hours(12), _DATES),
    (_DAYS, _MONTHS),
    (_WEEKS, _MONTHS),
    (_SHORT_MONTHS, _YEARS),
    (_YEARS, _YEARS),
)
"""From fine to coarse: what is labelled at each line, and what names the longer stretches above."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """What the axis is read by: its lines, and the labels that go with them."""

    axis: Axis
    marks: tuple[datetime, ...]
    """Unlabelled ones, finer than the lines; none if they would be too near each other."""
    lines: tuple[datetime, ...]
    stretches: tuple[datetime, ...]
    """Where a month, a day or a year begins; the first may be before the axis."""
    _fine: _Stretches
    _coarse: _Stretches

    def names(self) -> Iterator[str]:
        """The longer stretches by name, each where it begins."""
        ends = (*self.stretches[1:], self.axis.ended)
        for begun, ended in zip(self.stretches, ends, strict=True):
            x, name = self.axis.x(begun), self._coarse.name(self.axis.local(begun))
            if self.axis.x(ended) - x >= width_of(name, _SIZE) + 6:
                yield words(name, x + 3, 11, "stretch")

    def labels(self, y: float) -> Iterator[str]:
        """What the lines are, at the height `y`; the one at the very end may have no room."""
        for at in self.lines:
            if (x := self.axis.x(at)) <= RIGHT - 8:
                yield words(self._fine.name(self.axis.local(at)), x, y, "tick")

    def grid(self, top: float, bottom: float) -> Iterator[str]:
        """The lines over the plot, and marks of finer stretches along its top."""
        yield path((f"M{number(self.axis.x(at))} {number(top)}v4" for at in self.marks), "line")
        yield path((_upright(self.axis.x(at), top, bottom) for at in self.lines), "line")
        yield path((_upright(self.axis.x(at), 0, bottom) for at in self.stretches if at >= self.axis.begun), "edge")


def _upright(x: float, top: float, bottom: float) -> str:
    return f"M{number(x)} {number(top)}V{number(bottom)}"


def ruler_of(axis: Axis) -> Ruler:
    """The finest division of which the labels do not touch."""
    fitting = [place for place, (fine, _) in enumerate(_DIVISIONS) if fine.fits(axis, fine.room)]
    place = fitting[0] if fitting else len(_DIVISIONS) - 1
    fine, coarse = _DIVISIONS[place]
    finer = _DIVISIONS[place - 1][0] if place else None
    marks = finer.begins(axis) if finer and finer.fits(axis, _NEAREST_MARKS) else []
    begun = axis.begun
    return Ruler(
        axis,
        tuple(at for at in marks if at >= begun),
        tuple(at for at in fine.begins(axis) if at >= begun),
        tuple(coarse.begins(axis)),
        fine,
        coarse,
    )
