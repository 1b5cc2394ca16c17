"""Judges an outcome: what is wrong with a server, by kind and in words, and one word for how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from operator import itemgetter

from rotator.engine import Kind, Outcome
from rotator.model import Sign, Verdict
from rotator.planner import as_owned
from rotator.planner.census import FUTURE
from rotator.planner.words import instant
from rotator.slots import next_slot
from rotator.standing.words import age


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
_OVERDUE = "overdue: "
"""What begins the words of that trouble, and of no other."""

_BY_KIND = {Kind.BLOCKED: Trouble.BLOCKED, Kind.FAILED: Trouble.FAILING}


def dated_points(outcome: Outcome) -> list[tuple[datetime, Verdict]]:
    """The restore points with when they were taken, oldest first; one that gives no time counts by its slot.

    A time that a wrong clock dated ahead says nothing of an age: it does not count.
    """
    verdicts = outcome.plan.verdicts if outcome.plan else ()
    times = ((_not_ahead(outcome, verdict.snapshot.created_at, verdict.slot), verdict) for verdict in verdicts)
    return sorted(((at[0], verdict) for at, verdict in times if at), key=itemgetter(0))


def restore_points(outcome: Outcome) -> tuple[datetime, ...]:
    """When each restore point of a server was taken, newest first."""
    return tuple(at for at, _ in reversed(dated_points(outcome)))


def last_slot(outcome: Outcome) -> datetime | None:
    """The slot of the newest restore point, without what a wrong clock dated ahead."""
    verdicts = outcome.plan.verdicts if outcome.plan else ()
    return max(_not_ahead(outcome, *(verdict.slot for verdict in verdicts)), default=None)


def _not_ahead(outcome: Outcome, *moments: datetime | None) -> list[datetime]:
    """Those that were no future when the list was asked for."""
    seen_at = outcome.observation.taken_at if outcome.observation else None
    return [each for each in moments if each and (seen_at is None or each <= seen_at + FUTURE)]


def stale_after(outcome: Outcome) -> datetime | None:
    """When the newest restore point is too old unless a newer one comes; None if there is none.

    By `max_age`; else the second slot after its own, with the time that a snapshot may take.
    """
    policy, taken = outcome.policy, restore_points(outcome)
    if not taken:
        return None
    if policy.max_age is not None:
        return taken[0] + policy.max_age
    first = next_slot(policy.schedule, last_slot(outcome) or taken[0])
    second = first and next_slot(policy.schedule, first)
    return second and second + policy.splay + policy.stuck_after


def why_stale(outcome: Outcome, now: datetime) -> str | None:
    """Why the newest restore point is too old, if it is, or that there is none.

    Not while a new one is on its way or due: then there is another word for what is wrong.
    """
    policy, taken = outcome.policy, restore_points(outcome)
    if outcome.plan is None or outcome.plan.due or outcome.kind.is_busy:
        return None
    limit = f"max_age: {age(policy.max_age)}" if policy.max_age else "two slots passed without a new one"
    if not taken:
        return f"no restore point; {limit}"
    until = stale_after(outcome)
    return f"the newest restore point is {age(now - taken[0])} old; {limit}" if until and now > until else None


def _overdue(outcome: Outcome, now: datetime) -> str | None:
    """A slot that is due for longer than a snapshot may take: nothing seems to run."""
    if outcome.plan is None or outcome.plan.slot is None or not outcome.plan.due or outcome.kind is not Kind.IDLE:
        return None
    late = now - outcome.plan.slot - outcome.policy.splay
    if late <= outcome.policy.stuck_after:
        return None
    if not _has_own(outcome):
        return f"{_OVERDUE}no snapshot yet; run `rotator once`, or start the daemon"
    slot = instant(outcome.plan.slot)
    return f"{_OVERDUE}slot {slot} has been due for {age(late)} and is not taken; does rotator run?"


def _has_own(outcome: Outcome) -> bool:
    """Whether any snapshot is rotator's own, in whatever state."""
    seen = outcome.observation.snapshots if outcome.observation else ()
    return any(as_owned(outcome.policy, each) for each in seen)


def conditions(outcome: Outcome, now: datetime) -> tuple[Condition, ...]:
    """Everything that is wrong with the server itself; trouble of the whole account is in the report."""
    notices = outcome.plan.notices if outcome.plan else ()
    found = [
        (_BY_KIND.get(outcome.kind), outcome.reason),
        *((_BY_SIGN.get(notice.sign), notice.text) for notice in notices),
        (Trouble.OVERDUE, _overdue(outcome, now)),
        (Trouble.STALE, why_stale(outcome, now)),
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
    if any(problem.startswith(_OVERDUE) for problem in outcome.problems):
        return "overdue"
    if outcome.problems:
        return "attention"
    return "due" if outcome.plan.due else "ok"
