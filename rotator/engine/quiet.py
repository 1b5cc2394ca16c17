"""Makes a server quiet for its snapshot and lets it go again: the commands of a policy's hooks, and when each runs.

An `after` command is a debt from before its `before` command starts, until it ran: whatever happens in between, a
crash included, somebody pays it. How a command is run is not known here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.engine.ledger import Debt, Ledger
from rotator.engine.memory import Attempts
from rotator.engine.observe import Clock
from rotator.errors import QuiesceError
from rotator.logs import Event, logger
from rotator.model import AfterWhen, Command, Hooks, Id, Observation, Policy, State

OWED = "the command after its snapshot has not succeeded: the server may still be quiet; see hook_failed in the log"

GLANCE = 0.2
"""Seconds between two looks at how much time is left."""

SLACK = timedelta(minutes=1)
"""How far a clock may be set back without a word."""

AGAIN = (timedelta(minutes=1), timedelta(minutes=15))
"""When an `after` command that failed is run again: the first four times, and from then on."""

SOON = 4

FORGOTTEN = timedelta(days=7)
"""After so long a command that never works is given up; until then the server counts as failing."""


@dataclass(frozen=True, slots=True)
class _Failure:
    count: int
    again: datetime


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command. `error` is empty if it ended with status 0; `output` is bounded and printable."""

    error: str = ""
    output: str = ""
    duration: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class HookCall:
    """A command that is to run, and what it is told. `phase` is before or after; `outcome` is of the snapshot."""

    phase: str
    command: Command
    timeout: timedelta
    server_id: Id
    server: str
    policy: str
    slot: datetime
    snapshot: str
    outcome: str = ""


RunHook = Callable[[HookCall], Ran]


def no_hooks(_call: HookCall) -> Ran:
    """For an engine that only looks: nothing is run."""
    return Ran()


class Quieting:
    """The hooks of an engine; used by many threads, each with a server of its own."""

    def __init__(self, run: RunHook, ledger: Ledger, clock: Clock, attempts: Attempts, *, lasting: bool = True) -> None:
        self._run_hook = run
        self._ledger = ledger
        self._clock = clock
        self._attempts = attempts
        self._lasting = lasting
        self._mine: set[str] = set()
        self._failures: dict[str, _Failure] = {}
        self._lock = threading.Lock()

    def take_over(self, other: Quieting) -> None:
        """Go on with what another engine of this process owes, and with what it may yet come to owe."""
        self._mine, self._failures, self._lock = other._mine, other._failures, other._lock

    def shift(self, jump: timedelta) -> None:
        """The clock was set."""
        with self._lock:
            for key, failure in self._failures.items():
                self._failures[key] = replace(failure, again=failure.again + jump)

    def prepare(self, policy: Policy, hooks: Hooks, slot: datetime, snapshot: str, key: str) -> None:
        """Run `before`; QuiesceError if it fails, after `after` ran for what it did."""
        if hooks.after is not None:
            now = self._clock()
            debt = Debt(
                key=key,
                server_id=policy.server_id,
                server=policy.server,
                policy=policy.name,
                snapshot=snapshot,
                slot=slot,
                command=hooks.after,
                timeout=hooks.timeout,
                since=now,
                until=now + policy.stuck_after,
                when=hooks.after_when,
            )
            self._ledger.owe(debt)
            with self._lock:
                self._mine.add(key)
        if hooks.before is None:
            return
        told = (policy.server_id, policy.server, policy.name, slot, snapshot)
        ran = self._run(HookCall("before", hooks.before, hooks.timeout, *told))
        if ran.error:
            self.release(key, "not_created")
            raise QuiesceError(f"the command before the snapshot failed: {ran.error}; no snapshot was asked for")

    def release(self, key: str, outcome: str) -> None:
        """Pay this debt now, if there is one."""
        for debt in self._ledger.debts():
            if debt.key == key:
                self.pay(debt, outcome)

    def pay(self, debt: Debt, outcome: str) -> None:
        """Run an `after` command; one that fails stays owed."""
        failed = bool(self._run(_call_of(debt, outcome)).error)
        now = self._clock()
        with self._lock:
            if failed and now < debt.since + FORGOTTEN:
                count = self._failures[debt.key].count + 1 if debt.key in self._failures else 1
                self._failures[debt.key] = _Failure(count, now + AGAIN[count > SOON])
                self._ledger.owe(replace(debt, failed=True))
                return
            self._failures.pop(debt.key, None)
            self._mine.discard(debt.key)
        self._ledger.settle(debt.key)

    def due(
        self, seen: Mapping[Id, Observation], servers: Collection[Id], busy: Collection[Id]
    ) -> dict[Id, list[tuple[Debt, str]]]:
        """The debts to pay now, by server, each with the outcome to tell: by what a list shows, or after too long.

        Debts that an earlier process left for `servers` are this process's from now on. What is being done for those
        in `busy` ends first.
        """
        debts = [debt for debt in self._ledger.debts() if debt.server_id not in busy]
        with self._lock:
            self._mine |= {debt.key for debt in debts if debt.server_id in servers}
        outcomes = [(debt, self._outcome(debt, seen.get(debt.server_id))) for debt in debts]
        # A server that is quiet for one snapshot is not let go for the sake of an older one.
        quiet = {debt.server_id for debt, outcome in outcomes if not outcome}
        due: dict[Id, list[tuple[Debt, str]]] = {}
        for debt, outcome in outcomes:
            if debt.server_id not in quiet and self._may_run(debt):
                due.setdefault(debt.server_id, []).append((debt, outcome))
        return due

    def pay_all(self, debts: Sequence[tuple[Debt, str]]) -> None:
        """Pay the debts of one server, one after the other."""
        for debt, outcome in debts:
            self.pay(debt, outcome)

    def owed(self) -> dict[Id, str]:
        """What to say of the servers whose `after` command failed and is still owed."""
        with self._lock:
            failed = set(self._failures)
        return {debt.server_id: OWED for debt in self._ledger.debts() if debt.key in failed}

    def overdue(self) -> dict[Id, str]:
        """For who only looks: the servers whose `after` command failed or is late, and what to say of each."""
        now = self._clock()
        late = (debt for debt in self._ledger.debts() if debt.failed or now >= debt.until + debt.timeout)
        return {debt.server_id: OWED for debt in late}

    def farewell(self, busy: Collection[Id], seconds_left: Callable[[], float]) -> None:
        """Pay what this process owes, since it ends: as long as there are seconds left."""
        with self._lock:
            mine = set(self._mine)
        # Where commands still run, `after` would come too early, or twice: it is left to the next start.
        debts = [each for each in self._ledger.debts() if each.key in mine and each.server_id not in busy]
        debts = [debt for debt in debts if self._may_run(debt)]
        if not debts:
            return
        executor = ThreadPoolExecutor(min(len(debts), 32), thread_name_prefix="rotator-farewell")
        pending = {executor.submit(copy_context().run, self.pay, debt, "interrupted") for debt in debts}
        while pending and (left := seconds_left()) > 0:
            _, pending = wait(pending, timeout=min(left, GLANCE))
        executor.shutdown(wait=False, cancel_futures=True)

    def _may_run(self, debt: Debt) -> bool:
        """Whether it did not fail just now; a one-shot leaves what fails to its next run."""
        with self._lock:
            failure = self._failures.get(debt.key)
        return failure is None or (self._lasting and self._clock() >= failure.again)

    def _outcome(self, debt: Debt, observation: Observation | None) -> str:
        """How the snapshot of a debt ended; empty while it has to be waited for."""
        now = self._clock()
        shown = _states(debt, observation)
        if State.IN_PROGRESS in shown and debt.when is AfterWhen.REQUESTED:
            return "requested"
        if shown and State.IN_PROGRESS not in shown:
            return "completed" if State.COMPLETED in shown else "failed"
        if not debt.since - SLACK <= now < debt.until:  # a clock that was set back must not hold a server either
            return "timed_out"
        if observation is None or shown or self._attempts.is_awaited(debt.server_id, debt.slot, now):
            return ""
        return "recovered"

    def _run(self, call: HookCall) -> Ran:
        ran = self._run_hook(call)
        say, event = (logger().error, Event.HOOK_FAILED) if ran.error else (logger().info, Event.HOOK_FINISHED)
        fields = {"server_id": call.server_id, "server": call.server, "policy": call.policy or None}
        say(
            event,
            **fields,
            slot=call.slot.isoformat(),
            snapshot=call.snapshot,
            phase=call.phase,
            outcome=call.outcome or None,
            duration_s=round(ran.duration.total_seconds(), 3),
            reason=ran.error or "ended well",
            output=ran.output,
        )
        return ran


def _states(debt: Debt, observation: Observation | None) -> set[State]:
    """What a list shows of the snapshot that a debt is about."""
    rows = observation.snapshots if observation else ()
    return {row.state for row in rows if row.name == debt.snapshot and row.server_id == debt.server_id}


def _call_of(debt: Debt, outcome: str) -> HookCall:
    """The `after` command that is owed, and what it is told."""
    told = (debt.server_id, debt.server, debt.policy, debt.slot, debt.snapshot, outcome)
    return HookCall("after", debt.command, debt.timeout, *told)
