"""SIGTERM ends it within ten seconds, whatever it does or hangs in; the next start ends where no stop would."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.sandbox import Answer, Request
from tests.e2e.account import DB, FOR_EVER, Account
from tests.e2e.fleet import AIM, FASTER, Fleet
from tests.e2e.program import Program, Running, until


@pytest.fixture
def deaf() -> Iterator[str]:
    """A receiver that takes what it is sent and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_everything_hangs(rotator: Program, account: Account, deaf: str) -> None:
    account.cloud.create_time = FOR_EVER
    hooks = {"before": ["true"], "after": ["sleep", "60"], "timeout": "5m"}
    account.configure(
        account.server(hooks=hooks),
        account.server(DB),
        account.server(777),  # no such server: something to tell
        notify={"webhooks": [{"url": deaf}], "check_ins": [{"url": deaf}]},
    )
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("snapshot_created", server="web-server-01")
    daemon.wait_for("rotation_failed")
    account.sandbox.intercept = lambda _: Answer(process=True, delay=timedelta(seconds=60))
    before = account.sandbox.requests.total()
    until("it asks, and gets no answer", lambda: account.sandbox.requests.total() > before)
    asked = time.monotonic()
    assert daemon.end(seconds=15).code == 0
    assert time.monotonic() - asked < 10


def locked(fleet: Fleet, running: Running) -> None:
    """It is the one that rotates now, and asked for nothing yet or just for the first list."""
    fleet.sandbox.intercept = lambda _: Answer(drop=True, delay=FOR_EVER)

    def signed() -> bool:
        return any(file.read_text().startswith(f"{running.pid}\n") for file in (fleet.home / "run").glob("*.lock"))

    until("it has the lock", signed)


def unanswered(method: str, *, processed: bool = False) -> Callable[[Fleet, Running], None]:
    """Every call of this method hangs, with its effect or without."""

    def hangs(fleet: Fleet, _running: Running) -> None:
        answer = Answer(drop=not processed, process=processed, delay=FOR_EVER)

        def intercept(request: Request) -> Answer | None:
            return answer if request.method == method else None

        fleet.sandbox.intercept = intercept
        until(f"it sends {method}", lambda: any(key[0] == method for key in fleet.sandbox.requests))

    return hangs


def waiting(fleet: Fleet, running: Running) -> None:
    """All three snapshots are in progress."""
    fleet.cloud.create_time = FOR_EVER
    until("it asks for all", lambda: len(running.logged("snapshot_created")) == 3)


def refused(fleet: Fleet, running: Running) -> None:
    """It waits to ask once more."""
    fleet.sandbox.intercept = lambda _: Answer(503, {"Retry-After": "60"})
    running.wait_for("api_retry")


def in_hook(when: str) -> Callable[[Fleet, Running], None]:
    """A hook hangs."""

    def hangs(fleet: Fleet, _running: Running) -> None:
        until(f"a hook runs {when}", (fleet.home / when).exists)

    return hangs


@dataclass(frozen=True)
class Phase:
    """Something to be stopped in: how to get there, and the exit code of `once` then; `run` has 0."""

    reach: Callable[[Fleet, Running], None]
    code: int = 1
    hangs: str = ""
    """The hook that hangs, if there are hooks."""


PHASES = {
    "before it asks": Phase(locked),
    "during a list": Phase(unanswered("GET")),
    "during a create": Phase(unanswered("POST")),
    "during a create that works": Phase(unanswered("POST", processed=True)),
    "during a delete": Phase(unanswered("DELETE")),
    "during a delete that works": Phase(unanswered("DELETE", processed=True)),
    "while it waits": Phase(waiting),
    "between two tries": Phase(refused),
    "in a hook before": Phase(in_hook("before"), hangs="before"),
    "in a hook after": Phase(in_hook("after"), hangs="after"),
}


def hooks(hangs: str) -> dict[str, object]:
    """Hooks that leave a line each time, and hang until the file `go` is there."""
    commands = {when: f"echo $ROTATOR_SERVER_ID >> {when}" for when in ("before", "after")}
    commands[hangs] += "; test -e go || exec sleep 60"
    return commands | {"shell": True, "timeout": "2m"}


def stopped(home: Path, command: str, phase: Phase) -> None:
    """Stop it in this phase, look at how it ends, and let the next start do the rest."""
    with Fleet(home) as fleet:
        if phase.hangs:
            fleet.arrange(hooks=hooks(phase.hangs))
        running = fleet.start(command)
        phase.reach(fleet, running)
        asked = time.monotonic()
        ended = running.end(seconds=15)
        assert time.monotonic() - asked < 10
        assert ended.code == (0 if command == "run" else phase.code), ended.err + ended.out
        assert "internal_error" not in ended.events
        (home / "go").touch()
        fleet.sandbox.intercept = None
        fleet.cloud.create_time = timedelta(0)
        fleet.finish()
        fleet.times = FASTER
        again = fleet.converge("once")
        assert again.code == 0, again.err
        assert (fleet.found(), fleet.created_ids()) == (AIM, [1, 2, 3])
        for server_id in {line for line in lines(home / "before") if phase.hangs}:
            assert server_id in lines(home / "after"), "what was made quiet is let go"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.component
@pytest.mark.parametrize("command", ["once", "run"])
def test_stops_in_every_phase_and_the_next_start_does_the_rest(tmp_path: Path, command: str) -> None:
    with ThreadPoolExecutor(len(PHASES)) as pool:
        runs = {name: pool.submit(stopped, tmp_path / name.replace(" ", "-"), command, PHASES[name]) for name in PHASES}
    failed = {name: error for name, run in runs.items() if (error := run.exception())}
    assert not failed, "\n".join(f"{name}: {error!r}" for name, error in failed.items())
