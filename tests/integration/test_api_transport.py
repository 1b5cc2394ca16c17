"""The client against servers that break HTTP: every call ends in time, in bounded memory, and keeps the token."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import NoReturn

import pytest
import requests

from rotator.api import Client
from rotator.api.transport import Http, is_certificate_error, new_session, origin_of, was_never_sent
from rotator.api.wire import _DeadlineReader
from rotator.errors import ApiError, Exit, MaybeCreatedError, UnavailableError, UnreachableError, UnreadableError
from tests.components import needs_component
from tests.conftest import NOW
from tests.hostile import CHUNKED, Behaviour, Gone, Hostile, Peer, answering, dripping, http, once, pouring

TOKEN = "token-of-this-test"
EMPTY = b'{"count": 0, "results": []}'
MIB = 2**20
SHORT = 0.2
IN_TIME = 15.0
"""Seconds that four tries with a `SHORT` time-out each may take on a machine that does much else; none would end."""


class Calls:
    """Clients for any URL, which do not sleep between tries and are closed with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self.waits: list[float] = []
        self._stack = stack

    def to(self, url: str, timeout: float = 10) -> Client:
        client = Client(url, TOKEN, timeout=timedelta(seconds=timeout), clock=lambda: NOW, sleep=self.waits.append)
        self._stack.callback(client.close)
        return client

    def refused(
        self, url: str, error: type[ApiError] | None = None, words: str | None = None, timeout: float = 10
    ) -> None:
        """A list from there fails like this, or else as what is no API, within bounded time."""
        began = time.monotonic()
        with pytest.raises(error or ApiError, match=words) as caught:
            self.to(url, timeout).account_snapshots()
        assert error or caught.value.exit_code is Exit.UNAVAILABLE
        assert time.monotonic() - began < IN_TIME
        assert TOKEN not in str(caught.value)
        assert len(str(caught.value)) < 1_000

    def unclear(self, url: str, timeout: float = 10) -> None:
        """A create from there has an unknown outcome, within bounded time."""
        began = time.monotonic()
        with pytest.raises(MaybeCreatedError) as caught:
            self.to(url, timeout).create_snapshot(12345, "nightly-1", "")
        assert time.monotonic() - began < IN_TIME
        assert TOKEN not in str(caught.value)


@pytest.fixture
def calls() -> Iterator[Calls]:
    with ExitStack() as stack:
        yield Calls(stack)


@pytest.fixture
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.api.wire.MAX_BODY", 100_000)


@contextmanager
def peak_memory(most: int) -> Iterator[None]:
    """What is allocated within the block never exceeds `most` bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


SLOW = {
    "silence": dripping(b"", b""),
    "status line": dripping(b"HTTP/1.1 200 O", b"K"),
    "a header": dripping(b"HTTP/1.1 200 OK\r\nX-Header: ", b"x"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body of a length": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "body without a length": dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "chunks": dripping(CHUNKED, b"1\r\nx\r\n"),
    "a chunk": dripping(CHUNKED + b"ffff\r\n", b"x"),
    "the size of a chunk": dripping(CHUNKED, b"0"),
    "trailers": dripping(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "a redirect": dripping(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "an error": dripping(b"HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
class TestSlowDrip:
    def test_ends_within_the_time_out(self, calls: Calls, behave: Behaviour) -> None:
        with Hostile(behave) as server:
            calls.refused(server.url, timeout=SHORT)
            assert len(server.requests) == len(calls.waits) + 1 == 4

    def test_leaves_a_create_unclear_within_the_time_out(self, calls: Calls, behave: Behaviour) -> None:
        with Hostile(behave) as server:
            calls.unclear(server.url, SHORT)
            assert len(server.requests) == 1


ENDLESS = {
    "without a length": pouring(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "with a length": pouring(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * 65536),
    "in chunks": pouring(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "in one chunk": pouring(CHUNKED + b"fffffffffff\r\n", b"x" * 65536),
    "in a chunk of size -1": pouring(CHUNKED + b"-1\r\n", b"x" * 65536),
    "of a redirect": pouring(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"x" * 65536),
    "of an error": pouring(b"HTTP/1.1 500 Oops\r\n\r\n", b"x" * 65536),
}


@pytest.mark.parametrize("behave", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.usefixtures("small_answers")
class TestEndlessBody:
    def test_is_cut_off_and_not_asked_for_again(self, calls: Calls, behave: Behaviour) -> None:
        with Hostile(behave) as server, peak_memory(8 * MIB):
            calls.refused(server.url, UnreadableError, "the answer is too large")
            assert len(server.requests) == 1

    def test_leaves_a_create_unclear(self, calls: Calls, behave: Behaviour) -> None:
        with Hostile(behave) as server:
            calls.unclear(server.url)
            assert len(server.requests) == 1


class TestSizes:
    def test_of_an_answer_as_large_as_allowed_are_read(self, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.wire.MAX_BODY", 10_000)
        with Hostile(answering(http(200, EMPTY.ljust(10_000)))) as server:
            assert calls.to(server.url).account_snapshots().snapshots == ()

    def test_of_one_byte_more_are_refused(self, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.wire.MAX_BODY", 10_000)
        with Hostile(answering(http(200, EMPTY.ljust(10_001)))) as server:
            calls.refused(server.url, UnreadableError, r"too large \(more than 0\.0095")

    def test_of_ten_thousand_servers_are_read(self, calls: Calls) -> None:
        row = {
            "id": 0,
            "server": {"id": 12345, "name": "web-server-01"},
            "name": "nightly-20261123T020000Z",
            "status": "completed",
            "size_mb": 5120,
            "created_at": "2026-11-23T02:00:00Z",
            "description": "x" * 60,
        }
        rows = b", ".join(json.dumps(row | {"id": number}).encode() for number in range(50_000))
        with Hostile(answering(http(200, b'{"count": 50000, "results": [%b]}' % rows))) as server:
            assert len(calls.to(server.url, timeout=30).account_snapshots().snapshots) == 50_000

    @pytest.mark.usefixtures("small_answers")
    @pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
    def test_of_a_gzip_bomb_are_bounded_while_it_is_unpacked(self, calls: Calls, encoding: str) -> None:
        bomb = gzip.compress(b" " * (50 * MIB))
        for _ in range(encoding.count(",")):
            bomb = gzip.compress(bomb)
        with Hostile(answering(http(200, bomb, {"Content-Encoding": encoding}))) as server, peak_memory(8 * MIB):
            calls.refused(server.url, UnreadableError, "too large")

    def test_of_a_gzip_answer_are_those_of_what_is_in_it(self, calls: Calls) -> None:
        with Hostile(answering(http(200, gzip.compress(EMPTY), {"Content-Encoding": "gzip"}))) as server:
            assert calls.to(server.url).account_snapshots().snapshots == ()

    def test_of_10_000_headers_are_too_many(self, calls: Calls) -> None:
        headers = {f"X-{number}": "x" for number in range(10_000)}
        with Hostile(once(http(200, EMPTY, headers))) as server:
            calls.refused(server.url, words="got more than 100 headers")

    def test_of_a_header_without_end_are_too_large(self, calls: Calls) -> None:
        with Hostile(once(http(200, EMPTY, {"X": "x" * 100_000}))) as server:
            calls.refused(server.url)


NO_HTTP = {
    "nothing": b"",
    "an SSH server": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "a mail server": b"220 mail.example.org ESMTP\r\n",
    "TLS": bytes.fromhex("15030300020246"),
    "zeros": b"\0" * 1_000,
    "a line without end": b"x" * 200_000,
    "half a status line": b"HTTP/1.1 20",
    "a status that is no number": b"HTTP/1.1 two hundred\r\n\r\n",
    "half a body": http(200, EMPTY)[:-5],
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "half a chunked body": CHUNKED + b"1b\r\n" + EMPTY,
    "a chunk of no size": CHUNKED + b"many\r\n" + EMPTY,
    "a chunk of negative size": CHUNKED + b"-5\r\n" + EMPTY + b"\r\n0\r\n\r\n",
    "no gzip": http(200, EMPTY, {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP.keys())
class TestNoHttp:
    def test_is_no_answer(self, calls: Calls, data: bytes) -> None:
        with Hostile(once(data)) as server:
            calls.refused(server.url)
            assert len(calls.waits) == 3

    def test_leaves_a_create_unclear(self, calls: Calls, data: bytes) -> None:
        with Hostile(once(data)) as server:
            calls.unclear(server.url)
            assert len(server.requests) == 1


class TestConnections:
    def test_that_end_within_the_headers_give_no_list(self, calls: Calls) -> None:
        with Hostile(once(b"HTTP/1.1 200 OK\r\nContent-Le")) as server:
            calls.refused(server.url, UnreadableError, "not JSON")
            calls.unclear(server.url)

    def test_closed_at_once_are_no_answer(self, calls: Calls) -> None:
        with Hostile(lambda _: None) as server:
            calls.refused(server.url)
            calls.unclear(server.url)
            assert server.connections == 5

    def test_that_close_after_every_answer_are_opened_anew(self, calls: Calls) -> None:
        with Hostile(once(http(200, EMPTY, {"Connection": "close"}))) as server:
            client = calls.to(server.url)
            for _ in range(3):
                client.account_snapshots()
            assert (server.connections, calls.waits) == (3, [])

    def test_that_the_server_closed_between_two_calls_are_replaced_silently(self, calls: Calls) -> None:
        with Hostile(once(http(200, EMPTY))) as server:
            client = calls.to(server.url)
            for _ in range(3):
                client.account_snapshots()
                server.wait_until_closed()
            assert (server.connections, len(server.requests), calls.waits) == (3, 3, [])

    def test_that_the_server_closed_are_replaced_for_a_create_too(self, calls: Calls) -> None:
        row = {"id": 1, "server": {"id": 7, "name": "s"}, "name": "n", "status": "in_progress", "created_at": None}
        with Hostile(once(http(201, json.dumps(row).encode()))) as server:
            client = calls.to(server.url)
            for _ in range(2):
                assert client.create_snapshot(7, "n", "").id == 1
                server.wait_until_closed()
            assert (server.connections, len(server.requests)) == (2, 2)

    def test_are_kept_after_an_answer_in_chunks(self, calls: Calls) -> None:
        chunks = b"".join(
            b"%x;note\r\n%b\r\n" % (len(EMPTY[at : at + 5]), EMPTY[at : at + 5]) for at in range(0, 27, 5)
        )
        with Hostile(answering(CHUNKED + chunks + b"0\r\nX-Trailer: 1\r\n\r\n")) as server:
            client = calls.to(server.url)
            for _ in range(3):
                assert client.account_snapshots().snapshots == ()
            assert server.connections == 1

    def test_without_a_length_end_with_the_connection(self, calls: Calls) -> None:
        with Hostile(once(b"HTTP/1.0 200 OK\r\n\r\n" + EMPTY)) as server:
            assert calls.to(server.url).account_snapshots().snapshots == ()

    def test_do_not_take_what_follows_an_answer_for_the_next_one(self, calls: Calls) -> None:
        with Hostile(answering(http(200, EMPTY) + http(503) + http(401))) as server:
            client = calls.to(server.url)
            for _ in range(3):
                assert client.account_snapshots().snapshots == ()
            assert calls.waits == []

    def test_survive_interim_answers(self, calls: Calls) -> None:
        with Hostile(answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + http(200, EMPTY))) as server:
            assert calls.to(server.url).account_snapshots().snapshots == ()

    def test_to_an_unknown_host_say_so(self, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[object] = []

        def unknown(host: object, *_: object, **__: object) -> NoReturn:
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        client = calls.to("https://no-such-host.invalid/api/v1")
        for call in (client.account_snapshots, lambda: client.create_snapshot(7, "n", "")):
            with pytest.raises(UnreachableError, match=r"Name or service not known.*check api\.url, DNS"):
                call()
        assert asked == ["no-such-host.invalid"] * 8

    def test_to_no_url_at_all_are_explained(self, calls: Calls) -> None:
        for url in ("http://[half-an-address/api", "http:///api", "http://a..b/api"):
            calls.refused(url)


class TestOtherServers:
    @pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
    @pytest.mark.parametrize("target", ["{other}/snapshots/", "//127.0.0.1:{port}/", "{own}/elsewhere/", "/login"])
    def test_are_not_visited_for_a_redirect(self, calls: Calls, status: int, target: str) -> None:
        with Hostile(answering(http(200, EMPTY))) as other, Hostile(lambda peer: behave(peer)) as server:
            location = target.format(other=other.url, port=other.port, own=server.url)
            behave = answering(http(status, b"moved", {"Location": location}))
            calls.refused(server.url, words=rf"redirected \({status}\) to '.*rotator follows none.*fix api\.url")
            calls.unclear(server.url)
            with pytest.raises(UnreachableError):
                calls.to(server.url).delete_snapshot(801)
            assert (other.connections, len(server.requests), calls.waits) == (0, 3, [])

    @pytest.mark.parametrize("location", [None, "", "http://[half-an-address", "\xff\xfe", "x" * 60_000, "\x00"])
    def test_that_cannot_even_be_named_are_no_crash(self, calls: Calls, location: str | None) -> None:
        headers = {} if location is None else {"Location": location}
        with Hostile(answering(http(302, b"", headers))) as server:
            calls.refused(server.url, words=r"redirected \(302\)")
            calls.unclear(server.url)

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
    @pytest.mark.parametrize("exceptions", [None, "", "example.org"])
    def test_named_as_a_proxy_in_the_environment_are_ignored(
        self, calls: Calls, monkeypatch: pytest.MonkeyPatch, name: str, exceptions: str | None
    ) -> None:
        if exceptions is not None:
            monkeypatch.setenv("NO_PROXY", exceptions)
        with Hostile(answering(http(200, EMPTY))) as proxy, Hostile(answering(http(200, EMPTY))) as server:
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            calls.to(server.url).account_snapshots()
            assert (proxy.connections, len(server.requests)) == (0, 1)

    def test_are_not_let_in_by_a_netrc_in_the_home_or_the_environment(
        self, calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(netrc))
        with Hostile(answering(http(200, EMPTY))) as server:
            client = calls.to(server.url)
            client.account_snapshots()
            client.server_snapshots(7)
            for request in server.requests:
                assert b"\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n" in request
                assert request.lower().count(b"\r\nauthorization:") == 1

    def test_learn_nothing_from_a_call_but_what_the_api_needs(self, calls: Calls) -> None:
        with Hostile(answering(http(200, EMPTY, {"Set-Cookie": "a=b"}))) as server:
            calls.to(server.url).account_snapshots()
            [request] = server.requests
        lines = request.decode().splitlines()
        assert lines[0] == "GET /api/v1/snapshots/ HTTP/1.1"
        assert {line.partition(":")[0] for line in lines[1:] if line} == {
            "Host",
            "User-Agent",
            "Accept-Encoding",
            "Accept",
            "Connection",
            "Authorization",
        }


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, and its key, in one file."""
    openssl = needs_component("openssl")
    file = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    key = file.with_suffix(".key")
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=rotator test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *words, *names, "-keyout", key, "-out", file], check=True, capture_output=True, timeout=60)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.component
class TestTls:
    def trusting(
        self, calls: Calls, server: Hostile, certificate: Path, host: str = "127.0.0.1", timeout: float = 10
    ) -> Client:
        client = calls.to(server.url.replace("127.0.0.1", host), timeout)
        transport = client._caller._transport
        assert isinstance(transport, Http)
        transport.session().verify = str(certificate)
        return client

    def test_with_a_certificate_that_nobody_vouches_for_ends_the_call_before_anything_was_sent(
        self, calls: Calls, tls: ssl.SSLContext
    ) -> None:
        with Hostile(answering(http(200, EMPTY)), tls) as server:
            client = calls.to(server.url)
            for call in (
                client.account_snapshots,
                lambda: client.create_snapshot(7, "n", ""),
                lambda: client.delete_snapshot(801),
            ):
                with pytest.raises(
                    UnreachableError, match=r"certificate verify failed.*certificate cannot be verified"
                ):
                    call()
            assert (server.requests, server.connections, calls.waits) == ([], 3, [])

    def test_is_not_made_to_trust_by_the_environment(
        self, calls: Calls, tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(certificate))
        with Hostile(answering(http(200, EMPTY)), tls) as server:
            calls.refused(server.url, words="certificate")

    def test_with_a_certificate_of_another_host_ends_the_call(
        self, calls: Calls, tls: ssl.SSLContext, certificate: Path
    ) -> None:
        with Hostile(answering(http(200, EMPTY)), tls) as server:
            client = self.trusting(calls, server, certificate, host="localhost")
            with pytest.raises(UnreachableError, match=r"(?i)hostname mismatch|not valid for"):
                client.create_snapshot(7, "n", "")
            assert (server.requests, calls.waits) == ([], [])

    def test_to_a_server_without_it_is_explained(self, calls: Calls) -> None:
        def behave(peer: Peer) -> None:
            peer.send(http(400, b"this is no TLS"))
            peer.request()

        with Hostile(behave) as server:
            calls.refused(server.url.replace("http:", "https:"), words="SSL")
            assert server.requests == []

    def test_with_a_trusted_certificate_keeps_one_connection(
        self, calls: Calls, tls: ssl.SSLContext, certificate: Path
    ) -> None:
        with Hostile(answering(http(200, EMPTY)), tls) as server:
            client = self.trusting(calls, server, certificate)
            for _ in range(3):
                assert client.account_snapshots().snapshots == ()
            assert (server.connections, len(server.requests)) == (1, 3)

    @pytest.mark.parametrize("name", ["a header", "chunks", "body of a length"])
    def test_has_the_same_time_out(self, calls: Calls, tls: ssl.SSLContext, certificate: Path, name: str) -> None:
        with Hostile(SLOW[name], tls) as server:
            began = time.monotonic()
            with pytest.raises(UnavailableError):
                self.trusting(calls, server, certificate, timeout=SHORT).account_snapshots()
            assert time.monotonic() - began < IN_TIME

    @pytest.mark.usefixtures("small_answers")
    def test_has_the_same_limit(self, calls: Calls, tls: ssl.SSLContext, certificate: Path) -> None:
        with Hostile(ENDLESS["in chunks"], tls) as server, pytest.raises(UnreadableError, match="too large"):
            self.trusting(calls, server, certificate).account_snapshots()

    def test_that_breaks_off_in_the_handshake_leaves_a_create_unclear(self, calls: Calls) -> None:
        with Hostile(lambda _: None) as server:
            calls.unclear(server.url.replace("http:", "https:"))


class TestOrigin:
    @pytest.mark.parametrize(
        "other",
        [
            "https://admin.vps.org",
            "https://admin.vps.org/",
            "https://admin.vps.org/elsewhere?a=b#c",
            "HTTPS://ADMIN.vps.ORG/api/v1",
            "https://admin.vps.org:443/api/v1",
        ],
    )
    def test_is_the_same_however_it_is_written(self, other: str) -> None:
        assert origin_of(other) == origin_of("https://admin.vps.org/api/v1")

    @pytest.mark.parametrize(
        "other",
        [
            "http://admin.vps.org/api/v1",
            "https://admin.vps.org:8443/api/v1",
            "https://vps.org/api/v1",
            "https://admin.vps.org.example.org/api/v1",
            "https://admin.vps.org@example.org/api/v1",
            "https://someone@admin.vps.org/api/v1",
            "//admin.vps.org/api/v1",
            "/api/v1",
            "",
        ],
    )
    def test_is_another_where_scheme_user_host_or_port_differ(self, other: str) -> None:
        assert origin_of(other) != origin_of("https://admin.vps.org/api/v1")

    @pytest.mark.parametrize("text", ["http://[half", "http://a:99999/", "http://a:b/", "http://exa mple.org/"])
    def test_of_no_url_is_a_value_error(self, text: str) -> None:
        with pytest.raises(ValueError, match="Failed to parse"):
            origin_of(text)


def test_the_token_is_not_even_made_a_header_for_another_origin() -> None:
    with new_session("https://admin.vps.org/api/v1", TOKEN) as session:
        for url, has_token in {
            "https://admin.vps.org/api/v1/snapshots/": True,
            "https://example.org/api/v1/snapshots/": False,
            "http://admin.vps.org/api/v1/snapshots/": False,
        }.items():
            prepared = session.prepare_request(requests.Request("GET", url))
            assert ("Authorization" in prepared.headers) is has_token


def test_time_that_is_over_before_the_next_byte_is_asked_for_is_over() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as hold:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n")
        with _DeadlineReader(ours, time.monotonic(), hold) as reader, pytest.raises(TimeoutError, match="in time"):
            reader.read(1)


class TestProofs:
    def test_that_nothing_was_sent_are_found_behind_what_requests_makes_of_them(self) -> None:
        inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
        wrapped = requests.exceptions.SSLError(requests.exceptions.ConnectionError(OSError(inner)))
        assert was_never_sent(wrapped)
        assert is_certificate_error(wrapped)

    def test_are_not_taken_from_an_error_that_is_just_being_handled(self) -> None:
        error = requests.exceptions.ReadTimeout()
        error.__context__ = requests.exceptions.ConnectTimeout()
        assert not was_never_sent(error)

    def test_end_even_where_errors_refer_to_each_other(self) -> None:
        first, second = OSError("first"), OSError("second")
        first.args, second.args = (second,), (first,)
        assert not was_never_sent(first)


def test_a_connection_that_cannot_be_made_in_time_sent_nothing(calls: Calls) -> None:
    """A full backlog makes Linux ignore further connections: the connect itself runs out of time."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, ExitStack() as stack:
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        client = calls.to(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.2)
        with pytest.raises(UnreachableError, match="timed out"):
            client.create_snapshot(7, "n", "")
        assert len(calls.waits) == 3


def test_the_next_page_on_another_server_is_not_fetched(calls: Calls) -> None:
    with Hostile(answering(http(200, EMPTY))) as other, Hostile(lambda peer: behave(peer)) as server:
        page = {"count": 0, "results": [], "next": f"{other.url}/snapshots/?page=2"}
        behave = answering(http(200, json.dumps(page).encode()))
        calls.refused(server.url, UnreadableError, "not followed")
        assert (other.connections, len(server.requests)) == (0, 1)


def test_the_waits_between_tries_are_what_a_server_that_recovers_needs(calls: Calls) -> None:
    numbers = count(1)

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(http(200, EMPTY) if next(numbers) == 3 else b"")
        raise Gone

    with Hostile(behave) as server:
        assert calls.to(server.url).account_snapshots().snapshots == ()
        assert len(calls.waits) == 2
