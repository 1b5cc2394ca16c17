"""Checks of the API: its name, its certificate, the token there, how fast it answers, the servers. GET only."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rotator.cli.doctor.chart import ApiTime, Chart, Finding, fail, ok, skipped, span, warn
from rotator.cli.doctor.settings import NEEDS_CONFIG
from rotator.errors import ApiError, CredentialsError
from rotator.planner.words import counted

if TYPE_CHECKING:
    from rotator.api import Client
    from rotator.api.caller import Caller

_TIMEOUT = timedelta(seconds=4)
_SLOW = timedelta(seconds=2)
_SOON = timedelta(days=14)
_WORD = re.compile(r"[a-z]+|\*")
_EVERYTHING = frozenset({"*", "all", "full", "access", "admin"})
_NETWORK = "check api.url, DNS, the firewall and the provider's status page; rotator uses no proxy"


def address(chart: Chart) -> Iterator[Finding]:
    """Whether its name can be resolved and somebody answers there."""
    if chart.config is None:
        yield skipped(NEEDS_CONFIG)
        return
    host, port = _place(chart.config.api.url)
    begun = time.monotonic()
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        yield fail(f"{host}: the name cannot be resolved ({error.strerror})", _NETWORK)
        return
    resolved = time.monotonic()
    try:
        socket.create_connection((host, port), _TIMEOUT.total_seconds()).close()
    except OSError as error:
        yield fail(f"{host}:{port}: no connection ({error.strerror or error})", _NETWORK)
        return
    chart.reachable = True
    times = [span(timedelta(seconds=each)) for each in (resolved - begun, time.monotonic() - resolved)]
    words = f"{len(found)} address{'es' if len(found) > 1 else ''}"
    yield ok(f"{host}:{port}: {words}, resolved in {times[0]}, connected in {times[1]}")


def certificate(chart: Chart) -> Iterator[Finding]:
    """Whether it can be verified, and for how long."""
    if chart.config is None or not chart.reachable:
        yield skipped("needs a connection")
        return
    if chart.config.api.url.startswith("http://"):
        yield skipped("plain HTTP, which is allowed to this machine only")
        return
    import certifi

    host, port = _place(chart.config.api.url)
    context = ssl.create_default_context(cafile=certifi.where())
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT.total_seconds()) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield fail(
            f"{host}: cannot be verified: {error.verify_message}",
            "check api.url and the clock; the list of the Python package certifi is what counts",
        )
        return
    except OSError as error:
        yield fail(f"{host}:{port}: speaks no TLS ({error.strerror or error})", "check api.url")
        return
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    left = until - chart.clock()
    words = f"valid for {span(left)}, until {until:%Y-%m-%d}"
    yield warn(words, "the provider has to renew it: ask them if it stays so") if left < _SOON else ok(words)


def accepted(chart: Chart) -> Iterator[Finding]:
    """Whether the API takes the token, and what it may do."""
    ready = _ready(chart)
    if isinstance(ready, str):
        yield skipped(ready)
        return
    try:
        with ready.client() as client:
            who = client.account()
    except CredentialsError as error:
        chart.is_refused = True
        yield fail(str(error), "make a new token in the control panel and save it where this one is")
        return
    except ApiError as error:
        yield fail(str(error), _NETWORK)
        return
    may = ", ".join(who.permissions) or "nothing that the API names"
    words = f"{who.token_name or 'the token'} of {who.email}, may {may}"
    if any(may_write(permission) for permission in who.permissions):
        yield ok(words)
    else:
        yield warn(words, "rotation needs a token that may write: make one in the control panel")


def may_write(permission: str) -> bool:
    """Whether a permission, in the API's words, allows changes: `snapshots:write` does, `all servers` says nothing."""
    words = set(_WORD.findall(permission.lower()))
    return "write" in words or (bool(words) and words <= _EVERYTHING)


def latency(chart: Chart) -> Iterator[Finding]:
    """How long three small requests take; also notes the API's clock."""
    ready = _ready(chart)
    if isinstance(ready, str):
        yield skipped(ready)
        return
    try:
        times = _timed(chart, ready)
    except (ApiError, CredentialsError) as error:
        yield fail(str(error), _NETWORK)
        return
    least, middle, _ = sorted(times)
    words = f"least {span(least)}, median {span(middle)} of 3 requests"
    yield warn(words, _NETWORK) if middle > _SLOW else ok(words)


def _timed(chart: Chart, ready: _Ready) -> list[timedelta]:
    from rotator.api.retry import http_date

    times = []
    with ready.caller() as caller:
        for _ in range(3):
            begun, asked = time.monotonic(), chart.clock()
            reply = caller.send("GET", "/account/me/", "show the account")
            times.append(timedelta(seconds=time.monotonic() - begun))
            if theirs := http_date(reply.headers.get("Date")):
                chart.api_time = ApiTime(theirs, asked + times[-1] / 2)
    return times


def servers(chart: Chart) -> Iterator[Finding]:
    """Whether the configured ids exist in the account and have the same names there."""
    ready = _ready(chart)
    if isinstance(ready, str) or chart.config is None:
        yield skipped(ready if isinstance(ready, str) else NEEDS_CONFIG)
        return
    try:
        with ready.client() as client:
            there = {server.id: server.name for server in client.servers()}
    except (ApiError, CredentialsError) as error:
        yield fail(str(error), _NETWORK)
        return
    ours = {policy.server_id: policy.server for policy in chart.config.policies}
    gone = [f"{server_id} ({name})" for server_id, name in ours.items() if server_id not in there]
    renamed = [f"{each} ({ours[each]})" for each in ours if each in there and there[each] != ours[each]]
    if gone:
        yield fail(f"not in this account: {_few(gone)}", "check their ids: `rotator check --online`")
    if renamed:
        yield warn(f"another name at the API: {_few(renamed)}", "is the id right? `rotator check --online`")
    others = len(there.keys() - ours.keys() - {server.id for server in chart.config.disabled})
    yield ok(f"{counted(len(there), 'server')} in the account, {others} of them not in the configuration")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a question to the API needs; asked at once and without the waits between tries."""

    url: str
    token: str
    clock: Callable[[], datetime]

    def client(self) -> closing[Client]:
        from rotator.api import Client

        return closing(Client(self.url, self.token, timeout=_TIMEOUT, clock=self.clock, sleep=_at_once))

    def caller(self) -> closing[Caller]:
        from rotator.api.caller import Caller

        return closing(Caller(self.url, self.token, timeout=_TIMEOUT, clock=self.clock, sleep=_at_once))


def _ready(chart: Chart) -> _Ready | str:
    """What is needed to ask the API, or why it cannot be asked."""
    if chart.config is None:
        return NEEDS_CONFIG
    if chart.token is None:
        return "needs a token"
    if not chart.reachable:
        return "needs a connection"
    if chart.is_refused:
        return "needs a token that is accepted"
    return _Ready(chart.config.api.url, chart.token.value, chart.clock)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def _at_once(_: float) -> None:
    """A doctor does not wait between tries."""
