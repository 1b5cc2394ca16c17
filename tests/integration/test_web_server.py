"""The status page over real sockets: slow, idle, huge and countless requests, Unix sockets, starting and stopping."""

from __future__ import annotations

import errno
import json
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.config import ApiSettings, Config, Timing, WebSettings
from rotator.errors import ConfigError
from rotator.model import Policy
from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import Place, listener_at, place_of
from rotator.web.server import MOST_CONNECTIONS, WebServer
from rotator.web.site import Site
from tests.showcase import LATER, board_of, fleet

ANYWHERE = place_of("127.0.0.1:0")
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def application(count: int = 3, gate: Gate | None = None) -> App:
    policies = fleet(count)
    app = App(board_of(policies), gate or Gate(ANYWHERE), lambda: LATER)
    app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER)
    return app


@contextmanager
def served(app: App | None = None, place: Place = ANYWHERE, patience_s: float = 20) -> Iterator[Any]:
    """The address of a running server; afterwards none of its threads and descriptors is left."""
    threads, files = threading.active_count(), open_files()
    server = WebServer(listener_at(place), app or application(), patience_s=patience_s)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()
    until("its threads end", lambda: threading.active_count() <= threads)
    until("its files are closed", lambda: open_files() <= files)


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def until(what: str, question: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def connected(address: Any) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    client = socket.socket(family)
    client.settimeout(10)
    try:
        client.connect(address)
    except OSError:
        client.close()
        raise
    return client


def received(client: socket.socket) -> bytes:
    """Everything until the other end closes."""
    parts = []
    try:
        while data := client.recv(65536):
            parts.append(data)
    except ConnectionError:
        pass
    return b"".join(parts)


def asked(address: Any, request: bytes = GET % b"/healthz") -> tuple[int, bytes]:
    """Status and body of the answer; 0 if there is none."""
    with connected(address) as client:
        client.sendall(request)
        head, _, body = received(client).partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def test_pages_and_documents_come_over_a_real_socket() -> None:
    with served() as address:
        status, body = asked(address, GET % b"/")
        assert status == 200
        assert body.endswith(b"</html>")
        status, body = asked(address, GET % b"/status.json")
        assert (status, len(json.loads(body)["servers"])) == (200, 3)


def test_a_connection_serves_several_requests_in_turn() -> None:
    with served() as address, connected(address) as client:
        client.sendall((GET % b"/healthz").replace(b"close", b"keep-alive") * 3 + GET % b"/readyz")
        assert received(client).count(b"HTTP/1.1 200 OK") == 4


def test_the_answer_does_not_say_what_serves_it() -> None:
    with served() as address, connected(address) as client:
        client.sendall(GET % b"/healthz")
        head = received(client).partition(b"\r\n\r\n")[0].lower()
        assert b"waitress" not in head
        assert b"python" not in head


def test_headers_that_drip_hold_nobody_up_and_run_out_of_patience() -> None:
    with served(patience_s=1) as address, ExitStack() as stack:
        slow = [stack.enter_context(connected(address)) for _ in range(20)]
        begun = time.monotonic()
        ended = 0
        while ended < len(slow):
            assert time.monotonic() - begun < 15, "clients that drip for ever are kept for ever"
            ended = sum(1 for client in slow if is_closed(client, b"G"))
            assert asked(address)[0] == 200
            time.sleep(0.1)


def is_closed(client: socket.socket, drop: bytes) -> bool:
    """Whether the other end is gone, after one more byte for it."""
    try:
        client.sendall(drop)
        client.setblocking(False)
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in (errno.EPIPE, errno.ECONNRESET)
    finally:
        client.settimeout(10)


def test_a_client_that_does_not_read_its_answers_is_left() -> None:
    with served(application(1000), patience_s=1) as address:
        whole = len(asked(address, GET % b"/status.json")[1])
        before = open_files()
        with connected(address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            client.sendall((GET % b"/status.json").replace(b"close", b"keep-alive"))
            until("it is taken in", lambda: open_files() == before + 2)
            until("it is left", lambda: open_files() == before + 1)
            assert len(received(client)) < whole


def test_two_hundred_idle_connections_leave_room_for_a_visitor() -> None:
    with served() as address, ExitStack() as stack:
        idle = [stack.enter_context(connected(address)) for _ in range(200)]
        begun = time.monotonic()
        for _ in range(10):
            assert asked(address)[0] == 200
        assert time.monotonic() - begun < 5
        kept = sum(1 for client in idle if not is_closed(client, b""))
        assert kept <= MOST_CONNECTIONS


def test_huge_headers_and_bodies_are_refused() -> None:
    with served() as address:
        assert asked(address, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")[0] in (431, 0)
        assert asked(address, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] in (431, 0)
        body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
        assert asked(address, body + b"a" * 10_000)[0] in (413, 0)
        assert asked(address)[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_proper_request_gets_an_error_and_nothing_else(request_: bytes) -> None:
    with served() as address:
        status, body = asked(address, request_)
        assert status in (0, 400, 421, 501)
        assert b"web-0001" not in body
        assert asked(address)[0] == 200


def test_a_flood_of_a_thousand_requests_is_answered_in_little_time() -> None:
    with served(application(1000)) as address:
        statuses: list[int] = []
        begun = time.monotonic()

        def visitor() -> None:
            statuses.extend(asked(address, GET % b"/")[0] for _ in range(100))

        visitors = [threading.Thread(target=visitor) for _ in range(10)]
        for each in visitors:
            each.start()
        for each in visitors:
            each.join(60)
        assert statuses.count(200) == 1000
        assert time.monotonic() - begun < 20


def test_a_unix_socket_is_for_its_group_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    place = place_of(str(path))
    with served(application(gate=Gate(place)), place) as address:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert asked(address, (GET % b"/").replace(b"localhost", b"anything.example"))[0] == 200
    assert not path.exists()


def test_a_socket_left_by_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with served(place=place_of(str(path))) as address:
        assert asked(address)[0] == 200


def test_a_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with served(place=place_of(str(path))) as address:
        with pytest.raises(ConfigError, match="another program listens there"):
            listener_at(place_of(str(path)))
        assert asked(address)[0] == 200


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="something else than a socket"):
        listener_at(place_of(str(path)))
    assert path.read_text() == "precious"


def test_a_socket_that_became_anothers_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    first = listener_at(place_of(str(path)))
    path.unlink()
    with served(place=place_of(str(path))) as address:
        first.close()
        assert asked(address)[0] == 200


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("192.0.2.1:9187", "does not have that address"),
        ("no-such-host.invalid:9187", "the host is not known"),
        ("/no/such/folder/web.sock", "cannot make the socket there"),
    ],
)
def test_a_place_that_cannot_be_had_is_an_error_with_its_remedy(listen: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        listener_at(place_of(listen))


def test_a_port_in_use_is_an_error_with_its_remedy() -> None:
    with served() as (host, port), pytest.raises(ConfigError, match="another program listens there; stop it"):
        listener_at(Place(host, port))


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = WebServer(listener_at(ANYWHERE), application())
    server.stop()


def test_a_fault_in_the_loop_does_not_end_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [RuntimeError("cannot be")]

    def broken(_server: object, _now: float) -> None:
        if faults:
            raise faults.pop()

    monkeypatch.setattr("rotator.web.server._Server.maintenance", broken)
    with capture_logs() as log, served() as address:
        assert asked(address)[0] == 200
        until("the fault is logged", lambda: [line["event"] for line in log] == ["internal_error"])
        assert asked(address)[0] == 200


def test_stopping_does_not_wait_for_clients_that_stay() -> None:
    server = WebServer(listener_at(ANYWHERE), application())
    server.start()
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server.address)) for _ in range(10)]
        assert asked(server.address)[0] == 200
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 3
        assert all(received(client) == b"" for client in clients)


def config(web: WebSettings | None, policies: tuple[Policy, ...] = fleet(2)) -> Config:
    minute = timedelta(minutes=1)
    api = ApiSettings("https://admin.example/api/v1", None, minute, 4)
    return Config(Path("/etc/rotator/config.yaml"), api, Timing(minute, minute), policies, web)


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
