"""Attended pruning: deletes what a person confirmed, one by one, each on a list of its own (S4)."""

from __future__ import annotations

from collections.abc import Collection

from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.tell import server_fields
from rotator.logs import Event, logger
from rotator.model import Action, Id, Policy
from rotator.planner import prune_plan


def prune_server(api: SnapshotApi, clock: Clock, policy: Policy, confirmed: Collection[Id]) -> tuple[Action, ...]:
    """Delete what was confirmed and is still surplus by a fresh list, oldest first; returns what was deleted.

    Raises what the API raises; what was deleted before that is in the log.
    """
    done: list[Action] = []
    while (action := _next(api, clock, policy, confirmed, done)) and action.snapshot_id is not None:
        api.delete_snapshot(action.snapshot_id)
        done.append(action)
        fields = {"snapshot_id": action.snapshot_id, "snapshot": action.name, "reason": action.reason}
        logger().info(Event.SNAPSHOT_DELETED, **server_fields(policy), **fields)
    return tuple(done)


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
