"""Decides at every boundary what goes wrong, by a script; notes what else could have. Knows nothing of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.exploration.faults import OTHER, cost

Script = tuple[tuple[int, str], ...]
"""What goes wrong where: the number of a boundary, and the name of the alternative."""


class NoSuchChoiceError(BaseException):
    """A script asks for what does not fit its boundary: the key is of another world, or of other code."""


@dataclass(slots=True)
class Chooser:
    """One stretch of a path, from one state to the next."""

    script: Mapping[int, str] = field(default_factory=dict)
    offers: list[Sequence[str]] = field(default_factory=list)
    """The alternatives at every boundary so far."""

    def choose(self, offered: Sequence[str]) -> str | None:
        """What happens at this boundary; None: all goes well."""
        at = len(self.offers)
        self.offers.append(offered)
        name = self.script.get(at)
        if name is not None and name not in offered:
            raise NoSuchChoiceError(f"boundary {at}: {name} is none of {', '.join(offered)}")
        return name


def key_of(world: str, script: Script) -> str:
    """The key that `parsed` reads: `world:12=answer-lost,17=crash-after`."""
    return world + ":" + ",".join(f"{at}={name}" for at, name in script)


def parsed(key: str) -> tuple[str, Script]:
    """World and script of a key; ValueError for what is none."""
    world, colon, text = key.partition(":")
    if not colon:
        raise ValueError(f"{key}: no key; one looks like world:12=answer-lost,17=crash-after")
    pairs = [each.partition("=") for each in text.split(",") if each]
    for at, _, name in pairs:
        if not (at.isascii() and at.isdigit() and name):
            raise ValueError(f"{key}: {at!r} is no number of a boundary; a key looks like world:12=answer-lost")
    return world, tuple((int(at), name) for at, _, name in pairs)


def faults_in(script: Script) -> int:
    """How many faults a script has; letting the other machine go first is none."""
    return sum(cost(name) for _, name in script if name != OTHER)
