"""One line on a terminal while something is waited for; nothing anywhere else."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from rotator.cli.journal import Journal
from rotator.daemon.signals import Signals
from rotator.simulate.settings import DAY, Settings


class Line:
    """Rewrites itself with every call of `write`; `clear` takes it away."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()

    def write(self, text: str) -> None:
        """Show this instead of what was there."""
        if not self.is_shown:
            return
        try:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        except OSError:
            self.is_shown = False  # the terminal is gone; the work goes on

    def clear(self) -> None:
        """Leave the terminal as it was."""
        self.write("")


class Waiting:
    """What a restore waits for, and for how long already."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._line = Line()
        self._what = "waiting for other rotators"
        self._begun = time.monotonic()

    def say(self, words: str) -> None:
        """Tell something new, which is waited for from now on."""
        self._line.clear()
        self._say(words)
        self._what, self._begun = words, time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, and keep the time on the line moving."""
        if not self._line.is_shown:
            time.sleep(seconds)
            return
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            text = f"{_clock(time.monotonic() - self._begun)} {self._what}"
            columns = shutil.get_terminal_size().columns
            self._line.write(text if len(text) < columns else f"{text[: columns - 2]}…")
            time.sleep(min(left, 1.0))

    def clear(self) -> None:
        """Leave the terminal as it was."""
        self._line.clear()


class Days:
    """How far a simulation is: nothing in the first two seconds, then once a second; leaving the context clears it."""

    def __init__(self, settings: Settings, *, is_logged: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._line = Line()
        self._line.is_shown &= not is_logged
        self._next = monotonic() + 2
        self._wrote = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._wrote:
            self._line.clear()

    def show(self, now: datetime) -> None:
        """The simulation is at this moment."""
        if self._line.is_shown and self._monotonic() >= self._next:
            self._next = self._monotonic() + 1
            self._wrote = True
            self._line.write(f"day {(now - self._settings.begun) // DAY + 1:,} of {self._settings.days:,}")


class Progress:
    """Rewrites its line with every call of `show`; `clear` takes it away."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = time.monotonic()
        self._line = Line()

    def show(self, done: int, waiting: int, left: timedelta | None = None) -> None:
        """So many servers are done, so many wait for a snapshot in progress; `left` is how long that usually takes."""
        usually = f", about {_clock(left.total_seconds())} left" if left is not None and waiting else ""
        self._line.write(f"{done}/{self._total} servers done, {waiting} in progress, {self._elapsed()}{usually}")

    def clear(self) -> None:
        """Leave the terminal as it was."""
        self._line.clear()

    def sleeping(self, signals: Signals, seconds: float, journal: Journal, clock: Callable[[], datetime]) -> None:
        """Sleep until told to stop, and keep the times on the line moving."""
        deadline = time.monotonic() + seconds
        done, waiting = journal.standing()
        eta = journal.eta()
        while (left := deadline - time.monotonic()) > 0 and not signals.stopping.is_set():
            self.show(done, waiting, max(eta - clock(), timedelta(0)) if eta else None)
            signals.sleep(min(left, 1.0) if self._line.is_shown else left)
            signals.take_reload()  # a terminal that hangs up does not end a rotation, nor any later sleep

    def _elapsed(self) -> str:
        return _clock(time.monotonic() - self._begun)


def _clock(span: float) -> str:
    minutes, seconds = divmod(int(span), 60)
    return f"{minutes}:{seconds:02d}"
