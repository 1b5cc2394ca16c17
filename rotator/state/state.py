"""The ledger of the engine in a file, and what `restore` and `notify` keep beside it; knows no rule of rotation."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rotator.engine.ledger import Debt, Hold, Intent, Past, Result
from rotator.logs import Event, logger
from rotator.model import Id
from rotator.state import recall, rows
from rotator.state.alerts import AlertNote
from rotator.state.bounds import EVERY, prune
from rotator.state.database import Clock, Database
from rotator.state.mirror import Mirror
from rotator.state.place import may_command
from rotator.state.rows import Change
from rotator.state.trouble import Kind

if TYPE_CHECKING:
    from rotator.state.history import Entry

Found = TypeVar("Found")

MOST_UNWRITTEN = 20_000
"""Changes that wait in memory for a file that cannot be written; of more, the oldest are given up."""

_UNFIT = (sqlite3.IntegrityError, ValueError, TypeError, OverflowError)


class State:
    """One file for one configuration. Safe for many threads and processes; no call raises or waits for long.

    While the file cannot be used, what is to be written waits in memory, and what was read last is answered again.
    """

    def __init__(self, path: Path, clock: Clock, by: str, uid: int) -> None:
        self._clock = clock
        self._by = by
        self._uid = uid
        self._lock = threading.RLock()
        self._database = Database(path, clock, uid)
        self._unwritten: deque[Change] = deque(maxlen=MOST_UNWRITTEN)
        self._pruned_at: datetime | None = None
        self._debts_left: str | None = None
        self._debts: Mirror[str, Debt] = Mirror(rows.debt_kept)
        self._holds: Mirror[Id, Hold] = Mirror(rows.hold_kept)
        self._alerts: Mirror[tuple[str, str], AlertNote] = Mirror(rows.alert_kept)
        self._mirrors: tuple[Mirror[Any, Any], ...] = (self._debts, self._holds, self._alerts)

    @classmethod
    def open(cls, directory: Path, name: str, clock: Clock, *, by: str) -> State:
        """The state in `directory`, made if there is none; `by` is the command, for the history."""
        state = cls(directory / name, clock, by, os.geteuid())
        state._write(())
        return state

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return self._database.path

    @property
    def trouble(self) -> str | None:
        """Why the file cannot be used, with a remedy; None if it can."""
        trouble = self._database.trouble
        return trouble.text if trouble else None

    @property
    def identity(self) -> str | None:
        """Device and inode of the file while it is in use: the same for two processes that share it."""
        return self._database.identity

    def close(self) -> None:
        """Write what is left, and let the file go."""
        with self._lock:
            if self._unwritten:
                self._database.forget_pause()
                self._write(())
            self._database.close()

    def past(self) -> Past:
        """What earlier processes left, as far as it still matters."""
        now = self._clock()
        return self._read(lambda connection: recall.past(connection, now)) or Past()

    def begin(self, intents: Sequence[Intent]) -> None:
        """Write the intents down in one transaction that survives a power failure."""
        self._write([rows.begun(intent, self._by) for intent in intents], durable=True)

    def end(
        self,
        key: str,
        result: Result,
        at: datetime,
        *,
        snapshot_id: Id | None = None,
        took: timedelta | None = None,
        detail: str = "",
    ) -> None:
        """Write down what became of an intent."""
        self._write([rows.ended(key, result, at, snapshot_id, took, detail)])

    def open_intents(self, server_id: Id) -> tuple[Intent, ...]:
        """The calls about this server that may be on their way now: begun in the last 15 minutes and not ended."""
        now = self._clock()
        return self._read(lambda connection: recall.open_intents(connection, server_id, now)) or ()

    def usual(self, server_id: Id) -> timedelta | None:
        """How long a snapshot of this server usually takes; None while fewer than three durations are known."""
        return self._read(lambda connection: recall.usual(connection, server_id))

    def hold(self, hold: Hold) -> bool:
        """Stop rotation of this server; False if that could not be written, so that no other process knows of it."""
        with self._lock:
            if not (self._write(()) and self._write([rows.hold_kept(hold)], durable=True)):
                self._unwritten = deque((each for each in self._unwritten if not _holds(each, hold)), MOST_UNWRITTEN)
                return False
            self._holds.put(hold.server_id, hold)
            self._holds.written()
            return True

    def holds(self) -> Mapping[Id, Hold]:
        """The servers that a person restores now; what is over is removed."""
        with self._lock:
            now = self._clock()
            found = self._table(self._holds, rows.HOLDS, rows.hold_of, lambda each: each.server_id)
            for server_id in [key for key, each in found.items() if not _is_in_force(each, now)]:
                del found[server_id]
                self.lift(server_id)
            return found

    def lift(self, server_id: Id) -> None:
        """The restore of this server is over."""
        with self._lock:
            self._holds.drop(server_id)
            self._write([Change("DELETE FROM holds WHERE server_id = ?", (rows.id_text(server_id),))])

    def owe(self, debt: Debt) -> None:
        """Write down that an `after` command has to run."""
        with self._lock:
            self._debts.put(debt.key, debt)
            self._write([rows.debt_kept(debt)], durable=True)

    def settle(self, key: str) -> None:
        """That command ran."""
        with self._lock:
            self._debts.drop(key)
            self._write([Change("DELETE FROM debts WHERE key = ?", (key,))])

    def debts(self) -> Sequence[Debt]:
        """Every `after` command that has still to run; of a file that another user may write, only this process's."""
        with self._lock:
            if may_command(self.path, self._uid):
                return tuple(self._table(self._debts, rows.DEBTS, rows.debt_of, lambda debt: debt.key).values())
            self._leave_debts()
            return tuple(self._debts.all().values())

    def alerts(self) -> Mapping[tuple[str, str], AlertNote]:
        """What was told of lasting troubles, by subject and trouble."""
        with self._lock:
            return self._table(self._alerts, rows.ALERTS, rows.alert_of, lambda note: (note.subject, note.trouble))

    def save_alert(self, note: AlertNote) -> None:
        """Keep a note, in place of the one of the same subject and trouble."""
        with self._lock:
            self._alerts.put((note.subject, note.trouble), note)
            self._write([rows.alert_kept(note)])

    def drop_alert(self, subject: str, trouble: str) -> None:
        """The trouble is over."""
        with self._lock:
            self._alerts.drop((subject, trouble))
            self._write([Change("DELETE FROM alerts WHERE subject = ? AND trouble = ?", (subject, trouble))])

    def history(self, since: datetime | None = None, until: datetime | None = None) -> tuple[Entry, ...]:
        """What was done from `since` to before `until`, newest first."""
        # Imported here because rotation never asks.
        from rotator.state.history import entries

        return self._read(lambda connection: tuple(entries(connection, since, until))) or ()

    def _table(
        self, mirror: Mirror[Any, Found], query: str, value: Callable[[rows.Row], Found], key: Callable[[Found], Any]
    ) -> dict[Any, Found]:
        """The values of a table as they will be once everything is written."""
        found = self._read(lambda connection: [value(row) for row in connection.execute(query)])
        if found is not None:
            mirror.learn({key(each): each for each in found})
        return mirror.all()

    def _read(self, work: Callable[[sqlite3.Connection], Found]) -> Found | None:
        with self._lock:
            if self._unwritten or self._database.trouble:
                self._write(())
            return self._database.read(work)

    def _write(self, changes: Sequence[Change], *, durable: bool = False) -> bool:
        """Carry out what waits and then `changes`; what cannot be written waits."""
        with self._lock:
            self._unwritten.extend(changes)
            if not self._database.change(self._apply, durable=durable):
                return False
            self._unwritten.clear()
            for mirror in self._mirrors:
                mirror.written()
            return True

    def _apply(self, connection: sqlite3.Connection, fresh: bool) -> None:
        known = [change for mirror in self._mirrors for change in mirror.changes()] if fresh else []
        for change in (*known, *self._unwritten):
            try:
                connection.execute(change.sql, change.values)
            except _UNFIT as error:  # tried again, it would hold up everything behind it
                logger().error(Event.INTERNAL_ERROR, reason=f"the state refuses a value: {error}")
        now = self._clock()
        if self._pruned_at is None or not timedelta(0) <= now - self._pruned_at < EVERY:
            prune(connection, now)
            self._pruned_at = now

    def _leave_debts(self) -> None:
        """Say once which commands are left to the user that owes them."""
        found = self._read(lambda connection: [row[0] for row in connection.execute("SELECT key FROM debts")]) or []
        left = [key for key in found if key not in self._debts.all()]
        reason = f"state {self.path} belongs to another user, who has {len(left)} hooks to finish: not run by this one"
        if left and reason != self._debts_left:
            fields = {"state": str(self.path), "kind": Kind.UNTRUSTED.value}
            logger().warning(Event.STATE_UNUSABLE, **fields, reason=reason)
        self._debts_left = reason if left else None


def _holds(change: Change, hold: Hold) -> bool:
    return change == rows.hold_kept(hold)


def _is_in_force(hold: Hold, now: datetime) -> bool:
    """Whether it holds at `now`; one that begins far ahead was written by a clock that was wrong."""
    return hold.since - (hold.until - hold.since) <= now < hold.until
