"""The client against well-formed HTTP with ill-meant content: too much, endless, or made to be put somewhere else."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from rotator.api import Client
from rotator.api.answers import MalformedError, parse_json, parse_snapshot
from rotator.errors import ApiError, MaybeCreatedError, UnreadableError
from tests.conftest import NOW
from tests.hostile import Behaviour, Hostile, Peer, answering, http

TOKEN = "token-of-this-test"
MIB = 2**20


@contextmanager
def calling(server: Hostile) -> Iterator[Client]:
    client = Client(server.url, TOKEN, timeout=timedelta(seconds=20), clock=lambda: NOW, sleep=lambda _: None)
    try:
        yield client
    finally:
        client.close()


def row(snapshot_id: object, server_id: object = 7, **fields: object) -> dict[str, Any]:
    return {
        "id": snapshot_id,
        "server": {"id": server_id, "name": "web-server-01"},
        "name": "nightly-20261123T020000Z",
        "status": "completed",
        "size_mb": 5120,
        "created_at": "2026-11-23T02:00:00Z",
        "description": "",
    } | fields


def page(*rows: object, count: int | None = None, **fields: object) -> bytes:
    return json.dumps({"count": len(rows) if count is None else count, "results": rows} | fields).encode()


@pytest.fixture(scope="module")
def many() -> bytes:
    return page(*(row(number, 7) for number in range(100_000)))


class TestAHundredThousandSnapshots:
    def test_are_read_where_the_count_is_right(self, many: bytes) -> None:
        with Hostile(answering(http(200, many))) as server, calling(server) as client:
            began = time.process_time()
            assert len(client.server_snapshots(7).snapshots) == 100_000
            assert time.process_time() - began < 10

    def test_decide_nothing_where_it_is_wrong_by_one(self, many: bytes) -> None:
        wrong = answering(http(200, many.replace(b"100000", b"100001", 1)))
        unusable = pytest.raises(UnreadableError, match="count says 100001, but 100000 rows came")
        with Hostile(wrong) as server, calling(server) as client, unusable:
            client.account_snapshots()

    def test_of_other_servers_are_refused_in_few_words(self) -> None:
        rows = [row(number, f"{number:0>900}") for number in range(20_000)]
        with Hostile(answering(http(200, page(*rows)))) as server, calling(server) as client:
            with pytest.raises(UnreadableError, match="rows of other servers came") as caught:
                client.server_snapshots(7)
            assert len(str(caught.value)) < 1_000


SMALL_TO_SEND_LARGE_TO_HOLD = {
    "lists": b"[],",
    "objects": b"{},",
    "objects of one field": b'{"a":0},',
    "numbers": b"999,",
    "texts": b'"ab",',
}


class TestAnAnswerThatGrowsInMemory:
    @pytest.mark.parametrize("unit", SMALL_TO_SEND_LARGE_TO_HOLD.values(), ids=SMALL_TO_SEND_LARGE_TO_HOLD.keys())
    def test_is_refused_before_it_is_parsed(self, unit: bytes) -> None:
        body = b'{"count":0,"results":[' + unit * (20 * MIB // len(unit)) + b"0]}"
        began = time.monotonic()
        tracemalloc.start()
        try:
            with pytest.raises(MalformedError, match="more than 2,000,000 values"):
                parse_json(body)
            assert tracemalloc.get_traced_memory()[1] < MIB
        finally:
            tracemalloc.stop()
        assert time.monotonic() - began < 10

    def test_decides_nothing_and_leaves_a_create_unclear(self) -> None:
        body = b'{"count":0,"results":[' + b"[]," * 1_000_001 + b"0]}"
        unclear = pytest.raises(MaybeCreatedError, match="more than 2,000,000 values")
        with Hostile(answering(http(201, body))) as server, calling(server) as client, unclear:
            client.create_snapshot(7, "n", "")
        with Hostile(answering(http(200, body))) as server, calling(server) as client:
            with pytest.raises(UnreadableError, match="more than 2,000,000 values"):
                client.account_snapshots()
            assert len(server.requests) == 1

    def test_may_have_as_many_values_as_the_largest_account_has(self) -> None:
        values = parse_json(b'{"count":0,"results":[' + b"0," * 1_999_997 + b"0]}")
        assert len(values["results"]) == 1_999_998


def turning_pages(**fields: Any) -> Behaviour:
    """A list without end, one row a page."""
    numbers = count(1)

    def behave(peer: Peer) -> None:
        while True:
            peer.request()
            number = next(numbers)
            link = f"?page={number + 1}"
            peer.send(http(200, page(row(number, **fields), count=10**9, next=link)))

    return behave


class TestAListWithoutEnd:
    def test_is_given_up_when_all_its_pages_together_are_too_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.client.MAX_BODY", 100_000)
        with Hostile(turning_pages(unknown="x" * 9_800)) as server, calling(server) as client:
            with pytest.raises(UnreadableError, match="10 pages are too large"):
                client.account_snapshots()
            assert len(server.requests) == 10

    def test_is_given_up_when_it_took_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.api.client._LONGEST_LISTING", timedelta(seconds=0.3))
        with Hostile(turning_pages()) as server, calling(server) as client:
            began = time.monotonic()
            with pytest.raises(UnreadableError, match="took too long"):
                client.account_snapshots()
            assert 0.3 < time.monotonic() - began < 10


QUOTED = {
    "../../account/me": "..%2F..%2Faccount%2Fme",
    "..%2f": "..%252f",
    "a?b=c": "a%3Fb%3Dc",
    "a#b": "a%23b",
    "a b": "a%20b",
    "a/b;c": "a%2Fb%3Bc",
    "http://127.0.0.1:1/": "http%3A%2F%2F127.0.0.1%3A1%2F",
    "%0d%0aX: y": "%250d%250aX%3A%20y",
    "éß漢😀": "%C3%A9%C3%9F%E6%BC%A2%F0%9F%98%80",
    "'\"<>`$(id)": "%27%22%3C%3E%60%24%28id%29",
    "-1": "-1",
    "x" * 1_000: "x" * 1_000,
}


class TestIds:
    @pytest.mark.parametrize(("written", "sent"), QUOTED.items())
    def test_arrive_as_one_segment_of_the_path_and_one_value_of_the_query(self, written: str, sent: str) -> None:
        """Looked at on the wire, where nothing is decoded yet."""
        snapshot = parse_snapshot(row(written, written), "row")
        with Hostile(answering(http(204))) as server, calling(server) as client:
            client.delete_snapshot(snapshot.id)
            with pytest.raises(ApiError):
                client.server_snapshots(snapshot.server_id)
            deleted, listed = (request.split(b"\r\n")[0].decode("ascii") for request in server.requests)
        assert deleted == f"DELETE /api/v1/snapshots/{sent}/ HTTP/1.1"
        assert listed == f"GET /api/v1/snapshots/?server_id={sent.replace('%20', '+')} HTTP/1.1"

    @pytest.mark.parametrize(
        "value",
        ["", ".", "..", "a\r\nX: y", "a\nb", "a\0b", "\x1b[2J", "\x9b2J", "a\u202eb", "\u2028", "x" * 1_001],
    )
    def test_that_could_not_be_sent_or_shown_are_none(self, value: str) -> None:
        for bad in (row(value), row(1, value)):
            with pytest.raises(MalformedError, match="not an id"):
                parse_snapshot(bad, "row")

    def test_that_are_no_ids_make_the_list_of_their_server_unreadable_and_no_other(self) -> None:
        rows = [row("\x1b]0;owned\x07", 7), row(2, 8)]
        with Hostile(answering(http(200, page(*rows)))) as server, calling(server) as client:
            listing = client.account_snapshots()
        assert [each.id for each in listing.snapshots] == [2]
        [(whose, why)] = listing.unreadable
        assert whose == 7
        assert why.isprintable()
