"""A clock that goes on evenly, whatever the machine's clock is set to, and follows that when told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rotator.engine.steady import SteadyClock
from tests.conftest import NOW

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Time:
    """Both clocks of a machine."""

    def __init__(self) -> None:
        self.passed = timedelta(0)
        self.set_by = timedelta(0)

    def wall(self) -> datetime:
        return NOW + self.passed + self.set_by

    def monotonic(self) -> float:
        return 77.0 + self.passed.total_seconds()


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_it_goes_on_evenly_until_it_is_told_to_follow(jump: timedelta) -> None:
    time = Time()
    clock = SteadyClock(time.wall, time.monotonic)
    time.passed, time.set_by = 5 * SECOND, jump
    assert clock() == NOW + 5 * SECOND
    assert clock.follow() == jump
    assert clock() == NOW + 5 * SECOND + jump
    assert clock.follow() == timedelta(0)


def test_joined_clocks_follow_together() -> None:
    time = Time()
    first, second = SteadyClock(time.wall, time.monotonic), SteadyClock(time.wall, time.monotonic)
    second.join(first)
    time.set_by = HOUR
    assert second.follow() == HOUR
    assert (first(), first.follow()) == (NOW + HOUR, timedelta(0))


def test_a_clock_that_is_a_little_fast_was_not_set() -> None:
    time = Time()
    clock = SteadyClock(time.wall, time.monotonic)
    time.set_by = SECOND
    assert clock.follow() == timedelta(0)
    assert clock() == NOW + SECOND, "it is followed all the same"
    time.set_by = 2 * SECOND + timedelta(microseconds=1)
    assert clock.follow() == SECOND + timedelta(microseconds=1)
