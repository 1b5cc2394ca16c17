"""A real Prometheus reads what rotator exposes, and its tools find nothing wrong with metrics, rules and dashboard."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from rotator.metrics.families import OF_PROCESS, OF_SERVER
from rotator.metrics.metrics import Metrics
from rotator.slots import latest_slot
from tests.builders import WEB, policy
from tests.components import needs_component
from tests.documented import ROOT, documented
from tests.e2e.program import Program, until
from tests.metered import ODD, all_kinds

MONITORING = ROOT / "monitoring"
RULES = MONITORING / "rotator.rules.yml"
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))

STATS = ("Protected now", "Not protected", "Servers in trouble")
LISTS = ("Servers without a fresh restore point", "Troubles now")
_VARIABLES = {"$instance": ".*", "$server": ".*", "$__rate_interval": "1m"}


def now() -> datetime:
    return datetime.now(UTC)


def alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@contextmanager
def serving(made: Metrics) -> Iterator[int]:
    """The port of a server of /metrics."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.api_request("GET", "200", 0.1)
            body, content_type = made.exposition(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as taken_for_now:
        taken_for_now.bind(("127.0.0.1", 0))
        port: int = taken_for_now.getsockname()[1]
        return port


class Prometheus:
    """A running Prometheus at `url`."""

    def __init__(self, url: str, target: str) -> None:
        self.url, self.target = url, target

    def api(self, path: str, **parameters: str) -> Any:
        reply = requests.get(f"{self.url}/api/v1/{path}", parameters, timeout=10)
        answer = reply.json()
        assert answer["status"] == "success", f"{path} {parameters}: {answer}"
        return answer["data"]

    def query(self, expression: str) -> dict[str, float]:
        """The value of each server, or of whatever label comes first."""
        rows = self.api("query", query=expression)["result"]
        return {row["metric"].get("server", "") or str(row["metric"]): float(row["value"][1]) for row in rows}


def scrape_config(target: str) -> str:
    """What docs/monitoring.md says of the daemon, for this target and in a hurry."""
    [block] = re.findall(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "docs/monitoring.md").read_text(), re.DOTALL)
    shown = yaml.safe_load(block)
    shown["scrape_configs"] = [each for each in shown["scrape_configs"] if each["job_name"] == "rotator"]
    assert shown["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:9187"]
    shown["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    shown["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    shown["rule_files"] = [str(RULES)]
    return yaml.safe_dump(shown)


@contextmanager
def scraping(target: str, folder: Path) -> Iterator[Prometheus]:
    """Prometheus, once it has read the target some times."""
    program = needs_component("prometheus")
    (folder / "prometheus.yml").write_text(scrape_config(target))
    address = f"127.0.0.1:{free_port()}"
    options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, *options], cwd=folder, stderr=log) as process,
    ):
        there = Prometheus(f"http://{address}", target)
        try:
            until("Prometheus scrapes", lambda: scraped_often(there), 45)
            yield there
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with (
        serving(all_kinds(now())) as port,
        scraping(f"127.0.0.1:{port}", tmp_path_factory.mktemp("prometheus")) as there,
    ):
        yield there


def scraped_often(there: Prometheus) -> bool:
    """Whether there are samples enough for a rate and an increase."""
    try:
        ready = requests.get(f"{there.url}/-/ready", timeout=10).ok
    except requests.ConnectionError:
        return False
    return ready and bool(there.query('count_over_time(up{job="rotator"}[1m]) >= 3'))


def test_prometheus_reads_the_figures_of_every_server(prometheus: Prometheus) -> None:
    [target] = prometheus.api("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert prometheus.query("rotator_server_cap") == {"web-server-01": 5, "db-server-01": 5, ODD: 5}
    assert prometheus.query("rotator_server_restore_points")["web-server-01"] == 2
    assert prometheus.query('rotator_server_trouble{kind="blocked"} == 1') == {"db-server-01": 1}
    newest = latest_slot(policy(WEB).schedule, now())
    assert newest is not None
    shown = prometheus.query("rotator_server_newest_restore_point_timestamp_seconds")["web-server-01"]
    assert newest.timestamp() - shown in (0, 86400), "a day later only if the test ran over the slot"


def test_prometheus_reads_a_daemon(tmp_path: Path) -> None:
    needs_component("prometheus")
    target = f"127.0.0.1:{free_port()}"
    config = tmp_path / "config.yaml"
    config.write_text((ROOT / "config.example.yaml").read_text() + f"\nweb: {{listen: '{target}'}}\n")
    rotator = Program(tmp_path)
    try:
        daemon = rotator.start("run", "--sandbox", "-c", config)
        daemon.wait_for("snapshot_deleted")
        with scraping(target, tmp_path) as there:
            assert set(there.query("rotator_server_healthy").values()) == {1}
            assert there.query("rotator_server_restore_points")["web-server-01"] == 4
            assert [*there.query("rotator_snapshots_created_total").values()] == [5]
            assert sum(there.query('rotator_api_requests_total{method="POST",status="201"}').values()) == 5
        daemon.end()
    finally:
        rotator.close()


def test_prometheus_knows_type_and_help_of_every_metric(prometheus: Prometheus) -> None:
    known = prometheus.api("metadata")
    for name in (*OF_PROCESS, *(f"rotator_server_{key}" for key in OF_SERVER)):
        [entry] = known[name]
        assert entry["type"] == "gauge"
        assert entry["help"]
    assert {known[name][0]["type"] for name in known if "api_requests" in name} == {"counter"}
    assert known["rotator_snapshot_creation_seconds"][0]["type"] == "histogram"


def test_prometheus_takes_the_rules_and_none_fails(prometheus: Prometheus) -> None:
    def evaluated() -> list[Any]:
        rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
        return rules if rules and all(rule["health"] != "unknown" for rule in rules) else []

    rules = until("every rule was evaluated", evaluated, 30)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    pending = {rule["name"] for rule in rules if rule["alerts"]}
    assert {"RotatorServerBlocked", "RotatorNeverSucceeded"} <= pending
    assert not pending & {"RotatorDown", "RotatorGone", "RotatorLoopSilent", "RotatorReloadFailed"}


def panels() -> list[Any]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> list[tuple[str, str]]:
    """Title and expression of everything that the dashboard asks."""
    found = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    for variable, value in _VARIABLES.items():
        found = [(title, expression.replace(variable, value)) for title, expression in found]
    return found


@pytest.mark.parametrize(("title", "expression"), expressions())
def test_every_panel_of_the_dashboard_has_something_to_show(
    prometheus: Prometheus, title: str, expression: str
) -> None:
    assert "$" not in expression
    assert until(f"data of {title}", lambda: prometheus.query(expression), 10)


def test_the_documented_look_at_the_metrics_shows_them() -> None:
    command = documented("docs/monitoring.md", "curl -s http://127.0.0.1:9187/metrics").split()
    needs_component("curl")
    with serving(all_kinds(now())) as port:
        command[-1] = command[-1].replace("9187", str(port))
        shown = subprocess.run(command, capture_output=True, timeout=30, check=True).stdout
    assert b'rotator_server_cap{server="web-server-01"} 5' in shown


def test_the_dashboard_tells_who_is_protected_and_who_is_not(prometheus: Prometheus) -> None:
    counted = {title: [*prometheus.query(asked).values()] for title, asked in expressions() if title in STATS}
    assert counted == {"Protected now": [1], "Not protected": [2], "Servers in trouble": [1]}
    lists = {title: {*prometheus.query(asked)} for title, asked in expressions() if title in LISTS}
    assert lists == {"Servers without a fresh restore point": {"db-server-01", ODD}, "Troubles now": {"db-server-01"}}


def promtool(*arguments: str, folder: Path = MONITORING, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    needs_component("promtool")
    return subprocess.run(
        ["promtool", *arguments], cwd=folder, input=given, capture_output=True, timeout=60, check=False
    )


def test_promtool_finds_nothing_to_say_of_the_metrics() -> None:
    checked = promtool("check", "metrics", given=all_kinds(now()).exposition()[0])
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_promtool_finds_nothing_to_say_of_a_metrics_file(tmp_path: Path) -> None:
    all_kinds(now()).write(tmp_path / "rotator.prom")
    checked = promtool("check", "metrics", given=(tmp_path / "rotator.prom").read_bytes())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_promtool_accepts_the_rules() -> None:
    command = documented("docs/monitoring.md", "promtool check rules rotator.rules.yml").split()
    checked = promtool(*command[1:])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"SUCCESS: {len(alert_rules())} rules found".encode() in checked.stdout


def test_each_alert_fires_when_it_should_and_is_silent_else() -> None:
    command = documented("docs/monitoring.md", "promtool test rules rotator.rules.test.yml").split()
    checked = promtool(*command[1:])
    assert checked.returncode == 0, checked.stdout + checked.stderr
