"""Variables that make a program's clock run faster; signals would not get past the `faketime` command."""

from __future__ import annotations

import subprocess
from functools import cache

from tests.components import clear_faketime, needs_component


def fast(times: int) -> dict[str, str]:
    """For a clock that runs so many times faster, waits included."""
    clear_faketime()
    return {"LD_PRELOAD": _library(), "FAKETIME": f"+0 x{times}"}


@cache
def _library() -> str:
    command = [needs_component("faketime"), "-f", "+0", "sh", "-c", 'printf %s "$LD_PRELOAD"']
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
