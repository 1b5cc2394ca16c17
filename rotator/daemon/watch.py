"""Hands what the loop tells to all who want to know: metrics, notifications, the status page, the service manager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rotator.config import Config
from rotator.engine import Report
from rotator.logs import Event, logger
from rotator.standing import Watcher

OFTEN = timedelta(seconds=1)
"""A long pass beats many times a second; nobody needs to know more often than this."""


class Watchers(Watcher):
    """All of them as one; a fault in one stops neither the others nor the loop."""

    def __init__(self, watchers: Sequence[Watcher] = ()) -> None:
        self._watchers = tuple(watchers)
        self._woke_at: datetime | None = None

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """Tell all of them; likewise below."""
        self._each(lambda watcher: watcher.configured(config, now, problems))

    def reloading(self, now: datetime) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.reloading(now))

    def passed(self, report: Report, now: datetime) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.passed(report, now))

    def woke(self, now: datetime) -> None:
        """See `Watcher`; not more often than once a second."""
        if self._woke_at is not None and timedelta(0) <= now - self._woke_at < OFTEN:
            return
        self._woke_at = now
        self._each(lambda watcher: watcher.woke(now))

    def closing(self, reason: str) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.closing(reason))

    def _all(self) -> Sequence[Watcher]:
        return self._watchers

    def _each(self, tell: Callable[[Watcher], None]) -> None:
        for watcher in self._all():
            try:
                tell(watcher)
            except Exception as error:  # noqa: BLE001 - whoever watches must not stop what is watched
                logger().error(Event.INTERNAL_ERROR, reason=f"{type(watcher).__name__}: {error}", exc_info=True)
