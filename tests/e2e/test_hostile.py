"""The installed script against servers that mean ill: it ends in time, as documented, and keeps the token."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.ill_meant import EMPTY, body, configured, drip, listed, row
from tests.e2e.program import TOKEN, Program
from tests.e2e.watched import Watched, watched
from tests.hostile import CHUNKED, Behaviour, Hostile, Peer, answering, http, once, pouring

MIB = 2**20
AT_ONCE = 10
"""Runs at a time: most of them wait."""
MODEST = 120 * MIB
"""What a run takes that never holds a large answer; it was 57 MiB, and coverage comes on top."""
ONE_ANSWER = 280 * MIB
"""What a run takes that holds one answer of the largest size, which is 64 MiB; it was 175 MiB."""
SECONDS = 30.0
"""Four tries of one second each with the waits between them took 7.8, while nothing else ran; a bound, not a speed."""


def gzip_bomb(peer: Peer) -> None:
    """A gigabyte of spaces, made on the fly: each mebibyte is a kilobyte on the wire."""
    peer.request()
    packer = zlib.compressobj(wbits=31)
    peer.send(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    )
    packer = zlib.compressobj(wbits=-15)
    mebibyte = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(1024):
        peer.send(mebibyte)


def silent(peer: Peer) -> None:
    peer.request()
    peer.pause(600)


def reset(peer: Peer) -> None:
    peer.request()
    peer.send(http(200, EMPTY)[:-9])
    peer.pause(0.05)
    peer.reset()


@dataclass(frozen=True)
class Case:
    """A way to behave, the command that meets it, and what is to come of that."""

    behave: Behaviour
    command: tuple[str, ...]
    told: str
    code: int = 69
    peak: int = MODEST
    timeout: str = "20s"


ONLINE = ("check", "--online")
DEEP = b'{"count": ' + b"[" * 100_000 + b"]" * 100_000 + b', "results": []}'
FLOOD = b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000
CASES = {
    "drips its headers": Case(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"), ("once",), "no complete answer", timeout="1s"),
    "drips its body": Case(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"{"), ("plan",), "no complete answer", timeout="1s"),
    "drips its chunks": Case(drip(CHUNKED, b"1\r\n{\r\n"), ("status",), "no complete answer", timeout="1s"),
    "never answers": Case(silent, ONLINE, "check api.url, DNS, the network", timeout="1s"),
    "sends a gigabyte in gzip": Case(
        gzip_bomb, ("once",), "too large (more than 64 MiB); is api.url right?", code=1, peak=ONE_ANSWER
    ),
    "sends a body without end": Case(
        pouring(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536), ("plan",), "too large", code=1, peak=ONE_ANSWER
    ),
    "sends chunks without end": Case(
        pouring(CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), ONLINE, "too large", code=1, peak=ONE_ANSWER
    ),
    "floods with interim answers": Case(pouring(b"", FLOOD), ("status",), "check api.url", timeout="1s"),
    "sends what grows in memory": Case(
        body(b'{"count":0,"results":[' + b"[]," * (60 * MIB // 3) + b"0]}"),
        ("once",),
        "more than 2,000,000 values",
        code=1,
        peak=ONE_ANSWER,
    ),
    "sends 10,000 headers": Case(
        once(http(200, EMPTY, {f"X-{number}": "x" for number in range(10_000)})), ("plan",), "more than 100 headers"
    ),
    "sends a header without end": Case(once(http(200, EMPTY, {"X": "x" * 100_000})), ("status",), "line"),
    "sends no UTF-8": Case(body(b'{"count": 0, "results": ["\xff\xfe"]}'), ("once",), "not JSON", code=1),
    "sends 100,000 levels": Case(body(DEEP), ("plan",), "recursion depth", code=1),
    "sends NaN": Case(body(b'{"count": NaN, "results": []}'), ("status",), "NaN is not JSON", code=1),
    "sends a number of a million digits": Case(
        body(b'{"count": ' + b"9" * 10**6 + b', "results": []}'), ("once",), "value has 1000000 digits);", code=1
    ),
    "redirects": Case(answering(http(307, headers={"Location": "http://user@127.0.0.2:1/"})), ("once",), "fix api.url"),
    "has odd lines in its head": Case(
        once(b"HTTP/1.1 200 \xff\r\nContent-Length: 27\r\nno header\r\n\r\n" + EMPTY), ("plan",), "create", code=0
    ),
    "resets every connection": Case(reset, ("plan",), "no complete answer"),
    "closes every connection": Case(lambda _: None, ONLINE, "check api.url, DNS, the network"),
    "asks for years of patience": Case(
        answering(http(429, b"", {"Retry-After": "-99", "Date": "garbage \xff"})), ("once",), "overloaded"
    ),
    "knows no status": Case(answering(listed(row(status=None))), ("plan",), "results[0].status is None", code=1),
    "gives numbers for statuses": Case(answering(listed(row(status=2))), ("once",), "results[0].status is 2", code=1),
    "brings the token back for a status": Case(
        once(b"HTTP/1.1 Bearer %b\r\n\r\n" % TOKEN.encode()), ("once",), "no complete answer"
    ),
    "brings the token back for a name": Case(
        answering(listed(row(name=TOKEN, status=TOKEN))), ("status",), "unknown status", code=1
    ),
}


def faults(case: Case, seen: Watched) -> Iterator[str]:
    """What is wrong with how a run ended."""
    if seen.ran.code != case.code:
        yield f"code {seen.ran.code}"
    if case.told not in seen.told:
        yield f"not told: {case.told}"
    if "Traceback" in seen.told or TOKEN in seen.told:
        yield "a traceback or the token"
    if len(seen.ran.out) > 2_000 or max(map(len, seen.ran.err.splitlines()), default=0) > 1_500:
        yield "too many words"
    if seen.seconds > SECONDS or seen.peak > case.peak:
        yield f"{seen.seconds:.1f} s, {seen.peak / MIB:.0f} MiB"


def test_every_kind_of_server_is_survived_in_bounds_with_the_documented_code_and_words_that_help(
    tmp_path: Path,
) -> None:
    """In one test, because most of a run is waiting: all of them together take little longer than the longest."""

    def run(named: tuple[str, Case]) -> tuple[str, list[str]]:
        name, case = named
        home = tmp_path / name.replace(" ", "-")
        with Hostile(case.behave) as server:
            rotator = Program(home)
            config = configured(home, server.url, timeout=case.timeout)
            try:
                seen = watched(rotator, home, *case.command, "-c", str(config))
            finally:
                rotator.close()
            assert {request[:4] for request in server.requests} <= {b"GET "}
        found = list(faults(case, seen))
        return name, [*found, seen.told] if found else []

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert {name: found for name, found in pool.map(run, CASES.items()) if found} == {}
