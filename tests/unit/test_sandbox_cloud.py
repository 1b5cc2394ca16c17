"""The sandbox's account keeps the documented rules, on a clock that the test moves."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml

from rotator.model import CAP, Id, Policy, Schedule
from rotator.naming import slot_in_name
from rotator.sandbox import Answer, Cloud, Refusal, Request, configuration, fill, fleet
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NIGHTLY = Schedule("every day at 03:00", "0 3 * * *", "UTC")


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud(clock: Clock) -> Cloud:
    cloud = Cloud(clock, create_time=5 * MINUTE, restore_time=10 * MINUTE)
    cloud.add_server("web-server-01", 12345)
    cloud.add_server("db-server-01", 12346)
    return cloud


def statuses(cloud: Cloud, server_id: Id | None = None) -> list[str]:
    return [snapshot.status for snapshot in cloud.snapshots(server_id)]


def refusal(status: int) -> pytest.RaisesExc[Refusal]:
    return pytest.RaisesExc(Refusal, check=lambda error: error.status == status)


class TestCreate:
    def test_answers_with_the_documented_snapshot_in_progress(self, cloud: Cloud) -> None:
        created = cloud.create(12345, "weekly-snapshot-2025-01-08", "Weekly snapshot")
        assert created.pop("message")
        assert created == {
            "id": 801,
            "server": {"id": 12345, "name": "web-server-01"},
            "name": "weekly-snapshot-2025-01-08",
            "status": "in_progress",
            "size_mb": None,
            "created_at": "2026-11-23T02:00:00Z",
            "description": "Weekly snapshot",
        }

    def test_completes_when_the_create_time_has_passed_and_not_before(self, cloud: Cloud, clock: Clock) -> None:
        cloud.create(12345, "a")
        clock.now = NOW + 5 * MINUTE - SECOND
        assert [(s.status, s.size_mb) for s in cloud.snapshots()] == [("in_progress", None)]
        clock.now = NOW + 5 * MINUTE
        assert [(s.status, s.size_mb) for s in cloud.snapshots()] == [("completed", 4096 + 801 % 97)]

    def test_fails_at_the_given_rate_and_repeatably(self, clock: Clock) -> None:
        def outcomes(seed: int) -> list[str]:
            cloud = Cloud(clock, create_time=timedelta(0), fail_rate=0.5, seed=seed)
            fleet(cloud, 200)
            for server in cloud.servers()["results"]:
                cloud.create(server["id"], "a")
            return statuses(cloud)

        assert outcomes(1) == outcomes(1) != outcomes(2)
        assert 60 < outcomes(1).count("failed") < 140
        assert set(outcomes(1)) == {"failed", "completed"}

    @pytest.mark.parametrize("status", ["completed", "failed", "in_progress", "archived"])
    def test_refuses_the_sixth_whatever_the_status_of_the_five(self, cloud: Cloud, status: str) -> None:
        for number in range(CAP):
            cloud.plant(12345, f"a{number}", NOW, status=status)
        with refusal(400):
            cloud.create(12345, "a")
        cloud.create(12346, "the-cap-is-per-server")

    def test_never_exceeds_the_cap_from_many_threads(self, cloud: Cloud) -> None:
        def attempt(number: int) -> bool:
            try:
                cloud.create(12345, f"a{number}")
            except Refusal:
                return False
            return True

        with ThreadPoolExecutor(32) as pool:
            assert sum(pool.map(attempt, range(200))) == CAP

    @pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "é", "a\n", "²"])
    def test_refuses_names_outside_the_alphabet(self, cloud: Cloud, name: str) -> None:
        with refusal(400):
            cloud.create(12345, name)

    def test_refuses_an_unknown_server(self, cloud: Cloud) -> None:
        with refusal(404):
            cloud.create(99, "a")


class TestList:
    def test_covers_one_server_or_all_with_ids_from_one_sequence(self, cloud: Cloud) -> None:
        for server_id in (12345, 12346, 12345):
            cloud.create(server_id, "a")
        assert [s.id for s in cloud.snapshots()] == [801, 802, 803]
        assert [s.id for s in cloud.snapshots(12345)] == [801, 803]
        assert cloud.snapshots(99) == ()

    def test_is_the_same_as_json_before_and_after_a_status_settles(self, cloud: Cloud, clock: Clock) -> None:
        cloud.create(12345, "a")
        cloud.plant(12346, "b", NOW - MINUTE, description="é")
        for clock.now in (NOW, NOW + 5 * MINUTE, NOW + 6 * MINUTE):
            listed = json.loads(cloud.snapshots_json())
            assert listed["count"] == 2
            assert [row["status"] for row in listed["results"]] == statuses(cloud)
        assert listed["results"][1]["description"] == "é"
        assert json.loads(cloud.snapshots_json(99)) == {"count": 0, "results": []}

    def test_writes_times_in_utc_whole_seconds(self, cloud: Cloud) -> None:
        paris = datetime(2026, 11, 23, 3, 0, 1, 999999, tzinfo=timezone(timedelta(hours=1)))
        cloud.plant(12345, "a", paris)
        assert json.loads(cloud.snapshots_json())["results"][0]["created_at"] == "2026-11-23T02:00:01Z"
        assert cloud.snapshots()[0].created_at == datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)


class TestPlant:
    def test_keeps_any_status_for_ever(self, cloud: Cloud, clock: Clock) -> None:
        cloud.plant(12345, "a", NOW + 60 * MINUTE, status="in_progress")
        cloud.plant(12345, "b", NOW, status="archived")
        clock.now = NOW + timedelta(days=30)
        assert statuses(cloud, 12345) == ["in_progress", "archived"]

    def test_obeys_the_cap_too(self, cloud: Cloud) -> None:
        for _ in range(CAP):
            cloud.plant(12345, "a", NOW)
        with refusal(400):
            cloud.plant(12345, "a", NOW)


class TestDelete:
    def test_frees_a_place_of_the_cap(self, cloud: Cloud) -> None:
        ids = [cloud.create(12345, "a")["id"] for _ in range(CAP)]
        cloud.delete(ids[2])
        assert [s.id for s in cloud.snapshots()] == [id_ for id_ in ids if id_ != ids[2]]
        assert cloud.create(12345, "a")["id"] == max(ids) + 1

    def test_refuses_an_unknown_snapshot(self, cloud: Cloud) -> None:
        with refusal(404):
            cloud.delete(801)


class TestRestore:
    def test_answers_as_documented_and_keeps_the_server_restoring(self, cloud: Cloud, clock: Clock) -> None:
        snapshot_id = cloud.plant(12345, "a", NOW - MINUTE)
        restored = cloud.restore(snapshot_id)
        assert restored.pop("message")
        assert restored == {
            "status": "success",
            "snapshot": {"id": snapshot_id, "name": "a", "created_at": "2026-11-23T01:59:00Z"},
            "server": {"id": 12345, "name": "web-server-01", "status": "restoring"},
        }
        clock.now = NOW + 10 * MINUTE - SECOND
        assert [s["status"] for s in cloud.servers()["results"]] == ["restoring", "active"]
        clock.now = NOW + 10 * MINUTE
        assert [s["status"] for s in cloud.servers()["results"]] == ["active", "active"]

    def test_refuses_while_the_server_is_restoring(self, cloud: Cloud, clock: Clock) -> None:
        snapshot_id = cloud.plant(12345, "a", NOW)
        cloud.restore(snapshot_id)
        with refusal(400):
            cloud.restore(snapshot_id)
        clock.now = NOW + 10 * MINUTE
        cloud.restore(snapshot_id)

    @pytest.mark.parametrize("status", ["in_progress", "failed", "archived"])
    def test_refuses_what_is_no_restore_point(self, cloud: Cloud, status: str) -> None:
        with refusal(400):
            cloud.restore(cloud.plant(12345, "a", NOW, status=status))

    def test_refuses_a_suspended_server(self, cloud: Cloud) -> None:
        server_id = cloud.add_server("suspended", status="suspended")
        with refusal(400):
            cloud.restore(cloud.plant(server_id, "a", NOW))

    def test_refuses_an_unknown_snapshot(self, cloud: Cloud) -> None:
        with refusal(404):
            cloud.restore(801)


class TestServers:
    def test_have_every_documented_field(self, cloud: Cloud) -> None:
        assert cloud.servers()["results"][0] == {
            "id": 12345,
            "name": "web-server-01",
            "hostname": "web-server-01.example.org",
            "status": "active",
            "ip_address": "198.18.0.1",
            "location": "paris-1",
            "plan": "vps-2",
            "os": "Debian 13",
            "created_at": "2026-11-23T02:00:00Z",
            "updated_at": "2026-11-23T02:00:00Z",
        }

    def test_are_filtered_by_status_and_location(self, cloud: Cloud) -> None:
        cloud.add_server("stopped", 1, status="stopped")
        cloud.add_server("far", 2, location="oslo-1")
        assert [s["id"] for s in cloud.servers(status="stopped")["results"]] == [1]
        assert [s["id"] for s in cloud.servers(location="oslo-1")["results"]] == [2]
        assert cloud.servers(status="suspended", location="oslo-1") == {"count": 0, "results": []}
        with refusal(400):
            cloud.servers(status="restoring")

    def test_get_free_ids_and_never_the_same_one_twice(self, cloud: Cloud) -> None:
        cloud.add_server("taken", 10001)
        assert cloud.add_server("next") == 10002
        with pytest.raises(ValueError, match="10002"):
            cloud.add_server("again", 10002)


class TestAnswer:
    def test_without_status_is_only_for_processed_or_dropped_requests(self) -> None:
        with pytest.raises(ValueError, match="status"):
            Answer()
        assert Answer(drop=True).drop
        assert Answer(process=True).process

    @pytest.mark.parametrize(
        ("path", "route"),
        [
            ("/api/v1/snapshots/", "/snapshots/"),
            ("/api/v1/snapshots/801/", "/snapshots/{id}/"),
            ("/api/v1/snapshots/801/restore/", "/snapshots/{id}/restore/"),
            ("/api/v1/snapshots/801", "other"),
            ("/api/v1/snapshots", "other"),
            ("/snapshots/", "other"),
        ],
    )
    def test_request_knows_its_route(self, path: str, route: str) -> None:
        assert Request("GET", path).route == route


def policies(count: int) -> list[Policy]:
    ids: list[Id] = [10001 + number for number in range(count - 1)]
    return [Policy(id_, f"server-{id_}", NIGHTLY) for id_ in [*ids, "f3b9a2d0-uuid"]]


class TestFill:
    LATEST = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

    @pytest.fixture
    def cloud(self, clock: Clock) -> Cloud:
        cloud = Cloud(clock)
        fill(cloud, policies(7), NOW)
        return cloud

    def slots(self, cloud: Cloud, server_id: Id) -> list[datetime]:
        slots = [slot_in_name("rotator", snapshot.name) for snapshot in cloud.snapshots(server_id)]
        return [slot for slot in slots if slot is not None]

    def nights(self, *back: int) -> list[datetime]:
        return [self.LATEST - timedelta(days=number) for number in back]

    def test_first_server_is_full_and_its_latest_slot_due(self, cloud: Cloud) -> None:
        assert self.slots(cloud, 10001) == self.nights(5, 4, 3, 2, 1)

    def test_second_has_two_made_by_hand(self, cloud: Cloud) -> None:
        names = [snapshot.name for snapshot in cloud.snapshots(10002)]
        assert names[:2] == ["before-upgrade", "manual-2026-11-20"]
        assert self.slots(cloud, 10002) == self.nights(2, 1)

    def test_third_is_empty(self, cloud: Cloud) -> None:
        assert cloud.snapshots(10003) == ()

    def test_fourth_failed_in_its_latest_slot(self, cloud: Cloud) -> None:
        assert self.slots(cloud, 10004) == self.nights(3, 2, 1, 0)
        assert statuses(cloud, 10004) == ["completed"] * 3 + ["failed"]

    @pytest.mark.parametrize("server_id", [10005, 10006, "f3b9a2d0-uuid"])
    def test_all_others_have_what_their_policy_keeps(self, cloud: Cloud, server_id: Id) -> None:
        assert self.slots(cloud, server_id) == self.nights(4, 3, 2, 1)
        assert statuses(cloud, server_id) == ["completed"] * 4

    def test_makes_nothing_in_the_future_and_everything_after_its_slot(self, clock: Clock) -> None:
        cloud = Cloud(clock)
        hourly = Schedule("hourly", "0 * * * *", "UTC")
        fill(cloud, [Policy(number, "a", hourly, splay=number * MINUTE) for number in range(1, 6)], NOW + SECOND)
        created = [(slot_in_name("rotator", s.name) or NOW, s.created_at) for s in cloud.snapshots()]
        assert all(at is not None and slot < at <= NOW + SECOND for slot, at in created if slot != NOW)
        assert max(self.slots(cloud, 5)) == NOW - timedelta(hours=2)

    def test_makes_as_many_as_the_schedule_had(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        slots = iter([NOW - MINUTE, NOW - 2 * MINUTE, None])
        monkeypatch.setattr(sys.modules["rotator.sandbox.fill"], "latest_slot", lambda _schedule, _at: next(slots))
        cloud = Cloud(clock)
        fill(cloud, policies(1), NOW)
        assert [s.name for s in cloud.snapshots()] == ["rotator-20261123T015800Z"]


class TestFleet:
    def test_comes_with_a_configuration_that_names_every_server(self, clock: Clock) -> None:
        cloud = Cloud(clock)
        fleet(cloud, 2)
        cloud.add_server("no: 'plain' name", "f3b9a2d0-uuid")
        loaded = yaml.safe_load(configuration(cloud, "http://127.0.0.1:8080/api/v1"))
        assert loaded == {
            "api": {"url": "http://127.0.0.1:8080/api/v1"},
            "timing": {"poll_interval": "1s"},
            "policies": {"nightly": {"schedule": "every day at 03:00", "keep": 4}},
            "servers": [
                {"id": 10001, "name": "web-0001", "policy": "nightly"},
                {"id": 10002, "name": "web-0002", "policy": "nightly"},
                {"id": "f3b9a2d0-uuid", "name": "no: 'plain' name", "policy": "nightly"},
            ],
        }

    def test_may_be_empty(self, clock: Clock) -> None:
        assert yaml.safe_load(configuration(Cloud(clock), "http://127.0.0.1:1/api/v1"))["servers"] == []
