"""A fleet of servers that are all due, rotated once against the sandbox: time, requests and memory.

Every call takes 50 ms and every snapshot 5 seconds; each server holds the 4 restore points of `keep: 4`. The bound of
the time is what 32 connections need for one create and one delete per server, and one snapshot with one look at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from benchmarks.accounts import served
from benchmarks.program import ROTATOR, ran
from benchmarks.result import Result, run

SIZES = (100, 1000, 5000)
PARALLEL = 32
LATENCY = timedelta(milliseconds=50)
CREATE_TIME = timedelta(seconds=5)
POLL_INTERVAL = timedelta(seconds=1)
QUICK_CREATE_TIME = timedelta(milliseconds=500)
NIGHTLY = "schedule: every day at 03:00, keep: 4"
SLOWER = 1.2
REQUESTS = 2.1
MEMORY_MB = {1000: 120}


@dataclass(frozen=True, slots=True)
class Rotation:
    """One fleet, rotated: seconds, requests of all kinds, memory of the process."""

    servers: int
    wall: float
    cpu: float
    requests: int
    memory_mb: float


def rotate(servers: int, create_time: timedelta = CREATE_TIME) -> Rotation:
    """`rotator once` for a fleet; raises AssertionError unless each server got one snapshot and lost one."""
    poll = f"timing: {{poll_interval: {POLL_INTERVAL.seconds}s}}\n"
    with served(
        NIGHTLY, servers, parallel=PARALLEL, more=poll, due=True, latency=LATENCY, create_time=create_time
    ) as account:
        once = ran([ROTATOR, "once", *account.own, "--log-level", "error"])
        requests = account.requests()
    assert requests["POST /snapshots/"] == requests["DELETE /snapshots/{id}/"] == servers, requests
    return Rotation(servers, once.wall, once.cpu, sum(requests.values()), once.memory_mb)


def bound(servers: int, create_time: timedelta = CREATE_TIME) -> float:
    """Seconds."""
    return (2 * math.ceil(servers / PARALLEL) * LATENCY + create_time + POLL_INTERVAL).total_seconds()


def measure(quick: bool) -> Iterator[Result]:
    """The figures of every size."""
    create_time = QUICK_CREATE_TIME if quick else CREATE_TIME
    for servers in (40,) if quick else SIZES:
        done = rotate(servers, create_time)
        what = f"{servers:,} servers"
        note = f"{done.cpu:.1f} s of it CPU"
        yield Result(f"{what}: time", done.wall, "s", bound(servers, create_time), SLOWER, note=note)
        yield Result(f"{what}: requests per server", done.requests / servers, "", REQUESTS, note="lists and all")
        yield Result(f"{what}: memory", done.memory_mb, "MB", MEMORY_MB.get(servers))


if __name__ == "__main__":
    run(__doc__, measure)
