"""Serves a WSGI application over a listening socket; slow, idle and countless clients are bounded.

Waitress gives a connection new patience with every byte that comes. Here one has a fixed time for a request and its
answer, and the one that waits longest makes room for a new one, so nobody can hold all of them.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
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

_THREADS = 4
_HOUSEKEEPING_S = 2
_KERNEL_HOLDS = 128 * 1024
_LIMITS = {
    "threads": _THREADS,
    "connection_limit": 10 * MOST_CONNECTIONS,  # never reached: room is made before
    "cleanup_interval": _HOUSEKEEPING_S,
    "channel_timeout": PATIENCE_S,
    "max_request_header_size": 8192,
    "max_request_body_size": 1024,
    "log_socket_errors": False,
    "ident": None,
    "backlog": 64,
}


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection; `since` is when its present request, answer or rest began."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.since = time.monotonic()
        super().__init__(*arguments, **named)

    def service(self) -> None:
        """Answer a request; from then on there is new patience."""
        super().service()
        self.since = time.monotonic()

    @property
    def is_served(self) -> bool:
        """Whether a thread works for it, or will soon."""
        return bool(self.requests)


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
        self.accepting = True

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

    def handle_accept(self) -> None:
        """Take a connection in; if they are too many, the one that waits longest goes."""
        super().handle_accept()
        waiting = [channel for channel in self.active_channels.values() if not channel.is_served]
        if len(self.active_channels) > MOST_CONNECTIONS and waiting:
            min(waiting, key=lambda channel: channel.since).handle_close()

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
        else:
            self._server.end()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                wasyncore.poll2(_HOUSEKEEPING_S, self._server._map)  # noqa: SLF001 - as its `run` does, but it ends
            except Exception as error:  # noqa: BLE001 - a fault with one connection must not end the page
                logger().error(Event.INTERNAL_ERROR, reason=f"the status page: {error}", exc_info=True)
                self._stopping.wait(1)
        self._server.end()
