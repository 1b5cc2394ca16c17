"""Runs the one path of a key, and tells it: every wake-up, call, answer, fault and plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rotator.simulate.rules import RuleBrokenError
from tests.exploration.chooser import NoSuchChoiceError, Script, parsed
from tests.exploration.ends import final, judge_end
from tests.exploration.pair import system_of
from tests.exploration.quiet import quiet
from tests.exploration.worlds import World, world_named


@dataclass(frozen=True)
class Replayed:
    """What became of a path: its story, and which rule was broken (empty: none)."""

    story: tuple[str, ...]
    broken: str


def replayed(key: str, *, may_end_before: bool = False) -> Replayed:
    """The path of a key, alone; ValueError if the key is none.

    Raises NoSuchChoiceError if the path ends before a boundary of the key, unless it `may_end_before`.
    """
    name, script = parsed(key)
    world = world_named(name)
    with quiet():
        found, left = _followed(world, script)
    if left and not found.broken and not may_end_before:
        raise NoSuchChoiceError(f"no boundary {min(left)} on this path: {key}")
    return found


def _followed(world: World, script: Script) -> tuple[Replayed, Mapping[int, str]]:
    """What became of the path, and what of the script it never got to."""
    undisturbed = None
    if script:
        calm = system_of(world)
        while not calm.is_over():
            calm.step(())
        undisturbed = final(calm)
    system = system_of(world)
    system.outside.story = story = []
    at, left = 0, dict(script)
    try:
        while not system.is_over():
            chooser = system.step(tuple((number - at, name) for number, name in left.items()))
            at += len(chooser.offers)
            left = {number: name for number, name in left.items() if number >= at}
        judge_end(system, undisturbed)
    except RuleBrokenError as broken:
        story.append(f"BROKEN {broken}")
        return Replayed(tuple(story), str(broken)), left
    return Replayed(tuple(story), ""), left
