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
from rotator.state import holding, recall, rows, tables
from rotator.state.alerts import AlertNote
from rotator.state.bounds import EVERY, trim
from rotator.state.database import Clock, Database
from rotator.state.fault import FaultKind
from rotator.state.legible import Legible
from rotator.state.mirror import Mirror
from rotator.state.place import may_command
from rotator.state.rows import Change, Uptime

if TYPE_CHECKING:
    from rotator.state.history import Entry

Key = TypeVar("Key")
Found = TypeVar("Found")

MOST_UNWRITTEN = 20_000
"""Changes that wait in memory for a file that cannot be written; of more, the oldest are given up."""

_UNFIT = (sqlite3.IntegrityError, ValueError, TypeError, OverflowError)


class State:
    """One file for one configuration. Safe for many threads and processes; no call raises or waits for long.

    While the file cannot be used, what is to be written waits in memory, and what was read last is answered again.
    """

    def __init__(self, path: Path, clock: Clock, uptime: Callable[[], Uptime], by: str, uid: int) -> None:
        self._clock = clock
        self._uptime = uptime
        self._by = by
        self._uid = uid
        self._lock = threading.RLock()
        self._database = Database(path, clock, uid)
        self._unwritten: deque[Change] = deque(maxlen=MOST_UNWRITTEN)
        self._trimmed_at: datetime | None = None
        self._debts_left: str | None = None
        self._legible = Legible(path)
        self._debts, self._holds, self._alerts = Mirror(tables.DEBTS), Mirror(tables.HOLDS), Mirror(tables.ALERTS)
        self._mirrors: tuple[Mirror[Any, Any], ...] = (self._debts, self._holds, self._alerts)

    @classmethod
    def open(cls, directory: Path, name: str, clock: Clock, uptime: Callable[[], Uptime], *, by: str) -> State:
        """The state in `directory`, made if there is none; `by` is the command, for the history."""
        state = cls(directory / name, clock, uptime, by, os.geteuid())
        state._write(())
        return state

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return self._database.path

    @property
    def fault(self) -> str | None:
        """Why the file cannot be used, with a remedy; None if it can."""
        fault = self._database.fault
        return fault.text if fault else None

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
        now, uptime = self._clock(), self._uptime()
        return self._read(lambda connection: recall.past(connection, self._legible, now, uptime)) or Past()

    def begin(self, intents: Sequence[Intent]) -> None:
        """Write the intents down in one transaction that survives a power failure."""
        uptime = self._uptime()
        self._write([rows.begun(intent, self._by, uptime) for intent in intents], durable=True)

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
        self._write([rows.ended(key, result, at, self._uptime(), snapshot_id, took, detail)])

    def open_intents(self, server_id: Id) -> Sequence[Intent] | None:
        """The calls about this server that may be on their way: begun in the last 15 minutes and not ended.

        None if that cannot be read now.
        """
        now = self._clock()
        return self._read(lambda connection: recall.open_intents(connection, self._legible, server_id, now))

    def usual(self, server_id: Id) -> timedelta | None:
        """How long a snapshot of this server usually takes; None while fewer than three durations are known."""
        return self._read(lambda connection: recall.usual(connection, self._legible, server_id))

    def hold(self, hold: Hold) -> bool:
        """Stop rotation of this server, or go on stopping it if a hold of the same key is there.

        False if one of another key is in force, or if it could not be written, so that no other process knows of it.
        """
        taken = False

        def take(connection: sqlite3.Connection) -> None:
            nonlocal taken
            taken = holding.take(connection, hold, self._clock())

        with self._lock:
            if not self._write((), durable=True, besides=take):
                return False
            if taken:
                others = {key: each for key, each in self._holds.all().items() if each.server_id != hold.server_id}
                self._holds.learn({**others, tables.hold_key(hold): hold})
            return taken

    def holds(self) -> Mapping[Id, Hold]:
        """The servers that a person restores now; what is over is removed."""
        with self._lock:
            now = self._clock()
            found = self._table(self._holds)
            for hold in [each for each in found.values() if not holding.is_in_force(each, now)]:
                self._holds.drop(tables.hold_key(hold))
                self._write([holding.expired(hold)])
            return {each.server_id: each for each in found.values() if holding.is_in_force(each, now)}

    def lift(self, hold: Hold) -> None:
        """The restore that wrote this hold is over; a hold of another one stays."""
        with self._lock:
            for each in self._holds.all():
                if each[:2] == (hold.server_id, hold.key):
                    self._holds.drop(each)
            self._write([holding.lifted(hold)])

    def owe(self, debt: Debt) -> None:
        """Write down that an `after` command has to run."""
        with self._lock:
            self._debts.put(debt)
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
                return tuple(self._table(self._debts).values())
            self._leave_debts()
            return tuple(self._debts.all().values())

    def alerts(self) -> Mapping[tuple[str, str], AlertNote]:
        """What was told of lasting troubles, by subject and trouble."""
        with self._lock:
            return self._table(self._alerts)

    def save_alert(self, note: AlertNote) -> None:
        """Keep a note, in place of the one of the same subject and trouble."""
        with self._lock:
            self._alerts.put(note)
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

        return self._read(lambda connection: tuple(entries(connection, self._legible, since, until))) or ()

    def _table(self, mirror: Mirror[Key, Found]) -> dict[Key, Found]:
        """The values of a table as they will be once everything is written; read only if another process changed it."""
        table = mirror.table

        def look(connection: sqlite3.Connection) -> None:
            version = self._database.version(connection)
            if not self._database.is_fresh and (version is None or version != mirror.version):
                found = self._legible.values(table.name, connection.execute(table.query), table.value)
                mirror.learn({table.key(each): each for each in found}, version)

        self._read(look)
        return mirror.all()

    def _read(self, work: Callable[[sqlite3.Connection], Found]) -> Found | None:
        with self._lock:
            if self._unwritten or self._database.fault:
                self._write(())
            found = self._database.read(work)
            if self._database.is_fresh and self._write(()):  # what this process knows belongs into it first
                found = self._database.read(work)
            return found

    def _write(
        self,
        changes: Sequence[Change],
        *,
        durable: bool = False,
        besides: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> bool:
        """Carry out what waits, then `changes`, which wait if that fails, then `besides`, which does not."""

        def work(connection: sqlite3.Connection, fresh: bool) -> None:
            self._apply(connection, fresh)
            besides(connection)

        with self._lock:
            self._unwritten.extend(changes)
            if not self._database.change(work, durable=durable):
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
        if self._trimmed_at is None or not timedelta(0) <= now - self._trimmed_at < EVERY:
            trim(connection, now)
            self._trimmed_at = now
            for mirror in self._mirrors:
                mirror.version = None

    def _leave_debts(self) -> None:
        """Say once which commands are left to the user that owes them."""
        found = self._read(lambda connection: [row[0] for row in connection.execute("SELECT key FROM debts")]) or []
        left = [key for key in found if key not in self._debts.all()]
        reason = f"state {self.path} belongs to another user, who has {len(left)} hooks to finish: not run by this one"
        if left and reason != self._debts_left:
            fields = {"state": str(self.path), "kind": FaultKind.UNTRUSTED.value}
            logger().warning(Event.STATE_UNUSABLE, **fields, reason=reason)
        self._debts_left = reason if left else None
