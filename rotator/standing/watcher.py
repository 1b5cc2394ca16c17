"""What the daemon's loop tells whoever wants to know; says nothing of who does."""

from __future__ import annotations

from datetime import datetime

from rotator.config import Config
from rotator.engine import Report


class Watcher:
    """Nothing concerns it but what it overrides. Called from the loop's own thread: each call returns at once."""

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """`config` is in force: from the start, or after a reload; with `problems`, still, for the new one is bad."""

    def reloading(self, now: datetime) -> None:
        """A reload was asked for; `configured` follows."""

    def passed(self, report: Report, now: datetime) -> None:
        """A pass is over."""

    def woke(self, now: datetime) -> None:
        """The loop turned; at least every 30 seconds, also during a long pass."""

    def closing(self, reason: str) -> None:
        """The daemon ends."""
