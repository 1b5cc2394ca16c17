"""A daemon's life in this process, on a clock that jumps from appointment to appointment; knows no bound.

    python -m benchmarks.life [--servers 150] [--hours 24]

Real are the loop, the engine, the SQLite state, the lock, the page, the metrics and every request to them; the API is
in memory. One snapshot in a hundred fails. Prints every reading as JSON.
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
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from unittest.mock import patch

import schedule

from benchmarks.accounts import configuration, stock
from benchmarks.program import memory_mb
from benchmarks.simulated import BEGIN, Api, Journal, Time
from benchmarks.visitors import Visitors
from rotator.api import Client
from rotator.cli.account import Account
from rotator.cli.audience import Audience
from rotator.config import Config, load
from rotator.daemon.lock import InstanceLock
from rotator.daemon.loop import LONGEST_SLEEP, Daemon, Setup
from rotator.daemon.pulse import Pulse
from rotator.daemon.service_manager import ServiceManager
from rotator.daemon.signals import Signals
from rotator.daemon.watch import Watchers
from rotator.engine import Engine
from rotator.logs import Redactor, setup
from rotator.model import Schedule
from rotator.sandbox import Cloud
from rotator.slots import latest_slot, next_slot
from rotator.state import State, Uptime

FAULTS = ("internal_error", "state_unusable", "web_failed", "clock_skew", "config_rejected", "api_error")
"""Events that such a life has no reason for."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a life goes: its length, how often somebody visits and the configuration is read anew, a reading is taken,
    and how far time goes at once while nothing is due."""

    length: timedelta
    visits: timedelta
    reloads: timedelta
    readings: timedelta
    stride: timedelta = LONGEST_SLEEP


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process holds after so many hours."""

    hour: int
    memory_mb: float
    threads: int
    files: int
    state_bytes: int
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Life:
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

    def at(self, moment: timedelta) -> Reading:
        """The reading that was taken then."""
        [found] = [each for each in self.readings if timedelta(hours=each.hour) == moment]
        return found

    def faults(self) -> int:
        """How many lines of the log tell of faults."""
        return sum(self.events.get(event, 0) for event in FAULTS)


@dataclass(slots=True)
class Hours:
    """In place of signals: sleeping lets time pass, and what is to happen then happens."""

    time: Time
    visitors: Visitors
    state: Path
    pace: Pace
    stopping: threading.Event = field(default_factory=threading.Event)
    readings: list[Reading] = field(default_factory=list)
    turns: int = 0
    _reloads: int = 0
    _visits: int = 0

    def sleep(self, seconds: float) -> None:
        self._visit()
        span = timedelta(seconds=seconds)
        before, self.time.now = self.time.now, self.time.now + (self.pace.stride if span == LONGEST_SLEEP else span)
        self.turns += 1
        if (before - BEGIN) // self.pace.readings < (self.time.now - BEGIN) // self.pace.readings:
            self._read()
        if self.time.now - BEGIN >= self.pace.length:
            self.stopping.set()

    def take_reload(self) -> bool:
        due = (self.time.now - BEGIN) // self.pace.reloads > self._reloads
        self._reloads += due
        return due

    def _visit(self) -> None:
        if (self.time.now - BEGIN) // self.pace.visits == self._visits:
            return
        self._visits += 1
        self.visitors.come()
        if self.pace.stride > LONGEST_SLEEP:  # `/healthz` would see that the loop did not turn for so long
            self.visitors.leave()

    def _read(self) -> None:
        self.visitors.leave()
        usual = self.readings[-1].files if self.readings else 0
        state, log = (Path(f"{self.state}{end}").stat().st_size for end in ("", "-wal"))
        hour = (len(self.readings) + 1) * (self.pace.readings // timedelta(hours=1))
        files = settled_files(usual)
        self.readings.append(Reading(hour, memory_mb(), threading.active_count(), files, state, log))


def settled_files(usual: int) -> int:
    """Open descriptors; a connection that a visitor left is closed by the server a moment later."""
    deadline = time.monotonic() + 3
    while (files := len([*Path("/proc/self/fd").iterdir()])) > usual and usual and time.monotonic() < deadline:
        time.sleep(0.01)
    return files


def fill_caches(schedule: Schedule, now: datetime) -> None:
    """The slots of a schedule are kept in a bounded cache; fill it first, so that only what is not bounded shows."""
    for minute in range(5000):
        latest_slot(schedule, now - timedelta(minutes=minute))
        next_slot(schedule, now - timedelta(minutes=minute))


@contextmanager
def daemon(folder: Path, config: Config, hours: Hours, cloud: Cloud, state: State) -> Iterator[Daemon]:
    """Put together as `rotator run` does, but for the API and the clock."""
    environ: dict[str, str] = {}
    world = hours.time
    audience = Audience(world.clock, environ, lasting=True)
    client = Client(config.api.url, "none", timeout=config.api.timeout, clock=world.clock)
    with InstanceLock(folder / "lock") as lock:
        manager = ServiceManager(environ, os.getpid(), world.monotonic)
        watchers = Watchers([Pulse(lock, state), manager, audience])

        def opened() -> Setup:
            read = load(config.path)
            audience.adopt(Account(read, client, Redactor(), state))
            engine = Engine(
                Api(cloud, [each.server_id for each in read.policies], audience),
                world.clock,
                world.monotonic,
                parallel=read.api.parallel,
                poll_interval=read.timing.poll_interval,
                stopping=hours.stopping,
                ledger=state,
                beat=lambda: watchers.woke(world.clock()),
            )
            return Setup(read, engine)

        made = Daemon(opened, cast("Signals", hours), world.clock, world.monotonic, watchers)
        try:
            yield made
        finally:
            made.close()
            audience.closing("")


def live(servers: int, pace: Pace) -> Life:
    """A life, with every server rotated every 6 hours, some at any time."""
    begun, world, journal = time.monotonic(), Time(), Journal()
    with redirect_stderr(journal):
        setup("json", "info", Redactor())
    with tempfile.TemporaryDirectory() as name, patch.object(schedule, "datetime", world.naive()):
        folder = Path(name)
        file = folder / "config.yaml"
        more = f"timing: {{poll_interval: 1m}}\nweb: {{listen: {folder}/page.sock}}\n"
        file.write_text(configuration("schedule: every 6 hours, keep: 4, splay: 5h", servers, more=more))
        config = load(file)
        cloud = Cloud(world.clock, create_time=timedelta(minutes=2), fail_rate=0.01)
        stock(cloud, config.policies, world.now)
        fill_caches(config.policies[0].schedule, world.now)
        visitors = Visitors(str(folder / "page.sock"))
        state = State.open(folder, "state.db", world.clock, lambda: Uptime("", world.monotonic()), by="run")
        hours = Hours(world, visitors, state.path, pace)
        with daemon(folder, config, hours, cloud, state) as made:
            made.run()
        visitors.close()
        actions = journal.events["snapshot_created"] + journal.events["snapshot_deleted"]
        state.close()
    times = {
        path: (statistics.median(spans) * 1000, max(spans) * 1000) for path, spans in sorted(visitors.times.items())
    }
    requests = {path: len(spans) for path, spans in visitors.times.items()}
    spent = time.monotonic() - begun
    return Life(
        servers, hours.readings, hours.turns, actions, dict(journal.events), requests, visitors.sizes, times, spent
    )


def day(length: timedelta) -> Pace:
    """With a visit every 10 minutes."""
    hour = timedelta(hours=1)
    return Pace(length, visits=timedelta(minutes=10), reloads=6 * hour, readings=hour)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=150)
    parser.add_argument("--hours", type=int, default=24)
    chosen = parser.parse_args()
    json.dump(asdict(live(chosen.servers, day(timedelta(hours=chosen.hours)))), sys.stdout)


if __name__ == "__main__":
    main()
