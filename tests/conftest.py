"""Builders of values, one fixed NOW, and what every test may use."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import settings

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

# For hours instead of seconds: `HYPOTHESIS_PROFILE=long pytest tests/property/test_histories.py`
settings.register_profile("long", max_examples=2000, stateful_step_count=60, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_LONG = ("tests/exploration/", "tests/system/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--replay KEY`: one path of the exploration, alone (`tests/exploration/`)."""
    parser.addoption("--replay", metavar="KEY", help="run this one path of the exploration alone, and tell it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a key, nothing else runs. What takes long begins first, so that all workers end at about the same time."""
    items.sort(key=lambda each: not each.nodeid.startswith(_LONG))
    if config.getoption("--replay"):
        items[:] = [each for each in items if each.name == "test_the_path_of_the_command_line"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto` is two for each core: most of these tests wait, for programs, sockets and timers."""
    return 2 * len(os.sched_getaffinity(0))
