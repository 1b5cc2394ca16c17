"""When each server is to be looked at next: the one list of appointments behind the daemon and the one-shot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush

from rotator.engine.report import Kind, Outcome, Report
from rotator.model import Id, Policy, Verb


class Agenda:
    """Appointments by server.

    `lasting`: a server that is done comes back at its next slot; else it is finished. Not `patient`: a server whose
    snapshot is in progress is finished as well.
    """

    def __init__(self, policies: Sequence[Policy], now: datetime, *, lasting: bool, patient: bool = True) -> None:
        self._policies = {policy.server_id: policy for policy in policies}
        self._place = {server_id: place for place, server_id in enumerate(self._policies)}
        self._at: dict[Id, datetime] = dict.fromkeys(self._policies, now)
        self._queue: list[tuple[datetime, int, Id]] = []
        """The appointments as a heap, with some that are off by now: thousands of servers are not gone through."""
        self._enqueue_all()
        self._waiting: set[Id] = set()
        self._lasting = lasting
        self._patient = patient

    def next_at(self) -> datetime | None:
        """When there is something to do next; None if never again."""
        while self._queue and self._at.get(self._queue[0][2]) != self._queue[0][0]:
            heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def due(self, now: datetime) -> list[Policy]:
        """The servers to look at now. One list serves all, so whoever waits for a snapshot is looked at as well."""
        reached = []
        while (at := self.next_at()) is not None and at <= now:
            reached.append(heappop(self._queue))
        for each in reached:
            heappush(self._queue, each)
        ready = {server_id for _, _, server_id in reached}
        together = ready | (self._waiting & self._at.keys()) if ready else ready
        return [self._policies[id_] for id_ in sorted(together, key=self._place.__getitem__)]

    def postpone(self, at: datetime) -> None:
        """Nothing happens before `at`."""
        self._at = {server_id: max(each, at) for server_id, each in self._at.items()}
        self._enqueue_all()

    def note(self, report: Report) -> None:
        """Make the next appointment of every server of a pass."""
        for outcome in report.outcomes:
            server_id = outcome.policy.server_id
            self._waiting.discard(server_id)
            if outcome.kind in (Kind.WAITING, Kind.UNCERTAIN):
                self._waiting.add(server_id)
            at = self._next(outcome)
            if at is None:
                self._at.pop(server_id, None)
            else:
                self._at[server_id] = at
                heappush(self._queue, (at, self._place[server_id], server_id))
        if len(self._queue) > 4 * len(self._policies):
            self._enqueue_all()

    def _enqueue_all(self) -> None:
        self._queue = [(at, self._place[server_id], server_id) for server_id, at in self._at.items()]
        heapify(self._queue)

    def _next(self, outcome: Outcome) -> datetime | None:
        """The next appointment; a slot that comes before a retry is not missed for it."""
        if not self._patient and (
            outcome.kind is Kind.WAITING or any(each.verb is Verb.CREATE for each in outcome.done)
        ):
            return None
        slot = outcome.plan.next_slot if self._lasting and outcome.plan else None
        candidates = [outcome.look_again, slot and slot + outcome.policy.splay]
        return min((each for each in candidates if each is not None), default=None)
