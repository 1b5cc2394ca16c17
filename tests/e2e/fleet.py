"""Three servers in telling states, whose rotation can be stopped at any of its calls and started again."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Self

from rotator.model import Id
from rotator.sandbox import Hold, Request
from tests.components import clear_faketime
from tests.e2e.account import DB, WEB, Account
from tests.e2e.clocks import fast
from tests.e2e.program import Finished, Program, Running, until

MAIL = 12347
FASTER = 25
"""Makes 12 s of the 5 minutes that a process waits before it believes that what another one asked for never came."""

Found = dict[Id, list[tuple[str, str]]]
"""Names and statuses per server; the names of slots by their age, so that two fleets can be compared."""


class Fleet(Account):
    """Every server has its slot due, and a snapshot by hand but for the first.

    The first is full and gives up its oldest restore point for the new one, the second its failed snapshot; of the
    second and third, one and two restore points go once the new one is complete.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        super().__init__(home)
        self.rotator = Program(home)
        self.times = 1
        """How many times faster the clock of a process runs that is started from now on."""
        self.cloud.add_server("mail-server-01", MAIL)
        self.plant(1, 2, 3, 4, 5)
        self.plant_foreign("before-upgrade", "by-hand", server_id=DB)
        self.plant(1, 2, server_id=DB)
        self.plant(0, server_id=DB, status="failed")
        self.plant_foreign("golden", server_id=MAIL)
        self.plant(1, 2, 3, server_id=MAIL)
        self._newest = max(self._ids())

    def __enter__(self) -> Self:
        self.sandbox.start()
        self.arrange()
        return self

    def __exit__(self, *_: object) -> None:
        self.rotator.close()
        self.sandbox.stop()
        clear_faketime()  # a program that ends by `os._exit` leaves it as one that is killed

    def arrange(self, **rules: object) -> None:
        """Write the configuration; `rules` are for every server."""
        keep = {WEB: 5, DB: 2, MAIL: 2}
        servers = [self.server(server_id, keep=count, **rules) for server_id, count in keep.items()]
        servers[-1]["name"] = "mail-server-01"
        self.configure(*servers, timing={"poll_interval": f"{400 * self.times}ms"})

    def start(self, command: str) -> Running:
        """`rotator once` or `rotator run`."""
        return self.rotator.start(command, "-c", self.path, env=fast(self.times) if self.times > 1 else {})

    def converge(self, command: str) -> Finished:
        """Start it and let it work until all is done; a daemon is stopped then."""
        before = self.sandbox.requests.total()
        running = self.start(command)
        if command == "run":
            until("it looks", lambda: running.process.poll() is not None or self.sandbox.requests.total() > before)
            until("it is done", lambda: running.process.poll() is not None or self.is_done(), 40)
            return running.end(seconds=20)
        return running.end(None, 40)

    def found(self) -> Found:
        """What is there."""
        ages = {self.name(days): f"{days} days ago" for days in range(9)}
        return {
            server_id: sorted((ages.get(each.name, each.name), each.status) for each in self.snapshots(server_id))
            for server_id in (WEB, DB, MAIL)
        }

    def is_done(self) -> bool:
        """Whether everything is as it is to be in the end."""
        return self.found() == AIM

    def created_ids(self) -> list[int]:
        """Which snapshots are there of all that were ever made, counted from 1: [1, 2, 3] if each slot had one."""
        return sorted(number - self._newest for number in self._ids() if number > self._newest)

    def _ids(self) -> list[int]:
        return [int(each.id) for each in self.cloud.snapshots()]


def _completed(*names: str) -> list[tuple[str, str]]:
    return [(name, "completed") for name in names]


AIM: Found = {
    WEB: _completed(*(f"{days} days ago" for days in range(5))),
    DB: _completed("0 days ago", "1 days ago", "before-upgrade", "by-hand"),
    MAIL: _completed("0 days ago", "1 days ago", "golden"),
}


class Held:
    """A request of a fleet's sandbox, by its number, that is held once it comes."""

    def __init__(self, fleet: Fleet, number: int, *, processed: bool) -> None:
        self.request: Request | None = None
        self._came = Event()
        self._fleet = fleet
        fleet.sandbox.intercept = Hold(fleet.sandbox, number, self._tell, processed)

    def _tell(self, request: Request) -> None:
        self.request = request
        self._came.set()

    def wait(self, command: str, running: Running) -> Request | None:
        """The request; None if the process gets to its end without it."""

        def no_more() -> bool:
            return running.process.poll() is not None or (command == "run" and self._fleet.is_done())

        until("it comes", lambda: self._came.is_set() or no_more(), 40)
        self._came.wait(0.5)  # the last call of all makes it done, and is told of a moment later
        return self.request
