"""Prints how long one scrape takes with 1,000 and 10,000 servers, against its bound of 100 ms for 1,000.

python benchmarks/scrape.py
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.config import ApiSettings, Config, Timing
from rotator.engine import Kind, Outcome, Report
from rotator.metrics import new_metrics
from rotator.model import Observation, Policy, Snapshot
from rotator.naming import snapshot_name
from rotator.planner import plan
from rotator.slots import latest_slot, parse_schedule, splay_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEDULES = [
    parse_schedule(text, zone)
    for text in ("every day at 03:00", "every 6 hours", "hourly", "every monday at 04:30")
    for zone in ("Europe/Paris", "America/New_York", "UTC")
]
ROUNDS = 5


def outcome(number: int) -> Outcome:
    """A server with four restore points, the newest of the latest slot; every tenth has none and is due."""
    schedule = SCHEDULES[number % len(SCHEDULES)]
    policy = Policy(number, f"web-{number}", schedule, splay=splay_of(number, timedelta(minutes=30)))
    latest = latest_slot(schedule, NOW - policy.splay)
    assert latest is not None
    slots = [latest - timedelta(days=7 * back) for back in (3, 2, 1, 0)] if number % 10 else []
    rows = tuple(
        Snapshot(number * 10 + at, number, policy.server, snapshot_name("rotator", slot), "completed", slot)
        for at, slot in enumerate(slots)
    )
    seen = Observation(rows, NOW)
    return Outcome(policy, Kind.IDLE, plan=plan(policy, seen, NOW), observation=seen)


def scrape_times(servers: int) -> tuple[float, float, int]:
    """Seconds of the first scrape after a pass over all servers and of the fastest later one; bytes of a scrape."""
    outcomes = tuple(outcome(number) for number in range(1, servers + 1))
    policies = tuple(each.policy for each in outcomes)
    minutes = iter(range(ROUNDS))
    metrics = new_metrics(lambda: NOW + MINUTE * next(minutes), "benchmark")
    api = ApiSettings("http://127.0.0.1/api/v1", None, MINUTE, 8)
    metrics.configured(Config(Path("config.yaml"), api, Timing(MINUTE, 60 * MINUTE), policies), NOW)
    metrics.passed(Report(outcomes), NOW)
    times, size = [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        size = len(metrics.exposition()[0])
        times.append(time.perf_counter() - begun)
    return times[0], min(times[1:]), size


def main() -> None:
    for servers in (1000, 10_000):
        first, later, size = scrape_times(servers)
        bound = f"; ratio to 0.1 s: {first / 0.1:.2f} (allowed 1)" if servers == 1000 else ""
        print(f"{servers} servers, {size / 1e6:.1f} MB: first scrape {first:.3f} s, later {later:.3f} s{bound}")


if __name__ == "__main__":
    main()
