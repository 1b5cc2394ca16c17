"""The status page over real sockets under floods: slow, idle, greedy and countless clients."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import pytest

from rotator.web.gate import Gate
from rotator.web.server import MOST_CONNECTIONS
from tests import web_flood
from tests.integration.test_web_server import (
    ANYWHERE,
    GET,
    application,
    asked,
    connected,
    open_files,
    received,
    served,
    until,
)


@contextmanager
def flooded(kind: str, address: tuple[str, int]) -> Iterator[None]:
    command = [sys.executable, web_flood.__file__, kind, address[0], str(address[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as flood:
        try:
            assert flood.stdout is not None
            assert flood.stdout.readline() == b"flooding\n"
            time.sleep(0.7)  # for the flood to rise
            yield
        finally:
            flood.kill()


def seconds_to_probe(address: tuple[str, int]) -> float:
    """How long `/healthz` takes; endless without an answer."""
    begun = time.monotonic()
    return time.monotonic() - begun if asked(address)[0] == 200 else float("inf")


@pytest.mark.parametrize("kind", web_flood.FLOODS)
def test_a_prober_is_answered_under_a_flood_and_mostly_within_a_second(kind: str) -> None:
    gate = Gate(ANYWHERE, (), None if kind in ("unread", "a connection each for a page of its own") else "token")
    with served(application(1000, gate)) as address, flooded(kind, address):
        took = [seconds_to_probe(address) for _ in range(10)]
        assert median(took) < 1, took
        assert max(took) < 5, took  # this machine runs other tests as well
        assert open_files() < 450


def test_who_does_not_read_and_asks_on_gets_no_third_answer() -> None:
    app, asked_for = application(1000), []

    def counting(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked_for.append(environ["PATH_INFO"])
        return app(environ, start_response)

    with served(counting) as address, connected(address) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall((GET % b"/status.json").replace(b"close", b"keep-alive") * 8)
        until("a second answer is begun before the first is read", lambda: len(asked_for) > 1)
        answers = received(client)
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.count(b"Connection: close") == 1


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
