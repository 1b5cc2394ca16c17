"""A restore: rotation is held off, the server is made safe first, and the hold ends when the server is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotator.engine.lease import LEASE, LONGEST
from rotator.engine.ledger import Hold, Intent, Result
from rotator.engine.restore import IN_FLIGHT, Ending, Pace, Restore
from rotator.errors import CredentialsError, LockError, RefusedError, RotatorError, UnavailableError, UnreadableError
from rotator.model import Snapshot
from rotator.naming import snapshot_name
from tests.builders import WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud, Fault
from tests.ledger import FakeLedger

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
SAFETY = "rotator-20261123T020000Z"

pytestmark = pytest.mark.usefixtures("logs")


class Bench:
    """A server with restore points of some days; its restore takes ten minutes of the fake clock."""

    def __init__(self, *numbers: int) -> None:
        self.cloud = FakeCloud([policy()])
        for number in numbers:
            self.cloud.plant(WEB, snapshot_name("rotator", day(number)), day(number))
        self.ledger = FakeLedger()
        self.said: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.restore_takes = 10 * MINUTE
        self.checks = 0
        self.alone = True

    @property
    def target(self) -> Snapshot:
        return self.cloud.snapshots(WEB)[0]

    def sleep(self, seconds: float) -> None:
        self.cloud.advance(timedelta(seconds=seconds))
        self.meanwhile()
        asked = [hold for hold in self.ledger.held.values() if hold.requested]
        if asked and self.cloud.now >= asked[0].since + self.restore_takes:
            self.cloud.restoring.clear()

    def check(self) -> None:
        self.checks += 1
        if not self.alone:
            raise LockError("somebody rotates")

    def run(self, *, safety: bool = True, wait: bool = True) -> Ending:
        pace = Pace(poll=15 * SECOND, patience=60 * MINUTE)
        restore = Restore(self.cloud, self.ledger, self.cloud.clock, self.sleep, self.said.append, self.check, pace)
        return restore.run(self.target, prefix="rotator", safety=safety, wait=wait)

    def calls(self) -> list[str]:
        return [call for call, _ in self.cloud.calls if call in ("create", "restore", "delete")]


def test_a_safety_snapshot_is_complete_before_the_restore_and_the_end_is_waited_for() -> None:
    bench = Bench(20, 21, 22)
    assert bench.run() is Ending.OVER
    assert bench.calls() == ["create", "restore"]
    assert bench.cloud.names(WEB)[-1] == SAFETY
    assert [(verb, results) for verb, _, results in bench.ledger.story()] == [
        ("create", [Result.SENT, Result.COMPLETED]),
        ("restore", [Result.DONE]),
    ]
    assert bench.ledger.held == {}
    assert bench.said == [
        f"taking a safety snapshot, {SAFETY}",
        "restore started; it takes 5 to 15 minutes",
        "the server is active again; rotation goes on",
    ]
    assert NOW + 15 * MINUTE <= bench.cloud.now <= NOW + 17 * MINUTE


def test_rotation_is_held_off_before_anything_else_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(20, 21, 22)
    calls: list[tuple[str, bool]] = []
    hold = bench.ledger.hold

    def holding(asked: Hold) -> bool:
        calls.append((str(len(bench.cloud.calls)), asked.requested))
        return hold(asked)

    monkeypatch.setattr(bench.ledger, "hold", holding)
    bench.run()
    assert calls[0] == ("0", False)
    assert [requested for _, requested in calls][-1] is True


@pytest.mark.parametrize(("numbers", "safety"), [((18, 19, 20, 21, 22), True), ((20, 21), False)])
def test_without_room_or_wish_there_is_no_safety_snapshot_and_nothing_is_deleted(
    numbers: tuple[int, ...], safety: bool
) -> None:
    bench = Bench(*numbers)
    assert bench.run(safety=safety) is Ending.OVER
    assert bench.calls() == ["restore"]


def test_a_snapshot_in_progress_is_waited_for() -> None:
    bench = Bench(20, 21)
    bench.cloud.plant(WEB, "by-hand", NOW, "in_progress")
    bench.meanwhile = lambda: bench.cloud.remove("by-hand") if bench.cloud.now > NOW + 3 * MINUTE else None
    assert bench.run(safety=False) is Ending.OVER
    assert bench.said[0] == "waiting until by-hand is complete"


def test_a_snapshot_that_never_ends_stops_the_restore() -> None:
    bench = Bench(20, 21)
    bench.cloud.plant(WEB, "by-hand", NOW, "in_progress")
    with pytest.raises(RotatorError, match=r"by-hand is still in progress: nothing was restored"):
        bench.run()
    assert (bench.calls(), bench.ledger.held) == ([], {})


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.STICK, Fault.LOSE_REQUEST])
def test_a_safety_snapshot_that_is_not_to_be_had_stops_the_restore(fault: Fault) -> None:
    bench = Bench(20, 21)
    bench.cloud.trouble("create", fault)
    with pytest.raises(RotatorError, match=r"nothing was restored\. To go ahead without one: --no-safety"):
        bench.run()
    assert bench.calls() == ["create"]
    assert bench.ledger.held == {}


def test_a_safety_snapshot_that_is_refused_stops_the_restore() -> None:
    bench = Bench(20, 21)
    bench.cloud.trouble("create", RefusedError("the limit is reached"))
    with pytest.raises(RefusedError):
        bench.run()
    assert (bench.calls(), bench.ledger.held) == (["create"], {})
    assert bench.ledger.story() == [("create", SAFETY, [Result.FAILED])]


def test_a_safety_snapshot_whose_answer_was_lost_is_looked_for() -> None:
    bench = Bench(20, 21)
    bench.cloud.trouble("create", Fault.LOSE_ANSWER)
    assert bench.run() is Ending.OVER
    assert bench.calls() == ["create", "restore"]


def test_a_restore_point_that_vanished_meanwhile_stops_it() -> None:
    bench = Bench(20, 21)
    name = bench.target.name
    bench.meanwhile = lambda: bench.cloud.remove(name)
    with pytest.raises(RotatorError, match="is not there any more as a restore point: nothing was restored"):
        bench.run()
    assert bench.calls() == ["create"]


def test_a_call_of_another_process_on_its_way_is_waited_for() -> None:
    bench = Bench(20, 21)
    other = Intent("other", NOW, WEB, "web-server-01", "", "delete", "surplus", "x", "", "run", snapshot_id=801)
    bench.ledger.begin([other])
    bench.meanwhile = lambda: bench.ledger.end("other", Result.DONE, NOW)
    assert bench.run(safety=False) is Ending.OVER


def test_one_that_does_not_end_stops_the_restore() -> None:
    bench = Bench(20, 21)
    bench.ledger.begin([Intent("k", NOW, WEB, "web-server-01", "", "delete", "surplus", "x", "", "run")])
    with pytest.raises(RotatorError, match="does not end: nothing was restored"):
        bench.run()
    assert bench.cloud.now <= NOW + IN_FLIGHT + MINUTE
    assert (bench.calls(), bench.ledger.held) == ([], {})


def test_without_a_place_for_the_hold_nothing_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(20, 21)
    monkeypatch.setattr(bench.ledger, "hold", lambda _: False)
    with pytest.raises(RotatorError, match="cannot be held off"):
        bench.run()
    assert bench.cloud.calls == []


@pytest.mark.parametrize("error", [RefusedError("400"), CredentialsError("401"), UnavailableError("429")])
def test_a_refusal_ends_the_hold(error: Exception) -> None:
    bench = Bench(20, 21)
    bench.cloud.trouble("restore", error)
    with pytest.raises(type(error)):
        bench.run(safety=False)
    assert bench.ledger.held == {}
    assert bench.ledger.story()[-1][2] == [Result.FAILED]


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER])
def test_a_lost_answer_keeps_rotation_away_until_the_api_says_how_the_server_is(fault: Fault) -> None:
    bench = Bench(20, 21)
    bench.cloud.trouble("restore", fault)
    with pytest.raises(UnreadableError):
        bench.run(safety=False)
    hold = bench.ledger.held[WEB]
    assert (hold.requested, hold.until) == (True, bench.cloud.now + LONGEST)
    assert bench.ledger.story()[-1][2] == [Result.UNCERTAIN]


def test_who_does_not_wait_leaves_the_hold_to_the_daemon() -> None:
    bench = Bench(20, 21)
    assert bench.run(safety=False, wait=False) is Ending.STARTED
    assert bench.ledger.held[WEB].requested


def test_a_server_that_does_not_come_back_is_waited_for_within_bounds() -> None:
    bench = Bench(20, 21)
    bench.restore_takes = timedelta(days=1)
    bench.cloud.trouble("servers", UnavailableError("503"), times=3)
    assert bench.run(safety=False) is Ending.UNKNOWN
    assert bench.cloud.now <= NOW + LONGEST + 2 * MINUTE


def test_a_word_of_the_api_that_comes_late_is_waited_for() -> None:
    bench = Bench(20, 21)
    restoring = bench.cloud.restoring

    class Late(set[Any]):
        def __contains__(self, item: object) -> bool:
            return bench.cloud.now > NOW + 30 * SECOND and restoring.__contains__(item)

    bench.cloud.restoring = Late(restoring)
    restoring.add(WEB)
    bench.meanwhile = lambda: restoring.clear() if bench.cloud.now > NOW + 5 * MINUTE else None
    assert bench.run(safety=False) is Ending.OVER
    assert bench.cloud.now > NOW + 5 * MINUTE


class TestHold:
    def test_it_is_short_and_renewed_as_long_as_the_restore_is_prepared(self) -> None:
        bench = Bench(20, 21)
        bench.cloud.create_time = 40 * MINUTE
        longest = timedelta(0)

        def look() -> None:
            nonlocal longest
            [hold] = bench.ledger.held.values()
            assert bench.cloud.now < hold.until
            if not hold.requested:
                longest = max(longest, hold.until - bench.cloud.now)

        bench.meanwhile = look
        assert bench.run() is Ending.OVER
        assert longest <= LEASE

    def test_two_restores_of_one_server_do_not_meet(self) -> None:
        bench = Bench(20, 21)
        first = Hold("first", WEB, "web-server-01", 801, "x", NOW, NOW + 60 * MINUTE, requested=True)
        bench.ledger.hold(first)
        with pytest.raises(RotatorError, match="being restored from x since"):
            bench.run()
        assert bench.ledger.held == {WEB: first}
        assert bench.calls() == []

    @pytest.mark.parametrize("restoring", [True, False])
    def test_one_that_is_over_and_left_its_hold_is_no_hindrance(self, restoring: bool) -> None:
        bench = Bench(20, 21)
        old = Hold("old", WEB, "web-server-01", 801, "x", NOW - 20 * MINUTE, NOW + 40 * MINUTE, requested=True)
        bench.ledger.hold(old)
        if restoring:
            bench.cloud.restoring.add(WEB)
            with pytest.raises(RotatorError, match="being restored from x"):
                bench.run()
        else:
            assert bench.run() is Ending.OVER

    def test_a_hold_that_is_lost_stops_the_restore(self) -> None:
        bench = Bench(20, 21)
        bench.meanwhile = bench.ledger.held.clear
        bench.cloud.list_takes = 6 * MINUTE
        with pytest.raises(RotatorError, match="not held off this server any more"):
            bench.run(safety=False)
        assert bench.calls() == []

    def test_somebody_who_would_not_see_it_stops_the_restore_at_the_last_moment(self) -> None:
        bench = Bench(20, 21)
        bench.meanwhile = lambda: setattr(bench, "alone", False)
        with pytest.raises(LockError):
            bench.run()
        assert bench.calls() == ["create"]
        assert bench.checks == 2
        assert bench.ledger.held == {}

    def test_what_cannot_be_read_counts_as_danger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = Bench(20, 21)
        monkeypatch.setattr(bench.ledger, "open_intents", lambda _: None)
        with pytest.raises(RotatorError, match="cannot be read"):
            bench.run()
        assert (bench.calls(), bench.ledger.held) == ([], {})
