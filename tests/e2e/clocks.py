"""Variables that set a program's clock, or make it run faster; signals would not get past the `faketime` command."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from functools import cache

from tests.components import clear_faketime, needs_component


def ahead(later: timedelta) -> dict[str, str]:
    """For a clock that is ahead."""
    return _set(f"+{later.total_seconds():.0f}")


def fast(times: int) -> dict[str, str]:
    """For a clock that runs so many times faster, waits included."""
    return _set(f"+0 x{times}")


def _set(clock: str) -> dict[str, str]:
    clear_faketime()
    return {"LD_PRELOAD": _library(), "FAKETIME": clock}


@cache
def _library() -> str:
    command = [needs_component("faketime"), "-f", "+0", "sh", "-c", 'printf %s "$LD_PRELOAD"']
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
