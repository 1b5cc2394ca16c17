"""One suite for what the engine needs of the API: the in-memory fake and the client over HTTP behave the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from rotator.api import Account, Client
from rotator.api.answers import parse_account, parse_json, parse_page, parse_server, parse_snapshot
from rotator.engine.restore import RestoreApi
from rotator.errors import NotFoundError, RefusedError
from rotator.model import CAP, Id, Server, Snapshot, State
from rotator.sandbox import Cloud, Sandbox
from tests.builders import DB, NAMES, WEB, day
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud

TOKEN = "contract-token"
CREATE_TIME = timedelta(minutes=5)
NOWHERE = 99999


@dataclass
class World:
    """An implementation of the protocol, and what can be done behind its back."""

    api: RestoreApi
    plant: Callable[..., Id]
    advance: Callable[[timedelta], None]
    restored: Callable[[], None]
    """Every restore in progress is over."""

    def names(self, server_id: Id = WEB) -> list[str]:
        return [each.name for each in self.api.server_snapshots(server_id).snapshots]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span


def in_memory(stack: ExitStack) -> World:
    cloud = FakeCloud(create_time=CREATE_TIME)
    for server_id, name in NAMES.items():
        cloud.add_server(server_id, name)
    return World(cloud, cloud.plant, cloud.advance, cloud.restoring.clear)


def over_http(stack: ExitStack) -> World:
    clock = Clock()
    cloud = Cloud(clock, create_time=CREATE_TIME)
    for server_id, name in NAMES.items():
        cloud.add_server(name, server_id)
    sandbox = stack.enter_context(Sandbox(cloud, TOKEN))
    client = Client(sandbox.url, TOKEN, timeout=timedelta(seconds=10), clock=clock)
    stack.callback(client.close)

    def plant(server_id: Id, name: str, created_at: datetime, status: str = "completed") -> Id:
        return cloud.plant(server_id, name, created_at, status=status)

    return World(client, plant, clock.advance, lambda: clock.advance(cloud.restore_time))


@pytest.fixture(params=[in_memory, over_http], ids=["FakeCloud", "Client over HTTP"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with ExitStack() as stack:
        yield request.param(stack)


class TestCreate:
    def test_a_snapshot_is_in_progress_first_and_completed_later(self, world: World) -> None:
        made = world.api.create_snapshot(WEB, "nightly-1", "before the upgrade")
        assert (made.server_id, made.server_name, made.name) == (WEB, "web-server-01", "nightly-1")
        assert (made.state, made.created_at, made.description) == (State.IN_PROGRESS, NOW, "before the upgrade")
        world.advance(CREATE_TIME - timedelta(seconds=1))
        [running] = world.api.server_snapshots(WEB).snapshots
        assert (running.id, running.state) == (made.id, State.IN_PROGRESS)
        world.advance(timedelta(seconds=1))
        [done] = world.api.server_snapshots(WEB).snapshots
        assert (done.id, done.name, done.state) == (made.id, "nightly-1", State.COMPLETED)
        assert (done.created_at, done.description) == (NOW, "before the upgrade")

    def test_the_list_shows_it_at_once(self, world: World) -> None:
        world.api.create_snapshot(WEB, "nightly-1", "")
        assert world.names() == ["nightly-1"]

    @pytest.mark.parametrize("status", ["completed", "failed", "in_progress", "archived"])
    def test_a_sixth_is_refused_whatever_the_status_of_the_others(self, world: World, status: str) -> None:
        for number in range(CAP):
            world.plant(WEB, f"any-{number}", day(20), status)
        with pytest.raises(RefusedError, match="limit"):
            world.api.create_snapshot(WEB, "nightly-1", "")
        assert len(world.names()) == CAP

    def test_the_cap_is_per_server(self, world: World) -> None:
        for number in range(CAP):
            world.plant(WEB, f"any-{number}", day(20))
        assert world.api.create_snapshot(DB, "nightly-1", "").server_id == DB

    def test_an_unknown_server_is_not_found(self, world: World) -> None:
        with pytest.raises(NotFoundError, match="no such server"):
            world.api.create_snapshot(NOWHERE, "nightly-1", "")


class TestList:
    def test_a_server_without_snapshots_has_an_empty_list(self, world: World) -> None:
        assert world.api.server_snapshots(WEB).snapshots == ()
        assert world.api.account_snapshots().snapshots == ()

    def test_every_snapshot_is_there_whoever_made_it(self, world: World) -> None:
        world.plant(WEB, "made-by-hand", day(20))
        world.plant(WEB, "rotator-20261122T020000Z", day(22), "failed")
        world.api.create_snapshot(WEB, "rotator-20261123T020000Z", "")
        assert world.names() == ["made-by-hand", "rotator-20261122T020000Z", "rotator-20261123T020000Z"]
        statuses = [each.status for each in world.api.server_snapshots(WEB).snapshots]
        assert statuses == ["completed", "failed", "in_progress"]

    def test_a_server_has_its_own_and_the_account_has_all(self, world: World) -> None:
        world.plant(WEB, "a", day(20))
        world.plant(DB, "b", day(21))
        listing = world.api.account_snapshots()
        assert {(each.server_id, each.server_name, each.name) for each in listing.snapshots} == {
            (WEB, "web-server-01", "a"),
            (DB, "db-server-01", "b"),
        }
        assert listing.unreadable == ()
        assert world.names(DB) == ["b"]

    def test_ids_are_unique_and_two_may_have_one_name(self, world: World) -> None:
        ids = {world.plant(WEB, "twin", day(20)), world.plant(WEB, "twin", day(20))}
        assert {each.id for each in world.api.server_snapshots(WEB).snapshots} == ids
        assert len(ids) == 2

    def test_times_are_aware_utc(self, world: World) -> None:
        world.plant(WEB, "a", day(20))
        [listed] = world.api.server_snapshots(WEB).snapshots
        assert listed.created_at == day(20)
        assert listed.created_at.tzinfo is UTC


class TestDelete:
    @pytest.mark.parametrize("status", ["completed", "failed", "in_progress"])
    def test_only_that_one_is_gone_and_its_room_is_free(self, world: World, status: str) -> None:
        ids = [world.plant(WEB, f"any-{number}", day(20), status) for number in range(CAP)]
        world.api.delete_snapshot(ids[2])
        assert world.names() == ["any-0", "any-1", "any-3", "any-4"]
        world.api.create_snapshot(WEB, "nightly-1", "")
        assert len(world.names()) == CAP

    def test_one_that_is_gone_already_is_done(self, world: World) -> None:
        gone = world.plant(WEB, "a", day(20))
        world.api.delete_snapshot(gone)
        world.api.delete_snapshot(gone)
        world.api.delete_snapshot(NOWHERE)
        assert world.names() == []


class TestServers:
    def test_are_all_of_the_account_with_their_names(self, world: World) -> None:
        world.plant(WEB, "a", day(20))
        assert list(world.api.servers()) == [
            Server(WEB, "web-server-01", "active"),
            Server(DB, "db-server-01", "active"),
        ]

    def test_one_says_that_it_is_being_restored_until_that_is_over(self, world: World) -> None:
        target = world.plant(WEB, "a", day(20))
        assert "restore" in world.api.restore_snapshot(target).lower()
        assert {each.id: each.status for each in world.api.servers()} == {WEB: "restoring", DB: "active"}
        world.restored()
        assert {each.id: each.status for each in world.api.servers()} == {WEB: "active", DB: "active"}
        assert world.names() == ["a"]

    @pytest.mark.parametrize("status", ["in_progress", "failed"])
    def test_only_a_completed_snapshot_is_restored(self, world: World, status: str) -> None:
        target = world.plant(WEB, "a", day(20), status)
        with pytest.raises(RefusedError):
            world.api.restore_snapshot(target)
        assert {each.status for each in world.api.servers()} == {"active"}

    def test_not_twice_at_once(self, world: World) -> None:
        target = world.plant(WEB, "a", day(20))
        world.api.restore_snapshot(target)
        with pytest.raises(RefusedError, match="restoring"):
            world.api.restore_snapshot(target)

    def test_not_from_a_snapshot_that_is_not_there(self, world: World) -> None:
        with pytest.raises(NotFoundError):
            world.api.restore_snapshot(NOWHERE)


# The examples of the vendor's document, letter by letter (shared with docs/api.md).
DOCUMENTED_SNAPSHOT = """
{"id": 801, "server": {"id": 12345, "name": "web-server-01"}, "name": "weekly-snapshot-2025-01-08",
 "status": "completed", "size_mb": 5120, "created_at": "2025-01-15T18:30:00Z", "description": "Weekly snapshot"}
"""
PARSED = Snapshot(
    id=801,
    server_id=12345,
    server_name="web-server-01",
    name="weekly-snapshot-2025-01-08",
    status="completed",
    created_at=datetime(2025, 1, 15, 18, 30, tzinfo=UTC),
    size_mb=5120,
    description="Weekly snapshot",
)


class TestDocumentedAnswers:
    def test_a_snapshot(self) -> None:
        parsed = parse_snapshot(json.loads(DOCUMENTED_SNAPSHOT), "results[0]")
        assert parsed == PARSED
        assert parsed.state is State.COMPLETED

    def test_a_list(self) -> None:
        page = parse_page(f'{{"count": 1, "results": [{DOCUMENTED_SNAPSHOT}]}}'.encode())
        assert (page.count, page.next) == (1, None)
        assert [parse_snapshot(row, "row") for row in page.rows] == [PARSED]

    def test_a_created_snapshot(self) -> None:
        """201: a Snapshot with `status: "in_progress"`, `size_mb: null`, plus `message`."""
        row = json.loads(DOCUMENTED_SNAPSHOT) | {"status": "in_progress", "size_mb": None, "message": "started"}
        parsed = parse_snapshot(parse_json(json.dumps(row).encode()), "snapshot")
        assert (parsed.state, parsed.size_mb) == (State.IN_PROGRESS, None)

    def test_a_server(self) -> None:
        row = {
            "id": 12345,
            "name": "web-server-01",
            "hostname": "web-server-01.example.org",
            "status": "active",
            "ip_address": "198.51.100.7",
            "location": "paris-1",
            "plan": "vps-2",
            "os": "Debian 13",
            "created_at": "2025-01-01T00:00:00Z",
            "updated_at": "2025-01-15T18:30:00Z",
        }
        page = parse_page(json.dumps({"count": 1, "results": [row]}).encode())
        assert [parse_server(each, "row") for each in page.rows] == [Server(12345, "web-server-01", "active")]

    def test_the_account(self) -> None:
        answer = {
            "account": {"email": "operator@example.org"},
            "token": {"name": "rotator", "permissions": ["read", "write"]},
        }
        expected = Account("operator@example.org", "rotator", ("read", "write"))
        assert parse_account(json.dumps(answer).encode()) == expected
