"""`python -m tests.exploration`: explores the full product of worlds, or those named, in several processes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.exploration.explore import Explorer, Found
from tests.exploration.pair import system_of
from tests.exploration.quiet import quiet
from tests.exploration.totals import PAGED, PATHS
from tests.exploration.worlds import covering, every_world, world_named

MOST_IN_PAGES = 2
"""With three, two readings of a list may agree on what never was: see `lists.py`."""


def explored(name: str, faults: int) -> Found:
    """The paths of the world of that name with at most so many faults, with two at most where lists come in pages."""
    world = world_named(name)
    with quiet():
        return Explorer(system_of(world)).explore(min(faults, MOST_IN_PAGES) if world.page else faults)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 if a rule was broken on any path."""
    parser = argparse.ArgumentParser(prog="python -m tests.exploration", description=__doc__)
    parser.add_argument(
        "--faults",
        type=int,
        default=2,
        help="at most so many on a path, two at most where lists come in pages (default: 2)",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument(
        "--worlds",
        choices=("ci", "covering", "all", "pairs"),
        default="all",
        help="ci: those of the tests; covering: every two values of two parameters together; all: the full product; "
        "pairs: the full product for two machines (default: all)",
    )
    parser.add_argument("world", nargs="*", help="or the names of worlds, such as s1-t2-k4-m1-f0-full-run")
    asked = parser.parse_args(arguments)
    return _explore(asked.world or _names(asked.worlds), asked.faults, asked.jobs)


def _names(worlds: str) -> list[str]:
    if worlds == "ci":
        return list(dict.fromkeys(name for name, _ in (*PATHS, *PAGED)))
    if worlds == "covering":
        return [world.name for world in covering(every_world())]
    return [world.name for world in every_world(("pair",) if worlds == "pairs" else ("run", "cron"))]


def _explore(names: Sequence[str], faults: int, jobs: int) -> int:
    began, paths, runs, broken = time.monotonic(), 0, 0, 0
    with ProcessPoolExecutor(jobs) as pool:
        waiting = {pool.submit(explored, name, faults): name for name in names}
        for done, each in enumerate(as_completed(waiting), start=1):
            found = each.result()
            paths, runs, broken = paths + found.paths, runs + found.runs, broken + len(found.violations)
            seconds = time.monotonic() - began
            said = f"{done}/{len(names)} worlds, {seconds:.0f} s: {waiting[each]}: {found.paths:,} paths"
            print(f"{said}, {found.runs:,} turns run; {paths:,} paths in all, {broken} broken rules", flush=True)
            for key, why in found.violations.items():
                print(f"  {why}\n    pytest --replay '{key}'", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
