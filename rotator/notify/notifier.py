"""Watches the passes and tells people of changes; whatever happens here, a rotation never fails by it."""

from __future__ import annotations

import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.config import Config, NotifySettings
from rotator.engine import Report
from rotator.errors import ConfigError
from rotator.logs import Event, Redactor, logger
from rotator.notify.alerts import Changes, Letter, Sight, changes, elapsed
from rotator.notify.channels import Ping
from rotator.notify.memory import AlertMemory, Told
from rotator.notify.outbox import Job, Outbox
from rotator.notify.outlets import Outlets, open_outlets
from rotator.notify.rounds import Rounds
from rotator.notify.seen import Seen
from rotator.notify.tail import Tail
from rotator.notify.words import Message, message
from rotator.standing import Watcher

GATHER = timedelta(seconds=15)
"""How long news is gathered, so that a thousand servers that fail together are one message."""

APART = timedelta(minutes=5)
"""The least time between two tellings of the daemon."""

PAUSE = timedelta(minutes=30)
"""How long the daemon leaves channels alone once a message reached none of them."""

DAEMON_PATIENCE = 2.5
ONE_SHOT_PATIENCE = 20.0
"""Seconds that the end waits for what is still to be sent."""

_LOOK = timedelta(minutes=1)


class Notifier(Watcher):
    """One for the life of a process. All calls come from one thread, return at once and never raise."""

    def __init__(
        self,
        settings: NotifySettings | None,
        outlets: Outlets,
        memory: AlertMemory,
        clock: Callable[[], datetime],
        redactor: Redactor,
        environ: Mapping[str, str],
        *,
        lasting: bool,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._settings = settings
        self._outlets = outlets
        self._told = Told(memory)
        self._clock, self._redactor, self._environ = clock, redactor, environ
        self._lasting = lasting
        self._new_id = new_id
        self._seen = Seen()
        self._tail = Tail(redactor)
        self._tail.open()
        self._results: deque[tuple[str, bool]] = deque()
        self._open: dict[str, int] = {}
        self._outbox = Outbox(self._note)
        self._rounds = Rounds(self._outbox.put, new_id, self._tail.text)
        self._rounds.reach(outlets.check_ins)
        self._run = new_id()
        self._configured = self._closed = False
        self._news_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._told_at: datetime | None = None
        self._paused_at: datetime | None = None
        self._checked_at: datetime | None = None

    @classmethod
    def create(
        cls,
        settings: NotifySettings | None,
        memory: AlertMemory,
        clock: Callable[[], datetime],
        redactor: Redactor,
        environ: Mapping[str, str],
        *,
        lasting: bool,
    ) -> Notifier:
        """A notifier for the daemon (`lasting`) or the one-shot; ConfigError where somebody cannot be told at all."""
        outlets = open_outlets(settings, clock, redactor, environ)
        return cls(settings, outlets, memory, clock, redactor, environ, lasting=lasting)

    def began(self) -> None:
        """A one-shot begins."""
        for outlet, _ in self._outlets.check_ins:
            self._outbox.put(outlet, Ping("start", self._run))

    def finished(self, exit_code: int, text: str, *, stopping: threading.Event | None = None) -> None:
        """A one-shot is over; `text` is its report. Waits until everything is sent, for a bounded time.

        Once `stopping` is set, before or meanwhile, no longer than the daemon would.
        """
        now = self._clock()
        self._tell(now)
        for outlet, _ in self._outlets.check_ins:
            self._outbox.put(outlet, Ping(str(int(exit_code)), self._run, self._redactor.clean(text)))
        self._close(ONE_SHOT_PATIENCE, stopping)

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """`config` is in force; with `problems`, still."""
        if self._configured and not problems:
            self._reopen(config.notify)
        self._configured = True
        self._seen.configured(config, problems)
        self._news(now)

    def passed(self, report: Report, now: datetime) -> None:
        """A pass is over."""
        self._seen.passed(report, now)
        self._news(now)
        if self._lasting and self._outlets.check_ins:
            self._rounds.passed(now, acted=report.acted, busy=self._seen.busy, is_well=lambda: self._is_well(now))

    def woke(self, now: datetime) -> None:
        """The loop turned: tell what there is to tell."""
        self._take_results(now)
        if not self._lasting:
            return
        if self._is_time(now):
            self._tell(now)
        if (
            self._outlets.check_ins
            and self._seen.anything
            and (self._checked_at is None or elapsed(now, self._checked_at, GATHER))
        ):
            self._checked_at = now
            self._rounds.woke(now, well=self._is_well(now))

    def closing(self, reason: str) -> None:  # noqa: ARG002 - a Watcher
        """The daemon ends."""
        if self._closed:
            return
        if self._lasting and self._news_since is not None:
            self._tell(self._clock())
        self._close(DAEMON_PATIENCE)

    def _news(self, now: datetime) -> None:
        self._news_since = self._news_since or now

    def _is_time(self, now: datetime) -> bool:
        for since, span in ((self._told_at, APART), (self._paused_at, PAUSE)):
            if since is not None and not elapsed(now, since, span):
                return False
        if self._news_since is not None:
            return elapsed(now, self._news_since, GATHER)
        return self._looked_at is None or elapsed(now, self._looked_at, _LOOK)

    def _changes(self, sight: Sight, now: datetime) -> Changes:
        remind_every = self._settings.remind_every if self._settings else timedelta.max
        return changes(self._told.notes(), sight, now, remind_every)

    def _is_well(self, now: datetime) -> bool | None:
        """Whether all is well; None while something is wrong that may pass before anybody is told."""
        sight = self._seen.sight(now)
        if self._changes(sight, now).wrong:
            return False
        return None if sight.findings else True

    def _tell(self, now: datetime) -> None:
        self._news_since, self._looked_at = None, now
        if self._settings is None:
            return
        news = self._changes(self._seen.sight(now), now)
        self._told.keep(news.save, news.drop)
        for letter in news.letters:
            self._send(letter, now)

    def _send(self, letter: Letter, now: datetime) -> None:
        written = self._written(letter, now)
        self._told.send(written.id, letter)
        self._told_at = now
        if not self._outlets.messengers:
            self._told.arrived(written.id, told=True)
            return
        self._open[written.id] = len(self._outlets.messengers)
        for outlet in self._outlets.messengers:
            self._outbox.put(outlet, written)

    def _written(self, letter: Letter, now: datetime) -> Message:
        clean = self._redactor.clean
        notes = tuple(replace(note, text=clean(note.text)) for note in letter.notes)
        host = socket.gethostname()
        return message(letter.news, notes, self._seen.servers(), now, message_id=self._new_id(), host=host)

    def _note(self, job: Job, sent: bool) -> None:
        """Called by the worker; the deque is what its thread and ours share."""
        if isinstance(job.content, Message):
            self._results.append((job.content.id, sent))

    def _take_results(self, now: datetime) -> None:
        while self._results:
            message_id, sent = self._results.popleft()
            self._open[message_id] = self._open.get(message_id, 1) - 1
            if sent:
                self._told.arrived(message_id, told=True)
            elif self._open[message_id] <= 0 and self._told.is_on_the_way(message_id):
                self._told.arrived(message_id, told=False)
                self._paused_at = now
            if self._open[message_id] <= 0:
                del self._open[message_id]

    def _reopen(self, settings: NotifySettings | None) -> None:
        """The addresses as they are now; what cannot be used leaves the old ones in force."""
        try:
            outlets = open_outlets(settings, self._clock, self._redactor, self._environ)
        except ConfigError as error:
            for problem in error.problems:
                logger().warning(Event.CONFIG_WARNING, reason=f"{problem}; the old addresses stay in force")
            return
        self._settings, self._outlets, self._paused_at = settings, outlets, None
        self._rounds.reach(outlets.check_ins)

    def _close(self, patience: float, stopping: threading.Event | None = None) -> None:
        self._closed = True
        self._outbox.close(patience, stopping, hurried=DAEMON_PATIENCE)
        self._take_results(self._clock())
        self._tail.close()
