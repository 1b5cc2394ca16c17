"""What the documents show works: every configuration in them loads, and every event they name exists."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rotator.cli.commands.doctor import document as findings
from rotator.cli.commands.plan import as_json as plan_json
from rotator.cli.doctor.chart import warn
from rotator.cli.simulate.document import as_json as simulation_json
from rotator.config import load
from rotator.engine import Kind, Outcome, Report
from rotator.engine.tell import PROBLEMS
from rotator.errors import ConfigError
from rotator.logs import Event
from rotator.model import Policy, Sign
from rotator.planner import plan
from rotator.simulate import Outage, Settings, simulate
from rotator.standing import status_json
from tests.builders import day, days, observation, policy, taken
from tests.conftest import NOW
from tests.documented import commands

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
EVENTS = ROOT / "docs" / "events.md"

_BLOCK = re.compile(r"^(?P<indent> *)```ya?ml\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
_EVENT_ROW = re.compile(r"^\| `([a-z_]+)`", re.MULTILINE)


def documents() -> list[Path]:
    return [README, *sorted((ROOT / "docs").glob("*.md"))]


def configurations() -> list[tuple[str, str]]:
    """Where each whole configuration stands, and its text."""
    found = []
    for path in documents():
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for block in _BLOCK.finditer(text):
            content = textwrap.dedent(block["text"])
            if re.search(r"^servers:", content, re.MULTILINE):
                line = text.count("\n", 0, block.start()) + 2
                found.append((f"{path.relative_to(ROOT)}:{line}", content))
    return found


def problems(path: Path) -> str:
    """What is wrong with a configuration, in words; nothing if it loads."""
    try:
        load(path)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("where", "text"), configurations(), ids=[where for where, _ in configurations()])
def test_configuration_in_a_document_loads(where: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert not problems(path), f"the configuration at {where} does not load"


def test_readme_shows_a_configuration() -> None:
    assert README.exists(), "README.md is missing"
    shown = [where for where, _ in configurations() if where.startswith("README.md:")]
    assert shown, "README.md shows no ```yaml block with `servers:`"


def test_example_configuration_loads_without_a_warning() -> None:
    path = ROOT / "config.example.yaml"
    assert not problems(path)
    assert load(path).warnings == ()


def rows_below(heading: str) -> list[str]:
    """What stands in the first column of the first table below a heading of docs/json.md."""
    _, found, rest = (ROOT / "docs" / "json.md").read_text(encoding="utf-8").partition(f"\n{heading}\n")
    assert found, f"docs/json.md has no heading {heading!r}"
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    assert table, f"docs/json.md has no table below {heading!r}"
    return re.findall(r"^\| `([a-z_.\[\]]+)`", table[0], re.MULTILINE)


def test_every_kind_of_notice_is_documented_and_no_other() -> None:
    assert sorted(rows_below("## Kinds of notices")) == sorted(Sign)


def test_every_notice_that_makes_the_exit_code_1_is_marked() -> None:
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8").partition("\n## Kinds of notices\n")[2]
    marked = re.findall(r"^\| `([a-z_]+)` \|.*\| yes \|$", text, re.MULTILINE)
    assert set(marked) == PROBLEMS


def test_every_state_is_documented_and_no_other() -> None:
    judged = {"ok", "due", "overdue", "attention"}
    assert sorted(rows_below("### States")) == sorted(({*Kind} - {Kind.IDLE}) | judged)


def test_every_key_is_documented_and_no_other() -> None:
    seen = observation(*days(20, 21, 22), taken(day(22), snapshot_id=7))
    rules = policy()
    report = Report((Outcome(rules, Kind.BLOCKED, "no room", plan(rules, seen, NOW), seen),))
    shown = {
        "## `rotator plan --json`": plan_json(report, NOW),
        "## `rotator status --json`": status_json(report, NOW),
        "## `rotator simulate --json`": simulated(rules),
        "## `rotator doctor --json`": findings([("token", warn("it is old", "make a new one"))], NOW),
    }
    for heading, document in shown.items():
        rows = rows_below(heading)
        assert sorted([*rows, *as_in_plan(heading)]) == sorted(keys(document)), heading


def simulated(rules: Policy) -> dict[str, Any]:
    """A simulation that has something to say of everything."""
    outage = Outage(NOW, NOW + timedelta(hours=3))
    settings = Settings(NOW - timedelta(days=1), 9, outages=(outage,), foreign=2)
    return simulation_json(simulate([rules], settings), settings)


def as_in_plan(heading: str) -> list[str]:
    """Keys that the document of `status` shares with that of `plan`, whose table has them."""
    shared = ("servers[].restore_points[].", "servers[].notices[].")
    plan_rows = rows_below("## `rotator plan --json`")
    return [row for row in plan_rows if row.startswith(shared)] if "status" in heading else []


def keys(value: dict[str, Any], above: str = "") -> Iterator[str]:
    """Every key of a document, as the tables write it."""
    for key, each in value.items():
        yield above + key
        if isinstance(each, list) and each and isinstance(each[0], dict):
            yield from keys(each[0], f"{above}{key}[].")


def test_every_event_is_documented_and_no_other() -> None:
    assert EVENTS.exists(), "docs/events.md is missing"
    documented = _EVENT_ROW.findall(EVENTS.read_text(encoding="utf-8"))
    known = [event.value for event in Event]
    missing, unknown = sorted({*known} - {*documented}), sorted({*documented} - {*known})
    assert not missing, f"docs/events.md has no row for {missing}"
    assert not unknown, f"docs/events.md names events that rotator.logs.Event does not have: {unknown}"
    assert len(documented) == len(set(documented)), "docs/events.md has an event twice"


@cache
def run_by_tests() -> set[tuple[str, str]]:
    """Every command that a test takes from a document with `documented(DOCUMENT, COMMAND)`, both written out."""
    calls = (
        node
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "documented"
    )
    return {tuple(ast.literal_eval(each) for each in call.args) for call in calls if len(call.args) == 2}


@pytest.mark.parametrize("document", [str(path.relative_to(ROOT)) for path in documents()])
def test_every_command_in_a_document_is_run_by_a_test(document: str) -> None:
    missing = [command for command in commands(document) if (document, command) not in run_by_tests()]
    assert not missing, f"no test runs these commands of {document}: {missing}"
