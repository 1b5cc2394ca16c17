"""The status page of a daemon: what a reload of its settings does to visitors, to the token and to the address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rotator.config import WebSettings
from rotator.errors import ConfigError
from rotator.web.listen import Place
from rotator.web.server import WebServer
from rotator.web.site import Site
from tests.integration.test_web_server import GET, asked, config, connected
from tests.showcase import LATER, board_of, fleet


@contextmanager
def site_at(settings: WebSettings) -> Iterator[Site]:
    policies = fleet(2)
    site = Site(settings, board_of(policies), lambda: LATER, {})
    site.open()
    try:
        site.configured(config(settings, policies), LATER)
        yield site
    finally:
        site.closing("asked to stop")


def test_a_site_shows_what_the_daemon_says_and_ends_with_it() -> None:
    with site_at(WebSettings("127.0.0.1:0")) as site:
        address = site.address
        assert b"All 2 servers are protected" in asked(address, GET % b"/")[1]
        site.configured(config(WebSettings("127.0.0.1:0")), LATER, ("line 7: no such key",))
        assert b"line 7: no such key" in asked(address, GET % b"/")[1]
    assert site.address is None
    with pytest.raises(ConnectionRefusedError):
        connected(address)


def test_a_reload_moves_the_site_to_its_new_address(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with site_at(WebSettings("127.0.0.1:0")) as site:
        old = site.address
        site.configured(config(WebSettings(str(path))), LATER)
        assert asked(str(path))[0] == 200
        with pytest.raises(ConnectionRefusedError):
            connected(old)


def test_a_reload_to_an_address_that_cannot_be_had_leaves_the_site_where_it_is(tmp_path: Path) -> None:
    settings = WebSettings("127.0.0.1:0")
    with site_at(settings) as site, capture_logs() as log:
        site.configured(config(WebSettings(str(tmp_path / "none" / "web.sock"))), LATER)
        assert asked(site.address)[0] == 200
        site.configured(config(replace(settings, listen="0.0.0.0:1")), LATER)
        assert asked(site.address)[0] == 200
        assert [line["event"] for line in log] == ["web_failed", "web_failed"]


class Visitor(threading.Thread):
    """Asks for the page without a token; `status` is 0 until there is an answer."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.status = 0
        self._port = port

    def run(self) -> None:
        with suppress(OSError):
            self.status = asked(("127.0.0.1", self._port), GET % b"/")[0]


def reloaded_slowly(site: Site, settings: WebSettings, port: int) -> int:
    """What a visitor of that port gets who comes while the server of the old settings takes its time to stop."""
    visitor = Visitor(port)
    stop = WebServer.stop

    def slow(server: WebServer) -> None:
        visitor.start()
        visitor.join(0.5)
        stop(server)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WebServer, "stop", slow)
        site.configured(config(settings), LATER)
    visitor.join(10)
    return visitor.status


def free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
        return port


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("the-token-of-this-page\n")
    return file


def test_a_reload_to_a_public_address_shows_nobody_the_page_without_its_token(token_file: Path) -> None:
    port = free_port()
    with site_at(WebSettings("127.0.0.1:0")) as site:
        assert reloaded_slowly(site, WebSettings(f"0.0.0.0:{port}", token_file), port) == 401
        assert asked(("127.0.0.1", port), with_token(b"the-token-of-this-page"))[0] == 200


def test_a_reload_to_a_private_address_shows_nobody_the_page_at_the_public_one(token_file: Path) -> None:
    port = free_port()
    with site_at(WebSettings(f"0.0.0.0:{port}", token_file)) as site:
        assert reloaded_slowly(site, WebSettings("127.0.0.1:0"), port) in (0, 401)
        assert asked(site.address, GET % b"/")[0] == 200


def test_a_reload_to_another_address_on_the_same_port_moves_the_site(token_file: Path) -> None:
    port = free_port()
    with site_at(WebSettings(f"127.0.0.1:{port}")) as site, capture_logs() as log:
        site.configured(config(WebSettings(f"0.0.0.0:{port}", token_file)), LATER)
        assert [line["event"] for line in log] == ["web_started"]
        assert site.address == ("0.0.0.0", port)
        assert asked(("127.0.0.1", port), GET % b"/")[0] == 401
        site.configured(config(WebSettings(f"127.0.0.1:{port}")), LATER)
        assert site.address == ("127.0.0.1", port)
        assert asked(site.address, GET % b"/")[0] == 200


def test_a_reload_to_another_spelling_of_the_same_socket_keeps_it_open(tmp_path: Path) -> None:
    with site_at(WebSettings(f"{tmp_path}/web.sock")) as site, capture_logs() as log:
        site.configured(config(WebSettings(f"{tmp_path}//web.sock")), LATER)
        assert [line["event"] for line in log] == ["web_started"]
        assert asked(f"{tmp_path}/web.sock")[0] == 200


def test_a_reload_to_an_address_that_is_not_ours_on_the_same_port_goes_back_to_the_old_one(token_file: Path) -> None:
    port = free_port()
    with site_at(WebSettings(f"127.0.0.1:{port}")) as site, capture_logs() as log:
        site.configured(config(WebSettings(f"192.0.2.1:{port}", token_file)), LATER)
        assert [line["event"] for line in log] == ["web_started", "web_failed"]
        assert log[0]["listen"] == f"127.0.0.1:{port}"
        assert "the old settings of the status page stay in force" in log[1]["reason"]
        assert asked(("127.0.0.1", port), GET % b"/")[0] == 200


def test_a_place_that_is_lost_in_a_reload_is_said_and_tried_again_at_the_next(token_file: Path) -> None:
    port = free_port()
    settings = WebSettings(f"127.0.0.1:{port}")

    def nowhere(place: Place) -> None:
        raise ConfigError((f"web.listen: {place}: another program listens there",))

    with site_at(settings) as site, capture_logs() as log:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rotator.web.site.listener_at", nowhere)
            site.configured(config(WebSettings(f"0.0.0.0:{port}", token_file)), LATER)
        assert [line["event"] for line in log] == ["web_failed"]
        assert f"0.0.0.0:{port}: another program listens there" in log[0]["reason"]
        assert "there is no status page until a reload" in log[0]["reason"]
        assert site.address is None
        site.configured(config(settings), LATER)
        assert asked(("127.0.0.1", port), GET % b"/")[0] == 200


def test_a_reload_reads_the_token_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    settings = WebSettings("127.0.0.1:0", file)
    file.touch(mode=0o600)
    file.write_text("first-token-of-all-tokens\n")
    with site_at(settings) as site:
        address = site.address
        first, second = (with_token(word) for word in (b"first-token-of-all-tokens", b"second-token-of-all-tokens"))
        assert [asked(address, each)[0] for each in (first, second)] == [200, 401]
        file.write_text("second-token-of-all-tokens\n")
        site.configured(config(settings), LATER)
        assert [asked(address, each)[0] for each in (first, second)] == [401, 200]
        file.unlink()
        with capture_logs() as log:
            site.configured(config(settings), LATER)
        assert [line["event"] for line in log] == ["web_failed"]
        assert asked(address, second)[0] == 200


def with_token(token: bytes) -> bytes:
    return (GET % b"/").replace(b"Connection", b"Authorization: Bearer " + token + b"\r\nConnection")


def test_a_reload_that_removes_the_section_ends_the_page() -> None:
    with site_at(WebSettings("127.0.0.1:0")) as site:
        old = site.address
        site.configured(config(None), LATER)
        assert site.address is None
        with pytest.raises(ConnectionRefusedError):
            connected(old)
        site.configured(config(WebSettings("127.0.0.1:0")), LATER)
        assert asked(site.address)[0] == 200
