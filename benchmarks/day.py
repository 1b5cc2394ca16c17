"""24 hours of a daemon with 1,000 servers, while its page and its metrics are asked for every 10 minutes.

The clock jumps from appointment to appointment; only the API is in memory, everything else is real. Each server is
rotated every 6 hours, some at any time. Growth counts from hour 12, by which everything was asked for many times.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from benchmarks.life import Life, day, live
from benchmarks.result import Result, run
from benchmarks.visitors import PAGES, SCRAPE

SERVERS = 1000
HOURS = 24
MEMORY_MB, PAGE_BYTES, ANSWER_MS = 150, 300_000, 100
WARM = 12
"""By this hour SQLite has its cache and everything was asked for many times. The last actions of each server, ten at
most, still grow by then."""

GROWTH_MB = 5
"""What the memory may grow by from WARM on: the allocator has holes of the size of an answer. Over a year it stays
there (see `benchmarks/year.py`)."""


def held(life: Life, warm: timedelta, last: timedelta, growth_mb: float) -> Iterator[Result]:
    """What the process holds in the end, and what it came to hold since `warm`."""
    then, now = life.at(warm), life.at(last)
    yield Result("memory at the end", now.memory_mb, "MB", MEMORY_MB)
    yield Result("growth of memory", max(now.memory_mb - then.memory_mb, 0), "MB", growth_mb)
    yield Result("threads", now.threads, "", then.threads, note="bound: before the growth")
    yield Result("open files", now.files, "", then.files, note="bound: before the growth")
    yield Result("log lines that tell of faults", life.faults(), "", 0, note=f"of {sum(life.events.values()):,}")


def measure(quick: bool) -> Iterator[Result]:
    """The figures of one day."""
    servers, hours, warm = (10, 2, 1) if quick else (SERVERS, HOURS, WARM)
    life = live(servers, day(timedelta(hours=hours)))
    passed = f"{life.actions:,} actions, {sum(life.requests.values()):,} requests"
    yield Result(f"{servers:,} servers, {hours} hours", life.seconds, "s", note=passed)
    yield from held(life, timedelta(hours=warm), timedelta(hours=hours), GROWTH_MB)
    yield Result("largest page", max(life.sizes[path] for path in PAGES) / 1000, "kB", PAGE_BYTES / 1000)
    for path, (median, worst) in life.times.items():
        judged = ANSWER_MS if path in (SCRAPE, *PAGES) else None
        yield Result(f"`{path}` beside the passes", median, "ms", judged, note=f"worst {worst:.0f} ms")


if __name__ == "__main__":
    run(__doc__, measure)
