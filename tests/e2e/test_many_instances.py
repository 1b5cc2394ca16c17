"""Several at once: on one configuration one works and the others leave; on two machines nothing is lost."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from rotator.sandbox import Request
from tests.e2e.account import FOR_EVER, Account
from tests.e2e.fleet import AIM, Fleet
from tests.e2e.program import Finished, Program, Running, until

COMMANDS = ("run", "run", "once")


def one_works(home: Path) -> list[int]:
    """Two daemons and a one-shot at the same moment; gives the exit codes."""
    with Fleet(home) as fleet:
        fleet.cloud.create_time = FOR_EVER
        running = [fleet.start(command) for command in COMMANDS]
        until("two leave", lambda: sum(each.process.poll() is not None for each in running) == 2)
        [(winner, command)] = [pair for pair in zip(running, COMMANDS, strict=True) if pair[0].process.poll() is None]
        late = fleet.rotator("once", "-c", fleet.path)
        assert (late.code, late.out) == (75, "")
        assert f"another rotator (process {winner.pid}) runs with this configuration" in late.err
        until("the winner asks for all", lambda: len(fleet.created_ids()) == 3)
        fleet.cloud.create_time = timedelta(0)
        fleet.finish()
        until("it is done", fleet.is_done, 40)
        winner.end(signal.SIGTERM if command == "run" else None, 40)
        assert (fleet.found(), fleet.created_ids()) == (AIM, [1, 2, 3])
        return sorted(each.process.returncode for each in running)


def test_of_two_daemons_and_a_one_shot_one_works_and_the_others_leave(tmp_path: Path) -> None:
    homes = [tmp_path / str(number) for number in range(3)]
    with ThreadPoolExecutor(len(homes)) as pool:
        assert list(pool.map(one_works, homes)) == [[0, 75, 75]] * len(homes)


class Machines:
    """Two machines that know nothing of each other, with one account."""

    def __init__(self, rotator: Program, account: Account) -> None:
        self._rotator = rotator
        self._account = account

    def start(self, command: str, machine: str) -> Running:
        """On this machine."""
        place = self._account.home / machine
        options = ("--state-dir", place, "--lock-file", place / "lock")
        return self._rotator.start(command, "-c", self._account.path, *options)

    def rotate(self) -> list[Finished]:
        """A one-shot on both at the same moment."""
        both = [self.start("once", machine) for machine in "ab"]
        return [each.end(None, 40) for each in both]


@pytest.fixture
def machines(rotator: Program, account: Account) -> Machines:
    return Machines(rotator, account)


def look_together(account: Account) -> None:
    """The first lists of two processes are made at once: what either does next, the other could not see."""
    barrier = Barrier(2)

    def intercept(request: Request) -> None:
        if request.method == "GET" and not barrier.broken:
            with suppress(BrokenBarrierError):
                barrier.wait(10)
            barrier.abort()

    account.sandbox.intercept = intercept


def test_two_machines_find_what_the_other_took(machines: Machines, account: Account) -> None:
    account.plant(1, 2, 3, 4)
    account.cloud.create_time = timedelta(seconds=1)
    daemon = machines.start("run", "a")
    until("it takes the slot", lambda: account.created)
    other = machines.start("once", "b").end(None, 40)
    assert other.code == 0, other.err
    until("it is done", lambda: account.names() == account.expected(0, 1, 2, 3))
    assert daemon.end().code == 0
    assert account.created == 1


@pytest.mark.parametrize(
    ("keep", "old", "kept"),
    [
        pytest.param(4, (1, 2), (0, 1, 2), id="room for both"),
        pytest.param(4, (1, 2, 3, 4), (0, 1, 2, 3), id="room for one"),
        pytest.param(5, (1, 2, 3, 4, 5), (0, 1, 2, 3, 4), id="room for none"),
    ],
)
def test_in_the_very_same_second_both_may_take_a_slot_and_nothing_is_lost(
    machines: Machines, account: Account, keep: int, old: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    account.plant(*old)
    account.configure(account.server(keep=keep))
    look_together(account)
    both = machines.rotate()
    assert {each.code for each in both} <= {0, 1}
    assert min(each.code for each in both) == 0
    assert account.created <= 2
    assert account.names() == account.expected(*kept), "of two of one slot, one is surplus"
