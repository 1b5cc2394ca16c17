"""The sentences that more than one place prints."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rotator.model import CAP, Policy, Snapshot
from rotator.planner.census import Census, Owned

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


def instant(moment: datetime) -> str:
    """A moment to the second, in UTC: `2026-11-23 02:00:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def counted(number: int, noun: str) -> str:
    """`1 server`, `5 servers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration_text(value: timedelta) -> str:
    """The shortest way to write `value` as a policy does: `20m`."""
    for unit, size in _UNITS:
        if value >= size and not value % size:
            return f"{value // size}{unit}"
    return f"{value // timedelta(milliseconds=1)}ms" if value else "0s"


def names(snapshots: Iterable[Snapshot | Owned]) -> str:
    """The snapshots' names, separated by commas."""
    return ", ".join((each.snapshot if isinstance(each, Owned) else each).name for each in snapshots)


def since(snapshot: Snapshot) -> str:
    """Which snapshot is in progress, and since when."""
    start = f"since {instant(snapshot.created_at)}" if snapshot.created_at else "since an unknown time"
    return f"{snapshot.name} is in progress {start}"


def holders(census: Census, policy: Policy) -> str:
    """Who holds the places of the cap when there is no room and nothing may be deleted."""
    unsure = (*census.future, *census.undated)
    stuck = [each for each in census.unfinished if each.snapshot in census.stuck and each not in unsure]
    unknown = [each for each in census.unknown if each not in unsure]
    groups = (
        (census.foreign, "snapshots rotator does not own"),
        (census.points, f"restore points that stay (the newest always does; min_keep: {policy.min_keep})"),
        (stuck, "snapshots stuck in progress"),
        (unknown, "snapshots of a status rotator does not know"),
        (unsure, "snapshots dated in the future or not at all, which rotator never deletes"),
    )
    return "; ".join(
        f"{len(group)} of {CAP} places {'is' if len(group) == 1 else 'are'} held by {who}: {names(group)}"
        for group, who in groups
        if group
    )
