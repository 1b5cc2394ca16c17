"""Serves a WSGI application over a listening socket; slow, idle and countless clients are bounded.

Waitress gives a connection new patience with every byte that comes. Here one has a fixed time for a request and its
answer, and the oldest makes room for a new one, so nobody can hold all of them. Whether the daemon lives is answered by
the loop itself: a prober that gets no answer restarts the daemon, and no flood may bring that about.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from rotator.logs import Event, logger
from rotator.web.listen import Listener

PATIENCE_S = 20
"""How long a connection may take for a request, for reading its answer, or for being idle."""

MOST_CONNECTIONS = 64
"""How many may be without a first request, and how many more may stay on after their first answer."""

MOST_FIRST_REQUESTS = 192
"""How many more may be owed the answer to their first request."""

_THREADS = 1
"""Answers are made one after another; more threads would only take turns with the loop, a prober's time."""

_HOUSEKEEPING_S = 2
_KERNEL_HOLDS = 128 * 1024
_LIMITS = {
    "threads": _THREADS,
    "connection_limit": 2 * (2 * MOST_CONNECTIONS + MOST_FIRST_REQUESTS),  # never reached: room is made before
    "recv_bytes": 1024,  # bounds the requests that one connection can have in hand
    "cleanup_interval": _HOUSEKEEPING_S,
    "channel_timeout": PATIENCE_S,
    "max_request_header_size": 8192,
    "max_request_body_size": 1024,
    "log_socket_errors": False,
    "ident": None,
    "backlog": 1024,  # what finds no place in it comes again after a second, too late for a prober
}


class _Stage(Enum):
    """How far a connection has come. Those of one stage crowd out each other only.

    So a client that always has more requests in hand takes no place from one that just came.
    """

    NEW = auto()
    OWED = auto()
    ANSWERED = auto()


_MOST = {_Stage.NEW: MOST_CONNECTIONS, _Stage.OWED: MOST_FIRST_REQUESTS, _Stage.ANSWERED: MOST_CONNECTIONS}


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection; `since` is when its present request, answer or rest began.

    `place` is when it came, later when it got its first answer; `is_first` whether that is still to be made.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.since = self.place = time.monotonic()
        self.is_first = True
        self._is_answered = False
        super().__init__(*arguments, **named)

    def service(self) -> None:
        """Answer a request; from then on there is new patience. One that asks on without reading gets its last."""
        self.is_first = False
        if self.total_outbufs_len:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()
        self.since = time.monotonic()
        if not self._is_answered:
            self.place = self.since
            self._is_answered = True

    @property
    def is_served(self) -> bool:
        """Whether a thread works for it, or will soon."""
        return bool(self.requests)

    @property
    def stage(self) -> _Stage:
        """How far it has come."""
        if self._is_answered:
            return _Stage.ANSWERED
        return _Stage.OWED if self.is_served else _Stage.NEW


class _Server(BaseWSGIServer):  # type: ignore[misc]
    """Waitress's loop over a socket that already listens."""

    channel_class = _Channel

    def __init__(self, application: Callable[..., Iterable[bytes]], listening: socket.socket, patience: float) -> None:
        self._patience = patience
        sockinfo = (listening.family, listening.type, listening.proto, None)
        limits = Adjustments(**_LIMITS)
        super().__init__(
            application, map={}, _start=False, _sock=listening, adj=limits, sockinfo=sockinfo, bind_socket=False
        )
        self._probes: list[_Channel] = []
        self.accept_connections()

    def getsockname(self) -> tuple[str, str]:
        """What WSGI calls the server; nothing here asks for it."""
        return "rotator", "0"

    def set_socket_options(self, connection: socket.socket) -> None:
        """Answers are sent at once, and one that nobody reads takes little of the kernel's memory."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_HOLDS)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fix_addr(self, address: Any) -> tuple[str, int]:
        """The client's address; on a Unix socket it has none."""
        return address[:2] if isinstance(address, tuple) else ("", 0)

    def add_task(self, task: _Channel) -> None:
        """Have a request answered; a prober's, which is a connection's first, does not queue behind pages."""
        path = getattr(task.requests[0], "path", None)  # what is no request has none
        if task.is_first and path == "/healthz":
            self._probes.append(task)
        else:
            self.task_dispatcher.add_task(task)

    def handle_accept(self) -> None:
        """Take in who came, but no more than may be new: each is listened to once before it can be too many."""
        for _ in range(MOST_CONNECTIONS):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                break

    def turn(self) -> None:
        """Wait for the next that happens, take part in it, answer probers, and make room.

        Not while accepting: the number of a closed connection could be given anew, and be taken for the old one.
        """
        wasyncore.poll2(_HOUSEKEEPING_S, self._map)
        while self._probes:
            self._probes.pop(0).service()
        if len(self.active_channels) > MOST_CONNECTIONS:
            self._make_room()

    def _make_room(self) -> None:
        """Close the oldest of every stage that has too many."""
        stages: dict[_Stage, list[_Channel]] = {stage: [] for stage in _Stage}
        for channel in self.active_channels.values():
            stages[channel.stage].append(channel)
        for stage, channels in stages.items():
            channels.sort(key=lambda channel: channel.place, reverse=True)
            for channel in channels[_MOST[stage] :]:
                channel.handle_close()

    def maintenance(self, _now: float) -> None:
        """Close what ran out of patience, whatever it still trickles or does not read."""
        latest = time.monotonic() - self._patience
        for channel in [*self.active_channels.values()]:
            if channel.since < latest and not channel.is_served:
                channel.handle_close()

    def end(self) -> None:
        """Close every connection, end the threads."""
        self.task_dispatcher.shutdown()
        wasyncore.close_all(self._map)


class WebServer:
    """An application served at one place, from `start` to `stop`."""

    def __init__(
        self, listener: Listener, app: Callable[..., Iterable[bytes]], *, patience_s: float = PATIENCE_S
    ) -> None:
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.ERROR)  # floods and odd clients are no news
        self._listener = listener
        self._stopping = threading.Event()
        self._server = _Server(app, listener.socket, patience_s)
        self._thread = threading.Thread(target=self._serve, name="status-page", daemon=True)

    @property
    def address(self) -> Any:
        """Where it listens, as the socket has it."""
        return self._listener.socket.getsockname()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; the place is free afterwards."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()
        self._server.end()  # not by the loop: the trigger would be gone before it is pulled
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                self._server.turn()
            except Exception as error:  # noqa: BLE001 - a fault with one connection must not end the page
                logger().error(Event.INTERNAL_ERROR, reason=f"the status page: {error}", exc_info=True)
                self._stopping.wait(1)
