"""How long commands take to start, over bare Python doing the least they need.

The shortest of 21 starts each; all take turns, so that a busy moment hits all alike. The bound is `python -c pass`, or
the import of requests, structlog, yaml and pydantic for commands that use these.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.accounts import served
from benchmarks.fleet import NIGHTLY
from benchmarks.program import ENVIRON, ROTATOR
from benchmarks.result import Result, run

ROUNDS = 21
BARE = [sys.executable, "-c", "pass"]
IMPORTS = [sys.executable, "-c", "import requests, structlog, yaml, pydantic"]
SLOWER = 1.5


def least(commands: Sequence[Sequence[str]], rounds: int) -> list[float]:
    """The shortest wall time of each command, in milliseconds."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(rounds):
        for spans, command in zip(times, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(command, env=ENVIRON, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            spans.append((time.perf_counter() - begun) * 1000)
    return [min(spans) for spans in times]


def measure(quick: bool) -> Iterator[Result]:
    """The figures of four commands."""
    with served(NIGHTLY, 3) as account:
        commands = (
            [ROTATOR, "--version"],
            [ROTATOR, "--help"],
            [ROTATOR, "check", "-c", str(account.config)],
            [ROTATOR, "once", *account.own],
        )
        bare, imports, *rotators = least((BARE, IMPORTS, *commands), 1 if quick else ROUNDS)
    version, helped, checked, once = rotators
    yield Result("`rotator --version`", version, "ms", bare, SLOWER)
    yield Result("`rotator --help`", helped, "ms", note="it makes the whole parser")
    yield Result("`rotator check`, 3 servers", checked, "ms", imports, SLOWER)
    yield Result("`rotator once`, 3 servers, nothing due", once, "ms", imports, SLOWER)


if __name__ == "__main__":
    run(__doc__, measure)
