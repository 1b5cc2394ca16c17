"""What the rows of earlier calls mean for this process; reads only, and decides nothing about a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import TypeVar

from rotator.engine.ledger import Attempt, Intent, Past, Result
from rotator.engine.memory import FORGOTTEN
from rotator.model import Cause, Id, Verb
from rotator.state.legible import Legible
from rotator.state.rows import OPEN_INTENTS, Row, Uptime, id_text, intent_of, moment, stamp, stored_id, texts

Found = TypeVar("Found")

LOST = timedelta(minutes=15)
"""After so long nobody waits for the answer to a call any more."""

SKEW = timedelta(minutes=5)
"""How far clocks of processes may differ; what was begun later than that was begun by a clock that was wrong."""

_ATTEMPTS_FROM = timedelta(days=1)
"""How long it matters what was asked for before the machine was started, or on another that shares the file."""

_TICK = timedelta(microseconds=1)

_FEWEST, _MOST = 3, 10
"""How many durations make one usual, and how many of the last are looked at."""

_LAST = """SELECT key, server_id, slot, result, coalesce(ended_at, at), at, attempt, detail, snapshot_id,
    boot, uptime, max(number)
    FROM actions WHERE verb = ? AND {} GROUP BY server_id"""

# What failed took no slot, and what a person had made before a restore is of none: neither hides what came before.
_LAST_CREATES = _LAST.format(
    "slot IS NOT NULL AND by <> 'restore'"
    f" AND (result IS NULL OR result IN ('{Result.UNCERTAIN}', '{Result.SENT}', '{Result.COMPLETED}'))"
)

_LAST_DELETES = _LAST.format(f"snapshot_id IS NOT NULL AND result = '{Result.DONE}'")

_LAST_ROOMS = _LAST.format(
    f"cause = '{Cause.ROOM}' AND slot IS NOT NULL AND snapshot_id IS NOT NULL"
    f" AND (result IS NULL OR result <> '{Result.NOT_SENT}')"
)


def past(connection: sqlite3.Connection, legible: Legible, now: datetime, uptime: Uptime) -> Past:
    """What earlier processes left, as far as it matters at `now`.

    Of deletes only a confirmed one makes a list that still shows the snapshot doubtful. If one without an outcome was
    done, the worst is that the same snapshot is deleted again; if it was not, nothing waits for it.
    """

    def last(query: str, verb: Verb, value: Callable[[Row], Found]) -> dict[Id, Found]:
        rows = connection.execute(query, (verb.value,))
        return dict(legible.values("actions", rows, lambda row: (stored_id(row[1]), value(row))))

    attempts = last(_LAST_CREATES, Verb.CREATE, lambda row: _attempt(row, now, uptime))
    deletes = last(_LAST_DELETES, Verb.DELETE, lambda row: (stored_id(row[8]), _deleted_at(row, now, uptime)))
    rooms = last(_LAST_ROOMS, Verb.DELETE, lambda row: (moment(row[2]), stored_id(row[8])))
    return Past(
        {key: each for key, each in attempts.items() if each is not None},
        {key: (each, at) for key, (each, at) in deletes.items() if now - FORGOTTEN < at},
        rooms,
    )


def _attempt(row: Row, now: datetime, uptime: Uptime) -> Attempt | None:
    """The attempt of a row, if it still matters."""
    key, _, slot, result, _, begun, attempt, detail, *_ = row
    texts(key, detail)
    at = _reached(row, now, uptime)
    if at is None and moment(begun) < now - _ATTEMPTS_FROM:
        return None
    stage = Result(result or Result.UNCERTAIN)
    return Attempt(moment(slot), stage, at or now, min(moment(begun), now), int(attempt), detail, key=key)


def _deleted_at(row: Row, now: datetime, uptime: Uptime) -> datetime:
    """When the API confirmed a delete. A clock that was ahead must not hold a server up until its time comes."""
    return _reached(row, now, uptime) or min(moment(row[4]), now)


def _reached(row: Row, now: datetime, uptime: Uptime) -> datetime | None:
    """When the call of a row reached its stage; None if only a clock could say it, which may have been set since."""
    boot, stored = row[9:11]
    texts(boot)
    elapsed = uptime.since(boot, stored)
    return None if elapsed is None else now - elapsed


def usual(connection: sqlite3.Connection, legible: Legible, server_id: Id) -> timedelta | None:
    """The median of the last durations of this server's snapshots; None while fewer than three are known."""
    query = """SELECT key, took FROM actions WHERE server_id = ? AND verb = ? AND took IS NOT NULL
        ORDER BY number DESC LIMIT ?"""
    rows = connection.execute(query, (id_text(server_id), Verb.CREATE.value, _MOST))
    found = legible.values("actions", rows, lambda row: timedelta(microseconds=row[1]))
    return timedelta(microseconds=median(each / _TICK for each in found)) if len(found) >= _FEWEST else None


def open_intents(
    connection: sqlite3.Connection, legible: Legible, server_id: Id, now: datetime
) -> tuple[Intent, ...] | None:
    """The calls about this server that may be on their way now, oldest first; None if one of them cannot be read."""
    rows = connection.execute(OPEN_INTENTS, (id_text(server_id), stamp(now - LOST), stamp(now + SKEW))).fetchall()
    found = legible.values("actions", rows, intent_of)
    return tuple(found) if len(found) == len(rows) else None
