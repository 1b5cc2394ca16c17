"""One world with its machines, as a value that can be kept, gone back to, and taken one step further."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.exploration import faults
from tests.exploration.account import Account
from tests.exploration.chooser import Chooser, Script
from tests.exploration.digest import Digester, digest
from tests.exploration.judge import Judge
from tests.exploration.machine import Machine
from tests.exploration.outside import Outside
from tests.exploration.processes import CronMachine, DaemonMachine
from tests.exploration.worlds import CALM, FAULTY, World

CRASHES_ONLY, HARMLESS, ANYTHING = 0, 1, 2
"""What went wrong so far: nothing or crashes; what passes without a trace; anything else."""

_PASSING = (
    *faults.LOST, *faults.SPOILT, *faults.LIES, faults.MISSING, faults.DOWN, "fails", faults.SLOW, faults.REFUSED,
)  # fmt: skip


class System:
    """One machine in its world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.account = Account(world)
        self.account.fill()
        self.judge = Judge()
        self.outside = Outside(self.account, self.judge)
        self.mood = CRASHES_ONLY
        self.machines = self._machines()

    def _machines(self) -> tuple[Machine, ...]:
        return ((CronMachine if self.world.runner == "cron" else DaemonMachine)("a", self.outside),)

    def save(self) -> tuple[Any, ...]:
        """Everything, as a value."""
        return (self.mood, self.account.save(), self.judge.save(), tuple(each.save() for each in self.machines))

    def load(self, saved: tuple[Any, ...]) -> None:
        """Go back to what was saved."""
        self.mood, account, judge, machines = saved
        self.account.load(account)
        self.judge.load(judge)
        for machine, each in zip(self.machines, machines, strict=True):
            machine.load(each)

    def digest(self, *, calm: bool = False) -> bytes:
        """What the state means, in a few bytes; `calm` if no fault comes any more."""
        account = self.account
        versions = [*account.served.values(), *([account.frozen] if account.frozen else [])]
        if calm:
            versions = versions[len(account.served) :]
        keys = [key for machine in self.machines for key in machine.ledger.intents]
        digester = Digester(account.now, tuple(account.rows.values()), versions, keys, calm=calm)
        _, rows, seq, served, outdated, *rest = account.save()
        before = () if calm else (served, outdated)
        outside = rows, seq, before, tuple(rest), self.judge.save()
        return digest((self.mood, digester.plain(outside), [each.plain(digester) for each in self.machines]))

    def is_over(self) -> bool:
        """Whether faults have been over for so long that all must have come right."""
        return self.account.now >= self._end()

    def _end(self) -> datetime:
        """When a path ends; a machine whose clock was set back gets to its last slot later."""
        end = self.world.last_slot + FAULTY + CALM
        return max(max(end, end - machine.wire.skew) for machine in self.machines)

    def step(self, script: Script) -> Chooser:
        """From one wake-up to the next: the clock goes on, then whoever wakes does its turn, as the script says."""
        self.outside.chooser = chooser = Chooser(dict(script))
        wakes = {machine.name: machine.wakes_at() for machine in self.machines}
        at = min(wakes.values())
        if at >= self._end():
            self.account.now, self.outside.calm, self.outside.chooser = self._end(), True, Chooser()
            return chooser
        self.account.now = max(self.account.now, at)
        self.outside.calm = self.account.now > self.world.last_slot + FAULTY
        self._turn([machine for machine in self.machines if wakes[machine.name] == at])
        self._note(script)
        for machine in self.machines:
            self.judge.forget(machine.name)  # S4: what is done next has to rest on a list of the next pass
        self.account.tidy()
        return chooser

    def _turn(self, awake: list[Machine]) -> None:
        for machine in awake:
            jump = self.outside.chooser.choose(() if self.outside.calm else faults.AT_TURN)
            if jump is not None:
                machine.wire.skew += faults.JUMPS[jump]
                self.outside.tell(f"{machine.name} #{len(self.outside.chooser.offers) - 1} wakes up <- {jump}")
            machine.turn()

    def _note(self, script: Script) -> None:
        for _, name in script:
            if name not in (*faults.CRASHES, faults.OTHER):
                self.mood = max(self.mood, HARMLESS if name in _PASSING else ANYTHING)
