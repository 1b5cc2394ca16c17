"""What a daemon needs to live on a clock that jumps: time, an API in memory, a log that is counted."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain
from types import SimpleNamespace
from typing import Any

from rotator.cli.audience import Audience
from rotator.errors import NotFoundError, RefusedError
from rotator.model import Id, Listing, Server, Snapshot
from rotator.sandbox import Cloud, Refusal

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


class Api:
    """The account without HTTP: every call is counted in the metrics; rows that stay as they are are kept."""

    def __init__(self, cloud: Cloud, servers: Sequence[Id], audience: Audience) -> None:
        self._cloud = cloud
        self._audience = audience
        self._rows: dict[Id, tuple[Snapshot, ...]] = dict.fromkeys(servers, ())
        self._moving = set(servers)

    def account_snapshots(self) -> Listing:
        self._audience.api_request("GET", "200", 0.05)
        for server_id in tuple(self._moving):
            self._rows[server_id] = rows = self._cloud.snapshots(server_id)
            if all(row.status != "in_progress" for row in rows):
                self._moving.discard(server_id)
        return Listing(tuple(chain.from_iterable(self._rows.values())))

    def server_snapshots(self, server_id: Id) -> Listing:
        self._audience.api_request("GET", "200", 0.05)
        return Listing(self._cloud.snapshots(server_id))

    def servers(self) -> list[Server]:
        return [Server(row["id"], row["name"], row["status"]) for row in self._cloud.servers()["results"]]

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        self._audience.api_request("POST", "201", 0.05)
        self._moving.add(server_id)
        try:
            self._cloud.create(server_id, name, description)
        except Refusal as error:
            raise RefusedError(str(error)) from None
        return next(each for each in self._cloud.snapshots(server_id) if each.name == name)

    def delete_snapshot(self, snapshot_id: Id) -> None:
        self._audience.api_request("DELETE", "204", 0.05)
        self._moving.update(row.server_id for rows in self._rows.values() for row in rows if row.id == snapshot_id)
        try:
            self._cloud.delete(snapshot_id)
        except Refusal as error:
            raise NotFoundError(str(error)) from None


class Journal(io.TextIOBase):
    """Where the log goes: it only counts the lines of each event."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self.events[json.loads(line)["event"]] += 1
        return len(text)
