"""Whoever observes the calls to the API is told of every exchange, and can do no harm to the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from rotator.api import Client
from rotator.errors import CredentialsError, UnreachableError
from rotator.sandbox import Answer, Cloud, Sandbox
from tests.conftest import NOW

TOKEN = "sandbox-token"
Seen = list[tuple[str, str]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    cloud = Cloud(lambda: NOW)
    cloud.add_server("web-server-01", 12345)
    with Sandbox(cloud, TOKEN) as sandbox:
        yield sandbox


def observed(url: str, seen: Seen, token: str = TOKEN) -> Client:
    def observe(method: str, status: str, seconds: float) -> None:
        assert 0 <= seconds < 10
        seen.append((method, status))

    return Client(url, token, timeout=timedelta(seconds=5), clock=lambda: NOW, sleep=lambda _: None, observe=observe)


def test_every_try_is_told_with_its_status(sandbox: Sandbox) -> None:
    answers = [Answer(503), Answer(429)]
    sandbox.intercept = lambda _: answers.pop(0) if answers else None
    seen: Seen = []
    with closing(observed(sandbox.url, seen)) as client:
        client.server_snapshots(12345)
        made = client.create_snapshot(12345, "rotator-20261123T020000Z", "")
        client.delete_snapshot(made.id)
    assert seen[:4] == [("GET", "503"), ("GET", "429"), ("GET", "200"), ("POST", "201")]
    assert [method for method, _ in seen[4:]] == ["DELETE"]


def test_an_answer_that_is_an_error_is_told_as_well(sandbox: Sandbox) -> None:
    seen: Seen = []
    with closing(observed(sandbox.url, seen, token="wrong")) as client, pytest.raises(CredentialsError):
        client.account_snapshots()
    assert seen == [("GET", "401")]


def test_no_answer_is_told_as_error(sandbox: Sandbox) -> None:
    seen: Seen = []
    with closing(observed("http://127.0.0.1:1/api/v1", seen)) as client, pytest.raises(UnreachableError):
        client.account_snapshots()
    assert set(seen) == {("GET", "error")}
    assert len(seen) > 1


def test_a_fault_of_the_observer_is_not_the_calls(sandbox: Sandbox) -> None:
    def fails(method: str, status: str, seconds: float) -> None:
        raise RuntimeError("a bug")

    client = Client(sandbox.url, TOKEN, timeout=timedelta(seconds=5), clock=lambda: NOW, observe=fails)
    with closing(client):
        assert client.server_snapshots(12345).snapshots == ()
