"""The commands around a snapshot: when each runs, and that `after` runs whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from rotator.engine import Engine, Kind
from rotator.engine.aside import Threads
from rotator.engine.ledger import Debt
from rotator.engine.pool import Pool
from rotator.engine.quiet import OWED
from rotator.errors import RefusedError, UnavailableError
from rotator.model import AfterWhen, Hooks, Id, Policy
from tests.builders import DB, WEB, policy
from tests.conftest import NOW
from tests.fake_cloud import Crash, FakeCloud, Fault, Inline, Shell
from tests.hooked import AFTER, BEFORE, MINUTE, SECOND, TODAY, Bench, Runner, quiet_policy
from tests.ledger import FakeLedger

pytestmark = pytest.mark.usefixtures("logs")


class TestOrder:
    def test_before_then_the_request_then_after_once_it_is_complete(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.story() == [("before", "")]
        assert [debt.command for debt in bench.ledger.debts()] == [AFTER]
        bench.shell.run(10 * MINUTE)
        assert bench.runner.story() == [("before", ""), ("after", "completed")]
        assert bench.order() == ["before", "create", "after"]
        assert bench.ledger.debts() == ()

    def test_both_are_told_which_server_slot_and_snapshot(self, bench: Bench) -> None:
        bench.shell.run(10 * MINUTE)
        for call in bench.runner.calls:
            assert (call.server_id, call.server, call.slot, call.snapshot) == (WEB, "web-server-01", NOW, TODAY)
            assert call.timeout == 30 * SECOND

    def test_after_as_soon_as_it_is_requested_if_the_policy_says_so(self) -> None:
        bench = Bench(Hooks(BEFORE, AFTER, after_when=AfterWhen.REQUESTED))
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        assert bench.runner.story() == [("before", ""), ("after", "requested")]
        assert bench.order() == ["before", "create", "after"]

    def test_and_where_the_answer_was_lost_as_soon_as_a_list_shows_it(self) -> None:
        bench = Bench(Hooks(BEFORE, AFTER, after_when=AfterWhen.REQUESTED))
        bench.cloud.trouble("create", Fault.LOSE_ANSWER)
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.story() == [("before", "")]
        bench.cloud.advance(MINUTE)
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        assert bench.runner.story() == [("before", ""), ("after", "requested")]

    def test_only_before_or_only_after_is_allowed(self) -> None:
        for hooks, story in ((Hooks(before=BEFORE), ["before"]), (Hooks(after=AFTER), ["after"])):
            bench = Bench(hooks)
            bench.shell.run(10 * MINUTE)
            bench.shell.close()
            assert [phase for phase, _ in bench.runner.story()] == story

    def test_nothing_is_run_for_a_delete_or_by_a_look(self, bench: Bench) -> None:
        bench.cloud.plant(WEB, TODAY, NOW)
        bench.shell.run(10 * MINUTE)
        assert bench.runner.calls == []

    @pytest.mark.parametrize("takes", [SECOND, 2 * MINUTE], ids=["at once", "long"])
    def test_the_list_is_fetched_anew_once_the_server_was_made_quiet(self, takes: timedelta) -> None:
        bench = Bench(takes=takes)
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        assert [call for call, _ in bench.cloud.calls] == ["list", "before", "list", "create"]

    def test_somebody_else_took_the_last_place_meanwhile(self) -> None:
        bench = Bench(takes=2 * MINUTE)
        bench.runner.meanwhile = lambda: [bench.cloud.plant(WEB, f"by-hand-{n}", NOW) for n in range(4)]
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        assert bench.order() == ["before", "after"]
        assert bench.runner.story()[-1] == ("after", "not_created")


class TestFailure:
    def test_before_fails_so_no_snapshot_is_asked_for_and_after_runs_for_what_was_done(
        self, bench: Bench, logs: list[Any]
    ) -> None:
        bench.runner.failing["before"] = 1
        [outcome] = bench.shell.engine.run_pass(bench.rules).outcomes
        assert bench.order() == ["before", "after"]
        assert bench.runner.story() == [("before", ""), ("after", "not_created")]
        assert outcome.kind is Kind.FAILED
        assert "exited with status 1; no snapshot was asked for" in outcome.reason
        [failed] = [line for line in logs if line["event"] == "hook_failed"]
        assert failed["output"] == "no such file system"

    def test_the_slot_is_tried_again_after_the_usual_waits(self, bench: Bench) -> None:
        bench.runner.failing["before"] = 1
        bench.shell.run(4 * MINUTE)
        assert bench.order() == ["before", "after"]
        bench.shell.run(20 * MINUTE)
        assert bench.order() == ["before", "after", "before", "create", "after"]

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (RefusedError("400"), "not_created"),
            (UnavailableError("429"), "not_created"),
            (Fault.FAIL, "failed"),
            (Fault.LOSE_ANSWER, "completed"),
            (Fault.LOSE_REQUEST, "recovered"),
        ],
    )
    def test_after_runs_whatever_becomes_of_the_request(self, fault: Fault | Exception, told: str) -> None:
        bench = Bench(daemon=False)
        bench.cloud.trouble("create", fault)
        bench.shell.run(30 * MINUTE)
        bench.shell.close()
        assert bench.runner.story() == [("before", ""), ("after", told)]
        assert bench.ledger.debts() == ()

    def test_a_snapshot_that_sticks_holds_the_server_no_longer_than_stuck_after(self, bench: Bench) -> None:
        bench.cloud.trouble("create", Fault.STICK)
        bench.shell.run(59 * MINUTE)
        assert bench.runner.story() == [("before", "")]
        bench.shell.run(3 * MINUTE)
        assert bench.runner.story() == [("before", ""), ("after", "timed_out")]

    def test_an_api_that_is_gone_holds_it_no_longer_either(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.cloud.trouble("list", UnavailableError("503"), times=10_000)
        bench.shell.run(70 * MINUTE)
        assert bench.runner.story() == [("before", ""), ("after", "timed_out")]

    def test_after_that_fails_is_told_and_run_again_until_it_works(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 2
        reports = bench.shell.run(20 * MINUTE)
        assert [phase for phase, _ in bench.runner.story()] == ["before", "after", "after", "after"]
        assert bench.ledger.debts() == ()
        troubled = [each for report in reports for each in report.outcomes if each.problems]
        assert {each.reason for each in troubled} == {OWED}
        assert reports[-1].outcomes[0].problems == ()

    def test_one_that_just_failed_is_not_run_again_at_the_end(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 1
        bench.shell.engine.run_pass(bench.rules)
        bench.cloud.advance(6 * MINUTE)
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.engine.let_go()
        assert bench.runner.story() == [("before", ""), ("after", "completed")]
        assert len(bench.ledger.debts()) == 1

    def test_after_that_never_works_is_run_ever_again_and_told_all_the_time(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 10_000
        reports = bench.shell.run(timedelta(hours=20))
        tries = [call for call in bench.runner.story() if call[0] == "after"]
        assert 70 <= len(tries) <= 90, "soon at first, then every quarter of an hour"
        late = [report for report in reports if report.outcomes[0].look_again]
        assert all(report.outcomes[0].problems for report in late[30:])

    def test_after_some_days_it_is_given_up(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 10_000
        bench.shell.engine.run_pass(bench.rules)
        bench.cloud.advance(timedelta(days=8))
        bench.shell.engine.run_pass(bench.rules)
        assert bench.ledger.debts() == ()

    def test_one_server_whose_hook_fails_stops_no_other(self) -> None:
        rules = [quiet_policy(), policy(DB)]
        cloud = FakeCloud(rules)
        runner = Runner(cloud)
        runner.failing["before"] = 1
        shell = Shell(cloud, rules, ledger=FakeLedger(), run_hook=runner)
        report = shell.engine.run_pass(rules)
        shell.close()
        assert [outcome.kind for outcome in report.outcomes] == [Kind.FAILED, Kind.ACTED]


class TestBeside:
    """Hooks take their time in threads of their own; nobody else waits for them."""

    @pytest.fixture
    def slow(self) -> Iterator[threading.Event]:
        may_end = threading.Event()
        yield may_end
        may_end.set()

    def shell(self, cloud: FakeCloud, rules: list[Policy], runner: Runner) -> Shell:
        shell = Shell(cloud, rules, ledger=FakeLedger(), run_hook=runner)
        shell.engine._aside = Threads()
        return shell

    def until(self, question: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not question():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_a_server_whose_hook_hangs_holds_up_no_other(self, slow: threading.Event) -> None:
        rules = [quiet_policy(), policy(DB)]
        cloud = FakeCloud(rules)
        runner = Runner(cloud)
        runner.meanwhile = lambda: slow.wait(30)
        shell = self.shell(cloud, rules, runner)
        first = shell.engine.run_pass(rules)
        assert [outcome.kind for outcome in first.outcomes] == [Kind.UNCERTAIN, Kind.ACTED]
        assert first.outcomes[0].reason == "its hooks are running"
        assert first.outcomes[0].look_again == cloud.now + 15 * SECOND
        second = shell.engine.run_pass(rules)
        assert [outcome.kind for outcome in second.outcomes] == [Kind.UNCERTAIN, Kind.WAITING]
        slow.set()
        self.until(lambda: TODAY in cloud.names(WEB))
        done: list[str] = []

        def acted() -> bool:
            [outcome] = shell.engine.run_pass(rules[:1]).outcomes
            done.extend(action.name for action in outcome.done)
            return outcome.kind is Kind.ACTED

        self.until(acted)
        assert done == [TODAY]
        shell.close()
        assert cloud.names(DB) == [TODAY]

    def test_its_failure_is_the_outcome_of_a_later_pass(self, slow: threading.Event) -> None:
        rules = [quiet_policy()]
        cloud = FakeCloud(rules)
        runner = Runner(cloud)
        runner.failing["before"] = 1
        runner.meanwhile = lambda: slow.wait(30)
        shell = self.shell(cloud, rules, runner)
        shell.engine.run_pass(rules)
        slow.set()
        self.until(lambda: shell.engine.run_pass(rules).outcomes[0].kind is Kind.FAILED)
        shell.close()
        assert cloud.changes() == []

    def test_a_reload_waits_for_no_hook_and_forgets_none(self, slow: threading.Event) -> None:
        rules = [quiet_policy()]
        cloud = FakeCloud(rules)
        runner = Runner(cloud)
        runner.meanwhile = lambda: slow.wait(30)
        old = self.shell(cloud, rules, runner)
        old.engine.run_pass(rules)
        new = self.shell(cloud, rules, runner)
        new.engine.take_over(old.engine)
        old.close()
        assert new.engine.run_pass(rules).outcomes[0].reason == "its hooks are running"
        slow.set()
        self.until(lambda: new.engine.run_pass(rules).outcomes[0].kind is Kind.WAITING)
        new.close()
        assert cloud.changes() == [("create", TODAY)], "the new engine knows what the old one asked for"

    def test_a_server_that_a_reload_removes_does_not_stay_quiet(
        self, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rules = [quiet_policy()]
        cloud = FakeCloud(rules)
        runner = Runner(cloud)
        old = self.shell(cloud, rules, runner)
        create, asked = cloud.create_snapshot, threading.Event()

        def slowly(*given: Any) -> Any:
            asked.set()
            slow.wait(30)
            return create(*given)

        monkeypatch.setattr(cloud, "create_snapshot", slowly)
        old.engine.run_pass(rules)
        assert asked.wait(10)
        new = self.shell(cloud, [policy(DB)], runner)
        new.engine._ledger = new.engine._quieting._ledger = old.engine._ledger
        new.engine.take_over(old.engine)
        old.close()
        slow.set()
        self.until(lambda: cloud.changes() == [("create", TODAY)])
        cloud.advance(timedelta(days=1))

        def paid() -> bool:
            new.engine.look_at_debts()
            return len(runner.story()) == 2

        self.until(paid)
        new.close()
        assert runner.story() == [("before", ""), ("after", "timed_out")]

    def test_at_a_stop_what_was_not_begun_is_not_sent(self) -> None:
        rules = [quiet_policy()]
        cloud, ledger = FakeCloud(rules), FakeLedger()
        stopping = threading.Event()
        engine = Engine(
            cloud,
            cloud.clock,
            cloud.monotonic,
            parallel=1,
            poll_interval=15 * SECOND,
            stopping=stopping,
            ledger=ledger,
            run_hook=Runner(cloud),
            aside=Stopped(stopping),
        )
        engine.run_pass(rules)
        engine.close()
        assert ledger.story() == []
        assert cloud.changes() == []


class Stopped(Inline):
    """rotator is told to stop while work waits for its turn."""

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__()
        self.stopping = stopping

    def start(self, server_id: Id, work: Callable[[], bool | None], *, urgent: bool = False) -> None:
        self.stopping.set()
        super().start(server_id, work, urgent=urgent)


class TestEndOfTheProcess:
    def test_rotator_that_is_told_to_stop_lets_go_what_it_holds(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.engine.let_go()
        assert bench.runner.story() == [("before", ""), ("after", "interrupted")]
        bench.shell.engine.let_go()
        assert len(bench.runner.calls) == 2, "once is enough"

    def test_a_command_that_hangs_at_the_end_does_not_hold_the_end_up(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotator.engine.engine.FAREWELL", 0.0)
        monkeypatch.setattr("rotator.engine.engine.LEAST_FAREWELL", 0.05)
        bench.shell.engine.run_pass(bench.rules)
        ready = threading.Event()
        bench.runner.meanwhile = lambda: ready.wait(30)
        bench.shell.engine._stopping.set()
        bench.shell.engine.let_go()
        assert len(bench.ledger.debts()) == 1, "the next start runs it again"
        ready.set()

    @pytest.mark.parametrize("at", [2, 3])
    @pytest.mark.parametrize("acted", [True, False])
    def test_after_a_crash_the_next_start_runs_it(self, at: int, acted: bool) -> None:
        bench = Bench()
        bench.cloud.crash_at, bench.cloud.crash_after_acting = at, acted
        with pytest.raises(Crash):
            bench.shell.run(30 * MINUTE)
        bench.shell.close()
        bench.cloud.revive()
        assert ("after", "completed") not in bench.runner.story()
        bench.start().run(30 * MINUTE)
        bench.shell.close()
        assert bench.runner.story()[-1][0] == "after"
        assert bench.ledger.debts() == ()
        assert bench.cloud.names(WEB)[-1] == TODAY

    def test_a_debt_for_a_snapshot_in_progress_is_paid_when_that_is_complete(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        bench.start().engine.run_pass(bench.rules)
        assert bench.runner.story() == [("before", "")]
        bench.shell.run(10 * MINUTE)
        assert bench.runner.story() == [("before", ""), ("after", "completed")]

    def test_the_command_of_the_debt_runs_even_if_the_policy_has_none_any_more(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        bench.rules = [policy()]
        bench.start().run(10 * MINUTE)
        assert [call.command for call in bench.runner.calls] == [BEFORE, AFTER]

    def test_a_debt_for_a_server_that_nobody_looks_at_is_paid_when_its_time_is_over(self, bench: Bench) -> None:
        until = NOW + 60 * MINUTE
        stranger = Debt("k", DB, "db-server-01", "", TODAY, NOW, AFTER, 30 * SECOND, NOW, until)
        bench.ledger.owe(stranger)
        bench.cloud.plant(WEB, TODAY, NOW)
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.calls == []
        bench.cloud.advance(61 * MINUTE)
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.story() == [("after", "timed_out")]

    def test_between_passes_it_is_paid_when_its_time_is_over(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.cloud.advance(59 * MINUTE)
        bench.shell.engine.look_at_debts()
        assert bench.runner.story() == [("before", "")]
        bench.cloud.advance(2 * MINUTE)
        bench.shell.engine.look_at_debts()
        assert bench.runner.story() == [("before", ""), ("after", "timed_out")]

    def test_at_a_stop_a_server_whose_command_still_runs_is_left_to_the_next_start(self) -> None:
        rules = [quiet_policy()]
        cloud = FakeCloud(rules)
        runner, may_end = Runner(cloud), threading.Event()
        runner.meanwhile = lambda: may_end.wait(30)
        ledger = FakeLedger()
        shell = Shell(cloud, rules, ledger=ledger, run_hook=runner)
        shell.engine._aside = Threads()
        shell.engine.run_pass(rules)
        shell.engine._stopping.set()
        started = time.monotonic()
        pool = shell.engine._pool
        assert isinstance(pool, Pool)
        pool._stop_seen = started - 10
        shell.engine.let_go()
        assert runner.story() == [("before", "")], "`after` would come before `before` has ended"
        assert len(ledger.debts()) == 1
        may_end.set()
        shell.close()

    def test_a_clock_that_is_set_back_holds_no_server(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        bench.cloud.advance(timedelta(days=-400))
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.story() == [("before", ""), ("after", "timed_out")]

    def test_a_new_configuration_takes_the_debts_over(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        old = bench.shell
        bench.start().engine.take_over(old.engine)
        old.close()
        bench.shell.engine.let_go()
        assert bench.runner.story() == [("before", ""), ("after", "interrupted")]
