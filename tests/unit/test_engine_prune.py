"""Attended pruning and what it writes down: every delete with its reason, none where a person restores."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.engine.ledger import Hold, Result
from rotator.engine.prune import prune_server
from rotator.errors import RefusedError, RotatorError, UnreachableError
from rotator.naming import snapshot_name
from tests.builders import WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud
from tests.ledger import FakeLedger

RULES = policy(keep=1)

pytestmark = pytest.mark.usefixtures("logs")


class Bench:
    def __init__(self, *numbers: int) -> None:
        self.cloud = FakeCloud([RULES])
        self.ids = {number: self.cloud.plant(WEB, name(number), day(number)) for number in numbers}
        self.ledger = FakeLedger()

    def prune(self, *numbers: int) -> tuple[list[str], RotatorError | None]:
        confirmed = {self.ids[number] for number in numbers}
        done, error = prune_server(self.cloud, self.ledger, self.cloud.clock, RULES, confirmed)
        return [action.name for action in done], error


def name(number: int) -> str:
    return snapshot_name("rotator", day(number))


def test_what_was_confirmed_is_deleted_oldest_first_and_written_down() -> None:
    bench = Bench(20, 21, 22, 23)
    assert bench.prune(20, 21, 22) == ([name(20), name(21), name(22)], None)
    assert bench.ledger.story() == [("delete", name(number), [Result.DONE]) for number in (20, 21, 22)]
    assert {intent.by for intent in bench.ledger.intents.values()} == {"prune"}
    assert all(intent.reason for intent in bench.ledger.intents.values())


def test_what_was_not_confirmed_stays() -> None:
    bench = Bench(20, 21, 22, 23)
    assert bench.prune(21) == ([name(21)], None)
    assert bench.cloud.names(WEB) == [name(20), name(22), name(23)]


def test_nothing_is_deleted_of_a_server_that_is_being_restored() -> None:
    bench = Bench(20, 21, 22, 23)
    hour = timedelta(hours=1)
    bench.ledger.hold(Hold("k", WEB, "web-server-01", bench.ids[20], name(20), NOW, NOW + hour, requested=True))
    done, error = bench.prune(20, 21, 22)
    assert done == []
    assert str(error).startswith(f"being restored from {name(20)} since")
    assert bench.ledger.story() == [("delete", name(20), [Result.NOT_SENT])]
    assert len(bench.cloud.names(WEB)) == 4


@pytest.mark.parametrize(
    ("error", "result"), [(RefusedError("no"), Result.FAILED), (UnreachableError("no answer"), Result.UNCERTAIN)]
)
def test_an_error_ends_it_and_is_written_down(error: RotatorError, result: Result) -> None:
    bench = Bench(20, 21, 22, 23)
    bench.cloud.trouble("delete", error)
    done, found = bench.prune(20, 21, 22)
    assert (done, type(found)) == ([], type(error))
    assert bench.ledger.story() == [("delete", name(20), [result])]


def test_a_list_that_still_shows_what_was_deleted_ends_it() -> None:
    bench = Bench(20, 21, 22, 23)
    bench.cloud.ghosts = timedelta(minutes=5)
    assert bench.prune(20, 21, 22) == ([name(20)], None)
