"""Floods a server from a hundred connections until its input ends: `python web_flood.py KIND HOST PORT`."""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_CLIENTS = 100


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def _again_and_again(client: socket.socket, request: bytes) -> None:
    client.sendall(request)
    while client.recv(65536):
        client.sendall(request)


def _once(client: socket.socket, request: bytes) -> None:
    client.sendall(request)
    client.recv(65536)


def _unread(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    while True:
        client.sendall(_get("/status.json") * 50)
        time.sleep(0.1)


def _dripping(client: socket.socket) -> None:
    while True:
        client.sendall(b"G")
        time.sleep(0.01)


FLOODS: dict[str, Callable[[socket.socket], object]] = {
    "pipelined": lambda client: _again_and_again(client, _get("/") * 200),
    "pipelined probes": lambda client: _again_and_again(client, _get("/healthz") * 200),
    "pipelined readiness": lambda client: _again_and_again(client, _get("/readyz") * 200),
    "one by one": lambda client: _again_and_again(client, _get("/")),
    "a connection each": lambda client: _once(client, _get("/")),
    "a connection each for a probe": lambda client: _once(client, _get("/healthz")),
    "a connection each for a page of its own": lambda client: _once(client, _get(f"/?q={random.randrange(10**9)}")),
    "nonsense": lambda client: _once(client, b"nonsense\r\n\r\n" * 200),
    "connections for nothing": lambda client: None,
    "idle": lambda client: client.recv(1),
    "dripping": _dripping,
    "unread": _unread,
}


def _flood(kind: str, address: tuple[str, int]) -> None:
    while True:
        with suppress(OSError), socket.create_connection(address, 1) as client:
            FLOODS[kind](client)


if __name__ == "__main__":
    kind, host, port = sys.argv[1:]
    for _ in range(_CLIENTS):
        threading.Thread(target=_flood, args=(kind, (host, int(port))), daemon=True).start()
    print("flooding", flush=True)
    sys.stdin.read()
