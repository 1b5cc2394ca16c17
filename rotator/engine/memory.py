"""What this process did, for the rules that need more than a list: S7 (once), retry delays, and what was already said.

The ledger keeps what S7 needs over a restart: without one, a list that lags behind its own create for longer than the
restart takes could lead to a second snapshot of a slot. Retry delays and what was said are forgotten: after a restart
rotator looks sooner and says again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.engine.ledger import Attempt, Ledger, Result
from rotator.model import Id, Observation

STALE = timedelta(minutes=5)
"""How late a list may be, about what was deleted and about what was created."""

FORGOTTEN = timedelta(hours=1)
"""After so long a delete that did not work may be sent again."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a slot may be taken now; if not, why and when to look again (None: not in this slot any more)."""

    granted: bool
    reason: str = ""
    look_again: datetime | None = None
    patient: bool = False
    """Nothing is wrong yet: the API's list may only be late."""
    cleanup: bool = True
    """Whether failed snapshots may be deleted all the same."""


class Attempts:
    """The last attempt of every server. `settle` is how long a list may lack what was created before that is proof."""

    def __init__(self, retry_delays: tuple[timedelta, ...], settle: timedelta, ledger: Ledger) -> None:
        self._retry_delays = retry_delays
        self._settle = settle
        self._ledger = ledger
        self._last: dict[Id, Attempt] = {}

    def remember(self, earlier: Mapping[Id, Attempt]) -> None:
        """Go on with what earlier processes left."""
        self._last |= {server_id: replace(attempt, watched=False) for server_id, attempt in earlier.items()}

    def shift(self, jump: timedelta) -> None:
        """The clock was set."""
        for server_id, attempt in list(self._last.items()):
            moved = replace(attempt, at=attempt.at + jump, begun=attempt.begun + jump)
            if self._last.get(server_id) is attempt:  # not what a call beside the passes has just noted
                self._last[server_id] = moved

    def take_over(self, other: Attempts) -> None:
        """Go on with what another engine of this process knows, and may yet learn: its work may not have ended."""
        self._last = other._last

    def last(self, server_id: Id) -> Attempt | None:
        """The last attempt of a server, whichever slot it was for."""
        return self._last.get(server_id)

    def of(self, server_id: Id, slot: datetime | None) -> Attempt | None:
        """The attempt at this very slot, if this process made or met one."""
        attempt = self.last(server_id)
        return attempt if attempt is not None and attempt.slot == slot else None

    def is_open(self, server_id: Id, slot: datetime | None) -> bool:
        """Whether the attempt at this slot failed, or may have."""
        attempt = self.of(server_id, slot)
        return attempt is not None and attempt.stage in (Result.UNCERTAIN, Result.FAILED)

    def is_awaited(self, server_id: Id, slot: datetime, now: datetime) -> bool:
        """Whether a list may yet show the snapshot of this slot, though none does."""
        attempt = self.of(server_id, slot)
        if attempt is None or attempt.stage not in (Result.SENT, Result.UNCERTAIN):
            return False
        if attempt.stage is Result.UNCERTAIN:
            return self._may_appear(attempt, now)
        return now < attempt.at + self._settle

    def tries(self, server_id: Id, slot: datetime | None) -> int:
        """How often this slot was tried before."""
        before = self.of(server_id, slot)
        return before.tries if before else 0

    def begin(self, server_id: Id, slot: datetime, now: datetime, key: str = "") -> Attempt:
        """A create is about to be sent: from here on its outcome is unknown."""
        attempt = Attempt(slot, Result.UNCERTAIN, now, now, self.tries(server_id, slot) + 1, key=key)
        self._last[server_id] = attempt
        return attempt

    def meet(self, server_id: Id, slot: datetime, now: datetime, begun: datetime) -> None:
        """A snapshot of `slot` is in progress that another process asked for."""
        self._last[server_id] = Attempt(slot, Result.SENT, now, begun)

    def move(
        self,
        server_id: Id,
        attempt: Attempt,
        stage: Result,
        now: datetime,
        reason: str = "",
        snapshot_id: Id | None = None,
    ) -> None:
        """The attempt reached `stage`."""
        kept = self._last.get(server_id)
        if kept is not None and (kept.key, kept.slot) == (attempt.key, attempt.slot):
            attempt = replace(attempt, begun=kept.begun)  # moved along, if the clock was set during the call
        self._last[server_id] = replace(attempt, stage=stage, at=now, reason=reason)
        if attempt.key:
            took = now - attempt.begun if stage is Result.COMPLETED and attempt.watched else None
            self._ledger.end(attempt.key, stage, now, snapshot_id=snapshot_id, took=took, detail=reason)

    def adopt(self, server_id: Id, attempt: Attempt) -> None:
        """An earlier process asked for it, this one follows it."""
        self._last[server_id] = replace(attempt, adopted=True)

    def undo(self, server_id: Id, before: Attempt | None) -> None:
        """The request provably never reached the API, so that nothing was tried."""
        if before is None:
            self._last.pop(server_id, None)
        else:
            self._last[server_id] = before

    def permission(self, server_id: Id, slot: datetime, listed_at: datetime) -> Permission:
        """Whether a slot that the list of `listed_at` lacks may be asked for: never twice unless proven absent (S7)."""
        attempt = self.of(server_id, slot)
        if attempt is None:
            return Permission(granted=True)
        if attempt.stage in (Result.SENT, Result.COMPLETED):
            return self._vanished(attempt, listed_at)
        if attempt.stage is Result.UNCERTAIN:
            attempt = replace(attempt, absences=attempt.absences + 1)
            self._last[server_id] = attempt
            if self._may_appear(attempt, listed_at):
                wait = "its answer was lost; looking whether it was created"
                return Permission(granted=False, reason=wait, look_again=listed_at, patient=True)
            if listed_at < attempt.at + STALE:
                # Told by now, but not given up: what is noted as failed, the next process asks for at once.
                again = attempt.at + STALE if self._retry_delays else None
                return Permission(granted=False, reason=_absent(attempt), look_again=again)
            attempt = self._given_up(server_id, attempt)
            if not attempt.watched:  # whoever asked is gone; this process did not try yet
                return Permission(granted=True)
        if attempt.tries > len(self._retry_delays):
            return Permission(granted=False, reason=attempt.reason)
        again = attempt.at + self._retry_delays[attempt.tries - 1]
        return Permission(granted=listed_at >= again, reason=attempt.reason, look_again=again)

    def awaited(self, server_id: Id, listed_at: datetime) -> Permission:
        """Whether anything may be done by a list that lacks what was asked for last, for another slot.

        It is older than it says. Another slot would also take the place of that one in this memory: if a clock that was
        set led to it, the first one would be asked for twice when the clock gets there again (S7).
        """
        attempt = self.last(server_id)
        if attempt is None or listed_at >= attempt.at + STALE:
            return Permission(granted=True)
        return _late(listed_at)

    def _given_up(self, server_id: Id, attempt: Attempt) -> Attempt:
        """An uncertain create that a later list does not show has failed."""
        self.move(server_id, attempt, Result.FAILED, attempt.at, _absent(attempt))
        return self._last[server_id]

    def _may_appear(self, attempt: Attempt, now: datetime) -> bool:
        """Whether too little was seen yet to say that an uncertain create came to nothing.

        Two lists, however long that takes. Who did not send it knows less.
        """
        return attempt.absences < 2 or now < attempt.at + self._settled(attempt)

    def _settled(self, attempt: Attempt) -> timedelta:
        """After how long a list that does not show it is proof."""
        return self._settle if attempt.watched else max(self._settle, STALE)

    def _vanished(self, attempt: Attempt, listed_at: datetime) -> Permission:
        if listed_at < attempt.at + self._settled(attempt):
            return _late(listed_at)
        if not attempt.watched:  # no list is that late: somebody deleted it
            return Permission(granted=True)
        reason = "the API accepted it, but its list does not show it any more: was it deleted by hand? Not taken again"
        return Permission(granted=False, reason=reason)


def _late(listed_at: datetime) -> Permission:
    reason = "asked for, and not in the API's list yet"
    return Permission(granted=False, reason=reason, look_again=listed_at, patient=True, cleanup=False)


def _absent(attempt: Attempt) -> str:
    return f"{attempt.reason or 'the request was lost'}; the list shows that nothing was created"


class Deletions:
    """What was deleted last of every server: a list that still shows it is older than it says.

    The document does not say when a list shows a change; what is decided on such a list would be decided on the past.
    """

    def __init__(self) -> None:
        self._last: dict[Id, tuple[Id, datetime]] = {}
        self._room: dict[Id, tuple[datetime, Id]] = {}

    def remember(self, deleted: Mapping[Id, tuple[Id, datetime]], rooms: Mapping[Id, tuple[datetime, Id]]) -> None:
        """Go on with what earlier processes left."""
        self._last |= deleted
        self._room |= rooms

    def take_over(self, other: Deletions) -> None:
        """Go on with what another engine of this process knows."""
        self._last, self._room = other._last, other._room

    def shift(self, jump: timedelta) -> None:
        """The clock was set."""
        self._last |= {server_id: (deleted, at + jump) for server_id, (deleted, at) in list(self._last.items())}

    def note(self, server_id: Id, snapshot_id: Id, now: datetime) -> None:
        """The API said that it deleted the snapshot."""
        self._last[server_id] = (snapshot_id, now)

    def note_room(self, server_id: Id, slot: datetime, victim: Id) -> None:
        """A restore point is about to be given up for `slot`."""
        self._room[server_id] = slot, victim

    def gave_room(self, server_id: Id, slot: datetime | None, victim: Id | None) -> bool:
        """Whether another one than `victim` was given up for this slot: one is enough, whoever took its place.

        The same one again is no second: if its delete failed, it is still there.
        """
        given_for, given = self._room.get(server_id, (None, None))
        return slot is not None and given_for == slot and given != victim

    def objection(self, server_id: Id, observation: Observation) -> Permission | None:
        """Why nothing may be decided on this list: it still shows what was deleted."""
        deleted, at = self._last.get(server_id, (None, observation.taken_at))
        found = [snapshot for snapshot in observation.snapshots if snapshot.id == deleted]
        if not found or observation.taken_at >= at + FORGOTTEN:
            return None
        reason = f"the list still shows {found[0].name}, which was deleted at {at:%H:%M:%SZ}"
        return Permission(granted=False, reason=reason, patient=observation.taken_at < at + STALE, cleanup=False)


class Told:
    """Remembers what was said of each server, so that a lasting condition is logged once and a new one at once."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, Id], frozenset[tuple[str, str]]] = {}
        self.count = 0
        """How many news there were in all."""

    def take_over(self, other: Told) -> None:
        """Go on with what another engine of this process said."""
        self._said |= other._said

    def news(self, topic: str, server_id: Id, conditions: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the conditions (kind, words) that were not true with these words the last time."""
        before = self._said.get((topic, server_id), frozenset())
        self._said[topic, server_id] = frozenset(conditions)
        news = [each for each in conditions if each not in before]
        self.count += len(news)
        return news
