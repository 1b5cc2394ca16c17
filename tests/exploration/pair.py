"""Two machines that rotate the same servers and know nothing of each other: their calls are taken in every order.

When both wake at the same moment, each works in a thread of its own, and a baton says whose call is next: so one can
be stopped in the middle of its pass. Which of the two goes on is a choice at every call, and no fault.
"""

from __future__ import annotations

from functools import partial
from threading import Semaphore, Thread

from tests.exploration.faults import OTHER
from tests.exploration.machine import Machine
from tests.exploration.processes import DaemonMachine
from tests.exploration.system import System
from tests.exploration.worlds import World


class _AbandonedError(BaseException):
    """The path is over for the other machine's sake."""


class _Race:
    """One moment at which both are awake. Only who holds the baton runs."""

    def __init__(self) -> None:
        self.batons = {"a": Semaphore(0), "b": Semaphore(0)}
        self.done: set[str] = set()
        self.owes: str | None = None
        """Who got the baton, and has to make a call before it may be handed over again."""
        self.error: BaseException | None = None

    def hand_over(self, name: str) -> None:
        """Let the other one go on, and wait for the baton."""
        other = _other(name)
        self.batons[other].release()
        self.batons[name].acquire()
        if self.error is not None:
            raise _AbandonedError


class PairSystem(System):
    """A world with two machines in it."""

    _race: _Race | None = None

    def _machines(self) -> tuple[Machine, ...]:
        return tuple(DaemonMachine(name, self.outside, partial(self._turnstile, name)) for name in "ab")

    def _turnstile(self, name: str) -> None:
        """Before every call: the other one may go first, with one call at least."""
        race = self._race
        if race is None or race.done:
            return
        if race.owes != name and self.outside.chooser.choose((OTHER,)) == OTHER:
            self.outside.tell(f"{name} is slow: {_other(name)} goes on first")
            race.owes = _other(name)
            race.hand_over(name)
        race.owes = None

    def _turn(self, awake: list[Machine]) -> None:
        if len(awake) < 2:
            super()._turn(awake)
            return
        self._race = race = _Race()
        thread = Thread(target=self._other_turn, args=(race, awake[1]))
        thread.start()
        try:
            super()._turn(awake[:1])
            race.done.add("a")
            if "b" not in race.done:
                race.hand_over("a")
        except _AbandonedError:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again once the other machine has let go
            race.error = race.error or error
        finally:
            self._race = None
            race.batons["b"].release()
            thread.join()
        if race.error is not None:
            raise race.error

    def _other_turn(self, race: _Race, machine: Machine) -> None:
        race.batons["b"].acquire()
        try:
            if race.error is None and "b" not in race.done:
                super()._turn([machine])
        except _AbandonedError:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again where the path is run
            race.error = race.error or error
        race.done.add("b")
        race.batons["a"].release()


def _other(name: str) -> str:
    return "b" if name == "a" else "a"


def system_of(world: World) -> System:
    """The machines that a world asks for."""
    return PairSystem(world) if world.runner == "pair" else System(world)
