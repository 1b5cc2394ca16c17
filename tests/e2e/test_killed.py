"""`kill -9` at every single call, before and after it is processed: the next start ends where no crash would."""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.e2e.fleet import AIM, FASTER, Fleet, Found, Held
from tests.e2e.program import Program, until

AT_ONCE = 8
"""Fleets at the same time: most of a rotation is waiting."""


@dataclass(frozen=True)
class Ended:
    """How a fleet was left, and the call at which the first process was killed, if it came that far."""

    call: str
    found: Found
    created: list[int]


def undisturbed(home: Path, command: str) -> tuple[Ended, int]:
    """The same without a kill, and how many calls that took."""
    with Fleet(home) as fleet:
        assert fleet.converge(command).code == 0
        return Ended("", fleet.found(), fleet.created_ids()), fleet.sandbox.requests.total()


def killed(home: Path, command: str, number: int, *, processed: bool) -> Ended:
    """Kill it at this call and start it again, long enough for what may have been asked for to be given up."""
    with Fleet(home) as fleet:
        held = Held(fleet, number, processed=processed)
        running = fleet.start(command)
        request = held.wait(command, running)
        running.end(signal.SIGKILL)
        if request and request.method != "GET":
            fleet.times = FASTER
            fleet.arrange()
        again = fleet.converge(command)
        assert again.code == 0, again.err
        return Ended(f"{request.method} {request.route}" if request else "", fleet.found(), fleet.created_ids())


@pytest.mark.component
@pytest.mark.parametrize("command", ["once", "run"])
def test_the_next_start_ends_where_no_crash_would(tmp_path: Path, command: str) -> None:
    expected, calls = undisturbed(tmp_path / "undisturbed", command)
    assert (expected.found, expected.created) == (AIM, [1, 2, 3])
    moments = [(number, processed) for number in range(1, calls + 1) for processed in (False, True)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {
            moment: pool.submit(killed, tmp_path / f"{moment}", command, moment[0], processed=moment[1])
            for moment in moments
        }
        ends = {moment: run.result() for moment, run in runs.items()}
    for moment, end in ends.items():
        assert (end.found, end.created) == (expected.found, expected.created), f"killed at {moment}, {end.call}"
    hit = {(end.call, processed) for (_, processed), end in ends.items()}
    called = ("GET /snapshots/", "POST /snapshots/", "DELETE /snapshots/{id}/")
    assert hit >= {(call, processed) for call in called for processed in (False, True)}
    assert sum(not end.call for end in ends.values()) <= 4, "some kills come too late, as polls vary, but few"


@pytest.mark.parametrize(
    ("option", "done", "made"), [("--hold-before", "not processed", 0), ("--hold-after", "processed", 1)]
)
def test_sandbox_holds_the_request_at_which_to_kill(rotator: Program, option: str, done: str, made: int) -> None:
    sandbox = rotator.start("sandbox", "--servers", "1", option, "2")
    until("it says how", lambda: "rotator once -c" in sandbox.out)
    [url] = re.findall(r"http://\S+/api/v1", sandbox.out)[:1]
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = "Bearer sandbox"
        listed = session.get(f"{url}/snapshots/", timeout=10)
        assert listed.json()["count"] == 0
        with pytest.raises(requests.ReadTimeout):
            session.post(f"{url}/snapshots/", json={"server_id": 10001, "name": "a"}, timeout=(10, 0.5))
        until("it says so", lambda: sandbox.out.endswith("\n") and "is held" in sandbox.out)
        told = sandbox.out.splitlines()[-1]
        assert told == f"Request 2, POST /snapshots/, is held, {done}: kill its sender now."
        assert session.get(f"{url}/snapshots/", timeout=10).json()["count"] == made
    assert sandbox.end().code == 0
