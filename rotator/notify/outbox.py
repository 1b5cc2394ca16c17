"""Sends in a thread of its own: in order, again after growing waits, and never for longer than it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from rotator.logs import Event, logger
from rotator.notify.channels import Outlet, Ping
from rotator.notify.post import Answer
from rotator.notify.words import Message

WAITS = (10.0, 60.0, 300.0)
"""Seconds before the second, third and fourth try."""

MOST = 200
"""What may wait to be sent; more is given up at once."""

_LOOK = 0.1
"""Seconds between two looks whether somebody waits for the end."""


@dataclass(frozen=True, slots=True)
class Job:
    """One content for one outlet; `due` is on the monotonic clock, `attempt` counts from 1."""

    outlet: Outlet
    content: Ping | Message
    due: float = 0.0
    attempt: int = 1


Done = Callable[[Job, bool], None]
"""Told in the worker's thread what became of a job at last: whether it was sent."""


class Outbox:
    """A queue with one worker, which starts with the first job."""

    def __init__(
        self, done: Done, monotonic: Callable[[], float] = time.monotonic, waits: tuple[float, ...] = WAITS
    ) -> None:
        self._done = done
        self._monotonic = monotonic
        self._waits = waits
        self._jobs: list[Job] = []
        self._change = threading.Condition()
        self._end: float | None = None
        self._sending = False
        self._thread: threading.Thread | None = None

    def put(self, outlet: Outlet, content: Ping | Message) -> None:
        """Send this as soon as possible. A new check-in makes older ones that failed worthless."""
        job = Job(outlet, content, due=self._monotonic())
        with self._change:
            gone = [each for each in self._jobs if _replaces(job, each)]
            self._jobs = [each for each in self._jobs if each not in gone]
            refusal = self._refusal()
            if not refusal:
                self._jobs.append(job)
            self._change.notify_all()
        for each in gone:
            self._done(each, False)
        if refusal:
            self._give_up(job, Answer(refusal))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being sent, and nothing waits to be."""
        with self._change:
            return not self._jobs and not self._sending

    def close(self, patience: float, stopping: threading.Event | None = None, hurried: float = 0.0) -> bool:
        """Send what can be sent within `patience` seconds and end; whether the worker ended. The rest is given up.

        From when `stopping` is set, `hurried` seconds have to do.
        """
        self._end_within(patience)
        if self._thread is not None:
            end = time.monotonic() + patience
            while self._thread.is_alive() and (left := end - time.monotonic()) > 0:
                if stopping is not None and stopping.is_set():
                    left, end = min(left, hurried), 0.0
                    self._end_within(left)
                self._thread.join(left if stopping is None or not end else min(left, _LOOK))
            if self._thread.is_alive():
                return False
        self._thread = None
        return True

    def _end_within(self, seconds: float) -> None:
        with self._change:
            self._end = self._monotonic() + seconds
            self._change.notify_all()

    def _refusal(self) -> str:
        """Why nothing more can be sent; nothing if it can, and then the worker runs."""
        if len(self._jobs) >= MOST or self._end is not None:
            return "too much waits to be sent, or rotator ends"
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="rotator-notify", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system allows no more threads
                return f"no thread to send it with: {error}"
            self._thread = thread
        return ""

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._send(job)
            except Exception as error:  # noqa: BLE001 - a fault in one outlet must not silence the others
                logger().error(Event.INTERNAL_ERROR, reason=f"notification: {type(error).__name__}", exc_info=True)
                self._done(job, False)
            with self._change:
                self._sending = False

    def _next(self) -> Job | None:
        """The first job that is due, waiting for it; None when it is time to end."""
        with self._change:
            while True:
                now = self._monotonic()
                job = min(self._jobs, key=lambda each: each.due, default=None)
                if job is not None and job.due <= now and (self._end is None or now < self._end):
                    self._jobs.remove(job)
                    self._sending = True
                    return job
                if self._end is not None and (job is None or max(job.due, now) >= self._end):
                    break
                self._change.wait(None if job is None else max(job.due - now, 0.001))
            left, self._jobs = self._jobs, []
        for each in left:
            self._give_up(each, Answer("rotator ends"))
        return None

    def _send(self, job: Job) -> None:
        answer = job.outlet.send(job.content)
        if answer.ok:
            logger().info(Event.NOTIFICATION_SENT, **_fields(job))
            self._done(job, True)
            return
        wait = self._waits[job.attempt - 1] if answer.passing and job.attempt <= len(self._waits) else None
        if wait is None:
            self._give_up(job, answer)
            return
        _told_failed(job, answer.words, wait)
        with self._change:
            again = replace(job, due=self._monotonic() + wait, attempt=job.attempt + 1)
            stale = any(_replaces(each, again) for each in self._jobs)
            if not stale:
                self._jobs.append(again)
        if stale:
            self._done(job, False)

    def _give_up(self, job: Job, answer: Answer) -> None:
        _told_failed(job, answer.words, None)
        self._done(job, False)


def _replaces(new: Job, old: Job) -> bool:
    """Whether `new` says how things stand since, so that another try of `old` would only mislead."""
    return isinstance(new.content, Ping) and new.outlet is old.outlet and old.attempt > 1 and new is not old


def _fields(job: Job) -> dict[str, object]:
    content = job.content
    kind = content.news.value if isinstance(content, Message) else content.verb or "success"
    return {"channel": job.outlet.kind, "host": job.outlet.host, "kind": kind, "attempt": job.attempt}


def _told_failed(job: Job, reason: str, wait: float | None) -> None:
    logger().warning(Event.NOTIFICATION_FAILED, **_fields(job), wait_s=wait, reason=reason)
