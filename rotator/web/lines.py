"""Every server in a few words, which is what finding, sorting and counting a thousand of them needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rotator.engine import Outcome
from rotator.model import Id, Policy
from rotator.slots import next_slot
from rotator.standing import restore_points, state
from rotator.web.wish import Group, Sort, Wish

PER_PAGE = 50

_NEVER = datetime.max.replace(tzinfo=UTC)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_GROUPS = [*Group]


@dataclass(frozen=True, slots=True)
class Line:
    """One server; `outcome` is None while no pass has looked at it. `next_at` is its next slot with its splay."""

    policy: Policy
    outcome: Outcome | None
    group: Group
    word: str
    points: tuple[datetime, ...]
    next_at: datetime | None


def lines(policies: Sequence[Policy], outcomes: Mapping[Id, Outcome], now: datetime) -> list[Line]:
    """One line per configured server, in the order of the configuration."""
    return [_line(policy, outcomes.get(policy.server_id), now) for policy in policies]


def wanted(found: Sequence[Line], wish: Wish) -> list[Line]:
    """The lines that a visitor asked for, in the order asked for."""
    text = wish.text.casefold()
    chosen = [
        line
        for line in found
        if (wish.group is None or line.group is wish.group) and (not text or text in _searched(line))
    ]
    return sorted(chosen, key=_ORDERS[wish.sort], reverse=wish.backwards)


def page_of(found: Sequence[Line], page: int) -> tuple[Sequence[Line], int, int]:
    """The lines of one page, its number, and how many pages there are; past the end is the last one."""
    pages = max(-(-len(found) // PER_PAGE), 1)
    page = min(page, pages)
    return found[(page - 1) * PER_PAGE : page * PER_PAGE], page, pages


def _line(policy: Policy, outcome: Outcome | None, now: datetime) -> Line:
    upcoming = next_slot(policy.schedule, now - policy.splay)
    next_at = upcoming + policy.splay if upcoming else None
    if outcome is None:
        return Line(policy, None, Group.UNSEEN, "not looked at yet", (), next_at)
    word = state(outcome)
    return Line(policy, outcome, _group(outcome, word), word, restore_points(outcome), next_at)


def _group(outcome: Outcome, word: str) -> Group:
    if outcome.problems:
        return Group.ATTENTION
    return Group.PROGRESS if outcome.kind.is_busy or word == "due" else Group.OK


def _searched(line: Line) -> str:
    policy = line.policy
    problems = line.outcome.problems if line.outcome else ()
    return "\n".join([policy.server, str(policy.server_id), policy.name, line.word, *problems]).casefold()


def _by_problems(line: Line) -> Any:
    return _GROUPS.index(line.group)


_ORDERS: dict[Sort, Callable[[Line], Any]] = {
    Sort.PROBLEMS: _by_problems,
    Sort.NAME: lambda line: line.policy.server.casefold(),
    Sort.AGE: lambda line: line.points[0] if line.points else _LONG_AGO,
    Sort.NEXT: lambda line: line.next_at or _NEVER,
}
