"""What is wrong with a value or a key, in words of our own with a remedy; knows every section, and no file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from rotator.config.hook_schema import COMMAND_TAGS, HookRules
from rotator.config.outlet_schema import AppriseRules, CheckInRules, Notify, Web, WebhookRules
from rotator.config.schema import KEEP_TAGS, Api, Rules, Server, Tiers, Times
from rotator.config.words import Loc, found, kind_of, number_remedy, text_remedy, truth_remedy

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from rotator.config.nodes import Node

_SECRET = re.compile(r"token|secret|passw|api_?-?key|bearer|authorization|credential", re.IGNORECASE)
_PARTS: dict[str, type[BaseModel]] = {
    "keep": Tiers,
    "hooks": HookRules,
    "check_ins": CheckInRules,
    "webhooks": WebhookRules,
    "apprise": AppriseRules,
}
"""Keys whose values have keys of their own."""

_HOMES: dict[str, type[BaseModel]] = {"api": Api, "timing": Times, "web": Web, "notify": Notify, "defaults": Rules}
_INNER_HOMES: dict[type[BaseModel], tuple[str, ...]] = {
    Rules: ("keep", "hooks"),
    Server: ("keep", "hooks"),
    Notify: ("check_ins", "webhooks", "apprise"),
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


def without_tags(loc: Loc) -> Loc:
    """The place of a problem as the file has it, without what pydantic adds."""
    return tuple(part for part in loc if part not in _TAGS)


def sentence_of(model: type[BaseModel], loc: Loc, depth: int, error: ErrorDetails, root: Node) -> str:
    """What to say of an error at `loc`; the section `model` stands `depth` keys below the file's `root`."""
    owner = next((_PARTS[part] for part in reversed(loc[depth:-1]) if part in _PARTS), model)
    match error["type"]:
        case "missing":
            return _missing(owner, str(loc[-1]))
        case "extra_forbidden":
            return unknown(owner, str(loc[-1]))
        case kind:
            return _of_value(kind, error, root.at(loc), owner, _key_of(loc))


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


def unknown(model: type[BaseModel], key: str) -> str:
    """What to say of a key that the section does not have."""
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


def _of_value(kind: str, error: ErrorDetails, node: Node, model: type[BaseModel], key: str) -> str:
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
