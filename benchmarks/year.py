"""The memory of a daemon over a year, on a clock that jumps, with its page and its metrics asked for every day.

As in `benchmarks/day.py` only the API is in memory. While nothing is due, the clock goes 10 minutes at once. Growth
counts from day 91: the history of actions, which is kept for 90 days, has its full length by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from benchmarks.day import held
from benchmarks.life import Pace, live
from benchmarks.result import Result, run

SERVERS = 5
DAY = timedelta(days=1)
LENGTH, FULL = 364 * DAY, 91 * DAY
GROWTH_MB = 5
STATE_GROWTH = 1.1


def measure(quick: bool) -> Iterator[Result]:
    """The figures of one year."""
    length, full = (4 * DAY, DAY) if quick else (LENGTH, FULL)
    life = live(SERVERS, Pace(length, visits=DAY, reloads=7 * DAY, readings=full, stride=timedelta(minutes=10)))
    passed = f"{life.actions:,} actions, {life.turns:,} turns of the loop"
    yield Result(f"{SERVERS} servers, {length.days} days", life.seconds, "s", note=passed)
    for each in life.readings:
        yield Result(f"memory on day {each.hour // 24}", each.memory_mb, "MB")
    yield from held(life, full, length, GROWTH_MB)
    then, now = life.at(full), life.at(length)
    note = "bound: when the history was full"
    yield Result("file of the state", now.state_bytes / 1000, "kB", then.state_bytes / 1000, STATE_GROWTH, note=note)


if __name__ == "__main__":
    run(__doc__, measure)
