"""The clocks of the machine; everything below the command line gets them as arguments."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.state import Uptime

_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another text after every start of the machine; see `man 4 random`."""


def clock() -> datetime:
    """The time it is, aware and in UTC."""
    return datetime.now(UTC)


def boottime() -> float:
    """Seconds that went by since the machine was started, sleep and all: `time.monotonic` stands still in its sleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def uptime() -> Uptime:
    """How long this machine has run since which start; its `boot` is empty where the kernel does not say it."""
    from rotator.state import Uptime

    boot = ""
    with suppress(OSError, UnicodeError):
        boot = _BOOT.read_text(encoding="ascii").strip()
    return Uptime(boot, boottime())
