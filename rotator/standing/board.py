"""The latest outcome of every server, for whoever shows it from another thread than the one that makes the passes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from rotator.engine import Outcome, Report
from rotator.errors import RotatorError
from rotator.model import Action, Id, Policy
from rotator.standing.judge import judged

_DEEDS = 10


@dataclass(frozen=True, slots=True)
class Deed:
    """One call that changed something, and when the pass that made it was over."""

    at: datetime
    action: Action


def _with_sight(outcome: Outcome, before: Outcome | None) -> Outcome:
    """The outcome; what was seen before stands for what this pass could not see."""
    if outcome.plan is not None or before is None or before.plan is None:
        return outcome
    return replace(outcome, plan=before.plan, observation=before.observation)


class Board:
    """Thread-safe. A server that no pass looked at yet has no outcome."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._policies: tuple[Policy, ...] = ()
        self._outcomes: dict[Id, Outcome] = {}
        self._deeds: dict[Id, deque[Deed]] = {}
        self._error: RotatorError | None = None
        self._last_pass: datetime | None = None

    def configured(self, policies: Sequence[Policy]) -> None:
        """These are the servers from now on; what is known of the others is dropped."""
        with self._lock:
            self._policies = tuple(policies)
            ids = {policy.server_id for policy in policies}
            self._outcomes = {key: each for key, each in self._outcomes.items() if key in ids}
            self._deeds = {key: each for key, each in self._deeds.items() if key in ids}

    def passed(self, report: Report, now: datetime) -> None:
        """A pass is over. A server that could not be looked at keeps what was seen of it before."""
        with self._lock:
            self._error, self._last_pass = report.error, now
            for outcome in report.outcomes:
                server_id = outcome.policy.server_id
                self._outcomes[server_id] = _with_sight(outcome, self._outcomes.get(server_id))
                for action in outcome.done:
                    self._deeds.setdefault(server_id, deque(maxlen=_DEEDS)).append(Deed(now, action))

    def report(self, now: datetime) -> Report:
        """Every server that was looked at, in the order of the configuration, judged as of `now`."""
        with self._lock:
            known = [self._outcomes[each.server_id] for each in self._policies if each.server_id in self._outcomes]
            error = self._error
        return Report(tuple(judged(outcome, now) for outcome in known), error)

    def deeds(self, server_id: Id) -> tuple[Deed, ...]:
        """The last calls for a server that changed something, newest first."""
        with self._lock:
            return tuple(reversed(self._deeds.get(server_id, ())))

    @property
    def last_pass(self) -> datetime | None:
        """When the last pass was over; None before the first."""
        with self._lock:
            return self._last_pass
