"""Leaves the heartbeat of the daemon's loop, and which state it uses, in the lock file; `heartbeat` reads it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rotator.config import Config
from rotator.daemon.lock import InstanceLock
from rotator.engine import Ledger, Report
from rotator.standing import Watcher


class Pulse(Watcher):
    """Touches the lock file whenever the loop turns."""

    def __init__(self, lock: InstanceLock, ledger: Ledger | None) -> None:
        self._lock = lock
        self._ledger = ledger
        self._noted: str | None = None
        self._config: Path | None = None

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Say which configuration and which state are in use."""
        self._config = config.path
        self.woke(now)

    def passed(self, report: Report, now: datetime) -> None:  # noqa: ARG002 - a Watcher's
        """The loop turns."""
        self.woke(now)

    def woke(self, now: datetime) -> None:  # noqa: ARG002 - a Watcher's
        """The loop turns; the state may have become usable, or another, since the last time."""
        identity = self._ledger.identity if self._ledger else None
        if self._noted != (identity or "-"):
            self._noted = identity or "-"
            self._lock.note_state(identity)
        if self._config is not None:  # an editor may have put another file in its place
            self._lock.mark(self._config)
        self._lock.beat()
