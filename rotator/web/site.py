"""The status page as a part of the daemon: told what the loop does, it keeps the page served and says what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from rotator.config import Config, WebSettings, read_secret
from rotator.engine import Report
from rotator.errors import ConfigError, RotatorError
from rotator.logs import Event, logger
from rotator.standing import Board, Watcher
from rotator.web.app import App, Metrics
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import Listener, listener_at, place_of
from rotator.web.server import WebServer


class Site(Watcher):
    """The board is filled by others; `open` raises ConfigError where the page cannot be served."""

    def __init__(
        self,
        settings: WebSettings,
        board: Board,
        clock: Callable[[], datetime],
        environ: Mapping[str, str],
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._app = App(board, self._gate(settings), clock, metrics)
        self._server: WebServer | None = None

    def open(self) -> None:
        """Serve from now on."""
        self._serve(listener_at(place_of(self._settings.listen)), self._app.gate, self._settings)

    @property
    def address(self) -> object:
        """Where it listens, as the socket has it; None while it does not."""
        return self._server.address if self._server else None

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """Show these servers; listen elsewhere, or for another token, if the settings changed."""
        self._app.loop = LoopState(str(config.path), config.policies, problems, now)
        if config.web is None:
            self._stop()
        elif config.web != self._settings or config.web.token_file or self._server is None:
            self._change(config.web)

    def passed(self, report: Report, now: datetime) -> None:  # noqa: ARG002 - a Watcher's
        """A pass is over: the loop turns. What it found is on the board."""
        self.woke(now)

    def woke(self, now: datetime) -> None:
        """The loop turned."""
        self._app.loop = replace(self._app.loop, turned=now)

    def closing(self, reason: str) -> None:  # noqa: ARG002 - a Watcher's
        """The daemon ends, and the page with it."""
        self._stop()

    def _stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def _change(self, settings: WebSettings) -> None:
        """Go over to new settings; what cannot be used is told, and the old ones stay."""
        try:
            gate = self._gate(settings)
            if self._server is None:
                self._serve(listener_at(place_of(settings.listen)), gate, settings)
            elif settings.listen != self._settings.listen:
                self._move(gate, settings)
        except RotatorError as error:
            rest = "the old settings of the status page stay in force"
            rest = rest if self._server else "there is no status page until a reload can open it"
            logger().error(Event.WEB_FAILED, reason=f"{error}; {rest}")
            return
        self._app.gate = gate
        self._settings = settings

    def _gate(self, settings: WebSettings) -> Gate:
        file = settings.token_file
        token = read_secret(file, "web.token_file", self._environ) if file else None
        return Gate(place_of(settings.listen), settings.hosts, token)

    def _move(self, gate: Gate, settings: WebSettings) -> None:
        """Listen elsewhere; raises ConfigError if that cannot be, and listens at the old place again if it can."""
        old, new = place_of(self._settings.listen), place_of(settings.listen)
        if not new.excludes(old):
            listener = listener_at(new)
            self._stop()
            self._serve(listener, gate, settings)
            return
        self._stop()
        try:
            listener = listener_at(new)
        except ConfigError:
            with suppress(ConfigError):
                self._serve(listener_at(old), self._app.gate, self._settings)
            raise
        self._serve(listener, gate, settings)

    def _serve(self, listener: Listener, gate: Gate, settings: WebSettings) -> None:
        """Answer there from now on, to whom this gate lets in; what an ending server still answers goes by its own."""
        self._app = self._app.behind(gate)
        self._server = WebServer(listener, self._app)
        self._server.start()
        logger().info(Event.WEB_STARTED, listen=settings.listen)
