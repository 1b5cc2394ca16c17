"""Keeps the last lines of the log in memory, cleaned of every secret, for whoever is told that something is wrong."""

from __future__ import annotations

import logging
from collections import deque

from rotator.logs import Redactor

LINES = 50

_LONGEST = 2000


class Tail(logging.Handler):
    """A handler besides the one that writes; it formats lines as that one does."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self._lines: deque[str] = deque(maxlen=LINES)

    def open(self) -> None:
        """Listen from now on."""
        root = logging.getLogger()
        self.setFormatter(next((each.formatter for each in root.handlers if each.formatter), None))
        root.addHandler(self)

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        try:
            line = self._redactor.clean(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler of logging: a line that cannot be written is given up
            return
        self._lines.append(line[:_LONGEST])

    def text(self) -> str:
        """The lines, oldest first."""
        self.acquire()
        try:
            return "\n".join(self._lines)
        finally:
            self.release()
