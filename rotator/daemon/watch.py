"""Whoever wants to know what the daemon does: metrics, notifications, the status page, the service manager."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rotator.config import Config
from rotator.engine import Report


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
