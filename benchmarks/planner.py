"""10,000 servers with 5 snapshots each, planned on one core, against a bound of one second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from benchmarks.accounts import NOW, SCHEDULES, seen
from benchmarks.result import Result, run
from rotator.model import Keep, Observation, Policy
from rotator.planner import plan
from rotator.slots import splay_of

SERVERS = 10_000
SECONDS = 1.0
KEEPS = (Keep(last=4), Keep(last=2, daily=1, weekly=1), Keep(last=5))


def world(number: int) -> tuple[Policy, Observation]:
    """A server with five restore points, the newest of the slot before the latest one."""
    schedule = SCHEDULES[number % len(SCHEDULES)]
    splay = splay_of(number, timedelta(minutes=30))
    policy = Policy(number, f"web-{number}", schedule, keep=KEEPS[number % len(KEEPS)], splay=splay)
    return policy, seen(policy, (5, 4, 3, 2, 1))


def measure(quick: bool) -> Iterator[Result]:
    """CPU seconds of one process."""
    worlds = [world(number) for number in range(100 if quick else SERVERS)]
    begun = time.process_time()
    actions = sum(len(plan(policy, observation, NOW).actions) for policy, observation in worlds)
    spent = time.process_time() - begun
    yield Result(f"{len(worlds):,} servers, {actions:,} actions", spent, "s of CPU", SECONDS)


if __name__ == "__main__":
    run(__doc__, measure)
