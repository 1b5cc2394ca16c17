"""An account as time goes by: a cloud, a ledger and a process that outlast each other, and a witness of the whole.

The cloud asserts S1 to S8 at every call. The witness asserts what only shows over time; neither knows the planner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.engine import Agenda, Kind, Outcome
from rotator.engine.ledger import Hold
from rotator.engine.pool import InTurn
from rotator.errors import RotatorError
from rotator.model import Cause, Id, Policy, Sign, Snapshot, State, Verb
from rotator.simulate.rules import FUTURE, RuleBrokenError, is_owned, slot_of
from tests.fake_cloud import Crash, FakeCloud, Fault, Shell
from tests.ledger import FakeLedger

LONGEST_REST = timedelta(hours=24)
"""The daemon looks at every server this often at least."""

JUMP = timedelta(seconds=60)
"""The daemon takes no notice of a clock that was set by less."""

TURN = timedelta(seconds=1)
"""The daemon rests this long at least between two passes."""

MOST_SURPLUS = 2

_BUSY = (Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN)

_NOT_TAKEN = (Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED)
_IN_THE_WAY = {Sign.MISSED, Sign.STUCK, Sign.SLOW, Sign.UNKNOWN_STATUS}


def says_why_not(kind: Kind, signs: Collection[Sign]) -> bool:
    """Whether an outcome explains that a slot has no restore point (L1); that too much is there explains nothing."""
    return kind in _NOT_TAKEN or not _IN_THE_WAY.isdisjoint(signs)


@dataclass(slots=True)
class _Known:
    """What the witness knows of a server since a person last did something to it."""

    newest: datetime | None = None
    most: int = 0
    points: frozenset[Id] = frozenset()
    """The restore points that count: a clock that was wrong may have made some whose slot is yet to come."""
    foreign: frozenset[Id] = frozenset()
    surplus: int = 0
    """Pruned as surplus since one more restore point counted."""
    pruned: set[str] = field(default_factory=set)
    """The names of the restore points that rotator gave up."""


class Watched(FakeCloud):
    """Notes of every server what rotator did to it, and raises for what no single call shows to be wrong."""

    def __init__(self, policies: Iterable[Policy], now: datetime, create_time: timedelta) -> None:
        super().__init__(policies, now=now, create_time=create_time)
        self.down: RotatorError | None = None
        """Every call fails with it."""
        self.rivals: set[Id] = set()
        """Servers on which somebody takes the next place that rotator makes."""
        self.ledger = Remembering(self)
        self._known: dict[Id, _Known] = {}
        self._victims: dict[tuple[Id, datetime], set[Id]] = {}
        """What was given up to make room, by slot; whatever people do."""

    def policy(self, server_id: Id) -> Policy:
        """The rules in force."""
        return self._policies[server_id]

    def points(self, server_id: Id) -> list[Snapshot]:
        """The owned restore points that are really there."""
        there = (each for each in self.snapshots(server_id) if each.state is State.COMPLETED)
        return [each for each in there if is_owned(self.policy(server_id), each)]

    def state_of(self, servers: Iterable[Id]) -> list[tuple[Id, str]]:
        """Everything that is really there."""
        return [(each.id, each.status) for server_id in servers for each in self.snapshots(server_id)]

    def take_away(self, snapshot: Snapshot) -> None:
        """A person deletes this one."""
        del self._rows[snapshot.id]
        self.excuse(snapshot.server_id)

    def excuse(self, server_id: Id) -> None:
        """A person did something to this server: what follows is judged from here on."""
        self._known.pop(server_id, None)
        with told():
            self.look()

    def excuse_all(self) -> None:
        """The clock was set: slots that were over may come again."""
        self._victims.clear()
        for server_id in self._policies:
            self.excuse(server_id)

    def look(self) -> None:
        """Compare what is there with what was there at the last look."""
        for server_id, policy in self._policies.items():
            there, points = self.snapshots(server_id), self.points(server_id)
            known, latest = self._known.setdefault(server_id, _Known()), self.clock() + FUTURE
            reached = ((slot_of(policy, each), each.id) for each in points)
            ids = frozenset(id_ for slot, id_ in reached if slot is not None and slot <= latest)
            slots = [slot for each in points if (slot := slot_of(policy, each)) is not None]
            _rule("S2 foreign", known.foreign <= {each.id for each in there}, f"{server_id}: a foreign one is gone")
            floor = min(known.most, policy.min_keep)
            _rule("S1 floor", len(points) >= floor, f"{server_id}: {len(points)} are left of {known.most}")
            newest = max(slots, default=None)
            kept = known.newest is None or (newest is not None and newest >= known.newest)
            _rule("S5 policy", kept, f"{server_id}: the newest was {known.newest}, now it is {newest}")
            known.surplus = 0 if ids - known.points else known.surplus
            known.points, known.newest, known.most = ids, newest, max(known.most, len(points))
            known.foreign = frozenset(each.id for each in there if not is_owned(policy, each))

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        self.look()
        _rule("L4 once", name not in self._known[server_id].pruned, f"{name} was there and was given up")
        _rule("hold", server_id not in self.ledger.holds(), f"create {name}: the server is being restored")
        return super().create_snapshot(server_id, name, description)

    def delete_snapshot(self, snapshot_id: Id) -> None:
        self.look()
        row = self._rows.get(snapshot_id)
        try:
            super().delete_snapshot(snapshot_id)
        finally:
            if row is not None and snapshot_id not in self._rows:
                self._note(self._at(row))
        self.look()

    def _note(self, gone: Snapshot) -> None:
        _rule("hold", gone.server_id not in self.ledger.holds(), f"delete {gone.name}: the server is being restored")
        intents = [each for each in self.ledger.intents.values() if each.snapshot_id == gone.id]
        intent = next(each for each in reversed(intents) if each.verb == Verb.DELETE)
        known = self._known[gone.server_id]
        if gone.state is not State.COMPLETED or intent.by == "prune":
            return
        known.pruned.add(gone.name)
        known.surplus += intent.cause == Cause.SURPLUS
        _rule("S11 shrink", known.surplus <= MOST_SURPLUS, f"{gone.name} is surplus number {known.surplus}")
        if intent.cause == Cause.ROOM and intent.slot is not None:
            victims = self._victims.setdefault((gone.server_id, intent.slot), set())
            victims.add(gone.id)
            _rule("S11 shrink", len(victims) <= 1, f"{gone.name} is the second to go for slot {intent.slot}")
            if gone.server_id in self.rivals:
                self.rivals.remove(gone.server_id)
                self.plant(gone.server_id, f"instead-of-{gone.id}")

    def _begin(self, call: str, server_id: Id | None, subject: Id | str) -> Fault | None:
        fault = super()._begin(call, server_id, subject)
        if self.down is not None:
            raise copy(self.down)
        return fault


class Remembering(FakeLedger):
    """A hold ends by itself, as in the state on disk."""

    def __init__(self, cloud: FakeCloud) -> None:
        super().__init__()
        self._cloud = cloud

    def holds(self) -> Mapping[Id, Hold]:
        now = self._cloud.clock()
        inside = {id_: hold for id_, hold in self.held.items() if hold.since - timedelta(hours=1) <= now < hold.until}
        self.held = dict(inside)
        return inside


class History:
    """The processes that work for an account, one after the other."""

    def __init__(self, policies: Iterable[Policy], now: datetime, create_time: timedelta) -> None:
        self.policies = {policy.server_id: policy for policy in policies}
        self.cloud = Watched(self.policies.values(), now, create_time)
        self.outcomes: dict[Id, Outcome] = {}
        self.reports = 0
        self._shell = self._new_shell()
        self._looked_at = now

    def live(self, span: timedelta, most: int = 30) -> None:
        """Let time pass with a daemon at work; after so many passes its machine sleeps through the rest."""
        end = self.cloud.now + span
        for _ in range(most):
            if not self.live_until_pass(end):
                return
        if self.cloud.now < end:
            self.cloud.now = end
            self.look_at_all()

    def live_until_pass(self, end: datetime) -> bool:
        """Let time pass until the next pass is over; False if that is after `end`, which is now."""
        cloud, agenda = self.cloud, self._shell.agenda
        at = min((agenda.next_at() or end) - cloud.skew, self._looked_at + LONGEST_REST)
        if at > end:
            cloud.now = end
            return False
        cloud.now = max(cloud.now, at)
        if cloud.now - self._looked_at >= LONGEST_REST:
            self.look_at_all()
        self.one_pass()
        return True

    def one_pass(self) -> None:
        """A pass for the servers whose time has come; a process that dies in it is started again."""
        with told():
            self._one_pass()
            self.cloud.advance(TURN)
            self.cloud.look()

    def _one_pass(self) -> None:
        shell, clock = self._shell, self.cloud.clock
        try:
            report = shell.engine.run_pass(shell.agenda.due(clock()))
        except Crash:
            self.restart(TURN)
        else:
            shell.agenda.note(report)
            self.reports += 1
            self.outcomes |= {outcome.policy.server_id: outcome for outcome in report.outcomes}

    def look_at_all(self) -> None:
        """Every appointment is now."""
        self._looked_at = self.cloud.now
        self._shell.agenda = Agenda(list(self.policies.values()), self.cloud.clock(), lasting=True)

    def restart(self, after: timedelta) -> None:
        """The process ends, and after a while another one begins."""
        self._shell.close()
        self.cloud.revive()
        self.cloud.advance(after)
        self._shell = self._new_shell()
        self._looked_at = self.cloud.now

    def reload(self, policy: Policy) -> None:
        """A person edits the rules of a server, and the daemon reads them."""
        before = self._shell
        self.policies[policy.server_id] = policy
        self.cloud.govern(self.policies.values())
        self.cloud.excuse(policy.server_id)
        self._shell = self._new_shell()
        self._shell.engine.take_over(before.engine)
        before.close()
        self._looked_at = self.cloud.now

    def set_clock(self, ahead: timedelta) -> None:
        """A person sets the clock of the machine; the daemon notices unless it is a little only."""
        jump, self.cloud.skew = ahead - self.cloud.skew, ahead
        self.cloud.excuse_all()
        if abs(jump) > JUMP:
            self.look_at_all()

    def is_at_rest(self) -> bool:
        """Whether nothing is under way on any server, nor about to be."""
        busy = any(outcome.kind in _BUSY for outcome in self.outcomes.values())
        at = self._shell.agenda.next_at()
        return not busy and (at is None or at - self.cloud.clock() > timedelta(minutes=1))

    def close(self) -> None:
        self._shell.close()

    def _new_shell(self) -> Shell:
        policies = list(self.policies.values())
        return Shell(self.cloud, policies, ledger=self.cloud.ledger, workers=InTurn())


@contextmanager
def told() -> Iterator[None]:
    """A broken rule as a failed test: what is no `Exception` would not be made smaller."""
    try:
        yield
    except RuleBrokenError as broken:
        raise AssertionError(str(broken)) from broken


def _rule(rule: str, kept: bool, what: str) -> None:
    if not kept:
        raise RuleBrokenError(f"{rule}: {what}")
