"""A server's snapshots as one letter each, in the order in which they were made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rotator.model import Policy, Snapshot, State
from rotator.planner import as_owned

_LETTERS = {State.COMPLETED: "R", State.IN_PROGRESS: "P", State.FAILED: "X", State.UNKNOWN: "?"}
_NEVER = datetime.max.replace(tzinfo=UTC)


def letter(policy: Policy, snapshot: Snapshot) -> str:
    """What a snapshot is: a restore point (R), in progress, failed, of unknown status, or not ours (F)."""
    if snapshot.state is State.COMPLETED and not as_owned(policy, snapshot):
        return "F"
    return _LETTERS[snapshot.state]


def oldest_first(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """By creation time; those that have none come last."""
    return sorted(snapshots, key=lambda each: each.created_at or _NEVER)
