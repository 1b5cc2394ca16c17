"""The sandbox answers over real HTTP as the API document says, and misbehaves exactly as told."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from rotator.model import CAP
from rotator.sandbox import Answer, Cloud, Refusal, Request, Sandbox
from tests.conftest import NOW

TOKEN = "sandbox-token"
LONG = timedelta(minutes=10)


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud(lambda: NOW)
    cloud.add_server("web-server-01", 12345)
    cloud.add_server("db-server-01", "f3b9a2d0-uuid", status="stopped", location="oslo-1")
    return cloud


@pytest.fixture
def sandbox(cloud: Cloud) -> Iterator[Sandbox]:
    with Sandbox(cloud, TOKEN) as sandbox:
        yield sandbox


class Client:
    """A plain client: one session, paths relative to the sandbox's URL."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox = sandbox
        self.session = session

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.sandbox.url + path, timeout=10, **options)

    def create(self, server_id: object = 12345, name: object = "nightly-1", **fields: object) -> requests.Response:
        return self("POST", "/snapshots/", json={"server_id": server_id, "name": name, **fields})


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with session() as opened:
        yield Client(sandbox, opened)


def session(token: str = TOKEN) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def raw(sandbox: Sandbox, data: bytes) -> bytes:
    """Everything the sandbox answers to these bytes until it closes the connection."""
    with closing(socket.create_connection(("127.0.0.1", sandbox.port), timeout=10)) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


class TestDocumentedCalls:
    def test_snapshot_is_created_listed_and_deleted(self, client: Client) -> None:
        created = client.create(description="Weekly snapshot")
        assert created.status_code == 201
        body = created.json()
        assert body.pop("message")
        assert (body["status"], body["size_mb"]) == ("in_progress", None)
        assert client("GET", "/snapshots/").json() == {"count": 1, "results": [body]}
        deleted = client("DELETE", f"/snapshots/{body['id']}/")
        assert (deleted.status_code, deleted.content) == (204, b"")
        assert "Content-Length" not in deleted.headers
        assert client("GET", "/snapshots/").json() == {"count": 0, "results": []}

    def test_list_has_the_fields_of_the_documented_example(self, client: Client, cloud: Cloud) -> None:
        cloud.plant(12345, "weekly-snapshot-2025-01-08", NOW, description="Weekly snapshot")
        listed = client("GET", "/snapshots/")
        assert (listed.status_code, listed.headers["Content-Type"]) == (200, "application/json")
        assert listed.json()["results"][0] == {
            "id": 801,
            "server": {"id": 12345, "name": "web-server-01"},
            "name": "weekly-snapshot-2025-01-08",
            "status": "completed",
            "size_mb": 4096 + 801 % 97,
            "created_at": "2026-11-23T02:00:00Z",
            "description": "Weekly snapshot",
        }

    def test_list_is_filtered_by_server(self, client: Client) -> None:
        client.create(12345)
        client.create("f3b9a2d0-uuid")
        for server_id, count in [("12345", 1), ("f3b9a2d0-uuid", 1), ("99", 0)]:
            assert client("GET", "/snapshots/", params={"server_id": server_id}).json()["count"] == count

    def test_restore_answers_as_documented(self, client: Client, cloud: Cloud) -> None:
        snapshot_id = cloud.plant(12345, "nightly-1", NOW)
        restored = client("POST", f"/snapshots/{snapshot_id}/restore/")
        assert restored.status_code == 200
        assert restored.json() == {
            "status": "success",
            "message": "Snapshot restore started",
            "snapshot": {"id": snapshot_id, "name": "nightly-1", "created_at": "2026-11-23T02:00:00Z"},
            "server": {"id": 12345, "name": "web-server-01", "status": "restoring"},
        }
        assert client("POST", f"/snapshots/{snapshot_id}/restore/").status_code == 400

    def test_servers_are_listed_and_filtered(self, client: Client) -> None:
        assert client("GET", "/servers/").json()["count"] == 2
        assert client("GET", "/servers/?status=stopped").json()["results"][0]["id"] == "f3b9a2d0-uuid"
        assert client("GET", "/servers/?location=oslo-1").json()["count"] == 1
        assert client("GET", "/servers/?status=gone").status_code == 400

    def test_account_shows_whose_token_it_is(self, client: Client) -> None:
        shown = client("GET", "/account/me/").json()
        assert "email" in shown["account"]
        assert {"name", "permissions"} <= shown["token"].keys()

    def test_date_follows_the_clock_of_the_cloud(self, client: Client) -> None:
        assert parsedate_to_datetime(client("GET", "/account/me/").headers["Date"]) == NOW


class TestRefusals:
    @pytest.mark.parametrize("path", ["/snapshots/", "/servers/", "/account/me/", "/nowhere/"])
    @pytest.mark.parametrize(
        "authorization", [None, "", "Bearer", "Bearer wrong", f"Token {TOKEN}", f"Bearer {TOKEN}x"]
    )
    def test_401_without_the_token(self, client: Client, path: str, authorization: str | None) -> None:
        refused = client("GET", path, headers={"Authorization": authorization})
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"

    def test_401_has_no_effect(self, client: Client, cloud: Cloud) -> None:
        with session("wrong") as stranger:
            assert Client(client.sandbox, stranger).create().status_code == 401
        assert cloud.snapshots() == ()

    @pytest.mark.parametrize("server_id", ["12345", "unknown", None, True, 1.5, [12345]])
    def test_400_when_the_server_id_is_no_integer(self, client: Client, server_id: object) -> None:
        assert client.create(server_id).status_code == 400

    @pytest.mark.parametrize("name", ["", "a b", "é", None, 7])
    def test_400_for_a_name_outside_the_alphabet(self, client: Client, name: object) -> None:
        assert client.create(name=name).status_code == 400

    @pytest.mark.parametrize("body", ["", "{", "[]", "null", "[" * 100_000, b"\xff"])
    def test_400_when_the_body_is_no_json_object(self, client: Client, body: str | bytes) -> None:
        assert client("POST", "/snapshots/", data=body).status_code == 400

    def test_400_for_a_description_that_is_no_text(self, client: Client) -> None:
        assert client.create(description=7).status_code == 400

    def test_400_for_a_filter_that_is_no_integer(self, client: Client) -> None:
        assert client("GET", "/snapshots/?server_id=web").status_code == 400
        assert client("GET", "/snapshots/?server_id=").status_code == 400

    def test_400_at_the_limit(self, client: Client) -> None:
        assert [client.create().status_code for _ in range(6)] == [201] * CAP + [400]

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/nowhere/"),
            ("GET", "/snapshots"),
            ("DELETE", "/snapshots/801/"),
            ("DELETE", "/snapshots/text/"),
            ("POST", "/snapshots/801/restore/"),
        ],
    )
    def test_404_for_what_is_not_there(self, client: Client, method: str, path: str) -> None:
        refused = client(method, path)
        assert refused.status_code == 404
        assert refused.json()["detail"]

    def test_404_for_an_unknown_server(self, client: Client) -> None:
        assert client.create(99).status_code == 404

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "/snapshots/", "GET, POST"),
            ("GET", "/snapshots/801/", "DELETE"),
            ("GET", "/snapshots/801/restore/", "POST"),
            ("POST", "/servers/", "GET"),
            ("HEAD", "/account/me/", "GET"),
        ],
    )
    def test_405_names_what_is_allowed(self, client: Client, method: str, path: str, allowed: str) -> None:
        refused = client(method, path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)


class TestConnections:
    def test_are_kept_alive_whatever_the_answer(self, client: Client) -> None:
        assert [client.create().status_code for _ in range(6)] == [201] * CAP + [400]
        assert client("DELETE", "/snapshots/801/").status_code == 204
        assert client("GET", "/nowhere/").status_code == 404
        adapter: Any = client.session.get_adapter(client.sandbox.url)
        [pool] = adapter.poolmanager.pools._container.values()
        assert pool.num_connections == 1

    @pytest.mark.parametrize("words", [b"HTTP/1.0\r\n", b"HTTP/1.1\r\nConnection: close\r\n"])
    def test_are_closed_for_a_client_that_asks(self, sandbox: Sandbox, words: bytes) -> None:
        answer = raw(sandbox, (b"GET /api/v1/servers/ " + words + b"\r\n") * 2)
        assert answer.count(b"HTTP/1.1 401 Unauthorized") == 1
        assert b"Connection: close" in answer

    def test_carry_requests_one_after_the_other(self, sandbox: Sandbox) -> None:
        assert raw(sandbox, b"GET /api/v1/servers/ HTTP/1.1\r\n\r\n" * 3).count(b"HTTP/1.1 401") == 3

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", b"413"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
            (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)), b"431"),
        ],
    )
    def test_end_with_a_refusal_when_it_is_no_usable_http(self, sandbox: Sandbox, data: bytes, status: bytes) -> None:
        with closing(socket.create_connection(("127.0.0.1", sandbox.port), timeout=10)) as connection:
            connection.sendall(data)
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)

    def test_end_quietly_when_the_client_leaves_in_the_middle(self, sandbox: Sandbox) -> None:
        assert raw(sandbox, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{") == b""
        assert not sandbox.requests

    def test_from_32_threads_never_make_a_sixth_snapshot(self, sandbox: Sandbox, cloud: Cloud) -> None:
        def attempt(_: int) -> list[int]:
            with session() as opened:
                return [Client(sandbox, opened).create().status_code for _ in range(4)]

        with ThreadPoolExecutor(32) as pool:
            statuses = list(itertools.chain(*pool.map(attempt, range(32))))
        assert statuses.count(201) == CAP == len(cloud.snapshots())
        assert statuses.count(400) == 32 * 4 - CAP


class TestCounter:
    def test_counts_by_method_and_route_with_bounded_memory(self, client: Client) -> None:
        client("GET", "/snapshots/?server_id=1")
        for number in range(3):
            client("DELETE", f"/snapshots/{number}/")
            client(f"BREW{number}", f"/nowhere/{number}/")
        assert client.sandbox.requests == {
            ("GET", "/snapshots/"): 1,
            ("DELETE", "/snapshots/{id}/"): 3,
            ("other", "other"): 3,
        }


class TestFaults:
    def test_latency_passes_before_each_answer(self, client: Client) -> None:
        client.sandbox.latency = timedelta(milliseconds=50)
        began = time.monotonic()
        client("GET", "/account/me/")
        assert time.monotonic() - began >= 0.05

    def test_intercept_sees_the_request_and_may_let_it_pass(self, client: Client) -> None:
        seen: list[Request] = []
        client.sandbox.intercept = seen.append
        assert client("GET", "/snapshots/?server_id=12345").status_code == 200
        assert client("POST", "/snap%73hots/", data=b"{}").status_code == 400
        assert [(r.method, r.path, r.query, r.body, r.number) for r in seen] == [
            ("GET", "/api/v1/snapshots/", {"server_id": "12345"}, b"", 1),
            ("POST", "/api/v1/snapshots/", {}, b"{}", 2),
        ]
        assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"

    def test_a_made_up_answer_takes_the_place_of_the_effect(self, client: Client, cloud: Cloud) -> None:
        html = {"Content-Type": "text/html", "Retry-After": "7", "Date": "never"}
        client.sandbox.intercept = lambda _: Answer(429, html, b"<html>")
        answer = client.create()
        assert (answer.status_code, answer.reason, answer.content) == (429, "Too Many Requests", b"<html>")
        assert html.items() <= answer.headers.items()
        assert cloud.snapshots() == ()

    def test_a_made_up_answer_may_follow_the_effect(self, client: Client, cloud: Cloud) -> None:
        client.sandbox.intercept = lambda _: Answer(599, body=b"gone", process=True)
        assert (client.create().status_code, len(cloud.snapshots())) == (599, 1)

    def test_an_answer_may_be_shorter_than_it_claims(self, client: Client) -> None:
        client.sandbox.intercept = lambda _: Answer(200, {"Content-Length": "500"}, b'{"count": 1, "res')
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            client("GET", "/snapshots/")

    @pytest.mark.parametrize(("process", "made"), [(False, 0), (True, 1)])
    def test_a_connection_may_be_reset_before_or_after_the_effect(
        self, client: Client, cloud: Cloud, process: bool, made: int
    ) -> None:
        client.sandbox.intercept = lambda _: Answer(drop=True, process=process)
        with pytest.raises(requests.ConnectionError, match=r"reset by peer"):
            client.create()
        assert len(cloud.snapshots()) == made
        client.sandbox.intercept = None
        assert client.create().status_code == 201

    def test_the_usual_answer_may_come_late(self, client: Client, cloud: Cloud) -> None:
        client.sandbox.intercept = lambda _: Answer(process=True, delay=LONG)
        with pytest.raises(requests.ReadTimeout):
            client.session.post(
                f"{client.sandbox.url}/snapshots/", json={"server_id": 12345, "name": "a"}, timeout=(10, 0.2)
            )
        assert len(cloud.snapshots()) == 1

    def test_the_usual_answer_may_drip(self, client: Client) -> None:
        usual = client("GET", "/account/me/").json()
        client.sandbox.intercept = lambda _: Answer(process=True, pause=timedelta(milliseconds=1))
        began = time.monotonic()
        answer = client("GET", "/account/me/")
        assert time.monotonic() - began >= len(answer.content) / 1000
        assert answer.json() == usual

    def test_a_body_may_be_endless(self, client: Client) -> None:
        client.sandbox.intercept = lambda _: Answer(200, body=itertools.repeat(b"x" * 65536))
        with client("GET", "/snapshots/", stream=True) as response:
            assert "Content-Length" not in response.headers
            received = itertools.accumulate(map(len, response.iter_content(65536)))
            assert next(total for total in received if total > 5_000_000)


def dripping() -> Answer:
    return Answer(200, body=[b"a", b"b"], pause=LONG)


def endless() -> Answer:
    return Answer(200, body=itertools.repeat(b"x" * 65536))


def late() -> Answer:
    return Answer(process=True, delay=LONG)


class TestStop:
    @pytest.mark.parametrize("fault", [dripping, endless, late])
    def test_is_quick_in_the_middle_of_an_answer(self, cloud: Cloud, fault: Callable[[], Answer]) -> None:
        asked = threading.Event()

        def intercept(_: Request) -> Answer:
            asked.set()
            return fault()

        with Sandbox(cloud, TOKEN, intercept=intercept) as sandbox:
            connection = socket.create_connection(("127.0.0.1", sandbox.port), timeout=10)
            connection.sendall(b"GET /api/v1/servers/ HTTP/1.1\r\n\r\n")
            assert asked.wait(10)
            began = time.monotonic()
        with closing(connection):
            assert time.monotonic() - began < LONG.total_seconds() / 10, "it waited for the answer"

    def test_closes_idle_connections_and_the_port(self, cloud: Cloud) -> None:
        with Sandbox(cloud, TOKEN) as sandbox, session() as opened:
            Client(sandbox, opened)("GET", "/servers/")
            sandbox.stop()
            with pytest.raises(requests.ConnectionError):
                Client(sandbox, opened)("GET", "/servers/")

    def test_may_be_followed_by_another_start_on_the_same_port(self, cloud: Cloud) -> None:
        sandbox = Sandbox(cloud, TOKEN)
        urls = []
        for _ in range(2):
            with sandbox, session() as opened:
                assert Client(sandbox, opened)("GET", "/servers/").status_code == 200
                urls.append(sandbox.url)
        assert urls[0] == urls[1]

    @pytest.mark.skipif(sys.platform != "linux", reason="the whole of 127/8 is loopback on Linux only")
    def test_listens_on_127_0_0_1_only(self, sandbox: Sandbox) -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", sandbox.port), timeout=10)


def test_a_refusal_reads_as_its_message() -> None:
    assert str(Refusal(400, "the limit is reached")) == "the limit is reached"
