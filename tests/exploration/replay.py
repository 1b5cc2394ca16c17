"""Runs the one path of a key, and tells it: every wake-up, call, answer, fault and plan."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.simulate.rules import RuleBrokenError
from tests.exploration.chooser import parsed
from tests.exploration.ends import final, judge_end
from tests.exploration.pair import system_of
from tests.exploration.quiet import quiet
from tests.exploration.worlds import World, world_named


@dataclass(frozen=True)
class Replayed:
    """What became of a path: its story, and which rule was broken (empty: none)."""

    story: tuple[str, ...]
    broken: str


def replayed(key: str) -> Replayed:
    """The path of a key, alone; ValueError if the key is none."""
    name, script = parsed(key)
    world = world_named(name)
    with quiet():
        return _followed(world, script)


def _followed(world: World, script: tuple[tuple[int, str], ...]) -> Replayed:
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
        return Replayed(tuple(story), str(broken))
    return Replayed(tuple(story), "")
