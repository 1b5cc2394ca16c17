"""The file as a whole: reads it, checks what its sections say of each other, and gives the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.config.advice import advise
from rotator.config.draft import Draft, Piece, drafted
from rotator.config.files import UnusableFileError, located, read_regular
from rotator.config.inherit import BUILT_IN, UNKNOWN, Clocks, Level, check_floor, overlaid, policy_of
from rotator.config.outlets import notify_settings, web_settings
from rotator.config.problems import Problems, unknown_policy
from rotator.config.schema import Api, Server, Times
from rotator.config.settings import ApiSettings, Config, DisabledServer, Timing
from rotator.config.words import shown
from rotator.config.yaml_errors import UnreadableYamlError
from rotator.config.yaml_tree import read_yaml
from rotator.errors import ConfigError
from rotator.model import Id, Policy, opaque_id

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.config.words import Loc

LIMIT = 4 << 20
"""Bytes of a file: 10,000 servers take about one MiB."""


def load(path: Path) -> Config:
    """The settings in the file at `path`; ConfigError with every problem of it otherwise."""
    try:
        content, _ = read_regular(path, LIMIT)
    except UnusableFileError as problem:
        remedy = "name another file with --config or ROTATOR_CONFIG"
        raise ConfigError((f"{path}: cannot use this file: {problem}; {remedy}",)) from None
    try:
        return parse(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise ConfigError((f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8",)) from None


def parse(text: str, path: Path) -> Config:
    """The settings in `text`, the content of `path`."""
    try:
        root, blemishes = read_yaml(text)
    except UnreadableYamlError as problem:
        line, column = problem.place
        raise ConfigError((f"{path}:{line}:{column}: {problem}",)) from None
    problems = Problems(str(path), root)
    for blemish in blemishes:
        problems.add(blemish.loc, blemish.message, blemish.place)
    config = _resolved(drafted(root.value, problems), path, problems)
    if problems:
        raise ConfigError(problems.lines())
    return config


def _resolved(draft: Draft, path: Path, problems: Problems) -> Config:
    """The settings; to be used only if nothing was added to `problems`."""
    _check_identities(draft.servers, problems)
    _check_policy_names(draft, problems)
    timing = _timing(draft.timing, problems)
    # Absolute, for a relative path of a hook's program without a slash left in it would be looked up in PATH.
    folder = path.parent.absolute()
    policies, disabled = _Resolver(draft, timing, problems, folder).split()
    if not policies:
        problems.warn(("servers",), "every server is switched off, so there is nothing to do")
    web, notify = web_settings(draft.web, folder, problems), notify_settings(draft.notify, folder, problems)
    api = _api(draft.api.value or Api(), folder)
    return Config(path, api, timing, policies, web, notify, disabled, problems.warnings())


def _api(api: Api, folder: Path) -> ApiSettings:
    token_file = located(api.token_file, folder) if api.token_file else None
    return ApiSettings(api.url, token_file, api.timeout, api.parallel)


def _timing(piece: Piece[Times], problems: Problems) -> Timing:
    times = piece.value or Times()
    if times.stuck_after < times.poll_interval and not piece.bad:
        key = "stuck_after" if "stuck_after" in times.model_fields_set else "poll_interval"
        problems.add((*piece.loc, key), "stuck_after is shorter than poll_interval; make it longer")
    return Timing(times.poll_interval, times.stuck_after)


def _check_identities(servers: tuple[Piece[Server], ...], problems: Problems) -> None:
    """No two servers share an id or a name, and no name is another's id: `--server` takes either."""
    ids: dict[Id, Loc] = {}
    names: dict[Id, Loc] = {}
    for piece in servers:
        if (written := piece.good("id")) is not None:
            _claim(ids, opaque_id(written), (*piece.loc, "id"), problems)
        if name := piece.good("name"):
            _claim(names, name, (*piece.loc, "name"), problems)
    for name, loc in names.items():
        other = ids.get(opaque_id(name))
        if other and other[:-1] != loc[:-1]:
            line = problems.line(other)
            problems.add(loc, f"{shown(str(name))} is the id of the server in line {line}; give this one another name")


def _claim(taken: dict[Id, Loc], value: Id, loc: Loc, problems: Problems) -> None:
    first = taken.setdefault(value, loc)
    if first != loc:
        text = shown(value) if isinstance(value, str) else str(value)
        problems.add(loc, f"{text} is already the {loc[-1]} of the server in line {problems.line(first)}; change one")


def _check_policy_names(draft: Draft, problems: Problems) -> None:
    """Every policy that a server names is there; one that is there and not named is worth a word."""
    named = {piece.good("policy") for piece in draft.servers}
    for piece in draft.servers:
        name = piece.good("policy")
        if name and name not in draft.policies and not problems.full:
            problems.add((*piece.loc, "policy"), unknown_policy(name, draft.policies))
    for name in draft.policies.keys() - named:
        problems.warn(("policies", name), "no server follows this policy")


@dataclass
class _Resolver:
    """Resolves one server after the other; looks at what they share once."""

    draft: Draft
    timing: Timing
    problems: Problems
    folder: Path

    def __post_init__(self) -> None:
        self._clocks = Clocks(self.problems)
        self._defaults = overlaid(BUILT_IN, self.draft.defaults)
        self._levels = {name: overlaid(self._defaults, piece) for name, piece in self.draft.policies.items()}
        for level in (self._defaults, *self._levels.values()):
            # Also those that no server uses: a mistake in them waits for the first that does.
            self._clocks.schedule(level)

    def split(self) -> tuple[tuple[Policy, ...], tuple[DisabledServer, ...]]:
        """The policies of the servers that are on, and the servers that are off."""
        policies: list[Policy] = []
        disabled: list[DisabledServer] = []
        for piece in self.draft.servers:
            if piece.value is None or self.problems.full:
                continue
            rules = self._rules(piece, piece.value)
            policy = self._policy(piece.loc, piece.value, rules)
            if not rules["enabled"].value:
                disabled.append(DisabledServer(piece.value.id, piece.value.name))
            elif policy:
                advise(policy, rules, self.problems)
                policies.append(policy)
        return tuple(policies), tuple(disabled)

    def _rules(self, piece: Piece[Server], server: Server) -> Level:
        if "policy" in piece.bad:
            return overlaid(UNKNOWN, piece)
        return overlaid(self._levels.get(server.policy, UNKNOWN) if server.policy else self._defaults, piece)

    def _policy(self, loc: Loc, server: Server, rules: Level) -> Policy | None:
        """The server's policy; None if something in it is wrong, which was told."""
        check_floor(rules, self.problems)
        schedule = self._clocks.schedule(rules)
        if rules["schedule"].good and not rules["schedule"].value:
            self.problems.add(
                loc, "schedule is missing; add schedule: every day at 03:00 here, to its policy or to defaults"
            )
        if schedule is None or not all(chosen.good for chosen in rules.values()):
            return None
        return policy_of(server, rules, schedule, self.timing.stuck_after, self.folder)
