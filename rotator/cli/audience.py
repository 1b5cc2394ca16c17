"""Whoever the configuration wants to be told: status page, metrics, notifications; each imported when it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.cli.account import Account
from rotator.config import Config
from rotator.engine import Report
from rotator.standing import Board

if TYPE_CHECKING:
    from rotator.daemon.watch import Watcher
    from rotator.metrics.metrics import Metrics
    from rotator.notify import AlertMemory, Notifier
    from rotator.web.site import Site


class Audience:
    """A Watcher that passes on what it is told to those that are there.

    `lasting`: for the daemon, which serves a page; `metrics`: for a one-shot that leaves them in a file.
    """

    def __init__(
        self, clock: Callable[[], datetime], environ: Mapping[str, str], *, lasting: bool, metrics: bool = False
    ) -> None:
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
            self._site = self._new_site(config)
        if config.notify and self._notifier is None:
            self._notifier = self._new_notifier(account)

    def api_request(self, method: str, status: str, seconds: float) -> None:
        """An exchange with the API is over."""
        if self._metrics:
            self._metrics.api_request(method, status, seconds)

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """See `Watcher`; likewise below."""
        if not problems:
            self._board.configured(config.policies)
        for each in self._all():
            each.configured(config, now, problems)

    def reloading(self, now: datetime) -> None:
        """See `Watcher`."""
        for each in self._all():
            each.reloading(now)

    def begun(self, now: datetime) -> None:
        """See `Watcher`."""
        for each in self._all():
            each.begun(now)

    def passed(self, report: Report, now: datetime, next_at: datetime | None) -> None:
        """See `Watcher`."""
        self._board.passed(report, now)
        for each in self._all():
            each.passed(report, now, next_at)

    def woke(self, now: datetime) -> None:
        """See `Watcher`."""
        for each in self._all():
            each.woke(now)

    def closing(self, reason: str) -> None:
        """See `Watcher`."""
        for each in self._all():
            each.closing(reason)

    def began(self) -> None:
        """A one-shot begins its work."""
        if self._notifier:
            self._notifier.began()

    def finished(self, exit_code: int, text: str, metrics_file: Path | None, *, hurried: bool) -> None:
        """A one-shot is done; `text` is what it told. `hurried`: it was asked to stop."""
        if self._metrics and metrics_file:
            self._metrics.write(metrics_file)
        if self._notifier:
            self._notifier.finished(exit_code, text, hurried=hurried)

    def _all(self) -> Iterator[Watcher]:
        yield from (each for each in (self._metrics, self._notifier, self._site) if each is not None)

    def _new_metrics(self, wanted_by: str) -> Metrics:
        from rotator.metrics import new_metrics

        return new_metrics(self._clock, wanted_by)

    def _new_site(self, config: Config) -> Site:
        from rotator.metrics import is_installed
        from rotator.web import new_site

        if self._metrics is None and is_installed():
            self._metrics = self._new_metrics("web")
        assert config.web is not None  # noqa: S101 - asked by `adopt`
        site = new_site(config.web, self._board, self._clock, self._environ, self._metrics)
        site.open()
        return site

    def _new_notifier(self, account: Account) -> Notifier:
        from rotator.notify import Notifier, ProcessMemory
        from rotator.state import State

        memory: AlertMemory = account.ledger if isinstance(account.ledger, State) else ProcessMemory()
        return Notifier.create(
            account.config.notify, memory, self._clock, account.redactor, self._environ, lasting=self._lasting
        )
