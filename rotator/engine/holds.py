"""Servers that a person restores: rotation leaves them alone until the server is no longer `restoring`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from rotator.engine.ledger import Hold, Ledger
from rotator.engine.observe import Clock, SnapshotApi
from rotator.engine.pool import Circuit, Workers
from rotator.logs import Event, logger
from rotator.model import Id

RESTORING = "restoring"
"""The API's word for a server that is being overwritten (VPS.org API document)."""

SETTLE = timedelta(minutes=1)
"""How long the API may take to show that word."""


class Holds:
    """The holds of an account, as of the last look."""

    def __init__(self, api: SnapshotApi, clock: Clock, ledger: Ledger) -> None:
        self._api = api
        self._clock = clock
        self._ledger = ledger
        self._now: Mapping[Id, Hold] = {}

    def take_over(self, other: Holds) -> None:
        """Go on where the engine of an earlier configuration stopped."""
        self._now = other._now

    def of(self, server_id: Id) -> Hold | None:
        """The hold on a server, if there is one."""
        return self._now.get(server_id)

    def read(self) -> None:
        """Look what the ledger says."""
        self._now = self._ledger.holds()

    def refresh(self, pool: Workers) -> None:
        """Look, lift the holds of servers whose restore is over by what the API says, and tell which are over."""
        before = self._now
        self.read()
        if any(hold.requested for hold in self._now.values()):
            [statuses] = pool.each(lambda _: self._statuses(), [None], Circuit())
            if isinstance(statuses, dict):
                self._lift(statuses)
                self.read()
        for hold in (hold for server_id, hold in before.items() if server_id not in self._now):
            self._tell_end(hold)

    def _tell_end(self, hold: Hold) -> None:
        over = "the restore is over, or was called off: rotation goes on"
        expired = "a restore takes longer than it may: rotation goes on without waiting for its end"
        logger().info(
            Event.ROTATION_RESUMED,
            server_id=hold.server_id,
            server=hold.server,
            snapshot_id=hold.snapshot_id,
            snapshot=hold.snapshot,
            reason=expired if self._clock() >= hold.until else over,
        )

    def _statuses(self) -> dict[Id, str]:
        return {server.id: server.status for server in self._api.servers()}

    def _lift(self, statuses: Mapping[Id, str]) -> None:
        for server_id, hold in self._now.items():
            settled = self._clock() - hold.since > SETTLE
            if hold.requested and settled and statuses.get(server_id, RESTORING) != RESTORING:
                self._ledger.lift(hold)
