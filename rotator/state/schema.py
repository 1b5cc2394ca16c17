"""The tables, and how an older file becomes a newer one; knows no value that is kept in them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from rotator.state.fault import Fault, FaultKind, StateError

APPLICATION = 0x726F7461
"""Stands in the file's header, so that `file` and rotator tell it from other databases ("rota")."""

_FIRST = (
    """CREATE TABLE actions (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, server_id TEXT NOT NULL,
        server TEXT NOT NULL, policy TEXT NOT NULL, verb TEXT NOT NULL, cause TEXT NOT NULL, snapshot TEXT NOT NULL,
        reason TEXT NOT NULL, by TEXT NOT NULL, slot INTEGER, snapshot_id TEXT, attempt INTEGER NOT NULL,
        pass_id TEXT NOT NULL, result TEXT, ended_at INTEGER, took INTEGER,
        detail TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX actions_by_server ON actions (server_id, verb, number)",
    """CREATE TABLE debts (
        key TEXT PRIMARY KEY, server_id TEXT NOT NULL, server TEXT NOT NULL, policy TEXT NOT NULL,
        snapshot TEXT NOT NULL, slot INTEGER NOT NULL, command TEXT NOT NULL, timeout INTEGER NOT NULL,
        since INTEGER NOT NULL, until INTEGER NOT NULL, when_run TEXT NOT NULL,
        failed INTEGER NOT NULL)""",
    """CREATE TABLE holds (
        server_id TEXT PRIMARY KEY, key TEXT NOT NULL, server TEXT NOT NULL, snapshot_id TEXT NOT NULL,
        snapshot TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, requested INTEGER NOT NULL)""",
)

_SECOND = (
    """CREATE TABLE alerts (
        subject TEXT NOT NULL, trouble TEXT NOT NULL, text TEXT NOT NULL, since INTEGER NOT NULL,
        told_at INTEGER NOT NULL, PRIMARY KEY (subject, trouble))""",
    "CREATE INDEX actions_by_time ON actions (at, number)",
)

_THIRD = (
    "ALTER TABLE actions ADD COLUMN boot TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE actions ADD COLUMN uptime INTEGER NOT NULL DEFAULT 0",
)

MIGRATIONS = (_FIRST, _SECOND, _THIRD)
"""What leads from each version to the next; a new file goes through all of them. Never change one: add one."""

VERSION = len(MIGRATIONS)


def require_known(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file; StateError if it is of another program or of a newer rotator, which stay untouched."""
    version = _number(connection, "user_version")
    ours = _number(connection, "application_id") == APPLICATION
    if not ours and (version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()):
        text = f"state {path}: this is the database of another program: name another directory by --state-dir"
        raise StateError(Fault(FaultKind.FOREIGN, text))
    if version > VERSION:
        text = (
            f"state {path}: a newer rotator wrote it (version {version}, this one knows {VERSION}): install that "
            "rotator again, or move the file away"
        )
        raise StateError(Fault(FaultKind.NEWER, text))
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to VERSION in one transaction; another process may be about to do the same."""
    if require_known(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = require_known(connection, path)
        for statement in (statement for step in MIGRATIONS[version:] for statement in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """StateError if a page of the file is damaged: better found now than after more was written (50 ms for 50 MB)."""
    [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        raise StateError(Fault(FaultKind.DAMAGED, f"state {path}: it is damaged ({' '.join(found.split())})"))


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
