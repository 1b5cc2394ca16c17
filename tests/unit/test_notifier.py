"""What the daemon and the one-shot tell of their passes, and when."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.config import NotifySettings
from rotator.engine import Kind, Outcome, Report
from rotator.errors import CredentialsError, RotatorError, UnreachableError
from rotator.logs import Redactor
from rotator.model import Notice, Sign
from rotator.notify import AlertMemory, Notifier, Outlets, ProcessMemory
from rotator.notify.alerts import News, is_told
from rotator.notify.channels import Ping
from rotator.notify.post import Answer
from rotator.notify.words import Message
from rotator.state import AlertNote, State
from tests.builders import DB, WEB, policy
from tests.conftest import NOW
from tests.e2e.program import until
from tests.passes import YEARLY, config, outcome
from tests.state_builders import booted

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTINGS = NotifySettings(remind_every=DAY)
DOWN = UnreachableError("list the account's snapshots: no answer")


@dataclass(eq=False)
class Fake:
    """Takes everything, or nothing; keeps what it took."""

    kind: str = "webhook"
    host: str = "hooks.example.org"
    answer: Answer = field(default_factory=Answer)
    got: list[Ping | Message] = field(default_factory=list)

    def send(self, content: Ping | Message) -> Answer:
        self.got.append(content)
        return self.answer

    @property
    def told(self) -> list[str]:
        """Titles of messages, verbs of pings."""
        return [each.title if isinstance(each, Message) else each.verb or "success" for each in self.got]


class Desk:
    """A notifier on a clock that stands still between calls, with one messenger and one check-in address."""

    def __init__(self, memory: ProcessMemory, *, lasting: bool, servers: int = 2, settings: Any = SETTINGS) -> None:
        self.now = NOW
        self.memory = memory
        self.messenger, self.check_in = Fake(), Fake("check-in", "hc.example.org")
        outlets = Outlets(((self.check_in, HOUR),), (self.messenger,))
        clock: Callable[[], datetime] = lambda: self.now  # noqa: E731 - short
        self.notifier = Notifier(settings, outlets, memory, clock, Redactor(), {}, lasting=lasting)
        ids = [WEB, DB, *range(1, max(servers - 1, 1))][:servers]
        self.policies = [policy(server_id, schedule=YEARLY) for server_id in ids]
        self.notifier.configured(config(*self.policies, notify=SETTINGS), self.now)

    def passed(self, *outcomes: Outcome, error: RotatorError | None = None) -> None:
        self.notifier.passed(Report(outcomes, error), self.now)

    def all(self, kind: Kind = Kind.IDLE, reason: str = "", *notices: Notice, acted: bool = False) -> None:
        self.passed(*(outcome(each, kind, reason, *notices, acted=acted) for each in self.policies))

    def wait(self, span: timedelta, step: timedelta = 30 * SECOND) -> None:
        """Let time go by as the loop sees it, and everything be sent."""
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + step, end)
            self.notifier.woke(self.now)
            self.settle()

    def settle(self) -> None:
        outbox = self.notifier._outbox
        until("everything is sent", lambda: outbox.is_idle)
        self.notifier._take_results(self.now)

    @property
    def told(self) -> list[str]:
        return self.messenger.told

    @property
    def pinged(self) -> list[str]:
        return self.check_in.told


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """Makes desks and closes them; a reload leaves each its fakes."""
    made: list[Desk] = []
    monkeypatch.setattr("rotator.notify.notifier.open_outlets", lambda *_: made[-1].notifier._outlets)

    def make(memory: ProcessMemory | None = None, *, lasting: bool = True, **options: Any) -> Desk:
        made.append(Desk(memory or ProcessMemory(), lasting=lasting, **options))
        return made[-1]

    yield make
    for desk in made:
        desk.notifier.closing("the test is over")


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    return desks()


FAILING = "rotator: web-server-01 is failing"
OVER = "rotator: web-server-01 is no longer failing"


class TestDaemon:
    def test_says_nothing_while_all_is_well(self, desk: Desk) -> None:
        desk.all()
        desk.wait(3 * DAY, HOUR)
        assert desk.told == []

    def test_tells_a_failure_within_a_minute_and_its_end_once(self, desk: Desk) -> None:
        web, db = desk.policies
        desk.passed(outcome(web, Kind.FAILED, "the list fails"), outcome(db))
        desk.wait(MINUTE)
        assert desk.told == [FAILING]
        desk.wait(HOUR)
        desk.passed(outcome(web))
        desk.wait(HOUR)
        assert desk.told == [FAILING, OVER]

    def test_tells_nothing_again_for_every_attempt(self, desk: Desk) -> None:
        """A slot that fails is tried again: failed, requested, in progress, failed."""
        web = desk.policies[0]
        for attempt in range(5):
            desk.passed(outcome(web, Kind.FAILED, f"attempt {attempt} failed"))
            desk.wait(10 * MINUTE)
            desk.passed(outcome(web, Kind.ACTED, acted=True))
            desk.wait(MINUTE)
            desk.passed(outcome(web, Kind.WAITING, "in progress"))
            desk.wait(10 * MINUTE)
        assert desk.told == [FAILING]
        assert desk.pinged == ["fail", "fail"]  # the change, then one by the hour

    def test_reminds_once_a_day(self, desk: Desk) -> None:
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(2 * DAY + 2 * HOUR, 10 * MINUTE)
        assert desk.told == [FAILING, *["rotator: web-server-01 is still failing"] * 2]

    def test_a_thousand_servers_that_fail_are_one_message(self, desks: Callable[..., Desk]) -> None:
        desk = desks(servers=1000)
        half = len(desk.policies) // 2
        for policies in (desk.policies[:half], desk.policies[half:]):
            desk.passed(*(outcome(each, Kind.FAILED, "the list fails") for each in policies))
        desk.wait(10 * MINUTE)
        assert desk.told == ["rotator: 1,000 servers are failing"]

    def test_servers_that_fail_one_after_the_other_are_gathered(self, desks: Callable[..., Desk]) -> None:
        desk = desks(servers=60)
        for each in desk.policies:
            desk.passed(outcome(each, Kind.FAILED, "the list fails"))
            desk.wait(30 * SECOND)
        desk.wait(10 * MINUTE)
        assert 2 <= len(desk.told) <= 8

    def test_a_failure_of_seconds_is_told_to_nobody(self, desk: Desk) -> None:
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(5 * SECOND, SECOND)
        desk.passed(outcome(desk.policies[0]))
        desk.wait(HOUR)
        assert desk.told == []

    @pytest.mark.parametrize(
        ("kind", "notices", "told"),
        [
            (Kind.BLOCKED, (), "blocked"),
            (Kind.WAITING, (Notice(Sign.STUCK, "stuck for 3h"),), "stuck"),
            (Kind.IDLE, (Notice(Sign.HELD, "3 surplus"),), "held from pruning"),
        ],
    )
    def test_tells_every_kind_of_trouble(self, desk: Desk, kind: Kind, notices: tuple[Notice, ...], told: str) -> None:
        desk.passed(outcome(desk.policies[0], kind, "words", *notices))
        desk.wait(MINUTE)
        assert desk.told == [f"rotator: web-server-01 is {told}"]

    def test_tells_a_restore_point_that_grows_old_without_a_pass(self, desk: Desk) -> None:
        aging = policy(WEB, schedule=YEARLY, max_age=2 * HOUR)
        desk.passed(outcome(aging), outcome(desk.policies[1]))
        desk.wait(HOUR)
        assert desk.told == []
        desk.wait(2 * HOUR)
        assert desk.told == ["rotator: web-server-01 is without a fresh restore point"]

    def test_a_blip_of_the_account_is_told_to_nobody(self, desk: Desk) -> None:
        desk.all()
        desk.all(Kind.SKIPPED, str(DOWN))
        desk.passed(error=DOWN)
        desk.wait(8 * MINUTE)
        desk.all()
        desk.wait(HOUR)
        assert desk.told == []
        assert "fail" not in desk.pinged

    def test_an_account_in_trouble_for_ten_minutes_is_told_and_its_end(self, desk: Desk) -> None:
        desk.passed(*(outcome(each, Kind.SKIPPED, "down") for each in desk.policies), error=DOWN)
        desk.wait(12 * MINUTE)
        assert desk.told == ["rotator: the API is unreachable"]
        desk.all()
        desk.wait(10 * MINUTE)
        assert desk.told[1:] == ["rotator: the API is no longer unreachable"]

    def test_a_refused_token_is_told_at_once(self, desk: Desk) -> None:
        desk.passed(error=CredentialsError("answered 401"))
        desk.wait(MINUTE)
        assert desk.told == ["rotator: the API is refusing the token"]

    def test_a_refused_token_in_the_first_pass_is_told_though_the_daemon_ends(self, desk: Desk) -> None:
        desk.passed(error=CredentialsError("answered 401"))
        desk.notifier.closing("the token is refused")
        assert desk.told == ["rotator: the API is refusing the token"]

    def test_a_skipped_server_neither_raises_nor_clears(self, desk: Desk) -> None:
        web, db = desk.policies
        desk.passed(outcome(web, Kind.FAILED, "the list fails"), outcome(db))
        desk.wait(10 * MINUTE)
        desk.all(Kind.SKIPPED, "down")
        desk.wait(HOUR)
        assert desk.told == [FAILING]
        desk.all()
        desk.wait(HOUR)
        assert desk.told == [FAILING, OVER]

    def test_a_server_that_left_the_configuration_is_dropped_without_a_word(self, desk: Desk) -> None:
        web, db = desk.policies
        desk.passed(outcome(web, Kind.FAILED, "the list fails"), outcome(db))
        desk.wait(10 * MINUTE)
        desk.notifier.configured(config(db, notify=SETTINGS), desk.now)
        desk.wait(DAY + HOUR, MINUTE)
        assert desk.told == [FAILING]
        assert desk.memory.alerts() == {}

    def test_a_rejected_configuration_is_told_and_its_end(self, desk: Desk) -> None:
        desk.all()
        desk.notifier.configured(config(*desk.policies, notify=SETTINGS), desk.now, ("line 3: keep: is missing",))
        desk.wait(10 * MINUTE)
        assert desk.told == ["rotator: the new configuration is rejected"]
        assert "line 3: keep: is missing" in body(desk.messenger.got[0])
        desk.notifier.configured(config(*desk.policies, notify=SETTINGS), desk.now)
        desk.wait(10 * MINUTE)
        assert desk.told[1:] == ["rotator: the new configuration is no longer rejected"]

    def test_without_notify_it_is_silent_until_a_reload_brings_it(self, desks: Callable[..., Desk]) -> None:
        desk = desks(settings=None)
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(HOUR)
        assert desk.told == []
        desk.notifier.configured(config(*desk.policies, notify=SETTINGS), desk.now)
        assert desk.notifier._settings == SETTINGS


class TestUndelivered:
    def test_a_message_that_reached_nobody_is_told_again_later(self, desk: Desk) -> None:
        desk.messenger.answer = Answer("answered 404")
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(20 * MINUTE)
        assert desk.told == [FAILING]
        assert not any(map(is_told, desk.memory.alerts().values()))
        desk.messenger.answer = Answer()
        desk.wait(HOUR)
        assert desk.told == [FAILING, FAILING]
        assert all(map(is_told, desk.memory.alerts().values()))

    def test_one_channel_is_enough_to_count_as_told(self, desk: Desk) -> None:
        broken = Fake(answer=Answer("answered 404"))
        desk.notifier._outlets = Outlets((), (broken, desk.messenger))
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(3 * HOUR)
        assert (broken.told, desk.told) == ([FAILING], [FAILING])


def body(content: Ping | Message) -> str:
    return content.text


class TestCheckInsOfTheDaemon:
    def test_a_round_is_a_start_and_a_success_of_one_run(self, desk: Desk) -> None:
        desk.all()
        desk.wait(MINUTE)
        desk.all(Kind.ACTED, acted=True)
        desk.all(Kind.WAITING, "in progress")
        desk.wait(5 * MINUTE)
        desk.all()
        desk.settle()
        assert desk.pinged == ["success", "start", "success"]
        runs = [each.run for each in desk.check_in.got if isinstance(each, Ping)]
        assert runs[0] != runs[1] == runs[2]

    def test_without_anything_to_do_it_says_so_every_hour(self, desk: Desk) -> None:
        desk.all()
        desk.wait(5 * HOUR + MINUTE)
        assert desk.pinged == ["success"] * 6

    def test_says_nothing_before_the_first_pass(self, desk: Desk) -> None:
        desk.wait(HOUR)
        assert desk.pinged == []

    def test_a_failure_comes_with_the_end_of_the_log(self, desk: Desk) -> None:
        desk.all()
        desk.wait(MINUTE)
        for number in range(60):
            logging.getLogger("rotator").error("line %d", number)
        desk.passed(outcome(desk.policies[0], Kind.FAILED, "the list fails"))
        desk.wait(MINUTE)
        assert desk.pinged == ["success", "fail"]
        lines = body(desk.check_in.got[-1]).splitlines()
        assert len(lines) == 50
        assert "line 59" in "\n".join(lines)
        assert "line 5\n" not in "\n".join(lines)

    def test_a_recovery_is_said_at_once(self, desk: Desk) -> None:
        desk.all(Kind.FAILED, "the list fails")
        desk.wait(20 * MINUTE)
        desk.all()
        desk.wait(MINUTE)
        assert desk.pinged == ["fail", "success"]


class TestOneShot:
    def run(self, desks: Callable[..., Desk], memory: ProcessMemory, at: datetime, *kinds: Kind, code: int) -> Desk:
        desk = desks(memory, lasting=False)
        desk.now = at
        desk.notifier.began()
        for kind in kinds:
            desk.passed(outcome(desk.policies[0], kind, "the list fails"), outcome(desk.policies[1]))
        desk.notifier.finished(code, "2 servers: 1 with problems")
        return desk

    def test_checks_in_with_start_and_exit_status_of_one_run_and_the_report(self, desks: Callable[..., Desk]) -> None:
        desk = self.run(desks, ProcessMemory(), NOW, Kind.FAILED, code=1)
        start, end = desk.check_in.got
        assert isinstance(start, Ping)
        assert isinstance(end, Ping)
        assert (start.verb, end.verb, end.text) == ("start", "1", "2 servers: 1 with problems")
        assert start.run == end.run

    def test_under_cron_every_quarter_of_an_hour_tells_once_and_then_the_end(self, desks: Callable[..., Desk]) -> None:
        memory, told = ProcessMemory(), []
        for number in range(8):
            told += self.run(desks, memory, NOW + number * 15 * MINUTE, Kind.FAILED, code=1).told
        for number in range(8, 12):
            told += self.run(desks, memory, NOW + number * 15 * MINUTE, Kind.IDLE, code=0).told
        assert told == [FAILING, OVER]

    def test_only_the_end_counts(self, desks: Callable[..., Desk]) -> None:
        desk = self.run(desks, ProcessMemory(), NOW, Kind.FAILED, Kind.ACTED, Kind.WAITING, Kind.IDLE, code=0)
        assert desk.told == []

    def test_an_unreachable_api_is_told_by_the_second_run(self, desks: Callable[..., Desk]) -> None:
        memory, told = ProcessMemory(), []
        for number in range(4):
            desk = desks(memory, lasting=False)
            desk.now = NOW + number * 15 * MINUTE
            desk.passed(*(outcome(each, Kind.SKIPPED, "down") for each in desk.policies), error=DOWN)
            desk.notifier.finished(69, "nothing done")
            told.append(desk.told)
        assert told == [[], ["rotator: the API is unreachable"], [], []]

    def test_an_end_without_a_report_says_nothing_of_the_end(self, desks: Callable[..., Desk]) -> None:
        """As after a crash: the receiver misses the end and raises the alarm."""
        desk = desks(lasting=False)
        desk.notifier.began()
        desk.notifier.closing("it crashed")
        assert desk.pinged == ["start"]

    def test_a_message_that_reached_nobody_is_told_by_the_next_run(self, desks: Callable[..., Desk]) -> None:
        memory = ProcessMemory()
        first = desks(memory, lasting=False)
        first.messenger.answer = Answer("answered 404")
        first.passed(outcome(first.policies[0], Kind.FAILED, "the list fails"))
        first.notifier.finished(1, "")
        second = self.run(desks, memory, NOW + HOUR, Kind.FAILED, code=1)
        assert (first.told, second.told) == ([FAILING], [FAILING])


def test_secrets_are_kept_out_of_messages_and_check_ins(desks: Callable[..., Desk]) -> None:
    desk = desks(lasting=False)
    desk.notifier._redactor.hide("hidden-secret")
    desk.passed(outcome(desk.policies[0], Kind.FAILED, "the API said hidden-secret"))
    desk.notifier.finished(1, "the API said hidden-secret")
    told: Sequence[Ping | Message] = (*desk.messenger.got, *desk.check_in.got)
    assert len(told) == 2
    assert not any("hidden-secret" in body(each) for each in told)
    message = desk.messenger.got[0]
    assert isinstance(message, Message)
    assert message.news is News.RAISED
    assert b"hidden-secret" not in message.event


def test_a_state_is_a_memory(tmp_path: Path) -> None:
    """It keeps notes for the next process, also those that nobody was told of yet."""
    seen = AlertNote("account", "unreachable", "down", since=NOW, told_at=NOW - SECOND)
    told = AlertNote("server:1", "failing", "fails", since=NOW, told_at=NOW)
    for known in ({}, {("account", "unreachable"): seen}):
        state = State.open(tmp_path, "config", lambda: NOW, booted(lambda: NOW), by="once")
        memory: AlertMemory = state
        assert memory.alerts() == known
        memory.save_alert(seen)
        memory.save_alert(told)
        memory.drop_alert("server:1", "failing")
        state.close()
