"""A clock that a test sets, and intents, holds, debts and notes of a state, with a harmless default for all of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from rotator.engine.ledger import Debt, Hold, Intent
from rotator.model import Command
from rotator.state import AlertNote, State, Uptime
from rotator.state.schema import MIGRATIONS
from tests.builders import WEB
from tests.conftest import NOW

NAME = "config.db"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class SetClock:
    """Stands still until it is set."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def booted(clock: Callable[[], datetime], boot: str = "first") -> Callable[[], Uptime]:
    """The uptime of a machine whose clock is never set."""
    return lambda: Uptime(boot, (clock() - NOW + 365 * DAY).total_seconds())


@contextmanager
def opened(
    directory: Path,
    clock: Callable[[], datetime] | None = None,
    name: str = NAME,
    uptime: Callable[[], Uptime] | None = None,
) -> Iterator[State]:
    """The state in a directory, closed at the end."""
    clock = clock or SetClock()
    state = State.open(directory, name, clock, uptime or booted(clock), by="run")
    try:
        yield state
    finally:
        state.close()


@contextmanager
def told() -> Iterator[Callable[..., list[str]]]:
    """Gives a function that lists the kinds of what was told of the state, by event."""
    with capture_logs() as log:

        def kinds(event: str = "state_unusable") -> list[str]:
            return [line["kind"] for line in log if line["event"] == event]

        yield kinds


def intent(key: str, *, at: datetime = NOW, **more: Any) -> Intent:
    """A create of NOW's slot."""
    given: dict[str, Any] = {
        "server_id": WEB,
        "server": "web-server-01",
        "policy": "nightly",
        "verb": "create",
        "cause": "slot",
        "snapshot": "rotator-20261123T020000Z",
        "reason": "it is due",
        "by": "run",
        "slot": NOW,
    }
    return Intent(key, at, **(given | more))


def delete(key: str, snapshot_id: int = 801, *, cause: str = "surplus", at: datetime = NOW, **more: Any) -> Intent:
    """A delete; of a slot only if it makes room for one."""
    slot = NOW if cause == "room" else None
    return intent(key, at=at, **({"verb": "delete", "cause": cause, "snapshot_id": snapshot_id, "slot": slot} | more))


def hold(key: str = "h", *, since: datetime = NOW, lasts: timedelta = HOUR, **more: Any) -> Hold:
    given: dict[str, Any] = {"server_id": WEB, "server": "web-server-01", "snapshot_id": 801, "snapshot": "rotator-x"}
    return Hold(key, since=since, until=since + lasts, **(given | more))


def debt(key: str = "d", **more: Any) -> Debt:
    given: dict[str, Any] = {
        "server_id": WEB,
        "server": "web-server-01",
        "policy": "nightly",
        "snapshot": "rotator-x",
        "slot": NOW,
        "command": Command(("thaw", "--now", "a b")),
        "timeout": timedelta(seconds=90),
        "since": NOW,
        "until": NOW + timedelta(hours=1),
    }
    return Debt(key, **(given | more))


def note(subject: str = "web-server-01", text: str = "no room", **more: Any) -> AlertNote:
    given: dict[str, Any] = {"trouble": "blocked", "text": text, "since": NOW, "told_at": NOW}
    return AlertNote(subject, **(given | more))


def spoil(path: Path, sql: str) -> None:
    """Change the file as no rotator does."""
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


def version_1(path: Path) -> None:
    """A state as version 1 left it."""
    with sqlite3.connect(path) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA application_id = 0x726F7461")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    path.chmod(0o600)


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()
