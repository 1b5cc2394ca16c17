"""How fast `rotator simulate` is: the real planner and engine on a virtual clock, from the command line.

The bound of the memory is for the whole process.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accounts import configuration
from benchmarks.fleet import NIGHTLY
from benchmarks.program import ROTATOR, Ran, ran
from benchmarks.result import Result, run


@dataclass(frozen=True, slots=True)
class Case:
    """A fleet to look into the future of, and what that may cost."""

    name: str
    policy: str
    servers: int
    days: int
    seconds: float
    memory_mb: float | None = None


CASES = (
    Case("1 server, hourly, 1 year", "schedule: hourly, keep: 4", 1, 365, 3),
    Case("1,000 servers, daily, 90 days", NIGHTLY, 1000, 90, 60, 300),
)
BEGIN = "2026-01-01"
QUICK = (Case("1 server, hourly, 1 day", "schedule: hourly, keep: 4", 1, 1, 3),)


def simulated(case: Case) -> Ran:
    """The command for one case; raises CalledProcessError if it finds a rule broken."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(configuration(case.policy, case.servers))
        return ran(
            [ROTATOR, "simulate", "-c", str(config), "--from", BEGIN, "--days", str(case.days), "--seed", "0", "--json"]
        )


def measure(quick: bool) -> Iterator[Result]:
    """The figures of each case."""
    for case in QUICK if quick else CASES:
        done = simulated(case)
        assert json.loads(done.output), "nothing was told"
        yield Result(f"{case.name}: time", done.wall, "s", case.seconds, note=f"{done.cpu:.1f} s of it CPU")
        yield Result(f"{case.name}: memory", done.memory_mb, "MB", case.memory_mb)


if __name__ == "__main__":
    run(__doc__, measure)
