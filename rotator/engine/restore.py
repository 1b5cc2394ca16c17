"""Puts a server back to a restore point, with rotation held off it from before the safety snapshot to the end.

Only ever called for a person; the daemon and the one-shot never restore.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from rotator.engine.holds import RESTORING, SETTLE
from rotator.engine.lease import LONGEST, RENEWAL, Interlock, Lease
from rotator.engine.ledger import Intent, Result
from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.record import new_key
from rotator.errors import ApiError, MaybeCreatedError, RotatorError, UnreadableError
from rotator.logs import Event, logger
from rotator.model import CAP, Cause, Id, Observation, Snapshot, State, Verb
from rotator.naming import printable, snapshot_name

IN_FLIGHT = timedelta(minutes=3)
"""How long a call of another process, begun before the hold was seen, may take to end."""


class RestoreApi(SnapshotApi, Protocol):
    """What a restore needs of the API besides."""

    def restore_snapshot(self, snapshot_id: Id) -> str:
        """Overwrite the snapshot's server; returns the API's message."""
        ...


class Ending(Enum):
    """How a restore that was accepted went on."""

    OVER = "over"
    STARTED = "started"
    """Not waited for."""
    UNKNOWN = "unknown"
    """The server is still being restored, or cannot be looked at."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, and how long a snapshot in progress is waited for."""

    poll: timedelta
    patience: timedelta


class Restore:
    """One restore. `say` gets what happens, in words, as it happens.

    `check` raises if by now somebody rotates who would not see the hold.
    """

    def __init__(
        self,
        api: RestoreApi,
        ledger: Interlock,
        clock: Clock,
        sleep: Callable[[float], None],
        say: Callable[[str], None],
        check: Callable[[], None],
        pace: Pace,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._clock = clock
        self._sleep = sleep
        self._say = say
        self._check = check
        self._pace = pace
        self._lease = Lease(ledger, clock)
        self._may_have_begun = False

    @property
    def may_have_begun(self) -> bool:
        """Whether the API was asked to restore, so that rotation stays away whatever becomes of this process."""
        return self._may_have_begun

    def run(self, target: Snapshot, *, prefix: str, safety: bool, wait: bool) -> Ending:
        """Hold rotation off, make the server safe, restore, follow; raises what went wrong before the restore began."""
        self._lift_what_is_over(target.server_id)
        self._lease.take(target)
        try:
            self._alone(target.server_id)
            self._make_safe(target, prefix, safety=safety)
            self._lease.renew()
            self._alone(target.server_id)
            self._present(target, self._look(target))
            message = self._request(target)
        except BaseException:
            if self._may_have_begun:  # rotation stays away until the API says otherwise
                self._extended()
            else:
                self._lease.lift()
            raise
        self._extended()
        self._say(f"{printable(message)}; it takes 5 to 15 minutes")
        return self._followed(target) if wait else Ending.STARTED

    def _lift_what_is_over(self, server_id: Id) -> None:
        """A restore that nobody waited for, while no daemon runs, leaves its hold behind."""
        before = self._ledger.holds().get(server_id)
        settled = before is not None and before.requested and self._clock() - before.since > SETTLE
        if before is not None and settled and self._status(server_id) not in (None, RESTORING):
            self._ledger.lift(before)

    def _extended(self) -> None:
        """The restore has begun, or may have: rotation stays away until the API says that it is over."""
        if not self._lease.extend(requested=True):
            self._say("rotation may go on before the restore is over, for that cannot be written down: stop it")

    def _rest(self, seconds: float) -> None:
        """Wait, and keep the hold in force meanwhile."""
        self._sleep(min(seconds, RENEWAL.total_seconds()))
        self._lease.keep()

    def _alone(self, server_id: Id) -> None:
        """Nobody rotates who does not see the hold, and calls that were on their way before it came to their end."""
        self._check()
        deadline = self._clock() + IN_FLIGHT
        while (intents := self._ledger.open_intents(server_id)) != ():
            if intents is None:
                raise RotatorError("what another rotator does cannot be read (see the log): nothing was restored")
            if self._clock() > deadline:
                raise RotatorError(
                    "a call of another rotator for this server does not end: nothing was restored; try later"
                )
            self._rest(1.0)

    def _make_safe(self, target: Snapshot, prefix: str, *, safety: bool) -> None:
        """Nothing is in progress any more, and the server as it is now can be had back, if there was room."""
        seen = self._calm(target)
        if safety and len(seen.snapshots) < CAP:
            self._take(target, prefix)

    def _calm(self, target: Snapshot) -> Observation:
        """The server's list, once nothing is in progress there."""
        deadline = self._clock() + self._pace.patience
        said = False
        while busy := _in_progress(seen := self._look(target)):
            if self._clock() > deadline:
                raise RotatorError(f"{busy} is still in progress: nothing was restored; try again once it has ended")
            if not said:
                self._say(f"waiting until {printable(busy)} is complete")
            said = True
            self._rest(self._pace.poll.total_seconds())
        self._present(target, seen)
        return seen

    def _look(self, target: Snapshot) -> Observation:
        return observe_one(self._api, target.server_id, self._clock)

    def _present(self, target: Snapshot, seen: Observation) -> None:
        rows = [each for each in seen.snapshots if each.id == target.id]
        if not rows or rows[0].state is not State.COMPLETED:
            raise RotatorError(f"{target.name} is not there any more as a restore point: nothing was restored")

    def _take(self, target: Snapshot, prefix: str) -> None:
        """The safety snapshot, complete; whatever goes wrong with it, nothing is restored."""
        now = self._clock().replace(microsecond=0)
        name = snapshot_name(prefix, now)
        reason = f"the server as it was before {target.name} was restored"
        key = self._begin(target, Verb.CREATE.value, Cause.SLOT.value, name, reason, slot=now)
        self._say(f"taking a safety snapshot, {name}")
        try:
            made = self._api.create_snapshot(target.server_id, name, "before a restore")
            self._ledger.end(key, Result.SENT, self._clock(), snapshot_id=made.id)
        except MaybeCreatedError as error:
            self._ledger.end(key, Result.UNCERTAIN, self._clock(), detail=str(error))
        except RotatorError as error:
            self._ledger.end(key, Result.FAILED, self._clock(), detail=str(error))
            raise
        self._complete(target, name, key, now)

    def _complete(self, target: Snapshot, name: str, key: str, begun: datetime) -> None:
        deadline = begun + self._pace.patience
        while True:
            states = {each.state for each in self._look(target).snapshots if each.name == name}
            now = self._clock()
            if State.COMPLETED in states:
                self._ledger.end(key, Result.COMPLETED, now, took=now - begun)
                return
            if State.FAILED in states or now > deadline:
                detail = "it failed" if State.FAILED in states else "it does not become complete"
                if State.FAILED in states:
                    self._ledger.end(key, Result.FAILED, now, detail=detail)
                raise RotatorError(
                    f"safety snapshot {name}: {detail}; nothing was restored. To go ahead without one: --no-safety"
                )
            self._rest(self._pace.poll.total_seconds())

    def _request(self, target: Snapshot) -> str:
        reason = "asked for by hand"
        fields = {"server_id": target.server_id, "server": target.server_name, "snapshot": target.name}
        if not self._lease.extend(requested=False):
            raise RotatorError("rotation is not held off this server any more (see the log): nothing was restored")
        logger().warning(Event.SNAPSHOT_RESTORE_REQUESTED, **fields, snapshot_id=target.id, reason=reason)
        key = self._begin(target, "restore", "by_hand", target.name, reason, snapshot_id=target.id)
        self._may_have_begun = True
        try:
            message = self._api.restore_snapshot(target.id)
        except RotatorError as error:
            self._may_have_begun = isinstance(error, UnreadableError)
            result = Result.UNCERTAIN if self._may_have_begun else Result.FAILED
            self._ledger.end(key, result, self._clock(), detail=str(error))
            raise
        self._ledger.end(key, Result.DONE, self._clock())
        return message

    def _begin(
        self,
        target: Snapshot,
        verb: str,
        cause: str,
        name: str,
        reason: str,
        slot: datetime | None = None,
        snapshot_id: Id | None = None,
    ) -> str:
        key = new_key()
        intent = Intent(
            key,
            self._clock(),
            target.server_id,
            target.server_name,
            "",
            verb,
            cause,
            name,
            reason,
            "restore",
            slot=slot,
            snapshot_id=snapshot_id,
        )
        self._ledger.begin([intent])
        return key

    def _followed(self, target: Snapshot) -> Ending:
        """Wait until the API says that the server is no longer being restored; then rotation may go on."""
        begun = self._clock()
        seen_restoring = False
        while self._clock() - begun < LONGEST:
            status = self._status(target.server_id)
            seen_restoring = seen_restoring or status == RESTORING
            if status not in (None, RESTORING) and (seen_restoring or self._clock() - begun > SETTLE):
                self._lease.lift()
                self._say(f"the server is {printable(status or '')} again; rotation goes on")
                return Ending.OVER
            self._rest(self._pace.poll.total_seconds())
        return Ending.UNKNOWN

    def _status(self, server_id: Id) -> str | None:
        """The API's word for how the server is; None if it cannot be had now."""
        try:
            rows = self._api.servers()
        except ApiError:
            return None
        return next((row.status for row in rows if row.id == server_id), None)


def _in_progress(seen: Observation) -> str:
    """The name of a snapshot in progress, if there is one."""
    return next((each.name for each in seen.snapshots if each.state is State.IN_PROGRESS), "")
