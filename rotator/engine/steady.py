"""A clock that goes on evenly while work is under way, whatever the machine's clock is set to meanwhile.

How long ago something was asked for must not depend on a clock that was set in between: a list that lags would be
taken for proof (S7). Slots are times of the machine's clock all the same, and so this one follows it between passes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

_UNSTEADY = timedelta(seconds=1)
"""What a clock may gain or lose between two looks without having been set: far less than any wait here."""


class SteadyClock:
    """The time of `wall` when it was last followed, and what `monotonic` counted since."""

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._anchor = [(wall(), monotonic())]
        """One pair, in a list that joined clocks share."""

    def __call__(self) -> datetime:
        """The time it is, aware and in UTC."""
        at, counted = self._anchor[0]
        return at + timedelta(seconds=self._monotonic() - counted)

    def follow(self) -> timedelta:
        """Go by the machine's clock again. How far that was set meanwhile: what was noted before has to move along."""
        before = self()
        self._anchor[0] = self._wall(), self._monotonic()
        jump = self._anchor[0][0] - before
        return jump if abs(jump) > _UNSTEADY else timedelta(0)

    def join(self, other: SteadyClock) -> None:
        """Be one clock with `other` from now on: whichever follows, both do."""
        self._anchor = other._anchor
