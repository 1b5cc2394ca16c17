"""Why a state cannot be used, in words with a remedy; knows the errors of SQLite and of the system, and no table."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FaultKind(StrEnum):
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
    BAD_ROW = "bad_row"


@dataclass(frozen=True, slots=True)
class Fault:
    """One condition; `text` names the place and the remedy."""

    kind: FaultKind
    text: str


class StateError(Exception):
    """The state cannot be used; does not leave this package."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


UNFIT = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What a value raises that no rotator writes."""

ERRORS = (sqlite3.Error, OSError, StateError, *UNFIT)
"""Everything that reading or writing a file of unknown content may raise."""

_DAMAGE = ("no such table", "no such column", "unsupported file format")

_REMEDIES = {
    FaultKind.LOCKED: "another process keeps it locked: end the program that holds it open (`fuser FILE` names it)",
    FaultKind.FULL: "the file system is full: make room",
    FaultKind.READ_ONLY: "it may not be written: make the directory writable for this user, or name another by "
    "--state-dir",
    FaultKind.DAMAGED: "it is damaged",
    FaultKind.BAD_ROW: "something in it was not written by rotator: move the file away while nothing runs",
    FaultKind.UNREADABLE: "check the directory and its file system, or name another by --state-dir",
}

_BY_CODE = {
    sqlite3.SQLITE_BUSY: FaultKind.LOCKED,
    sqlite3.SQLITE_LOCKED: FaultKind.LOCKED,
    sqlite3.SQLITE_FULL: FaultKind.FULL,
    sqlite3.SQLITE_READONLY: FaultKind.READ_ONLY,
    sqlite3.SQLITE_PERM: FaultKind.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: FaultKind.DAMAGED,
    sqlite3.SQLITE_NOTADB: FaultKind.DAMAGED,
}


def explained(error: Exception, path: Path) -> Fault:
    """What an error of ERRORS means for the state in `path`."""
    if isinstance(error, StateError):
        return error.fault
    kind = _kind(error, path)
    return Fault(kind, f"state {path}: {_REMEDIES[kind]} ({_words(error)})")


def _kind(error: Exception, path: Path) -> FaultKind:
    if isinstance(error, UNFIT):
        return FaultKind.BAD_ROW
    # SQLite gives these no code of their own. Nothing works with a file that lacks what its version promises.
    if isinstance(error, sqlite3.Error) and str(error).startswith(_DAMAGE):
        return FaultKind.DAMAGED
    # The primary code; an extended one has more above it.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    return _BY_CODE.get(code) or _kind_of_place(path.parent)


def _kind_of_place(directory: Path) -> FaultKind:
    """What SQLite's "disk I/O error" and "unable to open database file" do not say."""
    if _is_full(directory):
        return FaultKind.FULL
    return FaultKind.UNREADABLE if os.access(directory, os.W_OK) else FaultKind.READ_ONLY


def _is_full(directory: Path) -> bool:
    try:
        room = os.statvfs(directory)
    except OSError:
        return False
    return room.f_bavail == 0 or (room.f_files > 0 and room.f_ffree == 0)


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
