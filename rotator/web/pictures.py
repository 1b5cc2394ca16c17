"""The two pictures of a server as plain numbers and letters: its places, and its restore points on a time axis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from operator import itemgetter

from rotator.engine import Outcome
from rotator.model import CAP, Observation, Policy, Snapshot, State
from rotator.naming import printable
from rotator.standing import dated_points, letter, oldest_first
from rotator.standing.words import age

WIDTH = 200
"""Of the time axis, in its own units; now is at its right end."""

_EDGE = 8
_MOST_SHOWN = 8

_WORDS = {"R": "restore point", "P": "in progress", "X": "failed", "?": "unknown status", "F": "not ours", "-": "free"}

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_TICKS = (
    (_HOUR, "1 h"),
    (6 * _HOUR, "6 h"),
    (_DAY, "1 d"),
    (2 * _DAY, "2 d"),
    (4 * _DAY, "4 d"),
    (7 * _DAY, "1 w"),
    (14 * _DAY, "2 w"),
    (30 * _DAY, "1 mo"),
    (91 * _DAY, "3 mo"),
    (182 * _DAY, "6 mo"),
    (365 * _DAY, "1 y"),
    (2 * 365 * _DAY, "2 y"),
    (5 * 365 * _DAY, "5 y"),
    (10 * 365 * _DAY, "10 y"),
)
_NEAREST_TICKS = 34


@dataclass(frozen=True, slots=True)
class Mark:
    """One place of the cap, or one point of the axis: where it is drawn, the letter of its shape, what it is."""

    x: int
    letter: str
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """How far back the time axis goes, the same for every server of a page, so that they can be compared."""

    reach: timedelta

    def x(self, at: datetime, now: datetime) -> int:
        """Where a moment is. By the root of its age, since what is recent is worth more room."""
        share = sqrt(min(max((now - at) / self.reach, 0), 1))
        return round(WIDTH - _EDGE - share * (WIDTH - 2 * _EDGE))

    def ticks(self, now: datetime) -> list[Mark]:
        """Ages to read it by, from now on back; none too near another."""
        found = [Mark(self.x(now, now), "", "now")]
        for span, text in _TICKS:
            if span <= self.reach and found[-1].x - (x := self.x(now - span, now)) >= _NEAREST_TICKS:
                found.append(Mark(x, "", text))
        return found


def axis_over(moments: Iterable[datetime], now: datetime) -> Axis:
    """An axis that shows all of them."""
    return Axis(max(_DAY, max((now - at for at in moments), default=_DAY)))


def places(policy: Policy, seen: Observation | None, now: datetime) -> list[Mark]:
    """The places of the cap, oldest snapshot first, the free ones last; empty if nobody looked."""
    if seen is None:
        return []
    shown = oldest_first(seen.snapshots)[:_MOST_SHOWN]
    taken = [(letter(policy, each), _told(policy, each, now)) for each in shown]
    found = [*taken, *[("-", "free")] * (CAP - len(taken))]
    return [Mark(22 * number, sign, text) for number, (sign, text) in enumerate(found)]


def places_in_words(marks: list[Mark]) -> str:
    """What the picture shows, for who does not see it: `3 restore points, 1 failed, 1 free`."""
    signs = [mark.letter for mark in marks]
    counts = [(signs.count(sign), word) for sign, word in _WORDS.items() if sign in signs]
    plural = {"restore point"}
    return ", ".join(f"{count} {word}{'s' if word in plural and count > 1 else ''}" for count, word in counts)


def points(outcome: Outcome, axis: Axis, now: datetime) -> list[Mark]:
    """The restore points and what is in progress, oldest first."""
    found = [(at, "R", verdict.snapshot) for at, verdict in dated_points(outcome)]
    seen = outcome.observation.snapshots if outcome.observation else ()
    found += [(each.created_at, "P", each) for each in seen if each.state is State.IN_PROGRESS and each.created_at]
    found.sort(key=itemgetter(0))
    return [Mark(axis.x(at, now), sign, f"{age(now - at)}: {printable(each.name)}") for at, sign, each in found]


def _told(policy: Policy, snapshot: Snapshot, now: datetime) -> str:
    old = f", {age(now - snapshot.created_at)} old" if snapshot.created_at else ""
    return f"{_WORDS[letter(policy, snapshot)]}: {printable(snapshot.name)}{old}"
