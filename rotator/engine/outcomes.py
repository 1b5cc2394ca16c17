"""From a step and what its call gave to an outcome: how the server stands, and when to look again."""

from __future__ import annotations

from datetime import timedelta

from rotator.engine.observe import Clock
from rotator.engine.pool import Circuit
from rotator.engine.report import Kind, Outcome
from rotator.engine.step import Step
from rotator.engine.tell import PROBLEMS
from rotator.errors import MaybeCreatedError, RotatorError
from rotator.model import Policy, Sign, Verb

RECHECK = timedelta(minutes=5)
"""When the daemon looks again at a server that is blocked or whose calls fail."""

FIRST_OUTAGE_WAIT = timedelta(seconds=15)
"""How long an account is left alone after its first failed pass; doubles up to `RECHECK`."""

OWED_WAIT = timedelta(minutes=1)
"""When an `after` command that failed is run again."""

_NextLook = timedelta | None


class Outcomes:
    """Judges the servers of a pass; `recheck` is None for a one-shot, which leaves what fails to its next run."""

    def __init__(self, clock: Clock, poll_interval: timedelta, recheck: timedelta | None) -> None:
        self._clock = clock
        self._poll_interval = poll_interval
        self._recheck = recheck
        self._outages = 0

    def note_account(self, circuit: Circuit) -> None:
        """Whether the whole account was in trouble in this pass."""
        self._outages = self._outages + 1 if circuit.error else 0

    def of_step(
        self,
        step: Step,
        result: bool | RotatorError | None,
        circuit: Circuit,
        owed: str | None = None,
    ) -> Outcome:
        """What became of a server that was seen; `result` is False where there was nothing to call.

        `owed` are the words for an `after` command that failed and has to be run again.
        """
        kind, reason, wait = self._standing(step, result, circuit)
        if owed is not None and kind in (Kind.IDLE, Kind.ACTED):
            kind, reason, wait = Kind.FAILED, owed, self._recheck and OWED_WAIT
        troubled = [reason] if kind in (Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED) else []
        return Outcome(
            step.policy,
            kind,
            reason,
            step.plan,
            step.observation,
            done=tuple(each for each in (step.found, step.action if result is True else None) if each),
            problems=(*troubled, *_problems(step)),
            look_again=None if wait is None else self._clock() + wait,
            eta=step.eta,
            finished=step.finished,
        )

    def of_busy(self, policy: Policy, step: Step | None, owed: str | None) -> Outcome:
        """A server whose hooks run, beside the passes: nothing else is done to it meanwhile.

        `owed` are the words for an `after` command that failed and is being run again.
        """
        again = self._clock() + self._poll_interval
        kind, reason = (Kind.FAILED, owed) if owed else (Kind.UNCERTAIN, "its hooks are running")
        if step is None:
            return Outcome(policy, kind, reason, problems=(owed,) if owed else (), look_again=again)
        return Outcome(
            policy,
            kind,
            reason,
            step.plan,
            step.observation,
            done=(step.found,) if step.found else (),
            problems=(*([owed] if owed else []), *_problems(step)),
            look_again=again,
            eta=step.eta,
            finished=step.finished,
        )

    def of_unseen(self, policy: Policy, found: RotatorError | None, circuit: Circuit) -> Outcome:
        """What became of a server without a usable list: nothing is done to it (S4)."""
        skipped = found is None or circuit.explains(found)
        reason = str(circuit.error or "rotator is stopping") if skipped else str(found)
        wait = self._outage_wait() if skipped else self._recheck
        kind = Kind.SKIPPED if skipped else Kind.FAILED
        again = None if wait is None else self._clock() + wait
        return Outcome(policy, kind, reason, problems=(reason,), look_again=again)

    def _standing(
        self, step: Step, result: bool | RotatorError | None, circuit: Circuit
    ) -> tuple[Kind, str, _NextLook]:
        """How the server stands, why, and how long until it should be looked at again."""
        if step.action is not None:
            return self._standing_after_call(step, result, circuit)
        if step.plan.blocked:
            return Kind.BLOCKED, step.plan.blocked, self._recheck
        if step.plan.waiting:
            return Kind.WAITING, step.plan.waiting, self._poll_interval
        if step.permission.granted:
            # What is stuck may end after all, and then there is something to prune.
            return Kind.IDLE, "", self._recheck if _is_stuck(step) else None
        if step.permission.patient:
            return Kind.UNCERTAIN, step.permission.reason, self._poll_interval
        again = step.permission.look_again
        return Kind.FAILED, step.permission.reason, None if again is None else again - self._clock()

    def _standing_after_call(
        self, step: Step, result: bool | RotatorError | None, circuit: Circuit
    ) -> tuple[Kind, str, _NextLook]:
        if isinstance(result, MaybeCreatedError):
            return Kind.UNCERTAIN, str(result), self._poll_interval
        if result is None or circuit.explains(result):
            return Kind.SKIPPED, str(circuit.error or "rotator is stopping"), self._outage_wait()
        if isinstance(result, RotatorError):
            return Kind.FAILED, str(result), self._recheck
        reason = step.action.reason if step.action else ""
        created = step.action is not None and step.action.verb is Verb.CREATE
        return Kind.ACTED, reason, self._poll_interval if created else timedelta(0)

    def _outage_wait(self) -> timedelta | None:
        """Growing with every failed pass in a row; never for a one-shot."""
        growing = FIRST_OUTAGE_WAIT * (1 << min(max(self._outages - 1, 0), 10))
        return self._recheck and min(growing, self._recheck)


def _is_stuck(step: Step) -> bool:
    return any(notice.sign is Sign.STUCK for notice in step.plan.notices)


def _problems(step: Step) -> list[str]:
    """What of the plan's notices is a problem."""
    return [notice.text for notice in step.plan.notices if notice.sign in PROBLEMS]
