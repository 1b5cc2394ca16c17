"""Runs every path of a world with at most so many faults, each state once, and counts the paths.

A node is a state between two turns. From it every turn with every combination of faults is run; where it leads is a
node again. A state that was seen before is not run again, but the paths beneath it count each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rotator.simulate.rules import RuleBrokenError
from tests.exploration.chooser import Chooser, Script, key_of
from tests.exploration.ends import Final, final, judge_end
from tests.exploration.faults import cost
from tests.exploration.system import System


@dataclass(slots=True, eq=False)
class _Node:
    saved: tuple[Any, ...] | None
    """None at the end of a path."""
    turns: list[list[_Turn]] = field(default_factory=list)
    """From here, by the number of faults in the turn."""
    calm: _Node | None = None
    """The node whose paths without a fault are those of this one."""
    paths: dict[int, int] = field(default_factory=dict)
    """How many begin here, by the number of faults they may have."""


@dataclass(slots=True, eq=False)
class _Turn:
    script: Script
    offers: tuple[tuple[str, ...], ...]
    to: _Node


@dataclass(slots=True)
class Found:
    """What an exploration came to."""

    paths: int = 0
    runs: int = 0
    """Turns that were run."""
    states: int = 0
    ends: set[Final] = field(default_factory=set)
    """What is there at the ends of the paths."""
    violations: dict[str, str] = field(default_factory=dict)
    """The rules that were broken, by the key of the path."""


class Explorer:
    """Explores one world. `most` is how many violations are enough."""

    def __init__(self, system: System, *, prunes: bool = True, most: int = 10) -> None:
        self._system = system
        self._prunes = prunes
        self._most = most
        self._nodes: dict[bytes, _Node] = {}
        self._calm_nodes: dict[bytes, _Node] = {}
        self._trail: list[tuple[Script, int]] = []
        self._undisturbed: Final | None = None
        self._end = _Node(None, paths=dict.fromkeys(range(10), 1))
        self.found = Found()

    def explore(self, budget: int) -> Found:
        """All paths with at most `budget` faults."""
        root = self._node()
        self._visit(root, 0)
        self.found.paths = self._visit(root, budget)
        self.found.states = len(self._nodes)
        return self.found

    def _node(self) -> _Node:
        """The node of the state that the system is in."""
        node = _Node(self._system.save())
        return self._nodes.setdefault(self._system.digest(), node) if self._prunes else node

    def _calm(self, node: _Node) -> _Node:
        """The node of the states that are the same as this once no fault can come any more."""
        if node.saved is None or not self._prunes:
            return node
        if node.calm is None:
            self._system.load(node.saved)
            node.calm = self._calm_nodes.setdefault(self._system.digest(calm=True), node)
        return node.calm

    def _visit(self, node: _Node, budget: int) -> int:
        if budget == 0:
            node = self._calm(node)
        if budget in node.paths and (self._prunes or node.saved is None):
            return node.paths[budget]
        total = 0
        for used in range(budget + 1):
            for turn in self._turns(node, used):
                self._trail.append((turn.script, len(turn.offers)))
                total += self._visit(turn.to, budget - used)
                self._trail.pop()
                if len(self.found.violations) >= self._most:
                    return total
        node.paths[budget] = total
        return total

    def _turns(self, node: _Node, used: int) -> list[_Turn]:
        while len(node.turns) <= used:
            faults = len(node.turns)
            frontier = [script for turn in node.turns[-1] for script in _longer(turn, 1)] if faults else [()]
            turns: list[_Turn] = []
            while frontier:
                more = [self._run(node, script) for script in frontier]
                turns += more
                frontier = [script for turn in more for script in _longer(turn, 0)]
            node.turns.append(turns)
        return node.turns[used]

    def _run(self, node: _Node, script: Script) -> _Turn:
        system = self._system
        assert node.saved is not None
        system.load(node.saved)
        self.found.runs += 1
        to = self._end
        try:
            chooser = system.step(script)
            if system.is_over():
                self._finish()
            else:
                to = self._node()
        except RuleBrokenError as broken:
            self._note(script, broken)
            chooser = Chooser()
        return _Turn(script, tuple(tuple(each) for each in chooser.offers), to)

    def _finish(self) -> None:
        if self._undisturbed is None:
            self._undisturbed = final(self._system)
        self.found.ends.add(final(self._system))
        judge_end(self._system, self._undisturbed)

    def _note(self, script: Script, broken: RuleBrokenError) -> None:
        at, whole = 0, []
        for part, length in self._trail:
            whole += [(at + number, name) for number, name in part]
            at += length
        whole += [(at + number, name) for number, name in script]
        self.found.violations.setdefault(key_of(self._system.world.name, tuple(whole)), str(broken))


def _longer(turn: _Turn, price: int) -> Iterator[Script]:
    """The scripts with one more entry, after all others, that costs so much."""
    first = turn.script[-1][0] + 1 if turn.script else 0
    for at in range(first, len(turn.offers)):
        for name in turn.offers[at]:
            if cost(name) == price:
                yield (*turn.script, (at, name))
