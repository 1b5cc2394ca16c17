"""The sandbox: a `Cloud` over real HTTP/1.1 on loopback, with faults on request; knows no rule of the API."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import count
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from rotator.sandbox.cloud import Cloud, Refusal
from rotator.sandbox.routes import ROOT, Answer, Request, process, refused
from rotator.sandbox.wire import answer_head, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Intercept = Callable[[Request], Answer | None]

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ACCEPT_POLL = 0.02
_GOODBYE = 2.0


class Sandbox:
    """Serves `cloud` to whoever sends `token`, while the `with` block runs; port 0 is any free one.

    `intercept` sees every request before it has an effect; the `Answer` it returns replaces what would have happened.
    `latency` passes between the effect of a request and its answer. The `Date` header follows the cloud's clock.
    """

    def __init__(
        self,
        cloud: Cloud,
        token: str,
        port: int = 0,
        latency: timedelta = timedelta(0),
        host: str = "127.0.0.1",
        intercept: Intercept | None = None,
    ) -> None:
        self.cloud = cloud
        self.token = token
        self.latency = latency
        self.host = host
        self.port = port
        self.intercept = intercept
        self.stopping = Event()
        self.numbers = count(1)
        self._requests: Counter[tuple[str, str]] = Counter()
        self._counting = Lock()
        self._listener: _Listener | None = None

    @property
    def url(self) -> str:
        """What `api.url` is to be, once started."""
        return f"http://{self.host}:{self.port}{ROOT}"

    @property
    def requests(self) -> Counter[tuple[str, str]]:
        """How many requests came in so far, by method and route: `requests["POST", "/snapshots/"]`."""
        with self._counting:
            return self._requests.copy()

    def start(self) -> None:
        """Listen and serve, in threads of its own."""
        self.stopping.clear()
        self._listener = _Listener(self)
        self.port = self._listener.server_address[1]
        Thread(target=self._listener.serve_forever, args=(_ACCEPT_POLL,), name="sandbox", daemon=True).start()

    def stop(self) -> None:
        """Close every connection, even in the middle of an answer, and the port."""
        self.stopping.set()
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener.hang_up()
            self._listener = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, request: Request) -> Answer:
        """What becomes of a request, once it took whatever effect it has."""
        method = request.method if request.method in METHODS else "other"
        with self._counting:
            self._requests[method, request.route] += 1
        fault = self.intercept(request) if self.intercept else None
        if fault is None:
            return process(self.cloud, self.token, request)
        if not fault.process:
            return fault
        usual = process(self.cloud, self.token, request)
        if fault.status is not None:
            return fault
        return replace(usual, drop=fault.drop, delay=fault.delay, pause=fault.pause)


class _Listener(socketserver.ThreadingTCPServer):
    """Accepts connections, one daemon thread each, and remembers the open ones so that they can be closed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._changed = Condition()
        super().__init__((sandbox.host, sandbox.port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close only: the half-close of the base class would turn a reset into an orderly end."""
        with self._changed:
            request.close()
            self._open.discard(request)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """Close the open connections and wait a moment for their threads to notice."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _GOODBYE)


class _Connection(socketserver.StreamRequestHandler):
    """One connection: requests in, answers out, until either side has had enough."""

    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client, or stop(), closed the connection
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        """Answer the next request; whether another may follow."""
        try:
            request = read_request(cast("BinaryIO", self.rfile), self.server.sandbox.numbers)
        except Refusal as refusal:
            self._send(refused(refusal), keep=False)
            return False
        if request is None:
            return False
        sandbox = self.server.sandbox
        answer = sandbox.answer(request)
        sandbox.stopping.wait((sandbox.latency + answer.delay).total_seconds())
        if answer.drop:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return False
        keep = request.keeps_alive and request.method != "HEAD" and _is_sized(answer)
        self._send(answer, keep=keep)
        return keep and not sandbox.stopping.is_set()

    def _send(self, answer: Answer, *, keep: bool) -> None:
        head = answer_head(answer, self.server.sandbox.cloud.now(), keep=keep)
        if isinstance(answer.body, bytes) and not answer.pause:
            self.connection.sendall(head + answer.body)  # in one piece: one packet, no wait for an acknowledgement
            return
        self.connection.sendall(head)
        for piece in _pieces(answer.body):
            if self.server.sandbox.stopping.wait(answer.pause.total_seconds()):
                return
            self.connection.sendall(piece)


def _is_sized(answer: Answer) -> bool:
    """Whether the client can tell where the answer ends; a hand-made length is not believed."""
    return isinstance(answer.body, bytes) and "Content-Length" not in answer.headers


def _pieces(body: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return (body[i : i + 1] for i in range(len(body))) if isinstance(body, bytes) else body
