"""The safety rules S1 to S8, asserted at the very call: by what is really there, and by what its sender was shown.

Shares nothing with the planner that follows the rules but the schedule's slots, so that a fault there shows here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from rotator.model import CAP, Policy, Snapshot, State
from rotator.slots import latest_slot

FRESH = timedelta(seconds=60)
"""How old the list may be that a delete is decided on (S4)."""

FUTURE = timedelta(minutes=5)
"""A slot further ahead of the clock than this is a clock fault (S5)."""


class RuleBrokenError(BaseException):
    """A call that a safety rule forbids; no `Exception`, because the engine isolates and survives all of those."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the last list said of one server: when it was answered, how many rows; `stale` once a call changed it."""

    at: datetime
    rows: int
    stale: bool = False


def judge_create(name: str, there: Sequence[Snapshot], shown: Shown | None) -> None:
    """Raise RuleBrokenError if `name` must not be created on the server that holds `there`."""
    twins = [each for each in there if each.name == name and each.state is not State.FAILED]
    if twins:
        raise RuleBrokenError(f"S7 once: create {name}: there is one")
    if shown is None or shown.rows >= CAP:
        raise RuleBrokenError(f"S8 cap: create {name}: the list shows no room")
    if shown.stale:
        raise RuleBrokenError(f"S4 fresh proof: create {name}: no list since a change")


def judge_delete(
    policy: Policy, target: Snapshot, there: Sequence[Snapshot], shown: Shown | None, now: datetime
) -> None:
    """Raise RuleBrokenError if `target`, one of `there`, must not be deleted now."""
    what = f"delete {target.name} ({target.status})"
    if shown is None or shown.stale or now - shown.at > FRESH:
        raise RuleBrokenError(f"S4 fresh proof: {what}: no fresh list")
    if not is_owned(policy, target):
        raise RuleBrokenError(f"S2 foreign: {what}: it is foreign")
    if target.state not in (State.COMPLETED, State.FAILED):
        raise RuleBrokenError(f"S3 unfinished: {what}")
    slot = slot_of(policy, target)
    if slot is None or slot > now + FUTURE:
        raise RuleBrokenError(f"S5 policy: {what}: future or undated")
    if target.state is State.COMPLETED:
        _judge_restore_point(policy, target, slot, there, shown, now)


def _judge_restore_point(
    policy: Policy, target: Snapshot, slot: datetime, there: Sequence[Snapshot], shown: Shown, now: datetime
) -> None:
    rest = (each for each in there if each.id != target.id and is_owned(policy, each))
    others = [each for each in rest if each.state is State.COMPLETED]
    slots = [at for each in others if (at := slot_of(policy, each)) is not None and at <= now + FUTURE]
    if len(slots) < policy.min_keep:
        raise RuleBrokenError(f"S1 floor: delete {target.name}: leaves {len(slots)}")
    if max(slots) < slot:
        raise RuleBrokenError(f"S5 policy: delete {target.name}: it is the newest")
    reached = latest_slot(policy.schedule, shown.at - policy.splay)
    if shown.rows < CAP and reached is not None and max(slots) < reached:
        raise RuleBrokenError(f"S6 order: delete {target.name}: the newer one is not complete, and there is room")


def is_owned(policy: Policy, snapshot: Snapshot) -> bool:
    """Whether the whole name says that it is this policy's, on this policy's server (S2)."""
    if snapshot.server_id != policy.server_id:
        return False
    return _stated(policy, snapshot.name) is not None or _adopted(policy, snapshot.name)


def slot_of(policy: Policy, snapshot: Snapshot) -> datetime | None:
    """The slot of an owned snapshot: in its name, or its creation time if it is adopted."""
    return _stated(policy, snapshot.name) or snapshot.created_at


def _stated(policy: Policy, name: str) -> datetime | None:
    return _instant(name[-16:]) if name[:-16] == f"{policy.prefix}-" else None


@lru_cache(maxsize=65536)
def _instant(text: str) -> datetime | None:
    stated = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z", text)
    if stated is None:
        return None
    year, month, day, hour, minute, second = map(int, stated.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _adopted(policy: Policy, name: str) -> bool:
    patterns = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in policy.adopt)
    return any(re.fullmatch(pattern, name) for pattern in patterns)
