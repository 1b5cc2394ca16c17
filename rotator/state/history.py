"""What was done, as the file tells it: read only, so that looking never changes or makes a state."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from rotator.errors import RotatorError
from rotator.model import Id
from rotator.state.connection import reader
from rotator.state.fault import ERRORS, UNFIT, FaultKind, explained
from rotator.state.legible import Legible
from rotator.state.place import require_trust
from rotator.state.rows import Row, moment, stamp, stored_id, texts
from rotator.state.schema import VERSION, migrate, require_known


@dataclass(frozen=True, slots=True)
class Entry:
    """One call that was to be made. `result` is None where no answer was written down, as are `ended_at` and `took`."""

    at: datetime
    server_id: Id
    server: str
    policy: str
    verb: str
    cause: str
    snapshot: str
    snapshot_id: Id | None
    slot: datetime | None
    attempt: int
    reason: str
    result: str | None
    detail: str
    ended_at: datetime | None
    took: timedelta | None
    by: str
    pass_id: str


class HistoryError(RotatorError):
    """The history cannot be read; the message says why and what to do."""


class History:
    """The actions of one file; HistoryError from any use if it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        if not _exists(self.path):
            remedy = "`run`, `once`, `prune` and `restore` write it; if they keep it elsewhere, name its --state-dir"
            raise HistoryError(f"no history yet: there is no {self.path}; {remedy}")
        try:
            require_trust(self.path, os.geteuid())
            self._connection = _current(reader(self.path), self.path)
        except ERRORS as error:
            raise _unreadable(error, self.path) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def entries(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Entry]:
        """What was done from `since` to before `until`, newest first, read as it is asked for."""
        try:
            yield from entries(self._opened, Legible(self.path), since, until)
        except ERRORS as error:
            raise _unreadable(error, self.path) from None

    def servers(self) -> tuple[tuple[Id, str], ...]:
        """Every server that the history mentions, under each of its names."""
        try:
            found = self._opened.execute("SELECT DISTINCT server_id, server FROM actions ORDER BY server")
            return tuple(each for each in map(_server, found) if each is not None)
        except ERRORS as error:
            raise _unreadable(error, self.path) from None

    @property
    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise HistoryError(f"state {self.path}: not open")
        return self._connection


def _unreadable(error: Exception, path: Path) -> HistoryError:
    fault = explained(error, path)
    remedy = "; the next `run` or `once` keeps it aside and begins a new one, without the history so far"
    return HistoryError(fault.text + (remedy if fault.kind is FaultKind.DAMAGED else ""))


def entries(
    connection: sqlite3.Connection, legible: Legible, since: datetime | None, until: datetime | None
) -> Iterator[Entry]:
    """The actions from `since` to before `until`, newest first."""
    query = """SELECT key, at, server_id, server, policy, verb, cause, snapshot, snapshot_id, slot, attempt, reason,
        result, detail, ended_at, took, by, pass_id FROM actions
        WHERE at >= ? AND at < ? ORDER BY at DESC, number DESC"""
    bounds = (-(2**63) if since is None else stamp(since), 2**63 - 1 if until is None else stamp(until))
    return legible.each("actions", connection.execute(query, bounds), _entry)


def _server(row: Row) -> tuple[Id, str] | None:
    """None for a row that cannot be read: its entry says so."""
    try:
        texts(row[1])
        return stored_id(row[0]), row[1]
    except UNFIT:
        return None


def _entry(row: Row) -> Entry:
    _, at, server_id, server, policy, verb, cause, snapshot, snapshot_id, slot, attempt, reason, *outcome = row
    result, detail, ended_at, took, by, pass_id = outcome
    texts(server, policy, verb, cause, snapshot, reason, result or "", detail, by, pass_id)
    return Entry(
        moment(at),
        stored_id(server_id),
        server,
        policy,
        verb,
        cause,
        snapshot,
        None if snapshot_id is None else stored_id(snapshot_id),
        None if slot is None else moment(slot),
        attempt,
        reason,
        result,
        detail,
        None if ended_at is None else moment(ended_at),
        None if took is None else timedelta(microseconds=took),
        by,
        pass_id,
    )


def _current(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection, or one to a copy in memory where the file is older: looking at it does not change it."""
    try:
        if require_known(connection, path) == VERSION:
            return connection
        copy = sqlite3.connect(":memory:", isolation_level=None)
        connection.backup(copy)
        migrate(copy, path)
    except BaseException:
        connection.close()
        raise
    connection.close()
    return copy


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # it may not be looked at, which reading it says better
