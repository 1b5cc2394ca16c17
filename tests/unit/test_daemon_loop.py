"""The timer loop: looks when something is due, survives clocks that are set, faults and bad files, and ends as told."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import schedule
import structlog
from structlog.testing import capture_logs

from rotator.config import ApiSettings, Config, Timing
from rotator.daemon.loop import JUMP, LONGEST_REST, LONGEST_SLEEP, PAUSE, Daemon, Setup
from rotator.daemon.signals import Signals
from rotator.engine import Engine, Kind, Outcome, Report
from rotator.errors import ConfigError, CredentialsError, Exit, RotatorError, UnreachableError
from rotator.model import Policy
from rotator.planner import plan
from tests.builders import DB, WEB, day, observation, policy, taken
from tests.conftest import NOW
from tests.fake_cloud import FakeCloud

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)
WEB_DAILY = policy(WEB)
DB_DAILY = policy(DB)


@dataclass
class World:
    """A wall clock that can be set, and time that only passes."""

    wall: datetime = NOW
    passed: float = 1000.0

    def clock(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def passes(self, span: timedelta) -> None:
        self.wall += span
        self.passed += span.total_seconds()


@dataclass
class FakeSignals:
    """Sleeps by letting time pass in `world`; `at` says what happens at which sleep, counted from 1."""

    world: World
    at: dict[int, Callable[[], None]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    reload: bool = False
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= LONGEST_SLEEP.total_seconds()
        assert len(self.slept) < 10_000, "nobody ends this daemon"
        self.slept.append(seconds)
        self.world.passes(timedelta(seconds=seconds))
        self.at.get(len(self.slept), lambda: None)()

    def take_reload(self) -> bool:
        asked, self.reload = self.reload, False
        return asked

    def hang_up(self) -> None:
        self.reload = True


@dataclass
class StubEngine:
    """Remembers what it was asked to look at; every server is idle unless `answer` says otherwise."""

    world: World
    looked: list[tuple[datetime, list[str]]] = field(default_factory=list)
    answer: Callable[[Sequence[Policy]], Report] | None = None
    taken_over: object = None
    closed: bool = False
    farewells: int = 0
    debts_looked_at: int = 0

    def run_pass(self, policies: Sequence[Policy]) -> Report:
        self.looked.append((self.world.wall, [each.server for each in policies]))
        return (self.answer or self.idle)(policies)

    def idle(self, policies: Sequence[Policy]) -> Report:
        seen = observation(taken(NOW))
        return Report(tuple(Outcome(each, Kind.IDLE, plan=plan(each, seen, self.world.wall)) for each in policies))

    def take_over(self, other: object) -> None:
        self.taken_over = other

    def look_at_debts(self) -> None:
        self.debts_looked_at += 1

    def let_go(self) -> None:
        self.farewells += 1

    def close(self) -> bool:
        self.closed = True
        return True


def config(*policies: Policy) -> Config:
    api = ApiSettings("http://127.0.0.1/api/v1", None, MINUTE, 8)
    return Config(Path("config.yaml"), api, Timing(MINUTE, HOUR), policies)


@dataclass
class Bench:
    """A daemon with everything around it in hand; `loads` is what the next loads give."""

    world: World
    signals: FakeSignals
    engine: StubEngine
    loads: list[Setup | RotatorError]
    daemon: Daemon = field(init=False)

    def __post_init__(self) -> None:
        signals = cast("Signals", self.signals)
        self.daemon = Daemon(self._load, signals, self.world.clock, self.world.monotonic)

    def _load(self) -> Setup:
        given = self.loads.pop(0)
        if isinstance(given, RotatorError):
            raise given
        return given

    def looks(self) -> list[list[str]]:
        return [servers for _, servers in self.engine.looked]

    def ends_at_sleep(self, number: int) -> None:
        self.signals.at[number] = self.signals.stopping.set


def setup(engine: StubEngine, *policies: Policy) -> Setup:
    return Setup(config(*policies), cast("Engine", engine))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The world's wall clock is also the naive local one that the timer reads."""
    world = World()

    class Local(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return world.wall.astimezone(tz) if tz else world.wall.replace(tzinfo=None)

    shown = SimpleNamespace(**{name: getattr(dt, name) for name in dt.__all__})
    shown.datetime = Local
    monkeypatch.setattr(schedule, "datetime", shown)
    return world


@pytest.fixture
def bench(world: World) -> Bench:
    engine = StubEngine(world)
    return Bench(world, FakeSignals(world), engine, [setup(engine, WEB_DAILY, DB_DAILY)])


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield cast("list[dict[str, Any]]", lines)


def events(log: list[dict[str, Any]]) -> list[str]:
    return [str(line["event"]) for line in log]


class TestTick:
    def test_first_one_looks_at_every_server(self, bench: Bench) -> None:
        bench.daemon.tick()
        assert bench.looks() == [["web-server-01", "db-server-01"]]

    def test_nothing_is_asked_before_the_next_slot(self, bench: Bench) -> None:
        bench.daemon.tick()
        for _ in range(23 * 60):
            bench.world.passes(MINUTE)
            bench.daemon.tick()
        assert len(bench.engine.looked) == 1
        bench.world.passes(HOUR)
        bench.daemon.tick()
        assert bench.looks() == [["web-server-01", "db-server-01"]] * 2


class TestClockThatIsSet:
    """L4: nothing is taken twice whatever the clock does; every server is looked at again."""

    @pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR, -YEAR, JUMP + MINUTE, -JUMP - MINUTE])
    def test_every_server_is_looked_at_again(self, bench: Bench, log: list[dict[str, Any]], jump: timedelta) -> None:
        bench.daemon.tick()
        bench.world.passes(MINUTE)
        bench.world.wall += jump
        bench.daemon.tick()
        assert len(bench.engine.looked) == 2
        [told] = [line for line in log if line["event"] == "clock_skew"]
        assert told["ahead_s"] == jump.total_seconds()
        bench.world.passes(timedelta(seconds=30))
        bench.daemon.tick()
        assert events(log).count("clock_skew") == 1
        assert len(bench.engine.looked) == 2

    @pytest.mark.parametrize("drift", [timedelta(seconds=20), timedelta(seconds=-20)])
    def test_small_corrections_are_nothing_to_tell(
        self, bench: Bench, log: list[dict[str, Any]], drift: timedelta
    ) -> None:
        bench.daemon.tick()
        bench.world.wall += drift
        bench.daemon.tick()
        assert (len(bench.engine.looked), events(log)) == (1, [])

    @pytest.mark.parametrize("jump", [HOUR, -HOUR])
    def test_it_is_noticed_within_the_longest_sleep(self, bench: Bench, jump: timedelta) -> None:
        def set_clock() -> None:
            bench.world.wall += jump

        bench.signals.at[3] = set_clock
        bench.ends_at_sleep(6)
        bench.daemon.run()
        assert len(bench.engine.looked) == 2

    @pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR, -YEAR])
    def test_no_slot_is_taken_twice(self, jump: timedelta) -> None:
        cloud = FakeCloud([WEB_DAILY])
        for number in (20, 21, 22):
            cloud.plant(WEB, f"rotator-202611{number}T020000Z", day(number))
        world = World()
        engine = Engine(cloud, world.clock, world.monotonic, parallel=1, poll_interval=MINUTE)
        daemon = Daemon(
            lambda: Setup(config(WEB_DAILY), engine),
            cast("Signals", FakeSignals(world)),
            world.clock,
            world.monotonic,
        )

        def runs(span: timedelta) -> None:
            for _ in range(span // MINUTE):
                daemon.tick()
                world.passes(MINUTE)
                cloud.now = world.wall

        runs(HOUR)
        assert taken_slots(cloud) == ["rotator-20261123T020000Z"]
        for each in (jump, -jump):
            world.wall += each
            cloud.now = world.wall
            runs(3 * HOUR)
        daemon.close()
        created = taken_slots(cloud)
        assert len(created) == len(set(created))
        assert len(cloud.names(WEB)) == len(set(cloud.names(WEB)))


def taken_slots(cloud: FakeCloud) -> list[str]:
    return [str(name) for call, name in cloud.calls if call == "create"]


class TestFaults:
    def test_fault_of_our_own_pauses_and_goes_on(self, bench: Bench, log: list[dict[str, Any]]) -> None:
        faults = [RuntimeError("a fault of ours"), None]

        def answer(policies: Sequence[Policy]) -> Report:
            if fault := faults.pop(0):
                raise fault
            return bench.engine.idle(policies)

        bench.engine.answer = answer
        bench.ends_at_sleep(4)
        assert bench.daemon.run() is Exit.DONE
        (first, _), (second, servers) = bench.engine.looked
        assert second - first == PAUSE
        assert servers == ["web-server-01", "db-server-01"]
        [told] = [line for line in log if line["event"] == "internal_error"]
        assert "a fault of ours; going on in 60 s" in told["reason"]
        assert told["log_level"] == "error"

    def test_token_refused_in_the_first_pass_ends_it(self, bench: Bench, log: list[dict[str, Any]]) -> None:
        bench.engine.answer = lambda _: Report((), CredentialsError("401: the token is refused"))
        assert bench.daemon.run() is Exit.CREDENTIALS
        assert bench.signals.slept == []
        assert (log[-1]["event"], log[-1]["reason"]) == ("daemon_stopped", "401: the token is refused")

    def test_token_refused_later_is_waited_out(self, bench: Bench) -> None:
        def answer(policies: Sequence[Policy]) -> Report:
            if len(bench.engine.looked) != 2:
                return bench.engine.idle(policies)
            again = bench.world.wall + MINUTE
            skipped = tuple(Outcome(each, Kind.SKIPPED, look_again=again) for each in policies)
            return Report(skipped, CredentialsError("401: the token is refused"))

        bench.engine.answer = answer
        bench.signals.at[1] = bench.signals.hang_up
        bench.loads.append(setup(bench.engine, WEB_DAILY, DB_DAILY))
        bench.ends_at_sleep(6)
        assert bench.daemon.run() is Exit.DONE
        assert len(bench.engine.looked) == 3

    def test_outage_at_the_start_is_waited_out(self, bench: Bench) -> None:
        def answer(policies: Sequence[Policy]) -> Report:
            if len(bench.engine.looked) > 1:
                return bench.engine.idle(policies)
            again = bench.world.wall + timedelta(seconds=15)
            return Report(
                tuple(Outcome(each, Kind.SKIPPED, look_again=again) for each in policies), UnreachableError("refused")
            )

        bench.engine.answer = answer
        bench.ends_at_sleep(2)
        assert bench.daemon.run() is Exit.DONE
        assert len(bench.engine.looked) == 2
        assert bench.signals.slept[0] == pytest.approx(15)


class TestReload:
    def test_good_one_takes_over_and_looks_at_once(self, bench: Bench, log: list[dict[str, Any]]) -> None:
        fresh = StubEngine(bench.world)
        bench.loads.append(setup(fresh, DB_DAILY))
        bench.signals.at[1] = bench.signals.hang_up
        bench.ends_at_sleep(2)
        bench.daemon.run()
        assert (fresh.taken_over, bench.engine.closed) == (bench.engine, True)
        assert [servers for _, servers in fresh.looked] == [["db-server-01"]]
        loaded = [line for line in log if line["event"] == "config_loaded"]
        assert [line["servers"] for line in loaded] == [2, 1]
        bench.daemon.close()
        assert fresh.closed

    @pytest.mark.parametrize(
        ("refusal", "problems"),
        [
            (
                ConfigError(("config.yaml:3:5: one", "config.yaml:4:5: two")),
                ("config.yaml:3:5: one", "config.yaml:4:5: two"),
            ),
            (CredentialsError("no API token"), ("no API token",)),
        ],
    )
    def test_bad_one_leaves_the_old_one_in_force(
        self, bench: Bench, log: list[dict[str, Any]], refusal: RotatorError, problems: tuple[str, ...]
    ) -> None:
        bench.loads.append(refusal)
        bench.signals.at[1] = bench.signals.hang_up
        bench.ends_at_sleep(3)
        assert bench.daemon.run() is Exit.DONE
        [told] = [line for line in log if line["event"] == "config_rejected"]
        assert (told["problems"], told["reason"]) == (problems, "the old configuration stays in force")
        assert (len(bench.engine.looked), bench.engine.closed) == (1, False)

    def test_next_one_may_be_good_again(self, bench: Bench) -> None:
        bench.loads += [ConfigError(("bad",)), setup(bench.engine, WEB_DAILY)]
        bench.signals.at |= {1: bench.signals.hang_up, 2: bench.signals.hang_up}
        bench.ends_at_sleep(4)
        bench.daemon.run()
        assert bench.looks() == [["web-server-01", "db-server-01"], ["web-server-01"]]


class TestTimer:
    def test_sleeps_no_longer_than_it_may(self, bench: Bench) -> None:
        bench.ends_at_sleep(20)
        bench.daemon.run()
        assert bench.signals.slept == pytest.approx([LONGEST_SLEEP.total_seconds()] * 20)
        assert len(bench.engine.looked) == 1

    def test_is_armed_anew_for_what_comes_next(self, bench: Bench) -> None:
        bench.world.wall = day(24) - timedelta(seconds=70, milliseconds=500)
        bench.ends_at_sleep(4)
        bench.daemon.run()
        assert bench.signals.slept[:3] == pytest.approx([30, 30, 11])
        (_, _), (at, servers) = bench.engine.looked
        assert servers == ["web-server-01", "db-server-01"]
        assert day(24) <= at < day(24) + timedelta(seconds=1)

    def test_every_server_is_looked_at_once_a_day_whatever_its_appointment(self, bench: Bench) -> None:
        """A clock that was wrong for a moment may have set an appointment that is years away."""
        bench.engine.answer = lambda policies: Report(
            tuple(Outcome(each, Kind.IDLE, plan=plan(each, observation(taken(NOW)), NOW + YEAR)) for each in policies)
        )
        bench.daemon.tick()
        for _ in range(2):
            bench.world.passes(LONGEST_REST + MINUTE)
            bench.daemon.tick()
        assert bench.looks() == [["web-server-01", "db-server-01"]] * 3

    def test_never_spins(self, bench: Bench) -> None:
        """A server that asks to be looked at in the past gets its turn a second later."""
        bench.engine.answer = lambda policies: Report(
            tuple(Outcome(each, Kind.ACTED, look_again=bench.world.wall - MINUTE) for each in policies)
        )
        bench.ends_at_sleep(5)
        bench.daemon.run()
        assert bench.signals.slept == pytest.approx([1] * 5)

    def test_runs_without_any_server(self, world: World) -> None:
        engine = StubEngine(world)
        bench = Bench(world, FakeSignals(world), engine, [setup(engine)])
        bench.ends_at_sleep(2)
        assert bench.daemon.run() is Exit.DONE
        assert engine.looked == []
        assert bench.signals.slept == pytest.approx([30, 30])

    def test_told_to_stop_before_it_began(self, bench: Bench, log: list[dict[str, Any]]) -> None:
        bench.signals.stopping.set()
        assert bench.daemon.run() is Exit.DONE
        assert bench.signals.slept == []
        assert events(log) == ["daemon_started", "config_loaded", "daemon_stopped"]
        assert (log[-1]["reason"], log[-1]["passes"]) == ("asked to stop", 1)

    def test_first_load_that_fails_is_the_caller_s_to_tell(self, world: World) -> None:
        engine = StubEngine(world)
        with pytest.raises(ConfigError):
            Bench(world, FakeSignals(world), engine, [ConfigError(("bad",))])


def test_now_is_aware() -> None:
    assert NOW.tzinfo is UTC
