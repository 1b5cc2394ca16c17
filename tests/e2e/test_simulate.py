"""`rotator simulate` as a reader of its page runs it: no token, no network, the same text twice, nothing left there."""

from __future__ import annotations

import json
import shlex
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.components import needs_component
from tests.documented import documented
from tests.e2e.program import SCRIPT, Finished, Program

DOCUMENT = Path(__file__).parents[2] / "docs" / "simulate.md"


@pytest.fixture
def config(rotator: Program) -> Path:
    """An API that nothing answers for: nobody asks it."""
    path = rotator.home / "config.yaml"
    server = {"id": 12345, "name": "web-server-01", "schedule": "every day at 03:00", "timezone": "Europe/Paris"}
    path.write_text(json.dumps({"api": {"url": "https://nobody.invalid/api/v1"}, "servers": [server]}))
    return path


def simulate(rotator: Program, command: str, *more: str) -> Finished:
    found = rotator(*shlex.split(command)[1:], *more)
    assert (found.code, found.err) == (0, "")
    return found


def test_shows_what_the_page_shows(rotator: Program, config: Path) -> None:
    command = documented("docs/simulate.md", "rotator simulate")
    found = simulate(rotator, command, "--from", "2026-11-23")
    sample = DOCUMENT.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    assert found.out == sample
    assert sorted(path.name for path in rotator.home.iterdir()) == ["config.yaml"]


def test_tells_what_faults_cost_and_the_same_each_time(rotator: Program, config: Path) -> None:
    command = documented("docs/simulate.md", "rotator simulate --fail 5% --outage 12h@day9")
    found = simulate(rotator, command, "--from", "2026-11-23")
    assert "    outage          day 9: 1 slot caught up, 0 missed; gap 34h 7m\n" in found.out
    assert simulate(rotator, command, "--from", "2026-11-23").out == found.out


def test_servers_with_snapshots_made_by_hand(rotator: Program, config: Path) -> None:
    found = simulate(rotator, documented("docs/simulate.md", "rotator simulate --foreign 1 --create-time 30m"))
    assert "to make room" in found.out


def test_weeks_around_a_change_of_the_clocks(rotator: Program, config: Path) -> None:
    command = documented("docs/simulate.md", "rotator simulate --from 2027-03-01 --days 60 --server web-server-01")
    found = simulate(rotator, command)
    assert "    slots           61: 61 on time\n" in found.out
    assert "    longest gap     24h 5m, until" in found.out


def test_draws_a_picture(rotator: Program, config: Path) -> None:
    simulate(rotator, documented("docs/simulate.md", "rotator simulate --days 90 --svg timeline.svg"))
    picture = ET.parse(rotator.home / "timeline.svg").getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "web-server-01" in "".join(picture.itertext())


def test_json_answers_which_servers_would_lose_more_than_a_day(rotator: Program, config: Path) -> None:
    command = documented(
        "docs/json.md", "rotator simulate --json | jq -r '.servers[] | select(.longest_gap_s > 90000) | .server'"
    )
    needs_component("jq")
    piped = command.replace("rotator simulate", f"{shlex.quote(str(SCRIPT))} simulate --outage 2d@day9", 1)
    done = subprocess.run(
        ["sh", "-c", piped],
        env=rotator.environment,
        cwd=rotator.home,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "web-server-01\n"


def test_wrong_use_is_told_with_the_remedy(rotator: Program, config: Path) -> None:
    found = rotator("simulate", "--days", "0")
    assert (found.code, found.out) == (2, "")
    assert found.err == "rotator: --days 0: give a whole number from 1 to 3660\n"
