"""Who is told: the page, the metrics and the notifications of a configuration, each only where it is wanted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from rotator.api import Client
from rotator.cli.account import Account
from rotator.cli.audience import Audience
from rotator.config import Config, NotifySettings, Target, Webhook, WebSettings
from rotator.engine import Kind, Report
from rotator.errors import ConfigError
from rotator.logs import Redactor
from rotator.state import State
from tests.builders import policy
from tests.conftest import NOW
from tests.e2e.page import Page, free_port
from tests.passes import config, outcome
from tests.receivers import Receiver
from tests.state_builders import booted

RULES = policy()
WELL = Report((outcome(RULES),))
BLOCKED = Report((outcome(RULES, Kind.BLOCKED, "no room"),))
GO_ON = threading.Event()


def clock() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def log() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def page() -> Page:
    return Page(free_port())


def account(settings: Config, state: State | None = None) -> Account:
    return Account(settings, cast("Client", None), Redactor(), state)


def with_page(page: Page) -> Config:
    return replace(config(RULES), web=WebSettings(page.listen))


def with_hook(receiver: Receiver) -> Config:
    hook = Webhook(Target(f"{receiver.url}/hook"))
    return replace(config(RULES), notify=NotifySettings(webhooks=(hook,), remind_every=timedelta(days=1)))


def told(audience: Audience, settings: Config, report: Report) -> None:
    """Everything that a loop says."""
    audience.configured(settings, NOW)
    audience.passed(report, NOW)
    audience.woke(NOW)
    audience.reloading(NOW)


@pytest.mark.parametrize("lasting", [True, False])
def test_nobody_is_there_where_nothing_is_wanted(lasting: bool, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    audience = Audience(clock, {}, lasting=lasting)
    audience.adopt(account(config(RULES)))
    told(audience, config(RULES), WELL)
    audience.api_request("GET", "200", 0.1)
    audience.began()
    audience.finished(0, "", tmp_path / "metrics", GO_ON)
    audience.closing("")
    assert set(threading.enumerate()) <= before
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_one_is_logged_and_reaches_no_other(
    page: Page, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("no figures")

    monkeypatch.setattr("rotator.metrics.metrics.Metrics.configured", fail)
    audience = Audience(clock, {}, lasting=True)
    audience.adopt(account(with_page(page)))
    told(audience, with_page(page), WELL)
    assert page.get("/readyz").status == 200
    audience.closing("")
    assert [line["reason"] for line in log if line["event"] == "internal_error"] == ["Metrics: no figures"]


class TestPage:
    def test_shows_what_passes_found_until_the_end(self, page: Page) -> None:
        audience = Audience(clock, {}, lasting=True)
        audience.adopt(account(with_page(page)))
        told(audience, with_page(page), WELL)
        [server] = page.get("/status.json").json["servers"]
        assert (server["server"], server["state"]) == ("web-server-01", "ok")
        assert page.get("/readyz").status == 200
        audience.closing("asked to stop")
        assert not page.is_there()
        audience.closing("again")

    def test_is_not_for_a_one_shot(self, page: Page) -> None:
        audience = Audience(clock, {}, lasting=False)
        audience.adopt(account(with_page(page)))
        assert not page.is_there()

    def test_comes_with_a_reload_and_shows_what_was_found_before(self, page: Page) -> None:
        audience = Audience(clock, {}, lasting=True)
        audience.adopt(account(config(RULES)))
        told(audience, config(RULES), BLOCKED)
        for _ in range(2):  # the second time it is there already
            audience.adopt(account(with_page(page)))
            audience.configured(with_page(page), NOW)
        assert page.get("/status.json").json["servers"][0]["state"] == "blocked"
        audience.closing("")

    def test_a_rejected_configuration_changes_no_server(self, page: Page) -> None:
        audience = Audience(clock, {}, lasting=True)
        audience.adopt(account(with_page(page)))
        told(audience, with_page(page), WELL)
        audience.configured(with_page(page), NOW, ("line 3: bad",))
        assert "line 3: bad" in page.get("/readyz").text
        assert len(page.get("/status.json").json["servers"]) == 1
        audience.closing("")

    def test_has_the_metrics_that_there_are(self, page: Page) -> None:
        audience = Audience(clock, {}, lasting=True)
        audience.adopt(account(with_page(page)))
        told(audience, with_page(page), WELL)
        audience.api_request("GET", "200", 0.1)
        assert 'rotator_api_requests_total{method="GET",status="200"} 1.0' in page.get("/metrics").text
        audience.closing("")

    def test_does_without_them(self, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.metrics.is_installed", lambda: False)
        audience = Audience(clock, {}, lasting=True)
        audience.adopt(account(with_page(page)))
        told(audience, with_page(page), WELL)
        assert page.get("/metrics").status == 404
        assert page.get("/").status == 200
        audience.closing("")


class TestMetricsFile:
    def test_is_written_at_the_end(self, tmp_path: Path) -> None:
        audience = Audience(clock, {}, lasting=False, metrics=True)
        audience.adopt(account(config(RULES)))
        audience.api_request("POST", "201", 0.5)
        told(audience, config(RULES), WELL)
        assert not (tmp_path / "metrics").exists()
        audience.finished(0, "", tmp_path / "metrics", GO_ON)
        text = (tmp_path / "metrics").read_text()
        assert 'rotator_server_healthy{server="web-server-01"} 1.0' in text
        assert 'rotator_api_requests_total{method="POST",status="201"} 1.0' in text
        assert "rotator_last_wake" not in text

    def test_needs_its_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.metrics.is_installed", lambda: False)
        with pytest.raises(ConfigError) as raised:
            Audience(clock, {}, lasting=False, metrics=True)
        assert raised.value.problems == (
            "--metrics-file: metrics need one more package: pip install 'vps-rotator[metrics]'",
        )


class TestNotifications:
    def one_shot(self, receiver: Receiver, report: Report, state: State | None) -> None:
        audience = Audience(clock, {}, lasting=False)
        audience.adopt(account(with_hook(receiver), state))
        audience.began()
        told(audience, with_hook(receiver), report)
        audience.finished(0, "done", None, GO_ON)
        audience.closing("")

    def kinds(self, receiver: Receiver) -> list[str]:
        return [json.loads(each.body)["kind"] for each in receiver.requests]

    def test_are_remembered_in_the_state(self, tmp_path: Path) -> None:
        with Receiver() as receiver:
            for report in (BLOCKED, BLOCKED, WELL, WELL):
                state = State.open(tmp_path / "state", "x.db", clock, booted(clock), by="once")
                self.one_shot(receiver, report, state)
                state.close()
        assert self.kinds(receiver) == ["raised", "cleared"]

    def test_without_a_state_they_are_told_again(self) -> None:
        with Receiver() as receiver:
            for _ in range(2):
                self.one_shot(receiver, BLOCKED, None)
        assert self.kinds(receiver) == ["raised", "raised"]

    def test_of_the_daemon_are_sent_at_its_end_at_the_latest(self) -> None:
        with Receiver() as receiver:
            audience = Audience(clock, {}, lasting=True)
            for _ in range(2):  # the second time it is there already
                audience.adopt(account(with_hook(receiver)))
            told(audience, with_hook(receiver), BLOCKED)
            assert receiver.requests == []
            audience.closing("asked to stop")
        assert self.kinds(receiver) == ["raised"]
