"""What the board shows of passes: the latest of every server, what was seen before, and the last deeds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rotator.engine import Kind, Outcome, Report
from rotator.errors import RotatorError, UnreachableError
from rotator.model import Action, Cause, Policy, Verb
from rotator.planner import plan
from rotator.standing import Board
from tests.builders import DB, WEB, days, observation, policy
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
WEB_DAILY, DB_DAILY = policy(WEB), policy(DB)


def seen(rules: Policy, *done: Action) -> Outcome:
    looked = observation(*days(22, 23))
    return Outcome(rules, Kind.IDLE, plan=plan(rules, looked, NOW), observation=looked, done=done)


def unseen(rules: Policy) -> Outcome:
    return Outcome(rules, Kind.FAILED, "answered 502", problems=("answered 502",))


def create(name: str) -> Action:
    return Action(Verb.CREATE, Cause.SLOT, name, "due")


def board(*policies: Policy) -> Board:
    made = Board()
    made.configured(policies)
    return made


def servers(made: Board) -> list[str]:
    return [outcome.policy.server for outcome in made.report(NOW).outcomes]


def test_nothing_is_known_before_the_first_pass() -> None:
    made = board(WEB_DAILY)
    assert made.report(NOW) == Report(())
    assert made.last_pass is None
    assert made.deeds(WEB) == ()


def test_servers_are_in_the_order_of_the_configuration() -> None:
    made = board(DB_DAILY, WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY),)), NOW)
    made.passed(Report((seen(DB_DAILY),)), NOW + MINUTE)
    assert servers(made) == ["db-server-01", "web-server-01"]
    assert made.last_pass == NOW + MINUTE


def test_a_server_that_could_not_be_looked_at_keeps_what_was_seen_before() -> None:
    made = board(WEB_DAILY)
    before = seen(WEB_DAILY)
    made.passed(Report((before,)), NOW)
    made.passed(Report((unseen(WEB_DAILY),)), NOW)
    [outcome] = made.report(NOW).outcomes
    assert (outcome.kind, outcome.problems) == (Kind.FAILED, ("answered 502",))
    assert (outcome.plan, outcome.observation) == (before.plan, before.observation)


def test_one_that_never_could_has_nothing_to_keep() -> None:
    made = board(WEB_DAILY)
    for _ in range(2):
        made.passed(Report((unseen(WEB_DAILY),)), NOW)
    [outcome] = made.report(NOW).outcomes
    assert outcome.plan is None


def test_trouble_of_the_account_is_the_one_of_the_last_pass() -> None:
    made = board(WEB_DAILY)
    error: RotatorError = UnreachableError("no route")
    made.passed(Report((unseen(WEB_DAILY),), error), NOW)
    assert made.report(NOW).error is error
    made.passed(Report((seen(WEB_DAILY),)), NOW)
    assert made.report(NOW).error is None


def test_servers_are_judged_as_of_now() -> None:
    rules = policy(WEB, max_age=timedelta(days=1))
    made = board(rules)
    made.passed(Report((seen(rules),)), NOW)
    assert made.report(NOW).outcomes[0].problems == ()
    assert "max_age" in made.report(NOW + timedelta(days=3)).outcomes[0].problems[0]


def test_the_last_ten_deeds_are_kept_newest_first() -> None:
    made = board(WEB_DAILY, DB_DAILY)
    for number in range(12):
        made.passed(Report((seen(WEB_DAILY, create(f"made-{number}")), seen(DB_DAILY))), NOW + number * MINUTE)
    deeds = made.deeds(WEB)
    assert [deed.action.name for deed in deeds] == [f"made-{number}" for number in range(11, 1, -1)]
    assert deeds[0].at == NOW + 11 * MINUTE
    assert made.deeds(DB) == ()


def test_what_is_known_of_servers_that_left_is_dropped() -> None:
    made = board(WEB_DAILY, DB_DAILY)
    made.passed(Report(tuple(seen(each, create("x")) for each in (WEB_DAILY, DB_DAILY))), NOW)
    made.configured([replace(DB_DAILY, server="renamed")])
    made.configured([WEB_DAILY, DB_DAILY])
    assert servers(made) == ["db-server-01"]
    assert made.deeds(WEB) == ()
    assert len(made.deeds(DB)) == 1
