"""Runs every benchmark, one after the other, and writes `benchmarks/RESULTS.md`; ends with 1 if a limit is missed.

    python -m benchmarks [--only NAME ...] [--quick]

It takes less than 10 minutes and wants a machine with 2 cores that has nothing else to do. `--only` and `--quick` only
print what they find.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

from benchmarks.machine import facts, others, used
from benchmarks.report import Section, document
from benchmarks.result import Result, number

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"

SECONDS = {
    "fleet": 60,
    "baseline": 200,
    "startup": 30,
    "idle": 60,
    "year": 75,
    "day": 90,
    "simulation": 90,
    "planner": 5,
    "page": 30,
    "scrape": 10,
}
"""The benchmarks, and what each may take. One that takes longer is ended and counts as missed."""

MOST_SECONDS = 600
"""What all may take together."""

QUIET = 0.05
"""If other programs have a larger share of the CPU, times are not to be trusted."""


def section(name: str, seconds: float, *, quick: bool) -> Section:
    """Run one benchmark in a process group of its own, and print what it finds as it comes."""
    text = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())) or ""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *(["--quick"] if quick else [])]
    results, begun = [], time.monotonic()
    with subprocess.Popen(
        command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        watch = Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        for line in process.stdout or ():
            results.append(Result(**json.loads(line)))
            print(f"{name}: {results[-1].line()}", flush=True)
        watch.cancel()
    print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
    return Section(name, text, tuple(results), _trouble(process.returncode, results, seconds))


def _trouble(code: int, results: Sequence[Result], seconds: float) -> str:
    """Why a benchmark came to no end, in words; nothing if it did, whatever it found."""
    if code == -signal.SIGKILL:
        return f"it took longer than {number(seconds)} s"
    judged = results and code == (0 if all(each.kept for each in results) else 1)
    return "" if judged else f"it ended with {code} after {len(results)} figures"


def sections(names: Sequence[str], *, quick: bool) -> list[Section]:
    """One benchmark after the other, so that none disturbs another; quick ones have nothing that could be disturbed."""
    deadline = time.monotonic() + MOST_SECONDS

    def one(name: str) -> Section:
        return section(name, min(SECONDS[name], deadline - time.monotonic()), quick=quick)

    with ThreadPoolExecutor(len(names) if quick else 1) as turns:
        return list(turns.map(one, names))


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=SECONDS, metavar="NAME", help=", ".join(SECONDS))
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works; nothing is judged")
    chosen = parser.parse_args()
    begun, before = datetime.now(UTC), used()
    found = sections(chosen.only or list(SECONDS), quick=chosen.quick)
    minutes, share = (datetime.now(UTC) - begun).total_seconds() / 60, others(before, used())
    missed = [name for each in found for name in each.missed]
    print(f"{minutes:.1f} minutes; missed: {', '.join(missed) or 'none'}")
    if share > QUIET and not chosen.quick:
        print(f"Other programs had {share:.0%} of the CPU meanwhile: times are not to be trusted.")
    if not chosen.only and not chosen.quick:
        RESULTS.write_text(document(facts(), begun, minutes, share, found), encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
