"""The account behind the sandbox: servers and snapshots under the cap; knows no HTTP and has no clock of its own."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from rotator.model import CAP, Id, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

NAME = re.compile(r"[A-Za-z0-9_-]+")
"""What the API document allows as a snapshot's name."""

SERVER_STATUSES = ("active", "stopped", "suspended")
"""The words the document allows as a filter; a server that is being restored has a fourth one."""

_RESTORABLE = ("active", "stopped")
_FIRST_SNAPSHOT, _FIRST_SERVER = 801, 10001
_FIRST_ADDRESS = IPv4Address("198.18.0.1")  # RFC 2544: a network for tests, never routed
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Refusal(Exception):  # noqa: N818 - an answer of the API, not a fault of the sandbox
    """The API declines: the HTTP status, the message and the headers it does so with."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class Cloud:
    """Servers and snapshots of one account, safe to use from many threads.

    A snapshot is `in_progress` until `create_time` has passed on `clock` (aware UTC), then `completed`, or `failed`
    with the probability `fail_rate`, which `seed` makes repeatable. A restore keeps its server `restoring` for
    `restore_time`.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        create_time: timedelta = timedelta(minutes=5),
        restore_time: timedelta = timedelta(minutes=10),
        fail_rate: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.now = clock
        self.create_time = create_time
        self.restore_time = restore_time
        self.fail_rate = fail_rate
        self._random = random.Random(seed)  # noqa: S311 - decides which snapshots fail, repeatably; no secret
        self._lock = Lock()
        self._ids = count(_FIRST_SNAPSHOT)
        self._server_ids = count(_FIRST_SERVER)
        self._servers: dict[Id, _Server] = {}
        self._rows: dict[Id, _Row] = {}

    def add_server(
        self, name: str, server_id: Id | None = None, *, status: str = "active", location: str = "paris-1"
    ) -> Id:
        """Put a server into the account; without `server_id` it gets the next free one from 10001."""
        with self._lock:
            if server_id is None:
                server_id = next(number for number in self._server_ids if number not in self._servers)
            if server_id in self._servers:
                raise ValueError(f"server {server_id} exists already")
            now = self.now()
            self._servers[server_id] = _Server(server_id, name, status, location, len(self._servers), now, now)
            return server_id

    def plant(
        self, server_id: Id, name: str, created_at: datetime, *, status: str = "completed", description: str = ""
    ) -> Id:
        """Put a snapshot into the account as if it had been made at `created_at`; `status` is any word, and stays."""
        with self._lock:
            return self._add(server_id, name, description, created_at, _LONG_AGO, status).id

    def snapshots(self, server_id: Id | None = None) -> tuple[Snapshot, ...]:
        """The snapshots of one server, or of all, as they are now, oldest id first."""
        with self._lock:
            now = self.now()
            return tuple(row.at(now) for row in self._listed(server_id))

    def snapshots_json(self, server_id: Id | None = None) -> bytes:
        """The API's list of `snapshots`; an unknown server has none, since the document gives the list no 404."""
        with self._lock:
            now = self.now()
            rows = [row.json(now) for row in self._listed(server_id)]
        return b'{"count": %d, "results": [%b]}' % (len(rows), b", ".join(rows))

    def create(self, server_id: Id, name: str, description: str = "") -> dict[str, Any]:
        """Start a snapshot: 400 for a bad name or a full server, 404 for an unknown one."""
        if not NAME.fullmatch(name):
            raise Refusal(400, "name may hold letters, digits, hyphens and underscores only")
        with self._lock:
            now = self.now()
            outcome = "failed" if self._random.random() < self.fail_rate else "completed"
            row = self._add(server_id, name, description, now, now + self.create_time, outcome)
            return snapshot_json(row.at(now)) | {"message": "Snapshot creation started"}

    def restore(self, snapshot_id: Id) -> dict[str, Any]:
        """Start putting a snapshot back: 400 unless it is completed and its server can be restored."""
        with self._lock:
            now, row = self.now(), self._row(snapshot_id)
            if row.status(now) != "completed":
                raise Refusal(400, f"the snapshot is {row.status(now)}")
            if row.server.status_at(now) not in _RESTORABLE:
                raise Refusal(400, f"the server is {row.server.status_at(now)}, it cannot be restored in that state")
            row.server.updated_at, row.server.restoring_until = now, now + self.restore_time
            return {
                "status": "success",
                "message": "Snapshot restore started",
                "snapshot": {"id": row.id, "name": row.name, "created_at": timestamp(row.created_at)},
                "server": {"id": row.server.id, "name": row.server.name, "status": row.server.status_at(now)},
            }

    def delete(self, snapshot_id: Id) -> None:
        """Delete a snapshot, whatever its status: the document names no refusal."""
        with self._lock:
            row = self._row(snapshot_id)
            row.server.rows.remove(row)
            del self._rows[snapshot_id]

    def servers(self, status: str | None = None, location: str | None = None) -> dict[str, Any]:
        """The API's list of servers, filtered."""
        if status not in (None, *SERVER_STATUSES):
            raise Refusal(400, f"status must be one of {', '.join(SERVER_STATUSES)}")
        with self._lock:
            now = self.now()
            rows = [server.json(now) for server in self._servers.values() if location in (None, server.location)]
        rows = [row for row in rows if status in (None, row["status"])]
        return {"count": len(rows), "results": rows}

    def account(self) -> dict[str, Any]:
        """The API's word on whose token this is."""
        return {
            "account": {"email": "operator@example.org", "first_name": "Sandbox", "last_name": "Operator"},
            "token": {"name": "sandbox", "permissions": ["read", "write"], "is_active": True},
        }

    def has_server(self, server_id: Id) -> bool:
        """Whether the account has this server."""
        with self._lock:
            return server_id in self._servers

    def _listed(self, server_id: Id | None) -> Iterable[_Row]:
        if server_id is None:
            return self._rows.values()
        server = self._servers.get(server_id)
        return server.rows if server else ()

    def _row(self, snapshot_id: Id) -> _Row:
        try:
            return self._rows[snapshot_id]
        except KeyError:
            raise Refusal(404, f"no snapshot {snapshot_id}") from None

    def _add(
        self, server_id: Id, name: str, description: str, created_at: datetime, ready_at: datetime, outcome: str
    ) -> _Row:
        server = self._servers.get(server_id)
        if server is None:
            raise Refusal(404, f"no server {server_id}")
        if len(server.rows) >= CAP:
            raise Refusal(400, f"the limit of {CAP} snapshots per server is reached")
        row = _Row(next(self._ids), server, name, description, created_at, ready_at, outcome)
        server.rows.append(row)
        self._rows[row.id] = row
        return row


@dataclass(slots=True, eq=False)
class _Server:
    id: Id
    name: str
    status: str
    location: str
    index: int
    created_at: datetime
    updated_at: datetime
    restoring_until: datetime = _LONG_AGO
    rows: list[_Row] = field(default_factory=list)

    def status_at(self, now: datetime) -> str:
        return "restoring" if now < self.restoring_until else self.status

    def json(self, now: datetime) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "hostname": f"{self.name}.example.org",
            "status": self.status_at(now),
            "ip_address": str(_FIRST_ADDRESS + self.index),
            "location": self.location,
            "plan": "vps-2",
            "os": "Debian 13",
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        }


@dataclass(slots=True, eq=False)
class _Row:
    id: int
    server: _Server
    name: str
    description: str
    created_at: datetime
    ready_at: datetime
    outcome: str
    settled: bytes | None = None
    """The JSON text, kept once the status cannot change any more: a list of 5,000 rows is then one join."""

    def status(self, now: datetime) -> str:
        return self.outcome if now >= self.ready_at else "in_progress"

    def at(self, now: datetime) -> Snapshot:
        status = self.status(now)
        size = 4096 + 512 * (self.server.index % 12) + self.id % 97 if status == "completed" else None
        created_at = self.created_at.replace(microsecond=0)
        return Snapshot(
            self.id, self.server.id, self.server.name, self.name, status, created_at, size, self.description
        )

    def json(self, now: datetime) -> bytes:
        if self.settled is not None:
            return self.settled
        text = json.dumps(snapshot_json(self.at(now))).encode()
        if now >= self.ready_at:
            self.settled = text
        return text


def snapshot_json(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as the API document shows it."""
    return {
        "id": snapshot.id,
        "server": {"id": snapshot.server_id, "name": snapshot.server_name},
        "name": snapshot.name,
        "status": snapshot.status,
        "size_mb": snapshot.size_mb,
        "created_at": snapshot.created_at and timestamp(snapshot.created_at),
        "description": snapshot.description,
    }


def timestamp(moment: datetime) -> str:
    """A moment as the API writes it: `2025-01-15T18:30:00Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
