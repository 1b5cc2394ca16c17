"""The CPU and the calls of a daemon with 1,000 servers of which none is due: the real process against a sandbox."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from benchmarks.accounts import served
from benchmarks.program import ENVIRON, ROTATOR, cpu_seconds, memory_mb
from benchmarks.result import Result, run

SERVERS = 1000
SETTLING = 5.0
SECONDS = 40.0
"""Longer than the daemon ever sleeps, so that it wakes at least once."""
SHARE = 0.1


def measure(quick: bool) -> Iterator[Result]:
    """The figures after the first pass."""
    servers, settling, seconds = (5, 1.0, 0.5) if quick else (SERVERS, SETTLING, SECONDS)
    with served("schedule: monthly", servers) as account:
        command = [ROTATOR, "run", *account.own, "--log-level", "error"]
        with subprocess.Popen(command, env=ENVIRON, stderr=subprocess.DEVNULL) as process:
            time.sleep(settling)
            calls, begun = sum(account.requests().values()), cpu_seconds(process.pid)
            time.sleep(seconds)
            share = (cpu_seconds(process.pid) - begun) / seconds * 100
            calls, memory = sum(account.requests().values()) - calls, memory_mb(process.pid)
            process.terminate()
    yield Result(f"CPU, {servers:,} servers", share, "%", SHARE, note=f"{seconds:g} s")
    yield Result("calls of the API", calls, "", 0)
    yield Result("memory", memory, "MB")


if __name__ == "__main__":
    run(__doc__, measure)
