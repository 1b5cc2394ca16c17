"""Runs the real engine by the real agenda through virtual days; what is decided, and how, is not known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.engine import Agenda, Engine, Kind, Outcome, Report
from rotator.engine.aside import Done
from rotator.engine.pool import InTurn
from rotator.model import Id, Plan, Policy, Sign, Verb
from rotator.simulate.account import VirtualAccount, VirtualClock
from rotator.simulate.fates import fates, is_over_before
from rotator.simulate.rules import RuleBrokenError
from rotator.simulate.settings import Settings
from rotator.simulate.story import ServerStory, Story, Trouble

_INSTANT = timedelta(microseconds=1)


class BrokenRule(Exception):  # noqa: N818 - what a simulation found, not a fault of its own
    """A call that a safety rule forbids: which rule and call, when, and on which server."""

    def __init__(self, words: str, at: datetime, policy: Policy) -> None:
        super().__init__(words)
        self.words = words
        self.at = at
        self.policy = policy


class NothingAside:
    """No policy of a simulation has hooks: nothing goes on beside the passes."""

    def start(self, server_id: Id, _work: object, *, urgent: bool = False) -> None:
        """See `engine.aside.Aside`."""
        raise AssertionError(f"server {server_id} has work beside the passes, urgent: {urgent}")

    def busy(self) -> frozenset[Id]:
        """Nobody is."""
        return frozenset()

    def ended(self) -> dict[Id, Done]:
        """Nothing is."""
        return {}

    def wait(self, seconds: float) -> None:
        """Nothing goes on."""

    def close(self) -> None:
        """There is nothing to let go."""


@dataclass(frozen=True, slots=True)
class _Calm:
    """A server at which nothing new can be seen before `until`.

    Its snapshot is in progress, or all that was planned is `done` and the next look only finds that.
    """

    policy: Policy
    plan: Plan
    until: datetime
    done: bool

    def outcome(self, look_again: datetime) -> Outcome:
        """What a look would come to."""
        if self.done:
            return Outcome(self.policy, Kind.IDLE, plan=self.plan)
        return Outcome(self.policy, Kind.WAITING, plan=self.plan, look_again=look_again)


def simulate(
    policies: Sequence[Policy],
    settings: Settings,
    clock: VirtualClock | None = None,
    *,
    fast: bool = True,
    beat: Callable[[datetime], None] = lambda _: None,
) -> Story:
    """The whole story; raises BrokenRule. Sets `clock` to the time of every pass, and tells it to `beat`.

    `fast` counts the looks that cannot see anything new without making them. Hooks are not run: they would be run for
    a real server.
    """
    clock = clock or VirtualClock(settings.begun)
    run = _Run([replace(policy, hooks=None) for policy in policies], settings, clock, fast=fast)
    try:
        run.to_the_end(beat)
    finally:
        run.close()
    return run.story()


class _Run:
    def __init__(self, policies: Sequence[Policy], settings: Settings, clock: VirtualClock, *, fast: bool) -> None:
        self._policies = policies
        self._settings = settings
        self._fast = fast
        self._clock = clock
        self._account = VirtualAccount(policies, settings, self._clock)
        self._agenda = Agenda(policies, settings.begun, lasting=True)
        self._engine = Engine(
            self._account,
            self._clock,
            self._clock.monotonic,
            parallel=1,
            poll_interval=settings.poll_interval,
            workers=InTurn(),
            aside=NothingAside(),
        )
        self._calm: dict[Id, _Calm] = {}
        self._true: dict[Id, frozenset[str]] = {}
        self._troubles: dict[Id, dict[str, Trouble]] = {policy.server_id: {} for policy in policies}

    def to_the_end(self, beat: Callable[[datetime], None]) -> None:
        """Every pass that falls due before the end."""
        while (at := self._agenda.next_at()) is not None and at < self._settings.ended:
            self._clock.now = max(at, self._clock.now)
            beat(self._clock.now)
            due = self._agenda.due(self._clock.now)
            calm = self._calm_of(due)
            if len(calm) == len(due):
                self._skip(calm)
            else:
                self._pass(due, calm)

    def close(self) -> None:
        self._engine.close()

    def story(self) -> Story:
        begun, ended = self._settings.begun, self._settings.ended
        return Story(
            begun,
            ended,
            self._settings.outages,
            tuple(self._server_story(policy) for policy in self._policies),
            dict(self._account.calls),
            tuple(self._account.calls_by_day),
        )

    def _server_story(self, policy: Policy) -> ServerStory:
        lives = self._account.lives(policy)
        found = fates(policy, lives, self._settings.begun, self._settings.ended)
        return ServerStory(policy, lives, found, tuple(self._troubles[policy.server_id].values()))

    def _pass(self, due: Sequence[Policy], calm: Sequence[_Calm]) -> None:
        """A pass; the servers at which there is nothing new to see get the outcome that a look would come to."""
        left_out = {each.policy.server_id for each in calm}
        looked = [policy for policy in due if policy.server_id not in left_out]
        self._account.asked = [policy.server_id for policy in looked]
        # Alone it is asked for by its own list, twice if that is empty; with others by the account's list before that.
        unlisted = len(looked) == 1 < len(due) and self._account.is_empty(looked[0].server_id)
        try:
            report = self._engine.run_pass(looked)
        except RuleBrokenError as error:
            [policy] = [each for each in looked if each.server_id == self._account.changing]
            raise BrokenRule(str(error), self._clock.now, policy) from error
        if unlisted:
            self._account.count_lists(self._clock.now, _INSTANT, self._clock.now + _INSTANT)
        self._agenda.note(report)
        self._note_calm(calm, self._clock.now + self._settings.poll_interval)
        for outcome in report.outcomes:
            self._note(outcome)

    def _note_calm(self, calm: Sequence[_Calm], again: datetime) -> None:
        """The looks that were not made; what is done has been seen then."""
        self._agenda.note(Report(tuple(each.outcome(again) for each in calm)))
        for each in calm:
            if each.done:
                del self._calm[each.policy.server_id]

    def _skip(self, calm: Sequence[_Calm]) -> None:
        """All looks from now on that see nothing new, at once: they are counted, and not made."""
        now, poll = self._clock.now, self._settings.poll_interval
        if any(each.done for each in calm):  # seen once: what is in progress beside it has its turn after that
            self._account.count_lists(now, poll, now + _INSTANT)
            self._note_calm(calm, now + poll)
            return
        ends = [each.until for each in calm]
        ends += [at for at in (self._account.next_outage(), self._pass_over(calm)) if at]
        end = min(ends)
        self._account.count_lists(now, poll, end)
        self._note_calm(calm, now - (now - end) // poll * poll)

    def _pass_over(self, calm: Sequence[_Calm]) -> datetime | None:
        """Have these servers wait to the end; gives when the next of the others has its turn."""
        if len(calm) == len(self._policies):
            return None
        self._agenda.note(Report(tuple(each.outcome(self._settings.ended) for each in calm)))
        return self._agenda.next_at()

    def _calm_of(self, due: Sequence[Policy]) -> list[_Calm]:
        """The servers at which there is nothing new to see now."""
        now = self._clock.now
        if not self._calm or self._account.is_out():
            return []
        known = (self._calm.get(policy.server_id) for policy in due)
        return [each for each in known if each and now < each.until]

    def _note(self, outcome: Outcome) -> None:
        server_id = outcome.policy.server_id
        for action in outcome.done:
            if action.verb is Verb.DELETE:
                self._account.explain(server_id, action.snapshot_id, action.cause, action.reason)
        self._note_troubles(outcome)
        self._calm.pop(server_id, None)
        done = _is_done(outcome)
        if self._fast and outcome.plan and (done or self._waits_for_one(outcome)):
            until = self._calm_until(outcome.policy, outcome.plan)
            self._calm[server_id] = _Calm(outcome.policy, outcome.plan, until, done)

    def _waits_for_one(self, outcome: Outcome) -> bool:
        """Whether one snapshot is in progress and not stuck: only then every look until its end says the same."""
        if outcome.kind is not Kind.WAITING and all(action.verb is not Verb.CREATE for action in outcome.done):
            return False
        pending = self._account.pending(outcome.policy.server_id)
        return len(pending) == 1 and self._clock.now - pending[0][0] <= outcome.policy.stuck_after

    def _calm_until(self, policy: Policy, plan: Plan) -> datetime:
        """Until when nothing can change that a plan goes by: while a snapshot is in progress, nothing is done."""
        ends = [self._settings.ended]
        for begun, ready_at in self._account.pending(policy.server_id):
            stuck_at = begun + policy.stuck_after + _INSTANT
            ends += [ready_at, stuck_at] if stuck_at > self._clock.now else [ready_at]
        if plan.next_slot is not None:
            ends.append(plan.next_slot + policy.splay)
        if plan.due and plan.slot and policy.grace is not None:
            ends.append(plan.slot + policy.splay + policy.grace + _INSTANT)
        return min(ends)

    def _note_troubles(self, outcome: Outcome) -> None:
        server_id = outcome.policy.server_id
        plan = outcome.plan
        notices = plan.notices if plan else ()
        if plan and plan.slot and is_over_before(outcome.policy, plan.slot, self._settings.begun):
            notices = tuple(notice for notice in notices if notice.sign is not Sign.MISSED)
        found = [(notice.sign.value, notice.text) for notice in notices]
        if outcome.kind in (Kind.BLOCKED, Kind.FAILED):
            found.append((outcome.kind.value, outcome.reason))
        before = self._true.get(server_id, frozenset())
        told = self._troubles[server_id]
        for kind, text in found:
            if kind not in told:
                told[kind] = Trouble(kind, text, self._clock.now)
            elif kind not in before:
                told[kind] = replace(told[kind], times=told[kind].times + 1)
        self._true[server_id] = frozenset(kind for kind, _ in found)


def _is_done(outcome: Outcome) -> bool:
    """Whether the one delete that was planned is made, and there was nothing else to say of the server."""
    plan = outcome.plan
    if plan is None or outcome.kind is not Kind.ACTED or plan.actions != outcome.done:
        return False
    quiet = not (plan.due or plan.notices or plan.waiting or plan.blocked)
    return quiet and [action.verb for action in outcome.done] == [Verb.DELETE]
