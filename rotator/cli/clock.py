"""The clocks of the machine; everything below the command line gets them as arguments."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def clock() -> datetime:
    """The time it is, aware and in UTC."""
    return datetime.now(UTC)


def boottime() -> float:
    """Seconds that went by since the machine was started, sleep and all: `time.monotonic` stands still in its sleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
