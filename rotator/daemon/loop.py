"""The daemon: a timer that runs a pass when the agenda says so, reloads on SIGHUP and ends on SIGTERM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import schedule

from rotator import __version__
from rotator.config import Config
from rotator.daemon.signals import Signals
from rotator.daemon.watch import Watchers
from rotator.engine import Agenda, Engine, Report
from rotator.errors import ConfigError, CredentialsError, Exit, RotatorError
from rotator.logs import Event, logger

LONGEST_SLEEP = timedelta(seconds=30)
"""The wall clock is looked at this often at least, so that a change of it is noticed."""

JUMP = timedelta(seconds=60)
"""A wall clock that moves this much more or less than time passed was set."""

LONGEST_REST = timedelta(hours=24)
"""Every server is looked at this often at least, even if a clock that was wrong for a moment set the appointment."""

PAUSE = timedelta(seconds=60)
"""How long to leave everything alone after a fault of rotator itself."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A configuration and the engine that works for it."""

    config: Config
    engine: Engine


class Daemon:
    """Runs until told to stop. `load` gives a fresh set-up, or raises why the new configuration cannot be used."""

    def __init__(
        self,
        load: Callable[[], Setup],
        signals: Signals,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        watchers: Watchers | None = None,
    ) -> None:
        self._watchers = watchers or Watchers()
        self._load = load
        self._signals = signals
        self._clock = clock
        self._monotonic = monotonic
        self._timer = schedule.Scheduler()
        self._setup = load()
        self._agenda = self._new_agenda()
        self._offset = self._wall_offset()
        self._passes = 0
        self._refused: CredentialsError | None = None

    def run(self) -> Exit:
        """Work until SIGTERM or SIGINT; CREDENTIALS if the API refuses the token in the very first pass."""
        logger().info(Event.DAEMON_STARTED, version=__version__)
        self._announce()
        self._guarded(self.tick)
        while not self._signals.stopping.is_set() and self._refused is None:
            # Armed anew each time: the timer reads the naive local clock, and one set back would leave it asleep.
            self._timer.clear()
            self._timer.every(self._seconds_to_sleep()).seconds.do(self._guarded, self.tick)
            self._signals.sleep(min(self._timer.idle_seconds or 0, LONGEST_SLEEP.total_seconds()))
            if self._signals.take_reload():
                self._guarded(self._reload)
            self._timer.run_pending()
            self._watchers.woke(self._clock())
        reason = str(self._refused or "asked to stop")
        self._setup.engine.let_go()
        self._watchers.closing(reason)
        logger().info(Event.DAEMON_STOPPED, reason=reason, passes=self._passes)
        return Exit.CREDENTIALS if self._refused else Exit.DONE

    def tick(self) -> None:
        """Run a pass for the servers whose time has come; without any, look at the clock and nothing else."""
        self._notice_jump()
        if self._monotonic() - self._last_look > LONGEST_REST.total_seconds():
            self._agenda = self._new_agenda()
        self._setup.engine.look_at_debts()
        due = self._agenda.due(self._clock())
        if not due:
            return
        self._watchers.woke(self._clock())
        report = self._setup.engine.run_pass(due)
        self._agenda.note(report)
        self._watchers.passed(report, self._clock())
        self._note_refusal(report)
        self._passes += 1

    def close(self) -> None:
        """Let the engine go."""
        self._setup.engine.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a fault in one pass must not end all later ones
            logger().error(Event.INTERNAL_ERROR, reason=f"{error}; going on in {PAUSE.seconds} s", exc_info=True)
            self._agenda.postpone(self._clock() + PAUSE)

    def _seconds_to_sleep(self) -> int:
        """Whole seconds to the next appointment, within bounds; the timer counts in whole seconds."""
        at = self._agenda.next_at()
        wait = LONGEST_SLEEP if at is None else min(at - self._clock(), LONGEST_SLEEP)
        return max(1, -int(-wait.total_seconds() // 1))

    def _notice_jump(self) -> None:
        """After the clock was set, every appointment is worthless: look at every server again."""
        jump = self._wall_offset() - self._offset
        if abs(jump) > JUMP:
            reason = "this machine's clock was set, or it slept: looking at every server again"
            logger().warning(Event.CLOCK_SKEW, ahead_s=round(jump.total_seconds()), reason=reason)
            self._offset += jump
            self._agenda = self._new_agenda()

    def _wall_offset(self) -> timedelta:
        return timedelta(seconds=self._clock().timestamp() - self._monotonic())

    def _note_refusal(self, report: Report) -> None:
        """A token refused at the start is a mistake to report; refused later, it may be the provider's: go on."""
        if self._passes == 0 and isinstance(report.error, CredentialsError):
            self._refused = report.error

    def _reload(self) -> None:
        self._watchers.reloading(self._clock())
        try:
            setup = self._load()
        except RotatorError as error:
            problems = error.problems if isinstance(error, ConfigError) else (str(error),)
            logger().error(Event.CONFIG_REJECTED, problems=problems, reason="the old configuration stays in force")
            self._watchers.configured(self._setup.config, self._clock(), tuple(problems))
            return
        setup.engine.take_over(self._setup.engine)
        self._setup.engine.close()
        self._setup = setup
        self._agenda = self._new_agenda()
        self._announce()

    def _announce(self) -> None:
        config = self._setup.config
        logger().info(Event.CONFIG_LOADED, config=str(config.path), servers=len(config.policies))
        self._watchers.configured(config, self._clock())

    def _new_agenda(self) -> Agenda:
        self._last_look = self._monotonic()
        return Agenda(self._setup.config.policies, self._clock(), lasting=True)
