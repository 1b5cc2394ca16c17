"""Lets a daemon live through 24 hours while it is scraped and looked at, and prints what it still holds at the end.

    python benchmarks/day.py [--servers 1000] [--json]

Real are the loop, the engine, the SQLite state, the lock, the page, the metrics and every request to them; the API is
in memory, and the clock jumps from appointment to appointment. One snapshot in a hundred fails. Each
server is rotated every 6 hours, some at any time: with 1,000 of them that is what fits into a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from unittest.mock import patch

import schedule

from benchmarks.idle import fill_caches
from benchmarks.simulated import BEGIN, Api, Journal, Time, account, configuration
from benchmarks.visitors import PAGES, SCRAPE, Visitors
from rotator.api import Client
from rotator.cli.account import Account
from rotator.cli.audience import Audience
from rotator.config import Config, load
from rotator.daemon.lock import InstanceLock
from rotator.daemon.loop import Daemon, Setup
from rotator.daemon.pulse import Pulse
from rotator.daemon.service_manager import ServiceManager
from rotator.daemon.signals import Signals
from rotator.daemon.watch import Watchers
from rotator.engine import Engine
from rotator.logs import Redactor, setup
from rotator.sandbox import Cloud
from rotator.state import State

HOURS = 24
VISITS_EVERY = timedelta(minutes=10)
RELOADS_EVERY = timedelta(hours=6)
MEMORY_MB, PAGE_BYTES, ANSWER_MS = 150, 300_000, 100
WARM = 4
"""By this hour everything was asked for many times."""

GROWTH_MB = 10
"""What the memory may grow by from WARM on: each server comes to have its last ten actions (some 5 MB for 1,000),
SQLite to have its cache, and the allocator to have holes of the size of an answer. Over more days it stays there."""

FAULTS = ("internal_error", "state_unusable", "web_failed", "clock_skew", "config_rejected", "api_error")
"""Events that such a day has no reason for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process holds after so many hours."""

    hour: int
    memory_mb: float
    threads: int
    files: int
    state_bytes: int
    log_bytes: int


@dataclass(slots=True)
class Hours:
    """In place of signals: sleeping lets time pass, and what is to happen then happens."""

    time: Time
    visitors: Visitors
    state: Path
    cloud: Cloud
    hours: int
    stopping: threading.Event = field(default_factory=threading.Event)
    readings: list[Reading] = field(default_factory=list)
    turns: int = 0
    _reloads: int = 0

    def sleep(self, seconds: float) -> None:
        before, self.time.now = self.time.now, self.time.now + timedelta(seconds=seconds)
        self.turns += 1
        if self._passed(before, VISITS_EVERY):
            self.visitors.come()
        if self._passed(before, timedelta(hours=1)):
            self._read()
            if len(self.readings) == self.hours:
                self.stopping.set()

    def take_reload(self) -> bool:
        due = (self.time.now - BEGIN) // RELOADS_EVERY > self._reloads
        self._reloads += due
        return due

    def _passed(self, before: datetime, span: timedelta) -> bool:
        return (before - BEGIN) // span < (self.time.now - BEGIN) // span

    def _read(self) -> None:
        self.visitors.leave()
        usual = self.readings[-1].files if self.readings else 0
        state, log = (Path(f"{self.state}{end}").stat().st_size for end in ("", "-wal"))
        memory, files = memory_mb(), settled_files(usual)
        done = len(self.readings) + 1
        self.readings.append(Reading(done, memory, threading.active_count(), files, state, log))


def memory_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def settled_files(usual: int) -> int:
    """Open descriptors; a connection that a visitor left is closed by the server a moment later."""
    deadline = time.monotonic() + 3
    while (files := len([*Path("/proc/self/fd").iterdir()])) > usual and usual and time.monotonic() < deadline:
        time.sleep(0.01)
    return files


@dataclass(frozen=True, slots=True)
class Day:
    """What was measured in one; `times` in milliseconds, median and worst."""

    servers: int
    readings: list[Reading]
    turns: int
    actions: int
    events: dict[str, int]
    requests: dict[str, int]
    sizes: dict[str, int]
    times: dict[str, tuple[float, float]]
    seconds: float


@contextmanager
def daemon(folder: Path, config: Config, world: Time, hours: Hours, state: State) -> Iterator[Daemon]:
    """Put together as `rotator run` does, but for the API and the clock."""
    environ: dict[str, str] = {}
    audience = Audience(world.clock, environ, lasting=True)
    client = Client(config.api.url, "none", timeout=config.api.timeout, clock=world.clock)
    with InstanceLock(folder / "lock") as lock:
        manager = ServiceManager(environ, os.getpid(), world.monotonic)
        watchers = Watchers([Pulse(lock, state), manager, audience])

        def opened() -> Setup:
            read = load(config.path)
            audience.adopt(Account(read, client, Redactor(), state))
            engine = Engine(
                Api(hours.cloud, [each.server_id for each in read.policies], audience),
                world.clock,
                parallel=read.api.parallel,
                poll_interval=read.timing.poll_interval,
                stopping=hours.stopping,
                ledger=state,
                beat=lambda: watchers.woke(world.clock()),
            )
            return Setup(read, engine)

        signals = cast("Signals", hours)
        made = Daemon(opened, signals, world.clock, world.monotonic, watchers)
        try:
            yield made
        finally:
            made.close()
            audience.closing("")


def live(servers: int, hours: int = HOURS) -> Day:
    """A day of a daemon in this process."""
    begun, world, journal = time.monotonic(), Time(), Journal()
    with redirect_stderr(journal):
        setup("json", "info", Redactor())
    with tempfile.TemporaryDirectory() as name, patch.object(schedule, "datetime", world.naive()):
        folder = Path(name)
        config = load(configuration(folder, servers))
        fill_caches(config.policies[0].schedule, world.now)
        visitors = Visitors(str(folder / "page.sock"))
        state = State.open(folder, "state.db", world.clock, by="run")
        watch = Hours(world, visitors, state.path, account(config, world), hours)
        with daemon(folder, config, world, watch, state) as made:
            made.run()
        visitors.close()
        actions = len(state.history())
        state.close()
    times = {
        path: (statistics.median(spans) * 1000, max(spans) * 1000) for path, spans in sorted(visitors.times.items())
    }
    requests = {path: len(spans) for path, spans in visitors.times.items()}
    spent = time.monotonic() - begun
    events, sizes = dict(journal.events), visitors.sizes
    return Day(servers, watch.readings, watch.turns, actions, events, requests, sizes, times, spent)


def told(day: Day) -> Iterator[str]:
    """Each figure with its bound."""
    warm, last = day.readings[WARM - 1], day.readings[-1]
    yield (
        f"{day.servers} servers, {last.hour} hours in {day.seconds:.0f} s: {day.turns:,} turns, "
        f"{day.actions:,} actions, {sum(day.requests.values()):,} requests answered"
    )
    faults = {event: count for event, count in day.events.items() if event in FAULTS}
    yield f"log lines {sum(day.events.values()):,}, of faults {faults or 'none'}"
    growth = last.memory_mb - warm.memory_mb
    yield f"memory {last.memory_mb:.0f} MB, ratio to {MEMORY_MB} MB: {last.memory_mb / MEMORY_MB:.2f} (allowed 1)"
    yield f"growth since hour {WARM}: {growth:.1f} MB, ratio to {GROWTH_MB} MB: {growth / GROWTH_MB:.2f} (allowed 1)"
    for what in ("threads", "files"):
        then, now = getattr(warm, what), getattr(last, what)
        yield f"{what} {then} at hour {WARM}, {now} at the end: ratio {now / then:.2f} (allowed 1)"
    per_action = last.state_bytes / max(day.actions, 1)
    log = last.log_bytes / 1e6
    yield f"state {last.state_bytes / 1e6:.1f} MB, {per_action:.0f} bytes per action; its log {log:.1f} MB"
    page = max(day.sizes[path] for path in PAGES)
    yield f"largest page {page:,} bytes, ratio to {PAGE_BYTES:,}: {page / PAGE_BYTES:.2f} (allowed 1)"
    for path, (median, worst) in day.times.items():
        bound = f", ratio to {ANSWER_MS} ms: {median / ANSWER_MS:.2f} (allowed 1)" if path in (SCRAPE, *PAGES) else ""
        yield f"{path}: median {median:.1f} ms beside the passes, worst {worst:.1f} ms{bound}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="every reading, for a program")
    chosen = parser.parse_args(arguments)
    day = live(chosen.servers)
    if chosen.json:
        json.dump(asdict(day), sys.stdout)
    else:
        print("\n".join(told(day)))


if __name__ == "__main__":
    main()
