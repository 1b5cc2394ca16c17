"""One server in full, as the page shows it: texts and pictures, nothing left to decide for the template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.engine import Outcome
from rotator.model import Policy, Verb
from rotator.naming import printable
from rotator.planner import as_owned
from rotator.standing import Deed, last_slot, letter, oldest_first, stale_after
from rotator.standing.words import age
from rotator.web.lines import Line
from rotator.web.pictures import Axis, Mark, places, places_in_words, points
from rotator.web.times import Moment, moment
from rotator.web.wish import Group


@dataclass(frozen=True, slots=True)
class Held:
    """One snapshot, for the list in a server's details; `why` is what keeps it, or what will become of it."""

    letter: str
    name: str
    status: str
    old: str
    created: Moment | None
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """One of the last calls, and why it was made."""

    at: Moment
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """Everything the page says of one server."""

    key: str
    name: str
    policy: str
    rules: str
    group: str
    word: str
    places: list[Mark]
    places_text: str
    points: list[Mark]
    points_text: str
    allowed_x: int | None
    """Where on the axis the newest restore point may be at the oldest."""
    old: str
    allowed: str
    is_late: bool
    last: Moment | None
    next: Moment | None
    held: list[Held]
    done: list[Done]
    problems: list[str]
    notices: list[str]


def row(line: Line, deeds: tuple[Deed, ...], axis: Axis, now: datetime) -> Row:
    """What the page says of the server, safe to show."""
    policy, outcome = line.policy, line.outcome
    zone, newest = policy.schedule.timezone, line.points[0] if line.points else None
    may = allowed(line)
    pictured = places(policy, outcome.observation if outcome else None, now)
    last = last_slot(outcome) if outcome else None
    return Row(
        key=str(policy.server_id),
        name=printable(policy.server),
        policy=printable(policy.name),
        rules=rules(policy),
        group=line.group.value,
        word=line.word,
        places=pictured,
        places_text=places_in_words(pictured),
        points=points(outcome, axis, now) if outcome else [],
        points_text=", ".join(age(now - at) for at in line.points),
        allowed_x=axis.x(now - may, now) if may else None,
        old=age(now - newest) if newest else "",
        allowed=age(may) if may else "",
        is_late=_is_late(line, may, now),
        last=moment(last, zone, now) if last else None,
        next=moment(line.next_at, zone, now) if line.next_at else None,
        held=_held(policy, outcome, now),
        done=[done(deed, zone, now) for deed in deeds],
        problems=[printable(each) for each in (outcome.problems if outcome else ())],
        notices=_notices(outcome),
    )


def rules(policy: Policy) -> str:
    """The policy in one line."""
    told = [f"{policy.schedule.text} ({policy.schedule.timezone})", f"keep {policy.keep}"]
    told += [f"at least {policy.min_keep}"] if policy.min_keep > 1 else []
    told += [f"max_age {age(policy.max_age)}"] if policy.max_age else []
    return printable(", ".join(told))


def _is_late(line: Line, may: timedelta | None, now: datetime) -> bool:
    """Whether the newest restore point is older than it may be; without any, only once that is trouble."""
    if line.points:
        return may is not None and now - line.points[0] > may
    return line.outcome is not None and line.outcome.plan is not None and line.group is Group.ATTENTION


def allowed(line: Line) -> timedelta | None:
    """How old the newest restore point may grow; without any, only `max_age` tells."""
    until = stale_after(line.outcome) if line.outcome else None
    return until - line.points[0] if until else line.policy.max_age


def _held(policy: Policy, outcome: Outcome | None, now: datetime) -> list[Held]:
    seen = outcome.observation if outcome else None
    verdicts = outcome.plan.verdicts if outcome and outcome.plan else ()
    reasons = {each.snapshot.id: each.prune_reason or ", ".join(each.keep_reasons) for each in verdicts}
    zone = policy.schedule.timezone
    return [
        Held(
            letter(policy, each),
            printable(each.name),
            printable(each.status),
            age(now - each.created_at) if each.created_at else "",
            moment(each.created_at, zone, now) if each.created_at else None,
            printable(reasons.get(each.id) or ("" if as_owned(policy, each) else "not ours: rotator leaves it alone")),
        )
        for each in reversed(oldest_first(seen.snapshots if seen else ()))
    ]


def done(deed: Deed, zone: str, now: datetime) -> Done:
    """A call that changed something, in words."""
    verb = "asked for" if deed.action.verb is Verb.CREATE else "deleted"
    return Done(moment(deed.at, zone, now), f"{verb} {printable(deed.action.name)}", printable(deed.action.reason))


def _notices(outcome: Outcome | None) -> list[str]:
    told = outcome.plan.notices if outcome and outcome.plan else ()
    known = outcome.problems if outcome else ()
    found = [notice.text for notice in told if notice.text not in known]
    waiting = outcome.plan.waiting if outcome and outcome.plan else None
    return [printable(each) for each in [*found, *([waiting] if waiting else [])]]
