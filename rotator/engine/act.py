"""The calls that change something: each is logged, each leaves the memory that S7 needs behind it."""

from __future__ import annotations

from datetime import timedelta

from rotator.engine.memory import Attempts, Deletions, Stage
from rotator.engine.observe import Clock, SnapshotApi, observe_one
from rotator.engine.step import Step, next_action
from rotator.engine.tell import server_fields, tell_deleted
from rotator.errors import CredentialsError, MaybeCreatedError, RotatorError, UnavailableError, UnreachableError
from rotator.logs import Event, logger
from rotator.model import Action, Cause, Observation, Verb
from rotator.planner import plan

OLDEST_LIST = timedelta(seconds=60)
"""A delete is decided on a list no older than this (S4)."""


class Actor:
    """Carries out one action of one server; used by many threads, each with a server of its own."""

    def __init__(self, api: SnapshotApi, clock: Clock, attempts: Attempts, deletions: Deletions) -> None:
        self._api = api
        self._clock = clock
        self._attempts = attempts
        self._deletions = deletions

    def act(self, step: Step) -> bool:
        """Make the step's call; False if by now something else is to be done. Raises what the API raises."""
        if step.action is None:
            return False
        return self._create(step, step.action) if step.action.verb is Verb.CREATE else self._delete(step, step.action)

    def _delete(self, step: Step, action: Action) -> bool:
        if action.snapshot_id is None or not self._still_planned(step, action):
            return False
        if action.cause is Cause.ROOM and step.plan.slot is not None:
            self._deletions.note_room(step.policy.server_id, step.plan.slot)
        self._api.delete_snapshot(action.snapshot_id)
        self._deletions.note(step.policy.server_id, action.snapshot_id, self._clock())
        tell_deleted(step.policy, action)
        return True

    def _still_planned(self, step: Step, action: Action) -> bool:
        """Whether a list taken seconds ago leads to this action (S4); one that grew old in the queue is renewed."""
        if self._is_fresh(step.observation):
            return True
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
        before = self._attempts.last(policy.server_id)
        attempt = self._attempts.begin(policy.server_id, slot, self._clock())
        fields = {**server_fields(policy), "slot": slot.isoformat(), "snapshot": action.name, "attempt": attempt.tries}
        logger().info(Event.SNAPSHOT_CREATE_REQUESTED, **fields, reason=action.reason)
        try:
            made = self._api.create_snapshot(policy.server_id, action.name, policy.description)
        except MaybeCreatedError as error:
            self._attempts.move(policy.server_id, attempt, Stage.UNCERTAIN, self._clock(), str(error))
            logger().warning(Event.API_ERROR, **fields, reason=str(error))
            raise
        except (UnreachableError, UnavailableError, CredentialsError):
            # Not taken in at all: of a create, "unavailable" can only mean 429.
            self._attempts.undo(policy.server_id, before)
            raise
        except RotatorError as error:
            self._attempts.move(policy.server_id, attempt, Stage.FAILED, self._clock(), str(error))
            raise
        self._attempts.move(policy.server_id, attempt, Stage.SENT, self._clock())
        logger().info(Event.SNAPSHOT_CREATED, **fields, snapshot_id=made.id, adopted=False)
        return True
