"""Whoever watches the daemon: told everything, in turn, and no fault of one reaches another or the loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.config import Config
from rotator.daemon.heartbeat import heartbeat
from rotator.daemon.lock import InstanceLock
from rotator.daemon.pulse import Pulse
from rotator.daemon.watch import OFTEN, Watchers
from rotator.engine import Report
from rotator.standing import Watcher
from tests.builders import policy
from tests.conftest import NOW
from tests.ledger import FakeLedger
from tests.passes import config

CONFIG = config(policy())
REPORT = Report(())

Told = tuple[Any, ...]


class Recorder(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        self._note("configured", config, now, problems)

    def reloading(self, now: datetime) -> None:
        self._note("reloading", now)

    def passed(self, report: Report, now: datetime) -> None:
        self._note("passed", report, now)

    def woke(self, now: datetime) -> None:
        self._note("woke", now)

    def closing(self, reason: str) -> None:
        self._note("closing", reason)

    def _note(self, *told: Any) -> None:
        self.told.append(told)


class Faulty(Recorder):
    """Fails at everything."""

    def _note(self, *told: Any) -> None:
        raise ZeroDivisionError(f"no {told[0]}")


EVERYTHING: list[tuple[Callable[[Watcher], None], Told]] = [
    (lambda all_: all_.configured(CONFIG, NOW), ("configured", CONFIG, NOW, ())),
    (lambda all_: all_.configured(CONFIG, NOW, ("bad",)), ("configured", CONFIG, NOW, ("bad",))),
    (lambda all_: all_.reloading(NOW), ("reloading", NOW)),
    (lambda all_: all_.passed(REPORT, NOW), ("passed", REPORT, NOW)),
    (lambda all_: all_.woke(NOW), ("woke", NOW)),
    (lambda all_: all_.closing("asked to stop"), ("closing", "asked to stop")),
]


@pytest.fixture
def log() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


class TestWatchers:
    @pytest.mark.parametrize(("tell", "told"), EVERYTHING, ids=[told[0] for _, told in EVERYTHING])
    def test_all_are_told_the_same_and_a_fault_of_one_is_logged(
        self, log: list[Any], tell: Callable[[Watcher], None], told: Told
    ) -> None:
        first, last = Recorder(), Recorder()
        tell(Watchers([first, Faulty(), last]))
        assert first.told == last.told == [told]
        [line] = log
        assert (line["event"], line["log_level"]) == ("internal_error", "error")
        assert line["reason"] == f"Faulty: no {told[0]}"

    def test_one_that_failed_is_told_the_next_time_again(self, log: list[Any]) -> None:
        watchers = Watchers([Faulty()])
        watchers.passed(REPORT, NOW)
        watchers.passed(REPORT, NOW)
        assert len(log) == 2

    def test_nobody_need_watch(self, log: list[Any]) -> None:
        for tell, _ in EVERYTHING:
            tell(Watchers())
            tell(Watchers([Watcher()]))
        assert log == []

    def test_a_long_pass_that_beats_many_times_a_second_is_told_once_a_second(self) -> None:
        recorder = Recorder()
        watchers = Watchers([recorder])
        for tenth in range(35):
            watchers.woke(NOW + tenth * OFTEN / 10)
        assert [told[1] - NOW for told in recorder.told] == [0 * OFTEN, OFTEN, 2 * OFTEN, 3 * OFTEN]

    def test_a_clock_that_is_set_back_silences_nobody(self) -> None:
        recorder = Recorder()
        watchers = Watchers([recorder])
        for at in (NOW, NOW - timedelta(days=365), NOW - timedelta(days=365)):
            watchers.woke(at)
        assert len(recorder.told) == 2


class SharedLedger(FakeLedger):
    """A ledger that another process may share, or not any more."""

    name: str | None = "8:15"

    @property
    def identity(self) -> str | None:
        return self.name


class TestPulse:
    @pytest.fixture
    def lock(self, tmp_path: Path) -> Iterator[InstanceLock]:
        with InstanceLock(tmp_path / "lock") as lock:
            yield lock

    def state(self, tmp_path: Path) -> str:
        beat = heartbeat(tmp_path / "lock")
        assert beat is not None
        assert beat.held
        return beat.state

    def test_leaves_which_state_is_in_use(self, tmp_path: Path, lock: InstanceLock) -> None:
        ledger = SharedLedger()
        pulse = Pulse(lock, ledger)
        assert self.state(tmp_path) == ""
        pulse.configured(CONFIG, NOW)
        assert self.state(tmp_path) == "8:15"
        ledger.name = None
        pulse.woke(NOW)
        assert self.state(tmp_path) == ""
        ledger.name = "8:16"
        pulse.passed(REPORT, NOW)
        assert self.state(tmp_path) == "8:16"

    @pytest.mark.parametrize("word", ["configured", "passed", "woke"])
    def test_touches_the_file_whenever_the_loop_turns(self, tmp_path: Path, lock: InstanceLock, word: str) -> None:
        pulse = Pulse(lock, SharedLedger())
        for _ in range(2):  # the first time it writes, too
            assert self._touched(tmp_path, lambda: next(tell for tell, told in EVERYTHING if told[0] == word)(pulse))

    @pytest.mark.parametrize("word", ["reloading", "closing"])
    def test_and_at_nothing_else(self, tmp_path: Path, lock: InstanceLock, word: str) -> None:
        pulse = Pulse(lock, SharedLedger())
        assert not self._touched(tmp_path, lambda: next(tell for tell, told in EVERYTHING if told[0] == word)(pulse))

    def _touched(self, tmp_path: Path, work: Callable[[], None]) -> bool:
        path = tmp_path / "lock"
        os.utime(path, (1, 1))
        work()
        return path.stat().st_mtime > 1
