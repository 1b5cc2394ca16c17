"""A pool beats while calls come to their ends, and falls silent when nothing ends any more: then the loop hangs."""

from __future__ import annotations

import threading

import pytest

from rotator.engine.pool import PATIENCE, Circuit, Pool
from tests.e2e.program import until


class Beats:
    """Counts, and lets the calls go on after so many beats."""

    def __init__(self, go_after: int = 1_000_000) -> None:
        self.count = 0
        self.go = threading.Event()
        self._go_after = go_after

    def __call__(self) -> None:
        self.count += 1
        if self.count >= self._go_after:
            self.go.set()


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


def pool_of(beats: Beats, stopping: threading.Event, parallel: int = 2) -> Pool:
    return Pool(parallel, stopping, beats)


def test_beats_during_a_long_call(stopping: threading.Event) -> None:
    beats = Beats(go_after=3)
    pool = pool_of(beats, stopping)
    assert pool.each(lambda number: beats.go.wait(10) and number, [1, 2], Circuit()) == [1, 2]
    assert beats.count >= 3
    pool.close()


def test_beats_at_least_once_for_calls_that_end_at_once(stopping: threading.Event) -> None:
    beats = Beats()
    pool = pool_of(beats, stopping)
    assert pool.each(lambda number: number, [1, 2, 3], Circuit()) == [1, 2, 3]
    assert beats.count >= 1
    pool.close()


def test_no_call_is_no_beat(stopping: threading.Event) -> None:
    beats = Beats()
    pool = pool_of(beats, stopping)
    assert pool.each(lambda number: number, [], Circuit()) == []
    assert beats.count == 0
    pool.close()


class Passing:
    """The pool's clock: it moves on when the test says so, and tells how often the pool looked at it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now

    def wait_for_looks(self, more: int = 8) -> None:
        """Until the pool went round more than once."""
        enough = self.looks + more
        until(f"{enough} looks", lambda: self.looks >= enough)


class TestHang:
    @pytest.fixture
    def passing(self, monkeypatch: pytest.MonkeyPatch) -> Passing:
        passing = Passing()
        monkeypatch.setattr("rotator.engine.pool.time", passing)
        return passing

    def test_is_silent_once_nothing_ended_for_so_long(self, passing: Passing, stopping: threading.Event) -> None:
        beats = Beats()
        pool = pool_of(beats, stopping)
        hung = threading.Thread(target=pool.each, args=(lambda _: beats.go.wait(20), [1], Circuit()))
        hung.start()
        until_beaten(beats, 1)
        passing.now += PATIENCE.total_seconds() - 1
        until_beaten(beats, beats.count + 2)
        passing.now += 2
        passing.wait_for_looks()
        silent_from = beats.count
        passing.wait_for_looks()
        assert beats.count == silent_from
        beats.go.set()
        hung.join(10)
        assert not hung.is_alive()
        pool.close()

    def test_one_call_that_ends_gives_the_others_their_time_anew(
        self, passing: Passing, stopping: threading.Event
    ) -> None:
        beats = Beats()
        pool = pool_of(beats, stopping)
        gates = [threading.Event(), threading.Event()]
        work = threading.Thread(target=pool.each, args=(lambda gate: gate.wait(20), gates, Circuit()))
        work.start()
        until_beaten(beats, 1)
        passing.now += 2 * PATIENCE.total_seconds()
        passing.wait_for_looks()
        silent_from = beats.count
        gates[0].set()
        until_beaten(beats, silent_from + 2)
        gates[1].set()
        work.join(10)
        assert not work.is_alive()
        pool.close()


def until_beaten(beats: Beats, count: int) -> None:
    until(f"{count} beats", lambda: beats.count >= count)


def test_stops_waiting_for_a_call_that_outlasts_the_grace(
    stopping: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rotator.engine.pool.STOP_GRACE", 0.3)
    go = threading.Event()
    pool = Pool(1, stopping)

    def call(_: int) -> bool:
        stopping.set()
        return go.wait(20)

    assert pool.each(call, [1, 2], Circuit()) == [None, None]
    go.set()
    pool.close()
