"""Plain data that knows where it stands in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.config.words import Loc

Place = tuple[int, int]
"""Line and column, both from 1."""

# Shared, because a large file has a hundred thousand values without children.
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands; `children` and `keys` (the places of a mapping's keys) lead further down."""

    value: object
    place: Place
    plain: bool = True
    children: Mapping[str | int, Node] = field(default_factory=lambda: _NOTHING)
    keys: Mapping[str, Place] = field(default_factory=lambda: _NOTHING)

    def at(self, loc: Loc) -> Node:
        """The node at `loc`, or the deepest one on the way that the file has."""
        node = self
        for part in loc:
            if part not in node.children:
                return node
            node = node.children[part]
        return node

    def key_place(self, loc: Loc) -> Place:
        """Where the last key of `loc` is written."""
        parent = self.at(loc[:-1])
        return parent.keys.get(str(loc[-1]), parent.place)


@dataclass(frozen=True, slots=True)
class Blemish:
    """A mistake that does not keep the rest from being read."""

    place: Place
    loc: Loc
    message: str
