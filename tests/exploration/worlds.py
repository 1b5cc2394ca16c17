"""The small worlds that are explored: servers, slots, policies and what is there before; knows no fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations, product

from rotator.model import CAP, Id, Policy
from rotator.naming import snapshot_name
from rotator.slots import slots_between
from tests.builders import policy
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)

CREATE_TIME = 3 * MINUTE
POLL_INTERVAL = 2 * MINUTE
STUCK_AFTER = 10 * MINUTE
SLOW_CREATE = STUCK_AFTER + 5 * MINUTE

FAULTY = 15 * MINUTE
"""How long after the last slot faults may still begin …"""

CALM = 85 * MINUTE
"""… and how long nothing goes wrong after that: all retries of a slot (5, 15 and 45 minutes), and what they take."""

_SCHEDULES = {1: "0 2 * * *", 2: "0 2,3 * * *", 3: "0 2,3,4 * * *"}
_FIRST_SERVER = 101
_LONG_AGO = NOW - timedelta(days=30)


@dataclass(frozen=True)
class World:
    """One small world. `history` says how much of `keep` is there at the start, `runner` who does the passes.

    Runners: `run` is the daemon, `cron` a one-shot every quarter of an hour, `bare` a daemon whose ledger is lost at
    every crash, `pair` two daemons on two machines that know nothing of each other.
    """

    servers: int
    slots: int
    keep: int
    min_keep: int
    foreign: int
    history: str
    runner: str
    page: int | None = None
    """How many rows a page of a list holds; None: all."""

    @cached_property
    def name(self) -> str:
        """All of it in one word, for keys."""
        counts = f"s{self.servers}-t{self.slots}-k{self.keep}-m{self.min_keep}-f{self.foreign}"
        pages = f"-p{self.page}" if self.page else ""
        return f"{counts}-{self.history}-{self.runner}{pages}"

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """One per server."""
        return tuple(
            policy(
                _FIRST_SERVER + number,
                schedule=_SCHEDULES[self.slots],
                keep=self.keep,
                min_keep=self.min_keep,
                stuck_after=STUCK_AFTER,
            )
            for number in range(self.servers)
        )

    @property
    def last_slot(self) -> datetime:
        """The last slot that comes while faults may begin."""
        return NOW + timedelta(hours=self.slots - 1)

    def planted(self) -> Iterator[tuple[Id, str, datetime]]:
        """What is there at the start: server, name, and when it was made."""
        for rules in self.policies:
            # Named like rotator's own, but for the slot: only the whole name decides (S2).
            by_hand = (f"{rules.prefix}-by-hand-{number}" for number in range(self.foreign))
            yield from ((rules.server_id, name, _LONG_AGO) for name in by_hand)
            past = list(slots_between(rules.schedule, NOW - timedelta(days=4), NOW - MINUTE))
            room = CAP - self.foreign
            count = {"empty": 0, "half": self.keep // 2, "full": self.keep, "over": CAP}[self.history]
            for slot in past[len(past) - min(count, room) :]:
                yield rules.server_id, snapshot_name(rules.prefix, slot), slot


_SERVERS, _SLOTS, _KEEPS, _FLOORS, _FOREIGN = (1, 2), (2, 3), (2, 3, 4, 5), (1, 2), (0, 1, 2, 3)
_HISTORIES, _RUNNERS = ("empty", "half", "full", "over"), ("run", "cron")


def every_world(runners: tuple[str, ...] = _RUNNERS) -> list[World]:
    """The full product; for two machines one slot is interesting, too."""
    slots = (1, *_SLOTS) if runners == ("pair",) else _SLOTS
    return [World(*values) for values in product(_SERVERS, slots, _KEEPS, _FLOORS, _FOREIGN, _HISTORIES, runners)]


def covering(worlds: list[World]) -> list[World]:
    """A few of them in which every pair of values of two parameters that occurs at all still occurs; always the same.

    Greedy: the world that adds most pairs comes next; of several, the smaller one.
    """
    missing = {pair for world in worlds for pair in _pairs(world)}
    chosen: list[World] = []
    while missing:
        best = max(worlds, key=lambda world: (len(missing & _pairs(world)), -world.servers * world.slots))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def _pairs(world: World) -> frozenset[tuple[tuple[int, object], ...]]:
    values = (world.servers, world.slots, world.keep, world.min_keep, world.foreign, world.history, world.runner)
    return frozenset(combinations(enumerate(values), 2))


def world_named(name: str) -> World:
    """The world of a key, with `-p2` behind it for pages of two rows; ValueError for a name that is none."""
    whole, _, rows = name.rpartition("-p")
    page = int(rows) if re.fullmatch("[1-9]", rows) else None
    for world in (*every_world((*_RUNNERS, "bare")), *every_world(("pair",))):
        if world.name == (whole if page else name):
            return replace(world, page=page)
    raise ValueError(f"{name}: no such world; a name looks like {World(1, 2, 4, 1, 0, 'full', 'run').name}")
