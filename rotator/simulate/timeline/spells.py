"""How many restore points there are over time, and how old; knows nothing of pictures."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rotator.simulate.story import Life


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which the same restore points are there."""

    begun: datetime
    ended: datetime
    births: tuple[datetime, ...]
    """When each was asked for, oldest first: a restore point holds what was on the server then."""


def spells(lives: Iterable[Life], begun: datetime, ended: datetime) -> Iterator[Spell]:
    """The whole period in spells, in order, without gaps; only what is owned and was complete counts."""
    points = [life for life in lives if life.is_point]
    changes = sorted(
        [(life.ready, True, life.born) for life in points if life.ready]
        + [(life.died, False, life.born) for life in points if life.died]
    )
    there: list[datetime] = []
    since = begun
    for at, comes, born in changes:
        if at > since:
            yield Spell(since, min(at, ended), tuple(there))
            since = min(at, ended)
        if comes:
            insort(there, born)
        else:
            there.remove(born)
    if since < ended:
        yield Spell(since, ended, tuple(there))
