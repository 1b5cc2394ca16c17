"""`rotator run` as a service manager meets it: signals, reloads, crashes, outages, two instances, its log."""

from __future__ import annotations

import signal
import socket
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rotator.logs import Event
from rotator.sandbox import Answer, Sandbox
from tests.e2e.account import DB, FOR_EVER, WEB, Account, clock
from tests.e2e.clocks import fast
from tests.e2e.program import SCRIPT, TOKEN, Finished, Program, until


def ended_as_asked(ended: Finished) -> None:
    """Exit code 0, and the last line says so."""
    assert ended.code == 0
    last = ended.log[-1]
    assert (last["event"], last["reason"]) == ("daemon_stopped", "asked to stop")


class TestRotation:
    def test_takes_what_is_due_and_prunes(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.plant(1, 2, server_id=DB)
        daemon = rotator.start("run", "-c", account.configure(account.server(), account.server(DB)))
        daemon.wait_for("snapshot_completed", server_id=WEB)
        daemon.wait_for("snapshot_completed", server_id=DB)
        deleted = daemon.wait_for("snapshot_deleted")
        assert (deleted["snapshot"], deleted["reason"]) == (account.name(4), "no rule of keep: 4 wants it")
        ended_as_asked(daemon.end())
        assert (account.names(WEB), account.names(DB)) == (account.expected(0, 1, 2, 3), account.expected(0, 1, 2))

    def test_idle_daemon_makes_no_call(self, rotator: Program, account: Account) -> None:
        account.plant(0, 1, 2)
        daemon = rotator.start("run", "--log-level", "debug", "-c", account.path)
        daemon.wait_for("pass_finished")
        before = account.sandbox.requests.total()
        time.sleep(1.5)  # long for a daemon that asks too often
        assert account.sandbox.requests.total() == before == 1
        ended_as_asked(daemon.end())


class TestStop:
    """SIGTERM ends it within ten seconds, whatever it does."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_while_idle(self, rotator: Program, account: Account, number: signal.Signals) -> None:
        account.plant(0)
        daemon = rotator.start("run", "--log-level", "debug", "-c", account.path)
        daemon.wait_for("pass_finished")
        ended_as_asked(daemon.end(number))

    def test_while_a_snapshot_is_in_progress(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_created")
        ended_as_asked(daemon.end())
        assert [each.status for each in account.snapshots()] == ["in_progress"]

    def test_while_a_call_is_in_flight_that_takes_longer(self, rotator: Program, account: Account) -> None:
        account.sandbox.intercept = lambda _: Answer(process=True, delay=timedelta(seconds=25))
        daemon = rotator.start("run", "-c", account.path)
        until("it asks", lambda: account.sandbox.requests.total())
        ended_as_asked(daemon.end())
        assert account.created == 0

    def test_call_in_flight_gets_its_answer(self, rotator: Program, account: Account) -> None:
        slow = Answer(process=True, delay=timedelta(seconds=1))
        account.sandbox.intercept = lambda request: slow if request.method == "POST" else None
        daemon = rotator.start("run", "-c", account.path)
        until("it asks", lambda: account.created)
        ended = daemon.end()
        ended_as_asked(ended)
        assert "snapshot_created" in ended.events

    def test_at_once(self, rotator: Program, account: Account) -> None:
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        ended_as_asked(daemon.end())


class TestReload:
    def test_good_file_takes_effect(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("config_loaded", servers=1)
        account.configure(account.server(), account.server(DB))
        daemon.send(signal.SIGHUP)
        daemon.wait_for("config_loaded", servers=2)
        daemon.wait_for("snapshot_completed", server_id=DB)
        assert account.names(DB) == account.expected(0)
        ended_as_asked(daemon.end())

    def test_bad_file_leaves_the_old_one_in_force(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        account.path.write_text("servers:\n  - id: 12345\n    kep: 4\n")
        daemon.send(signal.SIGHUP)
        rejected = daemon.wait_for("config_rejected")
        assert rejected["reason"] == "the old configuration stays in force"
        assert rejected["level"] == "error"
        assert any(f"{account.path}:3:5: servers[0].kep" in problem for problem in rejected["problems"])
        account.configure(account.server(), account.server(DB))
        daemon.send(signal.SIGHUP)
        daemon.wait_for("snapshot_completed", server_id=DB)
        ended_as_asked(daemon.end())

    def test_missing_token_leaves_the_old_one_in_force(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        account.token_file.unlink()
        daemon.send(signal.SIGHUP)
        assert "there is no such file" in daemon.wait_for("config_rejected")["problems"][0]
        ended_as_asked(daemon.end())

    def test_snapshot_in_progress_is_followed_across_a_reload(self, rotator: Program, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_created")
        daemon.send(signal.SIGHUP)
        until("it is loaded again", lambda: len(daemon.logged("config_loaded")) == 2)
        account.finish()
        daemon.wait_for("snapshot_completed")
        ended = daemon.end()
        ended_as_asked(ended)
        assert account.created == ended.events.count("snapshot_created") == 1


class TestCrash:
    def test_snapshot_in_progress_is_adopted_and_finished(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.cloud.create_time = FOR_EVER
        first = rotator.start("run", "-c", account.path)
        first.wait_for("snapshot_created", adopted=False)
        first.end(signal.SIGKILL)
        second = rotator.start("run", "-c", account.path)
        adopted = second.wait_for("snapshot_created", adopted=True)
        assert adopted["snapshot"] == account.name(0)
        account.finish()
        second.wait_for("snapshot_completed", snapshot=account.name(0))
        second.wait_for("snapshot_deleted", snapshot=account.name(4))
        ended_as_asked(second.end())
        assert account.created == 1
        assert account.names() == account.expected(0, 1, 2, 3)

    def test_create_whose_answer_was_never_read_is_found(self, rotator: Program, account: Account) -> None:
        slow = Answer(process=True, delay=timedelta(seconds=25))
        account.sandbox.intercept = lambda request: slow if request.method == "POST" else None
        first = rotator.start("run", "-c", account.path)
        until("it was created", account.snapshots)
        first.end(signal.SIGKILL)
        second = rotator.start("run", "--log-level", "debug", "-c", account.path)
        until("it is complete", lambda: account.snapshots()[0].status == "completed")
        second.wait_for("pass_finished")
        ended_as_asked(second.end())
        assert (account.created, account.names()) == (1, account.expected(0))


class TestOutage:
    @pytest.mark.component
    def test_recovers_from_an_api_that_was_down_at_the_start(self, rotator: Program, account: Account) -> None:
        with socket.socket() as reserved:  # bound and not listening: refuses, and no other program gets the port
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            url = f"http://127.0.0.1:{port}/api/v1"
            account.configure(account.server(), api={"url": url, "token_file": str(account.token_file)})
            daemon = rotator.start("run", "-c", account.path, env=fast(8))
            trouble = daemon.wait_for("api_error")
            assert (trouble["level"], trouble["skipped"]) == ("error", 1)
            assert "Connection refused" in trouble["reason"]
        with Sandbox(account.cloud, TOKEN, port=port):
            daemon.wait_for("snapshot_completed", seconds=45)
            ended_as_asked(daemon.end())
        assert account.names() == account.expected(0)

    def test_token_refused_at_the_start_is_exit_code_77(self, rotator: Program, account: Account) -> None:
        account.token_file.write_text("another-token-9dKw31LmQ8")
        ended = rotator.start("run", "-c", account.path).end(None)
        assert ended.code == 77
        assert "another-token" not in ended.out + ended.err
        last = ended.log[-1]
        assert last["event"] == "daemon_stopped"
        assert "401" in last["reason"]

    def test_lost_answers_create_nothing_twice(self, rotator: Program, account: Account) -> None:
        account.sandbox.intercept = lambda request: (
            Answer(process=True, drop=True) if request.method == "POST" and account.created == 1 else None
        )
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_created", adopted=True)
        daemon.wait_for("snapshot_completed")
        ended_as_asked(daemon.end())
        assert (account.created, account.names()) == (1, account.expected(0))


class TestInstances:
    def test_second_one_exits_75_and_harms_nothing(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        first = rotator.start("run", "--log-level", "debug", "-c", account.path)
        first.wait_for("pass_finished")
        second = rotator.start("run", "-c", account.path).end(None)
        assert second.code == 75
        assert f"process {first.pid}" in second.err
        assert first.process.poll() is None
        ended_as_asked(first.end())

    def test_killed_one_leaves_no_lock(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        first = rotator.start("run", "--log-level", "debug", "-c", account.path)
        first.wait_for("pass_finished")
        first.end(signal.SIGKILL)
        assert rotator("once", "-c", account.path).code == 0


class TestLog:
    def test_every_line_is_one_json_object_with_a_known_event(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.plant_foreign("a", "b", "c", "d", "e", server_id=DB)
        account.token_file.chmod(0o644)
        path = account.configure(account.server(), account.server(DB), account.server(99))
        daemon = rotator.start("run", "-c", path)
        daemon.wait_for("snapshot_deleted")
        path.write_text("servers: []")
        daemon.send(signal.SIGHUP)
        daemon.wait_for("config_rejected")
        ended = daemon.end()
        ended_as_asked(ended)
        assert TOKEN not in ended.out + ended.err
        assert ended.out == ""
        assert ended.err.count("\n") == len(ended.log) > 10
        assert set(ended.events) <= set(Event)
        assert {"rotation_blocked", "rotation_failed", "config_warning"} <= set(ended.events)
        for line in ended.log:
            moment = datetime.fromisoformat(line["timestamp"])
            assert moment.utcoffset() == timedelta(0)
            assert abs(moment - clock()) < timedelta(minutes=2)
        levels = {line["event"]: line["level"] for line in ended.log}
        expected = {"slot_due": "info", "snapshot_deleted": "info", "config_warning": "warning"}
        expected |= dict.fromkeys(("rotation_blocked", "rotation_failed", "config_rejected"), "error")
        assert {event: levels[event] for event in expected} == expected

    def test_every_line_about_a_server_names_it_and_its_pass(self, rotator: Program, account: Account) -> None:
        account.plant(1, 2, 3, 4)
        account.plant_foreign("a", "b", "c", "d", "e", server_id=DB)
        account.configure(account.server(), account.server(DB), account.server(99))
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("snapshot_deleted")
        ended = daemon.end()
        lines = [line for line in ended.log if line["event"].startswith(("snapshot_", "slot_", "rotation_"))]
        told = {(line["server_id"], line["event"]) for line in lines}
        assert told >= {(WEB, event) for event in ("slot_due", "snapshot_created", "snapshot_completed")}
        assert told >= {(WEB, "snapshot_deleted"), (DB, "slot_due"), (DB, "rotation_blocked"), (99, "rotation_failed")}
        names = {(line["server_id"], line["server"], line["policy"]) for line in lines}
        assert names == {(WEB, "web-server-01", None), (DB, "db-server-01", None), (99, "server-99", None)}
        passes = {line["pass_id"] for line in ended.log if line["event"] == "pass_finished"}
        assert {line["pass_id"] for line in lines} <= passes

    def test_lasting_trouble_is_told_once(self, rotator: Program, account: Account) -> None:
        account.plant_foreign("a", "b", "c", "d", "e", server_id=DB)
        account.cloud.create_time = timedelta(seconds=1.5)
        daemon = rotator.start("run", "-c", account.configure(account.server(), account.server(DB)))
        daemon.wait_for("snapshot_completed", server_id=WEB)
        ended = daemon.end()
        assert ended.events.count("rotation_blocked") == 1
        assert ended.events.count("pass_finished") < 8

    def test_info_lines_of_a_quiet_daemon(self, rotator: Program, account: Account) -> None:
        """A converged account is worth the lines of the start and the end."""
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        until("it looked", lambda: account.sandbox.requests.total())
        assert daemon.end().events == ["daemon_started", "config_loaded", "daemon_stopped"]


def test_token_from_a_file_is_not_in_the_process_list(rotator: Program, account: Account) -> None:
    account.plant(0)
    daemon = rotator.start("run", "--log-level", "debug", "-c", account.path)
    daemon.wait_for("pass_finished")
    for place in ("cmdline", "environ"):
        assert TOKEN.encode() not in Path(f"/proc/{daemon.pid}/{place}").read_bytes()
    ended_as_asked(daemon.end())


def test_runs_with_no_standard_streams(rotator: Program, account: Account) -> None:
    command = ("/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-')
    daemon = rotator.start("run", "-c", account.path, command=(*command, SCRIPT))
    until("it is complete", lambda: [each.status for each in account.snapshots()] == ["completed"])
    assert daemon.end().code == 0


def test_clock_of_the_log_is_utc_whatever_the_zone(rotator: Program, account: Account) -> None:
    account.plant(0)
    daemon = rotator.start("run", "-c", account.path, env={"TZ": "Pacific/Kiritimati"})
    line = daemon.wait_for("daemon_started")
    assert abs(datetime.fromisoformat(line["timestamp"]) - clock()) < timedelta(minutes=1)
    ended_as_asked(daemon.end())
