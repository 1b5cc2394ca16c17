"""Collects what is wrong with a configuration file, each with its place and remedy, in words of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from rotator.config.hook_schema import COMMAND_TAGS, HookRules
from rotator.config.outlet_schema import AppriseRules, CheckInRules, Notify, Web, WebhookRules
from rotator.config.schema import KEEP_TAGS, Api, Rules, Server, Tiers, Times
from rotator.config.words import Loc, found, kind_of, location, number_remedy, shown, text_remedy, truth_remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from rotator.config.nodes import Node, Place

MOST = 1000
"""Nobody mends more in one go, and looking for close spellings takes time."""

_COMPARED = 200
"""Names to compare a misspelt one with: each comparison takes a while."""

_SECRET = re.compile(r"token|secret|passw|api_?-?key|bearer|authorization|credential", re.IGNORECASE)
_PARTS: dict[str, type[BaseModel]] = {
    "keep": Tiers,
    "hooks": HookRules,
    "check_in": CheckInRules,
    "webhook": WebhookRules,
    "apprise": AppriseRules,
}
"""Keys whose values have keys of their own."""

_HOMES: dict[str, type[BaseModel]] = {"api": Api, "timing": Times, "web": Web, "notify": Notify, "defaults": Rules}
_INNER_HOMES: dict[type[BaseModel], tuple[str, ...]] = {
    Rules: ("keep", "hooks"),
    Server: ("keep", "hooks"),
    Notify: ("check_in", "webhook", "apprise"),
}
_SECRET_HOMES: dict[type[BaseModel], str] = {
    Web: "save the token in a file of mode 0600 and name it as web.token_file",
    WebhookRules: "save the secret in a file of mode 0600 and name it as secret_file",
    Notify: "save the address in a file of mode 0600 and name it as url_file",
    CheckInRules: "save the address in a file of mode 0600 and name it as url_file",
    AppriseRules: "save the address in a file of mode 0600 and name it as url_file",
}
_TAGS = frozenset(KEEP_TAGS + COMMAND_TAGS)

_PATTERNS = {
    "prefix": "write up to 40 letters, digits, '-' and '_', a letter or digit at both ends",
    "adopt": "write letters, digits, '-', '_', '*' and '?', with at least one letter or digit",
}


@dataclass(frozen=True, slots=True, order=True)
class _Problem:
    place: Place
    where: str
    message: str


@dataclass(slots=True)
class Problems:
    """What was found so far in the file called `file`, whose content is `root`; the same thing is never told twice."""

    file: str
    root: Node
    _found: set[_Problem] = field(default_factory=set)
    _warned: set[_Problem] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether there are so many that looking for more helps nobody."""
        return len(self._found) >= MOST

    def add(self, loc: Loc, message: str, place: Place | None = None) -> None:
        """Tells of a problem with the value at `loc`."""
        if not self.full:
            self._found.add(_Problem(place or self.root.at(loc).place, location(loc), message))

    def warn(self, loc: Loc, message: str) -> None:
        """Tells of something that is allowed and yet may not be what was meant."""
        self._warned.add(_Problem(self.root.at(loc).place, location(loc), message))

    def add_all(self, model: type[BaseModel], top: Loc, errors: Iterable[ErrorDetails]) -> None:
        """Tells of what pydantic says about the section at `top`."""
        for error in errors:
            if self.full:
                return
            self._add_one(model, (*top, *_without_tags(error["loc"])), len(top), error)

    def _add_one(self, model: type[BaseModel], loc: Loc, depth: int, error: ErrorDetails) -> None:
        owner = next((_PARTS[part] for part in reversed(loc[depth:-1]) if part in _PARTS), model)
        match error["type"]:
            case "missing":
                self.add(loc[:-1], _missing(owner, str(loc[-1])))
            case "extra_forbidden":
                self.add_unknown(owner, loc)
            case kind:
                self.add(loc, _sentence(kind, error, self.root.at(loc), owner, _key_of(loc)))

    def add_unknown(self, model: type[BaseModel], loc: Loc) -> None:
        """Tells of a key that the section does not have."""
        if not self.full:
            self.add(loc, _unknown(model, str(loc[-1])), self.root.key_place(loc))

    def line(self, loc: Loc) -> int:
        """The line in which the value at `loc` stands."""
        return self.root.at(loc).place[0]

    def lines(self) -> tuple[str, ...]:
        """Every problem as `file:line:column: place: message`, in the order of the file."""
        rest = (f"{self.file}: there may be more; mend these {MOST:,} first",) if self.full else ()
        return (*self._lines(self._found), *rest)

    def warnings(self) -> tuple[str, ...]:
        """Every warning, likewise."""
        return tuple(self._lines(self._warned))

    def _lines(self, problems: set[_Problem]) -> Iterator[str]:
        for problem in sorted(problems):
            (line, column), where = problem.place, problem.where
            yield f"{self.file}:{line}:{column}: {where}{': ' if where else ''}{problem.message}"


def unknown_policy(name: str, known: Iterable[str]) -> str:
    """What to say of a policy that is not there."""
    names = sorted(known)
    near = get_close_matches(name, names[:_COMPARED], n=1)
    if near:
        return f"there is no policy {shown(name)}; did you mean {shown(near[0])}?"
    listed = ", ".join(map(shown, names[:5])) or "none yet"
    return f"there is no policy {shown(name)} under policies (there: {listed}); add it or name another"


def _without_tags(loc: Loc) -> Loc:
    return tuple(part for part in loc if part not in _TAGS)


def _key_of(loc: Loc) -> str:
    """The last key on the way to `loc`: an item of a list goes by the name of the list."""
    return next((part for part in reversed(loc) if isinstance(part, str)), "")


def _missing(model: type[BaseModel], key: str) -> str:
    return f"{key} is missing; add {key}: {_example(model, key)}"


def _example(model: type[BaseModel], key: str) -> str:
    known = model.model_fields.get(key)
    return _written(known.examples[0] if known and known.examples else "")


def _item_example(model: type[BaseModel], key: str) -> str:
    """Of a list of texts, one of them."""
    example = next(iter(model.model_fields[key].examples or [""])) if key in model.model_fields else ""
    return _written(example[-1] if isinstance(example, list) else example)


def _written(example: object) -> str:
    """An example on one line of YAML."""
    if isinstance(example, list):
        return "[" + ", ".join(map(_written, example)) + "]"
    if isinstance(example, dict):
        return "{" + ", ".join(f"{key}: {_written(value)}" for key, value in example.items()) + "}"
    return str(example)


def _unknown(model: type[BaseModel], key: str) -> str:
    near = get_close_matches(key.lower().replace("-", "_"), model.model_fields, n=1, cutoff=0.75)
    if near:
        return f"there is no such key; did you mean {near[0]}?"
    if _SECRET.search(key):
        remedy = "save the token in a file of mode 0600 and name it as api.token_file"
        return f"secrets do not belong in this file; {_SECRET_HOMES.get(model, remedy)}"
    if home := _home(model, key):
        return f"there is no such key here; it belongs under {home}:"
    return f"there is no such key; remove it (known here: {', '.join(model.model_fields)})"


def _home(model: type[BaseModel], key: str) -> str:
    """The section that has `key`, nearest first; nothing if none has."""
    homes = {inner: _PARTS[inner] for inner in _INNER_HOMES.get(model, ())} | _HOMES
    return next((name for name, section in homes.items() if section is not model and key in section.model_fields), "")


def _sentence(kind: str, error: ErrorDetails, node: Node, model: type[BaseModel], key: str) -> str:
    """The problem of kind `kind` with the value of `node`, the `key` of `model`."""
    value, limits = node.value, error.get("ctx", {})
    match kind:
        case "value_error":
            return str(limits["error"])
        case "greater_than_equal":
            return f"found the number {value}; write {limits['ge']} or more"
        case "less_than_equal":
            return f"found the number {value}; write {limits['le']} or less{_why(key, model)}"
        case "string_too_long" | "too_long":
            return _too_long(value, limits)
        case "string_too_short":
            return f"found empty text; write for example {_example(model, key)}"
        case "string_pattern_mismatch":
            return f"{found(value)}: {_PATTERNS[key]}"
        case "model_type":
            return f"{kind_of(value)}: write keys and values below it, each on its own line"
        case "too_short":
            return f"found an empty list; write for example {_example(model, key)}"
        case "tuple_type" if model is Notify:
            return f"{kind_of(value)}: write a list, for example {_example(model, key)}"
        case _:
            return f"{found(value)}{' in quotes' if _is_quoted(node) else ''}: {_type_remedy(kind, node, model, key)}"


def _is_quoted(node: Node) -> bool:
    return isinstance(node.value, str) and not node.plain


def _why(key: str, model: type[BaseModel]) -> str:
    return " (a server has at most 5 snapshots)" if key in ("keep", "min_keep") or model is Tiers else ""


def _too_long(value: object, limits: dict[str, Any]) -> str:
    unit = "characters" if isinstance(value, str) else "items"
    size = len(value) if isinstance(value, str | list) else 0
    return f"holds {size} {unit}; write at most {limits['max_length']}"


def _type_remedy(kind: str, node: Node, model: type[BaseModel], key: str) -> str:
    match kind:
        case "int_type" if key == "keep" and isinstance(node.value, list):
            return "write a whole number, or keys and numbers such as {last: 2, daily: 1, weekly: 1}"
        case "int_type":
            return number_remedy(node.value)
        case "bool_type":
            return truth_remedy(node.value)
        case "string_type":
            return text_remedy(node.value, _item_example(model, key))
        case _:
            return f"write a list, for example {_example(model, key)}"
