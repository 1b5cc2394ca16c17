"""Builders of values, one fixed NOW, and what every test may use."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

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


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Tests go to the workers one by one; a file of `tests/system/` stays together, for what it needs starts slowly.

    Both files about systemd boot the same machine. (xdist's own groups have no effect with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith("tests/system/"):
            return nodeid
        return "systemd" if file.endswith(("/test_systemd.py", "/test_systemd_uses.py")) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """See `Scheduling`."""
    return Scheduling(config, log)
