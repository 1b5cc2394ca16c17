"""Judges an outcome: what is wrong with a server, by kind and in words, and one word for how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.engine import Kind, Outcome
from rotator.model import Sign
from rotator.planner.census import FUTURE
from rotator.planner.words import instant
from rotator.slots import latest_slot
from rotator.standing.words import age

_MINUTE = timedelta(minutes=1)


class Trouble(StrEnum):
    """Kinds of trouble that a person is told about."""

    FAILING = "failing"
    """Its list, a call or its snapshots fail."""
    BLOCKED = "blocked"
    STUCK = "stuck"
    """A snapshot is in progress for far too long, or has a status that rotator does not know."""
    HELD = "held"
    """More is surplus than is pruned unattended."""
    STALE = "stale"
    """The newest restore point is older than it may be."""
    OVERDUE = "overdue"
    """A slot is due for long, and nothing takes it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One trouble of one server, in words."""

    trouble: Trouble
    text: str


_BY_SIGN = {
    Sign.STUCK: Trouble.STUCK,
    Sign.SLOW: Trouble.STUCK,
    Sign.UNKNOWN_STATUS: Trouble.STUCK,
    Sign.HELD: Trouble.HELD,
}
_BUSY = (Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN)
_BY_KIND = {Kind.BLOCKED: Trouble.BLOCKED, Kind.FAILED: Trouble.FAILING}


def restore_points(outcome: Outcome) -> tuple[datetime, ...]:
    """When each restore point of a server was taken, newest first; one that gives no time counts by its slot."""
    verdicts = outcome.plan.verdicts if outcome.plan else ()
    taken = (verdict.snapshot.created_at or verdict.slot for verdict in verdicts)
    return tuple(sorted((at for at in taken if at), reverse=True))


def last_slot(outcome: Outcome) -> datetime | None:
    """The slot of the newest restore point, without what a wrong clock dated ahead."""
    slots = [verdict.slot for verdict in (outcome.plan.verdicts if outcome.plan else ()) if verdict.slot]
    seen_at = outcome.observation.taken_at if outcome.observation else None
    return max((slot for slot in slots if seen_at is None or slot <= seen_at + FUTURE), default=None)


def is_stale(outcome: Outcome, now: datetime) -> str | None:
    """Why the newest restore point is too old, if it is: by `max_age`, else once two slots passed without one.

    Not while a new one is on its way or due: then there is another word for what is wrong.
    """
    policy, taken = outcome.policy, restore_points(outcome)
    if outcome.plan is None or outcome.plan.due or outcome.kind in _BUSY:
        return None
    if policy.max_age is not None:
        if taken and now - taken[0] <= policy.max_age:
            return None
        limit = f"max_age: {age(policy.max_age)}"
    else:
        reached = latest_slot(policy.schedule, now - policy.splay - policy.stuck_after)
        earlier = reached and latest_slot(policy.schedule, reached - _MINUTE)
        newest = last_slot(outcome)
        if earlier is None or (newest is not None and newest >= earlier):
            return None
        limit = "two slots passed without a new one"
    return f"the newest restore point is {age(now - taken[0])} old; {limit}" if taken else f"no restore point; {limit}"


def _overdue(outcome: Outcome, now: datetime) -> str | None:
    """A slot that is due for longer than a snapshot may take: nothing seems to run."""
    if outcome.plan is None or outcome.plan.slot is None or not outcome.plan.due or outcome.kind is not Kind.IDLE:
        return None
    late = now - outcome.plan.slot - outcome.policy.splay
    if late <= outcome.policy.stuck_after:
        return None
    return f"overdue: slot {instant(outcome.plan.slot)} is due since {age(late)} and not taken; does rotator run?"


def conditions(outcome: Outcome, now: datetime) -> tuple[Condition, ...]:
    """Everything that is wrong with the server itself; trouble of the whole account is in the report."""
    notices = outcome.plan.notices if outcome.plan else ()
    found = [
        (_BY_KIND.get(outcome.kind), outcome.reason),
        *((_BY_SIGN.get(notice.sign), notice.text) for notice in notices),
        (Trouble.OVERDUE, _overdue(outcome, now)),
        (Trouble.STALE, is_stale(outcome, now)),
    ]
    return tuple(Condition(trouble, text) for trouble, text in found if trouble and text)


def judged(outcome: Outcome, now: datetime) -> Outcome:
    """The outcome with everything that is wrong by now among its problems."""
    texts = (condition.text for condition in conditions(outcome, now))
    more = tuple(text for text in texts if text not in outcome.problems)
    return replace(outcome, problems=(*outcome.problems, *more))


def state(outcome: Outcome) -> str:
    """One word for how a judged server stands."""
    if outcome.plan is None or outcome.kind is not Kind.IDLE:
        return outcome.kind.value
    if outcome.plan.due:
        return "overdue" if outcome.problems else "due"
    return "attention" if outcome.problems else "ok"
