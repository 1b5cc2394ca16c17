"""An account in memory on a virtual clock: snapshots take their time, some fail, and every change is judged.

It knows servers and snapshots as the API does; what a policy wants is only known to the rules that judge.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from rotator.errors import NotFoundError, RefusedError, UnreachableError
from rotator.model import CAP, Cause, Id, Listing, Policy, Server, Snapshot
from rotator.simulate.rules import Shown, is_owned, judge_create, judge_delete, slot_of
from rotator.simulate.settings import DAY, Settings
from rotator.simulate.story import Life

_FIRST_ID = 801

_LONG_BEFORE = timedelta(days=30)

_BY_HAND = ("by-hand-{}", "kept{}", "00{}")
"""Names that a person may have given; more than one form, since a policy's patterns may adopt the first."""


class VirtualClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def monotonic(self) -> float:
        """Seconds that went by since some moment."""
        return self.now.timestamp()

    def __call__(self) -> datetime:
        """The time it is now, aware and in UTC."""
        return self.now


@dataclass(slots=True, eq=False)
class _Row:
    """A snapshot of the account, and what will be told of its life."""

    begun: Snapshot
    ended: Snapshot
    born: datetime
    ready_at: datetime
    died: datetime | None = None
    cause: Cause | None = None
    reason: str = ""

    def at(self, now: datetime) -> Snapshot:
        return self.ended if now >= self.ready_at else self.begun


class VirtualAccount:
    """The engine's `SnapshotApi`; in an outage every call raises UnreachableError.

    A broken rule is raised as RuleBrokenError by the very call that breaks it.
    """

    def __init__(self, policies: Sequence[Policy], settings: Settings, clock: VirtualClock) -> None:
        self._policies = {policy.server_id: policy for policy in policies}
        self._settings = settings
        self._clock = clock
        self._ids = count(_FIRST_ID)
        self._there: dict[Id, list[_Row]] = {server_id: [] for server_id in self._policies}
        self._all: dict[Id, list[_Row]] = {server_id: [] for server_id in self._policies}
        self._by_id: dict[Id, _Row] = {}
        self._shown: dict[Id, Shown] = {}
        # One for each server: what becomes of it does not depend on which others are simulated.
        self._chances = {id_: random.Random(f"{settings.seed}:{id_}") for id_ in self._policies}  # noqa: S311 - no secret
        self.asked: Collection[Id] = self._policies.keys()
        """The servers whose rows the account's list has to show: a pass looks at no others."""
        self.changing: Id | None = None
        """The server that the last call to change something was about."""
        self.calls = dict.fromkeys(("list", "create", "delete"), 0)
        self.calls_by_day = [0] * settings.days
        for policy in policies:
            self._plant_foreign(policy)

    # What the engine calls

    def account_snapshots(self) -> Listing:
        """See `SnapshotApi`."""
        self._begin("list")
        return Listing(tuple(row for server_id in self.asked for row in self._listed(server_id)))

    def server_snapshots(self, server_id: Id) -> Listing:
        """See `SnapshotApi`."""
        self._begin("list")
        return Listing(self._listed(server_id))

    def servers(self) -> Sequence[Server]:
        """See `SnapshotApi`."""
        self._begin("list")
        return [Server(each.server_id, each.server, "active") for each in self._policies.values()]

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        """See `SnapshotApi`."""
        now, self.changing = self._begin("create"), server_id
        there = self._there[server_id]
        judge_create(name, [row.at(now) for row in there], self._shown.get(server_id))
        if len(there) >= CAP:
            raise RefusedError(f"create snapshot {name}: the limit of {CAP} snapshots per server is reached")
        failed = self._chances[server_id].random() < self._settings.fail
        made = Snapshot(
            next(self._ids),
            server_id,
            self._policies[server_id].server,
            name,
            "in_progress",
            now,
            description=description,
        )
        ended = replace(made, status="failed" if failed else "completed")
        self._add(_Row(made, ended, now, now + self._settings.create_time))
        self._touch(server_id)
        return made

    def delete_snapshot(self, snapshot_id: Id) -> None:
        """See `SnapshotApi`."""
        now = self._begin("delete")
        row = self._by_id.get(snapshot_id)
        if row is None:
            raise NotFoundError(f"delete snapshot {snapshot_id}: no such snapshot")
        self.changing = server_id = row.begun.server_id
        there = self._there[server_id]
        rows = [each.at(now) for each in there]
        judge_delete(self._policies[server_id], row.at(now), rows, self._shown.get(server_id), now)
        there.remove(row)
        del self._by_id[snapshot_id]
        row.died = now
        self._touch(server_id)

    # What the simulation asks

    def is_out(self) -> bool:
        """Whether nobody is answered now."""
        now = self._clock.now
        return any(each.begun <= now < each.ended for each in self._settings.outages)

    def next_outage(self) -> datetime | None:
        """When the next one begins."""
        now = self._clock.now
        return next((each.begun for each in self._settings.outages if each.begun > now), None)

    def pending(self, server_id: Id) -> Sequence[tuple[datetime, datetime]]:
        """When each snapshot in progress there was begun, and when it will be at its end."""
        now, rows = self._clock.now, self._there[server_id]
        return [(each.born, each.ready_at) for each in rows if now < each.ready_at]

    def is_empty(self, server_id: Id) -> bool:
        """Whether the server has no snapshot at all."""
        return not self._there[server_id]

    def count_lists(self, begin: datetime, every: timedelta, until: datetime) -> None:
        """A list was asked for at `begin`, and again after `every` such time, until before `until`."""
        day = (begin - self._settings.begun) // DAY
        while begin < until:
            midnight = self._settings.begun + (day + 1) * DAY
            times = -((begin - min(until, midnight)) // every)
            self._count("list", day, times)
            begin += times * every
            day += 1

    def explain(self, server_id: Id, snapshot_id: Id | None, cause: Cause, reason: str) -> None:
        """Why this snapshot was deleted."""
        row = next(each for each in reversed(self._all[server_id]) if each.begun.id == snapshot_id)
        row.cause, row.reason = cause, reason

    def lives(self, policy: Policy) -> tuple[Life, ...]:
        """Every snapshot that there ever was on the policy's server, in the order they were made."""
        end = self._settings.ended
        return tuple(_life(policy, row, end) for row in self._all[policy.server_id])

    # How it works

    def _count(self, kind: str, day: int, calls: int = 1) -> None:
        self.calls[kind] += calls
        self.calls_by_day[day] += calls

    def _begin(self, kind: str) -> datetime:
        self._count(kind, (self._clock.now - self._settings.begun) // DAY)
        if self.is_out():
            raise UnreachableError("the API cannot be reached: an outage of the simulation")
        return self._clock.now

    def _listed(self, server_id: Id) -> tuple[Snapshot, ...]:
        now = self._clock.now
        rows = tuple([row.at(now) for row in self._there[server_id]])
        self._shown[server_id] = Shown(now, len(rows))
        return rows

    def _add(self, row: _Row) -> None:
        self._there[row.begun.server_id].append(row)
        self._all[row.begun.server_id].append(row)
        self._by_id[row.begun.id] = row

    def _touch(self, server_id: Id) -> None:
        if server_id in self._shown:
            shown = self._shown[server_id]
            self._shown[server_id] = Shown(shown.at, shown.rows, stale=True)

    def _plant_foreign(self, policy: Policy) -> None:
        born = self._settings.begun - _LONG_BEFORE
        for number in range(1, self._settings.foreign + 1):
            forms = [
                Snapshot(next(self._ids), policy.server_id, policy.server, form.format(number), "completed", born)
                for form in _BY_HAND
            ]
            made = next((each for each in forms if not is_owned(policy, each)), None)
            if made is None:
                raise ValueError(f"{policy.server}: its adopt patterns leave no name for a snapshot made by hand")
            self._add(_Row(made, made, born, born))


def _life(policy: Policy, row: _Row, end: datetime) -> Life:
    last = row.at(row.died or end)
    owned = is_owned(policy, last)
    return Life(
        snapshot_id=last.id,
        name=last.name,
        owned=owned,
        slot=slot_of(policy, last) if owned else None,
        born=row.born,
        ready=row.ready_at if last.status == "completed" else None,
        status=last.status,
        died=row.died,
        reason=row.reason,
        cause=row.cause,
    )
