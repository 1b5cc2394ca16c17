"""The status page of the real daemon: it agrees with `rotator status`, tells an outage, and follows a reload."""

from __future__ import annotations

import signal
import socket
from typing import Any

import pytest

from tests.e2e.account import DB, WEB, Account
from tests.e2e.page import Page, free_port
from tests.e2e.program import Program, Running, until

MAIL = 12347

TIMED = {"age_s"}
"""What goes on while one looks."""


@pytest.fixture
def page() -> Page:
    return Page(free_port())


def timeless(document: Any) -> Any:
    """Without what differs from one second to the next."""
    if isinstance(document, dict):
        return {key: timeless(value) for key, value in document.items() if key not in TIMED}
    return [timeless(each) for each in document] if isinstance(document, list) else document


def started(rotator: Program, account: Account, page: Page, *servers: dict[str, Any]) -> Running:
    """A daemon with a page; it has looked."""
    account.configure(*servers, web={"listen": page.listen})
    daemon = rotator.start("run", "-c", account.path)
    until("it looked", lambda: page.is_there() and page.get("/status.json").json["servers"])
    return daemon


def reloaded(daemon: Running, account: Account, **sections: Any) -> None:
    """The daemon has taken over a new configuration, or rejected it."""

    def decisions() -> int:
        return len(daemon.logged("config_loaded")) + len(daemon.logged("config_rejected"))

    before = decisions()
    account.configure(**sections)
    daemon.send(signal.SIGHUP)
    until("it decided on it", lambda: decisions() > before)


class TestSights:
    def test_status_is_what_the_command_shows(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(1, 2, 3, 4)
        account.plant_foreign("a", "b", "c", "d", "<script>", server_id=DB)
        account.cloud.add_server("mail", MAIL)
        account.plant(0, server_id=MAIL, status="in_progress")
        servers = (account.server(), account.server(DB, keep={"last": 2, "daily": 2}), account.server(MAIL))
        daemon = started(rotator, account, page, *servers)
        daemon.wait_for("snapshot_deleted", server_id=WEB)
        until("nothing is in progress", lambda: page.get("/status.json").json["servers"][0]["state"] == "ok")
        command = rotator("status", "--json", "-c", account.path)
        served = page.get("/status.json")
        assert (command.code, served.status, served.kind) == (1, 200, "application/json")
        shown = command.json
        assert served.json.keys() == shown.keys()
        assert timeless(served.json["servers"]) == timeless(shown["servers"])
        assert [each["state"] for each in shown["servers"]] == ["ok", "blocked", "attention"]
        assert daemon.end().code == 0
        assert not page.is_there()

    def test_page_and_metrics_show_every_server(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(0)
        account.plant_foreign("a", "b", "c", "d", "<script>alert(1)</script>", server_id=DB)
        daemon = started(rotator, account, page, account.server(), account.server(DB))
        until("both were looked at", lambda: len(page.get("/status.json").json["servers"]) == 2)
        html = page.get("/")
        assert (html.status, html.kind) == (200, "text/html; charset=utf-8")
        assert "web-server-01" in html.text
        assert "db-server-01" in html.text
        assert "<script>alert" not in html.text
        metrics = page.get("/metrics").text
        assert 'rotator_server_healthy{server="web-server-01"} 1.0' in metrics
        assert 'rotator_server_healthy{server="db-server-01"} 0.0' in metrics
        assert 'rotator_api_requests_total{method="GET",status="200"}' in metrics
        assert daemon.end().code == 0

    def test_ready_only_while_all_is_well(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(0)
        daemon = started(rotator, account, page)
        assert page.wait_for("/readyz", 200).json == {"ready": True, "reasons": []}
        account.sandbox.stop()
        daemon.send(signal.SIGHUP)
        told = page.wait_for("/readyz", 503).json
        assert "Connection refused" in " ".join(told["reasons"])
        assert page.get("/healthz").status == 200, "a restart would not help"
        assert page.get("/status.json").json["servers"][0]["snapshots"], "what was seen before is shown still"
        account.sandbox.start()
        daemon.send(signal.SIGHUP)
        page.wait_for("/readyz", 200)
        assert daemon.end().code == 0


class TestReload:
    def test_page_is_added_moved_and_removed(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(0)
        account.configure()
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        reloaded(daemon, account, web={"listen": page.listen})
        page.wait_for("/readyz", 200)
        assert "rotator_api_requests_total" in page.get("/metrics").text
        elsewhere = Page(free_port())
        reloaded(daemon, account, web={"listen": elsewhere.listen})
        elsewhere.wait_for("/readyz", 200)
        assert not page.is_there()
        reloaded(daemon, account)
        until("it is gone", lambda: not elsewhere.is_there())
        reloaded(daemon, account, web={"listen": page.listen})
        page.wait_for("/readyz", 200)
        assert daemon.end().code == 0

    def test_bad_configuration_is_told_on_the_page(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(0)
        daemon = started(rotator, account, page)
        reloaded(daemon, account, servers=[account.server(kep=4)])
        assert "servers[0].kep" in page.wait_for("/readyz", 503).text
        assert "servers[0].kep" in page.get("/").text
        reloaded(daemon, account, web={"listen": page.listen})
        page.wait_for("/readyz", 200)
        assert daemon.end().code == 0


class TestPortInUse:
    def test_at_the_start_it_is_exit_code_78_with_the_remedy(self, rotator: Program, account: Account) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            account.configure(web={"listen": listen})
            ran = rotator("run", "-c", account.path)
        assert ran.code == 78
        assert f"web.listen: {listen}: another program listens there; stop it, or choose another port" in ran.err
        assert "Traceback" not in ran.err
        assert account.sandbox.requests.total() == 0

    def test_a_page_that_cannot_be_added_is_rejected(self, rotator: Program, account: Account) -> None:
        account.plant(0)
        daemon = rotator.start("run", "-c", account.path)
        daemon.wait_for("daemon_started")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            reloaded(daemon, account, web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
        [problem] = daemon.wait_for("config_rejected")["problems"]
        assert "another program listens there" in problem
        assert daemon.end().code == 0

    def test_a_page_that_cannot_move_stays_where_it_is(self, rotator: Program, account: Account, page: Page) -> None:
        account.plant(0)
        daemon = started(rotator, account, page)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            reloaded(daemon, account, web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
            failed = daemon.wait_for("web_failed")
        assert "another program listens there" in failed["reason"]
        assert "stay in force" in failed["reason"]
        assert page.get("/healthz").status == 200
        assert daemon.end().code == 0

    def test_once_serves_nothing_and_needs_no_port(self, rotator: Program, account: Account) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            account.configure(web={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
            assert rotator("once", "-c", account.path).code == 0
