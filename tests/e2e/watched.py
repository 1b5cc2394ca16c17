"""Runs of the script under watch: how long, how much memory, and whether the token turned up anywhere at all."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.program import TOKEN, Finished, Program, Running

LONGEST = 40.0


@dataclass(frozen=True)
class Watched:
    """A run that ended; `peak` is its largest resident memory in bytes."""

    ran: Finished
    seconds: float
    peak: int

    @property
    def told(self) -> str:
        """What it said, as if it had not been wrapped."""
        return " ".join((self.ran.out + self.ran.err).split())


def watched(rotator: Program, home: Path, *arguments: str) -> Watched:
    """Run it to its end; the token is in no process list, stream or file but the token's own."""
    began = time.monotonic()
    running = rotator.start(*arguments)
    cmdline = Path(f"/proc/{running.pid}/cmdline").read_bytes() + Path(f"/proc/{running.pid}/environ").read_bytes()
    assert TOKEN.encode() not in cmdline
    peak = _reaped(running, began + LONGEST)
    seconds = time.monotonic() - began
    assert not places_of_the_token(home)
    return Watched(running.end(None), seconds, peak)


def _reaped(running: Running, deadline: float) -> int:
    """Wait for the end; the bytes of memory that it held at most.

    `ru_maxrss` of wait4(2) would count what this process held when it forked; the kernel's other record starts anew
    with the script, but is gone with it.
    """
    peak = 0
    while running.process.poll() is None:
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{running.pid}/status").read_text())
            peak = int(found[1]) * 1024 if found else peak  # a process that has ended has no such line
        if time.monotonic() > deadline:
            running.process.kill()
            raise AssertionError(f"no end within {LONGEST:g} s")
        time.sleep(0.01)
    return peak


def places_of_the_token(home: Path) -> list[Path]:
    """Files below `home` that hold the token and are not its own: logs, output, state, lock, core."""
    files = [path for path in home.rglob("*") if path.is_file() and path != home / "token"]
    return [path for path in files if TOKEN.encode() in path.read_bytes()]
