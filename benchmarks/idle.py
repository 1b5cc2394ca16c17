"""Prints the CPU share of an idle daemon with 1,000 servers, and its growth of memory over 10,000 ticks.

    python benchmarks/idle.py [--seconds 60]

The first is the real process against a sandbox; the second the same loop on a clock that jumps from appointment to
appointment through several days of hourly slots.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.config import load
from rotator.daemon.loop import Daemon, Setup
from rotator.daemon.signals import Signals
from rotator.engine import Engine
from rotator.errors import NotFoundError, RefusedError
from rotator.logs import Redactor, setup
from rotator.model import Id, Listing, Schedule, Server, Snapshot
from rotator.naming import snapshot_name
from rotator.sandbox import Cloud, Refusal, Sandbox
from rotator.slots import latest_slot, next_slot

SERVERS = 1000
TICKS = 10_000


def configuration(url: str, schedule: str, count: int) -> str:
    rows = "".join(f"  - {{id: {number}, name: web-{number}, policy: all}}\n" for number in range(1, count + 1))
    return f"api: {{url: '{url}'}}\npolicies: {{all: {{schedule: {schedule}}}}}\nservers:\n{rows}"


def idle_share(seconds: int) -> float:
    """CPU seconds per second of `rotator run` with nothing due."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        cloud = Cloud(lambda: datetime.now(UTC))
        with Sandbox(cloud, "benchmark") as sandbox:
            config.write_text(configuration(sandbox.url, "monthly", SERVERS))
            for policy in load(config).policies:
                cloud.add_server(policy.server, policy.server_id)
                slot = latest_slot(policy.schedule, datetime.now(UTC))
                assert slot is not None
                cloud.plant(policy.server_id, snapshot_name(policy.prefix, slot), slot)
            command = [str(Path(sys.executable).with_name("rotator")), "run", "-c", str(config)]
            environment = {**os.environ, "ROTATOR_API_TOKEN": "benchmark"}
            own = ["--lock-file", f"{folder}/lock", "--state-dir", folder]
            with subprocess.Popen([*command, *own], env=environment, stderr=-3) as process:
                time.sleep(5)
                calls, begun = sandbox.requests.total(), cpu_seconds(process.pid)
                time.sleep(seconds)
                spent = cpu_seconds(process.pid) - begun
                assert sandbox.requests.total() == calls, "an idle daemon must not call the API"
                process.terminate()
    return spent / seconds


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Direct:
    """The sandbox's account without HTTP."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def account_snapshots(self) -> Listing:
        return Listing(self._cloud.snapshots())

    def server_snapshots(self, server_id: Id) -> Listing:
        return Listing(self._cloud.snapshots(server_id))

    def servers(self) -> list[Server]:
        return [Server(row["id"], row["name"], row["status"]) for row in self._cloud.servers()["results"]]

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        try:
            self._cloud.create(server_id, name, description)
        except Refusal as error:
            raise RefusedError(str(error)) from None
        return next(each for each in self._cloud.snapshots(server_id) if each.name == name)

    def delete_snapshot(self, snapshot_id: Id) -> None:
        try:
            self._cloud.delete(snapshot_id)
        except Refusal as error:
            raise NotFoundError(str(error)) from None


def fill_caches(schedule: Schedule, now: datetime) -> None:
    """The slots of a schedule are kept in a bounded cache; fill it first, so that only what is not bounded shows."""
    for minute in range(5000):
        latest_slot(schedule, now - timedelta(minutes=minute))
        next_slot(schedule, now - timedelta(minutes=minute))


def growth(ticks: int, servers: int = 20) -> tuple[int, int]:
    """Bytes in use after a tenth of the ticks, and after all of them."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    elapsed = 0.0

    def clock() -> datetime:
        return now + timedelta(seconds=elapsed)

    cloud = Cloud(clock, create_time=timedelta(minutes=4))
    with tempfile.TemporaryDirectory() as folder, Signals() as signals:
        config = Path(folder) / "config.yaml"
        config.write_text(configuration("http://127.0.0.1:1", "hourly", servers))
        loaded = load(config)
        for policy in loaded.policies:
            cloud.add_server(policy.server, policy.server_id)
        engine = Engine(Direct(cloud), clock, parallel=2, poll_interval=timedelta(minutes=2))
        daemon = Daemon(lambda: Setup(loaded, engine), signals, clock, lambda: elapsed)
        early = 0
        tracemalloc.start()
        fill_caches(loaded.policies[0].schedule, now)
        for tick in range(ticks):
            daemon.tick()
            elapsed += 30
            if tick == ticks // 10:
                gc.collect()
                early = tracemalloc.get_traced_memory()[0]
        gc.collect()
        late = tracemalloc.get_traced_memory()[0]
        daemon.close()
    return early, late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    setup("json", "error", Redactor())
    share = idle_share(parser.parse_args().seconds)
    print(f"idle with {SERVERS} servers: {share * 100:.3f} % CPU, ratio to 0.1 %: {share / 0.001:.2f} (allowed 1)")
    early, late = growth(TICKS)
    print(
        f"{TICKS} ticks: {early / 1024:.0f} KiB after a tenth, {late / 1024:.0f} KiB at the end, {late / early:.3f} x"
    )


if __name__ == "__main__":
    main()
