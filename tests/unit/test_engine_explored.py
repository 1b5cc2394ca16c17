"""What the exploration of every path found in the engine, each in its smallest form."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.engine import RETRY_DELAYS, Kind, observe_one
from rotator.engine.ledger import Attempt, NoLedger, Result
from rotator.engine.memory import STALE, Attempts, Deletions
from rotator.model import Id, Listing
from tests.builders import DB, WEB, day, observation, policy, taken
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud, Fault, Shell
from tests.ledger import FakeLedger

HOUR = timedelta(hours=1)


class EmptyAtFirst(FakeCloud):
    """Its first list counts nothing, whatever is there."""

    lies = 1

    def server_snapshots(self, server_id: Id) -> Listing:
        found = super().server_snapshots(server_id)
        self.lies -= 1
        return Listing(()) if self.lies >= 0 else found


def test_a_list_that_is_empty_once_is_not_believed() -> None:
    cloud = EmptyAtFirst([policy(WEB)])
    cloud.plant(WEB, taken(NOW).name, NOW)
    assert [each.name for each in observe_one(cloud, WEB, cloud.clock).snapshots] == [taken(NOW).name]


def test_a_server_without_snapshots_is_seen_so_by_two_lists() -> None:
    cloud = FakeCloud([policy(WEB)])
    assert observe_one(cloud, WEB, cloud.clock).snapshots == ()
    assert cloud.calls == [("list", WEB), ("list", WEB)]


def attempts_after(stage: Result) -> Attempts:
    attempts = Attempts((), timedelta(seconds=30), NoLedger())
    attempt = attempts.begin(WEB, NOW, NOW)
    attempts.move(WEB, attempt, stage, NOW)
    return attempts


@pytest.mark.parametrize("stage", [Result.SENT, Result.UNCERTAIN])
def test_after_a_clock_was_set_back_an_older_slot_waits_for_the_later_one_that_was_asked_for(stage: Result) -> None:
    attempts, back = attempts_after(stage), NOW - timedelta(seconds=90)
    attempts.shift(back - NOW)
    waits = attempts.awaited(WEB, back)
    assert not waits.granted
    assert waits.patient
    assert attempts.awaited(WEB, back + STALE).granted


def test_a_later_slot_that_came_to_its_end_holds_no_older_one_up() -> None:
    assert attempts_after(Result.COMPLETED).permission(WEB, day(22), NOW).granted
    assert attempts_after(Result.FAILED).permission(WEB, day(22), NOW).granted


def test_a_lost_answer_of_another_process_is_waited_for_as_long_as_a_list_may_be_late() -> None:
    attempts = Attempts(RETRY_DELAYS, timedelta(seconds=30), NoLedger())
    attempts.remember({WEB: Attempt(NOW, Result.UNCERTAIN, NOW, NOW)})
    soon = [attempts.permission(WEB, NOW, NOW + timedelta(minutes=minutes)) for minutes in (1, 2, 4)]
    assert not any(each.granted for each in soon)
    assert attempts.permission(WEB, NOW, NOW + STALE).granted


def test_what_an_earlier_process_deleted_makes_a_list_that_still_shows_it_doubtful() -> None:
    deletions = Deletions()
    deletions.remember({WEB: ("id-of-" + taken(day(22)).name, NOW)}, {})
    assert deletions.objection(WEB, observation(taken(day(22))))


@pytest.mark.parametrize("daemon", [True, False])
def test_a_create_whose_answer_was_lost_is_not_asked_for_by_the_next_process_while_lists_may_be_late(
    daemon: bool,
) -> None:
    cloud, ledger = FakeCloud([policy(WEB)]), FakeLedger()
    cloud.lag = timedelta(minutes=4)
    cloud.trouble("create", Fault.LOSE_ANSWER)
    Shell(cloud, [policy(WEB)], daemon=daemon, ledger=ledger).run(timedelta(seconds=50))
    for _ in range(4):
        Shell(cloud, [policy(WEB)], daemon=daemon, ledger=ledger).run(timedelta(minutes=2))
    assert cloud.changes() == [("create", taken(NOW).name)]


@pytest.mark.parametrize("stage", [Result.SENT, Result.UNCERTAIN, Result.COMPLETED])
def test_what_an_earlier_process_asked_for_is_waited_for_no_longer_than_what_this_one_did(stage: Result) -> None:
    attempts = Attempts(RETRY_DELAYS, timedelta(seconds=30), NoLedger())
    attempts.remember({WEB: Attempt(NOW, stage, NOW, NOW)})
    soon = [attempts.permission(WEB, NOW, NOW + timedelta(minutes=minutes)) for minutes in (0, 1, 4)]
    assert [(each.granted, each.patient) for each in soon] == [(False, True)] * 3
    assert attempts.permission(WEB, NOW, NOW + STALE).granted


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_is_set_during_a_request_makes_it_no_longer_and_no_shorter(jump: timedelta) -> None:
    ledger = FakeLedger()
    attempts = Attempts(RETRY_DELAYS, timedelta(seconds=30), ledger)
    attempt = attempts.begin(WEB, NOW, NOW, "a key")
    attempts.shift(jump)
    attempts.move(WEB, attempt, Result.COMPLETED, NOW + jump + timedelta(minutes=5))
    assert ledger.took == {"a key": timedelta(minutes=5)}


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
@pytest.mark.parametrize("fault", [None, Fault.LOSE_ANSWER])
def test_a_clock_that_is_set_while_lists_lag_leads_to_no_second_request(jump: timedelta, fault: Fault | None) -> None:
    cloud = FakeCloud([policy(WEB, schedule="hourly")])
    cloud.lag = timedelta(minutes=4)
    if fault is not None:
        cloud.trouble("create", fault)
    shell = Shell(cloud, [policy(WEB, schedule="hourly")])
    shell.run(timedelta(seconds=20))
    cloud.skew += jump
    for _ in range(20):
        shell.engine.run_pass(shell.policies)
        cloud.advance(timedelta(seconds=15))
        cloud.skew -= jump
        jump = -jump
    shell.close()
    created = [name for verb, name in cloud.changes() if verb == "create"]
    assert created
    assert len(created) == len(set(created))


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_list_that_lacks_what_was_asked_for_decides_nothing_about_another_slot(jump: timedelta) -> None:
    rules = [policy(WEB, schedule="hourly")]
    cloud = FakeCloud(rules)
    cloud.lag = timedelta(minutes=4)
    shell = Shell(cloud, rules)
    shell.engine.run_pass(rules)
    cloud.advance(timedelta(seconds=15))
    cloud.skew += jump
    [waiting] = shell.engine.run_pass(rules).outcomes
    assert (waiting.kind, waiting.done) == (Kind.UNCERTAIN, ())
    for _ in range(2):
        cloud.advance(timedelta(minutes=5))
        shell.engine.run_pass(rules)
    shell.close()
    assert len(cloud.changes()) == 2, "it is taken once the list shows what came before"


def test_what_was_asked_for_last_is_waited_for_as_long_as_a_list_may_be_late() -> None:
    attempts = attempts_after(Result.SENT)
    late = attempts.awaited(WEB, NOW + STALE - timedelta(seconds=1))
    assert (late.granted, late.patient, late.cleanup) == (False, True, False)
    assert attempts.awaited(WEB, NOW + STALE).granted
    assert attempts.awaited(DB, NOW).granted
