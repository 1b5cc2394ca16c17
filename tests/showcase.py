"""Boards full of servers for looking at: some in every state there is, judged by the real planner around NOW."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rotator.engine import Kind, Outcome, Report
from rotator.errors import RotatorError
from rotator.model import Action, Cause, Keep, Observation, Policy, Snapshot, Verb
from rotator.naming import snapshot_name
from rotator.planner import plan
from rotator.slots import latest_slot
from rotator.standing import Board
from tests.builders import policy
from tests.conftest import NOW

LATER = NOW + timedelta(hours=7, minutes=24)
"""When the boards are looked at: every daily slot of 02:00 UTC is long done."""

_MINUTE = timedelta(minutes=1)

_RULES = (
    ("every day at 02:00", "UTC", Keep(last=4)),
    ("every day at 03:30", "Europe/Berlin", Keep(last=2, daily=1, weekly=1)),
    ("every 6 hours", "UTC", Keep(last=4)),
    ("every sunday at 04:00", "America/New_York", Keep(weekly=3, monthly=1)),
)


def fleet(count: int) -> tuple[Policy, ...]:
    """Policies of that many servers, of four sorts, some with a splay."""
    rules = (_RULES[number % len(_RULES)] for number in range(count))
    return tuple(
        policy(
            10_001 + number,
            server=f"web-{number + 1:04d}",
            schedule=schedule,
            timezone=timezone,
            keep=keep,
            splay=timedelta(seconds=number % 600),
            name=("nightly", "berlin", "often", "weekly")[number % len(_RULES)],
        )
        for number, (schedule, timezone, keep) in enumerate(rules)
    )


def slots_of(each: Policy, now: datetime, count: int, skipped: int = 0) -> list[datetime]:
    """The latest slots that are due by now, without the `skipped` newest ones, oldest first."""
    found: list[datetime] = []
    slot = latest_slot(each.schedule, now - each.splay)
    for _ in range(count + skipped):
        assert slot is not None
        found.insert(0, slot)
        slot = latest_slot(each.schedule, slot - _MINUTE)
    return found[:count]


def made(each: Policy, slot: datetime, status: str = "completed", name: str = "") -> Snapshot:
    """A snapshot of that slot, or by hand of that name, at that moment."""
    own = name or snapshot_name(each.prefix, slot)
    created = slot + each.splay + timedelta(seconds=3)
    return Snapshot(f"{each.server_id}-{own}", each.server_id, each.server, own, status, created, 20480)


def looked_at(each: Policy, snapshots: Sequence[Snapshot], now: datetime, done: tuple[Action, ...] = ()) -> Outcome:
    """What a pass makes of a server that has these snapshots."""
    seen = Observation(tuple(snapshots), now)
    planned = plan(each, seen, now)
    kind, reason = Kind.IDLE, ""
    if planned.blocked:
        kind, reason = Kind.BLOCKED, planned.blocked
    elif planned.waiting:
        kind, reason = Kind.WAITING, planned.waiting
    return Outcome(each, kind, reason, planned, seen, done, problems=(reason,) if kind is Kind.BLOCKED else ())


def fine(each: Policy, now: datetime) -> Outcome:
    """All its slots taken, the last one just now."""
    slots = slots_of(each, now, 4)
    done = (
        Action(Verb.CREATE, Cause.SLOT, snapshot_name(each.prefix, slots[-1]), "slot is due"),
        Action(
            Verb.DELETE, Cause.SURPLUS, snapshot_name(each.prefix, slots[0] - timedelta(days=1)), "no rule wants it"
        ),
    )
    return looked_at(each, [made(each, slot) for slot in slots], now, done=done)


def running(each: Policy, now: datetime) -> Outcome:
    """The latest slot's snapshot is in progress."""
    *old, newest = slots_of(each, now, 4)
    current = Snapshot("run", each.server_id, each.server, snapshot_name(each.prefix, newest), "in_progress", now)
    return looked_at(each, [*(made(each, slot) for slot in old), current], now)


def blocked(each: Policy, now: datetime) -> Outcome:
    """Somebody else's snapshots leave no room."""
    hand = [made(each, now - timedelta(days=9 + number), name=f"before-upgrade-{number}") for number in range(4)]
    return looked_at(each, [*hand, made(each, slots_of(each, now, 1, skipped=2)[0])], now)


def stale(each: Policy, now: datetime) -> Outcome:
    """A failing server, of which the newest restore point is days old."""
    old = [made(each, slot) for slot in slots_of(each, now, 2, skipped=4)]
    newest = slots_of(each, now, 1)[0]
    odd = made(each, newest, "archived")
    failed = made(each, newest - _MINUTE, "failed", name="by-hand")
    found = looked_at(each, [*old, odd, failed], now)
    reason = "create snapshot: the API answered 500 (internal error), four times; tried again in 5 minutes"
    return Outcome(each, Kind.FAILED, reason, found.plan, found.observation, (), (reason,))


def board_of(
    policies: Sequence[Policy],
    now: datetime = LATER,
    *,
    troubled: int = 0,
    busy: int = 0,
    unseen: int = 0,
    error: RotatorError | None = None,
) -> Board:
    """A board after one pass: the first `troubled` servers in trouble, then `busy` ones, the last `unseen` not seen."""
    board = Board()
    board.configured(policies)
    seen = policies[: len(policies) - unseen]
    outcomes = [
        (blocked if number % 2 else stale)(each, now)
        if number < troubled
        else (running if number < troubled + busy else fine)(each, now)
        for number, each in enumerate(seen)
    ]
    if seen or error:
        board.passed(Report(tuple(outcomes), error), now - timedelta(seconds=12))
    return board
