"""Turns YAML text into plain data that knows where each value stands; reads a safe, small part of YAML.

Built from the parser's events because libyaml's own composer crashes the process on deeply nested input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from rotator.config.nodes import Blemish, Node, Place
from rotator.config.words import Loc, shown
from rotator.config.yaml_errors import UnreadableYamlError, character_problem, index_place, mark_place, syntax_problem

MAX_DEPTH = 32
MAX_NODES = 500_000
"""Values in a file, each counted as often as aliases repeat it: room for 10,000 servers with every key."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# More digits stay text: Python refuses to convert thousands of them, and nothing here needs them.
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_TAG_LINE = re.compile(r"^%TAG", re.MULTILINE)


def read_yaml(text: str) -> tuple[Node, tuple[Blemish, ...]]:
    """The one document in `text` and what is wrong with its form; raises UnreadableYamlError where it cannot go on.

    Only `true`, `false`, `null`, nothing and plain decimal numbers are not text. Takes time in proportion to `text`.
    """
    if match := _TAG_LINE.search(text):
        # libyaml compares each with all before it: a file of them takes minutes.
        raise UnreadableYamlError(index_place(text, match.start()), "%TAG is not used here; remove the line")
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise syntax_problem(text, error, builder.innermost) from None
    except yaml.reader.ReaderError as error:
        raise character_problem(text, error) from None
    return builder.root or Node(None, (1, 1)), tuple(builder.blemishes)


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read; `count` and `height` are those of everything in it, aliases expanded."""

    place: Place
    anchor: str | None
    is_map: bool
    key: str = ""
    key_place: Place = (1, 1)
    wants_key: bool = True
    dropped: bool = False
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    count: int = 1
    height: int = 1

    def node(self) -> Node:
        values: object = [child.value for child in self.children.values()]
        if self.is_map:
            values = {key: child.value for key, child in self.children.items()}
        return Node(values, self.place, True, self.children, self.keys)


class _Builder:
    """Takes events one by one, without recursion."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.blemishes: list[Blemish] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._nodes = 0
        self._documents = 0

    @property
    def innermost(self) -> Place | None:
        """Where the list or mapping begins that is being read."""
        return self._open[-1].place if self._open else None

    def take(self, event: yaml.Event) -> None:
        """Adds what `event` says; raises UnreadableYamlError for what is never allowed."""
        place = mark_place(event.start_mark)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, place)
            case yaml.AliasEvent():
                self._alias(str(event.anchor), place)
            case yaml.CollectionStartEvent():
                self._start(event, place)
            case yaml.CollectionEndEvent():
                self._end()
            case yaml.DocumentStartEvent():
                self._document(place)

    def _document(self, place: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            raise UnreadableYamlError(place, "a second document begins here; keep one, without '---' lines between")

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        self._check_tag(event.tag, place)
        plain = event.style in (None, "")
        node = Node(_plain_value(event.value) if plain else event.value, place, plain)
        self._add(node, 1, 1)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 1)

    def _alias(self, name: str, place: Place) -> None:
        if any(opened.anchor == name for opened in self._open):
            raise UnreadableYamlError(place, f"*{name} stands inside what it refers to; write the value out")
        if name not in self._anchors:
            raise UnreadableYamlError(place, f"*{name} refers to nothing; put text that begins with * in quotes")
        node, count, height = self._anchors[name]
        self._add(node, count, height, place)

    def _start(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        self._check_tag(event.tag, place)
        if len(self._open) >= MAX_DEPTH:
            raise _too_deep(place)
        self._open.append(_Open(place, event.anchor, isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        node = done.node()
        # Its children were counted as they came; only itself is new.
        self._add(node, 1, done.height)
        if self._open:
            self._open[-1].count += done.count - 1
        if done.anchor:
            self._anchors[done.anchor] = (node, done.count, done.height)

    def _check_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None:
            self._blame(place, self._loc(), f"found the tag {_tag(tag)}; write the value without it")

    def _add(self, node: Node, count: int, height: int, place: Place | None = None) -> None:
        """Puts `node` where it belongs; `place` is where an alias of it is written."""
        place = place or node.place
        self._nodes += count
        if self._nodes > MAX_NODES:
            raise UnreadableYamlError(
                place, f"the file holds more than {MAX_NODES:,} values, aliases expanded; write less"
            )
        if len(self._open) + height > MAX_DEPTH + 1:
            raise _too_deep(place)
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.count += count
        parent.height = max(parent.height, height + 1)
        self._put(parent, node, place)

    def _put(self, parent: _Open, node: Node, place: Place) -> None:
        if not parent.is_map:
            parent.children[len(parent.children)] = node
        elif parent.wants_key:
            parent.dropped = not self._is_good_key(parent, node, place)
            parent.key, parent.key_place = node.value if isinstance(node.value, str) else "?", place
            parent.wants_key = False
        else:
            parent.wants_key = True
            if not parent.dropped:
                parent.children[parent.key] = node
                parent.keys[parent.key] = parent.key_place

    def _is_good_key(self, parent: _Open, node: Node, place: Place) -> bool:
        """Whether the key may stand there; if not, it is told, and its value is left out."""
        key, loc = node.value, self._loc()
        if not isinstance(key, str):
            self._blame(place, loc, "found a key that is not text; put it in quotes")
        elif key == "<<" and node.plain:
            self._blame(place, loc, "merge keys (<<) are not used here; use policies: instead")
        elif key in parent.keys:
            line = parent.keys[key][0]
            self._blame(place, (*loc, key), f"the key stands here twice (first in line {line}); remove one")
        else:
            return True
        return False

    def _blame(self, place: Place, loc: Loc, message: str) -> None:
        self.blemishes.append(Blemish(place, loc, message))

    def _loc(self) -> Loc:
        """Where the value that comes next will stand, as far as its keys are known."""
        parts = [opened.key if opened.is_map else len(opened.children) for opened in self._open]
        if self._open and self._open[-1].is_map and self._open[-1].wants_key:
            parts.pop()
        return tuple(parts)


def _plain_value(text: str) -> object:
    if _NUMBER.fullmatch(text):
        return int(text)
    return _WORDS.get(text, text)


def _tag(tag: str) -> str:
    return shown(tag.replace("tag:yaml.org,2002:", "!!"))


def _too_deep(place: Place) -> UnreadableYamlError:
    return UnreadableYamlError(
        place, f"lists and keys are nested deeper than {MAX_DEPTH} levels; nothing here needs that"
    )
