"""Whose answer is it? A client against connections on which more comes than was asked for, or less, or too early."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from rotator.api import Client
from rotator.api.transport import Http
from rotator.errors import ApiError, MaybeCreatedError, UnavailableError, UnreachableError, UnreadableError
from tests.components import needs_component
from tests.conftest import NOW
from tests.hostile import Behaviour, Hostile, Peer, http, once, speaking_tls, wrong_certificate

TOKEN = "token-of-this-test"
EMPTY = b'{"count": 0, "results": []}'
LIE = b"HTTP/1.1 204 Deleted\r\n\r\n"
TRUTH = http(503)
"""What the second request is really answered, and what a client that takes the lie for it never sees."""
ONE = json.dumps(
    {
        "count": 1,
        "results": [
            {
                "id": 801,
                "server": {"id": 7, "name": "s"},
                "name": "n",
                "status": "completed",
                "created_at": "2026-11-23T02:00:00Z",
            }
        ],
    }
).encode()


@contextmanager
def calling(server: Hostile, timeout: float = 5, verify: Path | None = None, token: str = TOKEN) -> Iterator[Client]:
    client = Client(server.url, token, timeout=timedelta(seconds=timeout), clock=lambda: NOW, sleep=lambda _: None)
    transport = client._caller._transport
    assert isinstance(transport, Http)
    if verify:
        transport.session().verify = str(verify)
    try:
        yield client
    finally:
        client.close()


def in_turn(first: Behaviour) -> Behaviour:
    """The first connection goes like this; on every other, and after it, each request gets the truth."""
    numbers = count()

    def behave(peer: Peer) -> None:
        if next(numbers) == 0:
            first(peer)
        while True:
            peer.request()
            peer.send(TRUTH)

    return behave


def list_then_lie(first: bytes, later: bytes = b"", lied: threading.Event | None = None) -> Behaviour:
    """The first answer; behind it, at once or a moment later, an answer that nobody asked for."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(first)
        if later:
            peer.pause(0.05)
            peer.send(later)
        if lied:
            lied.set()

    return in_turn(behave)


def ok(*headers: bytes, body: bytes = EMPTY) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", body])


CHUNKS = b"1b\r\n" + EMPTY + b"\r\n0\r\n\r\n"
BEHIND = {
    "at once": (http(200, EMPTY) + LIE, b""),
    "a moment later": (http(200, EMPTY), LIE),
    "in two halves": (http(200, EMPTY) + LIE[:9], LIE[9:]),
    "the body of a 204": (b"HTTP/1.1 204 Gone\r\nContent-Length: 24\r\n\r\n", LIE),
    "the chunks of a 204": (b"HTTP/1.1 204 Gone\r\nTransfer-Encoding: chunked\r\n\r\n", LIE),
    "a length and chunks": (ok(b"Content-Length: 27", b"Transfer-Encoding: chunked", body=CHUNKS), LIE),
    "a length with a sign": (ok(b"Content-Length: +27"), LIE),
    "a length with an underscore": (ok(b"Content-Length: 2_7"), LIE),
    "a length twice": (ok(b"Content-Length: 27", b"Content-Length: 27"), LIE),
    "a length and another coding": (ok(b"Content-Length: 27", b"Transfer-Encoding: identity"), LIE),
    "a line that is no header": (ok(b"Content-Length: 27", b"no header", b"Transfer-Encoding: chunked"), LIE),
    "a switch of protocols": (b"HTTP/1.1 101 Switching\r\nContent-Length: 0\r\n\r\n", LIE),
}
"""What comes before the lie, with it or at a distance: where it ends is in doubt for all that come at a distance."""


class TestAnAnswerThatNobodyAskedFor:
    """If the second request on a connection took it, every later one would get the answer to the one before."""

    @pytest.mark.parametrize(("first", "later"), BEHIND.values(), ids=BEHIND.keys())
    def test_is_not_taken_for_the_next_requests(self, first: bytes, later: bytes) -> None:
        lied = threading.Event()
        with Hostile(list_then_lie(first, later, lied)) as server, calling(server) as client:
            with suppress(ApiError):  # whether the first answer counts is another matter
                client.account_snapshots()
            if first == http(200, EMPTY):
                assert lied.wait(10)  # only what is there before the next request can be told from its answer
            with pytest.raises(UnavailableError, match="answered 503"):
                client.delete_snapshot(801)
            assert server.connections == 2

    @pytest.mark.parametrize("again", [1, 3])
    @pytest.mark.parametrize("interim", [102, 103, 199])
    def test_is_not_left_behind_by_interim_answers(self, interim: int, again: int) -> None:
        def behave(peer: Peer) -> None:
            for status in (204, 503, 503, 503, 503):
                peer.request()
                peer.send(b"HTTP/1.1 %d Wait\r\nLink: </a>\r\n\r\n" % interim * again)
                peer.pause(0.02)
                peer.send(http(status))

        with Hostile(behave) as server, calling(server) as client:
            client.delete_snapshot(801)
            with pytest.raises(UnavailableError, match="answered 503"):
                client.delete_snapshot(802)
            assert (server.connections, len(server.requests)) == (1, 5)

    @pytest.mark.component
    @pytest.mark.parametrize("kind", ["of a length", "in chunks"])
    def test_is_not_taken_out_of_what_tls_has_read_ahead(self, tmp_path: Path, kind: str) -> None:
        """One record of TLS holds both answers; nothing of the second is left on the wire for anybody to see."""
        certificate = wrong_certificate(needs_component("openssl"), tmp_path)
        for size in range(8_000, 8_400, 33):
            body = EMPTY.ljust(size)
            chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
            first = http(200, body) if kind == "of a length" else chunked
            with (
                Hostile(list_then_lie(first + LIE), speaking_tls(certificate)) as server,
                calling(server, verify=certificate) as client,
            ):
                assert client.account_snapshots().snapshots == ()
                with pytest.raises(UnavailableError, match="answered 503"):
                    client.delete_snapshot(801)
                assert server.connections == 2

    def test_does_not_make_a_list_of_one_server_that_of_another(self) -> None:
        with Hostile(list_then_lie(http(200, EMPTY) + http(200, ONE))) as server, calling(server) as client:
            client.server_snapshots(8)
            with pytest.raises(UnavailableError, match="answered 503"):
                client.server_snapshots(7)

    def test_does_not_make_a_create_done(self) -> None:
        made = http(201, json.dumps(json.loads(ONE)["results"][0]).encode())
        with Hostile(list_then_lie(http(200, EMPTY) + made)) as server, calling(server) as client:
            client.server_snapshots(7)
            with pytest.raises(MaybeCreatedError, match="answered 503"):
                client.create_snapshot(7, "n", "")
            assert sum(request.startswith(b"POST") for request in server.requests) == 1

    def test_that_came_late_for_a_request_given_up_goes_with_its_connection(self) -> None:
        """The delete of 801 is answered after its time-out, when that of 802 is out."""

        def late(peer: Peer) -> None:
            peer.request()
            peer.pause(0.4)
            peer.send(LIE)

        with Hostile(in_turn(late)) as server, calling(server, timeout=0.2) as client:
            with pytest.raises(UnavailableError):
                client.delete_snapshot(801)
            with pytest.raises(UnavailableError, match="answered 503"):
                client.delete_snapshot(802)

    def test_is_not_met_by_other_threads(self) -> None:
        """Connections belong to one thread each, so what one of them got wrong is no other one's."""
        with Hostile(list_then_lie(http(200, EMPTY) + LIE)) as server, calling(server) as client:
            client.account_snapshots()
            told: list[Exception] = []

            def delete() -> None:
                try:
                    client.delete_snapshot(801)
                except ApiError as error:
                    told.append(error)

            thread = threading.Thread(target=delete)
            thread.start()
            thread.join(10)
            assert [type(error) for error in told] == [UnavailableError]


class TestAConnection:
    def test_that_is_reset_within_the_body_is_no_answer(self) -> None:
        def behave(peer: Peer) -> None:
            peer.request()
            peer.send(http(200, ONE)[:-20])
            peer.pause(0.02)
            peer.reset()

        with Hostile(behave) as server, calling(server) as client:
            with pytest.raises(UnavailableError, match="Connection reset by peer"):
                client.account_snapshots()
            assert len(server.requests) == 4
            with pytest.raises(MaybeCreatedError):
                client.create_snapshot(7, "n", "")
            assert len(server.requests) == 5

    def test_that_is_half_closed_within_the_body_is_no_answer(self) -> None:
        def behave(peer: Peer) -> None:
            peer.request()
            peer.send(http(200, ONE)[:-20])
            peer.half_close()
            peer.pause(30)

        with Hostile(behave) as server, calling(server) as client:
            began = time.monotonic()
            with pytest.raises(UnavailableError, match="no complete answer"):
                client.account_snapshots()
            assert time.monotonic() - began < 10

    def test_that_is_half_closed_behind_the_answer_is_not_used_again(self) -> None:
        closed = threading.Semaphore(0)

        def behave(peer: Peer) -> None:
            peer.request()
            peer.send(http(200, EMPTY))
            peer.half_close()
            closed.release()
            peer.request()

        with Hostile(behave) as server, calling(server) as client:
            for _ in range(3):
                client.account_snapshots()
                assert closed.acquire(timeout=10)
            assert (server.connections, len(server.requests)) == (3, 3)

    def test_flooded_with_interim_answers_ends_in_time(self) -> None:
        def behave(peer: Peer) -> None:
            peer.request()
            while True:
                peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1_000)

        with Hostile(behave) as server, calling(server, timeout=0.2) as client:
            began = time.monotonic()
            with pytest.raises(ApiError):
                client.account_snapshots()
            assert time.monotonic() - began < 10
            assert len(server.requests) <= 4

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 \xff\xfe\x00\r\nContent-Length: 27\r\n\r\n",
            b"HTTP/1.1 200\r\nContent-Length: 27\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\n folded\r\n\tagain\r\nContent-Length: 27\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nDate: \xff\x00 yesterday\r\nRetry-After: -1\r\nContent-Length: 27\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nDate: Mon, 99 Foo 0000 99:99:99 +9999999\r\n\r\n",
        ],
    )
    def test_with_odd_words_in_its_head_still_brings_the_answer(self, head: bytes) -> None:
        with Hostile(once(head + EMPTY)) as server, calling(server) as client:
            assert client.account_snapshots().snapshots == ()

    @pytest.mark.parametrize(
        "said",
        [
            b"Authorization: Bearer %b\r\n" % TOKEN.encode(),
            b"HTTP/1.1 %b OK\r\n\r\n" % TOKEN.encode(),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n" % TOKEN.encode(),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Length: 98\r\n\r\n%b" % TOKEN.encode(),
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 18\r\n\r\n%b" % TOKEN.encode(),
            http(200, b'{"count": "%b", "results": []}' % TOKEN.encode()),
            http(200, b'{"count": 1, "results": [{"id": 1, "server": {"id": ["%b"]}}]}' % TOKEN.encode()),
            http(200, b'{"count": 0, "next": "http://%b/", "results": [1]}' % TOKEN.encode()),
            http(302, headers={"Location": f"http://{TOKEN}/"}),
            http(404, TOKEN.encode()),
            http(600, b"x" * 150 + TOKEN.encode()),
        ],
    )
    def test_that_brings_the_token_back_does_not_bring_it_into_a_message(self, said: bytes) -> None:
        with Hostile(once(said)) as server, calling(server) as client:
            for call in (client.account_snapshots, client.account, lambda: client.create_snapshot(7, "n", "")):
                with pytest.raises(ApiError) as caught:
                    call()
                assert TOKEN not in str(caught.value)
                assert TOKEN[:9] not in str(caught.value)
                assert str(caught.value).isprintable()

    def test_that_brings_the_token_back_in_a_name_brings_no_such_name(self) -> None:
        account = {"account": {"email": "a@example.org"}, "token": {"name": TOKEN, "permissions": {"key": TOKEN}}}
        with Hostile(once(http(200, json.dumps(account).encode()))) as server, calling(server) as client:
            assert TOKEN not in repr(client.account())
        named = ONE.replace(b'"n"', b'"%b"' % TOKEN.encode())
        with Hostile(once(http(200, named))) as server, calling(server) as client:
            assert client.account_snapshots().snapshots[0].name == "[hidden]"

    @pytest.mark.parametrize(
        "spelled",
        [
            rb"token/of\\this\"test",
            rb"token\/of\\this\"test",
            rb"tok\u0065n\u002Fof\u005cthis\u0022te\u0073t",
            rb"\u0074\u006f\u006b\u0065\u006e\/of\u005Cthis\"test",
        ],
    )
    def test_that_spells_the_token_in_another_way_brings_no_such_name(self, spelled: bytes) -> None:
        said = http(200, ONE.replace(b'"n"', b'"a\\\\%b!"' % spelled))
        with Hostile(once(said)) as server, calling(server, token='token/of\\this"test') as client:
            assert client.account_snapshots().snapshots[0].name == "a\\[hidden]!"

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
    def test_that_is_not_utf_8_is_no_answer(self, encoding: str) -> None:
        named = ONE.decode().replace('"n"', f'"{TOKEN}"').encode(encoding)
        expected = pytest.raises(UnreadableError, match="not JSON")
        with Hostile(once(http(200, named))) as server, calling(server) as client, expected as caught:
            client.account_snapshots()
        assert TOKEN not in str(caught.value)

    def test_that_begins_with_a_byte_order_mark_is_read(self) -> None:
        with Hostile(once(http(200, ONE.decode().encode("utf-8-sig")))) as server, calling(server) as client:
            assert client.account_snapshots().snapshots[0].name == "n"


REFUSED = {
    "of somebody unknown": ("IP:127.0.0.1", 2, False, "self-signed certificate"),
    "of another host": ("DNS:example.org", 2, True, "(?i)mismatch|not valid for"),
    "that has expired": ("IP:127.0.0.1", -1, True, "certificate has expired"),
}


@pytest.mark.component
@pytest.mark.parametrize(("name", "days", "known", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_certificate_ends_every_call_before_the_token_is_sent(
    tmp_path: Path, name: str, days: int, known: bool, words: str
) -> None:
    certificate = wrong_certificate(needs_component("openssl"), tmp_path, name, days)
    with Hostile(once(http(200, EMPTY)), speaking_tls(certificate)) as server:
        with calling(server, verify=certificate if known else None) as client:
            for call in (client.account_snapshots, lambda: client.create_snapshot(7, "n", "")):
                with pytest.raises(UnreachableError, match=words):
                    call()
        assert not server.received
        assert server.connections == 2
