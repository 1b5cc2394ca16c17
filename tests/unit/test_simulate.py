"""A simulation: as exact as making every look, judged by the rules at every call, and told in figures that add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rotator.engine import engine
from rotator.errors import NotFoundError, RefusedError, UnreachableError
from rotator.logs import silence
from rotator.model import CAP, Action, Cause, Hooks, Keep, Plan, Policy, Verb
from rotator.planner import plan
from rotator.simulate import BrokenRule, Fate, Outage, Settings, Story, VirtualClock, figures, simulate
from rotator.simulate.account import VirtualAccount
from rotator.simulate.doubts import doubts
from rotator.simulate.run import NothingAside
from rotator.simulate.settings import merged
from tests.builders import DB, WEB, policy

BEGUN = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONG = Outage(BEGUN + 2 * DAY + HOUR, BEGUN + 3 * DAY + 2 * HOUR)


def settings(days: int = 10, **more: Any) -> Settings:
    return Settings(BEGUN, days, **more)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with silence():
        yield


SPLAYED = [policy(number, schedule="every 6 hours", splay=number * 7 * timedelta(seconds=1)) for number in range(1, 9)]

CONFIGURATIONS: dict[str, tuple[list[Policy], Settings]] = {
    "one server": ([policy()], settings()),
    "keep 5, hourly, and every tenth fails": (
        [policy(schedule="hourly", keep=5)],
        settings(3, fail=0.1, seed=3, poll_interval=MINUTE),
    ),
    "tiers": ([policy(schedule="every 6 hours", keep=Keep(last=2, daily=1, weekly=1))], settings(30, foreign=1)),
    "an outage while a snapshot is in progress": (
        [policy(schedule="hourly"), policy(DB, schedule="every 2 hours")],
        settings(5, outages=(Outage(BEGUN + DAY + 2 * MINUTE, BEGUN + DAY + 3 * HOUR), LONG), create_time=11 * MINUTE),
    ),
    "snapshots that take longer than a slot": (
        [policy(schedule="every 30 minutes")],
        settings(1, create_time=50 * MINUTE, poll_interval=MINUTE),
    ),
    "snapshots that are stuck": (
        [policy(schedule="hourly")],
        settings(2, create_time=95 * MINUTE, poll_interval=MINUTE),
    ),
    "grace, and an outage": (
        [policy(schedule="every 6 hours", grace=20 * MINUTE)],
        settings(4, outages=(LONG,), create_time=7 * HOUR, poll_interval=MINUTE),
    ),
    "eight servers, each a few seconds later": (SPLAYED, settings(4, fail=0.2, outages=(LONG,))),
    "no room for anything": ([policy()], settings(3, foreign=5)),
    "several in progress at once, some of them stuck": (
        [policy(schedule="every 15 minutes", keep=1, splay=HOUR, grace=2 * HOUR, stuck_after=20 * MINUTE)],
        settings(1, create_time=timedelta(seconds=5000), poll_interval=MINUTE),
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_looks_that_are_not_made_change_nothing(name: str) -> None:
    policies, chosen = CONFIGURATIONS[name]
    assert simulate(policies, chosen) == simulate(policies, chosen, fast=False)


def test_most_looks_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []

    def counted(*given: Any) -> Plan:
        plans.append(plan(*given))
        return plans[-1]

    monkeypatch.setattr(engine, "plan", counted)
    story = simulate([policy()], settings())
    assert len(plans) == 2 * 11  # one takes the slot, one finds it complete and deletes
    assert story.calls["list"] > 200


def test_same_options_give_the_same_story_and_another_seed_another() -> None:
    policies = [policy(schedule="hourly")]
    first, again, other = (simulate(policies, settings(3, fail=0.3, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.servers != other.servers


def test_which_snapshots_fail_does_not_depend_on_the_other_servers() -> None:
    web, db = policy(schedule="hourly"), policy(DB, schedule="hourly")
    chosen = settings(2, fail=0.3)
    assert simulate([web, db], chosen).servers[1].lives[3].status == simulate([db], chosen).servers[0].lives[3].status


def test_a_slot_that_was_tried_four_times_is_missed_however_soon_the_end_comes() -> None:
    [server] = simulate([policy()], settings(3, fail=1.0)).servers
    assert {each.fate for each in server.slots} == {Fate.MISSED}


def test_no_word_is_said_of_a_slot_that_was_over_before_the_beginning() -> None:
    [server] = simulate([policy(grace=MINUTE)], settings(1)).servers
    assert [each.kind for each in server.troubles] == []


def test_hooks_are_not_run() -> None:
    story = simulate([policy(hooks=Hooks())], settings(2))
    assert story.servers[0].policy.hooks is None
    with pytest.raises(AssertionError, match="beside the passes"):
        NothingAside().start(WEB, None)
    NothingAside().wait(1)


def found(story: Story) -> Any:
    return figures(story.servers[0], story)


class TestFigures:
    def test_of_days_on_which_all_goes_well(self) -> None:
        facts = found(simulate([policy()], settings()))
        assert [story.born.day for story in facts.points] == [2, 1, 30, 29]
        assert facts.slots == {Fate.TAKEN: 11}  # the slot before the beginning is caught up at once
        assert facts.deletes == {Cause.SURPLUS: 7}
        assert facts.gap.span == DAY + 5 * MINUTE
        assert (facts.reach.least, facts.reach.greatest) == (3 * DAY + 5 * MINUTE, 4 * DAY + 5 * MINUTE)
        assert facts.failed == 0

    def test_of_an_outage(self) -> None:
        story = simulate([policy(schedule="every 6 hours")], settings(outages=(LONG,)))
        [cost] = found(story).outages
        assert (cost.late, cost.missed) == (1, 3)
        assert timedelta(hours=26) < cost.gap < timedelta(hours=33)
        assert found(story).gap.span == cost.gap
        assert story.servers[0].troubles == ()

    def test_of_an_outage_from_the_first_moment_on(self) -> None:
        story = simulate([policy()], settings(2, outages=(Outage(BEGUN, BEGUN + 3 * DAY),)))
        facts = found(story)
        assert (facts.gap, facts.reach, facts.points) == (None, None, ())
        assert facts.outages[0].gap is None
        assert facts.slots == {Fate.MISSED: 2, Fate.OPEN: 1}

    def test_of_failures(self) -> None:
        facts = found(simulate([policy(schedule="hourly")], settings(fail=0.2)))
        assert facts.failed > 10
        assert facts.deletes[Cause.FAILED] == facts.failed
        assert facts.slots[Fate.LATE] > 10

    def test_of_a_slot_that_comes_too_late_for_its_grace(self) -> None:
        facts = found(simulate([policy(grace=HOUR)], settings(outages=(LONG,))))
        assert facts.slots == {Fate.TAKEN: 8, Fate.LATE: 1, Fate.MISSED: 1}

    def test_of_a_snapshot_in_progress_at_the_end(self) -> None:
        facts = found(simulate([policy(schedule="every day at 23:58")], settings(2)))
        assert facts.slots[Fate.OPEN] == 1

    def test_calls_of_the_days_add_up(self) -> None:
        story = simulate([policy()], settings())
        assert sum(story.calls_by_day) == sum(story.calls.values())
        assert len(story.calls_by_day) == 10


class TestDoubts:
    def told(self, rules: Policy, chosen: Settings) -> dict[str, str]:
        story = simulate([rules], chosen)
        return dict(doubts(story.servers[0], found(story), chosen))

    def test_none_of_a_policy_with_a_place_to_spare(self) -> None:
        assert self.told(policy(), settings()) == {}

    def test_of_a_policy_that_fills_every_place(self) -> None:
        told = self.told(policy(keep=5), settings())
        remedy = "a keep of 4 in all leaves a place free"
        assert told == {"make_room": f"6 restore points had to go before the new one was complete; {remedy}"}

    def test_of_slots_that_come_faster_than_snapshots(self) -> None:
        told = self.told(policy(schedule="every 30 minutes"), settings(1, create_time=50 * MINUTE))
        assert told["skips"] == "18 of 48 slots got no restore point, though nothing failed"

    def test_of_places_that_others_hold(self) -> None:
        told = self.told(policy(), settings(10, foreign=3))
        assert told["fewer"] == "keep: 4 wants 4, and there were 2 restore points on the last day"

    def test_a_policy_is_not_blamed_for_an_outage(self) -> None:
        assert self.told(policy(schedule="every 6 hours"), settings(outages=(LONG,))) == {}


def test_a_condition_is_told_once_with_how_often_it_came_about() -> None:
    story = simulate([policy()], settings(5, foreign=5))
    kinds = {trouble.kind: trouble.times for trouble in story.servers[0].troubles}
    assert kinds == {"squeezed": 1, "blocked": 1}
    failed = simulate([policy(schedule="hourly")], settings(5, fail=0.2)).servers[0].troubles
    assert [trouble.kind for trouble in failed] == ["failed"]
    assert failed[0].times > 5


def deletes_the_newest(rules: Policy, seen: Any, now: datetime, requested: datetime | None = None) -> Plan:
    """A planner that breaks S5 once there are three restore points."""
    planned = plan(rules, seen, now, requested)
    points = [verdict.snapshot for verdict in planned.verdicts]
    if len(points) < 3:
        return planned
    action = Action(Verb.DELETE, Cause.SURPLUS, points[-1].name, "it is broken", points[-1].id)
    return replace(planned, actions=(action,))


def test_a_broken_rule_ends_the_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "plan", deletes_the_newest)
    with pytest.raises(BrokenRule, match=r"^S5 policy: delete rotator-20261124T020000Z: it is the newest$") as broken:
        simulate([policy()], settings())
    assert broken.value.at == BEGUN + DAY + 2 * HOUR + 5 * MINUTE
    assert broken.value.policy.server_id == WEB


class TestAccount:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock(BEGUN)

    def test_holds_the_cap(self, clock: VirtualClock) -> None:
        account = VirtualAccount([policy()], settings(foreign=CAP - 1), clock)
        account.server_snapshots(WEB)
        account.create_snapshot(WEB, "rotator-20261123T020000Z", "")
        # A list that was answered before somebody else took the last place.
        account._shown[WEB] = replace(account._shown[WEB], rows=4, stale=False)
        with pytest.raises(RefusedError, match="limit of 5"):
            account.create_snapshot(WEB, "rotator-20261123T030000Z", "")

    def test_answers_nobody_in_an_outage(self, clock: VirtualClock) -> None:
        account = VirtualAccount([policy()], settings(outages=(Outage(BEGUN, BEGUN + HOUR),)), clock)
        with pytest.raises(UnreachableError):
            account.account_snapshots()
        clock.now = BEGUN + HOUR
        assert account.account_snapshots().snapshots == ()
        assert account.calls["list"] == 2

    def test_knows_its_servers_and_no_other_snapshot(self, clock: VirtualClock) -> None:
        account = VirtualAccount([policy()], settings(), clock)
        assert [(server.id, server.status) for server in account.servers()] == [(WEB, "active")]
        with pytest.raises(NotFoundError):
            account.delete_snapshot(1)

    def test_foreign_snapshots_are_foreign_to_a_policy_that_adopts_much(self, clock: VirtualClock) -> None:
        account = VirtualAccount([policy(adopt=("by-hand-*",))], settings(foreign=2), clock)
        assert [row.name for row in account.server_snapshots(WEB).snapshots] == ["kept1", "kept2"]
        with pytest.raises(ValueError, match="leave no name"):
            VirtualAccount([policy(adopt=("*0*", "*-*", "k*"))], settings(foreign=1), clock)

    def test_a_name_that_states_no_moment_of_the_calendar_is_foreign(self) -> None:
        story = simulate([policy(adopt=("x*",))], settings(1))
        assert all(life.owned for life in story.servers[0].lives)


class TestSettings:
    @pytest.mark.parametrize("wrong", [{"days": 0}, {"fail": 1.1}, {"foreign": 6}])
    def test_that_cannot_be_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="no simulation"):
            Settings(BEGUN, **wrong)

    def test_outages_that_overlap_are_one_and_end_with_the_simulation(self) -> None:
        late = Outage(BEGUN + 9 * DAY, BEGUN + 12 * DAY)
        outages = [
            late,
            Outage(BEGUN, BEGUN + DAY),
            Outage(BEGUN + HOUR, BEGUN + 2 * HOUR),
            Outage(BEGUN + DAY, BEGUN + 2 * DAY),
        ]
        assert merged(outages, BEGUN + 10 * DAY) == (
            Outage(BEGUN, BEGUN + 2 * DAY),
            Outage(BEGUN + 9 * DAY, BEGUN + 10 * DAY),
        )
