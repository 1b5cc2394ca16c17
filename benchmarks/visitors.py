"""Visitors of a daemon's page and metrics, over real connections; knows the daemon only by its socket."""

from __future__ import annotations

import http.client
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor

SCRAPE = "/metrics"
PAGES = ("/", "/?group=attention", "/?q=web-1&sort=-age", "/?page=3")
DOCUMENTS = ("/status.json", "/healthz", "/readyz")


class Visitors:
    """Ask for everything over real connections, from a thread of their own; one in each round goes away early."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="visitors")
        self._round: Future[None] | None = None
        self._rounds = 0
        self.times: dict[str, list[float]] = {}
        self.sizes: dict[str, int] = {}

    def come(self) -> None:
        """A round begins; the one before is over by then, or is waited for."""
        self.leave()
        self._round = self._thread.submit(self._ask_for_all)

    def leave(self) -> None:
        """Raises what went wrong in the last round."""
        if self._round:
            self._round.result()

    def close(self) -> None:
        self._thread.shutdown()

    def _ask_for_all(self) -> None:
        self._rounds += 1
        self._break_off()
        for path in (SCRAPE, PAGES[self._rounds % len(PAGES)], *DOCUMENTS):
            begun = time.perf_counter()
            size = self._ask_for(path)
            self.times.setdefault(path, []).append(time.perf_counter() - begun)
            self.sizes[path] = max(size, self.sizes.get(path, 0))

    def _ask_for(self, path: str) -> int:
        connection = Local(self._address)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if self._rounds % 3 == 0 else {})
            answer = connection.getresponse()
            expected = (200, 503) if path == "/readyz" else (200,)
            if answer.status not in expected:
                raise RuntimeError(f"{path}: {answer.status} {answer.read(200)!r}")
            size = len(answer.read())
            return size if answer.getheader("Content-Encoding") is None else 0
        finally:
            connection.close()

    def _break_off(self) -> None:
        connection = Local(self._address)
        connection.request("GET", "/")
        connection.close()


class Local(http.client.HTTPConnection):
    """HTTP over a Unix socket: no port that another program could have taken."""

    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=30)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)
