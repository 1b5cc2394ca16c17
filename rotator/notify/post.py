"""Posts one body to one address within a time limit, and says in words what came of it; keeps no secret, knows none."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from rotator.api.transport import NETWORK_ERRORS, is_certificate_error, plain_session

TIMEOUT = 10.0
"""Seconds for the connection, and again for the answer."""

_PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: no words if all went well. `passing`: another try may do better."""

    words: str = ""
    passing: bool = False

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return not self.words


def post(
    url: str, body: bytes, headers: Mapping[str, str], environ: Mapping[str, str], timeout: float = TIMEOUT
) -> Answer:
    """One POST without redirects; the answer's body is not read.

    Of the environment only the proxy counts: an address outside may be reachable in no other way, and a receiver is
    not the API, so no token is at stake. ~/.netrc and REQUESTS_CA_BUNDLE do not count.
    """
    try:
        with (
            plain_session() as session,
            session.post(
                url,
                data=body,
                headers=dict(headers),
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                proxies=proxies(url, environ),
            ) as response,
        ):
            return _judged(response.status_code)
    except NETWORK_ERRORS as error:
        return Answer(_plainly(error, timeout), passing=not is_certificate_error(error))


def proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy that the environment names for this address, by scheme."""
    parts = urlsplit(url)
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if _is_excepted(parts.hostname or "", excepted):
        return {}
    names = (f"{parts.scheme}_proxy", f"{parts.scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
    proxy = next((environ[name] for name in names if environ.get(name)), "")
    return {parts.scheme: proxy} if proxy else {}


def _is_excepted(host: str, excepted: str) -> bool:
    """Whether a list such as `localhost,.example.org` has the host or a domain above it; `*` has all."""
    names = [name.strip().lstrip(".").lower() for name in excepted.split(",")]
    return any(name == "*" or (name and (host == name or host.endswith(f".{name}"))) for name in names)


def host_of(url: str) -> str:
    """Host and port of an address: all of it that is no secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "?"
    if not host:
        return "?"
    return f"{host}:{port}" if port else host


def _judged(status: int) -> Answer:
    if 200 <= status <= 299:
        return Answer()
    if 300 <= status <= 399:
        return Answer(f"redirected ({status}); rotator follows none: write the final address", passing=False)
    hint = {
        401: ": not allowed; is the address or its secret right?",
        403: ": not allowed; is the address or its secret right?",
        404: ": nothing is there; is the address right?",
        410: ": nothing is there any more; is the address right?",
    }
    return Answer(f"answered {status}{hint.get(status, '')}", passing=status in _PASSING or status >= 500)


def _plainly(error: Exception, timeout: float) -> str:
    """What happened, never in the library's words: those repeat the address."""
    causes = list(_causes(error))
    if is_certificate_error(error):
        words = next((each.verify_message for each in causes if hasattr(each, "verify_message")), "")
        return f"its certificate cannot be verified ({words or 'not trusted'}); Python's certifi list is what counts"
    if any(isinstance(each, requests.exceptions.ProxyError) for each in causes):
        return "the proxy that the environment names does not pass it on"
    if any(isinstance(each, socket.gaierror) for each in causes):
        return "its name cannot be resolved; check the address and DNS"
    if any(isinstance(each, TimeoutError | requests.exceptions.Timeout) for each in causes):
        return f"no answer within {timeout:g} s"
    strange = [each for each in causes if isinstance(each, OSError) and each.strerror and each.errno]
    return f"no answer: {strange[-1].strerror}" if strange else f"no usable answer ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: in `args`, in `reason`, or as its cause or context."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        each = todo.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            todo += [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
