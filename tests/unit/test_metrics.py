"""What the metrics say of servers, passes and requests, and what they leave out."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

import rotator.metrics
from rotator.engine import Finished, Kind, Outcome, Report
from rotator.errors import ConfigError, UnreachableError
from rotator.metrics import new_metrics
from rotator.metrics.fleet import TROUBLES
from rotator.metrics.metrics import Metrics
from rotator.model import Keep
from tests.builders import DB, WEB, day, days, foreign, policy, snapshot, taken
from tests.conftest import NOW
from tests.metered import CREATE, DELETE, config, metrics, seen

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEB_DAILY = policy(WEB)
DB_DAILY = policy(DB)
LABELLED = '{server="web-server-01"}'


def samples(made: Metrics) -> dict[str, float]:
    """Every sample by its name and labels, as the exposition writes them."""
    text = made.exposition()[0].decode()
    rows = [sample for family in parse_text(text) for sample in family.samples]
    shown = {f"{row.name}{_shown(row.labels)}": row.value for row in rows}
    assert len(shown) == len(rows), "a sample is there twice"
    return shown


def _shown(labels: dict[str, str]) -> str:
    inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{{{inner}}}" if inner else ""


def of_server(made: Metrics, server: str = "web-server-01") -> dict[str, float]:
    """The figures of a server by the ends of their names, without its troubles."""
    end = f'{{server="{server}"}}'
    rows = samples(made).items()
    return {key.removeprefix("rotator_server_").removesuffix(end): at for key, at in rows if key.endswith(end)}


def troubles(made: Metrics, server: str = "web-server-01") -> set[str]:
    """The kinds of trouble that are 1; all others must be there as 0."""
    shown = {kind: samples(made)[f'rotator_server_trouble{{kind="{kind}",server="{server}"}}'] for kind in TROUBLES}
    assert set(shown.values()) <= {0, 1}
    return {kind for kind, value in shown.items() if value}


def test_a_server_never_looked_at_has_its_cap_and_nothing_else() -> None:
    made = metrics(WEB_DAILY)
    assert of_server(made) == {"cap": 5}
    assert not [key for key in samples(made) if key.startswith("rotator_server_trouble")]


def test_a_server_is_described_by_its_list() -> None:
    made = metrics(WEB_DAILY)
    rows = [*days(20, 21, 22, 23), *foreign("by hand")]
    made.passed(Report((seen(WEB_DAILY, rows),)), NOW)
    assert of_server(made) == {
        "cap": 5,
        "healthy": 1,
        "last_success_timestamp_seconds": day(23).timestamp(),
        "last_attempt_timestamp_seconds": day(23).timestamp(),
        "next_slot_timestamp_seconds": day(24).timestamp(),
        "newest_restore_point_timestamp_seconds": day(23).timestamp(),
        "oldest_restore_point_timestamp_seconds": day(20).timestamp(),
        "stale_after_timestamp_seconds": (day(25) + HOUR).timestamp(),
        "snapshots": 5,
        "restore_points": 4,
        "foreign_snapshots": 1,
    }
    assert troubles(made) == set()


def test_a_server_without_restore_points_has_no_times_of_them() -> None:
    made = metrics(WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY, []),)), NOW)
    shown = of_server(made)
    assert (shown["snapshots"], shown["restore_points"]) == (0, 0)
    assert not {key for key in shown if "restore_point_timestamp" in key or "success" in key or "stale" in key}


def test_a_failed_snapshot_is_an_attempt_and_no_success() -> None:
    made = metrics(WEB_DAILY)
    rows = [*days(21), taken(day(22), "failed")]
    made.passed(Report((seen(WEB_DAILY, rows, Kind.FAILED),)), NOW)
    shown = of_server(made)
    assert shown["last_attempt_timestamp_seconds"] == day(22).timestamp()
    assert shown["last_success_timestamp_seconds"] == day(21).timestamp()


def test_success_and_attempt_are_when_this_process_saw_them() -> None:
    made = metrics(WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY, days(22), Kind.ACTED, (CREATE,)),)), NOW)
    assert of_server(made)["last_attempt_timestamp_seconds"] == NOW.timestamp()
    done = Finished(CREATE.name, ok=True, duration=5 * MINUTE)
    made.passed(Report((seen(WEB_DAILY, days(22, 23), finished=done),)), NOW + 5 * MINUTE)
    assert of_server(made)["last_success_timestamp_seconds"] == (NOW + 5 * MINUTE).timestamp()


def test_success_lasts_when_its_restore_point_is_deleted_by_hand() -> None:
    made = metrics(WEB_DAILY)
    done = Finished(CREATE.name, ok=True, duration=None)
    made.passed(Report((seen(WEB_DAILY, days(22, 23), finished=done),)), NOW)
    made.passed(Report((seen(WEB_DAILY, days(22)),)), NOW + MINUTE)
    shown = of_server(made)
    assert shown["last_success_timestamp_seconds"] == NOW.timestamp()
    assert shown["newest_restore_point_timestamp_seconds"] == day(22).timestamp()


@pytest.mark.parametrize(
    ("outcome", "kinds"),
    [
        pytest.param(seen(WEB_DAILY, days(23), Kind.FAILED), {"failing"}, id="failing"),
        pytest.param(seen(WEB_DAILY, days(22), Kind.BLOCKED), {"blocked"}, id="blocked"),
        pytest.param(seen(WEB_DAILY, [*days(23), taken(day(20), "in_progress")]), {"stuck"}, id="stuck"),
        pytest.param(seen(WEB_DAILY, [*days(23), taken(day(20), "melting")]), {"stuck"}, id="unknown status"),
        pytest.param(seen(policy(WEB, keep=1), days(20, 21, 22, 23)), {"held"}, id="held"),
        pytest.param(seen(policy(WEB, grace=MINUTE), days(19), at=NOW + 2 * HOUR), {"stale"}, id="stale"),
        pytest.param(seen(WEB_DAILY, days(21)), {"overdue"}, id="overdue"),
        pytest.param(seen(WEB_DAILY, [*days(23), *foreign("a", "b")]), {"squeezed"}, id="squeezed"),
    ],
)
def test_each_kind_of_trouble_is_told_apart(outcome: Outcome, kinds: set[str]) -> None:
    made = metrics(WEB_DAILY, now=NOW + 2 * HOUR)
    made.passed(Report((outcome,)), NOW)
    assert troubles(made) == kinds
    assert of_server(made)["healthy"] == (kinds == {"squeezed"}), "squeezed is worth knowing, nothing is wrong yet"


def test_every_kind_of_trouble_has_a_case_above() -> None:
    shown = {"failing", "blocked", "stuck", "held", "stale", "overdue", "squeezed"}
    assert set(TROUBLES) == shown


def test_trouble_comes_with_time_alone() -> None:
    now = NOW
    made = new_metrics(lambda: now, "the test")
    made.configured(config(policy(WEB, max_age=26 * HOUR)), NOW)
    made.passed(Report((seen(policy(WEB, max_age=26 * HOUR), days(23)),)), NOW)
    assert troubles(made) == set()
    now = NOW + 26 * HOUR + MINUTE
    assert troubles(made) == {"stale"}
    assert of_server(made)["healthy"] == 0
    assert of_server(made)["stale_after_timestamp_seconds"] == (NOW + 26 * HOUR).timestamp()


def test_a_pass_without_a_list_changes_health_and_keeps_what_was_seen() -> None:
    made = metrics(WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY, [*days(23), *foreign("a", "b")]),)), NOW)
    before = of_server(made)
    lost = UnreachableError("list the snapshots: no answer")
    skipped = Outcome(WEB_DAILY, Kind.SKIPPED, str(lost), problems=(str(lost),))
    made.passed(Report((skipped,), lost), NOW + MINUTE)
    assert of_server(made) == before | {"healthy": 0}
    assert troubles(made) == {"squeezed"}
    assert samples(made)["rotator_last_pass_successful"] == 0
    made.passed(Report((seen(WEB_DAILY, days(23)),)), NOW + 2 * MINUTE)
    assert of_server(made)["healthy"] == 1
    assert samples(made)["rotator_last_pass_successful"] == 1
    assert samples(made)["rotator_last_pass_timestamp_seconds"] == (NOW + 2 * MINUTE).timestamp()


def test_a_server_that_left_the_configuration_is_gone() -> None:
    made = metrics(WEB_DAILY, DB_DAILY)
    both = Report((seen(WEB_DAILY, days(23)), seen(DB_DAILY, [])))
    made.passed(both, NOW)
    made.configured(config(DB_DAILY), NOW + MINUTE)
    made.passed(both, NOW + MINUTE)
    assert of_server(made) == {}
    assert of_server(made, "db-server-01")["healthy"] == 1


def test_a_server_renamed_in_the_configuration_has_its_figures_under_the_new_name() -> None:
    made = metrics(WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY, days(23)),)), NOW)
    made.configured(config(policy(WEB, server="www")), NOW + MINUTE)
    assert of_server(made) == {}
    assert of_server(made, "www")["restore_points"] == 1


def test_any_name_of_a_server_can_be_a_label() -> None:
    name = 'quote " slash \\ line\nend \r é <b>'
    odd = policy(WEB, server=name)
    made = metrics(odd)
    made.passed(Report((seen(odd, days(23)),)), NOW)
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        body = made.exposition(accept)[0].decode()
        parse = parse_open_metrics if accept else parse_text
        shown = {row.labels["server"] for family in parse(body) for row in family.samples if "server" in row.labels}
        assert shown == {name}


def test_what_was_done_is_counted() -> None:
    made = metrics(WEB_DAILY, DB_DAILY)
    web = seen(
        WEB_DAILY, days(22, 23), Kind.ACTED, (DELETE,), Finished("a", ok=True, duration=301 * timedelta(seconds=1))
    )
    db = seen(DB_DAILY, [], Kind.FAILED, (CREATE,), Finished("b", ok=False, duration=MINUTE))
    made.passed(Report((web, db)), NOW)
    shown = samples(made)
    assert shown["rotator_snapshots_created_total"] == 1
    assert shown["rotator_snapshots_deleted_total"] == 1
    assert shown["rotator_snapshots_failed_total"] == 1
    assert shown['rotator_rotations_total{outcome="completed"}'] == 1
    assert shown['rotator_rotations_total{outcome="failed"}'] == 1
    assert shown['rotator_snapshot_creation_seconds_bucket{le="300.0"}'] == 0
    assert shown['rotator_snapshot_creation_seconds_bucket{le="600.0"}'] == 1
    assert shown['rotator_snapshot_creation_seconds_bucket{le="+Inf"}'] == 1
    assert shown["rotator_snapshot_creation_seconds_sum"] == 301
    assert shown["rotator_snapshot_creation_seconds_count"] == 1


def test_counters_begin_at_zero_so_that_the_first_event_is_an_increase() -> None:
    shown = samples(metrics(WEB_DAILY))
    for outcome in ("completed", "failed", "blocked", "missed"):
        assert shown[f'rotator_rotations_total{{outcome="{outcome}"}}'] == 0
    for verb in ("created", "deleted", "failed"):
        assert shown[f"rotator_snapshots_{verb}_total"] == 0


def test_a_rotation_that_stays_blocked_is_counted_once_for_each_slot() -> None:
    made = metrics(WEB_DAILY)
    blocked = seen(WEB_DAILY, foreign("a", "b", "c", "d", "e"), Kind.BLOCKED)
    lost = Outcome(WEB_DAILY, Kind.SKIPPED, "no answer", problems=("no answer",))
    for outcome in (blocked, blocked, lost, blocked):
        made.passed(Report((outcome,)), NOW)
    assert samples(made)['rotator_rotations_total{outcome="blocked"}'] == 1
    later = seen(WEB_DAILY, foreign("a", "b", "c", "d", "e"), Kind.BLOCKED, at=day(24))
    made.passed(Report((later,)), day(24))
    assert samples(made)['rotator_rotations_total{outcome="blocked"}'] == 2


def test_each_failed_try_and_each_missed_slot_is_counted() -> None:
    made = metrics(WEB_DAILY)
    failed = seen(WEB_DAILY, days(22), Kind.FAILED, finished=Finished("a", ok=False, duration=None))
    waiting = seen(WEB_DAILY, days(22), Kind.FAILED)
    for outcome in (failed, waiting, waiting, failed):
        made.passed(Report((outcome,)), NOW)
    assert samples(made)['rotator_rotations_total{outcome="failed"}'] == 2
    missed = seen(policy(WEB, grace=MINUTE), days(22), at=NOW + HOUR)
    for _ in range(3):
        made.passed(Report((missed,)), NOW + HOUR)
    assert samples(made)['rotator_rotations_total{outcome="missed"}'] == 1


def test_requests_are_counted_by_method_and_status_and_their_time_is_taken() -> None:
    made = metrics()
    for method, status, seconds in (("GET", "200", 0.07), ("GET", "200", 3), ("POST", "error", 60.5)):
        made.api_request(method, status, seconds)
    shown = samples(made)
    assert shown['rotator_api_requests_total{method="GET",status="200"}'] == 2
    assert shown['rotator_api_requests_total{method="POST",status="error"}'] == 1
    assert shown['rotator_api_request_duration_seconds_bucket{le="0.1",method="GET"}'] == 1
    assert shown['rotator_api_request_duration_seconds_count{method="GET"}'] == 2
    assert shown['rotator_api_request_duration_seconds_bucket{le="60.0",method="POST"}'] == 0
    assert shown['rotator_api_request_duration_seconds_bucket{le="+Inf",method="POST"}'] == 1
    assert math.isclose(shown['rotator_api_request_duration_seconds_sum{method="GET"}'], 3.07)


@pytest.mark.parametrize("status", ["99999", "-1", "0", "099", "999", "", "²00", "2 0"])
def test_a_status_that_is_none_makes_no_series_of_its_own(status: str) -> None:
    made = metrics()
    made.api_request("GET", status, 1)
    assert samples(made)['rotator_api_requests_total{method="GET",status="error"}'] == 1


def test_a_refused_reload_is_told_and_the_old_configuration_stays() -> None:
    made = metrics(WEB_DAILY)
    made.configured(config(WEB_DAILY), NOW + HOUR, ("servers: missing",))
    assert samples(made)["rotator_config_last_reload_successful"] == 0
    assert samples(made)["rotator_config_last_reload_success_timestamp_seconds"] == NOW.timestamp()
    made.configured(config(DB_DAILY), NOW + 2 * HOUR)
    assert samples(made)["rotator_config_last_reload_successful"] == 1
    assert samples(made)["rotator_config_last_reload_success_timestamp_seconds"] == (NOW + 2 * HOUR).timestamp()


def test_the_loop_is_alive_only_where_there_is_one() -> None:
    made = metrics(WEB_DAILY)
    assert "rotator_last_wake_timestamp_seconds" not in samples(made)
    made.reloading(NOW)
    made.woke(NOW + MINUTE)
    made.closing("asked to stop")
    assert samples(made)["rotator_last_wake_timestamp_seconds"] == (NOW + MINUTE).timestamp()


def test_the_version_and_the_process_are_shown() -> None:
    shown = samples(metrics())
    assert shown[f'rotator_build_info{{version="{rotator.__version__}"}}'] == 1
    assert shown["process_resident_memory_bytes"] > 1e6


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/html, application/xml;q=0.9", "text/plain"),
        ("text/plain;version=0.0.4;q=0.5", "text/plain"),
        ("application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5", "application/openmetrics-text"),
        ("application/openmetrics-text; version=nonsense", "application/openmetrics-text"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(accept: str, content_type: str) -> None:
    made = metrics(WEB_DAILY)
    made.passed(Report((seen(WEB_DAILY, days(23)),)), NOW)
    body, given = made.exposition(accept)
    assert given.split(";")[0] == content_type
    assert "nonsense" not in given
    assert body.endswith(b"# EOF\n") == (content_type != "text/plain")
    parse = parse_text if content_type == "text/plain" else parse_open_metrics
    names = {row.name for family in parse(body.decode()) for row in family.samples}
    assert {"rotator_server_restore_points", "rotator_rotations_total", "rotator_build_info"} <= names


def test_labels_are_bounded_by_the_configuration() -> None:
    made = metrics(WEB_DAILY, DB_DAILY)
    strangers = [policy(number) for number in range(50)]
    made.passed(Report(tuple(seen(each, []) for each in strangers)), NOW)
    rows = [row for family in parse_text(made.exposition()[0].decode()) for row in family.samples]
    assert {row.labels["server"] for row in rows if "server" in row.labels} == {"web-server-01", "db-server-01"}
    assert {key for row in rows for key in row.labels} <= {
        "server",
        "kind",
        "outcome",
        "method",
        "status",
        "le",
        "version",
    }


def test_a_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotator.metrics, "find_spec", lambda name: None)
    assert not rotator.metrics.is_installed()
    with pytest.raises(ConfigError, match=r"--metrics-file: .*pip install 'vps-rotator\[metrics\]'"):
        new_metrics(lambda: NOW, "--metrics-file")


def test_adopted_snapshots_count_as_restore_points() -> None:
    adopting = policy(WEB, adopt=("nightly-*",), keep=Keep(last=4))
    made = metrics(adopting)
    made.passed(Report((seen(adopting, [snapshot("nightly-1", day(22)), *days(23)]),)), NOW)
    shown = of_server(made)
    assert (shown["restore_points"], shown["foreign_snapshots"]) == (2, 0)
    assert LABELLED in made.exposition()[0].decode()
