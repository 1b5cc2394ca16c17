"""Attended pruning: deletes what a person confirmed, one by one, each on a list of its own (S4)."""

from __future__ import annotations

from collections.abc import Collection

from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.pool import isolated
from rotator.engine.tell import tell_deleted
from rotator.errors import RotatorError
from rotator.model import Action, Id, Policy
from rotator.planner import prune_plan


def prune_server(
    api: SnapshotApi, clock: Clock, policy: Policy, confirmed: Collection[Id]
) -> tuple[tuple[Action, ...], RotatorError | None]:
    """Delete what was confirmed and is still surplus by a fresh list, oldest first.

    Returns what was deleted, and the error that ended it, if one did.
    """
    done: list[Action] = []
    while True:
        step = isolated(lambda _: _delete_next(api, clock, policy, confirmed, done), None)
        if isinstance(step, RotatorError):
            return tuple(done), step
        if step is None:
            return tuple(done), None
        done.append(step)


def _delete_next(
    api: SnapshotApi, clock: Clock, policy: Policy, confirmed: Collection[Id], done: Collection[Action]
) -> Action | None:
    action = _next(api, clock, policy, confirmed, done)
    if action is None or action.snapshot_id is None:
        return None
    api.delete_snapshot(action.snapshot_id)
    tell_deleted(policy, action)
    return action


def _next(
    api: SnapshotApi, clock: Clock, policy: Policy, confirmed: Collection[Id], done: Collection[Action]
) -> Action | None:
    """The oldest surplus restore point that was confirmed; one that a list still shows after its delete is not it."""
    seen = observe_one(api, policy.server_id, clock)
    gone = {action.snapshot_id for action in done}
    if gone & {snapshot.id for snapshot in seen.snapshots}:
        return None
    actions = prune_plan(policy, seen, clock()).actions
    return next((each for each in actions if each.snapshot_id in confirmed), None)
