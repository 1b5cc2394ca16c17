"""One SQLite file that may be locked, damaged or gone at any time; knows no table. Not for several threads at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from rotator.logs import Event, logger
from rotator.state.alone import alone, move_aside
from rotator.state.connection import begin, connected, reader
from rotator.state.fault import ERRORS, Fault, FaultKind, explained
from rotator.state.place import make_directory, prepare, require_trust
from rotator.state.schema import VERSION, migrate, require_known, require_sound

__all__ = ["COOL_OFF", "Clock", "Database", "reader"]

Clock = Callable[[], datetime]
Found = TypeVar("Found")

COOL_OFF = timedelta(seconds=30)
"""How long a file that cannot be used is left alone, so that not every call waits for it."""


class _Pause:
    """When something that failed may be tried again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._from: datetime | None = None

    @property
    def lasts(self) -> bool:
        return self._from is not None and timedelta(0) <= self._clock() - self._from < COOL_OFF

    def begin(self) -> None:
        self._from = self._clock()

    def end(self) -> None:
        self._from = None


_UNREADABLE = (FaultKind.DAMAGED, FaultKind.NEWER, FaultKind.FOREIGN, FaultKind.UNTRUSTED)


class Database:
    """Changes and reads one file, never raising for its condition: that goes to the log, once, and to `fault`."""

    def __init__(self, path: Path, clock: Clock, uid: int) -> None:
        self.path = path
        self.fault: Fault | None = None
        self.identity: str | None = None
        self._clock = clock
        self._uid = uid
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._opened = 0
        self._pause, self._reading_pause = _Pause(clock), _Pause(clock)
        self._fresh = False
        self._closed = False

    def change(self, work: Callable[[sqlite3.Connection, bool], None], *, durable: bool = False) -> bool:
        """Do `work` in one transaction; `durable`: it survives a power failure. False if nothing was changed.

        The second argument of `work` is whether the file was begun anew since the last change.
        """
        self._notice_removal()
        if self._closed or (self._connection is None and self._pause.lasts):
            return False
        for attempt in (1, 2):  # the second time in a new file, if the first one was damaged
            try:
                self._transaction(self._open(), work, durable=durable)
            except ERRORS as error:
                if not self._failed(error) or attempt == 2:
                    return False
            else:
                self._fresh = False
                self._recovered()
                return True
        return False

    def read(self, work: Callable[[sqlite3.Connection], Found]) -> Found | None:
        """The answer of `work`; None if the file cannot even be read."""
        self._notice_removal()
        if self._closed:
            return None
        for _ in (1, 2):  # the second time in a new file, which is empty
            try:
                if self._connection is not None or not self._pause.lasts:
                    return work(self._open())
            except ERRORS as error:
                if self._failed(error):
                    continue
            break
        return self._read_only(work)

    @property
    def is_fresh(self) -> bool:
        """Whether the file was begun anew, or replaced, since the last change."""
        return self._fresh

    def version(self, connection: sqlite3.Connection) -> object:
        """The same as long as no other process changes the file; None on a connection that is used once."""
        if connection is not self._connection:
            return None
        return self._opened, connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Let the file go."""
        self._closed = True
        self._let_go()

    def forget_pause(self) -> None:
        """Try at once, whatever happened."""
        self._pause.end()

    def _read_only(self, work: Callable[[sqlite3.Connection], Found]) -> Found | None:
        if self._reading_pause.lasts or not self._is_readable():
            return None
        connection = None
        try:
            require_trust(self.path, self._uid)
            connection = reader(self.path)
            require_known(connection, self.path)
            return work(connection)
        except ERRORS:
            self._reading_pause.begin()
            return None
        finally:
            if connection is not None:
                connection.close()

    def _is_readable(self) -> bool:
        """Whether what keeps the file from being written may let it be read."""
        return self.fault is None or self.fault.kind not in _UNREADABLE

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        make_directory(self.path)
        with alone(self.path.parent):  # nobody moves the file away between two of these steps
            self._fresh = prepare(self.path, self._uid) or self._fresh
            found = self.path.stat()
            self._inode = (found.st_dev, found.st_ino)
            connection = connected(self.path, "mode=rw")
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
        self.identity = f"{found.st_dev}:{found.st_ino}"
        self._connection = connection
        self._opened += 1
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        if require_known(connection, self.path) != VERSION:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, self.path)
        connection.execute("PRAGMA journal_size_limit = 4194304")
        require_sound(connection, self.path)

    def _transaction(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection, bool], None], *, durable: bool
    ) -> None:
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        begin(connection)
        try:
            work(connection, self._fresh)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise

    def _failed(self, error: Exception) -> bool:
        """Tell of it and let the file go; True if a new file took its place and it may be tried again."""
        fault = explained(error, self.path)
        self._let_go()
        if fault.kind is not FaultKind.DAMAGED:
            self._tell(fault)
        elif self._replaced(fault):
            return True
        self._pause.begin()
        return False

    def _replaced(self, fault: Fault) -> bool:
        """Whether the damaged file made way for a new one; says what becomes of it."""
        try:
            aside = move_aside(self.path, self._inode, self._clock())
        except OSError as error:
            self._tell(Fault(FaultKind.DAMAGED, f"{fault.text}; it cannot be moved aside: {error.strerror}; remove it"))
            return False
        where = f"kept as {aside}" if aside else "moved aside by another process"
        self._tell(Fault(FaultKind.DAMAGED, f"{fault.text}; {where}, and a new one begins, without the history so far"))
        self._fresh = True
        return True

    def _notice_removal(self) -> None:
        """A file that was removed or replaced while it is open takes writes that nobody will ever read."""
        if self._connection is None:
            return
        try:
            found = os.stat(self.path)  # noqa: PTH116 - at every call, and twice as fast
            there = (found.st_dev, found.st_ino)
        except OSError:
            there = (0, 0)
        if there != self._inode:
            self._let_go()
            self._fresh = True
            text = f"state {self.path}: it was removed or replaced while in use; what is there now is used"
            self._tell(Fault(FaultKind.REMOVED, text))

    def _let_go(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection, self.identity = None, None

    def _tell(self, fault: Fault) -> None:
        known = self.fault is not None and self.fault.kind is fault.kind
        self.fault = fault
        if not known:
            fields = {"state": str(self.path), "kind": fault.kind.value, "reason": fault.text}
            logger().error(Event.STATE_UNUSABLE, **fields)

    def _recovered(self) -> None:
        self._pause.end()
        self._reading_pause.end()
        if self.fault is not None:
            fields = {"state": str(self.path), "kind": self.fault.kind.value}
            logger().info(Event.STATE_RECOVERED, **fields, reason="the state can be read and written again")
            self.fault = None
