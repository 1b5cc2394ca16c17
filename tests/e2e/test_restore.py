"""`rotator restore` as its users meet it: what it shows, what it asks, and that a daemon keeps out of its way."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from rotator.sandbox import Answer
from tests.documented import documented
from tests.e2e.account import FOR_EVER, HOUR, Account
from tests.e2e.program import Program, until

RESTORE = ("POST", "/snapshots/{id}/restore/")


def restores(account: Account) -> int:
    return account.sandbox.requests[RESTORE]


class TestWhich:
    def test_by_id(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert (ran.code, restores(account)) == (0, 1)
        assert f"Restore {account.name(0)} ({newest}), taken {account.slot:%Y-%m-%d %H:%M} UTC (6h ago)," in ran.out
        assert "cannot be undone" in ran.out
        assert ran.out.endswith(f"web-server-01 is restored from {account.name(0)}\n")
        assert "snapshot_restore_requested" in ran.events

    def test_by_time_it_is_the_newest_that_is_not_younger(self, rotator: Program, account: Account) -> None:
        account.plant(0, 1, 2)
        at = account.slot - 20 * HOUR
        ran = rotator(
            "restore", "--server", "web-server-01", "--at", f"{at:%Y-%m-%d %H:%M}", "--yes", "-c", account.path
        )
        assert (ran.code, restores(account)) == (0, 1)
        assert f"Restore {account.name(1)} (" in ran.out
        assert "Newer restore points of this server, which stay: 1." in ran.out

    def test_a_time_is_one_of_the_policy_s_zone(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        account.configure(account.server(timezone="Asia/Tokyo"))
        tokyo = account.slot + 9 * HOUR
        for minutes, code in ((-1, 2), (1, 0)):
            at = f"{tokyo.replace(minute=0) + (tokyo.minute + minutes) * HOUR / 60:%Y-%m-%dT%H:%M}"
            ran = rotator("restore", "--server", "12345", "--at", at, "--yes", "-c", account.path)
            assert ran.code == code, ran.err
        assert f", taken {tokyo:%Y-%m-%d %H:%M} Asia/Tokyo (6h ago)," in ran.out

    def test_what_there_is_is_shown_to_who_does_not_say_which(self, rotator: Program, account: Account) -> None:
        [older, newer] = account.plant(1, 0)
        ran = rotator("restore", "--server", "web-server-01", "-c", account.path)
        assert ran.code == 2
        lines = [line.split()[1] for line in ran.err.splitlines() if "rotator-" in line]
        assert lines == [str(newer), str(older)]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "say which: the id of a snapshot, or --server and --at"),
            (["999", "--at", "1d"], "give an id or --at, not both"),
            (["999"], "no snapshot of this account has the id 999; `rotator status --json` shows the ids"),
            (["--server", "nobody", "--at", "1d"], "this account has no snapshot of such a server"),
            (["--server", "web-server-01", "--at", "soon"], "--at 'soon': this is no time"),
            (["--server", "web-server-01", "--at", "2020-01-01"], "no restore point is that old"),
        ],
    )
    def test_what_is_not_there_is_told(
        self, rotator: Program, account: Account, arguments: list[str], said: str
    ) -> None:
        account.plant(0)
        ran = rotator("restore", *arguments, "--yes", "-c", account.path)
        assert (ran.code, account.changes) == (2, 0)
        assert said in ran.err

    def test_only_a_completed_one_can_be_restored(self, rotator: Program, account: Account) -> None:
        [failed] = account.plant(0, status="failed")
        ran = rotator("restore", str(failed), "--yes", "-c", account.path)
        assert (ran.code, account.changes) == (2, 0)
        assert "has status 'failed': only a completed one can be restored" in ran.err


class TestAsking:
    def test_typing_the_name_restores(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        asked = ("Type the server's name, web-server-01, to go ahead: ", "web-server-01")
        assert rotator.on_terminal("restore", str(newest), "-c", account.path, answer=asked).code == 0
        assert restores(account) == 1

    @pytest.mark.parametrize("typed", ["", "yes", "db-server-01", "WEB-SERVER-01"])
    def test_a_wrong_name_does_nothing(self, rotator: Program, account: Account, typed: str) -> None:
        [newest] = account.plant(0)
        ran = rotator.on_terminal("restore", str(newest), "-c", account.path, answer=("to go ahead: ", typed))
        assert ran.code == 1
        assert "nothing was done" in ran.out
        assert account.changes == 0

    def test_without_a_terminal_it_refuses(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        ran = rotator("restore", str(newest), "-c", account.path, stdin="web-server-01\n")
        assert (ran.code, account.changes) == (2, 0)
        assert "add --yes" in ran.err


class TestProgress:
    def test_on_a_terminal_it_shows_what_it_waits_for(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        ran = rotator.on_terminal("restore", str(newest), "--yes", "-c", account.path)
        assert ran.code == 0
        assert "\r\x1b[K0:00 taking a safety snapshot, rotator-" in ran.out
        assert ran.out.rpartition("\r\x1b[K")[2].startswith("web-server-01 is restored from")

    def test_nothing_of_it_elsewhere(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert "0:00" not in ran.out + ran.err


class TestSafety:
    def test_a_safety_snapshot_is_taken_first_where_there_is_room(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert (ran.code, account.created, len(account.snapshots())) == (0, 1, 2)
        assert "taking a safety snapshot, rotator-" in ran.out

    def test_not_on_a_full_server_where_nothing_is_deleted_for_it(self, rotator: Program, account: Account) -> None:
        ids = account.plant(4, 3, 2, 1, 0)
        ran = rotator("restore", str(ids[0]), "--yes", "-c", account.path)
        assert (ran.code, account.created, len(account.snapshots())) == (0, 0, 5)
        assert "No safety snapshot: all 5 places are taken." in ran.out

    def test_not_for_who_does_not_want_one(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        assert rotator("restore", str(newest), "--no-safety", "--yes", "-c", account.path).code == 0
        assert account.created == 0

    def test_one_that_fails_stops_the_restore(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        account.cloud.fail_rate = 1.0
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert (ran.code, restores(account)) == (1, 0)
        assert "nothing was restored. To go ahead without one: --no-safety" in ran.err

    def test_refusal_of_the_api_is_told(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        account.cloud.restore_time = FOR_EVER
        account.cloud.restore(newest)
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert ran.code == 1
        assert "the server is restoring" in ran.err

    def test_a_second_one_beside_the_first_is_refused(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        account.cloud.restore_time = FOR_EVER
        assert rotator("restore", str(newest), "--no-wait", "--yes", "-c", account.path).code == 0
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert (ran.code, restores(account)) == (1, 1)
        assert "being restored from" in ran.err


class TestInterlock:
    def test_a_daemon_leaves_the_server_alone_until_it_is_back(self, rotator: Program, account: Account) -> None:
        ids = account.plant(0, 1)
        account.cloud.restore_time = 2 * HOUR
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        ran = rotator("restore", str(ids[1]), "--no-wait", "--no-safety", "--yes", "-c", account.path)
        assert ran.code == 0, ran.err
        account.cloud.delete(ids[0])  # so that the slot is due again
        daemon.send(signal.SIGHUP)
        paused = daemon.wait_for("rotation_paused")
        assert "being restored from" in paused["reason"]
        assert account.created == 0
        with account.cloud._lock:
            account.cloud._servers[12345].restoring_until = account.slot
        _age_hold(account.home)
        daemon.send(signal.SIGHUP)
        daemon.wait_for("rotation_resumed", server="web-server-01")
        daemon.wait_for("snapshot_completed")
        assert daemon.end().code == 0

    def test_status_and_plan_tell_it(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(1)
        account.cloud.restore_time = FOR_EVER
        rotator("restore", str(newest), "--no-wait", "--no-safety", "--yes", "-c", account.path)
        [shown] = rotator("plan", "--json", "-c", account.path).json["servers"]
        assert shown["waiting"].startswith("being restored from")
        assert shown["actions"] == []
        [shown] = rotator("status", "--json", "-c", account.path).json["servers"]
        assert (shown["state"], shown["waiting"][:19]) == ("waiting", "being restored from")

    def test_a_daemon_that_would_not_know_of_it_stops_it(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(0)
        daemon = rotator.start("run", "--state-dir", "elsewhere", "-c", account.path)
        daemon.wait_for("daemon_started")
        ran = rotator("restore", str(newest), "--yes", "-c", account.path)
        assert (ran.code, restores(account)) == (75, 0)
        assert "would not know of the restore" in ran.err
        assert daemon.end().code == 0

    def test_a_restore_that_is_interrupted_before_it_began_leaves_no_hold(
        self, rotator: Program, account: Account
    ) -> None:
        [newest] = account.plant(0)
        account.cloud.create_time = FOR_EVER
        restore = rotator.start("restore", str(newest), "--yes", "-c", account.path)
        until("the safety snapshot is asked for", lambda: account.created)
        assert restore.end(signal.SIGINT).code == 130
        assert restores(account) == 0
        [shown] = rotator("plan", "--json", "-c", account.path).json["servers"]
        assert "being restored" not in (shown["waiting"] or "")

    def test_one_that_is_interrupted_while_it_is_followed_goes_on(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(1)
        account.cloud.restore_time = FOR_EVER
        restore = rotator.start("restore", str(newest), "--no-safety", "--yes", "-c", account.path)
        until("it is followed", lambda: "; it takes 5 to 15 minutes\n" in restore.out)
        ran = restore.end(signal.SIGINT)
        assert ran.code == 130
        assert "rotator: interrupted: the restore goes on, and rotation stays held off this server" in ran.err
        [shown] = rotator("plan", "--json", "-c", account.path).json["servers"]
        assert shown["waiting"].startswith("being restored from")

    def test_a_one_shot_waits_for_the_server(self, rotator: Program, account: Account) -> None:
        [older] = account.plant(1)
        account.cloud.restore_time = FOR_EVER
        rotator("restore", str(older), "--no-wait", "--no-safety", "--yes", "-c", account.path)
        once = rotator.start("once", "-c", account.path)
        once.wait_for("rotation_paused")
        before = account.sandbox.requests.total()
        until("it looks again", lambda: account.sandbox.requests.total() > before + 3)
        with account.cloud._lock:
            account.cloud._servers[12345].restoring_until = account.slot
        _age_hold(account.home)
        assert once.end(None).code == 0
        assert account.names() == account.expected(0, 1)

    def test_an_answer_that_was_lost_keeps_rotation_away(self, rotator: Program, account: Account) -> None:
        [newest] = account.plant(1)
        account.cloud.restore_time = FOR_EVER
        account.sandbox.intercept = lambda request: (
            Answer(process=True, drop=True) if request.path.endswith("/restore/") else None
        )
        ran = rotator("restore", str(newest), "--no-safety", "--yes", "-c", account.path)
        assert ran.code == 1
        assert "it may have started: look at the server before trying again" in ran.err
        [shown] = rotator("plan", "--json", "-c", account.path).json["servers"]
        assert shown["waiting"].startswith("being restored from")


def _age_hold(home: Path) -> None:
    """The hold is older than the time that the API may take to say `restoring`."""
    [path] = (home / "state").glob("*.db")
    with sqlite3.connect(path, timeout=10) as connection:
        connection.execute("UPDATE holds SET since = since - 120 * 1000000")


def test_documented_sandbox(rotator: Program) -> None:
    command = documented("docs/restore.md", "rotator sandbox --restore-time 2m --config-out sandbox.yaml")
    sandbox = rotator.start(*command.split()[1:])
    until("it is there", lambda: "rotator once -c sandbox.yaml" in sandbox.out)
    token = {"ROTATOR_API_TOKEN": "sandbox"}
    assert rotator("once", "-c", "sandbox.yaml", env=token).code == 0
    [server, *_] = rotator("status", "--json", "-c", "sandbox.yaml", env=token).json["servers"]
    made = str(server["snapshots"][0]["snapshot_id"])
    restore = ("restore", made, "--no-safety", "--no-wait", "--yes", "-c", "sandbox.yaml")
    assert rotator(*restore, env=token).code == 0
    [server, *_] = rotator("status", "--json", "-c", "sandbox.yaml", env=token).json["servers"]
    assert server["waiting"].startswith("being restored from")
    assert sandbox.end().code == 0


def test_documented_way(rotator: Program, account: Account) -> None:
    account.plant(0, 1)
    for command in (
        documented("docs/restore.md", "rotator restore --server web-server-01"),
        documented("docs/restore.md", 'rotator restore --server web-server-01 --at "2026-11-20 14:00"'),
        documented("docs/restore.md", "rotator restore 801"),
        documented("docs/restore.md", "rotator restore 801 --no-wait"),
    ):
        arguments = command.replace('"', "").split()[1:]
        if "--at" in arguments:
            arguments[arguments.index("--at") + 1 :] = [f"{account.slot:%Y-%m-%d %H:%M}".replace(" ", "T")]
        ran = rotator(*arguments, "--yes", "-c", account.path)
        assert ran.code == (2 if arguments[-1] == "web-server-01" else 0), ran.err
    assert json.loads(rotator("status", "--json", "-c", account.path).out)
