"""What a server's rules are once everything is inherited: built-in ← defaults ← named policy ← the server's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from rotator.config.files import absolute
from rotator.config.hook_schema import HookRules
from rotator.config.schema import Rules, Server, Tiers
from rotator.config.words import Loc, location
from rotator.errors import ScheduleError
from rotator.model import Command, Hooks, Keep, Policy, Schedule
from rotator.slots import parse_schedule, splay_of, timezone_of

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from rotator.config.draft import Piece
    from rotator.config.problems import Problems

_KEYS = frozenset(Rules.model_fields)
_NEARNESS = {"defaults": 1, "policies": 2, "servers": 3}


class Chosen(NamedTuple):
    """The value that counts for a key, and where it is written: nowhere for a built-in one."""

    value: Any
    loc: Loc
    good: bool = True


Level = dict[str, Chosen]
"""Every policy key with what counts so far."""

BUILT_IN: Level = {key: Chosen(each.default, ()) for key, each in Rules.model_fields.items()}
UNKNOWN: Level = {key: Chosen(None, (), good=False) for key in _KEYS}
"""What is known when a policy that should be followed is not there, or is no policy."""


def overlaid(base: Level, piece: Piece[Any]) -> Level:
    """`base` with what `piece` says for itself; a bad value counts as unknown, not as unsaid."""
    rules = piece.value
    if rules is None:
        return UNKNOWN
    said = {key: Chosen(getattr(rules, key), (*piece.loc, key)) for key in rules.model_fields_set & _KEYS}
    return {**base, **said, **{key: UNKNOWN[key] for key in piece.bad & _KEYS}}


def keep_of(value: int | Tiers) -> Keep:
    """The keep rules as the planner wants them."""
    return Keep(**value.model_dump()) if isinstance(value, Tiers) else Keep(last=value)


@lru_cache(maxsize=1024)
def hooks_of(rules: HookRules | None, folder: Path) -> Hooks | None:
    """The hooks as the engine wants them; a program with a relative path is in `folder`. None if nothing is to run."""
    if rules is None:
        return None
    before, after = (_command(value, rules.shell, folder) for value in (rules.before, rules.after))
    return Hooks(before, after, rules.timeout, rules.after_when) if before or after else None


def _command(value: str | tuple[str, ...], shell: bool, folder: Path) -> Command | None:
    if not value:
        return None
    if isinstance(value, str):
        return Command((value,), shell)
    # Not the working directory, which is / under systemd; a bare name is looked up in PATH.
    program = str(absolute(value[0], folder)) if "/" in value[0] else value[0]
    return Command((program, *value[1:]))


def check_floor(rules: Level, problems: Problems) -> None:
    """Tells of a `min_keep` above what `keep` keeps, at the one of the two that is written nearest to the server."""
    keep, floor = rules["keep"], rules["min_keep"]
    if not (keep.good and floor.good) or floor.value <= keep_of(keep.value).total:
        return
    nearest, other = (floor, keep) if _nearness(floor) >= _nearness(keep) else (keep, floor)
    place = location(other.loc) or "the built-in default"
    numbers = f"min_keep is {floor.value} and keep is {keep_of(keep.value)}"
    problems.add(nearest.loc, f"{numbers} (see {place}); min_keep must not be more than keep keeps in all")


def _nearness(chosen: Chosen) -> int:
    return _NEARNESS[str(chosen.loc[0])] if chosen.loc else 0


@dataclass(slots=True)
class Clocks:
    """Schedules and time zones, each looked at once however many servers use it."""

    problems: Problems
    _schedules: dict[tuple[str, str], Schedule | str] = field(default_factory=dict)
    _zones: dict[str, str] = field(default_factory=dict)

    def schedule(self, rules: Level) -> Schedule | None:
        """The schedule of `rules`, None (and a problem) if it is none; None alone if there is nothing to look at."""
        text = rules["schedule"]
        zone = self._zone(rules["timezone"])
        if not text.good or not text.value:
            return None
        found = self._schedule(text.value, zone or "UTC")
        if isinstance(found, Schedule):
            return found if zone else None
        self.problems.add(text.loc, found)
        return None

    def _zone(self, chosen: Chosen) -> str | None:
        if not chosen.good:
            return None
        name: str = chosen.value
        if name not in self._zones:
            self._zones[name] = _zone_problem(name)
        if self._zones[name]:
            self.problems.add(chosen.loc, self._zones[name])
            return None
        return name

    def _schedule(self, text: str, zone: str) -> Schedule | str:
        if (text, zone) not in self._schedules:
            self._schedules[text, zone] = _schedule_or_problem(text, zone)
        return self._schedules[text, zone]


def _zone_problem(name: str) -> str:
    try:
        timezone_of(name)
    except ScheduleError as error:
        return str(error).removeprefix("time zone ")
    return ""


def _schedule_or_problem(text: str, zone: str) -> Schedule | str:
    try:
        return parse_schedule(text, zone)
    except ScheduleError as error:
        return str(error).removeprefix("schedule ")


def policy_of(server: Server, rules: Level, schedule: Schedule, stuck_after: timedelta, folder: Path) -> Policy:
    """The policy that good `rules` make for `server`; `folder` is the configuration's."""
    return Policy(
        server_id=server.id,
        server=server.name,
        schedule=schedule,
        keep=keep_of(rules["keep"].value),
        min_keep=rules["min_keep"].value,
        prefix=rules["prefix"].value,
        adopt=rules["adopt"].value,
        description=rules["description"].value,
        grace=rules["grace"].value,
        splay=splay_of(server.id, rules["splay"].value),
        stuck_after=stuck_after,
        max_age=rules["max_age"].value,
        hooks=hooks_of(rules["hooks"].value, folder),
        name=server.policy,
    )
