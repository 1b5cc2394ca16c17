"""The WSGI application: a request in, an answer out; it only reads the board, and knows no socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from rotator.logs import Event, logger
from rotator.standing import Board, status_json
from rotator.web.answers import Answer, accepts_gzip, document, packed, words
from rotator.web.assets import Asset, assets
from rotator.web.gate import Gate
from rotator.web.health import LoopState, objections, readiness, why_dead
from rotator.web.recent import Recent
from rotator.web.wish import wish_of

if TYPE_CHECKING:
    from rotator.web.page import Page

_FOR_EVER = "public, max-age=31536000, immutable"
_OPEN = ("/healthz", "/readyz")
"""What needs no token: it tells a prober yes or no. Reasons name servers, so those of `/readyz` are for the token."""


class Metrics(Protocol):
    """What makes `/metrics`."""

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type, in the best format that `accept` (an Accept header) allows."""
        ...


class App:
    """Set `loop` and `gate` anew at any time, from any thread; each request goes by what they are when it comes."""

    def __init__(self, board: Board, gate: Gate, clock: Callable[[], datetime], metrics: Metrics | None = None) -> None:
        self.gate = gate
        self.loop = LoopState()
        self._board = board
        self._clock = clock
        self._metrics = metrics
        self._assets = assets()
        self._page = _new_page(self._assets)
        self._recent = Recent()

    def behind(self, gate: Gate) -> App:
        """The same for other visitors: it shares what is shown, and has its own gate and `loop`."""
        other = copy(self)
        other.gate = gate
        return other

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, as WSGI wants it."""
        answer = self.answer(environ)
        start_response(answer.line, list(answer.headers()))
        if environ["REQUEST_METHOD"] == "HEAD":
            return []
        wrap = environ.get("wsgi.file_wrapper")
        # Sent from the one copy there is, however many slow readers hold on to it.
        return wrap(BytesIO(answer.body)) if wrap and answer.body else [answer.body]

    def answer(self, environ: Mapping[str, Any]) -> Answer:
        """What is answered to the request; never raises."""
        try:
            return self._refusal(environ) or self._answer(environ)
        except Exception as error:  # noqa: BLE001 - a fault in one answer must end neither the page nor the daemon
            logger().error(Event.INTERNAL_ERROR, reason=f"the status page: {error}", exc_info=True)
            return words(500, "rotator could not make this page; its log says why")

    def _refusal(self, environ: Mapping[str, Any]) -> Answer | None:
        """Why the request gets nothing, if it gets nothing."""
        method, gate = environ["REQUEST_METHOD"], self.gate
        if method not in ("GET", "HEAD"):
            return words(405, "this page only shows; ask with GET or HEAD", ("Allow", "GET, HEAD"))
        if not gate.knows(environ.get("HTTP_HOST", "")):
            return words(421, "this host name is not known here; add it to web.hosts in rotator's configuration")
        if environ["PATH_INFO"] not in _OPEN and not gate.opens(environ.get("HTTP_AUTHORIZATION", "")):
            how = 'send "Authorization: Bearer TOKEN" with the token of web.token_file'
            return words(401, f"a token is needed; {how}", ("WWW-Authenticate", 'Bearer realm="rotator"'))
        return None

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        now = self._clock()
        small = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        makes: dict[str, Callable[[], Answer]] = {
            "/": lambda: self._html(query, now),
            "/status.json": lambda: document(200, status_json(self._board.report(now), now)),
        }
        if make := makes.get(path):
            question = (path, query if path == "/" else "", small, self._board.last_pass, self.loop)
            return self._recent.answer(question, now, lambda: packed(make()) if small else make())
        if path in _OPEN:
            return self._health(path, now, is_trusted=self.gate.opens(environ.get("HTTP_AUTHORIZATION", "")))
        if path == "/metrics":
            return self._exposition(environ, small=small)
        return self._asset(path.removeprefix("/"), environ, small=small)

    def _html(self, query: str, now: datetime) -> Answer:
        if self._page is None:
            return words(404, "there is no page: pip install 'vps-rotator[web]', and restart rotator")
        html = self._page.html(self._board, self.loop, wish_of(query), now)
        return Answer(200, html.encode(), "text/html; charset=utf-8")

    def _health(self, path: str, now: datetime, *, is_trusted: bool) -> Answer:
        dead = why_dead(self.loop, now)
        if path == "/healthz":
            return document(503 if dead else 200, {"alive": not dead, "reason": dead})
        board = self._board
        reasons = objections(self.loop, board.report(now), board.last_pass, now)
        return document(503 if reasons else 200, readiness(reasons) if is_trusted else {"ready": not reasons})

    def _exposition(self, environ: Mapping[str, Any], *, small: bool) -> Answer:
        if self._metrics is None:
            return words(404, "there are no metrics: pip install 'vps-rotator[metrics]', and restart rotator")
        body, kind = self._metrics.exposition(environ.get("HTTP_ACCEPT", ""))
        answer = Answer(200, body, kind)
        return packed(answer) if small else answer

    def _asset(self, name: str, environ: Mapping[str, Any], *, small: bool) -> Answer:
        asset = self._assets.get(name)
        if asset is None:
            return words(404, "there is nothing here; the status page is at /")
        tag = ("ETag", f'W/"{asset.mark}"')
        kept = _FOR_EVER if environ.get("QUERY_STRING") == f"v={asset.mark}" else "no-cache"
        if asset.mark in environ.get("HTTP_IF_NONE_MATCH", ""):
            return Answer(304, b"", asset.kind, (tag,), kept)
        answer = Answer(200, asset.body, asset.kind, (tag,), kept)
        return packed(answer) if small else answer


def _new_page(known: Mapping[str, Asset]) -> Page | None:
    """What makes the page; None where the packages that it alone needs are missing: metrics do without them."""
    try:
        from rotator.web.page import Page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jinja2", "markupsafe"):
            raise
        return None
    return Page(known)
