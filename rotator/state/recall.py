"""What the rows of earlier calls mean for this process; reads only, and decides nothing about a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from rotator.engine.ledger import Attempt, Intent, Past, Result
from rotator.engine.memory import FORGOTTEN
from rotator.model import Cause, Id, Verb
from rotator.state.rows import OPEN_INTENTS, Row, id_text, intent_of, moment, stamp, stored_id

LOST = timedelta(minutes=15)
"""After so long nobody waits for the answer to a call any more."""

_ATTEMPTS_FROM = timedelta(days=7)

_FEWEST, _MOST = 3, 10
"""How many durations make one usual, and how many of the last are looked at."""

_LAST = """SELECT server_id, slot, result, coalesce(ended_at, at), at, attempt, detail, key, snapshot_id, max(number)
    FROM actions WHERE verb = ? AND {} GROUP BY server_id"""

_LAST_CREATES = _LAST.format(f"slot IS NOT NULL AND (result IS NULL OR result <> '{Result.NOT_SENT}')")

_LAST_DELETES = _LAST.format(f"snapshot_id IS NOT NULL AND result = '{Result.DONE}'")

_LAST_ROOMS = _LAST.format(
    f"cause = '{Cause.ROOM}' AND slot IS NOT NULL AND snapshot_id IS NOT NULL"
    f" AND (result IS NULL OR result <> '{Result.NOT_SENT}')"
)


def past(connection: sqlite3.Connection, now: datetime) -> Past:
    """What earlier processes left, as far as it matters at `now`.

    Of deletes only a confirmed one makes a list that still shows the snapshot doubtful. If one without an outcome was
    done, the worst is that the same snapshot is deleted again; if it was not, nothing waits for it.
    """
    attempts = _by_server(connection, _LAST_CREATES, Verb.CREATE)
    deletes = _by_server(connection, _LAST_DELETES, Verb.DELETE)
    rooms = _by_server(connection, _LAST_ROOMS, Verb.DELETE)
    return Past(
        {key: each for key, row in attempts.items() if (each := _attempt(row, now)) is not None},
        {
            key: (stored_id(row[8]), min(moment(row[3]), now))
            for key, row in deletes.items()
            if now - FORGOTTEN < min(moment(row[3]), now)
        },
        {key: (moment(row[1]), stored_id(row[8])) for key, row in rooms.items()},
    )


def _by_server(connection: sqlite3.Connection, query: str, verb: Verb) -> Mapping[Id, Row]:
    return {stored_id(row[0]): row for row in connection.execute(query, (verb.value,))}


def _attempt(row: Row, now: datetime) -> Attempt | None:
    """The attempt, unless it failed or is old. A clock that was ahead must not hold a slot up until its time comes."""
    _, slot, result, at, begun, attempt, detail, key, *_ = row
    stage = Result(result or Result.UNCERTAIN)
    reached, sent = min(moment(at), now), min(moment(begun), now)
    if stage is Result.FAILED or sent < now - _ATTEMPTS_FROM:
        return None
    return Attempt(moment(slot), stage, reached, sent, attempt, detail, key=key)


def usual(connection: sqlite3.Connection, server_id: Id) -> timedelta | None:
    """The median of the last durations of this server's snapshots; None while fewer than three are known."""
    query = """SELECT took FROM actions WHERE server_id = ? AND verb = ? AND took IS NOT NULL
        ORDER BY number DESC LIMIT ?"""
    rows = connection.execute(query, (id_text(server_id), Verb.CREATE.value, _MOST)).fetchall()
    return timedelta(microseconds=median(row[0] for row in rows)) if len(rows) >= _FEWEST else None


def open_intents(connection: sqlite3.Connection, server_id: Id, now: datetime) -> tuple[Intent, ...]:
    """The calls about this server that may be on their way now, oldest first."""
    rows = connection.execute(OPEN_INTENTS, (id_text(server_id), stamp(now - LOST)))
    return tuple(intent_of(row) for row in rows)
