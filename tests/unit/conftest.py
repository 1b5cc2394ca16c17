"""What several tests of the engine start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from tests.hooked import Bench


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged, instead of a terminal full of it."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def bench(logs: list[Any]) -> Iterator[Bench]:
    """A server with hooks."""
    from tests.hooked import Bench  # not above: what breaks rotator has to break a test (tests/mutants.py), not pytest

    made = Bench()
    yield made
    made.shell.close()
