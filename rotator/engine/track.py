"""Follows the snapshots that were asked for through the lists: adopted, completed or failed, each told once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rotator.engine.ledger import Attempt, Result
from rotator.engine.memory import Attempts
from rotator.engine.report import Finished
from rotator.engine.tell import server_fields
from rotator.logs import Event, is_silent, logger
from rotator.model import Action, Cause, Observation, Plan, Policy, Snapshot, State, Verb
from rotator.naming import snapshot_name

_FOUND = "in progress already when first seen"

_BEST_FIRST = (State.COMPLETED, State.IN_PROGRESS, State.UNKNOWN, State.FAILED)


@dataclass(frozen=True, slots=True)
class News:
    """What a list shows of the attempt: that it came to an end, or that a call whose answer was lost was taken in."""

    finished: Finished | None = None
    found: Action | None = None
    missing: bool = False
    """Whether it does not show what was asked for last and has no result yet."""


def track(attempts: Attempts, policy: Policy, plan: Plan, observation: Observation, now: datetime) -> News:
    """Compare the last attempt, or the current slot where this process made none, with what the list shows."""
    attempt = attempts.last(policy.server_id)
    open_ = attempt is not None and attempt.stage in (Result.SENT, Result.UNCERTAIN)
    slot = attempt.slot if attempt is not None and open_ else plan.slot
    shown = _shown(policy, slot, observation)
    if slot is None or shown is None:
        return News(missing=open_)
    if attempt is None or attempt.slot != slot:
        if shown.state is State.IN_PROGRESS:
            attempts.meet(policy.server_id, slot, now, begun=shown.created_at or now)
            _log(Event.SNAPSHOT_CREATED, policy, shown, slot, adopted=True, reason=_FOUND)
        return News()
    return _advanced(attempts, policy, attempt, shown, now) if open_ else News()


def _shown(policy: Policy, slot: datetime | None, observation: Observation) -> Snapshot | None:
    """The snapshot of `slot` in the list; if there are several, the one that got furthest."""
    name = slot and snapshot_name(policy.prefix, slot)
    found = [each for each in observation.snapshots if each.name == name and each.server_id == policy.server_id]
    return min(found, key=lambda each: _BEST_FIRST.index(each.state), default=None)


def _advanced(attempts: Attempts, policy: Policy, attempt: Attempt, shown: Snapshot, now: datetime) -> News:
    found = None
    if attempt.stage is Result.UNCERTAIN and shown.state is not State.FAILED:
        attempts.move(policy.server_id, attempt, Result.SENT, now, snapshot_id=shown.id)
        reason = "its answer was lost, but it was created"
        _log(Event.SNAPSHOT_CREATED, policy, shown, attempt.slot, adopted=True, reason=reason)
        found = Action(Verb.CREATE, Cause.SLOT, shown.name, reason, shown.id) if attempt.watched else None
    elif shown.state is State.IN_PROGRESS and not (attempt.watched or attempt.adopted):
        attempts.adopt(policy.server_id, attempt)
        _log(Event.SNAPSHOT_CREATED, policy, shown, attempt.slot, adopted=True, reason=_FOUND)
    return News(_finished(attempts, policy, attempt, shown, now), found)


def _finished(attempts: Attempts, policy: Policy, attempt: Attempt, shown: Snapshot, now: datetime) -> Finished | None:
    took = now - attempt.begun
    duration = round(took.total_seconds(), 3)
    known = took if attempt.watched else None
    if shown.state is State.COMPLETED:
        attempts.move(policy.server_id, attempt, Result.COMPLETED, now, snapshot_id=shown.id)
        _log(Event.SNAPSHOT_COMPLETED, policy, shown, attempt.slot, duration_s=duration)
        return Finished(shown.name, ok=True, duration=known)
    if shown.state is State.FAILED:
        reason = f"snapshot {shown.name} ended with status {shown.status!r}"
        attempts.move(policy.server_id, attempt, Result.FAILED, now, reason, snapshot_id=shown.id)
        fields = {"duration_s": duration, "attempt": attempt.tries, "reason": reason}
        _log(Event.SNAPSHOT_FAILED, policy, shown, attempt.slot, **fields)
        return Finished(shown.name, ok=False, duration=known)
    return None


def _log(event: Event, policy: Policy, snapshot: Snapshot, slot: datetime, **fields: object) -> None:
    if is_silent():
        return
    say = logger().error if event is Event.SNAPSHOT_FAILED else logger().info
    say(
        event,
        **server_fields(policy),
        slot=slot.isoformat(),
        snapshot_id=snapshot.id,
        snapshot=snapshot.name,
        **fields,
    )
