"""The plan of one server: is a slot due, is there room, what goes; decided on one complete list and one `now`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from rotator.model import Action, Cause, Id, Keep, Observation, Plan, Policy, Snapshot, Verb, Verdict
from rotator.naming import snapshot_name
from rotator.planner.census import Census, Owned, take_census
from rotator.planner.notices import MOST_SURPLUS, held, missed, notices_of
from rotator.planner.words import holders, instant, since
from rotator.retention import KeepReason, Point, kept
from rotator.slots import latest_slot, next_slot


@dataclass(frozen=True, slots=True)
class _Future:
    """The restore points as they will be once the due slot is taken, and what the keep rules say of them."""

    points: tuple[Owned, ...]
    reasons: Mapping[Id, KeepReason]
    surplus: tuple[Owned, ...]


@dataclass(frozen=True, slots=True)
class _Room:
    """What has to go before the due slot can be taken; `victim` is the restore point among it."""

    deletes: tuple[Action, ...] = ()
    victim: Owned | None = None
    blocked: str | None = None


def plan(policy: Policy, observation: Observation, now: datetime, requested: datetime | None = None) -> Plan:
    """The ordered actions for one server, each with its reason.

    Guarantees, whatever the list and the clock: every delete is of an owned snapshot that failed or is a restore
    point (S2, S3); no delete leaves fewer than `min_keep` restore points (S1); the newest restore point and those
    dated in the future or not at all stay (S5); restore points go only after a newer one is complete, except one
    to make room (S6); a create comes only when the list leaves room (S8). `requested`, to the second, replaces the
    scheduled slot.
    """
    census = take_census(policy, observation, now)
    slot = requested or latest_slot(policy.schedule, now - policy.splay)
    untaken = None if slot is None or census.holds(slot, now) else slot
    due = None if untaken and requested is None and _is_too_late(policy, untaken, now) else untaken
    notices = [*notices_of(policy, observation, census)]
    if untaken and not due and policy.grace is not None:
        notices.append(missed(untaken, policy.grace))
    wanted = _future(policy, census.points, due)
    room = _room(policy, census, wanted, due) if due and not (census.pending or census.ageless) else _Room()
    blocked = _ageless(census) or room.blocked
    future = _future(policy, census.points, None) if blocked else _without(room.victim, policy, wanted, due)
    create = _create(policy, due, "is due" if requested is None else "was asked for") if due else None
    actions = () if census.ageless else _actions(policy, census, future, room, create, proven=census.proves(slot))
    if len(future.surplus) > MOST_SURPLUS:
        notices.append(held(len(future.surplus)))
    return Plan(
        server_id=policy.server_id,
        server=policy.server,
        slot=slot,
        due=due is not None,
        next_slot=next_slot(policy.schedule, now - policy.splay),
        actions=actions,
        verdicts=_verdicts(policy, census, future, actions),
        notices=tuple(notices),
        waiting=_waiting(census),
        blocked=blocked,
    )


def prune_plan(policy: Policy, observation: Observation, now: datetime) -> Plan:
    """Every restore point that the keep rules give up, oldest first, for a person to confirm.

    Creates nothing; S1 to S5 hold as in `plan`, only the limit on unattended pruning (S11) does not apply.
    """
    census = take_census(policy, observation, now)
    future = _future(policy, census.points, None)
    actions = () if census.pending or census.ageless else _surplus_deletes(policy, future)
    return Plan(
        server_id=policy.server_id,
        server=policy.server,
        slot=latest_slot(policy.schedule, now - policy.splay),
        due=False,
        next_slot=next_slot(policy.schedule, now - policy.splay),
        actions=actions,
        verdicts=_verdicts(policy, census, future, actions),
        notices=tuple(notices_of(policy, observation, census)),
        waiting=_waiting(census),
        blocked=_ageless(census),
    )


def _is_too_late(policy: Policy, slot: datetime, now: datetime) -> bool:
    return policy.grace is not None and now - slot - policy.splay > policy.grace


def _actions(
    policy: Policy, census: Census, future: _Future, room: _Room, create: Action | None, *, proven: bool
) -> tuple[Action, ...]:
    """The ordered actions: what makes room, the create, then what is no longer wanted."""
    cleanup = _failed_deletes(census.failed)
    if census.pending:
        return ()
    if room.blocked is not None:
        return cleanup
    pruning = _surplus_deletes(policy, future) if len(future.surplus) <= MOST_SURPLUS else ()
    if create is None:
        return (*cleanup, *(pruning if proven else ()))
    return (*room.deletes, create, *pruning, *(action for action in cleanup if action not in room.deletes))


def _create(policy: Policy, due: datetime, why: str) -> Action:
    return Action(Verb.CREATE, Cause.SLOT, snapshot_name(policy.prefix, due), f"slot {instant(due)} {why}")


def _room(policy: Policy, census: Census, wanted: _Future, due: datetime) -> _Room:
    """The deletes without which the due slot cannot be taken: failed snapshots first, then one restore point."""
    same_slot = _failed_deletes(tuple(each for each in census.failed if each.slot == due))
    others = [action for action in _failed_deletes(census.failed) if action not in same_slot]
    lacking = 1 - census.room - len(same_slot)
    deletes = (*same_slot, *others[: max(lacking, 0)])
    lacking = 1 - census.room - len(deletes)
    if lacking <= 0:
        return _Room(deletes)
    victim = _victim(policy, census, wanted) if lacking == 1 else None
    if victim is None:
        return _Room(blocked=holders(census, policy))
    return _Room((*deletes, _room_delete(victim, wanted, snapshot_name(policy.prefix, due))), victim)


def _ageless(census: Census) -> str | None:
    if not census.ageless:
        return None
    return f"{since(census.ageless[0])}, so nobody can tell when it will end; delete it by hand if it is dead"


def _future(policy: Policy, present: Sequence[Owned], due: datetime | None) -> _Future:
    """What the keep rules say once `due`, if any, is complete. `present` is in order, also within a slot."""
    points = (*present, *([_expected(policy, due)] if due else []))
    wanted = _wanted(tuple([each.slot for each in points]), policy.keep, policy.schedule.timezone)
    reasons = {points[place].snapshot.id: why for place, why in wanted}
    return _Future(points, reasons, tuple([each for each in points[:-1] if each.snapshot.id not in reasons]))


@lru_cache(maxsize=1024)
def _wanted(slots: tuple[datetime | None, ...], keep: Keep, timezone: str) -> tuple[tuple[int, KeepReason], ...]:
    """The places of the slots that the keep rules want: worked out once for all servers of the same schedule."""
    points = (Point(slot, place) for place, slot in enumerate(slots) if slot)
    return tuple((int(point.key), why) for point, why in kept(points, keep, timezone).items())


def _without(victim: Owned | None, policy: Policy, wanted: _Future, due: datetime | None) -> _Future:
    """The future once `victim` is gone; what no rule wanted changes nothing for the others."""
    if victim is None:
        return wanted
    left = tuple(each for each in wanted.points if each is not victim)
    if victim.snapshot.id in wanted.reasons:
        return _future(policy, left[:-1], due)
    return replace(wanted, points=left, surplus=tuple(each for each in wanted.surplus if each is not victim))


def _expected(policy: Policy, due: datetime) -> Owned:
    """The restore point that the due slot will be."""
    name = snapshot_name(policy.prefix, due)
    return Owned(Snapshot("", policy.server_id, policy.server, name, "completed", None), due)


def _failed_deletes(failed: Sequence[Owned]) -> tuple[Action, ...]:
    reason = "it failed, so it is no restore point and only takes room"
    return tuple(_delete(each, Cause.FAILED, reason) for each in failed)


def _surplus_deletes(policy: Policy, future: _Future) -> tuple[Action, ...]:
    """Deletes of what no keep rule wants, oldest first, never the newest, never below `min_keep`."""
    spare = max(len(future.points) - policy.min_keep, 0)
    return tuple(
        _delete(each, Cause.SURPLUS, f"no rule of keep: {policy.keep} wants it") for each in future.surplus[:spare]
    )


def _delete(owned: Owned, cause: Cause, reason: str) -> Action:
    return Action(Verb.DELETE, cause, owned.snapshot.name, reason, owned.snapshot.id)


def _victim(policy: Policy, census: Census, future: _Future) -> Owned | None:
    """The one restore point that makes room; None if that would break `min_keep` or take the newest."""
    candidates = census.points[:-1]
    if len(census.points) - 1 < policy.min_keep or not candidates or census.is_failing():
        return None
    surplus = [each for each in candidates if each.snapshot.id not in future.reasons]
    return surplus[0] if surplus else _least_missed(candidates, future)


def _least_missed(candidates: Sequence[Owned], future: _Future) -> Owned:
    """The oldest of the finest rule that keeps more than one, so that the reach of the coarser rules survives."""
    tiers = [[id_ for id_, why in future.reasons.items() if why.rule == rule] for rule in Keep().counts()]
    deletable = [(len(ids) > 1, [each for each in candidates if each.snapshot.id in ids]) for ids in tiers]
    several = [members for more, members in deletable if more and members]
    return (several or [members for _, members in deletable if members])[0][0]


def _room_delete(victim: Owned, future: _Future, name: str) -> Action:
    why = future.reasons.get(victim.snapshot.id)
    rule = f"of what {why.rule} keeps it is missed least" if why else "no keep rule wants it once the new one is there"
    return _delete(victim, Cause.ROOM, f"makes room for {name}: every place is taken, and {rule}")


def _waiting(census: Census) -> str | None:
    return since(census.pending[0]) if census.pending else None


def _verdicts(policy: Policy, census: Census, future: _Future, actions: Sequence[Action]) -> tuple[Verdict, ...]:
    """Why every owned restore point stays or goes; oldest first."""
    going = {action.snapshot_id: action.reason for action in actions if action.verb is Verb.DELETE}
    unsure = "dated in the future or not at all: never deleted"
    return (
        *[_verdict(each, policy, future, going.get(each.snapshot.id)) for each in census.points],
        *[Verdict(each.snapshot, each.slot, (unsure,)) for each in census.doubtful],
    )


def _verdict(owned: Owned, policy: Policy, future: _Future, prune_reason: str | None) -> Verdict:
    keep_reasons = () if prune_reason else (_why_kept(owned, policy, future),)
    return Verdict(owned.snapshot, owned.slot, keep_reasons, prune_reason)


def _why_kept(owned: Owned, policy: Policy, future: _Future) -> str:
    if owned.snapshot.id in future.reasons:
        return str(future.reasons[owned.snapshot.id])
    if len(future.surplus) > MOST_SURPLUS:
        return "surplus, held for `rotator prune`"
    if owned in future.surplus[: max(len(future.points) - policy.min_keep, 0)]:
        return "surplus, but stays until the latest slot has its restore point"
    return f"surplus, but stays for min_keep: {policy.min_keep}"
