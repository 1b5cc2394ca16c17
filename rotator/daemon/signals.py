"""Signals as facts to ask for, and a sleep that any of them ends at once."""

from __future__ import annotations

import select
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self

Previous = Callable[[int, FrameType | None], Any] | int | None


class Signals:
    """While entered: SIGTERM and SIGINT set `stopping`, SIGHUP asks for a reload.

    Sleeping is a select on the wake-up descriptor of the signal module: a wait on a lock would not end at a signal
    that arrives just before it begins.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._reload = False
        self._asked_to_stop = False
        self._read, self._write = socket.socketpair()
        self._previous: dict[signal.Signals, Previous] = {}
        self._previous_fd = -1

    def __enter__(self) -> Self:
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._previous_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number, handler in ((signal.SIGTERM, self._stop), (signal.SIGINT, self._stop), (signal.SIGHUP, self._hup)):
            self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        self._read.close()
        self._write.close()

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a signal."""
        if self.stopping.is_set() or self._reload:
            return
        select.select([self._read], [], [], max(seconds, 0.0))
        with suppress(BlockingIOError):
            while self._read.recv(4096):
                pass

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last time this was asked."""
        asked, self._reload = self._reload, False
        return asked

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._asked_to_stop:  # setting an event twice at once, one call inside the other, would never return
            self._asked_to_stop = True
            self.stopping.set()

    def _hup(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True
