"""Every call of the client against the sandbox: what is retried, adopted or refused, and what it says then."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.api import Account, Client
from rotator.api.transport import Http
from rotator.errors import (
    ApiError,
    CredentialsError,
    Exit,
    MaybeCreatedError,
    NotFoundError,
    RefusedError,
    RotatorError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from rotator.model import CAP, Id, Server, Snapshot
from rotator.sandbox import Answer, Cloud, Request, Sandbox
from tests.conftest import NOW

TOKEN = "sandbox-token"
UUID = "f3b9a2d0-6f4e-4c60-9c3c-0d8a2f3d5b11"
NAME = "rotator-20261123T020000Z"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
POST, GET, DELETE = ("POST", "/snapshots/"), ("GET", "/snapshots/"), ("DELETE", "/snapshots/{id}/")
RESTORE = ("POST", "/snapshots/{id}/restore/")
TIMEOUT = timedelta(milliseconds=300)


@dataclass
class Rig:
    """A client, the sandbox it talks to and the waits between its tries, none of which is slept."""

    cloud: Cloud
    sandbox: Sandbox
    client: Client
    waits: list[float] = field(default_factory=list)

    def fail(self, *faults: Answer | None, forever: bool = False) -> None:
        """Answer the next requests like this; afterwards as usual, or, `forever`, like the last of them."""
        left = list(faults)

        def intercept(_: Request) -> Answer | None:
            return left.pop(0) if len(left) > forever else (left[0] if left else None)

        self.sandbox.intercept = intercept

    def watch(self, answer: Answer | None = None) -> list[Request]:
        """The requests as they come, answered like this."""
        seen: list[Request] = []

        def intercept(request: Request) -> Answer | None:
            seen.append(request)
            return answer

        self.sandbox.intercept = intercept
        return seen

    def counted(self, call: tuple[str, str]) -> int:
        return self.sandbox.requests[call]


def opened(url: str, token: str = TOKEN, clock: Callable[[], datetime] = lambda: NOW) -> tuple[Client, list[float]]:
    waits: list[float] = []
    return Client(url, token, timeout=timedelta(seconds=10), clock=clock, sleep=waits.append), waits


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud(lambda: NOW)
    cloud.add_server("web-server-01", 12345)
    cloud.add_server("db-server-01", UUID)
    return cloud


@pytest.fixture
def rig(cloud: Cloud) -> Iterator[Rig]:
    with Sandbox(cloud, TOKEN) as sandbox:
        client, waits = opened(sandbox.url)
        with closing(client):
            yield Rig(cloud, sandbox, client, waits)


@pytest.fixture
def impatient(rig: Rig) -> Iterator[Rig]:
    """The same with a time-out that a test can wait for."""
    client = Client(rig.sandbox.url, TOKEN, timeout=TIMEOUT, clock=lambda: NOW, sleep=rig.waits.append)
    with closing(client):
        yield Rig(rig.cloud, rig.sandbox, client, rig.waits)


def listed(*rows: object, count: int | None = None, link: str | None = None) -> Answer:
    """A page of a list."""
    page = {"count": len(rows) if count is None else count, "results": rows, "next": link}
    return Answer(200, body=json.dumps(page).encode())


def row(snapshot_id: object = 801, server_id: object = 12345, **fields: object) -> dict[str, Any]:
    return {
        "id": snapshot_id,
        "server": {"id": server_id, "name": "web-server-01"},
        "name": NAME,
        "status": "completed",
        "size_mb": 5120,
        "created_at": "2026-11-23T02:00:00Z",
        "description": "",
    } | fields


NOT_NOW = [
    pytest.param(Answer(500, body=HTML), id="500"),
    pytest.param(Answer(502, body=HTML), id="502"),
    pytest.param(Answer(503), id="503"),
    pytest.param(Answer(504, body=b"x" * 10_000), id="504"),
    pytest.param(Answer(599), id="599"),
    pytest.param(Answer(429), id="429"),
    pytest.param(Answer(drop=True), id="reset"),
    pytest.param(Answer(200, {"Content-Length": "500"}, b'{"count": 1, "res'), id="truncated"),
]


class TestListing:
    def test_shows_the_snapshots_of_every_server(self, rig: Rig) -> None:
        rig.cloud.plant(12345, NAME, NOW, description="nightly")
        rig.cloud.plant(UUID, "by-hand", NOW, status="archiving")
        listing = rig.client.account_snapshots()
        assert listing.snapshots == rig.cloud.snapshots()
        assert [each.server_id for each in listing.snapshots] == [12345, UUID]
        assert listing.unreadable == ()

    @pytest.mark.parametrize("server_id", [12345, UUID])
    def test_shows_the_snapshots_of_one_server(self, rig: Rig, server_id: Id) -> None:
        rig.cloud.plant(12345, NAME, NOW)
        rig.cloud.plant(UUID, NAME, NOW)
        assert rig.client.server_snapshots(server_id).snapshots == rig.cloud.snapshots(server_id)

    def test_may_be_empty(self, rig: Rig) -> None:
        assert rig.client.account_snapshots().snapshots == ()
        assert rig.client.server_snapshots(12345).snapshots == ()

    @pytest.mark.parametrize("fault", NOT_NOW)
    def test_is_asked_for_again_when_the_api_says_not_now(self, rig: Rig, fault: Answer) -> None:
        rig.cloud.plant(12345, NAME, NOW)
        rig.fail(fault, fault, fault)
        with capture_logs() as logs:
            assert len(rig.client.account_snapshots().snapshots) == 1
        assert rig.counted(GET) == 4
        assert [line["event"] for line in logs] == ["api_retry"] * 3
        assert [line["attempt"] for line in logs] == [2, 3, 4]
        assert [line["wait_s"] for line in logs] == rig.waits

    def test_waits_longer_from_try_to_try(self, rig: Rig) -> None:
        rig.fail(*[Answer(503)] * 3)
        rig.client.account_snapshots()
        for wait, longest in zip(rig.waits, [0.5, 1, 2], strict=True):
            assert longest / 2 <= wait <= longest

    @pytest.mark.parametrize(
        ("fault", "error", "words"),
        [
            (Answer(503, body=HTML), UnavailableError, "answered 503 '<html><body><h1>502 Bad Gateway"),
            (Answer(429, body=b'{"detail": "slow down"}'), UnavailableError, "slow down"),
            (Answer(drop=True), UnavailableError, "reset by peer"),
        ],
    )
    def test_fails_with_exit_69_after_four_tries(
        self, rig: Rig, fault: Answer, error: type[ApiError], words: str
    ) -> None:
        rig.fail(fault, forever=True)
        with pytest.raises(error, match=r"^list the account's snapshots: ") as caught:
            rig.client.account_snapshots()
        assert words in str(caught.value)
        assert caught.value.exit_code is Exit.UNAVAILABLE
        assert rig.counted(GET) == 4
        assert len(rig.waits) == 3

    def test_fails_with_exit_69_when_no_answer_comes_in_time(self, impatient: Rig) -> None:
        impatient.fail(Answer(process=True, delay=timedelta(minutes=10)), forever=True)
        with pytest.raises(UnavailableError, match=r"in time|timed out"):
            impatient.client.server_snapshots(12345)
        assert impatient.counted(GET) == 4

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Answer(200, body=HTML), "not JSON"),
            (Answer(200), "not JSON"),
            (Answer(200, body=b'{"count": 1, "res'), "not JSON"),
            (Answer(200, body=b"[]"), "the answer is not an object"),
            (Answer(200, body=b"{}"), "count is None"),
            (Answer(200, body=b'{"count": "0", "results": []}'), "count is '0'"),
            (Answer(200, body=b'{"count": 0, "results": null}'), "results is not a list"),
            (Answer(204), "answered 204"),
            (Answer(206, body=b'{"count": 0, "results": []}'), "answered 206"),
            (listed(count=1), "count says 1, but 0 rows came"),
            (listed(row(), count=0), "count says 0, but 1 rows came"),
            (listed(row(), count=5000), "count says 5000, but 1 rows came"),
            (listed(row(), row()), "one id came twice"),
            (listed(row(), row("801", UUID)), "one id came twice"),
            (listed(None), "results[0] is not an object"),
            (listed(row(), "text"), "results[1] is not an object"),
            (listed(row(server_id=None)), "results[0].server.id is None"),
            (listed(row() | {"server": 12345}), "results[0].server is not an object"),
        ],
    )
    def test_that_is_not_as_documented_decides_nothing(self, rig: Rig, answer: Answer, words: str) -> None:
        rig.fail(answer, forever=True)
        for call in (rig.client.account_snapshots, lambda: rig.client.server_snapshots(12345)):
            with pytest.raises(UnreadableError) as caught:
                call()
            assert words in str(caught.value)
        assert rig.waits == []

    def test_names_the_server_of_a_row_that_cannot_be_read(self, rig: Rig) -> None:
        rows = [row(801, 12345, status=None), row(802, UUID), row(803, 12345), row("..", "other")]
        rig.fail(listed(*rows), forever=True)
        listing = rig.client.account_snapshots()
        assert [each.id for each in listing.snapshots] == [802, 803]
        assert listing.unreadable == (
            (12345, "list the account's snapshots: results[0].status is None, not text"),
            ("other", "list the account's snapshots: results[3].id is '..', not an id"),
        )

    def test_of_one_server_with_rows_of_others_decides_nothing(self, rig: Rig) -> None:
        rig.fail(listed(row(801), row(802, UUID)))
        with pytest.raises(UnreadableError, match=rf"rows of other servers came \({{'{UUID}'}}\)"):
            rig.client.server_snapshots(12345)

    @pytest.mark.parametrize("written", [12345, "12345"])
    def test_takes_an_id_as_number_or_text(self, rig: Rig, written: object) -> None:
        rig.fail(listed(row("801", written)))
        [snapshot] = rig.client.server_snapshots(12345).snapshots
        assert (snapshot.id, snapshot.server_id) == (801, 12345)

    @pytest.mark.parametrize("server_id", ["a b", "a&server_id=2", "ü", "a+b", "100%", "#"])
    def test_quotes_an_id_in_the_query(self, rig: Rig, server_id: str) -> None:
        seen = rig.watch(listed())
        rig.client.server_snapshots(server_id)
        assert [request.query for request in seen] == [{"server_id": server_id}]


class TestPages:
    def paged(self, rig: Rig, link: Callable[[int], str | None], last: int = 3) -> list[Request]:
        """Serve one row per page, and the link that `link` makes to the next; the requests as they come."""
        seen: list[Request] = []

        def intercept(request: Request) -> Answer:
            seen.append(request)
            number = int(request.query.get("page", 1))
            return listed(row(800 + number), count=last, link=link(number) if number < last else None)

        rig.sandbox.intercept = intercept
        return seen

    @pytest.mark.parametrize(
        "link",
        [
            "{url}/snapshots/?page={next}",
            "{upper}/snapshots/?page={next}",
            "/api/v1/snapshots/?page={next}",
            "?page={next}",
            "../snapshots/?page={next}",
            "//127.0.0.1:{port}/api/v1/snapshots/?page={next}",
        ],
    )
    def test_are_followed_on_the_same_origin(self, rig: Rig, link: str) -> None:
        url, port = rig.sandbox.url, rig.sandbox.port
        upper = url.replace("http", "HTTP")
        seen = self.paged(rig, lambda number: link.format(url=url, upper=upper, port=port, next=number + 1))
        assert [each.id for each in rig.client.account_snapshots().snapshots] == [801, 802, 803]
        assert {request.headers["authorization"] for request in seen} == {f"Bearer {TOKEN}"}
        assert {request.path for request in seen} == {"/api/v1/snapshots/"}

    @pytest.mark.parametrize(
        "link",
        [
            "https://127.0.0.1:{port}/api/v1/snapshots/?page=2",
            "http://localhost:{port}/api/v1/snapshots/?page=2",
            "http://127.0.0.1:1/api/v1/snapshots/?page=2",
            "http://127.0.0.1.example.org:{port}/?page=2",
            "http://user@127.0.0.1:{port}/?page=2",
            "http://127.0.0.1:{port}@example.org/?page=2",
            "//example.org/?page=2",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://[half-an-address/",
            "http://127.0.0.1:99999/",
        ],
    )
    def test_of_another_origin_are_refused(self, rig: Rig, link: str) -> None:
        seen = self.paged(rig, lambda _: link.format(port=rig.sandbox.port))
        with pytest.raises(UnreadableError, match="the next page is said to be at") as caught:
            rig.client.account_snapshots()
        assert len(seen) == 1
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize("link", ["", "?", "{url}/snapshots/", "?page=1"])
    def test_in_a_circle_end_soon(self, rig: Rig, link: str) -> None:
        rig.fail(listed(row(), count=9, link=link.format(url=rig.sandbox.url) or "#"), forever=True)
        with pytest.raises(UnreadableError):
            rig.client.account_snapshots()
        assert rig.counted(GET) <= 2

    def test_without_end_come_to_an_end(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.client._MOST_PAGES", 7)
        seen = self.paged(rig, lambda number: f"?page={number + 1}", last=10**6)
        with pytest.raises(UnreadableError, match="not followed"):
            rig.client.account_snapshots()
        assert len(seen) == 7

    def test_that_lack_a_row_decide_nothing(self, rig: Rig) -> None:
        rig.fail(listed(row(801), count=3, link="?page=2"), listed(row(802), count=3))
        with pytest.raises(UnreadableError, match="count says 3, but 2 rows came"):
            rig.client.account_snapshots()

    def test_are_retried_one_by_one(self, rig: Rig) -> None:
        first, second = listed(row(801), count=2, link="?page=2"), listed(row(802), count=2)
        rig.fail(first, Answer(503), Answer(drop=True), second, first, second)
        assert len(rig.client.account_snapshots().snapshots) == 2
        assert rig.counted(GET) == 6

    def test_between_which_a_row_slipped_away_decide_nothing(self, rig: Rig) -> None:
        """801 is deleted after the first page was read, so that 803 slips onto it unseen; 805 fills the count."""
        before, after = listed(row(801), row(802), count=4, link="?page=2"), listed(row(804), row(805), count=4)
        rig.fail(before, after, listed(row(802), row(803), count=4, link="?page=2"), after)
        with pytest.raises(UnreadableError, match="changed while its pages were read"):
            rig.client.account_snapshots()

    def test_that_once_say_other_servers_decide_nothing(self, rig: Rig) -> None:
        """Whose a snapshot is decides which servers are thought to have none."""
        first, second = listed(row(801), count=2, link="?page=2"), listed(row(802), count=2)
        rig.fail(first, second, first, listed({**row(802), "server": {"id": 99, "name": "other"}}, count=2))
        with pytest.raises(UnreadableError, match="changed while its pages were read"):
            rig.client.account_snapshots()

    def test_apply_to_the_servers_too(self, rig: Rig) -> None:
        first = listed({"id": 1, "name": "a", "status": "active"}, count=2, link="?page=2")
        second = listed({"id": 2, "name": "b", "status": "active"}, count=2)
        rig.fail(first, second, first, second)
        assert [server.id for server in rig.client.servers()] == [1, 2]


class TestCreating:
    def test_gives_the_snapshot_in_progress(self, rig: Rig) -> None:
        made = rig.client.create_snapshot(12345, NAME, "nightly")
        assert made == Snapshot(801, 12345, "web-server-01", NAME, "in_progress", NOW, None, "nightly")
        assert rig.cloud.snapshots() == (made,)

    def test_takes_an_id_that_is_text(self, rig: Rig) -> None:
        assert rig.client.create_snapshot(UUID, NAME, "").server_id == UUID

    @pytest.mark.parametrize(("description", "sent"), [("nightly", {"description": "nightly"}), ("", {})])
    def test_sends_what_is_documented_and_no_empty_description(
        self, rig: Rig, description: str, sent: dict[str, str]
    ) -> None:
        seen = rig.watch()
        rig.client.create_snapshot(12345, NAME, description)
        [request] = seen
        assert json.loads(request.body) == {"server_id": 12345, "name": NAME} | sent
        assert request.headers["content-type"] == "application/json"

    @pytest.mark.parametrize(
        ("fault", "made"),
        [
            pytest.param(Answer(500, body=HTML), 0, id="500"),
            pytest.param(Answer(503), 0, id="503"),
            pytest.param(Answer(504, process=True), 1, id="504 after it took effect"),
            pytest.param(Answer(drop=True), 0, id="reset before it took effect"),
            pytest.param(Answer(process=True, drop=True), 1, id="reset after it took effect"),
            pytest.param(Answer(201, {"Content-Length": "900"}, b'{"id": 801', process=True), 1, id="truncated 201"),
            pytest.param(Answer(201, body=HTML, process=True), 1, id="HTML for a 201"),
            pytest.param(Answer(201, process=True), 1, id="empty 201"),
            pytest.param(Answer(201, body=b"null", process=True), 1, id="null for a 201"),
            pytest.param(Answer(201, body=b'{"id": 801}', process=True), 1, id="201 that lacks fields"),
            pytest.param(Answer(201, body=json.dumps(row(name="x")).encode()), 0, id="201 of another name"),
            pytest.param(Answer(201, body=json.dumps(row(server_id=9)).encode()), 0, id="201 of another server"),
            pytest.param(Answer(200, body=json.dumps(row()).encode(), process=True), 1, id="200"),
            pytest.param(Answer(202, process=True), 1, id="202"),
            pytest.param(Answer(204, process=True), 1, id="204"),
            pytest.param(Answer(301, {"Location": "https://example.org/"}), 0, id="301"),
            pytest.param(Answer(302, {"Location": "/login"}, HTML), 0, id="302"),
            pytest.param(Answer(307, {"Location": "/api/v1/snapshots/"}), 0, id="307"),
            pytest.param(Answer(308, {"Location": "http://[half-an-address"}), 0, id="308 to nowhere"),
            pytest.param(Answer(303, {"Location": "/\xff"}), 0, id="303 to no text"),
        ],
    )
    def test_is_asked_for_once_when_its_outcome_is_unclear(self, rig: Rig, fault: Answer, made: int) -> None:
        rig.fail(fault, forever=True)
        with pytest.raises(MaybeCreatedError, match=rf"^create snapshot {NAME} of server 12345: "):
            rig.client.create_snapshot(12345, NAME, "")
        assert rig.counted(POST) == 1
        assert len(rig.cloud.snapshots()) == made
        assert rig.waits == []

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param(Answer(process=True, delay=timedelta(minutes=10)), id="no answer"),
            pytest.param(Answer(process=True, pause=timedelta(milliseconds=50)), id="slow answer"),
            pytest.param(Answer(201, body=repeat(b"x"), pause=timedelta(milliseconds=50), process=True), id="endless"),
        ],
    )
    def test_is_asked_for_once_when_the_time_is_over(self, impatient: Rig, fault: Answer) -> None:
        impatient.fail(fault, forever=True)
        with pytest.raises(MaybeCreatedError):
            impatient.client.create_snapshot(12345, NAME, "")
        assert impatient.counted(POST) == 1
        assert len(impatient.cloud.snapshots()) == 1

    def test_is_asked_for_once_when_the_answer_is_too_large(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.wire.MAX_BODY", 1_000)
        rig.fail(Answer(201, body=b"x" * 2_000, process=True), forever=True)
        with pytest.raises(MaybeCreatedError, match="too large"):
            rig.client.create_snapshot(12345, NAME, "")
        assert rig.counted(POST) == 1

    def test_is_asked_for_once_even_while_an_error_of_another_call_is_handled(self, rig: Rig) -> None:
        rig.fail(Answer(process=True, drop=True))
        with refusing() as url:
            try:
                opened(url)[0].account_snapshots()
            except UnreachableError:
                with pytest.raises(MaybeCreatedError):
                    rig.client.create_snapshot(12345, NAME, "")
        assert rig.counted(POST) == 1
        assert len(rig.cloud.snapshots()) == 1

    def test_is_asked_for_again_after_a_429(self, rig: Rig) -> None:
        rig.fail(*[Answer(429, {"Retry-After": "3"})] * 3)
        assert rig.client.create_snapshot(12345, NAME, "").id == 801
        assert rig.counted(POST) == 4
        assert rig.waits == [3, 3, 3]

    def test_is_given_up_after_four_times_429_with_nothing_made(self, rig: Rig) -> None:
        rig.fail(Answer(429, body=b"slow down"), forever=True)
        with pytest.raises(UnavailableError, match="slow down"):
            rig.client.create_snapshot(12345, NAME, "")
        assert rig.counted(POST) == 4
        assert rig.cloud.snapshots() == ()

    def test_is_asked_for_again_when_the_connection_was_refused(self, cloud: Cloud) -> None:
        with ExitStack() as stack, refusing() as url:
            sandbox = Sandbox(cloud, TOKEN, int(url.rpartition(":")[2].partition("/")[0]))
            waits: list[float] = []

            def sleep(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    stack.enter_context(sandbox)

            client = Client(url, TOKEN, timeout=timedelta(seconds=10), clock=lambda: NOW, sleep=sleep)
            stack.enter_context(closing(client))
            assert client.create_snapshot(12345, NAME, "").id == 801
            assert sandbox.requests[POST] == 1

    def test_is_known_to_have_made_nothing_when_every_connection_was_refused(self) -> None:
        with refusing() as url:
            client, waits = opened(url)
            with closing(client), pytest.raises(UnreachableError, match="refused") as caught:
                client.create_snapshot(12345, NAME, "")
        assert caught.value.exit_code is Exit.UNAVAILABLE
        assert "check api.url" in str(caught.value)
        assert "0x" not in str(caught.value)
        assert len(waits) == 3

    def test_is_refused_at_the_limit(self, rig: Rig) -> None:
        for number in range(CAP):
            rig.cloud.plant(12345, f"by-hand-{number}", NOW)
        with pytest.raises(RefusedError, match="the limit of 5") as caught:
            rig.client.create_snapshot(12345, NAME, "")
        assert "answered 400" in str(caught.value)
        assert rig.counted(POST) == 1

    @pytest.mark.parametrize("status", [400, 405, 408, 409, 413, 422])
    def test_is_not_repeated_when_refused(self, rig: Rig, status: int) -> None:
        rig.fail(Answer(status, body=b'{"error": "no"}'), forever=True)
        with pytest.raises(RefusedError, match=rf"answered {status} '{{\"error\": \"no\"}}'"):
            rig.client.create_snapshot(12345, NAME, "")
        assert rig.counted(POST) == 1

    def test_on_a_server_that_is_not_there_says_so(self, rig: Rig) -> None:
        with pytest.raises(NotFoundError, match=r"answered 404 .*; no such server or snapshot"):
            rig.client.create_snapshot(99, NAME, "")
        assert rig.counted(POST) == 1


class TestDeleting:
    def test_removes_the_snapshot(self, rig: Rig) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.client.delete_snapshot(snapshot_id)
        assert rig.cloud.snapshots() == ()

    def test_of_one_that_is_gone_is_done(self, rig: Rig) -> None:
        rig.client.delete_snapshot(801)
        assert rig.counted(DELETE) == 1

    @pytest.mark.parametrize("fault", NOT_NOW[:-1])
    def test_is_repeated_when_the_api_says_not_now(self, rig: Rig, fault: Answer) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.fail(fault, fault, fault)
        rig.client.delete_snapshot(snapshot_id)
        assert rig.cloud.snapshots() == ()
        assert rig.counted(DELETE) == 4
        assert len(rig.waits) == 3

    @pytest.mark.parametrize("fault", [Answer(process=True, drop=True), Answer(502, process=True)])
    def test_that_took_effect_without_an_answer_is_done_the_second_time(self, rig: Rig, fault: Answer) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.fail(fault)
        rig.client.delete_snapshot(snapshot_id)
        assert rig.cloud.snapshots() == ()
        assert rig.counted(DELETE) == 2

    @pytest.mark.parametrize(
        ("fault", "error", "tries"),
        [
            (Answer(503), UnavailableError, 4),
            (Answer(429), UnavailableError, 4),
            (Answer(drop=True), UnavailableError, 4),
            (Answer(400), RefusedError, 1),
            (Answer(409), RefusedError, 1),
            (Answer(301, {"Location": "/"}), UnreachableError, 1),
            (Answer(600), UnreadableError, 1),
        ],
    )
    def test_that_fails_says_so(self, rig: Rig, fault: Answer, error: type[ApiError], tries: int) -> None:
        rig.fail(fault, forever=True)
        with pytest.raises(error, match=r"^delete snapshot 801: "):
            rig.client.delete_snapshot(801)
        assert rig.counted(DELETE) == tries

    @pytest.mark.parametrize(
        "snapshot_id",
        [UUID, "a b", "a/b", "a?b", "a#b", "a%b", "%2e%2e", "a%2Fb", "ü", "...", "a;b", "a\\b", "a:b", "'\"<>"],
    )
    def test_quotes_an_id_in_the_path(self, rig: Rig, snapshot_id: str) -> None:
        seen = rig.watch(Answer(204))
        rig.client.delete_snapshot(snapshot_id)
        [request] = seen
        assert (request.method, request.path) == ("DELETE", f"/api/v1/snapshots/{snapshot_id}/")
        assert request.query == {}


class TestRestoring:
    def test_says_what_the_api_said(self, rig: Rig) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        assert rig.client.restore_snapshot(snapshot_id) == "Snapshot restore started"
        assert rig.client.servers()[0].status == "restoring"

    @pytest.mark.parametrize("body", [b"{}", b'{"message": ""}', b'{"message": null}'])
    def test_says_so_itself_where_the_api_said_nothing(self, rig: Rig, body: bytes) -> None:
        rig.fail(Answer(200, body=body))
        assert rig.client.restore_snapshot(801) == "restore started"

    @pytest.mark.parametrize(
        "fault",
        [
            Answer(500, process=True),
            Answer(drop=True, process=True),
            Answer(200, body=HTML, process=True),
            Answer(202, process=True),
            Answer(302, {"Location": "/login"}),
        ],
    )
    def test_is_asked_for_once_when_its_outcome_is_unclear(self, rig: Rig, fault: Answer) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.fail(fault, forever=True)
        with pytest.raises(UnreadableError, match=rf"^restore snapshot {snapshot_id}.*: .*look at the server"):
            rig.client.restore_snapshot(snapshot_id)
        assert rig.counted(RESTORE) == 1

    def test_is_refused_while_the_snapshot_is_in_progress(self, rig: Rig) -> None:
        made = rig.client.create_snapshot(12345, NAME, "")
        with pytest.raises(RefusedError, match="the snapshot is in_progress"):
            rig.client.restore_snapshot(made.id)

    def test_of_a_snapshot_that_is_not_there_says_so(self, rig: Rig) -> None:
        with pytest.raises(NotFoundError):
            rig.client.restore_snapshot("no-such-one")

    def test_is_asked_for_again_after_a_429(self, rig: Rig) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.fail(Answer(429))
        rig.client.restore_snapshot(snapshot_id)
        assert rig.counted(RESTORE) == 2


class TestServersAndAccount:
    def test_are_shown(self, rig: Rig) -> None:
        assert rig.client.servers() == (
            Server(12345, "web-server-01", "active"),
            Server(UUID, "db-server-01", "active"),
        )
        assert rig.client.account() == Account("operator@example.org", "sandbox", ("read", "write"))

    @pytest.mark.parametrize("body", [HTML, b"{}", b'{"account": {}, "token": {}}', b'{"count": 1, "results": [1]}'])
    def test_that_are_not_as_documented_are_explained(self, rig: Rig, body: bytes) -> None:
        rig.fail(Answer(200, body=body), forever=True)
        for call in (rig.client.servers, rig.client.account):
            with pytest.raises(UnreadableError, match=r"is api\.url right\?"):
                call()

    def test_an_api_url_may_end_in_a_slash(self, rig: Rig) -> None:
        client, _ = opened(rig.sandbox.url + "/")
        with closing(client):
            assert client.account() == rig.client.account()

    def test_an_api_url_that_is_written_otherwise_still_gets_the_token(self, cloud: Cloud) -> None:
        with Sandbox(cloud, TOKEN, host="localhost") as sandbox:
            client, _ = opened(sandbox.url.replace("http://localhost", "HTTP://LocalHost"))
            with closing(client):
                assert client.account().token_name == "sandbox"

    def test_a_wrong_api_url_is_explained(self, rig: Rig) -> None:
        client, _ = opened(rig.sandbox.url + "/v2")
        with closing(client), pytest.raises(NotFoundError, match="answered 404"):
            client.account()


class TestToken:
    CALLS: tuple[Callable[[Client], object], ...] = (
        Client.account_snapshots,
        lambda client: client.server_snapshots(12345),
        lambda client: client.create_snapshot(12345, NAME, ""),
        lambda client: client.delete_snapshot(801),
        lambda client: client.restore_snapshot(801),
        Client.servers,
        Client.account,
    )

    @pytest.mark.parametrize("call", CALLS)
    def test_that_is_wrong_ends_every_call_without_another_try(
        self, rig: Rig, call: Callable[[Client], object]
    ) -> None:
        client, waits = opened(rig.sandbox.url, "wrong-token")
        with closing(client), pytest.raises(CredentialsError, match="the token is refused") as caught:
            call(client)
        assert caught.value.exit_code is Exit.CREDENTIALS
        assert "wrong-token" not in str(caught.value)
        assert rig.sandbox.requests.total() == 1
        assert waits == []

    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize("call", CALLS)
    def test_that_may_not_do_this_ends_the_call(self, rig: Rig, call: Callable[[Client], object], status: int) -> None:
        rig.fail(Answer(status, body=HTML), forever=True)
        with pytest.raises(CredentialsError, match=rf"answered {status} "):
            call(rig.client)
        assert rig.sandbox.requests.total() == 1

    @pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 500, 503, 600])
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("before", [0, 150])
    def test_is_in_no_error_even_when_the_api_shows_it(
        self, rig: Rig, call: Callable[[Client], object], status: int, before: int
    ) -> None:
        rig.fail(Answer(status, body=b"." * before + f"Authorization: Bearer {TOKEN}".encode()), forever=True)
        with capture_logs() as logs:
            try:
                said = str(call(rig.client))
            except RotatorError as error:
                said = str(error)
        assert TOKEN[:10] not in said + str(logs)

    def test_is_in_no_repr(self, rig: Rig) -> None:
        assert TOKEN not in repr(rig.client)


class TestRetryAfter:
    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("value", "wait"),
        [
            ("7", 7),
            ("99999999999999", 30),
            ("Mon, 23 Nov 2026 02:00:12 GMT", 12),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 30),
        ],
    )
    def test_is_honoured_within_bounds(self, rig: Rig, status: int, value: str, wait: float) -> None:
        rig.fail(Answer(status, {"Retry-After": value}), Answer(status, {"retry-after": value}))
        rig.client.account_snapshots()
        assert rig.waits == [wait, wait]

    @pytest.mark.parametrize(
        "value", ["", "soon", "-5", "1.5", "Fri, 31 Dec 9999 23:59:59 -2300", "0", "Mon, 23 Nov 2026 01:00:00 GMT"]
    )
    def test_that_cannot_be_read_or_is_no_wait_leaves_the_usual_wait(self, rig: Rig, value: str) -> None:
        rig.fail(Answer(503, {"Retry-After": value}))
        rig.client.account_snapshots()
        assert 0.25 <= rig.waits[0] <= 0.5


class TestSecrecy:
    def test_an_answer_that_repeats_the_token_is_quoted_without_it(self, rig: Rig) -> None:
        """A proxy may answer 200 with the request it got (S10)."""
        page = f"<html>Authorization: Bearer {TOKEN}</html>".encode()
        for call in (rig.client.account_snapshots, lambda: rig.client.create_snapshot(12345, "rotator-x", "")):
            rig.fail(Answer(201 if call is not rig.client.account_snapshots else 200, {}, page))
            with pytest.raises(ApiError) as caught:
                call()
            assert TOKEN not in str(caught.value)


class TestClocks:
    @pytest.mark.parametrize(("ahead", "told"), [(-301, True), (-300, False), (0, False), (300, False), (301, True)])
    def test_that_differ_by_more_than_five_minutes_are_told(self, rig: Rig, ahead: int, told: bool) -> None:
        client, _ = opened(rig.sandbox.url, clock=lambda: NOW + timedelta(seconds=ahead))
        with closing(client), capture_logs() as logs:
            client.account()
        assert [(line["event"], line["ahead_s"], line["log_level"]) for line in logs] == (
            [("clock_skew", ahead, "warning")] if told else []
        )

    def test_that_differ_are_told_once(self, rig: Rig) -> None:
        client, _ = opened(rig.sandbox.url, clock=lambda: NOW + timedelta(hours=1))
        with closing(client), capture_logs() as logs:
            for _ in range(3):
                client.account()
            client.server_snapshots(12345)
        assert [line["event"] for line in logs] == ["clock_skew"]

    @pytest.mark.parametrize("date", ["", "never", "Fri, 31 Dec 9999 23:59:59 -2300"])
    def test_of_an_api_without_a_readable_date_are_not_compared(self, rig: Rig, date: str) -> None:
        rig.fail(Answer(200, {"Date": date}, b'{"count": 0, "results": []}'))
        with capture_logs() as logs:
            assert rig.client.servers() == ()
        assert logs == []


class TestConnections:
    def test_are_reused_whatever_was_answered(self, rig: Rig) -> None:
        snapshot_id = rig.cloud.plant(12345, NAME, NOW)
        rig.client.account_snapshots()
        rig.client.delete_snapshot(snapshot_id)
        rig.client.delete_snapshot(snapshot_id)
        rig.client.create_snapshot(12345, NAME, "")
        with pytest.raises(NotFoundError):
            rig.client.create_snapshot(99, NAME, "")
        rig.fail(Answer(503, body=HTML), Answer(429))
        rig.client.account()
        assert connections_of(rig.client) == 1

    def test_of_16_threads_are_16_for_all_their_calls(self, rig: Rig) -> None:
        for number in range(16):
            rig.cloud.add_server(f"web-{number:02d}", 20_000 + number)
        together = threading.Barrier(16)

        def work(server_id: int) -> int:
            together.wait(10)
            for number in range(CAP):
                rig.client.create_snapshot(server_id, f"{NAME}-{number}", "")
            return len(rig.client.server_snapshots(server_id).snapshots)

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(work, range(20_000, 20_016))) == [CAP] * 16
            assert connections_of(rig.client) == 16
        assert rig.sandbox.requests.total() == 16 * (CAP + 1)

    def test_are_closed_and_opened_anew_when_needed(self, rig: Rig) -> None:
        rig.client.account()
        rig.client.close()
        assert connections_of(rig.client) == 0
        rig.client.account()
        assert connections_of(rig.client) == 1

    def test_of_threads_that_ended_are_not_kept(self, rig: Rig) -> None:
        for _ in range(3):
            thread = threading.Thread(target=rig.client.account)
            thread.start()
            thread.join()
        assert connections_of(rig.client) <= 1


def connections_of(client: Client) -> int:
    """How many connections the open sessions of a client have made."""
    transport = client._caller._transport
    assert isinstance(transport, Http)
    adapters: list[Any] = [session.get_adapter("http://") for session in transport._sessions]
    pools = [pool for adapter in adapters for pool in adapter.poolmanager.pools._container.values()]
    return sum(pool.num_connections for pool in pools)


@contextmanager
def refusing() -> Iterator[str]:
    """The URL of an API whose host refuses every connection: the port is bound, so nobody else listens there."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1"
