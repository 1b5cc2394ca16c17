"""What outlasts the process, through the real program: no slot is asked for twice, and the history tells everything."""

from __future__ import annotations

import json
import shutil
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.sandbox import Answer
from rotator.sandbox.routes import Request
from tests.e2e.account import DB, FOR_EVER, WEB, Account
from tests.e2e.program import Program, until

SLOW = Answer(process=True, delay=timedelta(seconds=25))


class Late:
    """The sandbox's lists lag: the next `left` of them (None: all) show what there was when this was made."""

    def __init__(self, account: Account, *, answers: bool) -> None:
        body = account.cloud.snapshots_json(WEB)
        self._old = Answer(200, {"Content-Type": "application/json"}, body)
        self._answers = answers
        self.left: int | None = 0
        self.given = 0

    def __call__(self, request: Request) -> Answer | None:
        if request.method == "POST" and not self._answers:
            return SLOW
        if request.method != "GET" or request.route != "/snapshots/" or self.left == 0:
            return None
        self.left = None if self.left is None else self.left - 1
        self.given += 1
        return self._old


def history(rotator: Program, *arguments: str | Path) -> list[dict[str, Any]]:
    """What `rotator history` tells, oldest first."""
    entries: list[dict[str, Any]] = rotator("history", "--json", *arguments).json["entries"]
    return entries[::-1]


def killed_after_its_create(rotator: Program, account: Account, late: Late) -> None:
    """A daemon that was killed right after the API took its request in."""
    account.sandbox.intercept = late
    daemon = rotator.start("run", "-c", account.path)
    until("it is asked for", lambda: account.snapshots())
    if late._answers:
        daemon.wait_for("snapshot_created")
    daemon.end(signal.SIGKILL)


class TestOnce:
    """S7: one POST per server and slot, over a kill -9 and with a list that lags behind its own create."""

    @pytest.mark.parametrize(("answers", "poll"), [(True, "2s"), (False, "200ms")], ids=["answered", "not answered"])
    @pytest.mark.parametrize("command", ["run", "once"])
    def test_a_late_list_leads_to_no_second_request_after_a_restart(
        self, rotator: Program, account: Account, command: str, answers: bool, poll: str
    ) -> None:
        account.configure(timing={"poll_interval": poll})
        late = Late(account, answers=answers)
        killed_after_its_create(rotator, account, late)
        late.left, late.given = 1, 0
        second = rotator.start(command, "-c", account.path)
        second.wait_for("snapshot_completed", snapshot=account.name(0))
        assert second.end(signal.SIGTERM if command == "run" else None).code == 0
        assert (late.given, account.created) == (1, 1)
        assert account.names() == account.expected(0)
        assert [(each["action"], each["result"]) for each in history(rotator)] == [("create", "completed")]

    @pytest.mark.parametrize("command", ["run", "once"])
    def test_a_list_that_stays_late_leads_to_no_second_request_either(
        self, rotator: Program, account: Account, command: str
    ) -> None:
        late = Late(account, answers=True)
        killed_after_its_create(rotator, account, late)
        late.left, late.given = None, 0
        second = rotator.start(command, "-c", account.path)
        until("it looked again and again", lambda: late.given > 5)
        assert second.end(signal.SIGTERM).code == (0 if command == "run" else 1)
        late.left = 0
        assert rotator("once", "-c", account.path).code == 0
        assert account.created == 1

    def test_a_daemon_and_a_one_shot_that_do_not_see_each_other_s_lock(
        self, rotator: Program, account: Account
    ) -> None:
        account.plant(1, 2, 3, 4)
        account.cloud.create_time = FOR_EVER
        path = account.configure(account.server(), account.server(DB))
        daemon = rotator.start("run", "--lock-file", "one.lock", "-c", path)
        for server_id in (WEB, DB):
            daemon.wait_for("snapshot_created", server_id=server_id, adopted=False)
        other = rotator.start("once", "--lock-file", "two.lock", "-c", path)
        other.wait_for("snapshot_created", server_id=WEB, adopted=True)
        account.finish()
        assert other.end(None).code == 0
        daemon.wait_for("snapshot_completed", server_id=DB)
        assert daemon.end().code == 0
        assert account.created == 2
        assert account.names(WEB) == account.expected(0, 1, 2, 3)
        told = history(rotator)
        assert [each["result"] for each in told if each["action"] == "create"] == ["completed", "completed"]
        assert "done" in [each["result"] for each in told if each["action"] == "delete"]
        assert "state_unusable" not in {line["event"] for line in (*daemon.log, *other.log)}


class TestPlace:
    def test_two_configurations_in_one_directory_do_not_meet(self, rotator: Program, account: Account) -> None:
        other = account.home / "other" / "config.yaml"
        other.parent.mkdir()
        shutil.copy(account.configure(account.server(DB)), other)
        account.configure()
        for path in (account.path, other):
            assert rotator("once", "-c", path).code == 0
        assert len(list((account.home / "state").glob("*.db"))) == 2
        assert [each["server_id"] for each in history(rotator, "-c", account.path)] == [WEB]
        assert [each["server_id"] for each in history(rotator, "-c", other)] == [DB]

    def test_what_is_named_beats_the_environment(self, rotator: Program, account: Account) -> None:
        named = account.home / "named"
        assert rotator("once", "--state-dir", named, "-c", account.path).code == 0
        assert len(history(rotator, "--state-dir", named)) == 1
        assert not (account.home / "state").exists()

    def test_one_that_is_missing_is_made_for_this_user_only(self, rotator: Program, account: Account) -> None:
        place = account.home / "state" / "deeper"
        assert rotator("once", env={"STATE_DIRECTORY": str(place)}).code == 0
        assert [each.stat().st_mode & 0o077 for each in (place, *place.glob("*.db"))] == [0, 0]

    @pytest.mark.parametrize("command", ["plan", "status"])
    def test_who_only_looks_leaves_nothing_behind(self, rotator: Program, account: Account, command: str) -> None:
        account.plant(0)
        before = sorted(account.home.rglob("*"))
        assert rotator(command, "--json").code == 0
        assert sorted(account.home.rglob("*")) == before
        assert account.changes == 0


class TestHistory:
    """Every create, delete and restore, with its reason."""

    def test_after_once(self, rotator: Program, account: Account) -> None:
        ids = account.plant(4, 3, 2, 1)
        assert rotator("once", "-c", account.path).code == 0
        created, deleted = history(rotator)
        [made] = [each for each in account.snapshots() if each.name == account.name(0)]
        assert (created["action"], created["cause"], created["result"]) == ("create", "slot", "completed")
        assert (created["name"], created["snapshot_id"]) == (account.name(0), made.id)
        assert (created["slot"], created["by"], created["attempt"]) == (account.slot.isoformat(), "once", 1)
        assert created["duration_s"] > 0
        assert (deleted["action"], deleted["cause"], deleted["result"]) == ("delete", "surplus", "done")
        assert (deleted["snapshot_id"], deleted["reason"]) == (ids[0], "no rule of keep: 4 wants it")

    def test_after_prune(self, rotator: Program, account: Account) -> None:
        account.plant(4, 3, 2, 1, 0)
        account.configure(account.server(keep=1))
        assert rotator("prune", "--yes", "-c", account.path).code == 0
        told = history(rotator)
        assert [each["name"] for each in told] == [account.name(days) for days in (4, 3, 2, 1)]
        assert {(each["action"], each["by"], each["result"]) for each in told} == {("delete", "prune", "done")}
        assert {each["reason"] for each in told} == {"no rule of keep: 1 wants it"}

    def test_after_restore(self, rotator: Program, account: Account) -> None:
        [target] = account.plant(0)
        assert rotator("restore", str(target), "--yes", "-c", account.path).code == 0
        safety, restored = history(rotator)
        assert (safety["action"], safety["result"], safety["by"]) == ("create", "completed", "restore")
        assert safety["reason"] == f"the server as it was before {account.name(0)} was restored"
        assert (restored["action"], restored["result"]) == ("restore", "done")
        assert (restored["snapshot_id"], restored["reason"]) == (target, "asked for by hand")

    def test_a_refusal_is_told_in_the_api_s_words(self, rotator: Program, account: Account) -> None:
        refusal = json.dumps({"detail": "try another day"}).encode()
        account.sandbox.intercept = lambda request: Answer(400, body=refusal) if request.method == "POST" else None
        assert rotator("once", "-c", account.path).code == 1
        [told] = history(rotator)
        assert told["result"] == "failed"
        assert "try another day" in told["detail"]
