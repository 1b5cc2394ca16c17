"""The ways out: a check-in address and a webhook; each takes what is its own and answers in words."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from rotator.notify.post import TIMEOUT, Answer, host_of, post
from rotator.notify.words import Message

MOST_BODY = 100_000
"""Bytes of a check-in's body that receivers of this style keep; the end counts."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One check-in. `verb` is the end of the address: start, fail, an exit status, or nothing for success."""

    verb: str
    run: str
    text: str = ""


class Outlet(Protocol):
    """Somebody who is told. `kind` and `host` name it in logs; neither is a secret."""

    kind: str
    host: str

    def send(self, content: Ping | Message) -> Answer:
        """Tell them, within bounded time; never raises."""
        ...


class CheckInOutlet:
    """A check-in address in the style of Healthchecks."""

    kind = "check-in"

    def __init__(self, url: str, environ: Mapping[str, str], timeout: float = TIMEOUT) -> None:
        self._url = url
        self._environ = environ
        self._timeout = timeout
        self.host = host_of(url)

    def send(self, content: Ping | Message) -> Answer:
        """Check in."""
        if not isinstance(content, Ping):
            raise TypeError("a check-in address takes check-ins only")
        body = content.text.encode("utf-8", "replace")[-MOST_BODY:]
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return post(_ping_url(self._url, content), body, headers, self._environ, self._timeout)


class WebhookOutlet:
    """An address that gets each message as JSON, signed if there is a secret."""

    kind = "webhook"

    def __init__(
        self,
        url: str,
        secret: str | None,
        clock: Callable[[], datetime],
        environ: Mapping[str, str],
        timeout: float = TIMEOUT,
    ) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._environ = environ
        self._timeout = timeout
        self.host = host_of(url)

    def send(self, content: Ping | Message) -> Answer:
        """Post the message."""
        if not isinstance(content, Message):
            raise TypeError("a webhook takes messages only")
        headers = {"Content-Type": "application/json", "X-Rotator-Kind": content.news.value}
        if self._secret is not None:
            moment = str(int(self._clock().timestamp()))
            headers["X-Rotator-Timestamp"] = moment
            headers["X-Rotator-Signature"] = signature(self._secret, moment, content.event)
        return post(self._url, content.event, headers, self._environ, self._timeout)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `TIMESTAMP.BODY`, as the header has it."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _ping_url(url: str, ping: Ping) -> str:
    """The address with the verb at the end of its path, and the run that joins start and end."""
    parts = urlsplit(url)
    path = "/".join([parts.path.rstrip("/"), *([ping.verb] if ping.verb else [])])
    query = "&".join(each for each in (parts.query, f"rid={ping.run}") if each)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))
