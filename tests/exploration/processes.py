"""The two kinds of process that rotate: the real daemon, and the one-shot that cron starts again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from rotator.daemon.loop import JUMP, Daemon, Setup
from rotator.daemon.watch import Watchers
from rotator.engine import Agenda
from tests.conftest import NOW
from tests.exploration.digest import TURN
from tests.exploration.machine import Machine, next_turn
from tests.exploration.outside import Outside
from tests.exploration.worlds import POLL_INTERVAL
from tests.passes import config

CRON = timedelta(minutes=15)


class DaemonMachine(Machine):
    """With the real daemon, whose loop turns when its sleep is over."""

    def __init__(self, name: str, outside: Outside, turnstile: Callable[[], None] = lambda: None) -> None:
        super().__init__(name, outside, turnstile)
        self.daemon = self._new_daemon()

    def _new_daemon(self) -> Daemon:
        setup = Setup(config(*self.account.world.policies), self.engine)
        return Daemon(lambda: setup, cast(Any, None), self.clock, self.monotonic, Watchers([self.last]))

    def begin(self) -> None:
        self.engine = self.new_engine()
        self.daemon = self._new_daemon()

    def agenda(self) -> Agenda:
        return self.daemon._agenda

    def wakes_at(self) -> datetime:
        """At the next turn of the loop after its next appointment, or after its clock was set."""
        soon = self.account.now + timedelta(seconds=1)
        at = self.agenda().next_at()
        if at is None or abs(self.daemon._wall_offset() - self.daemon._offset) > JUMP:
            return next_turn(soon, TURN)
        return next_turn(max(self._true(at), soon), TURN)

    def work(self) -> None:
        # Not `_guarded`: it would hide a fault of the daemon itself.
        self.daemon.tick()

    def plain_agenda(self, at: Any) -> Any:
        """To the turn of the loop that an appointment waits for: clocks jump by whole turns only."""
        return tuple((server_id, next_turn(each, TURN)) for server_id, each in at)

    def process(self) -> Any:
        return self.daemon._offset

    def load_process(self, saved: Any, *, has_agenda: bool) -> None:
        self.daemon._setup = Setup(self.daemon._setup.config, self.engine)
        self.daemon._offset = saved


class CronMachine(Machine):
    """With cron, which starts a one-shot every quarter of an hour unless one still runs."""

    lasting = False

    def __init__(self, name: str, outside: Outside, turnstile: Callable[[], None] = lambda: None) -> None:
        super().__init__(name, outside, turnstile)
        self._agenda: Agenda | None = None

    def begin(self) -> None:
        self.engine = self.new_engine()
        self._agenda = None

    def agenda(self) -> Agenda | None:
        return self._agenda

    def wakes_at(self) -> datetime:
        if self._agenda is None:
            return self._true(next_turn(self.clock() + timedelta(seconds=1), CRON))
        at = self._agenda.next_at()
        soon = self.account.now + timedelta(seconds=1)
        # A one-shot sleeps for no longer than a poll, whatever its clock says (`cli/commands/once.py`).
        return next_turn(max(min(self._true(at or NOW), self.account.now + POLL_INTERVAL), soon), TURN)

    def work(self) -> None:
        if self._agenda is None:
            self.begin()
            self._agenda = Agenda(self.account.world.policies, self.clock(), lasting=False)
        due = self._agenda.due(max(self._agenda.next_at() or self.clock(), self.clock()))
        report = self.engine.run_pass(due)
        self._agenda.note(report)
        self.last.passed(report, self.clock())
        if self._agenda.next_at() is None:
            self._agenda = None

    def process(self) -> Any:
        return None

    def load_process(self, saved: Any, *, has_agenda: bool) -> None:
        self._agenda = Agenda(self.account.world.policies, NOW, lasting=False) if has_agenda else None
