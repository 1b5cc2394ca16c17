"""One line on a terminal while snapshots are being created; nothing anywhere else."""

from __future__ import annotations

import sys
import time

from rotator.daemon.signals import Signals


class Progress:
    """Rewrites its line with every call of `show`; `clear` takes it away."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = time.monotonic()
        self._on = sys.stderr.isatty()

    def show(self, done: int, waiting: int) -> None:
        """So many servers are done, so many wait for a snapshot in progress."""
        if self._on:
            text = f"{done}/{self._total} servers done, {waiting} in progress, {self._elapsed()}"
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the terminal as it was."""
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def sleeping(self, signals: Signals, seconds: float, done: int, waiting: int) -> None:
        """Sleep until told to stop, and keep the elapsed time on the line moving."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not signals.stopping.is_set():
            self.show(done, waiting)
            signals.sleep(min(left, 1.0) if self._on else left)
            signals.take_reload()  # a terminal that hangs up does not end a rotation, nor any later sleep

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        return f"{minutes}:{seconds:02d}"
