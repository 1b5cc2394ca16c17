"""One scrape of `/metrics` after a pass over all servers, and a later one, against 100 ms for 1,000 servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from benchmarks.accounts import NOW, SCHEDULES, seen
from benchmarks.result import Result, run
from rotator.config import ApiSettings, Config, Timing
from rotator.engine import Kind, Outcome, Report
from rotator.metrics import new_metrics
from rotator.model import Policy
from rotator.planner import plan
from rotator.slots import splay_of

MINUTE = timedelta(minutes=1)
ROUNDS = 5
MILLISECONDS = {1000: 100.0}


def outcome(number: int) -> Outcome:
    """A server with four restore points, the newest of the latest slot; every tenth has none and is due."""
    schedule = SCHEDULES[number % len(SCHEDULES)]
    policy = Policy(number, f"web-{number}", schedule, splay=splay_of(number, timedelta(minutes=30)))
    observation = seen(policy, (3, 2, 1, 0) if number % 10 else ())
    return Outcome(policy, Kind.IDLE, plan=plan(policy, observation, NOW), observation=observation)


def scrapes(servers: int) -> tuple[float, float, int]:
    """Milliseconds of the first scrape after a pass over all servers and of the fastest later one; bytes of one."""
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
        times.append((time.perf_counter() - begun) * 1000)
    return times[0], min(times[1:]), size


def measure(quick: bool) -> Iterator[Result]:
    """The figures of two sizes."""
    for servers in (20,) if quick else (1000, 10_000):
        first, later, size = scrapes(servers)
        yield Result(f"{servers:,} servers: first scrape", first, "ms", MILLISECONDS.get(servers))
        yield Result(f"{servers:,} servers: later scrape", later, "ms", note=f"{size / 1e6:.1f} MB")


if __name__ == "__main__":
    run(__doc__, measure)
