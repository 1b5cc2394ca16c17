"""One pass for many servers: observe → plan → act in parallel. Level-triggered: a restart misses nothing."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from structlog.contextvars import bound_contextvars

from rotator.engine.act import Actor
from rotator.engine.memory import Attempts, Deletions, Permission, Told
from rotator.engine.observe import Clock, Seen, SnapshotApi, observe
from rotator.engine.pool import Circuit, Pool, isolated
from rotator.engine.report import Kind, Outcome, Report
from rotator.engine.step import Step, next_action
from rotator.engine.tell import PROBLEMS, tell_outcome, tell_plan
from rotator.engine.track import track
from rotator.errors import MaybeCreatedError, RotatorError, UnavailableError
from rotator.logs import Event, logger
from rotator.model import Cause, Observation, Plan, Policy, Sign, Verb
from rotator.planner import plan

RETRY_DELAYS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=45))
"""When the daemon tries a failed slot again; a one-shot has none and leaves it to its next run."""

RECHECK = timedelta(minutes=5)
"""When the daemon looks again at a server that is blocked or whose calls fail."""

FIRST_OUTAGE_WAIT = timedelta(seconds=15)
"""How long an account is left alone after its first failed pass; doubles up to `RECHECK`."""

Decide = Callable[[Policy, Observation, datetime], Plan]
"""`plan`, or another way to decide about one server."""


class Engine:
    """Runs passes; remembers only what S7, retry delays and telling things once need."""

    def __init__(
        self,
        api: SnapshotApi,
        clock: Clock,
        *,
        parallel: int,
        poll_interval: timedelta,
        retry_delays: tuple[timedelta, ...] = RETRY_DELAYS,
        stopping: threading.Event | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._poll_interval = poll_interval
        self._recheck = RECHECK if retry_delays else None
        self._pool = Pool(parallel, stopping or threading.Event())
        self._attempts = Attempts(retry_delays, settle=2 * poll_interval)
        self._deletions = Deletions()
        self._actor = Actor(api, clock, self._attempts, self._deletions)
        self._told = Told()
        self._outages = 0

    def run_pass(self, policies: Sequence[Policy], requested: datetime | None = None) -> Report:
        """Look at the servers of `policies`, plan, and make at most one call that changes something for each (S4).

        `requested` is a slot to take whether or not one is due. Nothing is raised for trouble with the API: it is
        in the report.
        """
        with bound_contextvars(pass_id=os.urandom(6).hex()):
            begun, told = self._clock(), self._told.count
            logger().debug(Event.PASS_STARTED, servers=len(policies))
            circuit = Circuit()
            seen = self._observe(policies, circuit)
            steps = [self._planned(policy, found, requested) for policy, found in seen]
            active = [step for step in steps if isinstance(step, Step) and step.action is not None]
            acted = self._pool.each(self._actor.act, active, circuit)
            results = {step.policy.server_id: result for step, result in zip(active, acted, strict=True)}
            self._outages = self._outages + 1 if circuit.error else 0
            outcomes = tuple(
                self._outcome(step, results.get(step.policy.server_id, False), circuit)
                if isinstance(step, Step)
                else self._unseen(policy, step, circuit)
                for (policy, _), step in zip(seen, steps, strict=True)
            )
            report = Report(outcomes, circuit.error)
            for outcome in outcomes:
                tell_outcome(outcome, self._told)
            self._summarise(report, begun, news=self._told.count > told)
            return report

    def survey(self, policies: Sequence[Policy], decide: Decide) -> Report:
        """Look and decide, but change nothing: a pass that sends GET only (S10)."""
        circuit = Circuit()
        seen = self._observe(policies, circuit)
        outcomes = (self._surveyed(policy, found, decide, circuit) for policy, found in seen)
        return Report(tuple(outcomes), circuit.error)

    def take_over(self, other: Engine) -> None:
        """Go on where the engine of an earlier configuration stopped."""
        self._attempts.take_over(other._attempts)
        self._deletions.take_over(other._deletions)
        self._told.take_over(other._told)

    def close(self) -> None:
        """Let the worker threads go."""
        self._pool.close()

    def _observe(self, policies: Sequence[Policy], circuit: Circuit) -> list[tuple[Policy, Seen]]:
        """What is known of every server; an API that shows none of them is trouble of the whole account."""
        seen = observe(self._api, policies, self._clock, self._pool, circuit)
        unavailable = [found for _, found in seen if isinstance(found, UnavailableError)]
        if len(unavailable) == len(seen) > 0 and circuit.error is None:
            circuit.error = unavailable[0]
        return seen

    def _planned(self, policy: Policy, found: Seen, requested: datetime | None) -> Step | RotatorError | None:
        if not isinstance(found, Observation):
            return found
        return isolated(lambda observation: self._step(policy, observation, requested), found)

    def _surveyed(self, policy: Policy, found: Seen, decide: Decide, circuit: Circuit) -> Outcome:
        if not isinstance(found, Observation):
            return self._unseen(policy, found, circuit)
        planned = isolated(lambda observation: decide(policy, observation, self._clock()), found)
        if isinstance(planned, RotatorError):
            return self._unseen(policy, planned, circuit)
        return self._outcome(Step(policy, found, planned, Permission(granted=True), None), False, circuit)

    def _step(self, policy: Policy, observation: Observation, requested: datetime | None) -> Step:
        now = self._clock()
        planned = plan(policy, observation, now, requested)
        tell_plan(policy, planned, self._told)
        track(self._attempts, policy, planned, observation, now)
        permission = self._permission(policy, planned, observation)
        return Step(policy, observation, planned, permission, next_action(planned, permission), requested)

    def _permission(self, policy: Policy, planned: Plan, observation: Observation) -> Permission:
        """Whether what is planned may be done now, by what this process did before."""
        objection = self._deletions.objection(policy.server_id, observation)
        again = None if self._recheck is None else observation.taken_at + self._recheck
        if objection is not None:
            return replace(objection, look_again=again)
        gives_room = any(action.cause is Cause.ROOM for action in planned.actions[:1])
        if gives_room and self._deletions.made_room(policy.server_id, planned.slot):
            reason = "a restore point was given up for this slot, and its place is taken again: by whom?"
            return Permission(granted=False, reason=reason, look_again=again)
        # A slot that failed is a failure still when `grace` is over.
        missed = any(notice.sign is Sign.MISSED for notice in planned.notices)
        failed = missed and self._attempts.is_open(policy.server_id, planned.slot)
        if planned.slot is not None and (planned.due or failed):
            return self._attempts.permission(policy.server_id, planned.slot, observation.taken_at)
        return Permission(granted=True)

    def _outcome(self, step: Step, result: bool | RotatorError | None, circuit: Circuit) -> Outcome:
        """What became of a server that was seen; `result` is False where there was nothing to call."""
        kind, reason, wait = self._standing(step, result, circuit)
        notices = [notice.text for notice in step.plan.notices if notice.sign in PROBLEMS]
        troubled = [reason] if kind in (Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED) else []
        return Outcome(
            step.policy,
            kind,
            reason,
            step.plan,
            step.observation,
            done=(step.action,) if result is True and step.action else (),
            problems=(*troubled, *notices),
            look_again=None if wait is None else self._clock() + wait,
        )

    def _standing(
        self, step: Step, result: bool | RotatorError | None, circuit: Circuit
    ) -> tuple[Kind, str, timedelta | None]:
        """How the server stands, why, and how long until it should be looked at again."""
        if step.action is not None:
            return self._standing_after_call(step, result, circuit)
        if step.plan.blocked:
            return Kind.BLOCKED, step.plan.blocked, self._recheck
        if step.plan.waiting:
            return Kind.WAITING, step.plan.waiting, self._poll_interval
        if step.permission.granted:
            return Kind.IDLE, "", None
        if step.permission.patient:
            return Kind.UNCERTAIN, step.permission.reason, self._poll_interval
        again = step.permission.look_again
        return Kind.FAILED, step.permission.reason, None if again is None else again - self._clock()

    def _standing_after_call(
        self, step: Step, result: bool | RotatorError | None, circuit: Circuit
    ) -> tuple[Kind, str, timedelta | None]:
        if isinstance(result, MaybeCreatedError):
            return Kind.UNCERTAIN, str(result), self._poll_interval
        if result is None or circuit.explains(result):
            return Kind.SKIPPED, str(circuit.error or "rotator is stopping"), self._outage_wait()
        if isinstance(result, RotatorError):
            return Kind.FAILED, str(result), self._recheck
        reason = step.action.reason if step.action else ""
        created = step.action is not None and step.action.verb is Verb.CREATE
        return Kind.ACTED, reason, self._poll_interval if created else timedelta(0)

    def _unseen(self, policy: Policy, found: RotatorError | None, circuit: Circuit) -> Outcome:
        """What became of a server without a usable list: nothing is done to it (S4)."""
        skipped = found is None or circuit.explains(found)
        reason = str(circuit.error or "rotator is stopping") if skipped else str(found)
        wait = self._outage_wait() if skipped else self._recheck
        kind = Kind.SKIPPED if skipped else Kind.FAILED
        again = None if wait is None else self._clock() + wait
        return Outcome(policy, kind, reason, problems=(reason,), look_again=again)

    def _outage_wait(self) -> timedelta | None:
        """Growing with every failed pass in a row; never for a one-shot."""
        growing = FIRST_OUTAGE_WAIT * (1 << min(max(self._outages - 1, 0), 10))
        return self._recheck and min(growing, self._recheck)

    def _summarise(self, report: Report, begun: datetime, *, news: bool) -> None:
        """One line for trouble of the whole account, one for the pass; a pass that only looked is not worth one."""
        counts = report.counts()
        if report.error is not None:
            logger().error(Event.API_ERROR, reason=str(report.error), skipped=counts["skipped"])
        level = logging.INFO if report.acted or news or report.error else logging.DEBUG
        duration = round((self._clock() - begun).total_seconds(), 3)
        logger().log(level, Event.PASS_FINISHED, duration_s=duration, **counts)
