"""What a daemon needs to live on a clock that jumps: time, an account in memory, a log that is counted."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.idle import Direct
from rotator.cli.audience import Audience
from rotator.config import Config
from rotator.model import Id, Listing, Snapshot
from rotator.naming import snapshot_name
from rotator.sandbox import Cloud
from rotator.slots import latest_slot

BEGIN = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@dataclass(slots=True)
class Time:
    """A wall clock that goes as fast as it is told to."""

    now: datetime = BEGIN

    def clock(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - BEGIN).total_seconds() + 1000

    def naive(self) -> SimpleNamespace:
        """The module `datetime` as the timer uses it, with this clock."""
        world = self

        class Local(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return world.now.astimezone(tz) if tz else world.now.replace(tzinfo=None)

        return SimpleNamespace(datetime=Local, timedelta=timedelta)


class Api(Direct):
    """The account, with every call counted in the metrics as one of the API; rows that stay as they are are kept."""

    def __init__(self, cloud: Cloud, servers: Sequence[Id], audience: Audience) -> None:
        super().__init__(cloud)
        self._audience = audience
        self._rows: dict[Id, tuple[Snapshot, ...]] = dict.fromkeys(servers, ())
        self._moving = set(servers)

    def account_snapshots(self) -> Listing:
        self._audience.api_request("GET", "200", 0.05)
        for server_id in tuple(self._moving):
            rows = super().server_snapshots(server_id).snapshots
            self._rows[server_id] = tuple(rows)
            if all(row.status != "in_progress" for row in rows):
                self._moving.discard(server_id)
        return Listing(tuple(chain.from_iterable(self._rows.values())))

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        self._audience.api_request("POST", "201", 0.05)
        self._moving.add(server_id)
        return super().create_snapshot(server_id, name, description)

    def delete_snapshot(self, snapshot_id: Id) -> None:
        self._audience.api_request("DELETE", "204", 0.05)
        self._moving.update(row.server_id for rows in self._rows.values() for row in rows if row.id == snapshot_id)
        super().delete_snapshot(snapshot_id)


class Journal(io.TextIOBase):
    """Where the log goes: it only counts the lines of each event."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self.events[json.loads(line)["event"]] += 1
        return len(text)


def configuration(folder: Path, servers: int) -> Path:
    """A file with that many servers, spread over the hours between two slots."""
    rows = "".join(f"  - {{id: {number}, name: web-{number:04}, policy: all}}\n" for number in range(1, servers + 1))
    file = folder / "config.yaml"
    file.write_text(
        f"api: {{url: 'http://127.0.0.1:1', parallel: 4}}\ntiming: {{poll_interval: 1m}}\n"
        f"web: {{listen: {folder}/page.sock}}\n"
        f"policies: {{all: {{schedule: every 6 hours, keep: 4, splay: 5h}}}}\nservers:\n{rows}"
    )
    return file


def account(config: Config, world: Time) -> Cloud:
    """Every server has the restore points it should have, so a day begins like any other."""
    cloud = Cloud(world.clock, create_time=timedelta(minutes=2), fail_rate=0.01)
    for policy in config.policies:
        cloud.add_server(policy.server, policy.server_id)
        slots: list[datetime] = []
        while len(slots) < policy.keep.last:
            before = slots[-1] - timedelta(seconds=1) if slots else world.now - policy.splay
            slot = latest_slot(policy.schedule, before)
            assert slot is not None
            slots.append(slot)
        for slot in reversed(slots):
            cloud.plant(policy.server_id, snapshot_name(policy.prefix, slot), slot)
    return cloud
