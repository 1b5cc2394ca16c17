"""A ledger in memory that outlasts the engines of a test, as the state on disk outlasts processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.engine.ledger import Attempt, Hold, Intent, NoLedger, Past, Result
from rotator.model import Cause, Id, Verb


class FakeLedger(NoLedger):
    """Keeps everything; `usually` is how long snapshots take."""

    def __init__(self, usually: timedelta | None = None) -> None:
        super().__init__()
        self.usually = usually
        self.intents: dict[str, Intent] = {}
        self.results: dict[str, list[Result]] = {}
        self.took: dict[str, timedelta | None] = {}
        self.ended_at: dict[str, datetime] = {}
        self.held: dict[Id, Hold] = {}

    def story(self) -> list[tuple[str, str, list[Result]]]:
        """What was intended and what became of it, in order."""
        return [(each.verb, each.snapshot, self.results.get(key, [])) for key, each in self.intents.items()]

    def past(self) -> Past:
        attempts: dict[Id, Attempt] = {}
        rooms: dict[Id, tuple[datetime, Id]] = {}
        deletions: dict[Id, tuple[Id, datetime]] = {}
        for key, intent in self.intents.items():
            last = self.results.get(key, [None])[-1]
            at = self.ended_at.get(key, intent.at)
            if last in (Result.NOT_SENT, Result.FAILED) or intent.by == "restore":
                continue
            if intent.verb == Verb.CREATE and intent.slot is not None:
                attempts[intent.server_id] = Attempt(
                    intent.slot, last or Result.UNCERTAIN, at, intent.at, intent.attempt, key=key
                )
            elif intent.verb == Verb.DELETE and intent.snapshot_id is not None:
                if last is Result.DONE:
                    deletions[intent.server_id] = intent.snapshot_id, at
                if intent.cause == Cause.ROOM and intent.slot is not None:
                    rooms[intent.server_id] = intent.slot, intent.snapshot_id
        return Past(attempts, deletions, rooms)

    def begin(self, intents: Sequence[Intent]) -> None:
        self.intents |= {intent.key: intent for intent in intents}

    def end(
        self,
        key: str,
        result: Result,
        at: datetime,
        *,
        snapshot_id: Id | None = None,
        took: timedelta | None = None,
        detail: str = "",
    ) -> None:
        self.results.setdefault(key, []).append(result)
        self.ended_at[key] = at
        self.took[key] = took
        if snapshot_id is not None:
            self.intents[key] = replace(self.intents[key], snapshot_id=snapshot_id)

    def usual(self, server_id: Id) -> timedelta | None:
        return self.usually

    def holds(self) -> Mapping[Id, Hold]:
        return dict(self.held)

    def lift(self, hold: Hold) -> None:
        if hold.server_id in self.held and self.held[hold.server_id].key == hold.key:
            del self.held[hold.server_id]

    def hold(self, hold: Hold) -> bool:
        if self.held.setdefault(hold.server_id, hold).key != hold.key:
            return False
        self.held[hold.server_id] = hold
        return True

    def open_intents(self, server_id: Id) -> tuple[Intent, ...] | None:
        return tuple(
            each for key, each in self.intents.items() if each.server_id == server_id and key not in self.results
        )
