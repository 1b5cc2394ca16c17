"""Which restore points stay and why, by borg 1.2's prune rules; knows slots and counts, nothing of snapshots."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple

from rotator.errors import EmptyKeepError
from rotator.model import Id, Keep
from rotator.slots import timezone_of


class Point(NamedTuple):  # not a dataclass: the hash of one is slow, and points are keys again and again
    """A restore point as retention sees it; `key` tells apart, and orders, those of one slot."""

    slot: datetime
    key: Id


@dataclass(frozen=True, slots=True)
class KeepReason:
    """The rule that keeps a restore point, and its place among those of that rule: `weekly #1 (2026-W47)`."""

    rule: str
    number: int
    period: str
    """Which hour, day, week, month or year it stands for; empty for `last`."""
    oldest: bool = False
    """Kept only because the rule has not reached its count and nothing is older."""

    def __str__(self) -> str:
        of = "oldest" if self.oldest else self.period
        return f"{self.rule} #{self.number}" + (f" ({of})" if of else "")


def kept(points: Iterable[Point], keep: Keep, timezone: str) -> dict[Point, KeepReason]:
    """Every point that stays, newest first, each with the one rule that keeps it.

    Rules go finest first. Each walks back from the newest point, takes the newest of every period of `timezone`, passes
    over what a finer rule already keeps, and ends at its count; one that comes to the end before that keeps the oldest
    too. The answer depends on the set of points only, not on their order. An empty policy is refused.
    """
    if keep.total == 0:
        raise EmptyKeepError("keep: every count is 0, which would keep nothing; keep at least 1")
    newest_first = sorted(set(points), key=_age, reverse=True)
    reasons: dict[Point, KeepReason] = {}
    for rule, count in keep.counts().items():
        if count:
            reasons |= _kept_by(rule, count, newest_first, reasons.keys(), timezone)
    return {point: reasons[point] for point in newest_first if point in reasons}


def _kept_by(
    rule: str, count: int, newest_first: Sequence[Point], taken: Collection[Point], timezone: str
) -> dict[Point, KeepReason]:
    """What one rule keeps besides what is `taken`."""
    free = ((period, point) for period, point in _newest_of_periods(rule, newest_first, timezone) if point not in taken)
    reasons = {
        point: KeepReason(rule, number, "" if rule == "last" else period)
        for number, (period, point) in enumerate(islice(free, count), start=1)
    }
    if len(reasons) < count and newest_first and (oldest := newest_first[-1]) not in {*taken, *reasons}:
        reasons[oldest] = KeepReason(rule, len(reasons) + 1, "", oldest=True)
    return reasons


def _newest_of_periods(rule: str, newest_first: Sequence[Point], timezone: str) -> Iterator[tuple[str, Point]]:
    """Each period with its newest point; like borg, neighbours are of one period if its local name is the same."""
    for period, points in groupby(newest_first, lambda point: _period(rule, point.slot, timezone)):
        yield period, next(points)


@lru_cache(maxsize=4096)  # every slot is asked about again each time that a newer one comes
def _period(rule: str, slot: datetime, timezone: str) -> str:
    """The local name of the period that `slot` is in.

    Only `last` goes by the instant: two points of the hour that comes twice in autumn are two.
    """
    return _PERIODS[rule](_local(slot, UTC if rule == "last" else timezone_of(timezone)))


def _age(point: Point) -> tuple[datetime, bool, Id]:
    """Sorts by slot, then by key; numbers before text, because the two do not compare."""
    return point.slot.astimezone(UTC), isinstance(point.key, str), point.key


def _local(slot: datetime, timezone: tzinfo) -> datetime:
    """The wall clock at `slot`; its UTC where the calendar ends, for a name may state any year from 1 to 9999."""
    try:
        return slot.astimezone(timezone).replace(tzinfo=None)
    except OverflowError:
        return slot.astimezone(UTC).replace(tzinfo=None)


def _week(local: datetime) -> str:
    year, week, _ = local.isocalendar()
    return f"{year}-W{week:02}"


# borg counts `last` by the second: https://borgbackup.readthedocs.io/en/1.2-maint/usage/prune.html
_PERIODS: dict[str, Callable[[datetime], str]] = {
    "last": lambda local: local.isoformat(timespec="seconds"),
    "hourly": lambda local: f"{local.date().isoformat()} {local.hour:02}h",
    "daily": lambda local: local.date().isoformat(),
    "weekly": _week,
    "monthly": lambda local: local.date().isoformat()[:7],
    "yearly": lambda local: local.date().isoformat()[:4],
}
