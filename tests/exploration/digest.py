"""A state as a few bytes: equal only for states after which the same can happen.

Left out is what decides nothing: words (of reasons, of what was logged), how long things took, and random keys, for
which their place in the ledger stands. An id of the API stands for nothing but itself, so a label takes its place: the
name, if the snapshot is there or a list may yet show it, and else that it is gone for good. Of a snapshot that came to
its end it does not matter when.

Once no fault can come any more (`calm`), more is left out: what was served before, whatever is about slots that are
over, and parts of half a minute, since all lists are then taken at whole ones and all waits are whole ones.

`tests/exploration/test_pruning.py` fails when anything that holds state gets an attribute that is not listed there.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from rotator.engine.ledger import Attempt, Intent, Result
from rotator.model import Cause, Id, Snapshot, Verb
from tests.exploration.account import Row, Version
from tests.exploration.judge import Asked

TURN = timedelta(seconds=30)
"""A machine wakes at whole multiples of this: the daemon sleeps for no longer, and looks at the clock when it wakes."""

_EPOCH = datetime(2026, 1, 1).astimezone()
_TICK = timedelta(microseconds=1)
GONE = "gone"
_SMALLEST_ID = 10**9
"""Ids of the explored account are larger than any other number in a state."""


def digest(plain: Any) -> bytes:
    """The digest of a state in numbers and words."""
    # Version 2 writes every value out; later ones write references, by how often an object is in use.
    return blake2b(marshal.dumps(plain, 2), digest_size=16).digest()


class Digester:
    """Of one state: what its ids and keys are called."""

    def __init__(
        self, now: datetime, rows: tuple[Row, ...], versions: list[Version], keys: list[str], *, calm: bool = False
    ) -> None:
        self._now = now
        self.calm = calm
        self._keys = {key: f"key {place}" for place, key in enumerate(keys)}
        self._labels = _labels(rows, versions)

    def plain(self, value: Any) -> Any:
        """The value in terms of numbers and words."""
        kind = type(value)
        if kind is tuple:
            return tuple([self.plain(each) for each in value])
        if kind is str:
            return self._keys.get(value, value)
        if kind is int:
            return value if value < _SMALLEST_ID else self._labels.get(value, GONE)
        if value is None or kind is bool:
            return value
        if kind is datetime:
            # Upwards: a list at a whole half minute is later than both, or than neither.
            return -((_EPOCH - value) // TURN) if self.calm else (value - _EPOCH) // _TICK
        return _AS_PLAIN[kind](self, value)

    def snapshot(self, value: Snapshot) -> Any:
        """A row of a list; its age matters while it is in progress."""
        if value.status != "in_progress" or value.created_at is None:
            return self.plain(value.id), value.status
        begun = value.created_at - _EPOCH
        return self.plain(value.id), value.status, begun // (TURN if self.calm else _TICK)

    def row(self, value: Row) -> Any:
        """What is there."""
        if self._now >= value.ready_at:
            return self.plain(value.made.id), value.ends_as, value.by, value.seq
        return self.snapshot(value.made), self.plain(value.ready_at), value.ends_as, value.by, value.seq

    def attempt(self, value: Attempt) -> Any:
        """What the engine remembers; not when it was sent, which says only how long it took."""
        flags = value.stage.value, value.tries, value.absences, value.watched, value.adopted, bool(value.reason)
        return self.plain(value.slot), self.plain(value.at), flags, self._keys.get(value.key, value.key)

    def entry(self, intent: Intent, result: Result | None, ended_at: datetime | None) -> Any:
        """A row of the ledger, as far as `past` reads it."""
        if intent.verb == Verb.DELETE:
            victim = self.plain(intent.snapshot_id)
            room = self.plain(intent.slot) if intent.cause == Cause.ROOM else None
            if victim == GONE:
                return room and (intent.server_id, room)
            return intent.server_id, victim, room, result and result.value, self.plain(ended_at or intent.at)
        at = self.plain(ended_at or intent.at)
        return (
            self._keys[intent.key],
            intent.server_id,
            self.plain(intent.slot),
            result and result.value,
            at,
            intent.attempt,
        )


def _labels(rows: tuple[Row, ...], versions: list[Version]) -> Mapping[Id, str]:
    there = [row.made for row in rows]
    labels: dict[Id, str] = {}
    taken: set[str] = set()
    for prefix, snapshots in (("", there), ("was ", (each for view, _ in versions for each in view))):
        for each in snapshots:
            if each.id in labels:
                continue
            label = f"{prefix}{each.server_id}/{each.name}"
            while label in taken:
                label += "'"
            taken.add(label)
            labels[each.id] = label
    return labels


_AS_PLAIN: dict[type, Callable[[Digester, Any], Any]] = {
    timedelta: lambda _, value: value // _TICK,
    Snapshot: Digester.snapshot,
    Row: Digester.row,
    Attempt: Digester.attempt,
    Asked: lambda _, value: (value.name, value.looked),
    Result: lambda _, value: value.value,
}
