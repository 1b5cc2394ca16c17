"""A server on loopback that behaves as badly as a test tells it to, byte by byte; its threads end with its block."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self


class Gone(Exception):  # noqa: N818 - no fault: the client left, or the test is over
    """There is nobody left to misbehave towards."""


class Peer:
    """The other end of one connection; every method raises Gone once there is no point in going on."""

    def __init__(
        self, connection: socket.socket, stopping: threading.Event, requests: list[bytes], received: bytearray
    ) -> None:
        self._connection = connection
        self._stopping = stopping
        self._requests = requests
        self._all = received

    def request(self) -> bytes:
        """Read the next request, head and body, and remember it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._received()
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += self._received()
        self._requests.append(head + b"\r\n\r\n" + body)
        return self._requests[-1]

    def send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            raise Gone from None

    def reset(self) -> None:
        """End the connection with a RST, which throws away what has not arrived yet."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone

    def half_close(self) -> None:
        """Send no more, but stay."""
        self._connection.shutdown(socket.SHUT_WR)

    def pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Gone

    def _received(self) -> bytes:
        try:
            data = self._connection.recv(65536)
        except OSError:
            raise Gone from None
        if not data:
            raise Gone
        self._all += data
        return data


Behaviour = Callable[[Peer], None]

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
"""How an answer begins whose body comes in chunks."""


class Hostile:
    """Accepts connections and leaves each to `behave`, in a thread of its own; closes it when that returns."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.received = bytearray()
        """Every byte that anybody sent here."""
        self.connections = 0
        self._behave = behave
        self._tls = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api/v1"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with socket.create_connection(("127.0.0.1", self.port), timeout=10):  # wakes the accepting thread
            self._threads[0].join(10)
        self._listener.close()
        for connection in [*self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        alive = [thread for thread in self._threads if thread.is_alive()]
        assert not alive

    def wait_until_closed(self) -> None:
        """Wait until every connection so far has been closed from this side."""
        for thread in self._threads[1:]:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            self.connections += 1
            self._open.add(connection)
            self._run(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(Gone, OSError):
            if self._tls is None:
                self._behave(Peer(connection, self._stopping, self.requests, self.received))
                return
            with self._tls.wrap_socket(connection, server_side=True) as secured:
                self._open.add(secured)
                self._behave(Peer(secured, self._stopping, self.requests, self.received))

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name="hostile", daemon=True)
        self._threads.append(thread)
        thread.start()


def answering(data: bytes) -> Behaviour:
    """Send the same bytes to every request, as long as the client stays."""

    def behave(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(data)

    return behave


def once(data: bytes) -> Behaviour:
    """Send these bytes to one request, then close the connection."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return behave


def dripping(start: bytes, drop: bytes) -> Behaviour:
    """Send the start to one request, and then a drop every 20 ms, for ever."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.pause(0.02)
            peer.send(drop)

    return behave


def pouring(start: bytes, piece: bytes) -> Behaviour:
    """Send the start to one request, and then pieces as fast as they are taken, for ever."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(piece)

    return behave


def http(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A well-formed answer."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "\r\n"]).encode("latin-1") + body


def wrong_certificate(openssl: str, folder: Path, name: str = "IP:127.0.0.1", days: int = 2) -> Path:
    """A self-signed certificate for `name`, good for so many days (or so long expired), and its key, in one file."""
    file, key, request = folder / "certificate.pem", folder / "key.pem", folder / "request.pem"
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName={name}\n")
    new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"]
    sign = ["x509", "-req", "-signkey", str(key), "-days", str(days), "-extfile", str(extensions)]
    for words in ([*new, "-keyout", str(key), "-out", str(request)], [*sign, "-in", str(request), "-out", str(file)]):
        subprocess.run([openssl, *words], check=True, capture_output=True, timeout=60)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


def speaking_tls(certificate: Path) -> ssl.SSLContext:
    """What a server with this certificate wraps its connections in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
