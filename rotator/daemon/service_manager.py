"""Tells the service manager, in the datagrams of sd_notify(3), how the daemon stands; knows no other way to do so.

The protocol is stable and small: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.config import Config
from rotator.engine import Outcome, Report
from rotator.model import Id, Policy
from rotator.naming import printable
from rotator.planner.words import counted
from rotator.slots import timezone_of
from rotator.standing import Watcher

LONGEST_STATUS = 300
"""Characters of a STATUS line; `systemctl status` shows one line of it."""

_PATIENCE = 1.0
_WEEK = timedelta(days=6)


class ServiceManager(Watcher):
    """Watches the daemon for systemd; without NOTIFY_SOCKET in `environ` it does nothing.

    `pid` is this process, `monotonic` gives the seconds of CLOCK_MONOTONIC. No call raises.
    """

    def __init__(self, environ: Mapping[str, str], pid: int, monotonic: Callable[[], float]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._monotonic = monotonic
        self._period = _watchdog_seconds(environ, pid)
        self._fed_at: float | None = None
        self._standings = _Standings()
        self._rejected = ""
        self._shown = ""
        self._reloading = False

    @property
    def is_there(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._address)

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """Ready with `config`; with `problems`, ready again with the old one, and why is said."""
        self._reloading = False
        self._rejected = _rejection(problems)
        if not problems:
            self._standings.configured(config)
        self._tell("READY=1", self._status(now))

    def reloading(self, now: datetime) -> None:  # noqa: ARG002 - a Watcher
        """The next `configured` ends this state, or the next turn of the loop, if the reload came to nothing."""
        self._reloading = True
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(self._monotonic() * 1_000_000)}")

    def passed(self, report: Report, now: datetime) -> None:
        """Say how the servers stand, if the words changed."""
        if self.is_there:
            self._standings.passed(report)
            self._tell(self._status(now))

    def woke(self, now: datetime) -> None:  # noqa: ARG002 - a Watcher
        """Feed the watchdog, at most twice in its period: the loop may turn a thousand times in that."""
        if self._reloading:
            self._reloading = False
            self._tell("READY=1")
        if self._period is None:
            return
        at = self._monotonic()
        if self._fed_at is None or at - self._fed_at >= self._period / 2:
            self._fed_at = at
            self._tell("WATCHDOG=1")

    def closing(self, reason: str) -> None:
        """The daemon ends, and is not to be taken for hung."""
        self._tell("STOPPING=1", _as_status(f"stopping: {reason}"))

    def _status(self, now: datetime) -> str:
        """The status line, or nothing if it is what was said last."""
        parts = [self._rejected, self._standings.words(now), self._standings.trouble]
        status = _as_status("; ".join(part for part in parts if part))
        if status == self._shown:
            return ""
        self._shown = status
        return status

    def _tell(self, *assignments: str) -> None:
        text = "\n".join(each for each in assignments if each)
        if self._address and text:
            notify(self._address, text)


def notify(address: str, text: str) -> None:
    """Send one datagram of assignments; a manager that does not take it is left alone."""
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outgoing:
        outgoing.settimeout(_PATIENCE)
        outgoing.sendto(text.encode("utf-8", "replace"), address)


def _address(named: str) -> str:
    """The socket's address as Python wants it; nothing for kinds that a service on this machine is not given."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """The period of the watchdog in seconds; None if there is none, or it is meant for another process."""
    period, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "") or str(pid)
    if not (period.isascii() and period.isdigit() and int(period)) or owner != str(pid):
        return None
    return int(period) / 1_000_000


def _as_status(text: str) -> str:
    line = printable(text)
    return "STATUS=" + (line if len(line) <= LONGEST_STATUS else line[: LONGEST_STATUS - 1] + "…")


def _rejection(problems: tuple[str, ...]) -> str:
    if not problems:
        return ""
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return f"the new configuration was rejected, the old one stays in force: {problems[0]}{more}"


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the words need of one server."""

    busy: bool
    troubled: bool
    next_at: datetime | None


class _Standings:
    """How every server stood when it was last looked at."""

    def __init__(self) -> None:
        self._policies: tuple[Policy, ...] = ()
        self._known: dict[Id, _Standing] = {}
        self.trouble = ""

    def configured(self, config: Config) -> None:
        """These are the servers from now on."""
        self._policies = config.policies
        ids = {policy.server_id for policy in config.policies}
        self._known = {key: each for key, each in self._known.items() if key in ids}

    def passed(self, report: Report) -> None:
        """Take in what a pass saw; a server that it could not look at keeps its next slot."""
        self.trouble = str(report.error or "").partition("\n")[0]
        for outcome in report.outcomes:
            before = self._known.get(outcome.policy.server_id)
            self._known[outcome.policy.server_id] = _Standing(
                outcome.kind.is_busy, bool(outcome.problems), _next_at(outcome) or (before.next_at if before else None)
            )

    def words(self, now: datetime) -> str:
        """For example `1,000 servers, 3 in progress, 2 with problems, next 03:00 web-01`."""
        return ", ".join(self._parts(now))

    def _parts(self, now: datetime) -> Iterator[str]:
        yield counted(len(self._policies), "server")
        standings = self._known.values()
        if busy := sum(each.busy for each in standings):
            yield f"{busy:,} in progress"
        if troubled := sum(each.troubled for each in standings):
            yield f"{troubled:,} with problems"
        if self._policies and not standings:
            yield "not looked at yet"
        if following := self._following(now):
            at, policy = following
            yield f"next {_clock_face(at, now, policy)} {policy.server}"

    def _following(self, now: datetime) -> tuple[datetime, Policy] | None:
        pairs = ((self._known.get(policy.server_id), policy) for policy in self._policies)
        coming = ((each.next_at, policy) for each, policy in pairs if each and each.next_at and each.next_at > now)
        return min(coming, key=lambda each: each[0], default=None)


def _next_at(outcome: Outcome) -> datetime | None:
    """When the server's next slot is taken."""
    slot = outcome.plan.next_slot if outcome.plan else None
    return slot + outcome.policy.splay if slot else None


def _clock_face(at: datetime, now: datetime, policy: Policy) -> str:
    """A moment as the server's own clock shows it: the time, with the weekday or the date if it is not today."""
    zone = timezone_of(policy.schedule.timezone)
    there, today = at.astimezone(zone), now.astimezone(zone).date()
    if there.date() == today:
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if there.date() - today <= _WEEK else f"{there:%Y-%m-%d %H:%M}"
