"""Whoever the configuration wants to be told: status page, metrics, notifications; each imported when it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.cli.account import Account
from rotator.config import Config, WebSettings
from rotator.daemon.watch import Watchers
from rotator.engine import Report
from rotator.standing import Board, Watcher

if TYPE_CHECKING:
    from rotator.metrics.metrics import Metrics
    from rotator.notify import AlertMemory, Notifier
    from rotator.web.site import Site


class Audience(Watchers):
    """Those who are there, and the board that the page shows.

    `lasting`: for the daemon, which serves a page; `metrics`: for a one-shot that leaves them in a file.
    """

    def __init__(
        self, clock: Callable[[], datetime], environ: Mapping[str, str], *, lasting: bool, metrics: bool = False
    ) -> None:
        super().__init__()
        self._clock = clock
        self._environ = environ
        self._lasting = lasting
        self._metrics: Metrics | None = self._new_metrics("--metrics-file") if metrics else None
        self._notifier: Notifier | None = None
        self._site: Site | None = None
        self._board = Board()

    def adopt(self, account: Account) -> None:
        """Bring those in that this configuration wants and that are not there yet; raises why one cannot be."""
        config = account.config
        if config.web and self._lasting and self._site is None:
            self._site = self._new_site(config.web)
        if config.notify and self._notifier is None:
            self._notifier = self._new_notifier(account)

    def api_request(self, method: str, status: str, seconds: float) -> None:
        """An exchange with the API is over."""
        if self._metrics:
            self._metrics.api_request(method, status, seconds)

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """See `Watcher`."""
        if not problems:
            self._board.configured(config.policies)
        super().configured(config, now, problems)

    def passed(self, report: Report, now: datetime) -> None:
        """See `Watcher`."""
        self._board.passed(report, now)
        super().passed(report, now)

    def woke(self, now: datetime) -> None:
        """See `Watcher`; the loop of a one-shot ends soon, and its figures must not look like one that hangs."""
        if self._lasting:
            super().woke(now)

    def began(self) -> None:
        """A one-shot begins its work."""
        if self._notifier:
            self._notifier.began()

    def finished(self, exit_code: int, text: str, metrics_file: Path | None, stopping: threading.Event) -> None:
        """A one-shot is done; `text` is what it told. Once `stopping` is set, somebody waits for the end."""
        if self._metrics and metrics_file:
            self._metrics.write(metrics_file)
        if self._notifier:
            self._notifier.finished(exit_code, text, stopping=stopping)

    def _all(self) -> Sequence[Watcher]:
        return [each for each in (self._metrics, self._notifier, self._site) if each is not None]

    def _new_metrics(self, wanted_by: str) -> Metrics:
        from rotator.metrics import new_metrics

        return new_metrics(self._clock, wanted_by)

    def _new_site(self, settings: WebSettings) -> Site:
        from rotator.metrics import is_installed
        from rotator.web import new_site

        if self._metrics is None and is_installed():
            self._metrics = self._new_metrics("web")
        site = new_site(settings, self._board, self._clock, self._environ, self._metrics)
        site.open()
        return site

    def _new_notifier(self, account: Account) -> Notifier:
        from rotator.notify import Notifier, ProcessMemory

        memory: AlertMemory = account.state or ProcessMemory()
        return Notifier.create(
            account.config.notify, memory, self._clock, account.redactor, self._environ, lasting=self._lasting
        )
