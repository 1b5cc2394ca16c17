"""Rules, dashboard and document speak of metrics, labels and commands that exist, and of all of them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from rotator.cli.parser import build_parser
from rotator.metrics.fleet import TROUBLES
from tests.conftest import NOW
from tests.documented import ROOT
from tests.metered import all_kinds

MONITORING = ROOT / "monitoring"
RULES = (MONITORING / "rotator.rules.yml").read_text(encoding="utf-8")
CASES = (MONITORING / "rotator.rules.test.yml").read_text(encoding="utf-8")
DASHBOARD_TEXT = (MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(DASHBOARD_TEXT)
DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")

_NAME = re.compile(r"\b(?:rotator|process)_[a-z_]+\b")
_KIND = re.compile(r'kind="([^"]+)"')
_COMMAND = re.compile(r"`(rotator [^`]+)`")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]


def families() -> dict[str, set[str]]:
    """Every metric as one writes it in a query, and the names of its samples."""
    found = text_string_to_metric_families(all_kinds(NOW).exposition()[0].decode())
    return {each.name + "_total" * (each.type == "counter"): {row.name for row in each.samples} for each in found}


def sample_names() -> set[str]:
    return {name for names in families().values() for name in names}


def targets() -> list[dict[str, Any]]:
    return [target for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]


def test_every_metric_that_the_rules_use_is_exposed() -> None:
    used = {name for rule in rules() for name in _NAME.findall(rule["expr"])}
    assert used <= sample_names(), f"not exposed: {used - sample_names()}"
    assert len(used) > 8


def test_every_series_of_the_cases_is_exposed() -> None:
    series = [each["series"] for case in yaml.safe_load(CASES)["tests"] for each in case["input_series"]]
    used = {name for each in series for name in _NAME.findall(each)}
    assert used <= sample_names(), f"not exposed: {used - sample_names()}"


def test_every_metric_that_the_dashboard_uses_is_exposed() -> None:
    asked = [
        *(target["expr"] for target in targets()),
        *(each["definition"] for each in DASHBOARD["templating"]["list"]),
    ]
    used = {name for expression in asked for name in _NAME.findall(expression)}
    assert used <= sample_names(), f"not exposed: {used - sample_names()}"
    assert len(used) > 15


def test_every_kind_of_trouble_in_the_rules_exists_and_has_its_alert() -> None:
    used = set(_KIND.findall(RULES))
    # Stale has a better rule, which goes by the clock: it also comes when rotator itself stands still.
    assert used == set(TROUBLES) - {"stale"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule["annotations"]) == {"summary", "description", "what_to_do"}
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["for"]
    assert f"| `{rule['alert']}` |" in DOCUMENT
    assert f"alertname: {rule['alert']}\n" in CASES or f'alertname="{rule["alert"]}"' in CASES


@pytest.mark.parametrize("text", [*(rule["annotations"]["what_to_do"] for rule in rules()), DOCUMENT])
def test_the_commands_to_help_oneself_with_exist(text: str) -> None:
    for command in _COMMAND.findall(text):
        words = shlex.split(re.sub(r"\{\{[^}]*\}\}", "NAME", command))
        parsed = build_parser().parse_args(words[1:])  # ends the test for what is no command
        assert parsed.command == words[1]


def test_the_dashboard_asks_for_its_data_source_when_it_is_imported() -> None:
    [source] = DASHBOARD["__inputs"]
    assert (source["type"], source["pluginId"]) == ("datasource", "prometheus")
    wanted = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    shown = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    for part in (*shown, *targets(), *DASHBOARD["templating"]["list"]):
        assert part["datasource"] == wanted
    used = {panel["type"] for panel in shown}
    assert used == {each["id"] for each in DASHBOARD["__requires"] if each["type"] == "panel"}


def test_the_panels_have_ids_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    covered: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & covered, f"{panel['title']} lies on another panel"
        assert all(0 <= x < 24 for x, _ in cells)
        covered |= cells


def test_the_document_lists_every_metric_and_no_other() -> None:
    listed = set(re.findall(r"^\| `(rotator_[a-z_]+)` \| \w+ \|", DOCUMENT, re.MULTILINE))
    exposed = {name for name in families() if name.startswith("rotator_")}
    assert listed == exposed


def test_the_document_gives_every_metric_its_type() -> None:
    listed = dict(re.findall(r"^\| `(rotator_[a-z_]+)` \| (\w+) \|", DOCUMENT, re.MULTILINE))
    found = text_string_to_metric_families(all_kinds(NOW).exposition()[0].decode())
    exposed = {each.name + "_total" * (each.type == "counter"): each.type for each in found if "rotator" in each.name}
    assert listed == exposed
