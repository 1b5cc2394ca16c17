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
    _rule("S7 once", not twins, f"create {name}: there is one")
    _rule("S8 cap", shown is not None and shown.rows < CAP, f"create {name}: the list shows no room")
    _rule("S4 fresh proof", shown is not None and not shown.stale, f"create {name}: no list since a change")


def judge_delete(
    policy: Policy, target: Snapshot, there: Sequence[Snapshot], shown: Shown | None, now: datetime
) -> None:
    """Raise RuleBrokenError if `target`, one of `there`, must not be deleted now."""
    what = f"delete {target.name} ({target.status})"
    fresh = shown is not None and not shown.stale and now - shown.at <= FRESH
    _rule("S4 fresh proof", fresh, f"{what}: no fresh list")
    _rule("S2 foreign", is_owned(policy, target), f"{what}: it is foreign")
    _rule("S3 unfinished", target.state in (State.COMPLETED, State.FAILED), what)
    slot = slot_of(policy, target)
    _rule("S5 policy", slot is not None and slot <= now + FUTURE, f"{what}: future or undated")
    if target.state is State.COMPLETED and shown is not None and slot is not None:
        _judge_restore_point(policy, target, slot, there, shown, now)


def _judge_restore_point(
    policy: Policy, target: Snapshot, slot: datetime, there: Sequence[Snapshot], shown: Shown, now: datetime
) -> None:
    rest = (each for each in there if each.id != target.id and is_owned(policy, each))
    others = [each for each in rest if each.state is State.COMPLETED]
    slots = [at for each in others if (at := slot_of(policy, each)) is not None and at <= now + FUTURE]
    _rule("S1 floor", len(slots) >= policy.min_keep, f"delete {target.name}: leaves {len(slots)}")
    _rule("S5 policy", max(slots) >= slot, f"delete {target.name}: it is the newest")
    reached = latest_slot(policy.schedule, shown.at - policy.splay)
    ordered = shown.rows >= CAP or reached is None or max(slots) >= reached
    _rule("S6 order", ordered, f"delete {target.name}: the newer one is not complete, and there is room")


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
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _adopted(policy: Policy, name: str) -> bool:
    patterns = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in policy.adopt)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def _rule(rule: str, kept: bool, what: str) -> None:
    if not kept:
        raise RuleBrokenError(f"{rule}: {what}")
