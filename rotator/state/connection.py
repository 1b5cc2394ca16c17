"""Connections to a SQLite file, for writing and for reading only; knows no table and no fault."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

PATIENCE = 1.0
"""Seconds that a call waits for another process; rotation waits with it."""

_LOOK_AGAIN = 0.002


def connected(path: Path, options: str, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode; `options` are those of SQLite's file addresses."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        if readonly:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; also where the file system lets nobody write."""
    try:
        return connected(path, "mode=ro", readonly=True)
    except sqlite3.OperationalError as error:
        log = Path(f"{path}-wal")
        # SQLite wants to write beside the file unless told that nobody else does.
        refused = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not refused or not path.is_file() or (log.exists() and log.stat().st_size):
            raise
        return connected(path, "immutable=1", readonly=True)


def begin(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes; sqlite3.OperationalError if another process keeps the file for too long.

    SQLite itself looks again after ever longer waits, and may wait in vain beside a process that writes all the time.
    """
    deadline = time.monotonic() + PATIENCE
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while not _begun(connection, last=time.monotonic() >= deadline):
            time.sleep(_LOOK_AGAIN)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")


def _begun(connection: sqlite3.Connection, *, last: bool) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
