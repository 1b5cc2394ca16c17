"""A table as this process last knew it, with what it could not write yet; knows no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from rotator.state.rows import Change

Key = TypeVar("Key")
Value = TypeVar("Value")


class Mirror(Generic[Key, Value]):
    """Answers while the file cannot be read, and puts what it knows into a file that is begun anew."""

    def __init__(self, kept: Callable[[Value], Change]) -> None:
        self._kept = kept
        self._known: dict[Key, Value] = {}
        self._unwritten: dict[Key, Value | None] = {}

    def put(self, key: Key, value: Value) -> None:
        """It is to be written."""
        self._unwritten[key] = value

    def drop(self, key: Key) -> None:
        """It is to be removed."""
        self._unwritten[key] = None

    def written(self) -> None:
        """The file has everything by now."""
        self._known = self.all()
        self._unwritten.clear()

    def learn(self, found: Mapping[Key, Value]) -> None:
        """What the file has."""
        self._known = dict(found)

    def all(self) -> dict[Key, Value]:
        """What the file would have if everything were written."""
        merged = {**self._known, **self._unwritten}
        return {key: value for key, value in merged.items() if value is not None}

    def changes(self) -> list[Change]:
        """What makes a new file know all this."""
        return [self._kept(value) for value in self.all().values()]
