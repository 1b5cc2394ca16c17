"""The figures of every server that is configured, by its name, as they stand at a moment; knows no exposition format.

What is counted in a list is worked out when somebody asks, once for each outcome: the loop that makes the passes is
not held up, and a server that left the configuration is gone at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from threading import Lock

from rotator.engine import Kind, Outcome
from rotator.model import CAP, Id, Observation, Plan, Policy, Sign, Verb
from rotator.planner import as_owned
from rotator.standing import Trouble, conditions, restore_points, stale_after

SQUEEZED = Sign.SQUEEZED.value
TROUBLES = (*(trouble.value for trouble in Trouble), SQUEEZED)
"""Every value of the label `kind`. Squeezed is worth knowing, but the server is healthy all the same."""


@dataclass(frozen=True, slots=True)
class Row:
    """One server: figures by the end of their metric's name; `troubles` is None before the first look."""

    figures: Mapping[str, float] = field(default_factory=dict)
    troubles: frozenset[str] | None = None


@dataclass(frozen=True)
class Record:
    """What is known of one server. `seen` is the latest outcome that had a list, which `latest` may lack."""

    policy: Policy
    latest: Outcome | None = None
    seen: Outcome | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    ended: tuple[datetime | None, str] | None = None
    """The slot whose rotation ended last, and how; None while another is under way."""
    earlier: Row = Row()
    """What another process knew before this one."""

    def after(self, outcome: Outcome, now: datetime) -> Record:
        """The record after a pass that ended at `now`."""
        created = any(action.verb is Verb.CREATE for action in outcome.done)
        completed = outcome.finished is not None and outcome.finished.ok
        return replace(
            self,
            latest=outcome,
            seen=outcome if outcome.plan is not None else self.seen,
            created_at=now if created else self.created_at,
            completed_at=now if completed else self.completed_at,
            ended=self._ended_by(outcome),
        )

    def _ended_by(self, outcome: Outcome) -> tuple[datetime | None, str] | None:
        if (end := rotation_end(outcome)) is not None:
            return outcome.plan.slot if outcome.plan else None, end
        return None if outcome.plan else self.ended

    def row(self, now: datetime) -> Row:
        """Everything to be said of the server as of `now`."""
        if self.latest is None:
            return Row({**self.earlier.figures, "cap": CAP}, self.earlier.troubles)
        troubles = self._troubles(now)
        healthy = not self.latest.problems and troubles <= {SQUEEZED}
        return Row({**self._lasting, "cap": CAP, "healthy": float(healthy)}, troubles)

    @cached_property
    def _lasting(self) -> Mapping[str, float]:
        """The figures that time alone does not change; from an earlier process where none was seen by this one."""
        if self.seen is None:
            return self.earlier.figures
        figures = _figures(self.seen)
        for what, moment in (("last_success", self.completed_at), ("last_attempt", self.created_at)):
            name = f"{what}_timestamp_seconds"
            at = None if moment is None else moment.timestamp()
            known = (figures.get(name), self.earlier.figures.get(name), at)
            if moments := [each for each in known if each is not None]:
                figures[name] = max(moments)
        return figures

    def _troubles(self, now: datetime) -> frozenset[str]:
        """A pass without a list cured nothing, so what was wrong before still is."""
        found: set[str] = set()
        for outcome in {id(each): each for each in (self.seen, self.latest) if each is not None}.values():
            found |= {condition.trouble.value for condition in conditions(outcome, now)}
            notices = outcome.plan.notices if outcome.plan else ()
            found |= {SQUEEZED for notice in notices if notice.sign is Sign.SQUEEZED}
        return frozenset(found)


class Fleet:
    """The records of all configured servers, in the order of the configuration; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: dict[Id, Record] = {}

    def configured(self, policies: Sequence[Policy]) -> None:
        """These are the servers from now on; what is known of the others is dropped."""
        with self._lock:
            known = {policy.server_id: self._records.get(policy.server_id, Record(policy)) for policy in policies}
            self._records = {policy.server_id: replace(known[policy.server_id], policy=policy) for policy in policies}

    def passed(self, outcome: Outcome, now: datetime) -> str | None:
        """Note what became of a server; returns how a rotation ended, if one did and that is news."""
        with self._lock:
            before = self._records.get(outcome.policy.server_id)
            if before is None:
                return None
            after = before.after(outcome, now)
            self._records[outcome.policy.server_id] = after
        news = outcome.finished is not None or after.ended != before.ended
        return after.ended[1] if after.ended and news else None

    def resume(self, rows: Mapping[str, Row]) -> None:
        """Go on from what an earlier process knew, by server name."""
        with self._lock:
            for server_id, record in self._records.items():
                self._records[server_id] = replace(record, earlier=rows.get(record.policy.server, Row()))

    def rows(self, now: datetime) -> list[tuple[str, Row]]:
        """Every configured server and its figures as of `now`."""
        with self._lock:
            records = list(self._records.values())
        return [(record.policy.server, record.row(now)) for record in records]


def rotation_end(outcome: Outcome) -> str | None:
    """How a rotation ended, if this outcome says that one did: `completed`, `failed`, `blocked` or `missed`."""
    if outcome.finished is not None:
        return "completed" if outcome.finished.ok else "failed"
    if outcome.kind in (Kind.FAILED, Kind.BLOCKED):
        return outcome.kind.value
    missed = outcome.plan is not None and any(notice.sign is Sign.MISSED for notice in outcome.plan.notices)
    return "missed" if missed else None


def _figures(outcome: Outcome) -> dict[str, float]:
    plan, seen = outcome.plan, outcome.observation
    if plan is None or seen is None:
        return {}
    taken = restore_points(outcome)
    moments = {
        "last_success": max(taken, default=None),
        "last_attempt": _last_attempt(outcome.policy, seen),
        "next_slot": plan.next_slot,
        "newest_restore_point": max(taken, default=None),
        "oldest_restore_point": min(taken, default=None),
        "stale_after": stale_after(outcome),
    }
    return {
        **{f"{key}_timestamp_seconds": at.timestamp() for key, at in moments.items() if at is not None},
        **_counts(outcome.policy, plan, seen),
    }


def _counts(policy: Policy, plan: Plan, seen: Observation) -> dict[str, float]:
    return {
        "snapshots": len(seen.snapshots),
        "restore_points": len(plan.verdicts),
        "foreign_snapshots": sum(as_owned(policy, each) is None for each in seen.snapshots),
    }


def _last_attempt(policy: Policy, seen: Observation) -> datetime | None:
    """When the newest snapshot of rotator's was begun, whatever became of it."""
    owned = (as_owned(policy, each) for each in seen.snapshots)
    begun = (each.snapshot.created_at or each.slot for each in owned if each is not None)
    return max((at for at in begun if at is not None), default=None)
