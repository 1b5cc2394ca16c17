"""One pass for many servers: observe → plan → act in parallel. Level-triggered: a restart misses nothing."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from structlog.contextvars import bound_contextvars

from rotator.engine.act import Actor
from rotator.engine.aside import Aside, Done, Threads
from rotator.engine.holds import Holds
from rotator.engine.informed import informed
from rotator.engine.ledger import Intent, Ledger, NoLedger, Result
from rotator.engine.memory import Attempts, Deletions, Permission, Told
from rotator.engine.observe import Clock, Seen, SnapshotApi, observe
from rotator.engine.outcomes import RECHECK, Outcomes
from rotator.engine.pool import Circuit, Pool, Workers, isolated
from rotator.engine.quiet import GLANCE, Quieting, RunHook, no_hooks
from rotator.engine.record import intent_of, new_key
from rotator.engine.report import Outcome, Report
from rotator.engine.steady import SteadyClock
from rotator.engine.step import Step, next_action
from rotator.engine.tell import tell_outcome, tell_plan
from rotator.engine.track import track
from rotator.errors import RotatorError, UnavailableError
from rotator.logs import Event, is_silent, logger
from rotator.model import Action, Cause, Id, Observation, Plan, Policy, Sign, Verb
from rotator.planner import plan

RETRY_DELAYS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=45))
"""When the daemon tries a failed slot again; a one-shot has none and leaves it to its next run."""

LAST_CALLS = 4.0
"""Seconds after a stop in which what is under way beside the passes may end."""

FAREWELL = 5.5
"""Seconds after a stop in which `after` commands are run; one that is not done by then runs at the next start."""

LEAST_FAREWELL = 1.0

LEAST_SETTLE = timedelta(seconds=10)
"""However often rotator looks, it gives a list this long to show what was created."""

Decide = Callable[[Policy, Observation, datetime], Plan]
"""`plan`, or another way to decide about one server."""


class Engine:
    """Runs passes; remembers only what S7, retry delays and telling things once need.

    `ledger` keeps what has to outlast the process, `run_hook` runs the commands around snapshots, `beat` is called
    while a pass makes progress, and `by` is the command that works, for the history. `workers` make the calls of a
    pass in place of `parallel` threads. `monotonic` counts seconds, those in which the machine slept as well.
    """

    def __init__(
        self,
        api: SnapshotApi,
        clock: Clock,
        monotonic: Callable[[], float],
        *,
        parallel: int,
        poll_interval: timedelta,
        retry_delays: tuple[timedelta, ...] = RETRY_DELAYS,
        stopping: threading.Event | None = None,
        ledger: Ledger | None = None,
        run_hook: RunHook = no_hooks,
        beat: Callable[[], None] = lambda: None,
        by: str = "run",
        aside: Aside | None = None,
        workers: Workers | None = None,
    ) -> None:
        clock = self._clock = SteadyClock(clock, monotonic)
        self._api = api
        self._by = by
        self._recheck = RECHECK if retry_delays else None
        self._ledger = ledger or NoLedger()
        self._pool: Workers = workers or Pool(parallel, stopping or threading.Event(), beat)
        self._attempts = Attempts(retry_delays, settle=max(2 * poll_interval, LEAST_SETTLE), ledger=self._ledger)
        self._deletions = Deletions()
        self._quieting = Quieting(run_hook, self._ledger, clock, self._attempts, lasting=bool(retry_delays))
        self._actor = Actor(api, clock, self._attempts, self._deletions, self._ledger, self._quieting)
        self._holds = Holds(api, clock, self._ledger)
        self._outcomes = Outcomes(clock, poll_interval, self._recheck)
        self._told = Told()
        self._stopping = stopping or threading.Event()
        self._aside: Aside = aside or Threads()
        self._aside_steps: dict[Id, Step] = {}
        self._aside_done: dict[Id, Done] = {}
        self._handed_over = False
        past = self._ledger.past()
        self._attempts.remember(past.attempts)
        self._deletions.remember(past.deletions, past.rooms)

    def run_pass(self, policies: Sequence[Policy], requested: datetime | None = None) -> Report:
        """Look at the servers of `policies`, plan, and make at most one call that changes something for each (S4).

        `requested` is a slot to take whether or not one is due. Nothing is raised for trouble with the API: it is
        in the report.
        """
        self._follow_clock()
        pass_id = os.urandom(6).hex()
        # A silent one is one of thousands of a simulation, where the context costs more than it tells.
        with nullcontext() if is_silent() else bound_contextvars(pass_id=pass_id):
            begun, told = self._clock(), self._told.count
            logger().debug(Event.PASS_STARTED, servers=len(policies))
            circuit = Circuit()
            self._holds.refresh(self._pool)
            self._collect(circuit)
            busy = self._aside.busy()
            unfit = {*busy, *self._aside_done}
            free = [each for each in policies if each.server_id not in unfit]
            seen = self._observe(free, circuit)
            looked = {policy.server_id: self._planned(policy, found, requested) for policy, found in seen}
            steps = {server_id: step for server_id, step in looked.items() if isinstance(step, Step)}
            self._pay_debts(steps, free, busy)
            results = self._act(steps, circuit, pass_id)
            self._collect(circuit)
            self._outcomes.note_account(circuit)
            owed = self._quieting.owed()
            outcomes = tuple(self._outcome(policy, looked, results, circuit, owed) for policy in policies)
            report = Report(outcomes, circuit.error)
            for outcome in outcomes:
                tell_outcome(outcome, self._told)
            self._summarise(report, begun, news=self._told.count > told)
            return report

    def look_at_debts(self) -> None:
        """Between passes: have the `after` commands run whose time is over, whoever's servers they are about."""
        self._follow_clock()
        self._collect(Circuit())
        self._pay_debts({}, (), self._aside.busy())

    def survey(self, policies: Sequence[Policy], decide: Decide) -> Report:
        """Look and decide, but change nothing: a pass that sends GET only (S10)."""
        self._follow_clock()
        circuit = Circuit()
        self._holds.read()
        seen = self._observe(policies, circuit)
        owed = self._quieting.overdue()
        outcomes = (self._surveyed(policy, found, decide, circuit, owed) for policy, found in seen)
        return Report(tuple(outcomes), circuit.error)

    def take_over(self, other: Engine) -> None:
        """Go on where the engine of an earlier configuration stopped."""
        self._follow_clock()
        other._follow_clock()
        self._clock.join(other._clock)
        self._attempts.take_over(other._attempts)
        self._deletions.take_over(other._deletions)
        self._quieting.take_over(other._quieting)
        self._holds.take_over(other._holds)
        self._told.take_over(other._told)
        self._aside.close()
        self._aside, other._handed_over = other._aside, True
        other._collect(Circuit())
        going_on = self._aside.busy()
        self._aside_steps = {key: step for key, step in other._aside_steps.items() if key in going_on}

    def owed(self) -> Mapping[Id, str]:
        """The servers whose `after` command failed, and what to say of each."""
        return self._quieting.owed()

    def let_go(self) -> None:
        """End: wait for hooks, and run the `after` commands that are owed; after a stop, for a few seconds at most."""
        while self._aside.busy() and self._seconds_left(LAST_CALLS) > 0:
            self._aside.wait(min(self._seconds_left(LAST_CALLS), GLANCE))
            self._aside.ended()
        at_least = time.monotonic() + LEAST_FAREWELL
        self._quieting.farewell(
            self._aside.busy(), lambda: max(self._seconds_left(FAREWELL), at_least - time.monotonic())
        )

    def _follow_clock(self) -> None:
        """What was noted by the machine's clock moves along when that is set."""
        if jump := self._clock.follow():
            self._attempts.shift(jump)
            self._deletions.shift(jump)
            self._quieting.shift(jump)

    def _seconds_left(self, limit: float) -> float:
        """Of `limit` seconds since the stop; endless without one."""
        return limit - self._pool.since_stop() if self._stopping.is_set() else math.inf

    def close(self) -> None:
        """Let the worker threads go."""
        self._pool.close()
        if not self._handed_over:
            self._aside.close()

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

    def _surveyed(
        self, policy: Policy, found: Seen, decide: Decide, circuit: Circuit, owed: Mapping[Id, str]
    ) -> Outcome:
        if not isinstance(found, Observation):
            return self._outcomes.of_unseen(policy, found, circuit)
        informed = isolated(lambda observation: self._informed(decide, policy, observation), found)
        if isinstance(informed, RotatorError):
            return self._outcomes.of_unseen(policy, informed, circuit)
        planned, eta = informed
        step = Step(policy, found, planned, Permission(granted=True), None, eta=eta)
        return self._outcomes.of_step(step, False, circuit, owed.get(policy.server_id))

    def _informed(self, decide: Decide, policy: Policy, observation: Observation) -> tuple[Plan, datetime | None]:
        """The plan with what the ledger adds to it, and when the snapshot in progress should be done."""
        now = self._clock()
        planned = decide(policy, observation, now)
        hold = self._holds.of(policy.server_id)
        usual = self._ledger.usual(policy.server_id) if planned.waiting else None
        return informed(planned, policy, observation, now, usual, hold)

    def _step(self, policy: Policy, observation: Observation, requested: datetime | None) -> Step:
        planned, eta = self._informed(lambda rules, seen, now: plan(rules, seen, now, requested), policy, observation)
        tell_plan(policy, planned, self._told)
        news = track(self._attempts, policy, planned, observation, self._clock())
        permission = self._permission(policy, planned, observation, missing=news.missing)
        action = next_action(planned, permission)
        key = new_key() if action else ""
        return Step(policy, observation, planned, permission, action, requested, key, eta, news.finished, news.found)

    def _permission(self, policy: Policy, planned: Plan, observation: Observation, *, missing: bool) -> Permission:
        """Whether what is planned may be done now, by what was done before."""
        objection = self._deletions.objection(policy.server_id, observation)
        again = None if self._recheck is None else observation.taken_at + self._recheck
        if objection is not None:
            return replace(objection, look_again=again)
        victims = [action.snapshot_id for action in planned.actions[:1] if action.cause is Cause.ROOM]
        if any(self._deletions.gave_room(policy.server_id, planned.slot, victim) for victim in victims):
            reason = "a restore point was given up for this slot, and its place is taken again: by whom?"
            return Permission(granted=False, reason=reason, look_again=again)
        # A slot that failed is a failure still when `grace` is over.
        missed = any(notice.sign is Sign.MISSED for notice in planned.notices)
        failed = missed and self._attempts.is_open(policy.server_id, planned.slot)
        wanted = planned.slot if planned.due or failed else None
        if missing and self._attempts.of(policy.server_id, wanted) is None:
            return self._attempts.awaited(policy.server_id, observation.taken_at)
        if wanted is not None:
            return self._attempts.permission(policy.server_id, wanted, observation.taken_at)
        return Permission(granted=True)

    def _collect(self, circuit: Circuit) -> None:
        """Keep what became of the calls beside the passes until the next pass that is about their servers."""
        done = self._aside.ended()
        calls = {server_id: each for server_id, each in done.items() if server_id in self._aside_steps}
        self._aside_done |= calls
        for each in calls.values():
            if isinstance(each, RotatorError):
                circuit.note(each)

    def _pay_debts(self, steps: Mapping[Id, Step], policies: Sequence[Policy], busy: Collection[Id]) -> None:
        """Have the `after` commands run whose snapshot came to its end, or whose time is over."""
        seen = {server_id: step.observation for server_id, step in steps.items()}
        # The call of a server that left the configuration is over, and no pass will ask what became of it.
        under_way = self._aside_steps.keys() - self._aside_done.keys()
        due = self._quieting.due(seen, {policy.server_id for policy in policies}, {*busy, *under_way})
        for server_id, debts in due.items():
            self._aside.start(server_id, partial(self._quieting.pay_all, debts), urgent=True)

    def _act(self, steps: Mapping[Id, Step], circuit: Circuit, pass_id: str) -> dict[Id, Done]:
        """Make the calls; every one of them is written down before the first is sent.

        A call with commands around it is made beside the pass: its result comes with a later one.
        """
        active = [step for step in steps.values() if step.action]
        if not active:
            return {}
        busy = self._aside.busy()
        active = [step for step in active if step.policy.server_id not in busy]
        slow = [step for step in active if _has_hooks(step)]
        quick = [step for step in active if not _has_hooks(step)]
        for step in slow:
            self._aside_steps[step.policy.server_id] = step
            self._aside.start(step.policy.server_id, partial(self._act_aside, step, pass_id))
        if not quick:
            return {}
        self._ledger.begin([self._intent(step, step.action, pass_id) for step in quick if step.action])
        results = self._pool.each(self._actor.act, quick, circuit)
        for step in quick:
            if step.key not in self._actor.begun:
                self._ledger.end(step.key, Result.NOT_SENT, self._clock())
        self._actor.begun.clear()
        return {step.policy.server_id: result for step, result in zip(quick, results, strict=True)}

    def _act_aside(self, step: Step, pass_id: str) -> bool | None:
        """Make a call with commands around it, when its turn has come."""
        if self._stopping.is_set() or step.action is None:
            return None
        if self._handed_over:  # another configuration is in force by now: it may want something else
            return False
        self._ledger.begin([self._intent(step, step.action, pass_id)])
        return self._actor.act(step)

    def _intent(self, step: Step, action: Action, pass_id: str) -> Intent:
        created = action.verb is Verb.CREATE
        attempt = self._attempts.tries(step.policy.server_id, step.plan.slot) + 1 if created else 1
        now = self._clock()
        return intent_of(step.policy, step.plan, action, step.key, now, self._by, attempt=attempt, pass_id=pass_id)

    def _outcome(
        self,
        policy: Policy,
        looked: Mapping[Id, Step | RotatorError | None],
        results: Mapping[Id, Done],
        circuit: Circuit,
        owed: Mapping[Id, str],
    ) -> Outcome:
        server_id = policy.server_id
        found = looked.get(server_id)
        result = results.get(server_id, False)
        if server_id in self._aside_done:
            found, result = self._aside_steps.pop(server_id), self._aside_done.pop(server_id)
        elif server_id in self._aside.busy() or server_id not in looked:  # its hooks ended during this very pass
            return self._outcomes.of_busy(policy, found if isinstance(found, Step) else None, owed.get(server_id))
        if not isinstance(found, Step):
            return self._outcomes.of_unseen(policy, found, circuit)
        return self._outcomes.of_step(found, result, circuit, owed.get(server_id))

    def _summarise(self, report: Report, begun: datetime, *, news: bool) -> None:
        """One line for trouble of the whole account, one for the pass; a pass that only looked is not worth one."""
        if is_silent():
            return
        counts = report.counts()
        if report.error is not None:
            logger().error(Event.API_ERROR, reason=str(report.error), skipped=counts["skipped"])
        level = logging.INFO if report.acted or news or report.error else logging.DEBUG
        duration = round((self._clock() - begun).total_seconds(), 3)
        logger().log(level, Event.PASS_FINISHED, duration_s=duration, **counts)


def _has_hooks(step: Step) -> bool:
    """Whether commands run around the call of this step."""
    return step.policy.hooks is not None and step.action is not None and step.action.verb is Verb.CREATE
