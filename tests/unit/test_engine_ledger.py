"""What the engine writes down, and what it makes of what earlier processes wrote: S7 over restarts, restores, times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rotator.engine import Kind
from rotator.engine.ledger import Hold, Result
from rotator.errors import UnavailableError
from rotator.model import Sign, Verb
from rotator.naming import snapshot_name
from rotator.planner import plan
from tests.builders import DB, WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import Crash, FakeCloud, Fault, Shell
from tests.ledger import FakeLedger

MINUTE = timedelta(minutes=1)
TODAY = "rotator-20261123T020000Z"

pytestmark = pytest.mark.usefixtures("logs")


def name(number: int) -> str:
    return snapshot_name("rotator", day(number))


def cloud_with(*numbers: int, create_time: timedelta = 5 * MINUTE) -> FakeCloud:
    cloud = FakeCloud([policy()], create_time=create_time)
    for number in numbers:
        cloud.plant(WEB, name(number), day(number))
    return cloud


def process(cloud: FakeCloud, ledger: FakeLedger, *, daemon: bool = True) -> Shell:
    """A process that begins now and knows nothing but what the ledger tells."""
    return Shell(cloud, [policy()], ledger=ledger, daemon=daemon)


def ended(shell: Shell) -> None:
    shell.close()


class TestWrittenDown:
    def test_every_call_is_written_before_it_is_sent_and_its_outcome_after(self) -> None:
        cloud, ledger = cloud_with(19, 20, 21, 22), FakeLedger()
        shell = process(cloud, ledger)
        shell.run()
        ended(shell)
        assert ledger.story() == [
            ("create", TODAY, [Result.SENT, Result.COMPLETED]),
            ("delete", name(19), [Result.DONE]),
        ]
        create, delete = ledger.intents.values()
        assert (create.slot, create.cause, create.by, create.attempt) == (NOW, "slot", "run", 1)
        assert (delete.slot, delete.cause, delete.reason) == (None, "surplus", "no rule of keep: 4 wants it")
        assert create.pass_id
        assert create.pass_id != delete.pass_id
        assert ledger.took[create.key] == 5 * MINUTE

    def test_a_crash_leaves_the_intent_without_an_outcome(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.crash_at = 2
        shell = process(cloud, ledger)
        with pytest.raises(Crash):
            shell.run()
        ended(shell)
        assert ledger.story() == [("create", TODAY, [])]

    def test_what_was_not_sent_is_said_to_be_so(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.trouble("create", UnavailableError("429"))
        shell = process(cloud, ledger)
        shell.engine.run_pass([policy()])
        ended(shell)
        assert ledger.story() == [("create", TODAY, [Result.NOT_SENT])]

    def test_a_lost_answer_is_uncertain_until_a_list_shows_the_snapshot(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.trouble("create", Fault.LOSE_ANSWER)
        shell = process(cloud, ledger)
        reports = shell.run()
        ended(shell)
        done = [(each.verb, each.name) for report in reports for out in report.outcomes for each in out.done]
        assert done == [(Verb.CREATE, TODAY)], "it is among what was done, once it is known"
        assert ledger.story() == [("create", TODAY, [Result.UNCERTAIN, Result.SENT, Result.COMPLETED])]

    def test_a_failed_snapshot_is_written_as_failed(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.trouble("create", Fault.FAIL)
        shell = process(cloud, ledger, daemon=False)
        shell.run()
        ended(shell)
        assert [story for story in ledger.story() if story[0] == "create"] == [
            ("create", TODAY, [Result.SENT, Result.FAILED])
        ]


class TestRestart:
    def test_a_list_that_lags_leads_to_no_second_request_after_a_restart(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.lag = 3 * MINUTE
        first = process(cloud, ledger)
        first.engine.run_pass([policy()])
        ended(first)
        second = process(cloud, ledger)
        report = second.engine.run_pass([policy()])
        ended(second)
        assert [outcome.kind for outcome in report.outcomes] == [Kind.UNCERTAIN]
        assert cloud.changes() == [("create", TODAY)]

    @pytest.mark.parametrize(("minutes", "again"), [(4, False), (6, True)])
    def test_one_that_vanished_is_taken_again_by_a_later_process_once_no_list_can_be_that_late(
        self, minutes: int, again: bool
    ) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        first = process(cloud, ledger)
        first.run(6 * MINUTE)
        ended(first)
        cloud.remove(TODAY)
        cloud.advance(minutes * MINUTE - 1 * MINUTE + timedelta(seconds=15))
        second = process(cloud, ledger)
        second.engine.run_pass([policy()])
        ended(second)
        assert (TODAY in cloud.names(WEB)) == again

    @pytest.mark.parametrize("acted", [True, False])
    def test_a_crash_in_the_request_is_looked_up_and_ends_with_one_snapshot(self, acted: bool) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.crash_at, cloud.crash_after_acting = 2, acted
        first = process(cloud, ledger)
        with pytest.raises(Crash):
            first.run()
        ended(first)
        cloud.revive()
        second = process(cloud, ledger)
        second.run()
        ended(second)
        assert cloud.names(WEB) == [name(22), TODAY]

    def test_a_one_shot_takes_at_once_what_an_earlier_one_never_got_to_ask_for(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.crash_at = 2
        first = process(cloud, ledger, daemon=False)
        with pytest.raises(Crash):
            first.run()
        ended(first)
        cloud.revive()
        second = process(cloud, ledger, daemon=False)
        reports = second.run()
        ended(second)
        assert cloud.names(WEB) == [name(22), TODAY]
        assert reports[-1].exit_code == 0

    def test_a_failed_slot_is_free_for_the_next_process(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        cloud.trouble("create", Fault.FAIL)
        for _ in range(2):
            shell = process(cloud, ledger, daemon=False)
            shell.run()
            ended(shell)
        assert cloud.names(WEB) == [name(22), TODAY]

    def test_one_slot_costs_one_restore_point_whatever_process_gave_it_up(self) -> None:
        cloud, ledger = cloud_with(18, 19, 20, 21, 22), FakeLedger()
        first = process(cloud, ledger)
        first.engine.run_pass([policy()])
        ended(first)
        cloud.plant(WEB, "by-hand", NOW)
        second = process(cloud, ledger)
        second.run()
        ended(second)
        assert cloud.changes() == [("delete", name(18))]

    def test_a_delete_that_never_got_there_is_sent_again(self) -> None:
        cloud, ledger = cloud_with(18, 19, 20, 21, 22), FakeLedger()
        cloud.crash_at = 2
        first = process(cloud, ledger)
        with pytest.raises(Crash):
            first.run()
        ended(first)
        cloud.revive()
        second = process(cloud, ledger)
        second.run()
        ended(second)
        assert cloud.names(WEB) == [name(20), name(21), name(22), TODAY]

    def test_how_long_a_snapshot_took_is_not_known_to_who_did_not_watch_all_of_it(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        first = process(cloud, ledger)
        first.engine.run_pass([policy()])
        ended(first)
        cloud.advance(60 * MINUTE)
        second = process(cloud, ledger)
        report = second.engine.run_pass([policy()])
        ended(second)
        assert report.outcomes[0].finished is not None
        assert report.outcomes[0].finished.duration is None
        assert list(ledger.took.values()) == [None]


class TestUsual:
    def test_what_is_left_is_told_by_how_long_it_usually_takes(self) -> None:
        cloud = cloud_with(22)
        shell = process(cloud, FakeLedger(usually=6 * MINUTE))
        shell.engine.run_pass([policy()])
        cloud.advance(2 * MINUTE)
        [outcome] = shell.engine.run_pass([policy()]).outcomes
        ended(shell)
        assert outcome.eta == NOW + 6 * MINUTE
        assert outcome.reason.endswith("; it usually takes 6 min")

    @pytest.mark.parametrize(("minutes", "slow"), [(20, False), (22, True), (61, False)])
    def test_far_longer_than_usual_is_told_as_a_problem(self, minutes: int, slow: bool) -> None:
        cloud = cloud_with(22, create_time=timedelta(hours=2))
        shell = process(cloud, FakeLedger(usually=6 * MINUTE))
        shell.engine.run_pass([policy()])
        cloud.advance(minutes * MINUTE)
        [outcome] = shell.engine.run_pass([policy()]).outcomes
        ended(shell)
        notices = outcome.plan.notices if outcome.plan else ()
        assert [notice.sign for notice in notices] == ([Sign.SLOW] if slow else [Sign.STUCK] if minutes > 60 else [])
        assert bool(outcome.problems) == (slow or minutes > 60)


class TestHold:
    def hold(self, *, requested: bool = False) -> Hold:
        return Hold("h", WEB, "web-server-01", 801, name(22), NOW, NOW + 60 * MINUTE, requested)

    def test_a_server_that_is_restored_is_left_alone_and_the_others_are_not(self) -> None:
        cloud, ledger = FakeCloud([policy(), policy(DB)]), FakeLedger()
        ledger.hold(self.hold())
        shell = Shell(cloud, [policy(), policy(DB)], ledger=ledger)
        report = shell.engine.run_pass([policy(), policy(DB)])
        survey = shell.engine.survey([policy()], plan)
        shell.close()
        assert [outcome.kind for outcome in report.outcomes] == [Kind.WAITING, Kind.ACTED]
        assert report.outcomes[0].reason.startswith("being restored from rotator-20261122T020000Z since")
        assert survey.outcomes[0].reason == report.outcomes[0].reason
        assert (cloud.names(WEB), cloud.names(DB)) == ([], [TODAY])

    def test_a_hold_written_between_plan_and_call_is_seen(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        begin = ledger.begin

        def hold_meanwhile(intents: object) -> None:
            begin(intents)  # type: ignore[arg-type]
            ledger.hold(self.hold())

        ledger.begin = hold_meanwhile  # type: ignore[method-assign]
        shell = process(cloud, ledger)
        shell.engine.run_pass([policy()])
        ended(shell)
        assert cloud.changes() == []
        assert ledger.story() == [("create", TODAY, [Result.NOT_SENT])]

    def test_it_is_lifted_when_the_api_says_that_the_server_is_back(self, logs: list[Any]) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        ledger.hold(self.hold(requested=True))
        cloud.restoring.add(WEB)
        shell = process(cloud, ledger)
        shell.run(10 * MINUTE)
        assert cloud.changes() == []
        cloud.restoring.clear()
        shell.run(10 * MINUTE)
        ended(shell)
        assert cloud.changes() == [("create", TODAY)]
        told = [line["event"] for line in logs if line["event"] in ("rotation_paused", "rotation_resumed")]
        assert told == ["rotation_paused", "rotation_resumed"]

    def test_it_is_not_lifted_before_the_restore_was_asked_for_or_while_the_api_cannot_say(self) -> None:
        cloud, ledger = cloud_with(22), FakeLedger()
        ledger.hold(self.hold())
        shell = process(cloud, ledger)
        shell.run(10 * MINUTE)
        ledger.hold(self.hold(requested=True))
        cloud.trouble("servers", UnavailableError("503"), times=1000)
        shell.run(10 * MINUTE)
        ended(shell)
        assert WEB in ledger.held
        assert cloud.changes() == []


def test_a_verb_of_the_ledger_is_the_verb_of_the_action() -> None:
    cloud, ledger = cloud_with(22), FakeLedger()
    shell = process(cloud, ledger)
    shell.engine.run_pass([policy()])
    ended(shell)
    assert {intent.verb for intent in ledger.intents.values()} == {Verb.CREATE.value}
