"""Plans 10,000 servers with 5 snapshots each on one core, and prints the time against its bound of 1 second.

python benchmarks/planner.py
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from rotator.model import Keep, Observation, Policy, Snapshot
from rotator.naming import snapshot_name
from rotator.planner import plan
from rotator.slots import latest_slot, parse_schedule, splay_of

SERVERS = 10_000
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEDULES = [
    parse_schedule(text, zone)
    for text in ("every day at 03:00", "every 6 hours", "hourly", "every monday at 04:30")
    for zone in ("Europe/Paris", "America/New_York", "UTC")
]


def world(number: int) -> tuple[Policy, Observation]:
    """A server with five restore points, the newest of the slot before the latest one."""
    schedule = SCHEDULES[number % len(SCHEDULES)]
    keep = (Keep(last=4), Keep(last=2, daily=1, weekly=1), Keep(last=5))[number % 3]
    splay = splay_of(number, timedelta(minutes=30))
    policy = Policy(number, f"web-{number}", schedule, keep=keep, splay=splay)
    latest = latest_slot(schedule, NOW - splay)
    assert latest is not None
    slots = [latest - timedelta(days=7 * back) for back in range(5, 0, -1)]
    rows = tuple(
        Snapshot(number * 10 + at, number, policy.server, snapshot_name("rotator", slot), "completed", slot)
        for at, slot in enumerate(slots)
    )
    return policy, Observation(rows, NOW)


def main() -> None:
    worlds = [world(number) for number in range(SERVERS)]
    begun = time.process_time()
    actions = sum(len(plan(policy, observation, NOW).actions) for policy, observation in worlds)
    spent = time.process_time() - begun
    print(
        f"{SERVERS} servers, {actions} actions planned in {spent:.2f} s of CPU; ratio to 1 s: {spent:.2f} (allowed 1)"
    )


if __name__ == "__main__":
    main()
