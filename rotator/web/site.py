"""The status page as a part of the daemon: told what the loop does, it keeps the page served and says what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from rotator.config import Config, WebSettings, read_secret
from rotator.engine import Report
from rotator.errors import RotatorError
from rotator.logs import Event, logger
from rotator.standing import Board
from rotator.web.app import App, Metrics
from rotator.web.gate import Gate
from rotator.web.health import Pulse
from rotator.web.listen import listener_at, place_of
from rotator.web.server import WebServer


class Site:
    """A Watcher. The board is filled by others; `open` raises ConfigError where the page cannot be served."""

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
        self._serve(self._settings)

    @property
    def address(self) -> object:
        """Where it listens, as the socket has it; None while it does not."""
        return self._server.address if self._server else None

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """Show these servers; listen elsewhere, or for another token, if the settings changed."""
        self._app.pulse = Pulse(str(config.path), config.policies, problems, now)
        if config.web is None:
            self._stop()
        elif config.web != self._settings or config.web.token_file or self._server is None:
            self._change(config.web)

    def reloading(self, now: datetime) -> None:
        """Nothing changes before the new configuration is read."""

    def begun(self, now: datetime) -> None:
        """A pass begins: the loop turns."""
        self.woke(now)

    def passed(self, report: Report, now: datetime, next_at: datetime | None) -> None:  # noqa: ARG002 - a Watcher's
        """A pass is over: the loop turns. What it found is on the board."""
        self.woke(now)

    def woke(self, now: datetime) -> None:
        """The loop turned."""
        self._app.pulse = replace(self._app.pulse, turned=now)

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
            if settings.listen != self._settings.listen or self._server is None:
                self._serve(settings)
        except RotatorError as error:
            logger().error(Event.WEB_FAILED, reason=f"{error}; the old settings of the status page stay in force")
            return
        self._app.gate = gate
        self._settings = settings

    def _gate(self, settings: WebSettings) -> Gate:
        file = settings.token_file
        token = read_secret(file, "web.token_file", self._environ) if file else None
        return Gate(place_of(settings.listen), settings.hosts, token)

    def _serve(self, settings: WebSettings) -> None:
        """Listen there, and no longer where it did before."""
        listener = listener_at(place_of(settings.listen))
        old, self._server = self._server, WebServer(listener, self._app)
        self._server.start()
        if old:
            old.stop()
        logger().info(Event.WEB_STARTED, listen=settings.listen)
