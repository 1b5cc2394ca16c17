"""When the daemon checks in: when a round of snapshots begins and ends, when things change, and at every interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rotator.notify.alerts import elapsed
from rotator.notify.channels import Outlet, Ping

Send = Callable[[Outlet, Ping], None]


class Rounds:
    """A round lasts from the first call that changes something until no server waits for anything.

    While something is wrong, only the intervals count: a slot that is tried again and again is no news.
    """

    def __init__(self, send: Send, new_run: Callable[[], str], tail: Callable[[], str]) -> None:
        self._send = send
        self._new_run = new_run
        self._tail = tail
        self._outlets: Sequence[tuple[Outlet, timedelta]] = ()
        self._last: dict[Outlet, datetime] = {}
        self._run: str | None = None
        self._well: bool | None = None

    def reach(self, outlets: Sequence[tuple[Outlet, timedelta]]) -> None:
        """Check in there from now on."""
        self._outlets, self._last = outlets, {}

    def passed(self, now: datetime, *, acted: bool, busy: bool, is_well: Callable[[], bool | None]) -> None:
        """A pass is over; `is_well` answers None where it is not known, and is asked at the end of a round only."""
        if acted and self._run is None and self._well is not False:
            self._run = self._new_run()
            self._ping("start", now)
        if self._run is not None and not busy and (well := is_well()) is not None:
            self._tell(now, well=well)

    def woke(self, now: datetime, *, well: bool | None) -> None:
        """Time went by."""
        if well is None:
            return
        if well is not self._well and (self._run is None or not well):
            self._tell(now, well=well)
        for outlet, every in self._outlets:
            if self._run is None and (outlet not in self._last or elapsed(now, self._last[outlet], every)):
                self._send_to(outlet, now, *self._verdict(well=well))

    def _tell(self, now: datetime, *, well: bool) -> None:
        verb, text = self._verdict(well=well)
        self._ping(verb, now, text)
        self._run, self._well = None, well

    def _verdict(self, *, well: bool) -> tuple[str, str]:
        return ("", "all is well") if well else ("fail", self._tail())

    def _ping(self, verb: str, now: datetime, text: str = "") -> None:
        for outlet, _ in self._outlets:
            self._send_to(outlet, now, verb, text)

    def _send_to(self, outlet: Outlet, now: datetime, verb: str, text: str) -> None:
        if verb != "start":
            self._last[outlet] = now
        self._send(outlet, Ping(verb, self._run or self._new_run(), text))
