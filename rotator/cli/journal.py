"""What a one-shot did over all its passes: per server before, after, every action with its reason, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rotator.cli.picture import legend, picture
from rotator.cli.words import bullet, heading, local, painted
from rotator.engine import Kind, Outcome, Report
from rotator.errors import Exit, RotatorError
from rotator.model import Action, Id, Observation, Verb
from rotator.naming import printable
from rotator.planner.words import counted

_SIGNS = {Verb.CREATE: "+", Verb.DELETE: "-"}


@dataclass(slots=True)
class Entry:
    """One server's story."""

    outcome: Outcome
    before: Observation | None
    after: Observation | None
    done: list[Action] = field(default_factory=list)


class Journal:
    """Collects the reports of a run."""

    def __init__(self, begun: datetime) -> None:
        self.begun = begun
        self.error: RotatorError | None = None
        self.interrupted = False
        self.entries: dict[Id, Entry] = {}

    def note(self, report: Report) -> None:
        """Add one pass."""
        self.error = report.error or self.error
        for outcome in report.outcomes:
            entry = self.entries.setdefault(outcome.policy.server_id, Entry(outcome, outcome.observation, None))
            entry.outcome = outcome
            entry.after = outcome.observation or entry.after
            entry.done += outcome.done

    def note_owed(self, owed: Mapping[Id, str]) -> None:
        """Commands that had to run at the end, and failed."""
        for server_id, words in owed.items():
            entry = self.entries.get(server_id)
            if entry is not None and words not in entry.outcome.problems:
                entry.outcome = replace(entry.outcome, problems=(*entry.outcome.problems, words))

    def standing(self) -> tuple[int, int]:
        """How many servers are done, and how many wait for a snapshot in progress."""
        kinds = [entry.outcome.kind for entry in self.entries.values()]
        busy = sum(kind.is_busy for kind in kinds)
        return len(kinds) - busy, busy

    def eta(self) -> datetime | None:
        """When the last snapshot in progress is done, if each takes as long as its server's usually do."""
        return max((entry.outcome.eta for entry in self.entries.values() if entry.outcome.eta), default=None)

    def is_open(self) -> bool:
        """Whether something was left to do for a server."""
        kinds = [entry.outcome.kind for entry in self.entries.values()]
        return not kinds or any(kind.is_busy or kind is Kind.SKIPPED for kind in kinds)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the whole run."""
        told = tuple(replace(entry.outcome, done=tuple(entry.done)) for entry in self.entries.values())
        code = Report(told, self.error).exit_code
        return Exit.PROBLEM if code is Exit.DONE and self.interrupted else code


def report_lines(journal: Journal, now: datetime) -> Iterator[str]:
    """Every server that something was done to or is wrong with, then the rest in one line, then the sum."""
    told = [entry for entry in journal.entries.values() if entry.done or _own_problems(entry)]
    for entry in told:
        yield from _story(entry)
    if told:
        yield f"\n{legend(picture(each.outcome.policy, seen) for each in told for seen in (each.before, each.after))}"
    skipped = sum(1 for entry in journal.entries.values() if entry.outcome.kind is Kind.SKIPPED)
    if not skipped:
        yield from _rest(len(journal.entries) - len(told), journal)
    if journal.error:
        yield painted(bullet("!", f"{counted(skipped, 'server')} not attempted: {journal.error}"), "red")
    yield _sum(journal, now)
    if journal.interrupted and skipped:
        yield f"stopped before the end: {counted(skipped, 'server')} left as found; the next run takes what is due"
    elif journal.interrupted:
        yield "stopped before the end: the next run finishes what is in progress"


def _story(entry: Entry) -> Iterator[str]:
    policy = entry.outcome.policy
    change = f"{picture(policy, entry.before)} -> {picture(policy, entry.after)}"
    yield heading(policy.server, policy.server_id, change)
    for action in entry.done:
        yield bullet(_SIGNS[action.verb], f"{action.verb.value}d {action.name}: {action.reason}")
    if entry.outcome.kind.is_busy:
        yield bullet("~", "not complete yet" if entry.outcome.kind is Kind.ACTED else entry.outcome.reason)
    for problem in _own_problems(entry):
        yield painted(bullet("!", problem), "red")
    for notice in entry.outcome.plan.notices if entry.outcome.plan else ():
        if notice.text not in entry.outcome.problems:
            yield painted(bullet("!", notice.text), "yellow")


def _own_problems(entry: Entry) -> tuple[str, ...]:
    """What is wrong with this server; what is wrong with the whole account is said once, at the end."""
    return () if entry.outcome.kind is Kind.SKIPPED else entry.outcome.problems


def _rest(count: int, journal: Journal) -> Iterator[str]:
    if not count or journal.error:
        return
    waiting = sum(1 for entry in journal.entries.values() if not entry.done and entry.outcome.kind.is_busy)
    yield f"{counted(count, 'server')}: " + (f"nothing to do, {waiting} in progress" if waiting else "nothing to do")
    plans = [(entry.outcome.policy, entry.outcome.plan) for entry in journal.entries.values() if entry.outcome.plan]
    coming = [(plan.next_slot + policy.splay, policy) for policy, plan in plans if plan.next_slot]
    if coming:
        at, policy = min(coming, key=lambda each: each[0])
        yield f"next: {local(at, policy)} {policy.schedule.timezone} {printable(policy.server)}"


def _sum(journal: Journal, now: datetime) -> str:
    done = [action.verb for entry in journal.entries.values() for action in entry.done]
    # Who was only skipped for a stop has no problem of its own.
    skipped = bool(journal.error)
    wrong = sum(1 for entry in journal.entries.values() if (skipped and entry.outcome.problems) or _own_problems(entry))
    return (
        f"{counted(len(journal.entries), 'server')}: {done.count(Verb.CREATE)} created, "
        f"{done.count(Verb.DELETE)} deleted, {wrong} with problems, in {(now - journal.begun).total_seconds():.0f} s"
    )
