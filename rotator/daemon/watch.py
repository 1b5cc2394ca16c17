"""Whoever wants to know what the daemon does: metrics, notifications, the status page, the service manager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rotator.config import Config
from rotator.engine import Report
from rotator.logs import Event, logger

OFTEN = timedelta(seconds=1)
"""A long pass beats many times a second; nobody needs to know more often than this."""


class Watcher(Protocol):
    """Called from the loop's own thread, so each call returns at once and none raises."""

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """`config` is in force: from the start, or after a reload; with `problems`, still, for the new one is bad."""
        ...

    def reloading(self, now: datetime) -> None:
        """A reload was asked for; `configured` follows."""
        ...

    def begun(self, now: datetime) -> None:
        """A pass begins."""
        ...

    def passed(self, report: Report, now: datetime, next_at: datetime | None) -> None:
        """A pass is over. `next_at` is the next appointment of any server; None: there is none."""
        ...

    def woke(self, now: datetime) -> None:
        """The loop turned; at least every 30 seconds, also during a long pass."""
        ...

    def closing(self, reason: str) -> None:
        """The daemon ends."""
        ...


class Watchers:
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

    def begun(self, now: datetime) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.begun(now))

    def passed(self, report: Report, now: datetime, next_at: datetime | None) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.passed(report, now, next_at))

    def woke(self, now: datetime) -> None:
        """See `Watcher`; not more often than once a second."""
        if self._woke_at is not None and timedelta(0) <= now - self._woke_at < OFTEN:
            return
        self._woke_at = now
        self._each(lambda watcher: watcher.woke(now))

    def closing(self, reason: str) -> None:
        """See `Watcher`."""
        self._each(lambda watcher: watcher.closing(reason))

    def _each(self, tell: Callable[[Watcher], None]) -> None:
        for watcher in self._watchers:
            try:
                tell(watcher)
            except Exception as error:  # noqa: BLE001 - whoever watches must not stop what is watched
                logger().error(Event.INTERNAL_ERROR, reason=f"{type(watcher).__name__}: {error}", exc_info=True)
