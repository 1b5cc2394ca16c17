"""Programs of the system that some tests run against."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_component(program: str) -> str:
    """The path of `program`; without it the test is skipped, and under CI=true it fails."""
    if path := shutil.which(program):
        return path
    reason = f"the program {program!r} is not installed (see CONTRIBUTING.md)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
