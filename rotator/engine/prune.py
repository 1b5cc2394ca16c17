"""Attended pruning: deletes what a person confirmed, one by one, each on a list of its own (S4)."""

from __future__ import annotations

from collections.abc import Collection

from rotator.engine.informed import paused
from rotator.engine.ledger import Ledger, Result
from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.pool import isolated
from rotator.engine.record import delete_recorded, intent_of, new_key
from rotator.engine.tell import tell_deleted
from rotator.errors import RotatorError
from rotator.model import Action, Id, Plan, Policy
from rotator.planner import prune_plan


def prune_server(
    api: SnapshotApi, ledger: Ledger, clock: Clock, policy: Policy, confirmed: Collection[Id]
) -> tuple[tuple[Action, ...], RotatorError | None]:
    """Delete what was confirmed and is still surplus by a fresh list, oldest first.

    Returns what was deleted, and the error that ended it, if one did.
    """
    pruning = _Pruning(api, ledger, clock, policy, confirmed)
    while True:
        step = isolated(lambda _: pruning.delete_next(), None)
        if isinstance(step, RotatorError):
            return tuple(pruning.done), step
        if step is None:
            return tuple(pruning.done), None


class _Pruning:
    def __init__(
        self, api: SnapshotApi, ledger: Ledger, clock: Clock, policy: Policy, confirmed: Collection[Id]
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._confirmed = confirmed
        self.done: list[Action] = []

    def delete_next(self) -> Action | None:
        """Delete the oldest that is left; None if there is none."""
        planned = self._planned()
        if planned is None:
            return None
        action = next((each for each in planned.actions if each.snapshot_id in self._confirmed), None)
        if action is None or action.snapshot_id is None:
            return None
        key = new_key()
        intent = intent_of(self._policy, planned, action, key, self._clock(), "prune")
        self._ledger.begin([intent])
        hold = self._ledger.holds().get(self._policy.server_id)
        if hold is not None:
            self._ledger.end(key, Result.NOT_SENT, self._clock())
            raise RotatorError(paused(hold))
        delete_recorded(self._api, self._ledger, self._clock, key, action.snapshot_id)
        tell_deleted(self._policy, action)
        self.done.append(action)
        return action

    def _planned(self) -> Plan | None:
        """What is surplus by a fresh list; None for a list that still shows what was deleted."""
        seen = observe_one(self._api, self._policy.server_id, self._clock)
        gone = {action.snapshot_id for action in self.done}
        if gone & {snapshot.id for snapshot in seen.snapshots}:
            return None
        return prune_plan(self._policy, seen, self._clock())
