"""An `after` command that is owed: what is shown of it, who runs it again, and what is told all the same."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from rotator.engine import Kind
from rotator.engine.aside import Threads
from rotator.engine.ledger import Debt
from rotator.engine.quiet import OWED
from rotator.errors import CredentialsError, UnreachableError
from rotator.model import Verb
from rotator.planner import plan
from tests.builders import DB, WEB, policy
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud, Fault, Shell
from tests.hooked import AFTER, MINUTE, SECOND, TODAY, Bench, Runner, quiet_policy
from tests.ledger import FakeLedger

YESTERDAY = "rotator-20261122T020000Z"

pytestmark = pytest.mark.usefixtures("logs")


class Slow:
    """Work beside the passes whose `after` commands end one pass later."""

    def __init__(self, shell: Shell, runner: Runner) -> None:
        self.may_end = threading.Event()
        shell.engine._aside = Threads()
        runner.meanwhile = lambda: self.may_end.wait(30)


def until_free(shell: Shell) -> None:
    deadline = time.monotonic() + 10
    while not all(future.done() for future in shell.engine._aside._running.values()):  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def debt(key: str, slot_name: str, since_minutes: int, server_id: int = WEB) -> Debt:
    since = NOW + since_minutes * MINUTE
    return Debt(key, server_id, "web-server-01", "", slot_name, NOW, AFTER, 30 * SECOND, since, since + 60 * MINUTE)


class TestLooking:
    def test_nothing_is_wrong_while_all_goes_its_way(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        looker = bench.start()
        for minutes in (1, 6):
            bench.cloud.advance(minutes * MINUTE)
            [seen] = looker.engine.survey(bench.rules, plan).outcomes
            assert seen.problems == ()

    def test_a_failure_is_seen_by_who_only_looks(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 1000
        bench.shell.run(6 * MINUTE)
        [seen] = bench.start().engine.survey(bench.rules, plan).outcomes
        assert seen.problems == (OWED,)

    def test_so_is_one_that_nobody_ran_in_its_time(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        looker = bench.start()
        bench.cloud.advance(62 * MINUTE)
        [seen] = looker.engine.survey(bench.rules, plan).outcomes
        assert seen.problems == (OWED,)


class TestTelling:
    def test_what_came_to_its_end_is_told_though_its_hook_still_runs(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        slow = Slow(bench.shell, bench.runner)
        bench.cloud.advance(6 * MINUTE)
        [outcome] = bench.shell.engine.run_pass(bench.rules).outcomes
        slow.may_end.set()
        assert outcome.reason == "its hooks are running"
        assert outcome.finished is not None
        assert outcome.finished.ok

    def test_so_is_a_create_whose_answer_was_lost(self, bench: Bench) -> None:
        bench.cloud.trouble("create", Fault.LOSE_ANSWER)
        bench.shell.engine.run_pass(bench.rules)
        slow = Slow(bench.shell, bench.runner)
        bench.cloud.advance(6 * MINUTE)
        [outcome] = bench.shell.engine.run_pass(bench.rules).outcomes
        slow.may_end.set()
        assert [action.verb for action in outcome.done] == [Verb.CREATE]

    def test_a_failing_one_stays_failing_while_it_is_run_again(self, bench: Bench) -> None:
        bench.runner.failing["after"] = 1000
        bench.shell.run(6 * MINUTE)
        slow = Slow(bench.shell, bench.runner)
        bench.cloud.advance(2 * MINUTE)
        [outcome] = bench.shell.engine.run_pass(bench.rules).outcomes
        slow.may_end.set()
        assert (outcome.kind, outcome.problems) == (Kind.FAILED, (OWED,))

    @pytest.mark.parametrize("error", [CredentialsError("403"), UnreachableError("no route")])
    def test_trouble_of_the_account_is_the_same_with_hooks(self, error: Exception) -> None:
        bench = Bench(daemon=False)
        bench.cloud.trouble("create", error)
        report = bench.shell.engine.run_pass(bench.rules)
        bench.shell.close()
        assert type(report.error) is type(error)
        assert report.outcomes[0].kind is Kind.SKIPPED


class TestOneShot:
    def test_it_runs_a_failing_one_once_and_ends(self) -> None:
        bench = Bench(daemon=False)
        bench.runner.failing["after"] = 1000
        reports = bench.shell.run(timedelta(days=2))
        bench.shell.engine.let_go()
        bench.shell.close()
        assert [phase for phase, _ in bench.runner.story()] == ["before", "after"]
        assert reports[-1].exit_code == 1
        assert bench.shell.engine.owed() == {WEB: OWED}
        assert len(bench.ledger.debts()) == 1

    def test_it_waits_for_the_commands_of_others_that_it_runs(self) -> None:
        rules = [policy(DB)]
        cloud, ledger = FakeCloud([quiet_policy(), *rules]), FakeLedger()
        runner = Runner(cloud)
        ledger.owe(debt("old", YESTERDAY, -120))
        shell = Shell(cloud, rules, daemon=False, ledger=ledger, run_hook=runner)
        slow = Slow(shell, runner)
        shell.engine.run_pass(rules)
        threading.Timer(0.3, slow.may_end.set).start()
        shell.engine.let_go()
        shell.close()
        assert ledger.debts() == ()

    def test_a_command_that_ends_in_the_middle_of_a_pass_leaves_its_server_to_the_next(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = bench.shell.engine
        engine.run_pass(bench.rules)
        slow = Slow(bench.shell, bench.runner)
        bench.cloud.advance(6 * MINUTE)
        engine.run_pass(bench.rules)
        observe = engine._observe

        def ends_meanwhile(*arguments: Any) -> Any:
            slow.may_end.set()
            until_free(bench.shell)
            return observe(*arguments)

        monkeypatch.setattr(engine, "_observe", ends_meanwhile)
        [outcome] = engine.run_pass(bench.rules).outcomes
        assert (outcome.kind, outcome.reason) == (Kind.UNCERTAIN, "its hooks are running")
        [outcome] = engine.run_pass(bench.rules).outcomes
        assert outcome.kind is Kind.IDLE

    def test_a_stop_ends_even_that(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.engine.engine.LAST_CALLS", 0.1)
        monkeypatch.setattr("rotator.engine.engine.FAREWELL", 0.2)
        monkeypatch.setattr("rotator.engine.engine.LEAST_FAREWELL", 0.1)
        bench = Bench(daemon=False)
        bench.shell.engine.run_pass(bench.rules)
        may_end = threading.Event()
        bench.runner.meanwhile = lambda: may_end.wait(30)
        threading.Timer(0.3, bench.shell.engine._stopping.set).start()
        begun = time.monotonic()
        bench.shell.engine.let_go()
        assert time.monotonic() - begun < 10
        may_end.set()
        bench.shell.close()


class TestOrder:
    def test_an_older_one_does_not_let_a_server_go_that_is_quiet_for_a_newer_snapshot(self, bench: Bench) -> None:
        bench.shell.engine.run_pass(bench.rules)
        assert bench.cloud.changes() == [("create", TODAY)]
        bench.ledger.owe(debt("old", YESTERDAY, -20))
        bench.cloud.advance(MINUTE)
        bench.shell.engine.run_pass(bench.rules)
        assert bench.runner.story() == [("before", "")]
        bench.shell.run(10 * MINUTE)
        assert bench.ledger.debts() == ()

    def test_a_payment_does_not_hide_what_became_of_a_create(self, bench: Bench) -> None:
        slow = Slow(bench.shell, bench.runner)
        bench.shell.engine.run_pass(bench.rules)
        slow.may_end.set()
        until_free(bench.shell)
        bench.ledger.owe(debt("old", YESTERDAY, -120))
        bench.shell.engine.look_at_debts()
        [outcome] = bench.shell.engine.run_pass(bench.rules).outcomes
        assert [action.name for action in outcome.done] == [TODAY]

    def test_a_reload_sends_nothing_that_had_not_begun(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        old = bench.shell
        work: list[Any] = []
        monkeypatch.setattr(old.engine._aside, "start", lambda _, job, **__: work.append(job))
        old.engine.run_pass(bench.rules)
        bench.start().engine.take_over(old.engine)
        assert work[0]() is False
        assert bench.cloud.changes() == []
