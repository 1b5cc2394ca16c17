"""Sorts the snapshots of one server into what the rules tell apart: owned or foreign, proven or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rotator.model import CAP, Observation, Policy, Snapshot, State
from rotator.naming import is_adopted, slot_in_name

FUTURE = timedelta(minutes=5)
"""A slot further ahead of the clock than this is a clock fault, not a slot."""

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Owned:
    """An owned snapshot and its slot: stated by its name, or its creation time if adopted (None if undated)."""

    snapshot: Snapshot
    slot: datetime | None


@dataclass(frozen=True, slots=True)
class Census:
    """The snapshots of one server by what may be done with them; everything oldest first."""

    points: tuple[Owned, ...]
    """Restore points with a credible slot: the only ones that retention counts and that may be pruned."""
    doubtful: tuple[Owned, ...]
    """Restore points dated in the future or not at all: never deleted (S5), never counted."""
    failed: tuple[Owned, ...]
    """Owned, failed and credibly dated: cleaned up."""
    unfinished: tuple[Owned, ...]
    """Owned and in progress."""
    unknown: tuple[Owned, ...]
    """Owned, of a status rotator does not know: never deleted (S3), but the slot counts as taken (S7)."""
    future: tuple[Owned, ...]
    """Owned, whatever the status, with a slot in the future."""
    undated: tuple[Owned, ...]
    """Owned, whatever the status, without a slot."""
    foreign: tuple[Snapshot, ...]
    """Everything else: capacity, never prey (S2)."""
    pending: tuple[Snapshot, ...]
    """In progress, owned or foreign, for no longer than `stuck_after`: wait for it."""
    stuck: tuple[Snapshot, ...]
    """In progress for longer than that."""
    ageless: tuple[Snapshot, ...]
    """In progress with no creation time, so that nobody can tell whether it is stuck."""
    room: int
    """Cap minus every snapshot there is."""

    def holds(self, slot: datetime, now: datetime) -> bool:
        """Whether an owned snapshot that is not known to have failed has `slot` or a later one."""
        live = (*self.points, *self.unfinished, *self.unknown)
        return any(owned.slot is not None and slot <= owned.slot <= now + FUTURE for owned in live)

    def is_failing(self) -> bool:
        """Whether two snapshots in a row have not become restore points: then no third costs one."""
        newest = self.points[-1].slot if self.points else None
        stuck = (owned for owned in self.unfinished if owned.snapshot in self.stuck)
        later = [each for each in (*stuck, *self.unknown) if each.slot and newest and each.slot > newest]
        return len(later) >= 2

    def proves(self, slot: datetime | None) -> bool:
        """Whether a restore point of `slot` or a later one is complete."""
        return slot is None or any(owned.slot is not None and owned.slot >= slot for owned in self.points)


def take_census(policy: Policy, observation: Observation, now: datetime) -> Census:
    """Every snapshot lands in the groups it belongs to, whatever order the list had."""
    snapshots = sorted(observation.snapshots, key=lambda snapshot: (snapshot.created_at or _NEVER, str(snapshot.id)))
    claims = [as_owned(policy, snapshot) for snapshot in snapshots]
    owned = sorted([claim for claim in claims if claim], key=lambda each: each.slot or _NEVER)
    ahead = now + FUTURE
    sure = [each for each in owned if each.slot is not None and each.slot <= ahead]
    unsure = [each for each in owned if each.slot is None or each.slot > ahead]
    running = [(each, _age(each, now)) for each in snapshots if each.state is State.IN_PROGRESS]
    # Tuples of lists, not of generators, which take longer: this is done for every look of every server.
    return Census(
        points=_those(State.COMPLETED, sure),
        doubtful=_those(State.COMPLETED, unsure),
        failed=_those(State.FAILED, sure),
        unfinished=_those(State.IN_PROGRESS, owned),
        unknown=_those(State.UNKNOWN, owned),
        future=tuple([each for each in unsure if each.slot is not None]),
        undated=tuple([each for each in unsure if each.slot is None]),
        foreign=tuple([snapshot for snapshot, claim in zip(snapshots, claims, strict=True) if not claim]),
        pending=tuple([each for each, age in running if age is not None and age <= policy.stuck_after]),
        stuck=tuple([each for each, age in running if age is not None and age > policy.stuck_after]),
        ageless=tuple([each for each, age in running if age is None]),
        room=CAP - len(snapshots),
    )


def as_owned(policy: Policy, snapshot: Snapshot) -> Owned | None:
    """The snapshot as one that the policy made or adopted; None if it is foreign.

    Owned means: server id equal, and the whole name stated a slot behind the policy's prefix or matched a pattern (S2).
    """
    if snapshot.server_id != policy.server_id:
        return None
    slot = slot_in_name(policy.prefix, snapshot.name)
    if slot is None and not is_adopted(policy.adopt, snapshot.name):
        return None
    return Owned(snapshot, slot or snapshot.created_at)


def _those(state: State, among: Sequence[Owned]) -> tuple[Owned, ...]:
    return tuple([each for each in among if each.snapshot.state is state])


def _age(snapshot: Snapshot, now: datetime) -> timedelta | None:
    """How long it has been in progress; nothing yet where a clock is wrong, None where the API gave no time."""
    return None if snapshot.created_at is None else max(now - snapshot.created_at, timedelta(0))
