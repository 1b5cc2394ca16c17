"""Whether the loop of the instance that holds a lock still turns: it touches its lock file whenever it does."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.model import LONGEST_TURN


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a lock file tells: whether somebody holds it, who (0: nobody knows), and when their loop turned last.

    `state` says which state they use, as `State.identity` does; empty if they use none.
    """

    held: bool
    pid: int
    touched_at: datetime
    state: str = ""

    def is_alive(self, now: datetime, max_age: timedelta = LONGEST_TURN) -> bool:
        """Whether somebody holds the lock and their loop turned lately; a time far ahead is no proof either."""
        return self.held and abs(now - self.touched_at) <= max_age


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


def is_marked(config: Path) -> bool:
    """Whether somebody rotates with this configuration, as `InstanceLock.mark` leaves it there."""
    with suppress(OSError):
        fd = os.open(config, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
    return False
