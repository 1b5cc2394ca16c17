"""What several tests of the engine start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.hooked import Bench


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged, instead of a terminal full of it."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def bench(logs: list[Any]) -> Iterator[Bench]:
    """A server with hooks."""
    made = Bench()
    yield made
    made.shell.close()
