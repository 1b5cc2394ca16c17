"""The account that is explored: rows, what lists show of them, and time; misbehaves only as told, judges nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from rotator.model import CAP, Id, Snapshot
from rotator.sandbox.cloud import snapshot_json
from tests.conftest import NOW
from tests.exploration.worlds import CREATE_TIME, World

LAG = timedelta(minutes=4)
"""How long a list may lack a change; rotator says that it can stand five minutes."""

OUTAGE = timedelta(minutes=10)

_BEFORE_ALL = NOW - timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Row:
    """A snapshot as it is and will be. `by` is who made it; `seq` counts the changes of the account."""

    made: Snapshot
    ready_at: datetime
    ends_as: str
    by: str
    seq: int

    def at(self, now: datetime) -> Snapshot:
        """What a true list shows of it at that moment."""
        return self.made if now < self.ready_at else _ended(self.made, self.ends_as)


@lru_cache(maxsize=4096)
def _ended(made: Snapshot, status: str) -> Snapshot:
    return Snapshot(made.id, made.server_id, made.server_name, made.name, status, made.created_at)


@lru_cache(maxsize=4096)
def row_text(snapshot: Snapshot) -> str:
    """The row as JSON."""
    return json.dumps(snapshot_json(snapshot))


View = tuple[Snapshot, ...]

Version = tuple[View, int]
"""What a list showed, and how many changes there had been by then."""


@dataclass(slots=True)
class Account:
    """Everything outside the machines. Frozen values only inside, so that a shallow copy is a copy."""

    world: World
    now: datetime = NOW - timedelta(seconds=30)
    rows: dict[Id, Row] = field(default_factory=dict)
    seq: int = 0
    """Changes so far; which of two came first matters for twins only."""
    served: dict[str, Version] = field(default_factory=dict)
    """The last answer to every list, by what was asked."""
    outdated_at: dict[str, datetime] = field(default_factory=dict)
    """Since when that answer lacks a change."""
    frozen: Version | None = None
    taken_by_hand: tuple[Id, ...] = ()
    frozen_until: datetime = _BEFORE_ALL
    down_until: datetime = _BEFORE_ALL

    def fill(self) -> None:
        """Put in what is there at the start."""
        for server_id, name, at in self.world.planted():
            self._add(server_id, name, at, at, "completed", "start")

    def save(self) -> tuple[object, ...]:
        """Everything, as a value."""
        # The first five are known by their places to `System.digest`.
        lists = tuple(self.served.items()), tuple(self.outdated_at.items()), self.frozen, self.frozen_until
        return (self.now, tuple(self.rows.values()), self.seq, *lists, self.down_until, self.taken_by_hand)

    def load(self, saved: tuple[object, ...]) -> None:
        """Go back to what was saved."""
        rows: Iterable[Row]
        served: Iterable[tuple[str, Version]]
        outdated: Iterable[tuple[str, datetime]]
        (
            self.now,
            rows,
            self.seq,
            served,
            outdated,
            self.frozen,
            self.frozen_until,
            self.down_until,
            self.taken_by_hand,
        ) = saved  # type: ignore[assignment]
        self.rows = {row.made.id: row for row in rows}
        self.served, self.outdated_at = dict(served), dict(outdated)

    def there(self, server_id: Id | None = None) -> View:
        """What is really there, of one server or of all."""
        return tuple(
            row.at(self.now) for row in self.rows.values() if server_id is None or row.made.server_id == server_id
        )

    def shown(self, server_id: Id | None) -> Version:
        """What an honest list shows now; one that lags, what it showed when the lag began."""
        if self.frozen is None or self.now >= self.frozen_until:
            return self.there(server_id), self.seq
        view, seq = self.frozen
        return tuple(each for each in view if server_id in (None, each.server_id)), seq

    def less_own_deletes(self, view: View) -> View:
        """Of a list what is still there, or would be if no person had deleted it."""
        return tuple(each for each in view if each.id in self.rows or each.id in self.taken_by_hand)

    def serve(self, asked: str, version: Version) -> None:
        """A list was answered with this."""
        self.served[asked] = version
        self.outdated_at.pop(asked, None)

    def _changed(self) -> None:
        self.seq += 1
        for asked in self.served:
            self.outdated_at.setdefault(asked, self.now)

    def freeze(self) -> None:
        """From now on lists show what is there now."""
        self.frozen, self.frozen_until = (self.there(), self.seq), self.now + LAG

    def tidy(self) -> None:
        """Forget what cannot matter any more, so that states which mean the same are the same."""
        if self.now >= self.frozen_until:
            self.frozen, self.frozen_until = None, _BEFORE_ALL
        if self.now >= self.down_until:
            self.down_until = _BEFORE_ALL
        for asked in [asked for asked, at in self.outdated_at.items() if self.now - at > LAG]:
            del self.served[asked], self.outdated_at[asked]
        versions = [*self.served.values(), *([self.frozen] if self.frozen else [])]
        shown = {each.id for view, _ in versions for each in view}
        self.taken_by_hand = tuple(id_ for id_ in self.taken_by_hand if id_ in shown)
        if self.world.runner != "pair":
            self._forget_order()
            return
        # Of two changes only which was first matters, and that for twins of two machines only.
        order = sorted({self.seq, *(row.seq for row in self.rows.values()), *(seq for _, seq in versions)})
        place = {seq: at for at, seq in enumerate(order)}
        self.seq = place[self.seq]
        self.rows = {id_: replace(row, seq=place[row.seq]) for id_, row in self.rows.items()}
        self.served = {asked: (view, place[seq]) for asked, (view, seq) in self.served.items()}
        if self.frozen is not None:
            self.frozen = self.frozen[0], place[self.frozen[1]]

    def _forget_order(self) -> None:
        self.seq = 0
        self.rows = {id_: row if row.seq == 0 else replace(row, seq=0) for id_, row in self.rows.items()}
        self.served = {asked: (view, 0) for asked, (view, _) in self.served.items()}
        if self.frozen is not None:
            self.frozen = self.frozen[0], 0

    def create(
        self, server_id: Id, name: str, by: str, ends_as: str = "completed", takes: timedelta = CREATE_TIME
    ) -> Snapshot | None:
        """Take a snapshot; None if the server is full."""
        if len(self.there(server_id)) >= CAP:
            return None
        ready = datetime.max.replace(tzinfo=NOW.tzinfo) if ends_as == "stuck" else self.now + takes
        return self._add(server_id, name, self.now, ready, ends_as, by)

    def plant_by_hand(self, server_id: Id) -> None:
        """Somebody takes a snapshot in the panel, and it is complete at once."""
        self._add(server_id, f"by-hand-at-{self.now:%H%M%S}", self.now, self.now, "completed", "person")

    def remove(self, snapshot_id: Id, *, by_hand: bool = False) -> None:
        """It is gone."""
        del self.rows[snapshot_id]
        self._changed()
        if by_hand:
            self.taken_by_hand += (snapshot_id,)

    def _add(self, server_id: Id, name: str, at: datetime, ready: datetime, ends_as: str, by: str) -> Snapshot:
        self._changed()
        made_at = at.replace(microsecond=0)
        # By server and time, not by a counter: so that what happened before leaves no trace in it.
        number = int(server_id) * 10**8 + int((made_at - _BEFORE_ALL).total_seconds()) * 10
        while number in self.rows:
            number += 1
        server = next(rules.server for rules in self.world.policies if rules.server_id == server_id)
        made = Snapshot(number, server_id, server, name, "in_progress", made_at)
        self.rows[number] = Row(made, ready, ends_as, by, self.seq)
        return made


def listing(view: Iterable[Snapshot], count: int | None = None, more: str | None = None) -> bytes:
    """A page as JSON, honest unless told otherwise."""
    rows = [row_text(each) for each in view]
    link = "" if more is None else f', "next": "{more}"'
    return f'{{"count": {len(rows) if count is None else count}, "results": [{", ".join(rows)}]{link}}}'.encode()


def created(made: Snapshot) -> bytes:
    """The answer to a create."""
    fields: Mapping[str, object] = {**snapshot_json(made), "message": "Snapshot creation started"}
    return json.dumps(fields).encode()
