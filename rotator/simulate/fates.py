"""What became of every slot: from the lives of a server's snapshots, after the simulation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rotator.engine import RETRY_DELAYS
from rotator.model import Policy
from rotator.simulate.story import Fate, Life, SlotFate
from rotator.slots import latest_slot, next_slot

ON_TIME = timedelta(minutes=1)
"""A slot whose restore point was asked for later than this was caught up."""


def calendar(policy: Policy, begun: datetime, ended: datetime) -> Iterator[datetime]:
    """The slots that the policy reaches from `begun` until before `ended`, in order.

    The first is the one before `begun`, which rotator catches up when it starts, unless `grace` is over by then.
    """
    first = latest_slot(policy.schedule, begun - policy.splay)
    if first is not None and not is_over_before(policy, first, begun):
        yield first
    slot = next_slot(policy.schedule, begun - policy.splay)
    while slot is not None and slot + policy.splay < ended:
        yield slot
        slot = next_slot(policy.schedule, slot)


def is_over_before(policy: Policy, slot: datetime, begun: datetime) -> bool:
    """Whether the slot's `grace` was over before `begun`, so that nobody could take it from then on."""
    return policy.grace is not None and begun - slot - policy.splay > policy.grace


def fates(policy: Policy, lives: Sequence[Life], begun: datetime, ended: datetime) -> tuple[SlotFate, ...]:
    """The fate of every slot of the calendar."""
    tries: dict[datetime, list[Life]] = {}
    for life in lives:
        if life.slot is not None:
            tries.setdefault(life.slot, []).append(life)
    slots = list(calendar(policy, begun, ended))
    return tuple(
        SlotFate(slot, _fate(policy, slot, tries.get(slot, ()), begun, ended if slot == slots[-1] else None))
        for slot in slots
    )


def _fate(policy: Policy, slot: datetime, tries: Sequence[Life], begun: datetime, ended: datetime | None) -> Fate:
    """`ended` is the end of the simulation for the last slot, which nothing has come in the place of; else None."""
    points = [life for life in tries if life.ready is not None]
    if points:
        could = max(slot + policy.splay, begun)
        return Fate.TAKEN if points[0].born - could <= ON_TIME else Fate.LATE
    if any(life.status == "in_progress" for life in tries):
        return Fate.OPEN
    if ended is None or len(tries) > len(RETRY_DELAYS) or is_over_before(policy, slot, ended):
        return Fate.MISSED
    return Fate.OPEN
