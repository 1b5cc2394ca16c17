"""What a state tells the next process is what a plain list of the same calls says, wherever processes end."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.engine.ledger import Attempt, Intent, Past, Result
from rotator.model import Id
from tests.conftest import NOW
from tests.state_builders import NAME, SetClock, delete, intent, opened

SERVERS: list[Id] = [1, "1a", "8f0e-uuid", 10**30]
HEADER = 100
OF_ANOTHER = ["of another program", "a newer rotator wrote it", "may not be written"]
STEPS = [timedelta(0), timedelta(minutes=1), timedelta(minutes=50), timedelta(days=3), -timedelta(hours=2)]
STAGES = {
    None: Result.UNCERTAIN,
    Result.UNCERTAIN: Result.UNCERTAIN,
    Result.SENT: Result.SENT,
    Result.COMPLETED: Result.COMPLETED,
}


@dataclass
class Call:
    """One call as the model remembers it."""

    intent: Intent
    result: Result | None = None
    ended_at: datetime | None = None


@dataclass
class Model:
    """Every call in the order in which it was begun."""

    calls: list[Call] = field(default_factory=list)

    def past(self, now: datetime) -> Past:
        """What is known at `now`, by an uptime that goes back with the clock: from later on it is of no use."""
        attempts: dict[Id, Attempt | None] = {}
        deletions: dict[Id, tuple[Id, datetime]] = {}
        rooms: dict[Id, tuple[datetime, Id]] = {}
        for call in self.calls:
            each, at = call.intent, min(call.ended_at or call.intent.at, now)
            lost = (call.ended_at or call.intent.at) > now
            if each.verb == "create" and call.result in STAGES and each.by != "restore":
                attempts[each.server_id] = self._attempt(call, at, now, lost=lost)
            if each.verb == "delete" and each.snapshot_id is not None:
                if call.result is Result.DONE:
                    deletions[each.server_id] = (each.snapshot_id, at)
                if each.cause == "room" and each.slot and call.result is not Result.NOT_SENT:
                    rooms[each.server_id] = (each.slot, each.snapshot_id)
        return Past(
            {key: attempt for key, attempt in attempts.items() if attempt is not None},
            {key: (what, at) for key, (what, at) in deletions.items() if now - at < timedelta(hours=1)},
            rooms,
        )

    @staticmethod
    def _attempt(call: Call, at: datetime, now: datetime, *, lost: bool) -> Attempt | None:
        each, begun = call.intent, min(call.intent.at, now)
        if lost and begun < now - timedelta(days=1):
            return None
        assert each.slot
        return Attempt(each.slot, STAGES[call.result], at, begun, each.attempt, "", key=each.key)


ANSWERS = {
    "create": [Result.SENT, Result.UNCERTAIN, Result.COMPLETED, Result.FAILED, Result.NOT_SENT],
    "delete": [Result.DONE, Result.UNCERTAIN, Result.FAILED, Result.NOT_SENT],
}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_past_is_what_a_plain_list_of_the_calls_says(data: st.DataObject) -> None:
    """Every intent before it is sent and every outcome after: no end of a process and no clock changes what is told."""
    model, clock = Model(), SetClock()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name, "state")
        for _ in range(data.draw(st.integers(1, 4), label="processes")):
            with opened(place, clock) as state:
                assert state.past() == model.past(clock.now)
                for _ in range(data.draw(st.integers(0, 6), label="calls")):
                    clock.now += data.draw(st.sampled_from(STEPS))
                    begun = data.draw(intents(clock.now, len(model.calls)))
                    state.begin(begun)
                    model.calls += map(Call, begun)
                    for call in data.draw(st.lists(st.sampled_from(model.calls), max_size=3)) if model.calls else []:
                        call.result = data.draw(st.sampled_from(ANSWERS[call.intent.verb]))
                        call.ended_at = clock.now
                        state.end(call.intent.key, call.result, clock.now)
                assert state.past() == model.past(clock.now)
        with opened(place, clock) as state:
            assert [entry.result for entry in sorted(state.history(), key=lambda each: each.snapshot)] == [
                call.result for call in sorted(model.calls, key=lambda each: each.intent.snapshot)
            ]


def intents(now: datetime, first: int) -> st.SearchStrategy[list[Intent]]:
    """Up to three calls of one pass, begun at once."""

    def made(drawn: list[tuple[Id, str, int]]) -> list[Intent]:
        return [_intent(f"{first + number:04}", now, *each) for number, each in enumerate(drawn)]

    one = st.tuples(st.sampled_from(SERVERS), st.sampled_from(["slot", "safety", "room", "surplus"]), st.integers(0, 3))
    return st.lists(one, max_size=3).map(made)


def _intent(key: str, now: datetime, server_id: Id, cause: str, number: int) -> Intent:
    slot = NOW + timedelta(days=number)
    if cause in ("slot", "safety"):
        by = "restore" if cause == "safety" else "run"
        return intent(key, at=now, by=by, server_id=server_id, slot=slot, attempt=number + 1, snapshot=key)
    more = {"server_id": server_id, "snapshot": key}
    return delete(key, number, cause=cause, at=now, **(more | {"slot": slot} if cause == "room" else more))


@settings(max_examples=40, deadline=None)
@given(garbage=st.binary(min_size=1, max_size=300), where=st.just(0.0) | st.floats(0, 1))
@example(garbage=b"SQLite format 3\0\x10\0\x7f\x7f", where=0.0)
def test_no_damage_to_a_file_is_raised_and_what_is_written_afterwards_is_there(garbage: bytes, where: float) -> None:
    """A state that cannot be read never stops rotation."""
    with tempfile.TemporaryDirectory() as name:
        with opened(Path(name)) as state:
            state.begin([intent(str(number), reason="x" * 300) for number in range(40)])
        content = bytearray(Path(name, NAME).read_bytes())
        start = int(where * (len(content) - 1))
        content[start : start + len(garbage)] = garbage
        Path(name, NAME).write_bytes(content)
        with opened(Path(name)) as state:
            state.past()
            state.history()
            state.begin([intent("new", server_id=99)])
            if start < HEADER and state.fault:
                assert any(words in state.fault for words in OF_ANOTHER), "its header says that it is not ours"
            else:
                assert state.fault is None
                assert 99 in state.past().attempts
