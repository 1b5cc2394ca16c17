"""Builders of policies, snapshots and observations around NOW; what a test does not name has a harmless default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rotator.model import Id, Keep, Observation, Policy, Snapshot
from rotator.naming import snapshot_name
from rotator.slots import parse_schedule
from tests.conftest import NOW

WEB = 12345
DB = 12346

NAMES: dict[Id, str] = {WEB: "web-server-01", DB: "db-server-01"}

LONG_AGO = NOW - timedelta(days=30)


def day(number: int, hour: int = 2, minute: int = 0) -> datetime:
    """A moment of NOW's month; `day(23)` is NOW, and the slot of every default policy on that day."""
    return datetime(2026, 11, number, hour, minute, tzinfo=UTC)


def policy(
    server_id: Id = WEB,
    *,
    schedule: str = "every day at 02:00",
    timezone: str = "UTC",
    keep: int | Keep = 4,
    **rules: Any,
) -> Policy:
    """A policy of one server, daily at 02:00 UTC."""
    rules.setdefault("server", NAMES.get(server_id, f"server-{server_id}"))
    counts = Keep(last=keep) if isinstance(keep, int) else keep
    return Policy(server_id, schedule=parse_schedule(schedule, timezone), keep=counts, **rules)


def snapshot(
    name: str,
    created_at: datetime | None = LONG_AGO,
    status: str = "completed",
    *,
    server_id: Id = WEB,
    server_name: str | None = None,
    snapshot_id: Id | None = None,
) -> Snapshot:
    """A snapshot of any name; its id says which one it is."""
    known_as = NAMES.get(server_id, f"server-{server_id}") if server_name is None else server_name
    own_id = snapshot_id if snapshot_id is not None else f"id-of-{name}"
    return Snapshot(own_id, server_id, known_as, name, status, created_at)


def taken(slot: datetime, status: str = "completed", *, prefix: str = "rotator", **more: Any) -> Snapshot:
    """A snapshot that rotator made of `slot`, at that moment unless `created_at` says another."""
    more.setdefault("created_at", slot)
    return snapshot(snapshot_name(prefix, slot), status=status, **more)


def foreign(*names: str, status: str = "completed", created_at: datetime = LONG_AGO) -> list[Snapshot]:
    """Snapshots of those names that no default policy owns."""
    return [snapshot(name, created_at, status) for name in names]


def days(*numbers: int, status: str = "completed") -> list[Snapshot]:
    """What rotator made on those days."""
    return [taken(day(number), status) for number in numbers]


def observation(*snapshots: Snapshot, taken_at: datetime = NOW) -> Observation:
    """A complete list."""
    return Observation(snapshots, taken_at)
