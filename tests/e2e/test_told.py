"""Being told by the real program: check-ins and signed messages, over restarts, and receivers that are no help."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rotator.notify.channels import signature
from tests.e2e.account import DB, WEB, Account
from tests.e2e.program import Program, until
from tests.receivers import Receiver

SECRET = "shared-secret-of-this-test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@contextmanager
def hanging() -> Iterator[str]:
    """The address of a receiver that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def closed() -> str:
    """The address of a receiver that is not there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"


def everybody(account: Account, url: str) -> dict[str, Any]:
    """A check-in and a signed webhook there."""
    secret = account.home / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    return {
        "check_ins": [{"url": f"{url}/ping"}],
        "webhooks": [{"url": f"{url}/hook", "secret_file": str(secret)}],
    }


def messages(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Kind, trouble and server of what the webhook got, each one genuine."""
    found = []
    for request in (each for each in receiver.requests if each.path == "/hook"):
        at = request.headers["x-rotator-timestamp"]
        assert request.headers["x-rotator-signature"] == signature(SECRET, at, request.body)
        assert abs(int(at) - time.time()) < 60
        content = json.loads(request.body)
        found += [(content["kind"], each["kind"], each["server"]) for each in content["events"]]
    return found


class TestOverProcesses:
    def test_what_the_daemon_told_no_one_shot_tells_again_and_its_end_is_told(
        self, rotator: Program, account: Account, receiver: Receiver
    ) -> None:
        foreign = account.plant_foreign("a", "b", "c", "d", "e")
        account.configure(account.server(), account.server(DB), notify=everybody(account, receiver.url))
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("rotation_blocked", server_id=WEB)
        daemon.wait_for("snapshot_completed", server_id=DB)
        assert daemon.end().code == 0
        raised = ("raised", "blocked", "web-server-01")
        assert messages(receiver) == [raised]
        assert rotator("once", "-c", account.path).code == 1
        assert messages(receiver) == [raised]
        account.cloud.delete(foreign[0])
        assert rotator("once", "-c", account.path).code == 0
        assert messages(receiver) == [raised, ("cleared", "blocked", "web-server-01")]
        assert rotator("once", "-c", account.path).code == 0
        assert len(messages(receiver)) == 2
        assert receiver.paths.count("/ping/1") == 1
        assert receiver.paths.count("/ping/0") == 2

    def test_a_snapshot_that_fails_is_told_once_and_its_success_too(
        self, rotator: Program, account: Account, receiver: Receiver
    ) -> None:
        account.configure(notify=everybody(account, receiver.url))
        account.cloud.fail_rate = 1.0
        assert [rotator("once", "-c", account.path).code for _ in range(2)] == [1, 1]
        assert messages(receiver) == [("raised", "failing", "web-server-01")]
        account.cloud.fail_rate = 0.0
        assert rotator("once", "-c", account.path).code == 0
        assert messages(receiver)[1:] == [("cleared", "failing", "web-server-01")]

    def test_the_daemon_checks_in_when_a_round_begins_and_ends(
        self, rotator: Program, account: Account, receiver: Receiver
    ) -> None:
        account.configure(notify=everybody(account, receiver.url))
        daemon = rotator.start("run", "-c", account.path)
        until("it checked in", lambda: "/ping" in receiver.paths)
        assert receiver.paths.index("/ping/start") < receiver.paths.index("/ping")
        assert daemon.end().code == 0
        assert messages(receiver) == []


class TestReload:
    def test_somebody_to_tell_is_added_changed_and_removed(
        self, rotator: Program, account: Account, receiver: Receiver
    ) -> None:
        """News is told at the end at the latest, and to whoever is in the configuration by then."""
        account.plant_foreign("a", "b", "c", "d", "e")
        for number, paths in enumerate([["/one"], ["/one", "/two"], ["/one", "/two", ""]]):
            account.configure()
            daemon = rotator.start("run", "--state-dir", f"state-{number}", "-c", account.path)
            daemon.wait_for("rotation_blocked")
            for path in paths:
                loaded, looked = len(daemon.logged("config_loaded")), _looks(account)
                account.configure(**({"notify": {"webhooks": [{"url": receiver.url + path}]}} if path else {}))
                daemon.send(signal.SIGHUP)
                _more_than(loaded, lambda: len(daemon.logged("config_loaded")))  # noqa: B023 - asked at once
                _more_than(looked, lambda: _looks(account))
            assert daemon.end().code == 0
        assert receiver.paths == ["/one", "/two"]

    def test_an_address_that_cannot_be_used_is_rejected(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        account.configure(notify={"check_ins": [{"url_file": str(account.home / "missing")}]})
        daemon.send(signal.SIGHUP)
        [problem] = daemon.wait_for("config_rejected")["problems"]
        assert "notify.check_ins[0]" in problem
        assert "no such file" in problem
        assert daemon.end().code == 0
        ended = rotator("run", "-c", account.path)
        assert ended.code == 78
        assert "notify.check_ins[0]" in ended.err


class TestReceiversThatAreNoHelp:
    def test_one_that_is_down_changes_neither_rotation_nor_exit_code(self, rotator: Program, account: Account) -> None:
        account.configure(notify=everybody(account, closed()))
        ran = rotator("once", "-c", account.path)
        assert (ran.code, account.names()) == (0, account.expected(0))
        assert "notification_failed" in ran.events

    @pytest.mark.parametrize("command", ["run", "once"])
    def test_sigterm_ends_it_in_time_while_one_hangs(self, rotator: Program, account: Account, command: str) -> None:
        with hanging() as url:
            account.configure(notify=everybody(account, url))
            account.plant_foreign("a", "b", "c", "d", "e")
            running = rotator.start(command, "-c", account.path)
            running.wait_for("rotation_blocked")
            began = time.monotonic()
            ended = running.end(seconds=10)
            assert time.monotonic() - began < 10
        assert ended.code == (0 if command == "run" else 1)

    def test_what_hangs_holds_up_no_rotation(self, rotator: Program, account: Account) -> None:
        with hanging() as url:
            account.configure(account.server(), account.server(DB), notify=everybody(account, url))
            daemon = rotator.start("run", "-c", account.path)
            for server_id in (WEB, DB):
                daemon.wait_for("snapshot_completed", server_id=server_id, seconds=5)
            assert daemon.end(seconds=10).code == 0


def _more_than(before: int, count: Callable[[], int]) -> None:
    until(f"more than {before}", lambda: count() > before)


def _looks(account: Account) -> int:
    return account.sandbox.requests["GET", "/snapshots/"]
