"""One answer off a connection: within a deadline, a size, and to its very end; knows nothing of requests."""

from __future__ import annotations

import contextlib
import io
import ssl
import time
from http.client import HTTPMessage, HTTPResponse
from socket import SHUT_RDWR, socket
from typing import Any

MAX_BODY = 64 * 2**20
"""Bytes of the largest answer read: the list of 10,000 full servers is about 13 MB."""

_FRAMING = 2**20
_INTERIM = {100, *range(102, 200)}


class TooLargeError(Exception):
    """The body is larger than `MAX_BODY`."""


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a point in time, where the socket's own time-out would start anew with every byte.

    It also ends after twice `MAX_BODY`, since a chunk of size -1 makes urllib3 read everything at once.
    """

    def __init__(self, sock: socket, deadline: float, hold: io.IOBase) -> None:
        self._sock = sock
        self._deadline = deadline
        self._room = 2 * MAX_BODY + _FRAMING
        self._hold = hold  # keeps the socket open when the connection is closed before its answer is read
        self._over = False

    def end(self) -> None:
        """Nothing more is received from here on."""
        self._over = True

    def cut(self) -> None:
        """End the connection, so that it is not used again."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(SHUT_RDWR)

    def is_ahead(self) -> bool:
        """Whether TLS has taken bytes off the wire that nobody has read; whoever looks at the wire cannot see them."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def close(self) -> None:
        self._hold.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._over:
            return 0
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer did not arrive in time")
        if self._room <= 0:
            raise TooLargeError(f"more than {mebibytes(2 * MAX_BODY)} on the wire")
        self._sock.settimeout(left)
        received = self._sock.recv_into(buffer)
        self._room -= received
        return received


class _OneAnswer(io.BufferedReader):
    """What is received of one answer; ends the connection with it where more came, or its end is in doubt.

    Else what is left would be taken for the answer to the next request.
    """

    def __init__(self, reader: _DeadlineReader) -> None:
        super().__init__(reader)
        self._reader = reader
        self.ends_for_certain = False

    def close(self) -> None:
        if not self.closed:
            self._reader.end()
            if not self.ends_for_certain or self.peek() or self._reader.is_ahead():
                self._reader.cut()
        super().close()


class DeadlineResponse(HTTPResponse):
    """An answer whose status line, headers and body together have one time-out."""

    def __init__(self, sock: socket, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
        super().__init__(sock, debuglevel, method, url)
        deadline = time.monotonic() + (sock.gettimeout() or 0)
        self.fp = self._answer = _OneAnswer(_DeadlineReader(sock, deadline, hold=self.fp))

    def begin(self) -> None:
        """Read up to the body, past interim answers of any kind (RFC 9110, 15.2)."""
        super().begin()
        # http.client passes over 100 only: the real answer would be taken for that to the next request.
        while self.status in _INTERIM:
            self.headers = None  # type: ignore[assignment]  # what `begin` looks at to begin again
            super().begin()
        self._answer.ends_for_certain = _ends_for_certain(self.status, self.headers)


def _ends_for_certain(status: int, headers: HTTPMessage) -> bool:
    """Whether every reader finds the end of such an answer at the same place (RFC 9112, 6.3)."""
    lengths, codings = headers.get_all("Content-Length", []), headers.get_all("Transfer-Encoding", [])
    if headers.defects or status < 200:
        return False
    if status in (204, 304):  # have no body, so what is announced would be taken for the next answer
        return not codings and lengths in ([], ["0"])
    if codings:
        return not lengths and [coding.lower() for coding in codings] == ["chunked"]
    return len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdigit()


def mebibytes(size: int) -> str:
    """A size in bytes, for a message."""
    return f"{size / 2**20:g} MiB"
