"""The hold of one restore: short as long as nothing has begun, so that who is killed holds rotation off for minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from rotator.engine.informed import paused
from rotator.engine.ledger import Hold, Intent, Ledger
from rotator.engine.observe import Clock
from rotator.engine.record import new_key
from rotator.errors import RotatorError
from rotator.model import Id, Snapshot

LEASE = timedelta(minutes=5)
"""How long a hold lasts before the restore is asked for, unless it is renewed."""

RENEWAL = timedelta(minutes=1)

LONGEST = timedelta(hours=1)
"""How long rotation waits at most for a server to come back; the API document says 5 to 15 minutes."""


class Interlock(Ledger, Protocol):
    """What a restore needs of the ledger besides."""

    def hold(self, hold: Hold) -> bool:
        """Have rotation leave the server alone; False if that could not be written down."""
        ...

    def open_intents(self, server_id: Id) -> Sequence[Intent] | None:
        """Calls that another process is about to make, or makes; None if that cannot be known now."""
        ...


class Lease:
    """Rotation is held off one server, from `take` to `lift`."""

    def __init__(self, ledger: Interlock, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._hold: Hold | None = None

    def take(self, target: Snapshot) -> None:
        """Hold rotation off the server of `target`; RotatorError if that cannot be, or another restore goes on."""
        now = self._clock()
        before = self._ledger.holds().get(target.server_id)
        if before is not None:
            raise RotatorError(f"{paused(before)}; nothing was restored. `rotator status` shows when it is over")
        about = (target.server_id, target.server_name, target.id, target.name)
        hold = Hold(new_key(), *about, since=now, until=now + LEASE)
        if not self._ledger.hold(hold):
            raise RotatorError("rotation cannot be held off this server (see the log): nothing was restored")
        self._hold = hold

    def keep(self) -> None:
        """Renew it if it is time to; RotatorError if it is lost."""
        if self._hold and not self._hold.requested and self._clock() > self._hold.until - LEASE + RENEWAL:
            self.renew()

    def renew(self) -> None:
        """Hold rotation off for another while; RotatorError if the hold is lost."""
        now = self._clock()
        renewed = self._hold and replace(self._hold, until=now + LEASE)
        if self._hold is None or renewed is None or now >= self._hold.until or not self._ledger.hold(renewed):
            raise RotatorError("rotation is not held off this server any more (see the log): nothing was restored")
        self._hold = renewed

    def extend(self, *, requested: bool) -> bool:
        """The restore is about to begin, or has: hold rotation off for its whole time. False if that is lost.

        Once it was `requested`, whoever rotates lifts the hold when the API says that the restore is over.
        """
        if self._hold is None:
            return True
        now = self._clock()
        self._hold = replace(self._hold, since=now, until=now + LONGEST, requested=requested)
        return self._ledger.hold(self._hold)

    def lift(self) -> None:
        """Rotation may go on."""
        if self._hold is not None:
            self._ledger.lift(self._hold)
