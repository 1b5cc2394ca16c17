"""Accounts to measure on, with their configurations; knows no benchmark."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.program import TOKEN
from rotator.config import load
from rotator.model import Observation, Policy, Snapshot
from rotator.naming import snapshot_name
from rotator.sandbox import Cloud, Sandbox
from rotator.slots import latest_slot, parse_schedule

NOWHERE = "http://127.0.0.1:1"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SCHEDULES = [
    parse_schedule(text, zone)
    for text in ("every day at 03:00", "every 6 hours", "hourly", "every monday at 04:30")
    for zone in ("Europe/Paris", "America/New_York", "UTC")
]

_MINUTE = timedelta(minutes=1)


def configuration(policy: str, servers: int, url: str = NOWHERE, parallel: int = 4, more: str = "") -> str:
    """So many servers of one policy; `more` is for further sections."""
    rows = "".join(f"  - {{id: {number}, name: web-{number:04}, policy: all}}\n" for number in range(1, servers + 1))
    api = f"api: {{url: '{url}', parallel: {parallel}}}\n"
    return f"{api}{more}policies: {{all: {{{policy}}}}}\nservers:\n{rows}"


def stock(cloud: Cloud, policies: Sequence[Policy], now: datetime, *, due: bool = False) -> None:
    """Give every server the restore points its policy keeps, up to the latest slot; `due` leaves that one open."""
    for policy in policies:
        cloud.add_server(policy.server, policy.server_id)
        for slot in _slots(policy, now, policy.keep.total, due=due):
            cloud.plant(policy.server_id, snapshot_name(policy.prefix, slot), slot)


def _slots(policy: Policy, now: datetime, wanted: int, *, due: bool) -> Sequence[datetime]:
    found: list[datetime] = []
    slot = latest_slot(policy.schedule, now - policy.splay)
    while slot is not None and len(found) < wanted + due:
        found.insert(0, slot)
        slot = latest_slot(policy.schedule, slot - _MINUTE)
    return found[:-1] if due else found


def seen(policy: Policy, weeks: Sequence[int]) -> Observation:
    """What a list shows at NOW: restore points of the latest slot and of so many weeks before it."""
    latest = latest_slot(policy.schedule, NOW - policy.splay)
    assert latest is not None
    slots = [latest - timedelta(days=7 * back) for back in weeks]
    rows = tuple(
        Snapshot(f"{policy.server_id}-{at}", policy.server_id, policy.server, snapshot_name("rotator", slot),
                 "completed", slot)
        for at, slot in enumerate(slots)
    )  # fmt: skip
    return Observation(rows, NOW)


@dataclass(frozen=True, slots=True)
class Served:
    """A sandbox in a process of its own, and the folder with the configuration for it."""

    folder: Path
    pipe: Connection

    @property
    def config(self) -> Path:
        """The file with the configuration."""
        return self.folder / "config.yaml"

    @property
    def own(self) -> list[str]:
        """The options that keep a `rotator` to this folder."""
        return ["-c", str(self.config), "--lock-file", f"{self.folder}/lock", "--state-dir", str(self.folder)]

    @property
    def url(self) -> str:
        """Of the API."""
        return load(self.config).api.url

    def requests(self) -> dict[str, int]:
        """How many came so far, of each kind: `POST /snapshots/`."""
        self.pipe.send("requests")
        found: dict[str, int] = self.pipe.recv()
        return found


@contextmanager
def served(
    policy: str,
    servers: int,
    *,
    parallel: int = 4,
    more: str = "",
    due: bool = False,
    latency: timedelta = timedelta(0),
    create_time: timedelta = timedelta(minutes=5),
) -> Iterator[Served]:
    """A stocked account over HTTP, as long as the block lasts."""
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = fork.Pipe()
        account = Served(Path(name), ours)

        def serve() -> None:
            cloud = Cloud(lambda: datetime.now(UTC), create_time=create_time)
            with Sandbox(cloud, TOKEN, latency=latency) as sandbox:
                account.config.write_text(configuration(policy, servers, sandbox.url, parallel, more))
                stock(cloud, load(account.config).policies, datetime.now(UTC), due=due)
                theirs.send("ready")
                while theirs.recv() == "requests":
                    theirs.send({f"{method} {route}": count for (method, route), count in sandbox.requests.items()})

        process = fork.Process(target=serve, daemon=True)
        process.start()
        try:
            ours.recv()
            yield account
        finally:
            ours.send("stop")
            process.join(10)
