"""Whether a hold may be written, and is in force: one restore of a server at a time, whoever asks; knows no file."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from rotator.engine.ledger import Hold
from rotator.state.fault import UNFIT
from rotator.state.rows import HOLDS, Change, Row, hold_of, hold_taken, id_text, stamp


def take(connection: sqlite3.Connection, hold: Hold, now: datetime) -> bool:
    """Write the hold in place of what was there; False if that is in force and has another key.

    Call it in a transaction that writes from its beginning, so that of two processes only one finds nothing there.
    """
    there = connection.execute(f"{HOLDS} WHERE server_id = ?", (id_text(hold.server_id),)).fetchall()
    if any(_is_of_another(row, hold, now) for row in there):
        return False
    change = hold_taken(hold)
    connection.execute(change.sql, change.values)
    return True


def _is_of_another(row: Row, hold: Hold, now: datetime) -> bool:
    try:
        found = hold_of(row)
    except UNFIT:
        return False  # it holds nothing, and must not keep a server from being restored for ever
    return found.key != hold.key and is_in_force(found, now)


def is_in_force(hold: Hold, now: datetime) -> bool:
    """Whether it holds at `now`; one that begins far ahead was written by a clock that was wrong."""
    return hold.since - (hold.until - hold.since) <= now < hold.until


def lifted(hold: Hold) -> Change:
    """The restore that wrote it is over; a hold of another one stays."""
    return Change("DELETE FROM holds WHERE server_id = ? AND key = ?", (id_text(hold.server_id), hold.key))


def expired(hold: Hold) -> Change:
    """Its time is up; if it was prolonged meanwhile, it stays."""
    values = (id_text(hold.server_id), hold.key, stamp(hold.until))
    return Change("DELETE FROM holds WHERE server_id = ? AND key = ? AND until = ?", values)
