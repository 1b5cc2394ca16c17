"""The benchmarks still work: all of them once, with small numbers, by the command that a reader types; and they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.__main__ import RESULTS, SECONDS, section
from tests.documented import ROOT, documented

COMMAND = documented("README.md", ".venv/bin/python -m benchmarks")


def test_every_benchmark_works_and_a_quick_run_leaves_the_results_alone() -> None:
    before = RESULTS.read_bytes() if RESULTS.exists() else None
    command = COMMAND.replace(".venv/bin/python", sys.executable).split()
    # To measure the coverage of every process would take longer than all they do.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    ran = subprocess.run(
        [*command, "--quick"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for name in SECONDS:
        assert f"\n{name}: " in f"\n{ran.stdout}"
    assert ran.stdout.endswith("; missed: none\n")
    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == before


def test_a_benchmark_that_takes_too_long_is_ended_with_all_it_started() -> None:
    ended = section("fleet", 0.5, quick=True)
    assert ended.trouble == "it took longer than 0.500 s"
    assert ended.missed
    assert processes_of("benchmarks.fleet") == []


def processes_of(module: str) -> list[int]:
    """Processes of this test that run the module; other people's may run it too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parents = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if module.encode() in words and parents in (os.getpid(), 1):
            found.append(int(folder.name))
    return found
