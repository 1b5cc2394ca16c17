"""Asks the status page of a daemon, as a monitor would."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.e2e.program import until


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port: int = reserved.getsockname()[1]
        return port


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    kind: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Page:
    """The page at a port of loopback."""

    port: int

    @property
    def listen(self) -> str:
        """As the configuration has it."""
        return f"127.0.0.1:{self.port}"

    def get(self, path: str) -> Got:
        """The answer to one request; ConnectionRefusedError where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return Got(answer.status, answer.headers["Content-Type"], answer.read().decode())
        finally:
            connection.close()

    def is_there(self) -> bool:
        """Whether anybody answers."""
        try:
            return self.get("/healthz").status in (200, 503)
        except OSError:
            return False

    def wait_for(self, path: str, status: int, seconds: float = 15) -> Got:
        """The first answer with this status."""

        def answer() -> Got | None:
            got = self.get(path) if self.is_there() else None
            return got if got and got.status == status else None

        return until(f"{status} of {path}", answer, seconds)
