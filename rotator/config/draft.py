"""The sections of a file, each checked by itself; what is wrong in one does not hide what is wrong in another."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from rotator.config.schema import Api, Rules, Server, Times
from rotator.config.words import kind_of, shown

if TYPE_CHECKING:
    from rotator.config.outlet_schema import Notify, Web
    from rotator.config.problems import Problems
    from rotator.config.words import Loc

M = TypeVar("M", bound=BaseModel)
_NAME_LIMIT = 64
_STAND_INS = {"id": 1, "name": "-"}
"""For what a server must have, so that the rest of one with a bad id is checked all the same."""


@dataclass(frozen=True, slots=True)
class Piece(Generic[M]):
    """A section as far as it is good: `value` without the keys in `bad`, None if too little is left."""

    loc: Loc
    value: M | None
    written: object
    bad: frozenset[str] = frozenset()

    def good(self, key: str) -> Any:
        """What is written for `key` if that is good; None otherwise. Also for a section that has no `value`."""
        return self.written.get(key) if isinstance(self.written, dict) and key not in self.bad else None


@dataclass(frozen=True, slots=True)
class Draft:
    """All sections of a file, before anything is inherited."""

    api: Piece[Api]
    timing: Piece[Times]
    defaults: Piece[Rules]
    policies: dict[str, Piece[Rules]]
    servers: tuple[Piece[Server], ...]
    web: Piece[Web] | None
    notify: Piece[Notify] | None


def drafted(content: object, problems: Problems) -> Draft:
    """The sections of `content`; what is wrong inside them goes to `problems`."""
    top = content if isinstance(content, dict) else {}
    _check_top(content, problems)
    return Draft(
        _section(Api, top, "api", problems),
        _section(Times, top, "timing", problems),
        _section(Rules, top, "defaults", problems),
        _policies(top.get("policies"), problems),
        _servers(top.get("servers"), problems),
        _web(top, problems),
        _notify(top, problems),
    )


def _check_top(content: object, problems: Problems) -> None:
    if content is None:
        problems.add((), "the file is empty; begin with a copy of config.example.yaml")
    elif not isinstance(content, dict):
        problems.add((), f"{kind_of(content)}: write keys such as api: and servers: at the left margin")
    else:
        for key in content.keys() - {section.name for section in fields(Draft)}:
            _add_unknown(key, problems)
        _check_servers(content, problems)


def _add_unknown(key: str, problems: Problems) -> None:
    # Imported here because most files have no such key, and the shape of a whole file takes a while to build.
    from rotator.config.file_schema import ConfigFile

    problems.add_unknown(ConfigFile, (key,))


def _check_servers(top: dict[str, Any], problems: Problems) -> None:
    """There is at least one server."""
    if "servers" not in top:
        problems.add((), "servers is missing; add servers: with an id and a name for each")
        return
    servers = top["servers"]
    if not isinstance(servers, list) or not servers:
        what = "found an empty list" if servers == [] else kind_of(servers)
        problems.add(("servers",), f"{what}: write a list with at least one server, each with an id and a name")


def _section(model: type[M], top: dict[str, Any], key: str, problems: Problems) -> Piece[M]:
    value = top.get(key)
    # A section whose keys are all commented out is nothing to YAML.
    return _piece(model, {} if value is None else value, (key,), problems)


def _web(top: dict[str, Any], problems: Problems) -> Piece[Web] | None:
    """Off unless it is there; only then its shape is imported. So below."""
    if top.get("web") is None:
        return None
    from rotator.config.outlet_schema import Web

    return _section(Web, top, "web", problems)


def _notify(top: dict[str, Any], problems: Problems) -> Piece[Notify] | None:
    if top.get("notify") is None:
        return None
    from rotator.config.outlet_schema import Notify

    return _section(Notify, top, "notify", problems)


def _policies(value: object, problems: Problems) -> dict[str, Piece[Rules]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.add(("policies",), f"{kind_of(value)}: write the name of each policy as a key, its rules below it")
        return {}
    for name in value:
        if not (0 < len(name) <= _NAME_LIMIT and name.isprintable()):
            problems.add(
                ("policies", name), f"{shown(name)} is no good name; use up to {_NAME_LIMIT} printable characters"
            )
    return {name: _piece(Rules, rules, ("policies", name), problems) for name, rules in value.items()}


def _servers(value: object, problems: Problems) -> tuple[Piece[Server], ...]:
    items = value if isinstance(value, list) else []
    return tuple(_piece(Server, item, ("servers", index), problems) for index, item in enumerate(items))


def _piece(model: type[M], value: object, loc: Loc, problems: Problems) -> Piece[M]:
    if problems.full:
        return Piece(loc, None, value)
    if value == {} and not any(each.is_required() for each in model.model_fields.values()):
        return Piece(loc, model.model_construct(), value)  # nothing to check, so no checks to build
    try:
        return Piece(loc, model.model_validate(value), value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    problems.add_all(model, loc, errors)
    bad = frozenset(str(each["loc"][0]) for each in errors if each["loc"])
    return Piece(loc, _rest(model, value, bad), value, bad)


def _rest(model: type[M], value: object, bad: frozenset[str]) -> M | None:
    """`value` without its bad keys, so that the good ones are still checked against the rest of the file."""
    if not isinstance(value, dict):
        return None
    try:
        good = {key: each for key, each in value.items() if key not in bad}
        return model.model_validate(good | {key: each for key, each in _STAND_INS.items() if key in bad})
    except ValidationError:
        return None
