"""Programs of the system that some tests run against."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def needs_component(program: str) -> str:
    """The path of `program`; without it the test is skipped, and under CI=true it fails."""
    return shutil.which(program) or missing(f"the program {program!r} is not installed (see CONTRIBUTING.md)")


def needs_root() -> None:
    """For tests that mount, or that run another init system."""
    if os.geteuid() != 0:
        missing("needs root")


def missing(reason: str) -> NoReturn:
    """Skip for this reason; under CI=true fail, so that nothing is left out without anybody noticing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def clear_faketime() -> None:
    """Remove what a faketime that was killed left behind: one that gets the same process id could not start."""
    for left in Path("/dev/shm").glob("*faketime_s*_*"):
        pid = left.name.rpartition("_")[2]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            left.unlink(missing_ok=True)
