"""A table as this process last knew it, with what it could not write yet; knows no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from rotator.state.rows import Change
from rotator.state.tables import Table

Key = TypeVar("Key")
Value = TypeVar("Value")


class Mirror(Generic[Key, Value]):
    """Answers while the file cannot be read, and puts what it knows into a file that is begun anew."""

    def __init__(self, table: Table[Key, Value]) -> None:
        self.table = table
        self.version: object = None
        """Of the file's content, as of which it was read; None: it is to be read again."""
        self._known: dict[Key, Value] = {}
        self._unwritten: dict[Key, Value | None] = {}

    def put(self, value: Value) -> None:
        """It is to be written."""
        self._unwritten[self.table.key(value)] = value

    def drop(self, key: Key) -> None:
        """It is to be removed."""
        self._unwritten[key] = None

    def written(self) -> None:
        """The file has everything by now."""
        self._known = self.all()
        self._unwritten.clear()

    def learn(self, found: Mapping[Key, Value], version: object = None) -> None:
        """What the file has."""
        self._known = dict(found)
        self.version = version

    def all(self) -> dict[Key, Value]:
        """What the file would have if everything were written."""
        merged = {**self._known, **self._unwritten}
        return {key: value for key, value in merged.items() if value is not None}

    def changes(self) -> list[Change]:
        """What makes a new file know all this."""
        return [self.table.kept(value) for value in self.all().values()]
