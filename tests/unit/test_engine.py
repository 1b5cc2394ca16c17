"""Passes on a cloud that checks the safety rules at every call: what is called, what is told, what comes next."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from rotator.engine import Engine, Kind, Report
from rotator.engine.ledger import NoLedger
from rotator.engine.prune import prune_server
from rotator.errors import (
    CredentialsError,
    Exit,
    NotFoundError,
    RefusedError,
    RotatorError,
    UnavailableError,
    UnreachableError,
)
from rotator.model import Id, Listing, Observation, Plan, Policy, Snapshot
from rotator.naming import snapshot_name
from rotator.planner import plan
from rotator.simulate.rules import RuleBrokenError
from tests.builders import DB, NAMES, WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import Crash, FakeCloud, Fault, Shell, truncated

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLL = 15 * SECOND
TODAY = "rotator-20261123T020000Z"
MAIL = 12347

Logs = list[Any]


@pytest.fixture
def shells(logs: Logs) -> Iterator[Callable[..., Shell]]:
    """Makes shells and closes them; depends on `logs` to keep the lines off the terminal."""
    made: list[Shell] = []

    def make(cloud: FakeCloud, *policies: Policy, **options: Any) -> Shell:
        made.append(Shell(cloud, policies, **options))
        return made[-1]

    yield make
    for shell in made:
        shell.close()


Shells = Callable[..., Shell]


def events(logs: Logs, *names: str) -> list[str]:
    """The events in the order they were logged, or only those of these names."""
    return [str(line["event"]) for line in logs if not names or line["event"] in names]


def name(number: int) -> str:
    return snapshot_name("rotator", day(number))


def full_cloud(policies: list[Policy], *numbers: int, **options: Any) -> FakeCloud:
    """A cloud where every server has restore points of those days."""
    cloud = FakeCloud(policies, **options)
    for each in policies:
        for number in numbers:
            cloud.plant(each.server_id, name(number), day(number))
    return cloud


def one_pass(shell: Shell) -> Report:
    return shell.engine.run_pass(shell.policies)


def kinds(report: Report) -> list[Kind]:
    return [outcome.kind for outcome in report.outcomes]


class TestHappyPass:
    def test_a_due_slot_is_requested_waited_for_and_the_oldest_goes_afterwards(
        self, shells: Shells, logs: Logs
    ) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22)
        shell = shells(cloud, policy())
        created = one_pass(shell)
        assert (kinds(created), cloud.changes()) == ([Kind.ACTED], [("create", TODAY)])
        assert created.outcomes[0].look_again == NOW + POLL
        cloud.advance(POLL)
        waiting = one_pass(shell)
        assert kinds(waiting) == [Kind.WAITING]
        assert waiting.outcomes[0].reason == f"{TODAY} is in progress since 2026-11-23 02:00:00Z"
        assert (waiting.acted, waiting.exit_code) == (False, Exit.DONE)
        cloud.advance(5 * MINUTE)
        pruned = one_pass(shell)
        assert pruned.outcomes[0].look_again == cloud.now
        assert cloud.changes() == [("create", TODAY), ("delete", name(19))]
        assert kinds(one_pass(shell)) == [Kind.IDLE]
        assert cloud.names(WEB) == [name(20), name(21), name(22), TODAY]
        assert events(logs) == [
            *("pass_started", "slot_due", "snapshot_create_requested", "snapshot_created", "pass_finished"),
            *("pass_started", "pass_finished"),
            *("pass_started", "snapshot_completed", "snapshot_deleted", "pass_finished"),
            *("pass_started", "pass_finished"),
        ]

    def test_every_line_about_a_server_says_which(self, shells: Shells, logs: Logs) -> None:
        named = policy(name="nightly")
        shells(FakeCloud([named]), named).run()
        [line] = [each for each in logs if each["event"] == "snapshot_completed"]
        assert (line["server_id"], line["server"], line["policy"]) == (WEB, "web-server-01", "nightly")
        assert (line["slot"], line["snapshot"], line["duration_s"]) == ("2026-11-23T02:00:00+00:00", TODAY, 300.0)

    def test_a_pass_counts_what_it_did(self, shells: Shells, logs: Logs) -> None:
        one_pass(shells(FakeCloud([policy(), policy(DB)]), policy(), policy(DB)))
        [line] = [each for each in logs if each["event"] == "pass_finished"]
        expected = {"servers": 2, "requested": 2, "deleted": 0, "waiting": 0, "blocked": 0, "failed": 0, "skipped": 0}
        assert {key: line[key] for key in expected} == expected
        assert line["log_level"] == "info"

    def test_a_pass_that_only_looked_is_not_worth_a_line(self, shells: Shells, logs: Logs) -> None:
        one_pass(shells(full_cloud([policy()], 23), policy()))
        assert {line["log_level"] for line in logs} == {"debug"}

    def test_with_keep_5_room_is_made_first(self, shells: Shells) -> None:
        cloud = full_cloud([policy(keep=5)], 18, 19, 20, 21, 22)
        shells(cloud, policy(keep=5)).run()
        assert cloud.changes() == [("delete", name(18)), ("create", TODAY)]

    def test_one_call_per_server_and_pass_each_from_a_fresh_list(self, shells: Shells) -> None:
        cloud = full_cloud([policy(keep=2)], 20, 21, 22, 23)
        shell = shells(cloud, policy(keep=2))
        for number in (20, 21):
            one_pass(shell)
            assert cloud.changes()[-1] == ("delete", name(number))
        assert cloud.calls == [("list", WEB), ("delete", name(20)), ("list", WEB), ("delete", name(21))]

    def test_a_description_and_a_requested_slot_are_passed_on(self, shells: Shells) -> None:
        described = policy(description="before the upgrade")
        cloud = full_cloud([described], 23)
        shell = shells(cloud, described)
        cloud.now = day(23, 9, 30)
        report = shell.engine.run_pass(shell.policies, requested=cloud.now)
        assert report.acted
        [*_, made] = cloud.snapshots(WEB)
        assert (made.name, made.description) == ("rotator-20261123T093000Z", "before the upgrade")

    def test_a_daemon_takes_every_slot_of_a_week_once(self, shells: Shells) -> None:
        rules = [policy(), policy(DB, schedule="every 6 hours", keep=2)]
        cloud = FakeCloud(rules)
        shells(cloud, *rules, parallel=2).run(timedelta(days=7) + HOUR)
        created = [subject for verb, subject in cloud.changes() if verb == "create"]
        nightly = [snapshot_name("rotator", NOW + timedelta(days=number)) for number in range(8)]
        six_hourly = [snapshot_name("rotator", day(23, 0) + timedelta(hours=6 * number)) for number in range(29)]
        assert sorted(created) == sorted(nightly + six_hourly)
        assert cloud.names(WEB) == nightly[-4:]
        assert cloud.names(DB) == six_hourly[-2:]


class TestUncertainCreate:
    def test_one_that_was_created_all_the_same_is_adopted(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.LOSE_ANSWER)
        shell = shells(cloud, policy())
        uncertain = one_pass(shell)
        assert kinds(uncertain) == [Kind.UNCERTAIN]
        assert uncertain.outcomes[0].look_again == NOW + POLL
        shell.run()
        assert cloud.changes() == [("create", TODAY)]
        [line] = [each for each in logs if each["event"] == "snapshot_created"]
        assert (line["adopted"], line["reason"]) == (True, "its answer was lost, but it was created")
        assert events(logs, "snapshot_completed") == ["snapshot_completed"]

    def test_one_that_is_complete_when_first_seen_is_adopted_and_completed(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()], create_time=10 * SECOND)
        cloud.trouble("create", Fault.LOSE_ANSWER)
        shells(cloud, policy()).run()
        assert cloud.changes() == [("create", TODAY)]
        assert events(logs, "snapshot_created", "snapshot_completed") == ["snapshot_created", "snapshot_completed"]

    def test_one_that_failed_when_first_seen_is_a_failure(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.LOSE_ANSWER)
        shell = shells(cloud, policy(), daemon=False)
        one_pass(shell)
        cloud.remove(TODAY)
        cloud.plant(WEB, TODAY, status="failed")
        cloud.advance(MINUTE)
        shell.run()
        assert events(logs, "snapshot_created", "snapshot_failed") == ["snapshot_failed"]
        assert cloud.names(WEB) == []

    def test_one_proven_absent_is_retried_by_the_daemon_after_5_minutes(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.LOSE_REQUEST)
        shell = shells(cloud, policy())
        seen = [(cloud.now - NOW, report.outcomes[0].kind) for report in shell.passes(NOW + 5 * MINUTE)]
        assert seen == [
            (0 * SECOND, Kind.UNCERTAIN),
            (15 * SECOND, Kind.UNCERTAIN),
            (30 * SECOND, Kind.FAILED),
            (5 * MINUTE, Kind.ACTED),
        ]
        shell.run()
        assert cloud.names(WEB) == [TODAY]

    def test_one_proven_absent_is_a_failure_of_the_one_shot(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.LOSE_REQUEST)
        [*_, last] = shells(cloud, policy(), daemon=False).run()
        assert last.exit_code is Exit.PROBLEM
        assert last.outcomes[0].problems == (
            f"create snapshot {TODAY}: no answer; the list shows that nothing was created",
        )
        assert cloud.changes() == [("create", TODAY)]

    def test_an_accepted_one_that_the_list_lacks_for_a_while_is_not_asked_for_again(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.lag = 20 * SECOND
        shell = shells(cloud, policy())
        one_pass(shell)
        cloud.advance(POLL)
        late = one_pass(shell)
        assert (kinds(late), late.outcomes[0].problems) == ([Kind.UNCERTAIN], ())
        assert late.outcomes[0].reason == "asked for, and not in the API's list yet"
        shell.run()
        assert cloud.changes() == [("create", TODAY)]

    def test_an_accepted_one_that_never_shows_is_a_failure_and_not_asked_for_again(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.lag = timedelta(days=2)
        [*_, last] = shells(cloud, policy()).run(23 * HOUR)
        assert cloud.changes() == [("create", TODAY)]
        assert kinds(last) == [Kind.FAILED]
        assert "was it deleted by hand? Not taken again" in last.outcomes[0].reason

    def test_one_deleted_by_hand_is_not_taken_again(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        shell = shells(cloud, policy())
        shell.run()
        cloud.remove(TODAY)
        assert one_pass(shell).outcomes[0].kind is Kind.FAILED
        assert cloud.changes() == [("create", TODAY)]


class TestFailedSnapshot:
    def test_is_deleted_and_tried_again_after_5_15_and_45_minutes_then_not(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()], create_time=MINUTE)
        cloud.trouble("create", Fault.FAIL, times=99)
        shell = shells(cloud, policy())
        tries = [
            cloud.now - NOW
            for report in shell.passes(NOW + 23 * HOUR)
            if report.outcomes[0].done and report.outcomes[0].done[0].verb == "create"
        ]
        minutes = [round(each / MINUTE) for each in tries]
        assert minutes == [0, 6, 22, 68]
        assert cloud.names(WEB) == []
        attempts = [line["attempt"] for line in logs if line["event"] == "snapshot_failed"]
        assert attempts == [1, 2, 3, 4]
        assert events(logs, "rotation_failed")

    def test_the_next_slot_is_taken_all_the_same(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.FAIL, times=4)
        shells(cloud, policy()).run(timedelta(days=1) + HOUR)
        assert cloud.names(WEB) == [name(24)]

    def test_the_one_shot_deletes_it_leaves_the_slot_to_the_next_run_and_fails(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.FAIL)
        [*_, last] = shells(cloud, policy(), daemon=False).run()
        assert (last.exit_code, cloud.names(WEB)) == (Exit.PROBLEM, [])
        assert last.outcomes[0].reason == f"snapshot {TODAY} ended with status 'failed'"
        shells(cloud, policy(), daemon=False).run()
        assert cloud.names(WEB) == [TODAY]

    def test_no_restore_point_goes_for_a_slot_that_may_not_be_taken_now(self, shells: Shells) -> None:
        """Making room waits with the create."""
        rules = policy(keep=5)
        cloud = full_cloud([rules], 18, 19, 20, 21, 22)
        cloud.trouble("create", RefusedError("400: no"))
        shell = shells(cloud, rules)
        one_pass(shell)
        one_pass(shell)
        cloud.plant(WEB, "by-hand", day(22))
        assert kinds(one_pass(shell)) == [Kind.FAILED]
        assert cloud.changes() == [("delete", name(18)), ("create", TODAY)]

    def test_one_of_unknown_status_is_left_alone_and_told_as_a_problem(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.ODD)
        [*_, last] = shells(cloud, policy()).run()
        assert cloud.changes() == [("create", TODAY)]
        assert (kinds(last), last.exit_code) == ([Kind.IDLE], Exit.PROBLEM)
        assert "'archived'" in last.outcomes[0].problems[0]

    def test_one_that_sticks_is_told_and_the_next_slot_is_taken(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.STICK)
        [*_, last] = shells(cloud, policy()).run(2 * HOUR)
        assert last.exit_code is Exit.PROBLEM
        assert events(logs, "snapshot_stuck") == ["snapshot_stuck"]
        shells(cloud, policy()).run(timedelta(days=1))
        assert cloud.changes() == [("create", TODAY), ("create", name(24))]

    def test_one_that_was_told_as_stuck_and_ends_after_all_is_pruned_for_before_the_next_slot(
        self, shells: Shells
    ) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22)
        cloud.create_time = 3 * HOUR
        shells(cloud, policy()).run(4 * HOUR)
        assert cloud.names(WEB) == [name(20), name(21), name(22), TODAY]


class TestRefused:
    def test_a_400_is_a_failure_with_the_words_of_the_api_and_tried_again_later(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", RefusedError("400: invalid"))
        shell = shells(cloud, policy())
        refused = one_pass(shell)
        assert (kinds(refused), refused.exit_code) == ([Kind.FAILED], Exit.PROBLEM)
        assert refused.outcomes[0].problems == ("400: invalid",)
        assert refused.outcomes[0].look_again == NOW + 5 * MINUTE
        shell.run()
        assert cloud.names(WEB) == [TODAY]

    def test_a_cap_reached_behind_our_back_leads_to_a_fresh_list_not_to_a_delete(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 20, 21, 22)
        shell = shells(cloud, policy())
        cloud.trouble("create", RefusedError("400: limit"))
        one_pass(shell)
        cloud.advance(5 * MINUTE)
        one_pass(shell)
        assert [verb for verb, _ in cloud.changes()] == ["create", "create"]

    def test_a_server_that_does_not_exist_is_a_failure(self, shells: Shells) -> None:
        unknown = policy(MAIL)
        cloud = FakeCloud([policy()])
        report = one_pass(shells(cloud, unknown))
        assert kinds(report) == [Kind.FAILED]
        assert "no such server" in report.outcomes[0].reason

    def test_a_refused_delete_is_a_failure_and_looked_at_again(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22, 23)
        cloud.trouble("delete", RefusedError("400: no"))
        shell = shells(cloud, policy())
        report = one_pass(shell)
        assert (kinds(report), report.outcomes[0].look_again) == ([Kind.FAILED], NOW + 5 * MINUTE)
        shell.run()
        assert cloud.names(WEB) == [name(20), name(21), name(22), TODAY]


class TestFreshProof:
    def test_a_list_that_took_more_than_a_minute_is_not_deleted_by(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22, 23)
        cloud.list_takes = 61 * SECOND
        shell = shells(cloud, policy())
        slow = one_pass(shell)
        assert (cloud.changes(), slow.acted) == ([], False)
        cloud.calm()
        one_pass(shell)
        assert cloud.changes() == [("delete", name(19))]

    @pytest.mark.parametrize("removed", [False, True])
    def test_a_list_that_grew_old_in_the_queue_is_renewed_and_decides_anew(self, shells: Shells, removed: bool) -> None:
        class Queue(FakeCloud):
            def account_snapshots(self) -> Listing:
                listing = super().account_snapshots()
                self.advance(61 * SECOND)
                if removed:
                    self.remove(name(19))
                return listing

        rules = [policy(), policy(DB)]
        cloud = Queue(rules)
        for number in (19, 20, 21, 22, 23):
            cloud.plant(WEB, name(number), day(number))
        cloud.plant(DB, TODAY, NOW)
        report = one_pass(shells(cloud, *rules))
        assert cloud.changes() == ([] if removed else [("delete", name(19))])
        assert cloud.names(WEB) == [name(20), name(21), name(22), TODAY]
        assert (report.acted, report.exit_code) == (not removed, Exit.DONE)

    def test_lists_that_always_take_too_long_are_a_problem_not_an_endless_loop(self, shells: Shells) -> None:
        """Every due slot has its restore point, or an alert names why not (L1)."""
        rules = policy(keep=5)
        cloud = full_cloud([rules], 18, 19, 20, 21, 22)
        cloud.list_takes = 61 * SECOND
        reports = list(islice(shells(cloud, rules, daemon=False).passes(NOW + HOUR), 20))
        assert cloud.changes() == []
        assert reports[-1].exit_code is Exit.PROBLEM
        assert len(reports) < 20

    def test_a_list_that_still_shows_what_was_deleted_is_not_decided_on(self, shells: Shells) -> None:
        """Three restore points, two of them surplus, min_keep 2: counting the deleted one would cost another."""
        rules = policy(keep=1, min_keep=2)
        cloud = full_cloud([rules], 21, 22, 23)
        cloud.ghosts = 40 * SECOND
        shell = shells(cloud, rules)
        one_pass(shell)
        late = one_pass(shell)
        assert (kinds(late), late.outcomes[0].look_again) == ([Kind.UNCERTAIN], NOW + POLL)
        assert late.outcomes[0].reason == f"the list still shows {name(21)}, which was deleted at 02:00:00Z"
        shell.run(HOUR)
        assert cloud.changes() == [("delete", name(21))]

    @pytest.mark.parametrize("daemon", [True, False])
    def test_a_delete_that_did_not_work_is_a_failure_after_5_minutes_and_tried_again_after_an_hour(
        self, shells: Shells, daemon: bool
    ) -> None:
        class Deaf(FakeCloud):
            def delete_snapshot(self, snapshot_id: Id) -> None:
                self.calls.append(("delete", snapshot_id))

        cloud = Deaf([policy(keep=1)])
        for number in (22, 23):
            cloud.plant(WEB, name(number), day(number))
        reports = list(shells(cloud, policy(keep=1), daemon=daemon).passes(NOW + 70 * MINUTE))
        assert len(cloud.changes()) == (2 if daemon else 1)
        assert any(report.exit_code is Exit.PROBLEM for report in reports)

    def test_a_clock_that_went_back_is_no_proof_either(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22, 23)
        cloud.list_takes = -61 * SECOND
        one_pass(shells(cloud, policy()))
        assert cloud.changes() == []

    @pytest.mark.parametrize("whole_account", [True, False])
    def test_a_server_with_an_unreadable_row_is_left_alone_and_the_others_are_not(
        self, shells: Shells, whole_account: bool
    ) -> None:
        rules = [policy(), policy(DB)]
        cloud = full_cloud(rules, 19, 20, 21, 22, 23)
        cloud.unreadable[WEB] = "results[3].id is missing"
        if not whole_account:
            cloud.trouble("account", truncated())
        report = one_pass(shells(cloud, *rules))
        assert cloud.names(WEB) == [name(each) for each in (19, 20, 21, 22, 23)]
        assert cloud.names(DB) == [name(each) for each in (20, 21, 22, 23)]
        [bad] = [each for each in report.outcomes if each.policy.server_id == WEB]
        assert (bad.kind, bad.reason, bad.look_again) == (Kind.FAILED, "results[3].id is missing", NOW + 5 * MINUTE)

    def test_an_account_list_that_is_not_complete_leads_to_one_list_per_server(
        self, shells: Shells, logs: Logs
    ) -> None:
        rules = [policy(), policy(DB)]
        cloud = full_cloud(rules, 22)
        cloud.trouble("account", truncated())
        report = one_pass(shells(cloud, *rules))
        assert cloud.calls[:3] == [("account", ""), ("list", WEB), ("list", DB)]
        assert (report.acted, report.exit_code) == (True, Exit.DONE)
        [line] = [each for each in logs if each["event"] == "api_error"]
        assert line["reason"].endswith("; asking server by server")

    def test_servers_that_the_account_list_does_not_mention_are_asked_for_one_by_one(self, shells: Shells) -> None:
        rules = [policy(), policy(DB)]
        cloud = full_cloud(rules, 23)
        cloud.unlisted.add(DB)
        one_pass(shells(cloud, *rules))
        assert cloud.calls == [("account", ""), ("list", DB)]

    def test_a_single_server_is_asked_for_alone(self, shells: Shells) -> None:
        cloud = full_cloud([policy(), policy(DB)], 23)
        one_pass(shells(cloud, policy(DB)))
        assert cloud.calls == [("list", DB)]

    def test_no_servers_no_calls(self, shells: Shells) -> None:
        cloud = FakeCloud()
        report = one_pass(shells(cloud))
        assert (report.outcomes, report.exit_code, cloud.calls) == ((), Exit.DONE, [])


class TestIsolation:
    @pytest.mark.parametrize("error", [UnavailableError("503"), NotFoundError("404"), truncated(), ValueError("bug")])
    def test_one_bad_server_stops_no_other(self, shells: Shells, error: Exception) -> None:
        rules = [policy(), policy(DB), policy(MAIL)]
        cloud = FakeCloud(rules)
        cloud.trouble("list", error, server_id=DB)
        report = one_pass(shells(cloud, *rules, parallel=3))
        assert {each.policy.server_id: each.kind for each in report.outcomes} == {
            WEB: Kind.ACTED,
            DB: Kind.FAILED,
            MAIL: Kind.ACTED,
        }
        assert report.exit_code is Exit.PROBLEM

    @pytest.mark.parametrize("error", [UnavailableError("503"), RefusedError("400"), ValueError("bug")])
    def test_a_bad_call_stops_no_other(self, shells: Shells, error: Exception) -> None:
        rules = [policy(), policy(DB)]
        cloud = FakeCloud(rules)
        cloud.trouble("create", error, server_id=WEB)
        report = one_pass(shells(cloud, *rules))
        assert kinds(report) == [Kind.FAILED, Kind.ACTED]
        assert report.exit_code is Exit.PROBLEM

    def test_a_fault_of_rotator_itself_is_told_with_its_traceback(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("list", ZeroDivisionError("division by zero"))
        report = one_pass(shells(cloud, policy()))
        assert report.outcomes[0].reason == (
            "a fault of rotator itself: ZeroDivisionError: division by zero; please report it"
        )
        [line] = [each for each in logs if each["event"] == "internal_error"]
        assert line["exc_info"] is True

    def test_a_fault_in_planning_one_server_stops_no_other(
        self, shells: Shells, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One bad server, policy or response stops no other (S9)."""

        def faulty(policy: Policy, *rest: Any) -> Plan:
            if policy.server_id == WEB:
                raise ZeroDivisionError
            return plan(policy, *rest)

        monkeypatch.setattr("rotator.engine.engine.plan", faulty)
        rules = [policy(), policy(DB)]
        cloud = FakeCloud(rules)
        report = one_pass(shells(cloud, *rules))
        assert cloud.names(DB) == [TODAY]
        assert {each.policy.server_id: each.kind for each in report.outcomes} == {WEB: Kind.FAILED, DB: Kind.ACTED}

    def test_a_broken_safety_rule_is_not_survived_by_the_tests(self, shells: Shells) -> None:
        """The cloud's own alarm must reach the test, whatever the engine catches."""
        cloud = FakeCloud([policy()])
        cloud.server_snapshots(WEB)
        cloud.create_snapshot(WEB, TODAY, "")
        with pytest.raises(RuleBrokenError, match="S7 once"):
            cloud.create_snapshot(WEB, TODAY, "")


class TestAccountTrouble:
    def test_a_refused_token_ends_the_pass_at_once(self, shells: Shells, logs: Logs) -> None:
        rules = [policy(), policy(DB), policy(MAIL)]
        cloud = FakeCloud(rules)
        cloud.trouble("account", CredentialsError("401: the token is refused"))
        report = one_pass(shells(cloud, *rules))
        assert cloud.calls == [("account", "")]
        assert (kinds(report), report.exit_code) == ([Kind.SKIPPED] * 3, Exit.CREDENTIALS)
        assert {each.reason for each in report.outcomes} == {"401: the token is refused"}
        assert [line["skipped"] for line in logs if line["event"] == "api_error"] == [3]

    def test_an_unreachable_api_is_one_line_and_exit_69(self, shells: Shells, logs: Logs) -> None:
        rules = [policy(), policy(DB), policy(MAIL)]
        cloud = FakeCloud(rules)
        cloud.trouble("account", UnreachableError("no answer"))
        report = one_pass(shells(cloud, *rules))
        assert (kinds(report), report.exit_code) == ([Kind.SKIPPED] * 3, Exit.UNAVAILABLE)
        assert [line["reason"] for line in logs if line["log_level"] in ("error", "warning")] == ["no answer"]

    def test_it_is_left_alone_for_longer_and_longer_and_comes_back(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("list", UnreachableError("no answer"), times=8)
        shell = shells(cloud, policy())
        waits: list[int] = []
        for report in shell.passes(NOW + 30 * MINUTE):
            again = report.outcomes[0].look_again
            if report.error is not None and again is not None:
                waits.append(int((again - cloud.now).total_seconds()))
        assert waits == [15, 30, 60, 120, 240, 300, 300, 300]
        assert cloud.names(WEB) == [TODAY]

    def test_a_one_shot_does_not_wait_for_it(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("list", UnreachableError("no answer"))
        [report] = shells(cloud, policy(), daemon=False).run()
        assert (report.exit_code, report.outcomes[0].look_again) == (Exit.UNAVAILABLE, None)

    def test_a_token_refused_half_way_is_still_exit_77(self, shells: Shells) -> None:
        rules = [policy(), policy(DB)]
        cloud = FakeCloud(rules)
        cloud.trouble("create", CredentialsError("403"), server_id=DB)
        report = one_pass(shells(cloud, *rules))
        assert (kinds(report), report.exit_code) == ([Kind.ACTED, Kind.SKIPPED], Exit.CREDENTIALS)

    def test_an_api_that_goes_away_half_way_is_a_problem_not_exit_69(self, shells: Shells) -> None:
        rules = [policy(), policy(DB)]
        cloud = FakeCloud(rules)
        cloud.trouble("create", UnreachableError("no answer"), server_id=DB)
        report = one_pass(shells(cloud, *rules))
        assert (report.acted, report.exit_code) == (True, Exit.PROBLEM)

    def test_a_create_that_never_left_is_tried_again_when_the_api_is_back(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", UnreachableError("no route"))
        shell = shells(cloud, policy())
        one_pass(shell)
        cloud.advance(POLL)
        assert one_pass(shell).acted

    def test_a_create_that_never_left_costs_no_try_and_forgets_none(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()], create_time=MINUTE)
        cloud.trouble("create", Fault.FAIL)
        cloud.trouble("create", UnreachableError("no route"))
        shells(cloud, policy()).run()
        attempts = [line["attempt"] for line in logs if line["event"] == "snapshot_create_requested"]
        assert attempts == [1, 2, 2]
        assert cloud.names(WEB) == [TODAY]

    def test_an_outage_met_by_several_workers_at_once_is_one_line_too(self, shells: Shells, logs: Logs) -> None:
        together = threading.Barrier(2)

        class Down(FakeCloud):
            def server_snapshots(self, server_id: Id) -> Listing:
                together.wait(10)
                raise UnreachableError(f"list {server_id}: no answer")

        rules = [policy(), policy(DB)]
        cloud = Down(rules)
        report = one_pass(shells(cloud, *rules, parallel=2))
        assert (kinds(report), report.exit_code) == ([Kind.SKIPPED] * 2, Exit.UNAVAILABLE)
        assert len([line for line in logs if line["log_level"] in ("error", "warning")]) == 1

    def test_not_now_from_many_servers_in_a_row_stops_the_pass(self, shells: Shells) -> None:
        rules = [policy(number) for number in range(100, 112)]
        cloud = FakeCloud(rules)
        cloud.trouble("list", UnavailableError("503"), times=99)
        report = one_pass(shells(cloud, *rules))
        assert len(cloud.calls) == 1 + 8
        assert (Counter(kinds(report)), report.exit_code) == (
            {Kind.FAILED: 7, Kind.SKIPPED: 5},
            Exit.UNAVAILABLE,
        )

    def test_not_now_between_answers_stops_nothing(self, shells: Shells) -> None:
        rules = [policy(number) for number in range(100, 112)]
        cloud = FakeCloud(rules)
        for number in range(100, 112, 2):
            cloud.trouble("list", UnavailableError("503"), server_id=number)
        report = one_pass(shells(cloud, *rules))
        assert (Counter(kinds(report)), report.error) == ({Kind.FAILED: 6, Kind.ACTED: 6}, None)


class TestTelling:
    def test_a_lasting_condition_is_logged_once_and_again_after_it_ended(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        for each in "abcde":
            cloud.plant(WEB, each)
        shell = shells(cloud, policy())
        blocked = [one_pass(shell) for _ in range(3)]
        assert {each.exit_code for each in blocked} == {Exit.PROBLEM}
        assert blocked[0].outcomes[0].look_again == NOW + 5 * MINUTE
        assert events(logs, "rotation_blocked", "rotation_squeezed", "slot_due") == [
            "rotation_squeezed",
            "slot_due",
            "rotation_blocked",
        ]
        cloud.remove("a")
        shell.run()
        cloud.plant(WEB, "f")
        cloud.now = day(24)
        one_pass(shell)
        assert len(events(logs, "rotation_blocked")) == 2

    @pytest.mark.parametrize(
        ("plant", "rules", "event", "exit_code"),
        [
            ([("rotator-20261130T020000Z", "completed")], {}, "clock_skew", Exit.DONE),
            ([("rotator-20261122T020000Z", "completed")] * 2, {}, "snapshot_unclear", Exit.DONE),
            ([("rotator-20261122T020000Z", "odd")], {}, "snapshot_unclear", Exit.PROBLEM),
            (
                [(f"rotator-2026112{each}T020000Z", "completed") for each in range(3)],
                {"keep": 1},
                "prune_held",
                Exit.PROBLEM,
            ),
            ([("a", "completed"), ("b", "completed")], {}, "rotation_squeezed", Exit.DONE),
            ([("a", "completed")], {"server": "mail"}, "server_name_differs", Exit.DONE),
        ],
    )
    def test_a_notice_is_an_event_and_an_error_if_it_ends_a_run_with_1(
        self,
        shells: Shells,
        logs: Logs,
        plant: list[tuple[str, str]],
        rules: dict[str, Any],
        event: str,
        exit_code: Exit,
    ) -> None:
        cloud = FakeCloud([policy()])
        cloud.plant(WEB, TODAY)
        for planted, status in plant:
            cloud.plant(WEB, planted, day(20), status)
        report = one_pass(shells(cloud, policy(**rules)))
        [line] = [each for each in logs if each["event"] == event]
        assert line["log_level"] == ("error" if exit_code else "warning")
        assert report.exit_code is exit_code

    def test_a_missed_slot_is_told_at_the_first_look(self, shells: Shells, logs: Logs) -> None:
        strict = policy(grace=MINUTE)
        cloud = full_cloud([strict], 22, now=NOW + HOUR)
        shell = shells(cloud, strict)
        one_pass(shell)
        one_pass(shell)
        assert events(logs, "slot_missed", "slot_due") == ["slot_missed"]

    def test_trouble_with_seeing_a_server_is_told_once(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("list", truncated(), times=2)
        shell = shells(cloud, policy())
        one_pass(shell)
        one_pass(shell)
        assert events(logs, "rotation_failed") == ["rotation_failed"]


class TestRestart:
    def test_a_snapshot_in_progress_is_adopted_and_nothing_is_done_twice(self, shells: Shells, logs: Logs) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22)
        one_pass(shells(cloud, policy()))
        cloud.advance(MINUTE)
        shells(cloud, policy()).run()
        assert cloud.changes() == [("create", TODAY), ("delete", name(19))]
        adopted = [line for line in logs if line["event"] == "snapshot_created" and line["adopted"]]
        assert [line["reason"] for line in adopted] == ["in progress already when first seen"]
        [completed] = [line for line in logs if line["event"] == "snapshot_completed"]
        assert completed["duration_s"] == 300.0

    def test_running_a_one_shot_twice_changes_nothing(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 19, 20, 21, 22)
        shells(cloud, policy(), daemon=False).run()
        before = cloud.changes()
        [report] = shells(cloud, policy(), daemon=False).run()
        assert (cloud.changes(), report.exit_code) == (before, Exit.DONE)

    @pytest.mark.parametrize("after_acting", [True, False])
    @pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
    def test_a_crash_during_any_call_converges_to_the_same_state(
        self, shells: Shells, at: int, after_acting: bool
    ) -> None:
        cloud = full_cloud([policy(keep=5)], 18, 19, 20, 21, 22)
        cloud.crash_at, cloud.crash_after_acting = at, after_acting
        with pytest.raises(Crash):
            shells(cloud, policy(keep=5)).run()
        cloud.revive()
        shells(cloud, policy(keep=5)).run()
        assert cloud.names(WEB) == [name(each) for each in (19, 20, 21, 22, 23)]

    def test_two_instances_take_a_slot_once(self, shells: Shells) -> None:
        """The lock keeps two from one machine apart; two machines see each other's snapshots."""
        cloud = full_cloud([policy()], 22)
        one_pass(shells(cloud, policy()))
        shells(cloud, policy()).run()
        assert cloud.changes() == [("create", TODAY)]


class TestStopping:
    def engine(self, cloud: FakeCloud, stopping: threading.Event) -> Engine:
        return Engine(cloud, cloud.clock, cloud.monotonic, parallel=1, poll_interval=POLL, stopping=stopping)

    def test_once_told_to_stop_nothing_more_is_called(self, logs: Logs) -> None:
        stopping = threading.Event()
        stopping.set()
        rules = [policy(), policy(DB)]
        cloud = FakeCloud(rules)
        engine = self.engine(cloud, stopping)
        report = engine.run_pass(rules)
        engine.close()
        assert cloud.calls == []
        assert (kinds(report), report.error) == ([Kind.SKIPPED] * 2, None)
        assert {each.reason for each in report.outcomes} == {"rotator is stopping"}

    def test_told_to_stop_during_a_call_that_call_is_finished_and_no_other_is_made(self, logs: Logs) -> None:
        stopping = threading.Event()

        class Stopping(FakeCloud):
            def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
                stopping.set()
                return super().create_snapshot(server_id, name, description)

        rules = [policy(), policy(DB)]
        cloud = Stopping(rules)
        engine = self.engine(cloud, stopping)
        report = engine.run_pass(rules)
        engine.close()
        assert [len(cloud.names(each)) for each in NAMES] == [1, 0]
        assert kinds(report) == [Kind.ACTED, Kind.SKIPPED]

    def test_a_call_that_does_not_return_is_given_up_after_the_grace(
        self, logs: Logs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotator.engine.pool.STOP_GRACE", 0.0)
        stopping, released = threading.Event(), threading.Event()

        class Hanging(FakeCloud):
            def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
                stopping.set()
                released.wait(10)
                raise RefusedError("too late")

        cloud = Hanging([policy()])
        engine = self.engine(cloud, stopping)
        report = engine.run_pass([policy()])
        engine.close()
        released.set()
        assert kinds(report) == [Kind.SKIPPED]


class TestSurvey:
    """A pass that sends GET only (S10)."""

    def test_looks_and_decides_but_changes_nothing(self, shells: Shells, logs: Logs) -> None:
        rules = [policy(), policy(DB)]
        cloud = full_cloud(rules, 19, 20, 21, 22)
        shell = shells(cloud, *rules)
        report = shell.engine.survey(rules, plan)
        assert cloud.calls == [("account", "")]
        assert (report.acted, report.exit_code, logs) == (False, Exit.DONE, [])
        assert [len(outcome.plan.actions) for outcome in report.outcomes if outcome.plan] == [2, 2]

    def test_trouble_and_faults_are_in_the_report(self, shells: Shells) -> None:
        def faulty(policy: Policy, observation: Observation, now: datetime) -> Plan:
            if policy.server_id == WEB:
                raise ZeroDivisionError
            return plan(policy, observation, now)

        rules = [policy(), policy(DB), policy(MAIL)]
        cloud = FakeCloud(rules)
        cloud.trouble("list", NotFoundError("404: no such server"), server_id=DB)
        report = shells(cloud, *rules).engine.survey(rules, faulty)
        assert kinds(report) == [Kind.FAILED, Kind.FAILED, Kind.IDLE]
        assert report.outcomes[1].problems == ("404: no such server",)

    def test_what_is_blocked_is_a_problem(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        for each in "abcde":
            cloud.plant(WEB, each)
        assert shells(cloud, policy()).engine.survey([policy()], plan).exit_code is Exit.PROBLEM


class TestTakeOver:
    """A reload makes a new engine that knows what the old one knew."""

    def test_an_uncertain_create_is_not_sent_again(self, shells: Shells) -> None:
        cloud = FakeCloud([policy()])
        cloud.trouble("create", Fault.LOSE_ANSWER)
        cloud.lag = 20 * SECOND
        before = shells(cloud, policy())
        one_pass(before)
        after = shells(cloud, policy())
        after.engine.take_over(before.engine)
        cloud.advance(POLL)
        assert kinds(one_pass(after)) == [Kind.UNCERTAIN]
        after.run()
        assert cloud.changes() == [("create", TODAY)]

    def test_what_was_said_is_not_said_again(self, shells: Shells, logs: Logs) -> None:
        cloud = FakeCloud([policy()])
        for each in "abcde":
            cloud.plant(WEB, each)
        before, after = shells(cloud, policy()), shells(cloud, policy())
        one_pass(before)
        after.engine.take_over(before.engine)
        one_pass(after)
        assert events(logs, "rotation_blocked") == ["rotation_blocked"]


class TestPruneServer:
    """Deletes what a person confirmed, each on a list of its own (S4)."""

    def prune(self, cloud: FakeCloud, keep: int, *numbers: int) -> list[str]:
        confirmed = {each.id for each in cloud.snapshots(WEB) if each.name in map(name, numbers)}
        done, self.error = prune_server(cloud, NoLedger(), cloud.clock, policy(keep=keep), confirmed)
        return [each.name for each in done]

    def test_everything_confirmed_goes_oldest_first(self, logs: Logs) -> None:
        cloud = full_cloud([policy(keep=1)], 19, 20, 21, 23)
        assert self.prune(cloud, 1, 19, 20, 21) == [name(19), name(20), name(21)]
        assert [call for call, _ in cloud.calls] == ["list", "delete"] * 3 + ["list"]
        assert events(logs) == ["snapshot_deleted"] * 3

    def test_what_was_not_confirmed_or_is_no_surplus_stays(self, logs: Logs) -> None:
        cloud = full_cloud([policy(keep=2)], 19, 20, 21, 23)
        assert self.prune(cloud, 2, 20, 21, 23) == [name(20)]

    def test_a_list_that_still_shows_what_was_deleted_is_not_deleted_by(self, logs: Logs) -> None:
        class Deaf(FakeCloud):
            def delete_snapshot(self, snapshot_id: Id) -> None:
                """Answers as if it were done."""

        cloud = Deaf([policy(keep=1)])
        for number in (20, 21, 23):
            cloud.plant(WEB, name(number), day(number))
        assert self.prune(cloud, 1, 20, 21) == [name(20)]

    def test_trouble_ends_it(self, logs: Logs) -> None:
        cloud = full_cloud([policy(keep=1)], 19, 20, 23)
        cloud.trouble("delete", UnavailableError("503"))
        assert self.prune(cloud, 1, 19, 20) == []
        assert isinstance(self.error, UnavailableError)
        assert events(logs) == []

    def test_trouble_in_the_middle_tells_what_was_done_before_it(self, logs: Logs) -> None:
        class Failing(FakeCloud):
            def delete_snapshot(self, snapshot_id: Id) -> None:
                """The second one is not deleted any more."""
                if self.changes():
                    raise UnavailableError("503")
                super().delete_snapshot(snapshot_id)

        cloud = Failing([policy(keep=1)])
        for number in (19, 20, 23):
            cloud.plant(WEB, name(number), day(number))
        assert self.prune(cloud, 1, 19, 20) == [name(19)]
        assert isinstance(self.error, UnavailableError)


def test_reports_count_and_exit_by_the_worst(shells: Shells) -> None:
    assert Report(()).exit_code is Exit.DONE
    assert Report((), RotatorError("x")).exit_code is Exit.PROBLEM
    assert Report((), CredentialsError("x")).exit_code is Exit.CREDENTIALS


def test_the_clock_is_the_only_time_there_is(shells: Shells) -> None:
    """A cloud years away from the machine's clock changes nothing."""
    then = datetime(2031, 1, 1, 2, tzinfo=NOW.tzinfo)
    cloud = FakeCloud([policy()], now=then)
    shells(cloud, policy()).run()
    assert cloud.names(WEB) == ["rotator-20310101T020000Z"]


class TestAttacks:
    """Scenarios that a hostile review found; each cost a restore point, a slot or the truth before."""

    def test_a_failure_that_is_known_only_after_grace_is_a_failure(self, shells: Shells) -> None:
        rules = policy(grace=2 * MINUTE)
        cloud = full_cloud([rules], 20, 21, 22)
        cloud.trouble("create", Fault.FAIL)
        reports = list(shells(cloud, rules, daemon=False).passes(NOW + HOUR))
        assert reports[-1].exit_code is Exit.PROBLEM

    def test_a_place_that_somebody_else_takes_costs_one_restore_point_at_most(self, shells: Shells) -> None:
        class Crowded(FakeCloud):
            def delete_snapshot(self, snapshot_id: Id) -> None:
                """Another tool takes the place at once."""
                super().delete_snapshot(snapshot_id)
                self.plant(WEB, f"theirs-{snapshot_id}", self.now)

        cloud = Crowded([policy(keep=5)])
        for number in (18, 19, 20, 21, 22):
            cloud.plant(WEB, name(number), day(number))
        report = list(shells(cloud, policy(keep=5)).passes(NOW + 3 * HOUR))[-1]
        assert cloud.changes() == [("delete", name(18))]
        assert "its place is taken again" in report.outcomes[0].reason
        assert report.exit_code is Exit.PROBLEM

    def test_one_server_that_does_not_answer_stops_no_other(self, shells: Shells) -> None:
        rules = [policy(), policy(DB), policy(MAIL)]
        cloud = full_cloud(rules, 20, 21, 22)
        cloud.unlisted.add(MAIL)
        cloud.trouble("list", UnavailableError("no complete answer"), server_id=MAIL)
        report = one_pass(shells(cloud, *rules))
        assert sorted(kinds(report)) == [Kind.ACTED, Kind.ACTED, Kind.FAILED]

    def test_a_429_for_a_create_costs_no_try(self, shells: Shells) -> None:
        cloud = full_cloud([policy()], 20, 21, 22)
        cloud.trouble("create", UnavailableError("429"), times=6)
        shells(cloud, policy()).run(2 * HOUR)
        assert cloud.names(WEB)[-1] == TODAY
