"""The file for the textfile collector: whole or not at all, and it goes on where the last run stopped."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from rotator.engine import Finished, Kind, Outcome, Report
from rotator.errors import UnreachableError
from rotator.metrics.metrics import Metrics
from rotator.model import Policy
from tests.builders import DB, WEB, day, days, foreign, policy
from tests.conftest import NOW
from tests.metered import CREATE, HOUR, MINUTE, metrics, seen

WEB_DAILY = policy(WEB)
DB_DAILY = policy(DB)
OK = Finished(CREATE.name, ok=True, duration=3 * MINUTE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rotator.prom"


def run(
    path: Path, *outcomes: Outcome, of: tuple[Policy, ...] = (WEB_DAILY,), error: UnreachableError | None = None
) -> Metrics:
    """A one-shot with this pass."""
    made = metrics(*of)
    made.passed(Report(outcomes, error), NOW)
    made.write(path)
    return made


def read(path: Path) -> dict[str, float]:
    families = text_string_to_metric_families(path.read_text())
    rows = [row for family in families for row in family.samples]
    return {"".join((row.name, *(f",{value}" for value in row.labels.values()))): row.value for row in rows}


def test_other_users_can_read_the_file_and_nothing_else_is_left(path: Path) -> None:
    old = os.umask(0o077)
    try:
        run(path, seen(WEB_DAILY, days(23)))
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in path.parent.iterdir()] == ["rotator.prom"]


def test_the_file_is_replaced_and_not_written_into(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(23)))
    with path.open() as reader:
        before = path.read_text()
        run(path, seen(WEB_DAILY, days(22)), of=(WEB_DAILY, DB_DAILY))
        assert reader.read() == before, "whoever reads meanwhile sees the whole old file"
    assert path.read_text() != before


def test_process_figures_are_left_to_node_exporter(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(23)))
    assert not [key for key in read(path) if key.startswith(("process_", "python_"))]


def test_a_run_with_nothing_due_tells_the_last_success(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(22, 23)))
    assert read(path)["rotator_server_last_success_timestamp_seconds,web-server-01"] == day(23).timestamp()


def test_counters_go_on_from_run_to_run(path: Path) -> None:
    for _ in range(3):
        made = metrics(WEB_DAILY)
        made.api_request("GET", "200", 0.2)
        made.passed(Report((seen(WEB_DAILY, days(23), Kind.ACTED, (CREATE,), OK),)), NOW)
        made.write(path)
    shown = read(path)
    assert shown["rotator_snapshots_created_total"] == 3
    assert shown["rotator_rotations_total,completed"] == 3
    assert shown["rotator_api_requests_total,GET,200"] == 3
    assert shown["rotator_snapshot_creation_seconds_count"] == 3
    assert shown["rotator_snapshot_creation_seconds_sum"] == 540
    assert shown["rotator_snapshot_creation_seconds_bucket,120.0"] == 0
    assert shown["rotator_snapshot_creation_seconds_bucket,300.0"] == 3
    assert shown["rotator_api_request_duration_seconds_bucket,0.25,GET"] == 3


def test_writing_twice_counts_once(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(23), Kind.ACTED, (CREATE,)))
    run(path, seen(WEB_DAILY, days(23))).write(path)
    assert read(path)["rotator_snapshots_created_total"] == 1


def test_a_run_that_saw_nothing_ends_no_alert(path: Path) -> None:
    run(path, seen(WEB_DAILY, [*days(20), *foreign("a", "b")], Kind.BLOCKED))
    before = read(path)
    lost = UnreachableError("no answer")
    run(path, Outcome(WEB_DAILY, Kind.SKIPPED, "no answer", problems=("no answer",)), error=lost)
    after = read(path)
    same = {key for key in before if key.startswith("rotator_server_") and "trouble" not in key}
    assert len(same) == 11
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after["rotator_last_pass_successful"] == 0


def test_servers_that_a_run_left_out_keep_their_figures_and_troubles(path: Path) -> None:
    both = (WEB_DAILY, DB_DAILY)
    run(path, seen(WEB_DAILY, days(23)), seen(DB_DAILY, [], Kind.BLOCKED), of=both)
    before = read(path)
    assert before["rotator_server_trouble,db-server-01,blocked"] == 1
    run(path, seen(WEB_DAILY, days(23)), of=both)
    after = read(path)
    of_db = {key: value for key, value in before.items() if "db-server-01" in key}
    assert {key: value for key, value in after.items() if "db-server-01" in key} == of_db
    run(path, seen(WEB_DAILY, days(23)))
    assert not [key for key in read(path) if "db-server-01" in key], "it left the configuration"


def test_what_was_seen_now_counts_more_than_the_file(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(22, 23)))
    run(path, seen(WEB_DAILY, []))
    shown = read(path)
    assert shown["rotator_server_last_success_timestamp_seconds,web-server-01"] == day(23).timestamp()
    assert shown["rotator_server_restore_points,web-server-01"] == 0
    assert "rotator_server_newest_restore_point_timestamp_seconds,web-server-01" not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe not text",
        b"rotator_snapshots_created_total{ 1\n",
        b"# TYPE rotator_snapshots_created counter\nrotator_snapshots_created_total one\n",
    ],
)
def test_a_damaged_file_is_told_of_and_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with capture_logs() as logs:
        run(path, seen(WEB_DAILY, days(23)))
    [line] = logs
    assert (line["event"], line["log_level"], line["file"]) == ("metrics_file_failed", "warning", str(path))
    assert "counters begin at 0" in line["reason"]
    assert read(path)["rotator_snapshots_created_total"] == 0


def test_buckets_of_another_version_are_not_added_up(path: Path) -> None:
    path.write_text(
        "# TYPE rotator_snapshot_creation_seconds histogram\n"
        'rotator_snapshot_creation_seconds_bucket{le="7.0"} 2\n'
        'rotator_snapshot_creation_seconds_bucket{le="+Inf"} 2\n'
        "rotator_snapshot_creation_seconds_sum 9\n"
        "rotator_snapshot_creation_seconds_count 2\n"
        "node_other_metric 1\n"
        'rotator_server_gone{server="web-server-01"} 1\n'
    )
    run(path, seen(WEB_DAILY, days(23), finished=OK))
    shown = read(path)
    assert shown["rotator_snapshot_creation_seconds_count"] == 1
    assert not {"node_other_metric", "rotator_server_gone,web-server-01"} & set(shown)


def test_a_missing_folder_is_told_of_and_nothing_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "rotator.prom"
    with capture_logs() as logs:
        run(path, seen(WEB_DAILY, days(23)))
    [line] = logs
    assert (line["event"], line["log_level"]) == ("metrics_file_failed", "warning")
    assert "No such file or directory" in line["reason"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_files_place_is_told_of_and_nothing_is_left(path: Path) -> None:
    path.mkdir()
    with capture_logs() as logs:
        run(path, seen(WEB_DAILY, days(23)))
    assert [line["event"] for line in logs] == ["metrics_file_failed"] * 2
    assert list(path.parent.iterdir()) == [path]


def test_a_run_after_hours_of_outage_still_has_the_old_limit(path: Path) -> None:
    run(path, seen(WEB_DAILY, days(23)))
    limit = (day(25) + HOUR).timestamp()
    for _ in range(2):
        run(path, Outcome(WEB_DAILY, Kind.SKIPPED, "no answer", problems=("no answer",)), error=UnreachableError("-"))
    assert read(path)["rotator_server_stale_after_timestamp_seconds,web-server-01"] == limit
