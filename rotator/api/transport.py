"""One HTTP exchange with a deadline and a size limit, to one origin only; knows no call and no retry."""

from __future__ import annotations

import ssl
import threading
import weakref
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple, Protocol

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import parse_url

from rotator import __version__
from rotator.api import wire
from rotator.api.wire import DeadlineResponse, TooLargeError, mebibytes

NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
"""What `exchange` raises when no complete answer came; ValueError is urllib3's for a chunk of negative size."""

_CONNECT_TIMEOUT = 10.0
_PORTS = {"http": 80, "https": 443}


class _Connection(HTTPConnection):
    response_class = DeadlineResponse


class _TlsConnection(HTTPSConnection):
    response_class = DeadlineResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Without urllib3's own retries: a create must never be repeated blindly (S7)."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


class _Session(requests.Session):
    """Never looks at a `Location`: requests reads a redirect's whole body and parses its target even if told not to."""

    def get_redirect_target(self, _resp: requests.Response) -> None:
        return None


class _Bearer(AuthBase):
    """The token as a header; an auth object, because requests lets ~/.netrc replace a header set by hand."""

    def __init__(self, token: str, origin: Origin) -> None:
        self._token = token
        self._origin = origin

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if origin_of(request.url or "") == self._origin:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Reply(NamedTuple):
    """What came back: status, headers (names in any case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Origin = tuple[str | None, str | None, str | None, int | None]


def origin_of(url: str) -> Origin:
    """Scheme, user, host and port of `url`, however they are written: the only place the token may go (S10).

    Raises ValueError for what is no URL.
    """
    parts = parse_url(url)
    return parts.scheme, parts.auth, parts.host, parts.port or _PORTS.get(parts.scheme or "")


def new_session(base_url: str, token: str) -> requests.Session:
    """A session for one thread: no environment (proxies, netrc), no redirects, no retries of its own."""
    session = plain_session()
    session.auth = _Bearer(token, origin_of(base_url))
    session.headers["Accept"] = "application/json"
    return session


def plain_session() -> requests.Session:
    """As `new_session`, but it has no token and so may go to anybody."""
    session = _Session()
    session.trust_env = False
    session.headers["User-Agent"] = f"rotator/{__version__}"
    session.mount("https://", _Adapter(max_retries=0))
    session.mount("http://", _Adapter(max_retries=0))
    return session


class Transport(Protocol):
    """Carries one request to the origin and brings its answer back; raises `NETWORK_ERRORS` and `TooLargeError`."""

    def exchange(self, method: str, url: str, json: Mapping[str, object] | None) -> Reply:
        """Send one request and read the whole answer."""
        ...

    def close(self) -> None:
        """Close every connection; a later exchange opens new ones."""
        ...


class Http:
    """Over HTTP. Thread-safe: every thread has a session of its own, so connections are reused."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        """`timeout` in seconds is for the connection and, once more, for the answer."""
        self._url = url
        self._token = token
        self._timeout = timeout
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._opening = threading.Lock()

    def exchange(self, method: str, url: str, json: Mapping[str, object] | None) -> Reply:
        """See `Transport`; likewise below."""
        return exchange(self.session(), method, url, self._timeout, json)

    def close(self) -> None:
        """See `Transport`."""
        with self._opening:
            for session in self._sessions:
                session.close()

    def session(self) -> requests.Session:
        """The session of the thread that asks."""
        if not hasattr(self._local, "session"):
            self._local.session = new_session(self._url, self._token)
            with self._opening:
                self._sessions.add(self._local.session)
        session: requests.Session = self._local.session
        return session


def exchange(
    session: requests.Session, method: str, url: str, timeout: float, json: Mapping[str, object] | None = None
) -> Reply:
    """Send one request and read the whole answer, each within `timeout` seconds; raises `NETWORK_ERRORS`."""
    with session.request(
        method,
        url,
        json=json,
        timeout=(min(_CONNECT_TIMEOUT, timeout), timeout),
        allow_redirects=False,
        stream=True,
    ) as response:
        body = bytearray()
        for chunk in response.iter_content(2**16):
            body += chunk
            if len(body) > wire.MAX_BODY:
                raise TooLargeError(f"more than {mebibytes(wire.MAX_BODY)}")
        return Reply(response.status_code, response.headers, bytes(body))


def was_never_sent(error: BaseException) -> bool:
    """Whether the request provably never reached the API, so that nothing can have been processed."""
    proofs = (
        requests.exceptions.ConnectTimeout,
        ssl.SSLCertVerificationError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.NameResolutionError,
    )
    return any(isinstance(each, proofs) for each in _chain(error))


def is_of_the_origin(error: BaseException) -> bool:
    """Whether no request to this origin can do better: it cannot be reached, speaks no TLS, or its address is none."""
    kinds = (requests.exceptions.SSLError, requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)
    return was_never_sent(error) or isinstance(error, kinds)


def is_certificate_error(error: BaseException) -> bool:
    """Whether TLS failed because the certificate could not be verified."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps; requests and urllib3 hide the cause in `args` and `reason`.

    Not its `__context__`: that may be an error of another call, which the caller is just handling.
    """
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        each = todo.pop()
        if isinstance(each, BaseException) and not any(each is old for old in seen):
            seen.append(each)
            todo += [*each.args, getattr(each, "reason", None), each.__cause__]
    return iter(seen)
