"""The ledger of a machine, without what no later process can read: so that states which mean the same are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rotator.engine.ledger import Intent, Past, Result
from rotator.model import Cause, Id, Verb
from tests.ledger import FakeLedger

_NOTHING_TAKEN = (Result.NOT_SENT, Result.FAILED)


class ShortLedger(FakeLedger):
    """What a file on the disk of the machine would hold; it survives every crash.

    Like the real one it notes when something was by the uptime, which nobody sets: `since_start` is that, as a time.
    """

    def __init__(self, clock: Callable[[], datetime], since_start: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._since_start = since_start

    def begin(self, intents: Sequence[Intent]) -> None:
        super().begin([replace(each, at=self._since_start()) for each in intents])

    def end(self, key: str, result: Result, at: datetime, **more: Any) -> None:
        super().end(key, result, self._since_start(), **more)

    def past(self) -> Past:
        """As the real one says it: a victim counts as given up unless its delete was never sent."""
        found = super().past()
        ahead = self._clock() - self._since_start()
        attempts = {key: replace(each, at=each.at + ahead) for key, each in found.attempts.items()}
        deletions = {key: (each, at + ahead) for key, (each, at) in found.deletions.items()}
        rooms: dict[Id, tuple[datetime, Id]] = {}
        for key, intent in self.intents.items():
            if _makes_room(intent) and self._last(key) is not Result.NOT_SENT and intent.slot and intent.snapshot_id:
                rooms[intent.server_id] = intent.slot, intent.snapshot_id
        return Past(attempts, deletions, rooms)

    def shorten(self) -> None:
        """Drop every row that `past` does not read and that cannot come to matter again.

        Of creates: those that took nothing, which is final, and those before one that completed, which is final too.
        Of deletes: all but the last one confirmed and the last one that made room.
        """
        servers = {intent.server_id for intent in self.intents.values()}
        kept = {key for server_id in servers for key in self._readable(server_id)}
        self.intents = {key: each for key, each in self.intents.items() if key in kept}
        self.results = {key: [each[-1]] for key, each in self.results.items() if key in kept}
        self.ended_at = {key: each for key, each in self.ended_at.items() if key in kept}
        self.took.clear()

    def _readable(self, server_id: Id) -> Iterable[str]:
        mine = [(key, each) for key, each in self.intents.items() if each.server_id == server_id]
        creates = [key for key, each in mine if each.verb == Verb.CREATE and self._last(key) not in _NOTHING_TAKEN]
        complete = [place for place, key in enumerate(creates) if self._last(key) is Result.COMPLETED]
        yield from creates[complete[-1] if complete else 0 :]
        deletes = [key for key, each in mine if each.verb == Verb.DELETE]
        yield from [key for key in deletes if self._last(key) is Result.DONE][-1:]
        rooms = [key for key in deletes if _makes_room(self.intents[key])]
        yield from [key for key in rooms if self._last(key) is not Result.NOT_SENT][-1:]

    def _last(self, key: str) -> Result | None:
        return self.results.get(key, [None])[-1]

    def save(self) -> tuple[Any, ...]:
        """Everything, as a value."""
        return tuple(
            (key, intent, self.results.get(key, [None])[-1], self.ended_at.get(key))
            for key, intent in self.intents.items()
        )

    def load(self, saved: tuple[Any, ...]) -> None:
        """Go back to what was saved."""
        self.intents = {key: intent for key, intent, _, _ in saved}
        self.results = {key: [result] for key, _, result, _ in saved if result is not None}
        self.ended_at = {key: at for key, _, _, at in saved if at is not None}


def _makes_room(intent: Intent) -> bool:
    return intent.verb == Verb.DELETE and intent.cause == Cause.ROOM
