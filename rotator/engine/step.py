"""One server's part of a pass: what was seen and planned, and the one call to make now; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rotator.engine.memory import Permission
from rotator.engine.report import Finished
from rotator.model import Action, Cause, Observation, Plan, Policy


@dataclass(frozen=True, slots=True)
class Step:
    """A planned step for one server; `action` is None when there is nothing to call now."""

    policy: Policy
    observation: Observation
    plan: Plan
    permission: Permission
    action: Action | None
    requested: datetime | None = None
    key: str = ""
    """What the ledger knows the call by."""
    eta: datetime | None = None
    finished: Finished | None = None
    found: Action | None = None
    """A call of an earlier pass whose answer was lost, and which the list shows to have been taken in."""


def next_action(plan: Plan, permission: Permission) -> Action | None:
    """The first action of the plan; while its slot may not be asked for, only the deletes of failed snapshots.

    Making room waits with the create: nothing is deleted for a snapshot that will not be requested now. On a list that
    is known to be old, nothing is done at all.
    """
    cleanup = Cause.FAILED if permission.cleanup else None
    allowed = [each for each in plan.actions if permission.granted or each.cause is cleanup]
    return allowed[0] if allowed else None
