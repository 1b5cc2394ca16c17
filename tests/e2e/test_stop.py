"""SIGTERM ends the daemon within ten seconds even if everything hangs at once: API, hook, and receiver."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rotator.sandbox import Answer
from tests.e2e.account import DB, FOR_EVER, Account
from tests.e2e.program import Program, until


@pytest.fixture
def deaf() -> Iterator[str]:
    """A receiver that takes what it is sent and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_everything_hangs(rotator: Program, account: Account, deaf: str) -> None:
    account.cloud.create_time = FOR_EVER
    hooks = {"before": ["true"], "after": ["sleep", "60"], "timeout": "5m"}
    account.configure(
        account.server(hooks=hooks),
        account.server(DB),
        account.server(777),  # no such server: something to tell
        notify={"webhooks": [{"url": deaf}], "check_ins": [{"url": deaf}]},
    )
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("snapshot_created", server="web-server-01")
    daemon.wait_for("rotation_failed")
    account.sandbox.intercept = lambda _: Answer(process=True, delay=timedelta(seconds=60))
    before = account.sandbox.requests.total()
    until("it asks, and gets no answer", lambda: account.sandbox.requests.total() > before)
    asked = time.monotonic()
    assert daemon.end(seconds=15).code == 0
    assert time.monotonic() - asked < 10
