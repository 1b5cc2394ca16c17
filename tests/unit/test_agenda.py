"""Who is looked at when: after every pass each server gets its next appointment, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.engine import Agenda, Kind, Outcome, Report
from rotator.model import Policy
from rotator.planner import plan
from tests.builders import DB, WEB, day, observation, policy
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEB_DAILY = policy(WEB)
DB_DAILY = policy(DB)


def outcome(
    of: Policy = WEB_DAILY, kind: Kind = Kind.IDLE, look_again: datetime | None = None, *, seen: bool = True
) -> Outcome:
    planned = plan(of, observation(), NOW) if seen else None
    return Outcome(of, kind, plan=planned, look_again=look_again)


def noted(*outcomes: Outcome, lasting: bool = True, patient: bool = True) -> Agenda:
    agenda = Agenda([each.policy for each in outcomes], NOW, lasting=lasting, patient=patient)
    agenda.note(Report(outcomes))
    return agenda


def test_every_server_is_due_at_the_start() -> None:
    agenda = Agenda([WEB_DAILY, DB_DAILY], NOW, lasting=True)
    assert agenda.next_at() == NOW
    assert agenda.due(NOW) == [WEB_DAILY, DB_DAILY]
    assert agenda.due(NOW - MINUTE) == []


def test_without_servers_there_is_never_anything_to_do() -> None:
    assert Agenda([], NOW, lasting=True).next_at() is None


def test_who_is_done_comes_back_at_the_next_slot() -> None:
    agenda = noted(outcome())
    assert agenda.next_at() == day(24)
    assert agenda.due(day(24) - MINUTE) == []
    assert agenda.due(day(24)) == [WEB_DAILY]


def test_the_next_slot_comes_with_the_splay() -> None:
    """At 02:00 the slot of 02:00 is still to come for a server that waits for 02:07."""
    assert noted(outcome(replace(WEB_DAILY, splay=7 * MINUTE))).next_at() == NOW + 7 * MINUTE


@pytest.mark.parametrize("kind", [Kind.ACTED, Kind.WAITING, Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED])
def test_who_is_not_done_comes_back_when_it_asks_to(kind: Kind) -> None:
    assert noted(outcome(kind=kind, look_again=NOW + 5 * MINUTE)).next_at() == NOW + 5 * MINUTE


def test_a_slot_that_comes_before_a_retry_is_not_missed_for_it() -> None:
    hourly = policy(schedule="hourly")
    assert noted(outcome(hourly, Kind.FAILED, NOW + 2 * HOUR)).next_at() == NOW + HOUR


def test_a_server_that_could_not_be_seen_comes_back_when_it_asks_to_and_is_not_forgotten() -> None:
    assert noted(outcome(kind=Kind.FAILED, look_again=NOW + MINUTE, seen=False)).next_at() == NOW + MINUTE


def test_a_one_shot_is_finished_with_who_asks_for_nothing() -> None:
    agenda = noted(outcome(), outcome(DB_DAILY, Kind.WAITING, NOW + MINUTE), lasting=False)
    assert agenda.next_at() == NOW + MINUTE
    agenda.note(Report((outcome(DB_DAILY, Kind.FAILED),)))
    assert agenda.next_at() is None
    assert agenda.due(day(30)) == []
    agenda.note(Report((outcome(DB_DAILY, Kind.FAILED),)))
    assert agenda.next_at() is None


def test_who_does_not_wait_is_finished_once_a_snapshot_is_asked_for_or_in_progress() -> None:
    soon = NOW + MINUTE
    asked = replace(outcome(kind=Kind.ACTED, look_again=soon), done=plan(WEB_DAILY, observation(), NOW).actions)
    assert noted(asked, lasting=False, patient=False).next_at() is None
    assert noted(outcome(kind=Kind.WAITING, look_again=soon), lasting=False, patient=False).next_at() is None
    assert noted(outcome(kind=Kind.UNCERTAIN, look_again=soon), lasting=False, patient=False).next_at() == soon
    assert noted(outcome(kind=Kind.ACTED, look_again=soon), lasting=False, patient=False).next_at() == soon


def test_postponing_moves_only_what_was_to_come_before() -> None:
    agenda = noted(outcome(look_again=NOW + MINUTE), outcome(DB_DAILY, look_again=NOW + HOUR))
    agenda.postpone(NOW + 5 * MINUTE)
    assert agenda.next_at() == NOW + 5 * MINUTE
    assert agenda.due(NOW + 5 * MINUTE) == [WEB_DAILY]
    assert agenda.due(NOW + HOUR) == [WEB_DAILY, DB_DAILY]


@pytest.mark.parametrize("kind", [Kind.WAITING, Kind.UNCERTAIN])
def test_one_list_serves_all_so_who_waits_is_looked_at_with_whoever_is_due(kind: Kind) -> None:
    agenda = noted(outcome(kind=kind, look_again=NOW + 2 * MINUTE), outcome(DB_DAILY, look_again=NOW + MINUTE))
    assert agenda.due(NOW + MINUTE - timedelta(seconds=1)) == []
    assert agenda.due(NOW + MINUTE) == [WEB_DAILY, DB_DAILY]
    agenda.note(Report((outcome(look_again=NOW + HOUR),)))
    assert agenda.due(NOW + MINUTE) == [DB_DAILY]
