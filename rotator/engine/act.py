"""The calls that change something: each is written down before and after, each leaves the memory that S7 needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from rotator.engine.ledger import Ledger, Result
from rotator.engine.memory import Attempts, Deletions
from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.quiet import Quieting
from rotator.engine.record import delete_recorded
from rotator.engine.step import Step, next_action
from rotator.engine.tell import server_fields, tell_deleted
from rotator.errors import (
    CredentialsError,
    MaybeCreatedError,
    QuiesceError,
    RotatorError,
    UnavailableError,
    UnreachableError,
)
from rotator.logs import Event, logger
from rotator.model import Action, AfterWhen, Cause, Observation, Verb
from rotator.planner import plan

OLDEST_LIST = timedelta(seconds=60)
"""A delete is decided on a list no older than this (S4)."""


class Actor:
    """Carries out one action of one server; used by many threads, each with a server of its own."""

    def __init__(
        self,
        api: SnapshotApi,
        clock: Clock,
        attempts: Attempts,
        deletions: Deletions,
        ledger: Ledger,
        quieting: Quieting,
    ) -> None:
        self._api = api
        self._clock = clock
        self._attempts = attempts
        self._deletions = deletions
        self._ledger = ledger
        self._quieting = quieting
        self.begun: set[str] = set()
        """The keys of the calls that were at least considered: of the others the ledger may say they were not sent."""

    def act(self, step: Step) -> bool:
        """Make the step's call; False if by now something else is to be done. Raises what the API raises."""
        if step.action is None:
            return False
        self.begun.add(step.key)
        if self._is_held(step):
            return self._not_sent(step)
        return self._create(step, step.action) if step.action.verb is Verb.CREATE else self._delete(step, step.action)

    def _is_held(self, step: Step) -> bool:
        """Whether a person restores the server by now.

        Looked at after the intent was written down: a restore writes its hold first and then looks for intents.
        """
        return step.policy.server_id in self._ledger.holds()

    def _not_sent(self, step: Step) -> bool:
        self._ledger.end(step.key, Result.NOT_SENT, self._clock())
        return False

    def _delete(self, step: Step, action: Action) -> bool:
        if action.snapshot_id is None or not self._still_planned(step, action):
            return False
        if action.cause is Cause.ROOM and step.plan.slot is not None:
            self._deletions.note_room(step.policy.server_id, step.plan.slot, action.snapshot_id)
        delete_recorded(self._api, self._ledger, self._clock, step.key, action.snapshot_id)
        self._deletions.note(step.policy.server_id, action.snapshot_id, self._clock())
        tell_deleted(step.policy, action)
        return True

    def _still_planned(self, step: Step, action: Action, *, anew: bool = False) -> bool:
        """Whether a list taken seconds ago, or `anew`, leads to this action (S4); if not, nothing is sent."""
        try:
            planned = (not anew and self._is_fresh(step.observation)) or self._looked_again(step, action)
        except RotatorError as error:
            self._ledger.end(step.key, Result.NOT_SENT, self._clock(), detail=str(error))
            raise
        return planned or self._not_sent(step)

    def _looked_again(self, step: Step, action: Action) -> bool:
        """Whether the action is right by a new list, in place of one that grew old."""
        renewed = observe_one(self._api, step.policy.server_id, self._clock)
        if not self._is_fresh(renewed):
            raise RotatorError(f"its list took longer than {OLDEST_LIST.seconds} s to come: nothing is done by it")
        if self._deletions.objection(step.policy.server_id, renewed):
            return False
        planned = plan(step.policy, renewed, self._clock(), step.requested)
        return next_action(planned, step.permission) == action

    def _is_fresh(self, observation: Observation) -> bool:
        return timedelta(0) <= self._clock() - observation.taken_at <= OLDEST_LIST

    def _create(self, step: Step, action: Action) -> bool:
        policy, slot = step.policy, step.plan.slot
        if slot is None or not self._still_planned(step, action):
            return False
        if policy.hooks is None:
            self._request(step, action, slot)
            return True
        try:
            self._quieting.prepare(policy, policy.hooks, slot, action.name, step.key)
        except QuiesceError as error:
            attempt = self._attempts.begin(policy.server_id, slot, self._clock(), step.key)
            self._attempts.move(policy.server_id, attempt, Result.FAILED, self._clock(), str(error))
            raise
        return self._request_quieted(step, action, slot)

    def _request_quieted(self, step: Step, action: Action, slot: datetime) -> bool:
        """The server is quiet now: whatever comes of it, it must not stay so."""
        outcome = "not_created"
        try:
            # Making it quiet took its time, and how long no clock can say: it may have been set meanwhile.
            if not self._still_planned(step, action, anew=True) or self._is_held(step):
                return self._not_sent(step)
            self._request(step, action, slot)
            outcome = "requested"
        except MaybeCreatedError:
            outcome = ""  # whether there is a snapshot to wait for, only a list can tell
            raise
        finally:
            hooks = step.policy.hooks
            if outcome == "not_created" or (outcome and hooks and hooks.after_when is AfterWhen.REQUESTED):
                self._quieting.release(step.key, outcome)
        return True

    def _request(self, step: Step, action: Action, slot: datetime) -> None:
        policy = step.policy
        before = self._attempts.last(policy.server_id)
        attempt = self._attempts.begin(policy.server_id, slot, self._clock(), step.key)
        fields = {**server_fields(policy), "slot": slot.isoformat(), "snapshot": action.name, "attempt": attempt.tries}
        logger().info(Event.SNAPSHOT_CREATE_REQUESTED, **fields, reason=action.reason)
        try:
            made = self._api.create_snapshot(policy.server_id, action.name, policy.description)
        except MaybeCreatedError as error:
            self._attempts.move(policy.server_id, attempt, Result.UNCERTAIN, self._clock(), str(error))
            logger().warning(Event.API_ERROR, **fields, reason=str(error))
            raise
        except (UnreachableError, UnavailableError, CredentialsError) as error:
            # Not taken in at all: of a create, "unavailable" can only mean 429.
            self._attempts.undo(policy.server_id, before)
            self._ledger.end(step.key, Result.NOT_SENT, self._clock(), detail=str(error))
            raise
        except RotatorError as error:
            self._attempts.move(policy.server_id, attempt, Result.FAILED, self._clock(), str(error))
            raise
        self._attempts.move(policy.server_id, attempt, Result.SENT, self._clock(), snapshot_id=made.id)
        logger().info(Event.SNAPSHOT_CREATED, **fields, snapshot_id=made.id, adopted=False)
