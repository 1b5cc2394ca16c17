"""Judges every call that changes something, by S1 to S8, S11 and keep; remembers what each machine was shown.

A rule is judged by what a client could know: what was really there when its last usable list was made. A list that was
answered late is what it says, less what this machine itself changed since. What a person or another machine does
after a list nobody can know, and a call that was right by then is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from rotator.model import CAP, Id, Policy, Snapshot, State
from rotator.simulate.rules import FUTURE, RuleBrokenError, Shown, is_owned, judge_create, judge_delete, slot_of
from rotator.slots import latest_slot
from tests.exploration.account import Row

MOST_SURPLUS = 2

Machine = str


@dataclass(frozen=True, slots=True)
class Look:
    """The last usable list of a server that a machine got: by its own clock and the API's, with what was true then."""

    at: datetime
    true_at: datetime
    rows: int
    basis: tuple[Snapshot, ...]
    seq: int
    stale: bool = False
    empty_lies: int = 0
    """How many answers in a row said that there is nothing, which was not so."""

    @property
    def shown(self) -> Shown:
        """As the rules want it."""
        return Shown(self.at, self.rows, self.stale)


@dataclass(frozen=True, slots=True)
class Asked:
    """The last create of a server that may have been processed, and whether a usable list came after it."""

    name: str
    looked: bool = False


class Judge:
    """The memory of the rules; all of it values, so that a shallow copy is a copy."""

    def __init__(self) -> None:
        self.looks: dict[tuple[Machine, Id], Look] = {}
        self.asked: dict[tuple[Machine, Id], Asked] = {}
        self.rooms: dict[tuple[Machine, Id], tuple[datetime, Id]] = {}

    def save(self) -> tuple[object, ...]:
        """Everything, as a value."""
        return tuple(self.looks.items()), tuple(self.asked.items()), tuple(self.rooms.items())

    def load(self, saved: tuple[object, ...]) -> None:
        """Go back to what was saved."""
        looks, asked, rooms = saved
        self.looks, self.asked, self.rooms = dict(looks), dict(asked), dict(rooms)  # type: ignore[call-overload]

    def forget(self, machine: Machine) -> None:
        """The process is dead: no list that it got is the base of anything."""
        self.looks = {key: each for key, each in self.looks.items() if key[0] != machine}

    def listed(self, machine: Machine, server_id: Id, look: Look) -> None:
        """A usable list reached the machine."""
        key = machine, server_id
        before = self.looks.get(key)
        if look.empty_lies and before is not None and before.rows == 0:
            # It repeats what was said before: if that was true then, no more is known than was known then.
            look = replace(look, empty_lies=before.empty_lies + 1 if before.empty_lies else 0, seq=before.seq)
        self.looks[key] = look
        if key in self.asked:
            self.asked[key] = replace(self.asked[key], looked=True)

    def unusable(self, machine: Machine, servers: Iterable[Id]) -> None:
        """What came was no list: nothing may be done by it, nor by the one before."""
        for server_id in servers:
            self.looks.pop((machine, server_id), None)

    def creating(self, machine: Machine, policy: Policy, name: str, there: list[Row], now: datetime) -> None:
        """A create arrives. `there` is what is really there."""
        key = machine, policy.server_id
        look, asked = self.looks.get(key), self.asked.get(key)
        if asked is not None and asked.name == name and not asked.looked:
            raise RuleBrokenError(f"S7 once: create {name}: asked for again without looking")
        if look is None:
            raise RuleBrokenError(f"S4 fresh proof: create {name}: no usable list of this pass")
        # A twin that another machine asked for after this one looked: the API has nothing to prevent that with.
        # That there is nothing, said twice in a row by lists that count nothing, nobody can tell from the truth.
        misled = look.empty_lies >= 2
        known = [row.at(now) for row in there if row.by == machine or row.seq <= look.seq]
        known = [each for each in known if not (misled and each.name == name)]
        judge_create(name, known, look.shown)

    def may_have_created(self, machine: Machine, server_id: Id, name: str) -> None:
        """The machine cannot know that its create was not processed."""
        self.asked[machine, server_id] = Asked(name)

    def changed(self, machine: Machine, server_id: Id) -> None:
        """A call of this machine changed the server: its list is the past."""
        if (look := self.looks.get((machine, server_id))) is not None:
            self.looks[machine, server_id] = replace(look, stale=True)

    def deleting(self, machine: Machine, policy: Policy, target: Snapshot, now: datetime) -> None:
        """A delete of something that is there arrives."""
        key = machine, policy.server_id
        look = self.looks.get(key)
        # By the clock of the machine, less what it jumped since it looked: a jump on the way nobody can know.
        clock = now if look is None else look.at + (now - look.true_at)
        judge_delete(policy, target, look.basis if look else (), look.shown if look else None, clock)
        if look is not None and target.state is State.COMPLETED:
            self._judge_keep(key, policy, target, look)

    def _judge_keep(self, key: tuple[Machine, Id], policy: Policy, target: Snapshot, look: Look) -> None:
        """Of distinct slots only what keep gives up goes, or one for room; surplus beyond two is held (S11)."""
        points = [
            (slot, each.id)
            for each in look.basis
            if each.state is State.COMPLETED and is_owned(policy, each) and (slot := slot_of(policy, each))
            if slot <= look.at + FUTURE
        ]
        slot = slot_of(policy, target)
        slots = {at for at, _ in points}
        twin = [at for at, _ in points].count(slot or look.at) > 1
        if slot != min(slots) and not twin:
            raise RuleBrokenError(f"keep: delete {target.name}: an older one stays")
        due = self._due(policy, look)
        if due is not None and look.rows >= CAP:
            given_for, given = self.rooms.get(key, (None, target.id))
            if given_for == due and given != target.id:
                raise RuleBrokenError(f"S11 shrink: delete {target.name}: a second one for slot {due:%H:%M}")
            self.rooms[key] = due, target.id
            return
        reached = latest_slot(policy.schedule, look.at - policy.splay)
        if reached is not None and max(slots) < reached and not twin:
            raise RuleBrokenError(f"S6 order: delete {target.name}: the newer one is not complete")
        if len(slots) <= policy.keep.total and not twin:
            raise RuleBrokenError(f"keep: delete {target.name}: leaves {len(slots) - 1} of {policy.keep}")
        if len(points) - policy.keep.total > MOST_SURPLUS:
            raise RuleBrokenError(f"S11 shrink: delete {target.name}: {len(points)} for keep: {policy.keep}")

    def _due(self, policy: Policy, look: Look) -> datetime | None:
        """The slot that the list says is to be taken."""
        reached = latest_slot(policy.schedule, look.at - policy.splay)
        live = [each for each in look.basis if is_owned(policy, each) and each.state is not State.FAILED]
        slots = [slot for each in live if (slot := slot_of(policy, each)) and slot <= look.at + FUTURE]
        return reached if reached is not None and max(slots, default=_EVER) < reached else None


_EVER = datetime(2000, 1, 1).astimezone()
