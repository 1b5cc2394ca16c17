"""Whether and when to ask again: pure decisions, so that every case is a row of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

TRIES = 4
"""How often one request is sent at most."""

LONGEST_WAIT = timedelta(seconds=30)
"""No `Retry-After` makes rotator wait longer than this; what is still refused then is left to a later pass."""

_FIRST_WAIT = timedelta(milliseconds=500)


def is_passing(status: int) -> bool:
    """Whether the status says "not now" and not "no"."""
    return status == 429 or 500 <= status <= 599


def wait_before(attempt: int, headers: Mapping[str, str], now: datetime, jitter: float) -> timedelta:
    """How long to wait before `attempt` (the second is 2): growing, or longer if the API asks for it, within bounds.

    `jitter` is a random number in [0, 1) from outside; it spreads the waits of many workers over half to all of them.
    """
    growing = _FIRST_WAIT * float(2 ** (attempt - 2)) * (0.5 + jitter / 2)
    asked = retry_after(headers.get("Retry-After"), now)
    return min(max(growing, asked or growing), LONGEST_WAIT)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """`Retry-After` in either form, seconds or an HTTP date (RFC 9110, 10.2.3); None if absent or unreadable."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return timedelta(seconds=min(int(value.strip()[:9]), 86_400))
    moment = http_date(value)
    return moment - now if moment else None


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware UTC datetime; None if absent or unreadable."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
