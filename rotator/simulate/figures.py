"""What a person wants to know before trusting a policy, worked out from one server's story; nothing is printed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.model import Cause
from rotator.simulate.fates import ON_TIME
from rotator.simulate.story import Fate, Life, Outage, ServerStory, Story

_AFTER = timedelta(minutes=5)
"""After an outage rotator looks again this late at the latest (`engine.outcomes.RECHECK`)."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The most work that could have been lost: how old the newest restore point grew, and when it was that old."""

    span: timedelta
    until: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """How old the oldest restore point was, at least and at most, from `since` on: then the very first one went."""

    least: timedelta
    greatest: timedelta
    since: datetime


@dataclass(frozen=True, slots=True)
class OutageCost:
    """What an outage cost a server: its slots in that time, and how old the newest grew until the next one."""

    outage: Outage
    late: int
    missed: int
    gap: timedelta | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one server."""

    points: tuple[Life, ...]
    """The restore points of the last day, newest first."""
    gap: Gap | None
    """None if there was never a restore point."""
    reach: Reach | None
    """None while the very first restore point is still there."""
    slots: Counter[Fate]
    deletes: Counter[Cause]
    failed: int
    """Snapshots that failed."""
    outages: tuple[OutageCost, ...]


def figures(server: ServerStory, story: Story) -> Figures:
    """What the story says of this server."""
    points = [life for life in server.lives if life.is_point]
    return Figures(
        points=tuple(reversed([life for life in points if life.died is None])),
        gap=max(_gaps(points, story.ended), key=lambda gap: gap.span, default=None),
        reach=_reach(points, story.ended),
        slots=Counter(each.fate for each in server.slots),
        deletes=Counter(life.cause for life in server.lives if life.cause is not None),
        failed=sum(life.status == "failed" for life in server.lives),
        outages=tuple(_cost(server, outage, points, story.ended) for outage in story.outages),
    )


def _gaps(points: Sequence[Life], ended: datetime) -> Iterator[Gap]:
    """How old the newest restore point was each time that a newer one was complete, and at the end."""
    newest: datetime | None = None
    for ready, born in sorted((life.ready, life.born) for life in points if life.ready is not None):
        if newest is not None:
            yield Gap(ready - newest, ready)
        newest = born if newest is None else max(newest, born)
    if newest is not None:
        yield Gap(ended - newest, ended)


def _reach(points: Sequence[Life], ended: datetime) -> Reach | None:
    """From the end of the very first restore point on; the next oldest one takes its place each time."""
    if not points or points[0].died is None:
        return None
    since = points[0].died
    least, greatest, oldest_until = timedelta.max, timedelta(0), since
    for life in points[1:]:
        # By birth: one that goes before an older one does was never the oldest.
        until = life.died or ended
        if until <= oldest_until or life.ready is None:
            continue
        begin = max(oldest_until, life.ready)
        least, greatest = min(least, begin - life.born), max(greatest, until - life.born)
        oldest_until = until
    return Reach(least, greatest, since)


def _cost(server: ServerStory, outage: Outage, points: Sequence[Life], ended: datetime) -> OutageCost:
    until = outage.ended + _AFTER + ON_TIME
    splay = server.policy.splay
    hit = Counter(each.fate for each in server.slots if outage.begun <= each.slot + splay < until)
    first = min((life.ready for life in points if life.ready and life.ready >= outage.ended), default=ended)
    before = [life.born for life in points if life.ready and life.ready < outage.ended]
    gap = first - max(before) if before else None
    return OutageCost(outage, hit[Fate.LATE], hit[Fate.MISSED], gap)
