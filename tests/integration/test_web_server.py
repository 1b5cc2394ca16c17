"""The status page over real sockets: slow, idle, huge and countless requests, Unix sockets, starting and stopping."""

from __future__ import annotations

import json
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
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
from rotator.web.server import WebServer
from tests.showcase import LATER, board_of, fleet

ANYWHERE = place_of("127.0.0.1:0")
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def application(count: int = 3, gate: Gate | None = None) -> App:
    policies = fleet(count)
    app = App(board_of(policies), gate or Gate(ANYWHERE), lambda: LATER)
    app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER)
    return app


@contextmanager
def served(
    app: Callable[..., Iterable[bytes]] | None = None, place: Place = ANYWHERE, patience_s: float = 20
) -> Iterator[Any]:
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
        assert time.monotonic() - begun < 10
        assert all(received(client) == b"" for client in clients)


def config(web: WebSettings | None, policies: tuple[Policy, ...] = fleet(2)) -> Config:
    minute = timedelta(minutes=1)
    api = ApiSettings("https://admin.example/api/v1", None, minute, 4)
    return Config(Path("/etc/rotator/config.yaml"), api, Timing(minute, minute), policies, web)
