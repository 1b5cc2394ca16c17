"""`rotator notify-test`, and the one-shot that tells what it met, as their users see them."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.notify.channels import signature
from tests.documented import ROOT, documented
from tests.e2e.account import HOUR, Account
from tests.e2e.program import Program
from tests.receivers import Received, Receiver

PATH = "5f2c8a8e-secret-of-this-test"
SHORT = "s3cr3t"
SECRET = "shared-secret-of-this-test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def notify(home: Path, receiver: Receiver) -> dict[str, Any]:
    """One channel of each kind, by files."""
    (home / "check-in").write_text(f"{receiver.url}/{SHORT}\n")
    (home / "webhook").write_text(f"{receiver.url}/{PATH}/hook\n")
    (home / "secret").write_text(f"{SECRET}\n")
    (home / "apprise").write_text(f"# one a line\n{receiver.url.replace('http', 'json')}/{PATH}/json\n")
    return {
        "check_ins": [{"url_file": "check-in"}],
        "webhooks": [{"url_file": "$CREDENTIALS_DIRECTORY/webhook", "secret_file": "secret"}],
        "apprise": [{"url_file": "apprise"}],
    }


def test_notify_test_sends_one_of_each(rotator: Program, account: Account, receiver: Receiver) -> None:
    path = account.configure(notify=notify(account.home, receiver))
    command = documented("docs/notifications.md", "rotator notify-test -c /etc/rotator/config.yaml")
    words = [str(path) if word == "/etc/rotator/config.yaml" else word for word in shlex.split(command)[1:]]
    shown = rotator(*words, env={"CREDENTIALS_DIRECTORY": str(account.home)})
    assert (shown.code, shown.err) == (0, "")
    host = receiver.url.removeprefix("http://")
    rows = [line.split() for line in shown.out.splitlines()]
    assert rows[0] == ["CHANNEL", "TO", "WHAT", "TIME", "RESULT"]
    assert [(row[0], row[1], row[2], row[-1]) for row in rows[1:]] == [
        ("check-in", host, "start", "sent"),
        ("check-in", host, "fail", "sent"),
        ("check-in", host, "success", "sent"),
        ("webhook", host, "test", "sent"),
        ("apprise", f"json://{host}", "test", "sent"),
    ]
    assert PATH not in shown.out
    assert receiver.paths[:4] == [f"/{SHORT}/start", f"/{SHORT}/fail", f"/{SHORT}", f"/{PATH}/hook"]
    assert len(receiver.requests) == 5
    assert account.sandbox.requests.total() == 0


def test_notify_test_exits_1_when_a_channel_fails(rotator: Program, account: Account) -> None:
    with Receiver(status=lambda request: 404 if "hook" in request.path else 200) as receiver:
        account.configure(notify=notify(account.home, receiver))
        shown = rotator("notify-test", env={"CREDENTIALS_DIRECTORY": str(account.home)})
    assert shown.code == 1
    assert shown.out.count("sent\n") == 4
    assert " failed\n  ! answered 404: nothing is there; is the address right?\n" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert PATH not in shown.out + shown.err


def test_notify_test_shows_no_secret_even_at_level_debug(
    rotator: Program, account: Account, receiver: Receiver
) -> None:
    account.configure(notify=notify(account.home, receiver))
    shown = rotator("notify-test", "--log-level", "debug", env={"CREDENTIALS_DIRECTORY": str(account.home)})
    assert shown.code == 0
    assert "[hidden]" in shown.err
    assert not [secret for secret in (PATH, SECRET, SHORT) if secret in shown.out + shown.err]


def test_notify_test_without_anybody_shows_how_to_name_somebody(rotator: Program, account: Account) -> None:
    shown = rotator("notify-test")
    assert shown.code == 78
    assert "notify: is not in the configuration" in shown.err
    assert "url_file: /etc/rotator/check-in" in shown.err


def test_once_tells_a_trouble_once_over_many_runs_and_then_its_end(
    rotator: Program, account: Account, receiver: Receiver
) -> None:
    settings = {"webhooks": [{"url": f"{receiver.url}/hook"}], "check_ins": [{"url": f"{receiver.url}/ping"}]}
    held = account.plant_foreign("a", "b", "c", "d", "e")
    account.configure(notify=settings)
    codes = [rotator("once", "--state-dir", account.home / "state").code for _ in range(3)]
    account.cloud.delete(held[0])
    codes.append(rotator("once", "--state-dir", account.home / "state").code)
    assert codes == [1, 1, 1, 0]
    assert [each for each in receiver.paths if each.startswith("/ping")] == [
        *["/ping/start", "/ping/1"] * 3,
        *["/ping/start", "/ping/0"],
    ]
    messages = [json.loads(each.body) for each in receiver.requests if each.path == "/hook"]
    assert [(each["kind"], each["events"][0]["kind"]) for each in messages] == [
        ("raised", "blocked"),
        ("cleared", "blocked"),
    ]
    reports = [each.body.decode() for each in receiver.requests if each.path.startswith("/ping/1")]
    assert all("web-server-01" in report and "with problems" in report for report in reports)


def test_the_daemon_tells_before_it_ends_and_the_next_one_tells_nothing_again(
    rotator: Program, account: Account, receiver: Receiver
) -> None:
    account.plant_foreign("a", "b", "c", "d", "e")
    account.configure(notify={"webhooks": [{"url": f"{receiver.url}/hook"}]})
    for _ in range(2):
        daemon = rotator.start("run", "--state-dir", account.home / "state")
        daemon.wait_for("rotation_blocked")
        daemon.wait_for("pass_finished")
        assert daemon.end(seconds=5).code == 0
    (message,) = (json.loads(each.body) for each in receiver.requests)
    assert message["title"] == "rotator: web-server-01 is blocked"
    assert [line["kind"] for line in daemon.log if line["event"].startswith("notification_")] == []


def test_a_receiver_that_fails_changes_nothing_about_a_rotation(rotator: Program, account: Account) -> None:
    with Receiver(status=lambda _: 404) as receiver:
        account.configure(notify={"check_ins": [{"url": f"{receiver.url}/{PATH}"}]})
        done = rotator("once")
    assert done.code == 0
    assert account.expected(0) == account.names()
    assert done.events.count("notification_failed") == 2
    assert PATH not in done.err


def test_the_signature_is_verified_as_the_document_shows(
    rotator: Program, account: Account, receiver: Receiver
) -> None:
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(snippet, "docs/notifications.md", "exec"), scope)
    account.configure(notify=notify(account.home, receiver))
    rotator("notify-test", env={"CREDENTIALS_DIRECTORY": str(account.home)})
    (request,) = (each for each in receiver.requests if each.path.endswith("/hook"))

    def genuine(secret: str, body: bytes, **changed: str) -> bool:
        headers = {
            "X-Rotator-Timestamp": request.headers["x-rotator-timestamp"],
            "X-Rotator-Signature": request.headers["x-rotator-signature"],
        }
        answer: bool = scope["is_genuine"](secret, headers | changed, body)
        return answer

    assert genuine(SECRET, request.body)
    assert not genuine("another secret", request.body)
    assert not genuine(SECRET, request.body + b" ")
    old = str(int(time.time() - HOUR.total_seconds()))
    replayed = {"X-Rotator-Timestamp": old, "X-Rotator-Signature": signature(SECRET, old, request.body)}
    assert not genuine(SECRET, request.body, **replayed)
    assert isinstance(request, Received)
