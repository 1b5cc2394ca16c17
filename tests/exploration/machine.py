"""A machine with rotator on it: the real client, engine and daemon (or one-shot) on a clock that stands in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from rotator.api import Client
from rotator.engine import RETRY_DELAYS, Agenda, Engine, Kind, Report
from rotator.engine.ledger import Result
from rotator.engine.pool import InTurn
from rotator.engine.tell import PROBLEMS
from rotator.model import Id, Policy
from rotator.slots import latest_slot
from rotator.standing import Watcher
from tests.conftest import NOW
from tests.exploration.digest import GONE, Digester
from tests.exploration.exchange import URL, Wire
from tests.exploration.ledger import ShortLedger
from tests.exploration.outside import Outside
from tests.exploration.worlds import POLL_INTERVAL
from tests.fake_cloud import Crash, Inline

Standing = tuple[str, tuple[str, ...]]
"""How a server stood after its last pass: the kind of the outcome, and the signs of its notices."""


def told(report: Report) -> list[str]:
    """How every server stands, in a line each."""
    return [
        f"   server {each.policy.server_id}: {each.kind.value}"
        + (f", did {', '.join(f'{action.verb.value} {action.name}' for action in each.done)}" if each.done else "")
        + (f" ({each.reason})" if each.reason else "")
        + (f"; PROBLEM {'; '.join(each.problems)}" if each.problems else "")
        for each in report.outcomes
    ]


class _Last(Watcher):
    """Keeps how every server stood at last."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.standings: dict[Id, Standing] = {}

    def passed(self, report: Report, now: datetime) -> None:
        if self._outside.story is not None:
            for line in told(report):
                self._outside.tell(line)
        for each in report.outcomes:
            signs = {notice.sign.value for notice in each.plan.notices} if each.plan else set()
            self.standings[each.policy.server_id] = each.kind.value, tuple(sorted(signs))


class Machine:
    """What the two kinds of machine have in common: clock, client, ledger, and what is kept between two turns."""

    lasting = True

    def __init__(self, name: str, outside: Outside, turnstile: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.outside = outside
        self.account = outside.account
        self.wire = Wire(name, outside, turnstile)
        self.last = _Last(outside)
        self.ledger = self._new_ledger()
        self.bare = self.account.world.runner == "bare"
        self._client = Client(
            URL, "token", timeout=timedelta(seconds=30), clock=self.clock, sleep=self._sleep, transport=self.wire
        )
        self.engine = self.new_engine()
        self.wire.engine_skew = lambda: self._followed() - NOW

    def clock(self) -> datetime:
        """What this machine takes the time to be."""
        return self.account.now + self.wire.skew

    def monotonic(self) -> float:
        """Seconds that went by, whatever the clock was set to."""
        return (self.account.now - NOW).total_seconds()

    def new_engine(self) -> Engine:
        """The engine of a new process: of what was before it knows the ledger only."""
        if self.bare:
            self.ledger = self._new_ledger()
        return Engine(
            self._client,
            self.clock,
            self.monotonic,
            parallel=1,
            poll_interval=POLL_INTERVAL,
            retry_delays=RETRY_DELAYS if self.lasting else (),
            ledger=self.ledger,
            aside=Inline(),
            workers=InTurn(),
        )

    def _new_ledger(self) -> ShortLedger:
        return ShortLedger(self.clock, lambda: self.account.now)

    def _followed(self) -> datetime:
        """What the engine took the time to be when `monotonic` was 0."""
        at, counted = self.engine._clock._anchor[0]
        return at - timedelta(seconds=counted)

    def _sleep(self, seconds: float) -> None:
        self.account.now += timedelta(seconds=seconds)

    def _true(self, at: datetime) -> datetime:
        return at - self.wire.skew

    def turn(self) -> None:
        """What it does when it wakes; a crash ends the process, and the next one begins at the next turn."""
        try:
            self.work()
        except Crash:
            self.outside.tell(f"{self.name} is dead, and starts again")
            self.outside.judge.forget(self.name)
            self.begin()
        self.ledger.shorten()

    def look(self) -> None:
        """One more pass over all servers, whether or not it is time."""
        self.engine.run_pass(self.account.world.policies)

    def start_again(self) -> None:
        """A new process, and its first pass."""
        self.begin()
        self.work()

    def work(self) -> None:
        """One turn of the process."""
        raise NotImplementedError

    def begin(self) -> None:
        """A new process."""
        raise NotImplementedError

    def wakes_at(self) -> datetime:
        """When it does something next, by the API's clock."""
        raise NotImplementedError

    def agenda(self) -> Agenda | None:
        """The appointments of the process."""
        raise NotImplementedError

    # Its state, as a value

    def save(self) -> tuple[Any, ...]:
        """All that the next turn may depend on; see `tests/exploration/digest.py` for what is left out, and why."""
        engine, agenda = self.engine, self.agenda()
        return (
            self.wire.skew,
            self._followed(),
            tuple(self.last.standings.items()),
            tuple(engine._attempts._last.items()),
            tuple(engine._deletions._last.items()),
            tuple(engine._deletions._room.items()),
            engine._outcomes._outages,
            tuple(agenda._at.items()) if agenda else None,
            tuple(sorted(agenda._waiting, key=str)) if agenda else (),
            self.process(),
            self.ledger.save(),
        )

    def plain(self, digester: Digester) -> tuple[Any, ...]:
        """What it is now, for a digest: a delete that no list can show any more leaves no trace.

        `now` is in it as the moment when it wakes: nothing else happens before.
        """
        skew, followed, standings, attempts, deletions, rooms, outages, at, waiting, process, ledger = self.save()
        slots = {each.server_id: self._reached(each) for each in self.account.world.policies}
        if digester.calm:
            attempts = tuple(
                each for each in attempts if not self._is_over(each[1].stage, each[1].slot, slots[each[0]])
            )
            rooms = tuple(each for each in rooms if each[1][0] >= slots[each[0]])
            ledger = tuple(
                each
                for each in ledger
                if each[1].slot is None or not self._is_over(each[2], each[1].slot, slots[each[1].server_id])
            )
        deletions = tuple(each for each in deletions if digester.plain(each[1][0]) != GONE)
        entries = [digester.entry(intent, result, ended_at) for _, intent, result, ended_at in ledger]
        state = (
            self.wakes_at(),
            skew,
            followed,
            standings,
            attempts,
            deletions,
            rooms,
            outages,
            self.plain_agenda(at),
            waiting,
            process,
        )
        return digester.plain(state), [each for each in entries if each is not None]

    def plain_agenda(self, at: Any) -> Any:
        """The appointments, for a digest."""
        return at

    def _reached(self, policy: Policy) -> datetime:
        return latest_slot(policy.schedule, self.clock()) or NOW

    @staticmethod
    def _is_over(stage: Result | None, slot: datetime, reached: datetime) -> bool:
        """Whether an attempt is about a slot that will not be asked about again; one that is open is followed."""
        return slot < reached and stage in (Result.COMPLETED, Result.FAILED, Result.DONE, Result.NOT_SENT)

    def load(self, saved: tuple[Any, ...]) -> None:
        """Go back to what was saved."""
        self.wire.skew, followed, standings, attempts, deletions, rooms, outages, at, waiting, process, ledger = saved
        self.ledger.load(ledger)
        self.last.standings = dict(standings)
        self.load_process(process, has_agenda=at is not None)
        engine, agenda = self.engine, self.agenda()
        engine._clock._anchor[0] = followed, 0.0
        engine._attempts._last = dict(attempts)
        engine._deletions._last = dict(deletions)
        engine._deletions._room = dict(rooms)
        engine._outcomes._outages = outages
        engine._actor.begun.clear()
        engine._told._said.clear()
        if agenda is not None:
            agenda._at = dict(at)
            agenda._waiting = set(waiting)
            agenda._enqueue_all()

    def process(self) -> Any:
        """What else the process keeps."""
        raise NotImplementedError

    def load_process(self, saved: Any, *, has_agenda: bool) -> None:
        """Go back to that."""
        raise NotImplementedError


def is_settled(standing: Standing) -> bool:
    """Whether nothing is to be done before the next slot."""
    kind, signs = standing
    return kind == Kind.IDLE.value and PROBLEMS.isdisjoint(signs)


def next_turn(at: datetime, every: timedelta) -> datetime:
    """The first whole multiple at or after."""
    return at + (NOW - at) % every
