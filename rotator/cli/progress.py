"""One line on a terminal while snapshots are being created; nothing anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from rotator.cli.journal import Journal
from rotator.daemon.signals import Signals


class Progress:
    """Rewrites its line with every call of `show`; `clear` takes it away."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = time.monotonic()
        self._on = sys.stderr.isatty()

    def show(self, done: int, waiting: int, left: timedelta | None = None) -> None:
        """So many servers are done, so many wait for a snapshot in progress; `left` is how long that usually takes."""
        usually = f", about {_clock(left.total_seconds())} left" if left is not None and waiting else ""
        self._write(f"{done}/{self._total} servers done, {waiting} in progress, {self._elapsed()}{usually}")

    def clear(self) -> None:
        """Leave the terminal as it was."""
        self._write("")

    def sleeping(self, signals: Signals, seconds: float, journal: Journal, clock: Callable[[], datetime]) -> None:
        """Sleep until told to stop, and keep the times on the line moving."""
        deadline = time.monotonic() + seconds
        done, waiting = journal.standing()
        eta = journal.eta()
        while (left := deadline - time.monotonic()) > 0 and not signals.stopping.is_set():
            self.show(done, waiting, max(eta - clock(), timedelta(0)) if eta else None)
            signals.sleep(min(left, 1.0) if self._on else left)
            signals.take_reload()  # a terminal that hangs up does not end a rotation, nor any later sleep

    def _write(self, text: str) -> None:
        if not self._on:
            return
        try:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        except OSError:
            self._on = False  # the terminal is gone; the rotation goes on

    def _elapsed(self) -> str:
        return _clock(time.monotonic() - self._begun)


def _clock(span: float) -> str:
    minutes, seconds = divmod(int(span), 60)
    return f"{minutes}:{seconds:02d}"
