"""What can go wrong at a boundary: the names that keys are made of, and which of them fit a call."""

from __future__ import annotations

from datetime import timedelta

OTHER = "other"
"""No fault: the other machine goes on first."""

CRASH_BEFORE, CRASH_AFTER = "crash-before", "crash-after"
CRASHES = (CRASH_BEFORE, CRASH_AFTER)

PERSON_CREATES, PERSON_DELETES_NEWEST, PERSON_DELETES_OLDEST = (
    "person-creates", "person-deletes-newest", "person-deletes-oldest",
)  # fmt: skip

PERSON_REPLACES = "person-replaces"
"""Between two pages: the oldest goes, another one comes, and the count is the same."""

JUMPS = {
    "clock+90s": timedelta(seconds=90),
    "clock-90s": timedelta(seconds=-90),
    "clock+70m": timedelta(minutes=70),
    "clock-70m": timedelta(minutes=-70),
}

ANSWER_LOST = "answer-lost"
REQUEST_LOST = "request-lost"
NEVER_SENT = "never-sent"
ERROR_BEFORE, ERROR_AFTER = "5xx-before", "5xx-after"
BUSY = "429"
CUT = "cut"
TRUNCATED = "truncated"
MALFORMED = "malformed"

LOST = (REQUEST_LOST, ANSWER_LOST, NEVER_SENT, ERROR_BEFORE, ERROR_AFTER, BUSY, CUT)
"""The exchange fails, before or after the request was processed."""

SPOILT = (TRUNCATED, MALFORMED)
"""An answer comes that cannot be read; the request was processed."""

STALE, LAGGING, EMPTY = "stale", "lagging", "empty"
COUNT_WRONG, PAGE_LOST, WRONG_SERVER, MISSING = "count-wrong", "page-lost", "wrong-server", "server-missing"
DOWN = "down"

LIES = (STALE, LAGGING, EMPTY, COUNT_WRONG, PAGE_LOST, WRONG_SERVER)

SLOW = "slow"
"""Taken for stuck, and then it completes after all."""

ENDS = {"fails": "failed", "sticks": "stuck", "odd": "archived", SLOW: "completed"}
REFUSED = "refused"

PROCESSED = (ANSWER_LOST, ERROR_AFTER, CUT, *SPOILT)
"""After these the request has been processed; after the others of `LOST` it has not."""

_ANYWHERE = (*CRASHES, *JUMPS)

AT_LIST = (*_ANYWHERE, ANSWER_LOST, ERROR_BEFORE, BUSY, CUT, *SPOILT, *LIES, DOWN)
AT_CREATE = (*_ANYWHERE, *LOST, *SPOILT, REFUSED, *ENDS)
AT_DELETE = (*_ANYWHERE, *LOST)
AT_TURN = tuple(JUMPS)


def cost(name: str) -> int:
    """How many faults it counts as."""
    return 0 if name == OTHER else 1
