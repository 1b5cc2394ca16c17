"""`rotator once --metrics-file`, as docs/monitoring.md shows it: what a run leaves for the textfile collector."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rotator.errors import Exit
from tests.documented import documented
from tests.e2e.account import DB, WEB, Account
from tests.e2e.program import Program

PLACE = "/var/lib/prometheus/node-exporter/rotator.prom"


@pytest.fixture
def command(home: Path) -> list[str]:
    """The documented command, with a file of this test's own."""
    shown = documented(
        "docs/monitoring.md", "rotator once --metrics-file /var/lib/prometheus/node-exporter/rotator.prom"
    )
    assert PLACE in shown
    return shlex.split(shown.replace(PLACE, str(home / "rotator.prom")))[1:]


def read(home: Path) -> dict[str, float]:
    families = text_string_to_metric_families((home / "rotator.prom").read_text())
    rows = [row for family in families for row in family.samples]
    return {"".join((row.name, *(f",{value}" for value in row.labels.values()))): row.value for row in rows}


def test_a_run_leaves_its_figures_and_the_next_one_goes_on(
    rotator: Program, account: Account, command: list[str], home: Path
) -> None:
    account.configure(account.server(WEB), account.server(DB))
    account.plant(0, server_id=DB)
    first = rotator(*command, "-c", account.path)
    assert first.code == Exit.DONE, first.err
    shown = read(home)
    assert shown["rotator_server_restore_points,web-server-01"] == 1
    assert shown["rotator_server_healthy,web-server-01"] == 1
    assert shown["rotator_snapshots_created_total"] == 1
    assert shown["rotator_rotations_total,completed"] == 1
    assert shown["rotator_snapshot_creation_seconds_count"] == 1
    assert shown["rotator_api_requests_total,POST,201"] == 1
    assert "rotator_last_wake_timestamp_seconds" not in shown
    again = rotator(*command, "-c", account.path, "--server", "web-server-01")
    assert again.code == Exit.DONE, again.err
    later = read(home)
    assert later["rotator_snapshots_created_total"] == 1
    assert later["rotator_api_requests_total,GET,200"] > shown["rotator_api_requests_total,GET,200"]
    for key in ("healthy", "last_success_timestamp_seconds", "stale_after_timestamp_seconds", "restore_points"):
        assert later[f"rotator_server_{key},db-server-01"] == shown[f"rotator_server_{key},db-server-01"]


def test_a_name_that_the_collector_would_not_read_is_warned_of(rotator: Program, account: Account, home: Path) -> None:
    account.plant(0)
    for name, told in (("rotator.prom", []), ("rotator.txt", ["config_warning"])):
        ran = rotator("once", "--metrics-file", home / name, "-c", account.path)
        assert (ran.code, [event for event in ran.events if event == "config_warning"]) == (Exit.DONE, told)
        assert (home / name).exists()


def test_a_run_that_finds_the_api_broken_keeps_what_was_known(
    rotator: Program, account: Account, command: list[str], home: Path
) -> None:
    account.configure()
    account.plant(1, 0)
    assert rotator(*command, "-c", account.path).code == Exit.DONE
    shown = read(home)
    account.token_file.write_text("another-token\n")
    assert rotator(*command, "-c", account.path).code == Exit.CREDENTIALS
    later = read(home)
    assert (later["rotator_last_pass_successful"], later["rotator_server_healthy,web-server-01"]) == (0, 0)
    for key in ("last_success_timestamp_seconds", "stale_after_timestamp_seconds", "restore_points"):
        assert later[f"rotator_server_{key},web-server-01"] == shown[f"rotator_server_{key},web-server-01"]


def test_a_file_that_cannot_be_written_changes_no_exit_code(
    rotator: Program, account: Account, command: list[str], home: Path
) -> None:
    account.configure()
    (home / "rotator.prom").mkdir()
    ended = rotator(*command, "-c", account.path)
    assert ended.code == Exit.DONE
    assert account.names() == account.expected(0)
    assert "metrics_file_failed" in ended.events
