"""Why a state cannot be used, in words with a remedy; knows the errors of SQLite and of the system, and no table."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What is the matter; a condition is told once as long as its kind stays the same."""

    LOCKED = "locked"
    FULL = "full"
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    NEWER = "newer"
    FOREIGN = "foreign"
    UNTRUSTED = "untrusted"
    REMOVED = "removed"
    NO_PLACE = "no_place"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One condition; `text` names the place and the remedy."""

    kind: Kind
    text: str


class StateError(Exception):
    """The state cannot be used; does not leave this package."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


_UNFIT = (ValueError, TypeError, LookupError, ArithmeticError)

ERRORS = (sqlite3.Error, OSError, StateError, *_UNFIT)
"""Everything that reading or writing a file of unknown content may raise."""

_DAMAGE = ("no such table", "no such column", "unsupported file format")

_REMEDIES = {
    Kind.LOCKED: "another process keeps it locked: end the program that holds it open (`fuser FILE` names it)",
    Kind.FULL: "the file system is full: make room",
    Kind.READ_ONLY: "it may not be written: make the directory writable for this user, or name another by --state-dir",
    Kind.DAMAGED: "it is damaged",
    Kind.UNREADABLE: "check the directory and its file system, or name another by --state-dir",
}

_BY_CODE = {
    sqlite3.SQLITE_BUSY: Kind.LOCKED,
    sqlite3.SQLITE_LOCKED: Kind.LOCKED,
    sqlite3.SQLITE_FULL: Kind.FULL,
    sqlite3.SQLITE_READONLY: Kind.READ_ONLY,
    sqlite3.SQLITE_PERM: Kind.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Kind.DAMAGED,
    sqlite3.SQLITE_NOTADB: Kind.DAMAGED,
}


def explained(error: Exception, path: Path) -> Trouble:
    """What an error of ERRORS means for the state in `path`."""
    if isinstance(error, StateError):
        return error.trouble
    kind = _kind(error, path)
    return Trouble(kind, f"state {path}: {_REMEDIES[kind]} ({_words(error)})")


def _kind(error: Exception, path: Path) -> Kind:
    # A row that no rotator writes like this, or a table that its version promises and that is not there.
    if isinstance(error, _UNFIT) or str(error).startswith(_DAMAGE):
        return Kind.DAMAGED
    # The primary code; an extended one has more above it.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return _BY_CODE.get(code) or _kind_of_place(path.parent)


def _kind_of_place(directory: Path) -> Kind:
    """What SQLite's "disk I/O error" and "unable to open database file" do not say."""
    if _is_full(directory):
        return Kind.FULL
    return Kind.UNREADABLE if os.access(directory, os.W_OK) else Kind.READ_ONLY


def _is_full(directory: Path) -> bool:
    try:
        room = os.statvfs(directory)
    except OSError:
        return False
    return room.f_bavail == 0 or (room.f_files > 0 and room.f_ffree == 0)


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
