"""How much is kept, and for how long; knows no value."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from rotator.state.rows import stamp

KEPT = timedelta(days=90)
"""How long an action is kept."""

MOST = 200_000
"""Actions that are kept, some 100 MB; 1,000 servers with daily snapshots make 180,000 in the 90 days."""

EVERY = timedelta(hours=6)
"""How often what is too old is removed, besides every start."""


def trim(connection: sqlite3.Connection, now: datetime) -> None:
    """Remove what is older than KEPT and more than MOST, and what nothing can come of any more."""
    # By the newest action too: a clock that runs years ahead for a moment must not cost the history.
    connection.execute(
        "DELETE FROM actions WHERE at < min(?, (SELECT max(at) FROM actions)) - ?",
        (stamp(now), KEPT // timedelta(microseconds=1)),
    )
    connection.execute("DELETE FROM actions WHERE number <= (SELECT max(number) FROM actions) - ?", (MOST,))
    connection.execute("DELETE FROM alerts WHERE told_at < ?", (stamp(now - KEPT),))
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(free):
        # Python's module takes one step of it only, which gives one page back.
        connection.execute("PRAGMA incremental_vacuum(1)")
