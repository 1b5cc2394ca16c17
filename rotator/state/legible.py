"""Reads rows one by one, so that one that nobody can read costs no other; knows no table and no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from rotator.logs import Event, logger
from rotator.naming import printable
from rotator.state.fault import UNFIT, FaultKind
from rotator.state.rows import Row

Found = TypeVar("Found")


class Legible:
    """The rows of a file that can be read; of the others every one is told once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: set[tuple[str, str]] = set()

    def values(self, table: str, found: Iterable[Row], value: Callable[[Row], Found]) -> list[Found]:
        """What the rows mean; the first column of a row is what it is told by."""
        return list(self.each(table, found, value))

    def each(self, table: str, found: Iterable[Row], value: Callable[[Row], Found]) -> Iterator[Found]:
        """The same as they are asked for; at the end the bad ones are told."""
        bad: dict[str, str] = {}
        for row in found:
            try:
                read = value(row)
            except UNFIT as error:
                bad.setdefault(printable(str(row[0]))[:80], str(error))
            else:
                yield read
        self._tell(table, bad)

    def _tell(self, table: str, bad: dict[str, str]) -> None:
        news = [name for name in bad if (table, name) not in self._told]
        if not news:
            return
        self._told |= {(table, name) for name in news}
        first = f"{news[0]}: {printable(bad[news[0]])[:200]}"
        what = f"a row of {table}" if len(news) == 1 else f"{len(news)} rows of {table}"
        reason = f"state {self._path}: {what} cannot be read, all others count ({first})"
        logger().error(Event.STATE_UNUSABLE, state=str(self._path), kind=FaultKind.BAD_ROW.value, reason=reason)
