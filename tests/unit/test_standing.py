"""How a server stands: what is wrong with it by kind, the one word for it, and the document of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.engine import Kind, Outcome, Report
from rotator.model import Notice, Policy, Sign, Snapshot
from rotator.planner import plan
from rotator.standing import (
    Condition,
    Trouble,
    conditions,
    iso,
    judged,
    last_slot,
    restore_points,
    stale_after,
    state,
    status_json,
    why_stale,
)
from tests.builders import DB, WEB, day, days, foreign, observation, policy, snapshot, taken
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAILY = policy(WEB)


def looked(
    rules: Policy, *rows: Snapshot, kind: Kind = Kind.IDLE, reason: str = "", at: datetime = NOW, **more: Any
) -> Outcome:
    """What a look at these snapshots gives."""
    seen = observation(*rows, taken_at=at)
    return Outcome(rules, kind, reason, plan(rules, seen, at), seen, **more)


def unseen(kind: Kind = Kind.FAILED, reason: str = "answered 502") -> Outcome:
    return Outcome(DAILY, kind, reason, problems=(reason,))


def troubles(outcome: Outcome, now: datetime = NOW) -> list[Trouble]:
    return [each.trouble for each in conditions(outcome, now)]


class TestRestorePoints:
    def test_are_newest_first_by_when_they_were_taken(self) -> None:
        assert restore_points(looked(DAILY, *days(20, 22, 21))) == (day(22), day(21), day(20))

    def test_one_without_a_time_counts_by_its_slot(self) -> None:
        assert restore_points(looked(DAILY, taken(day(22), created_at=None))) == (day(22),)

    def test_others_than_completed_are_none(self) -> None:
        rows = [*days(20, status="failed"), *days(21, status="in_progress"), *foreign("x")]
        assert restore_points(looked(DAILY, *rows)) == ()

    def test_who_was_not_seen_has_none(self) -> None:
        assert restore_points(unseen()) == ()
        assert last_slot(unseen()) is None

    def test_last_slot_leaves_out_what_a_wrong_clock_dated_ahead(self) -> None:
        ahead = taken(NOW + 30 * DAY)
        assert last_slot(looked(DAILY, *days(22), ahead)) == day(22)
        assert last_slot(looked(DAILY, ahead)) is None
        assert last_slot(replace(looked(DAILY, *days(22)), observation=None)) == day(22)


class TestStale:
    """After two slots without a new restore point, or after `max_age`."""

    @pytest.mark.parametrize(("newest", "stale"), [(23, False), (22, False), (21, True)])
    def test_without_max_age_once_two_slots_passed(self, newest: int, stale: bool) -> None:
        now = NOW + DAILY.stuck_after + HOUR
        outcome = replace(looked(DAILY, *days(newest)), kind=Kind.FAILED)
        outcome = replace(outcome, plan=replace(outcome.plan, due=False) if outcome.plan else None)
        assert bool(why_stale(outcome, now)) is stale
        if stale:
            assert why_stale(outcome, now) == "the newest restore point is 2d old; two slots passed without a new one"

    @pytest.mark.parametrize(("hours", "stale"), [(24, False), (25, True)])
    def test_by_max_age(self, hours: int, stale: bool) -> None:
        rules = policy(WEB, max_age=DAY)
        said = why_stale(looked(rules, *days(23)), NOW + hours * HOUR)
        assert said == ("the newest restore point is 25h old; max_age: 24h" if stale else None)

    def test_without_any_restore_point(self) -> None:
        rules = policy(WEB, max_age=DAY)
        outcome = looked(rules)
        assert outcome.plan
        missed = replace(outcome, plan=replace(outcome.plan, due=False))
        assert why_stale(missed, NOW) == "no restore point; max_age: 24h"
        unaged = replace(missed, policy=DAILY)
        assert why_stale(unaged, NOW) == "no restore point; two slots passed without a new one"

    @pytest.mark.parametrize(
        "rules",
        [
            pytest.param(policy(WEB), id="daily"),
            pytest.param(policy(WEB, schedule="hourly", splay=7.5 * MINUTE), id="hourly with splay"),
            pytest.param(policy(WEB, schedule="every monday at 04:30", timezone="Europe/Paris"), id="weekly"),
            pytest.param(policy(WEB, max_age=26 * HOUR), id="max_age"),
            pytest.param(policy(WEB, schedule="every 6 hours", stuck_after=MINUTE), id="soon stuck"),
        ],
    )
    def test_the_moment_is_known_beforehand(self, rules: Policy) -> None:
        outcome = looked(rules, *days(23), at=day(23) + 3 * HOUR)
        assert outcome.plan
        waited = replace(outcome, plan=replace(outcome.plan, due=False))
        moment = stale_after(waited)
        assert moment is not None
        assert why_stale(waited, moment) is None
        assert why_stale(waited, moment + MINUTE)

    @pytest.mark.parametrize("rules", [DAILY, policy(WEB, max_age=HOUR)])
    def test_without_any_restore_point_there_is_no_such_moment(self, rules: Policy) -> None:
        assert stale_after(looked(rules)) is None
        assert stale_after(unseen()) is None

    def test_never_where_no_second_slot_follows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        outcome = looked(DAILY, *days(23))
        monkeypatch.setattr("rotator.standing.judge.next_slot", lambda *_: None)
        assert stale_after(outcome) is None
        assert why_stale(outcome, NOW + 900 * DAY) is None

    def test_one_that_a_wrong_clock_dated_ahead_proves_nothing(self) -> None:
        rules = policy(WEB, max_age=DAY)
        ahead = replace(taken(NOW + 400 * DAY), id=99)
        outcome = looked(rules, *days(23), ahead)
        assert outcome.plan
        assert restore_points(outcome) == (day(23),)
        assert stale_after(outcome) == day(24)
        assert why_stale(outcome, day(24) + HOUR) == "the newest restore point is 25h old; max_age: 24h"
        alone = looked(rules, ahead)
        assert alone.plan
        alone = replace(alone, plan=replace(alone.plan, due=False))
        assert why_stale(alone, NOW) == "no restore point; max_age: 24h"

    def test_a_slot_ahead_or_a_time_ahead_is_made_good_by_the_other(self) -> None:
        rules = policy(WEB, max_age=DAY)
        later = NOW + 400 * DAY
        assert restore_points(looked(rules, taken(later, created_at=day(22)))) == (day(22),)
        assert restore_points(looked(rules, taken(day(21), created_at=later))) == (day(21),)
        by_slots = looked(DAILY, taken(later, created_at=day(22)))
        assert stale_after(by_slots) == day(24) + DAILY.stuck_after

    @pytest.mark.parametrize("kind", [Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN])
    def test_not_while_a_new_one_is_on_its_way(self, kind: Kind) -> None:
        rules = policy(WEB, max_age=HOUR)
        assert why_stale(looked(rules, *days(23), kind=kind), NOW + DAY) is None

    def test_not_while_one_is_due_or_nothing_was_seen(self) -> None:
        assert why_stale(looked(policy(WEB, max_age=HOUR), *days(20)), NOW) is None
        assert why_stale(unseen(), NOW) is None


class TestConditions:
    def test_a_well_server_has_none(self) -> None:
        assert conditions(looked(DAILY, *days(22, 23)), NOW) == ()

    @pytest.mark.parametrize(
        ("kind", "trouble"), [(Kind.BLOCKED, Trouble.BLOCKED), (Kind.FAILED, Trouble.FAILING), (Kind.WAITING, None)]
    )
    def test_by_how_the_pass_ended(self, kind: Kind, trouble: Trouble | None) -> None:
        found = conditions(looked(DAILY, *days(23), kind=kind, reason="why"), NOW)
        assert found == ((Condition(trouble, "why"),) if trouble else ())

    @pytest.mark.parametrize("sign", list(Sign))
    def test_by_what_the_plan_notes(self, sign: Sign) -> None:
        outcome = looked(DAILY, *days(23))
        assert outcome.plan
        noted = replace(outcome, plan=replace(outcome.plan, notices=(Notice(sign, "words"),)))
        stuck = (Sign.STUCK, Sign.SLOW, Sign.UNKNOWN_STATUS)
        expected = [Trouble.STUCK] if sign in stuck else [Trouble.HELD] if sign is Sign.HELD else []
        assert troubles(noted) == expected

    def test_overdue_is_what_nothing_takes(self) -> None:
        outcome = looked(DAILY, *days(22))
        assert outcome.plan
        assert outcome.plan.due
        after = NOW + DAILY.stuck_after
        assert troubles(outcome, after) == []
        [found] = conditions(outcome, after + 2 * HOUR)
        assert found.trouble is Trouble.OVERDUE
        assert found.text.endswith("has been due for 3h and is not taken; does rotator run?")
        assert troubles(replace(outcome, kind=Kind.WAITING), after + 2 * HOUR) == []
        assert troubles(replace(outcome, plan=replace(outcome.plan, slot=None)), after + 2 * HOUR) == []

    def test_overdue_without_any_snapshot_so_far_says_how_to_begin(self) -> None:
        [found] = conditions(looked(DAILY, snapshot("by hand", day(1))), NOW + DAILY.stuck_after + HOUR)
        assert found == Condition(Trouble.OVERDUE, "overdue: no snapshot yet; run `rotator once`, or start the daemon")

    def test_what_was_not_seen_is_judged_by_how_the_pass_ended(self) -> None:
        assert troubles(unseen()) == [Trouble.FAILING]
        assert troubles(unseen(Kind.SKIPPED)) == []


class TestState:
    def test_judging_adds_what_is_wrong_by_now_and_says_nothing_twice(self) -> None:
        outcome = looked(policy(WEB, max_age=HOUR), *days(23))
        once = judged(outcome, NOW + DAY / 2)
        assert once.problems == ("the newest restore point is 12h old; max_age: 60m",)
        assert judged(once, NOW + DAY / 2) == once
        assert judged(unseen(), NOW).problems == ("answered 502",)

    def test_one_word(self) -> None:
        well, due = looked(DAILY, *days(23)), looked(DAILY, *days(22))
        assert state(well) == "ok"
        assert state(replace(well, problems=("held",))) == "attention"
        assert state(due) == "due"
        assert state(replace(due, problems=("held",))) == "attention"
        assert state(judged(due, NOW + DAY / 2)) == "overdue"
        assert state(unseen()) == "failed"
        assert state(replace(well, kind=Kind.BLOCKED)) == "blocked"


class TestDocument:
    def test_of_a_server_that_was_seen(self) -> None:
        rows = [taken(day(22)), snapshot("by hand", None), taken(day(23), "in_progress")]
        eta = NOW + HOUR
        report = Report((looked(DAILY, *rows, kind=Kind.WAITING, eta=eta),))
        document = json.loads(json.dumps(status_json(report, NOW)))
        [server] = document["servers"]
        assert document["generated_at"] == NOW.isoformat()
        assert (server["server_id"], server["server"], server["policy"]) == (WEB, "web-server-01", None)
        assert (server["state"], server["eta"]) == ("waiting", eta.isoformat())
        assert (server["last_slot"], server["next_slot"]) == (day(22).isoformat(), day(24).isoformat())
        assert [(each["owned"], each["age_s"]) for each in server["snapshots"]] == [
            (True, 86400),
            (False, None),
            (True, 0),
        ]
        [point] = server["restore_points"]
        assert (point["name"], point["prune_reason"]) == (rows[0].name, None)

    def test_of_one_that_was_not(self) -> None:
        [server] = status_json(Report((unseen(),)), NOW)["servers"]
        empty = ("snapshots", "restore_points", "notices")
        assert [server[key] for key in empty] == [[], [], []]
        assert server["troubles"] == [{"kind": "failing", "text": "answered 502"}]
        unknown = ("due", "last_slot", "next_slot", "waiting", "eta", "blocked")
        assert {server[key] for key in unknown} == {None}
        assert (server["state"], server["problems"]) == ("failed", ["answered 502"])

    def test_has_the_same_keys_whatever_was_seen(self) -> None:
        seen, not_seen = looked(policy(DB), *days(23)), unseen()
        shown = [status_json(Report((each,)), NOW)["servers"][0].keys() for each in (seen, not_seen)]
        assert shown[0] == shown[1]

    def test_no_moment_is_null(self) -> None:
        assert iso(None) is None
