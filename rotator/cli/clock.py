"""The wall clock; everything below the command line gets it as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def clock() -> datetime:
    """The time it is, aware and in UTC."""
    return datetime.now(UTC)
