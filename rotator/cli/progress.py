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
        self._write(f"{done}/{self._total} servers done, {waiting} in progress, {self._elapsed()}")

    def clear(self) -> None:
        """Leave the terminal as it was."""
        self._write("")

    def sleeping(self, signals: Signals, seconds: float, done: int, waiting: int) -> None:
        """Sleep until told to stop, and keep the elapsed time on the line moving."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not signals.stopping.is_set():
            self.show(done, waiting)
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
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        return f"{minutes}:{seconds:02d}"
