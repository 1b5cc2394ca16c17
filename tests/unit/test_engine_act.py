"""One call of one server: not made when by now something else is to be done, and written down either way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.engine.act import OLDEST_LIST, Actor
from rotator.engine.ledger import Result
from rotator.engine.memory import Attempts, Deletions, Permission
from rotator.engine.observe import observe_one
from rotator.engine.quiet import Quieting, no_hooks
from rotator.engine.record import intent_of
from rotator.engine.step import Step, next_action
from rotator.errors import MaybeCreatedError
from rotator.model import Action, AfterWhen, Cause, Command, Hooks, Policy, Verb
from rotator.naming import snapshot_name
from rotator.planner import plan
from tests.builders import WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud, Fault
from tests.ledger import FakeLedger

TODAY = snapshot_name("rotator", NOW)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("logs")


class Bench:
    """An actor for one server with restore points of these days, and the step that a look at them leads to."""

    def __init__(self, *numbers: int, rules: Policy | None = None) -> None:
        self.rules = rules or policy()
        self.cloud = FakeCloud([self.rules])
        self.ids = [self.cloud.plant(WEB, snapshot_name("rotator", day(number)), day(number)) for number in numbers]
        self.ledger = FakeLedger()
        self.attempts = Attempts((), timedelta(seconds=30), self.ledger)
        self.deletions = Deletions()
        quieting = Quieting(no_hooks, self.ledger, self.cloud.clock, self.attempts)
        self.actor = Actor(self.cloud, self.cloud.clock, self.attempts, self.deletions, self.ledger, quieting)

    def step(self) -> Step:
        seen = observe_one(self.cloud, WEB, self.cloud.clock)
        planned = plan(self.rules, seen, self.cloud.now)
        permission = Permission(granted=True)
        action = next_action(planned, permission)
        assert action is not None
        self.ledger.begin([intent_of(self.rules, planned, action, "k", self.cloud.now, "run")])
        return Step(self.rules, seen, planned, permission, action, key="k")

    def results(self) -> list[Result]:
        return self.ledger.results.get("k", [])

    def changes(self) -> list[str]:
        return [call for call, _ in self.cloud.calls if call in ("create", "delete")]


def test_a_step_without_an_action_is_nothing_to_do() -> None:
    bench = Bench(22)
    assert not bench.actor.act(replace(bench.step(), action=None))
    assert (bench.changes(), bench.actor.begun) == ([], set())


def test_an_action_is_made_and_written_down() -> None:
    bench = Bench(22)
    assert bench.actor.act(bench.step())
    assert (bench.changes(), bench.results()) == (["create"], [Result.SENT])


def test_a_create_without_a_slot_and_a_delete_without_an_id_are_not_sent() -> None:
    bench = Bench(22)
    step = bench.step()
    assert not bench.actor.act(replace(step, plan=replace(step.plan, slot=None)))
    nameless = Action(Verb.DELETE, Cause.SURPLUS, "x", "surplus")
    assert not bench.actor.act(replace(step, action=nameless))
    assert bench.changes() == []


class TestOldList:
    """A list that waited in the queue for more than a minute is renewed first, for this server (S4)."""

    def test_that_leads_to_the_same_action_is_acted_on(self) -> None:
        bench = Bench(22)
        step = bench.step()
        bench.cloud.advance(OLDEST_LIST + SECOND)
        assert bench.actor.act(step)
        assert bench.changes() == ["create"]

    def test_that_leads_to_another_is_not(self) -> None:
        bench = Bench(22)
        step = bench.step()
        bench.cloud.plant(WEB, TODAY, NOW)
        bench.cloud.advance(OLDEST_LIST + SECOND)
        assert not bench.actor.act(step)
        assert (bench.changes(), bench.results()) == ([], [Result.NOT_SENT])

    def test_that_still_shows_what_was_deleted_decides_nothing(self) -> None:
        bench = Bench(19, 20, 21, 22, 23)
        step = bench.step()
        assert step.action
        assert step.action.snapshot_id == bench.ids[0]
        bench.deletions.note(WEB, bench.ids[0], bench.cloud.now)
        bench.cloud.advance(OLDEST_LIST + SECOND)
        assert not bench.actor.act(step)
        assert (bench.changes(), bench.results()) == ([], [Result.NOT_SENT])

    def test_from_a_clock_that_was_ahead_is_renewed_too(self) -> None:
        bench = Bench(22)
        step = bench.step()
        ahead = replace(step, observation=replace(step.observation, taken_at=bench.cloud.now + SECOND))
        before = len(bench.cloud.calls)
        assert bench.actor.act(ahead)
        assert [call for call, _ in bench.cloud.calls[before:]] == ["list", "create"]


class TestHooks:
    """A policy whose commands nobody runs, for the embedded sandbox: they count as run."""

    HOOKS = Hooks(Command(("freeze",)), Command(("thaw",)), timeout=30 * SECOND, after_when=AfterWhen.REQUESTED)

    def test_one_server_s_debt_is_paid_and_no_other_s(self) -> None:
        bench = Bench(22, rules=policy(hooks=self.HOOKS))
        step = bench.step()
        other = Bench(22, rules=policy(hooks=self.HOOKS))
        other.cloud.trouble("create", Fault.LOSE_ANSWER)
        with pytest.raises(MaybeCreatedError):
            other.actor.act(replace(other.step(), key="another"))
        [debt] = other.ledger.debts()
        bench.ledger.owe(debt)
        assert bench.actor.act(step)
        assert bench.changes() == ["create"]
        assert [each.key for each in bench.ledger.debts()] == ["another"]
