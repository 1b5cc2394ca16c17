"""Log lines about one server: which fields they carry, and which notice is which event."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from rotator.engine.memory import Told
from rotator.engine.report import Kind, Outcome
from rotator.logs import Event, is_silent, logger
from rotator.model import Action, Plan, Policy, Sign

_EVENTS = {
    Sign.FUTURE_SLOT: Event.CLOCK_SKEW,
    Sign.UNDATED: Event.SNAPSHOT_UNCLEAR,
    Sign.UNKNOWN_STATUS: Event.SNAPSHOT_UNCLEAR,
    Sign.DUPLICATE_SLOT: Event.SNAPSHOT_UNCLEAR,
    Sign.NAME_DIFFERS: Event.SERVER_NAME_DIFFERS,
    Sign.MISSED: Event.SLOT_MISSED,
    Sign.STUCK: Event.SNAPSHOT_STUCK,
    Sign.SLOW: Event.SNAPSHOT_STUCK,
    Sign.SQUEEZED: Event.ROTATION_SQUEEZED,
    Sign.HELD: Event.PRUNE_HELD,
    Sign.RESTORING: Event.ROTATION_PAUSED,
}

PROBLEMS = frozenset({Sign.STUCK, Sign.SLOW, Sign.HELD, Sign.UNKNOWN_STATUS})
"""Notices that make a run end with exit code 1; like everything that does, they are logged as errors."""

Condition = tuple[str, str]
"""An event and the words for it."""


def server_fields(policy: Policy) -> dict[str, object]:
    """The fields that every line about a server carries."""
    return {"server_id": policy.server_id, "server": policy.server, "policy": policy.name or None}


def tell_deleted(policy: Policy, action: Action) -> None:
    """Log a delete that the API confirmed."""
    fields = {"snapshot_id": action.snapshot_id, "snapshot": action.name, "reason": action.reason}
    logger().info(Event.SNAPSHOT_DELETED, **server_fields(policy), **fields)


def tell_plan(policy: Policy, plan: Plan, told: Told) -> None:
    """Log what is newly true of a server, before anything is done about it."""
    if is_silent():
        return
    conditions = {
        (_EVENTS[notice.sign].value, notice.text): logging.ERROR if notice.sign in PROBLEMS else logging.WARNING
        for notice in plan.notices
    }
    if plan.due and plan.slot is not None:
        due = f"slot {plan.slot:%Y-%m-%d %H:%M:%SZ} has no snapshot yet"
        conditions[Event.SLOT_DUE.value, due] = logging.INFO
    _tell("plan", policy, plan, conditions, told)


def tell_outcome(outcome: Outcome, told: Told) -> None:
    """Log a server that came to be blocked or failing."""
    if is_silent():
        return
    event = {Kind.BLOCKED: Event.ROTATION_BLOCKED, Kind.FAILED: Event.ROTATION_FAILED}.get(outcome.kind)
    conditions = {(event.value, outcome.reason): logging.ERROR} if event else {}
    _tell("outcome", outcome.policy, outcome.plan, conditions, told)


def _tell(topic: str, policy: Policy, plan: Plan | None, conditions: Mapping[Condition, int], told: Told) -> None:
    news = told.news(topic, policy.server_id, tuple(conditions))
    slot = plan.slot.isoformat() if plan and plan.slot else None
    for event, words in news:
        logger().log(conditions[event, words], event, **server_fields(policy), slot=slot, reason=words)
