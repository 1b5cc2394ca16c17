"""24 hours of a daemon under scrapes and page loads, on a clock that jumps, in a process of its own.

How long everything takes is for `benchmarks/day.py`, which lives the same life: here are counts and sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.day import HOURS, MEMORY_MB, PAGE_BYTES, WARM
from benchmarks.life import FAULTS
from benchmarks.visitors import DOCUMENTS, PAGES, SCRAPE
from tests.documented import ROOT

SERVERS = 150
ROUNDS = HOURS * 6 - 1  # one every 10 minutes, and none at the end
GROWTH_MB = 7
"""Half of it is what so many servers come to have: their last actions, and the cache of SQLite."""


@pytest.fixture(scope="module")
def day() -> Any:
    command = [sys.executable, "-m", "benchmarks.life", "--servers", str(SERVERS), "--hours", str(HOURS)]
    # To measure the coverage would take three times as long, and memory that is not the daemon's.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    finished = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return json.loads(finished.stdout)


def at_hour(day: Any, number: int) -> Any:
    [found] = [each for each in day["readings"] if each["hour"] == number]
    return found


def test_every_server_is_rotated_at_each_of_its_slots_and_nothing_is_reported_amiss(day: Any) -> None:
    events = day["events"]
    assert events["snapshot_completed"] >= 3 * SERVERS
    assert events["snapshot_deleted"] >= events["snapshot_completed"] - SERVERS
    assert events["config_loaded"] == 1 + HOURS // 6
    assert {event for event in FAULTS if event in events} == set()


def test_every_request_was_answered(day: Any) -> None:
    asked = {path: day["requests"][path] for path in (SCRAPE, *DOCUMENTS)}
    assert set(asked.values()) == {ROUNDS}
    assert sum(day["requests"][path] for path in PAGES) == ROUNDS


@pytest.mark.parametrize("what", ["threads", "files"])
def test_neither_threads_nor_descriptors_grow(day: Any, what: str) -> None:
    assert at_hour(day, HOURS)[what] <= at_hour(day, WARM)[what]


def test_memory_stays_within_its_bound_and_hardly_grows(day: Any) -> None:
    warm, last = at_hour(day, WARM)["memory_mb"], at_hour(day, HOURS)["memory_mb"]
    assert last <= MEMORY_MB
    assert last - warm <= GROWTH_MB


def test_the_log_beside_the_state_does_not_pile_up(day: Any) -> None:
    assert at_hour(day, HOURS)["log_bytes"] <= 8_000_000


def test_a_page_keeps_its_size_with_the_actions_of_a_day(day: Any) -> None:
    assert 10_000 < max(day["sizes"][path] for path in PAGES) <= PAGE_BYTES


def test_a_scrape_has_every_server_once(day: Any) -> None:
    assert 50_000 < day["sizes"][SCRAPE] < SERVERS * 2_000
