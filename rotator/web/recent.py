"""Answers of the last second, so that a flood of one question costs as much as asking once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock

from rotator.web.answers import Answer

_LONGEST = timedelta(seconds=1)
_MOST = 8


class Recent:
    """Thread-safe. One answer is made at a time, so that visitors cannot crowd the loop out."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: OrderedDict[Hashable, tuple[datetime, Answer]] = OrderedDict()

    def answer(self, question: Hashable, now: datetime, make: Callable[[], Answer]) -> Answer:
        """The answer to an equal question of less than a second ago, else a new one."""
        with self._lock:
            known = self._made.get(question)
            if known and timedelta(0) <= now - known[0] < _LONGEST:
                return known[1]
            made = make()
            self._made[question] = (now, made)
            self._made.move_to_end(question)
            if len(self._made) > _MOST:
                self._made.popitem(last=False)
            return made
