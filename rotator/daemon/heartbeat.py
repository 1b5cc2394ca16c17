"""Whether the loop of the instance that holds a lock still turns: it touches its lock file whenever it does."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rotator.config import Config
    from rotator.daemon.lock import InstanceLock
    from rotator.engine import Ledger, Report

MAX_AGE = timedelta(minutes=3)
"""A loop that has not turned for so long stands still; it turns at least every 30 seconds."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a lock file tells: whether somebody holds it, who (0: nobody knows), and when their loop turned last.

    `state` says which state they use, as `State.identity` does; empty if they use none.
    """

    held: bool
    pid: int
    touched_at: datetime
    state: str = ""

    def is_alive(self, now: datetime, max_age: timedelta = MAX_AGE) -> bool:
        """Whether somebody holds the lock and their loop turned lately; a time far ahead is no proof either."""
        return self.held and abs(now - self.touched_at) <= max_age


class Pulse:
    """A Watcher that leaves the heartbeat in the lock file."""

    def __init__(self, lock: InstanceLock, ledger: Ledger) -> None:
        self._lock = lock
        self._ledger = ledger
        self._noted: str | None = None

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:  # noqa: ARG002
        """Say which state is in use."""
        self.woke(now)

    def reloading(self, now: datetime) -> None:
        """The loop turns."""

    def begun(self, now: datetime) -> None:
        """The loop turns."""
        self.woke(now)

    def passed(self, report: Report, now: datetime, next_at: datetime | None) -> None:  # noqa: ARG002
        """The loop turns."""
        self.woke(now)

    def woke(self, now: datetime) -> None:  # noqa: ARG002 - a Watcher's
        """The loop turns; the state may have become usable, or another, since the last time."""
        if self._noted != (self._ledger.identity or "-"):
            self._noted = self._ledger.identity or "-"
            self._lock.note_state(self._ledger.identity)
        self._lock.beat()

    def closing(self, reason: str) -> None:
        """The lock says it by itself."""


def heartbeat(lock_file: Path) -> Heartbeat | None:
    """The heartbeat at `lock_file`, None if there is no such file; raises OSError if it cannot be looked at."""
    try:
        fd = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        # Looked at before the lock is tried, so that the time is the one of whoever holds it then.
        touched_at = datetime.fromtimestamp(os.fstat(fd).st_mtime, UTC)
        pid, _, rest = os.pread(fd, 100, 0).decode("ascii", "replace").partition("\n")
        state = rest.strip().removeprefix("-")
        return Heartbeat(_is_held(fd), int(pid) if pid.isdecimal() else 0, touched_at, state)
    finally:
        os.close(fd)


def _is_held(fd: int) -> bool:
    """Whether another process holds the lock; tried with a shared one for a moment, since flock has no question."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False
