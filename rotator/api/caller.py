"""One call to the API with its retries; sorts every failure into the tree of errors."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rotator.api.retry import TRIES, http_date, is_passing, wait_before
from rotator.api.transport import (
    NETWORK_ERRORS,
    Http,
    Reply,
    Transport,
    is_certificate_error,
    is_of_the_origin,
    was_never_sent,
)
from rotator.api.wire import TooLargeError
from rotator.errors import (
    ApiError,
    CredentialsError,
    MaybeCreatedError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UnreachableError,
    UnreadableError,
)
from rotator.logs import HIDDEN, Event, logger
from rotator.naming import printable

SKEW = timedelta(minutes=5)
"""A difference between the API's clock and ours that is worth a warning."""

_SHORTEST_SECRET = 12
"""A shorter token, as for trying, may be a part of any name."""

Observe = Callable[[str, str, float], None]
"""Told of every exchange: its method, the answer's status (`error`: there was no answer), and the seconds it took."""


class Caller:
    """Sends requests to one origin, over HTTP or another `transport`. Thread-safe if that is."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: timedelta,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        observe: Observe | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._spelled = _spellings(token)
        self._clock = clock
        self._sleep = sleep
        self._observe = observe
        self._transport = transport or Http(self.url, token, timeout.total_seconds())
        self._skew_told = False

    def send(self, method: str, path: str, what: str, json: Mapping[str, object] | None = None) -> Reply:
        """One call with its retries; returns what is not an error of its own."""
        url = path if path.startswith(("http://", "https://")) else self.url + path
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES
            try:
                reply = self._exchange(method, url, json)
            except TooLargeError as error:
                unsure = MaybeCreatedError if method == "POST" else UnreadableError
                raise unsure(f"{what}: the answer is too large ({error}); is api.url right?") from None
            except NETWORK_ERRORS as error:
                failure = self._network_error(error, what, creating=method == "POST")
                if last or isinstance(failure, MaybeCreatedError) or is_certificate_error(error):
                    raise failure from None
                self._wait(attempt + 1, {}, what, str(failure))
                continue
            self._compare_clocks(reply)
            if last or not _may_repeat(method, reply.status):
                return self._checked(reply, what, method)
            self._wait(attempt + 1, reply.headers, what, self.said(what, reply, "trying again"))
        raise AssertionError("the last attempt returns or raises")

    def _exchange(self, method: str, url: str, json: Mapping[str, object] | None) -> Reply:
        """One exchange, which whoever observes is told of; a fault of theirs is not the call's."""
        begun, status = time.monotonic(), "error"
        try:
            reply = self._transport.exchange(method, url, json)
            status = str(reply.status)
            return self._without_token(reply)
        finally:
            if self._observe is not None:
                with contextlib.suppress(Exception):
                    self._observe(method, status, time.monotonic() - begun)

    def _without_token(self, reply: Reply) -> Reply:
        """An answer may repeat the request: the token is cut out before a name or a message can carry it on (S10)."""
        if len(self._token) < _SHORTEST_SECRET:
            return reply
        return reply._replace(body=self._spelled.sub(HIDDEN.encode(), reply.body))

    def _wait(self, attempt: int, headers: Mapping[str, str], what: str, reason: str) -> None:
        wait = wait_before(attempt, headers, self._clock(), random.random())  # noqa: S311 - spreads load only
        logger().info(Event.API_RETRY, request=what, attempt=attempt, wait_s=wait.total_seconds(), reason=reason)
        self._sleep(wait.total_seconds())

    def close(self) -> None:
        """Close the connections of every thread; a later call opens new ones."""
        self._transport.close()

    def said(self, what: str, reply: Reply, advice: str) -> str:
        """What was asked, what came back, what to do."""
        return f"{what}: answered {reply.status} {self.shown(reply.body)}; {advice}"

    def shown(self, body: bytes) -> str:
        """The beginning of a body, safe to print: an answer may repeat the request and so the token (S10)."""
        text = body[:4096].decode("utf-8", "replace").replace(self._token, HIDDEN)
        return repr(text[:160] + ("…" if len(text) > 160 else ""))

    def _checked(self, reply: Reply, what: str, method: str) -> Reply:
        """The reply, unless its status is an error whatever was asked."""
        if reply.status in (401, 403):
            advice = "the token is refused: make a new one in the panel, see `--token-file`"
            raise CredentialsError(self.said(what, reply, advice))
        if reply.status == 404:
            advice = "is api.url right?" if method == "GET" else "no such server or snapshot here: check the id"
            raise NotFoundError(self.said(what, reply, advice))
        if reply.status == 429 or (is_passing(reply.status) and method != "POST"):
            raise UnavailableError(self.said(what, reply, "the API is overloaded or broken; rotator tries again later"))
        if 300 <= reply.status <= 399 and method != "POST":
            target = self.shown(reply.headers.get("Location", "nowhere").encode("utf-8", "replace"))
            advice = "rotator follows none, lest the token leak: fix api.url"
            raise UnreachableError(f"{what}: redirected ({reply.status}) to {target}; {advice}")
        if 400 <= reply.status <= 499:
            raise RefusedError(self.said(what, reply, "the API does not take this request as it is"))
        return reply

    def _network_error(self, error: Exception, what: str, *, creating: bool) -> ApiError:
        words = self._plainly(error)
        if creating and not was_never_sent(error):
            return MaybeCreatedError(f"{what}: no answer ({words}); rotator looks for it before it asks again")
        hint = "check api.url, DNS, the network and the provider's status page"
        if not is_of_the_origin(error):
            return UnavailableError(f"{what}: no complete answer ({words}); {hint}")
        if is_certificate_error(error):
            hint = "the server's certificate cannot be verified: check api.url (Python's certifi list is what counts)"
        return UnreachableError(f"{what}: no answer ({words}); {hint}")

    def _plainly(self, error: Exception) -> str:
        """The innermost words of a requests error, without object addresses or the token, which it may quote."""
        inner: Any = error.args[0] if error.args else error
        inner = getattr(inner, "reason", inner)
        text = re.sub(r"^\w+\([^)]*\): |^<[^>]*>: ", "", str(inner).replace(self._token, HIDDEN))
        return f"{type(error).__name__}: {printable(text[:200])}"

    def _compare_clocks(self, reply: Reply) -> None:
        theirs = http_date(reply.headers.get("Date"))
        if theirs is None or self._skew_told or abs(theirs - self._clock()) <= SKEW:
            return
        self._skew_told = True
        ahead = (self._clock() - theirs).total_seconds()
        reason = "this machine's clock and the API's differ: snapshots get the wrong slot; set the clock (NTP)"
        logger().warning(Event.CLOCK_SKEW, ahead_s=round(ahead), api_time=theirs.isoformat(), reason=reason)


def _spellings(token: str) -> re.Pattern[bytes]:
    """The token however JSON spells it: each character as it is, by its number, or, some, behind a backslash."""
    return re.compile("".join(map(_spelled, token)).encode())


def _spelled(character: str) -> str:
    escape = r"\\?" if character in '"\\/' else ""
    return rf"(?:{escape}{re.escape(character)}|\\u(?i:{ord(character):04x}))"


def _may_repeat(method: str, status: int) -> bool:
    """Reads and deletes are repeated while the API says "not now"; of creates only what it refused to look at (S7)."""
    return status == 429 if method == "POST" else is_passing(status)
