"""What the head of the page says in one look: the verdict, what is next, what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rotator.engine import Outcome
from rotator.errors import RotatorError
from rotator.naming import printable
from rotator.planner.words import counted
from rotator.standing import Trouble, conditions, remedy
from rotator.web.health import LoopState, why_dead
from rotator.web.lines import Line
from rotator.web.times import Moment, moment
from rotator.web.wish import Group

_MOST_NEXT = 4
_MOST_WRONG = 6
_MOST_NAMES = 6
_MOST_BANNERS = 5


@dataclass(frozen=True, slots=True)
class Headline:
    """The one sentence; `level` is ok, wait or bad."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Coming:
    """A moment at which something happens, and to which servers."""

    at: Moment
    servers: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with the same servers: each trouble, and what to do about it."""

    servers: str
    troubles: tuple[tuple[str, str], ...]


def headline(found: Sequence[Line], error: RotatorError | None, dead: str | None) -> Headline:
    """Is everything protected? Trouble of all servers comes before trouble of some."""
    all_of_them = counted(len(found), "server")
    bad = sum(1 for line in found if line.group is Group.ATTENTION)
    unseen = sum(1 for line in found if line.group is Group.UNSEEN)
    if not found:
        return Headline("wait", "No server is configured")
    if dead:
        return Headline("bad", "rotator does not run as it should")
    if error is not None:
        return Headline("bad", "The whole account is in trouble")
    if bad:
        return Headline("bad", f"{bad:,} of {all_of_them} need{'s' if bad == 1 else ''} attention")
    if unseen == len(found):
        return Headline("wait", "No server has been looked at yet")
    if unseen:
        return Headline("wait", f"{len(found) - unseen:,} of {all_of_them} are protected, the others unseen yet")
    return Headline("ok", "The server is protected" if len(found) == 1 else f"All {all_of_them} are protected")


def banners(loop: LoopState, error: RotatorError | None, now: datetime) -> list[str]:
    """What is wrong beyond single servers."""
    dead = why_dead(loop, now)
    found = [f"{dead}; what is shown here is old. Restart rotator, and look at its log."] if dead else []
    found += [f"The new configuration is not in force, the old one is: {each}" for each in loop.problems]
    found += [str(error)] if error is not None else []
    return [printable(each) for each in found[:_MOST_BANNERS]]


def coming(found: Sequence[Line], zone: str, now: datetime) -> list[Coming]:
    """The next slots: when, and of which servers."""
    dated = sorted(((line.next_at, line) for line in found if line.next_at), key=lambda item: item[0])
    upcoming: list[Coming] = []
    for at, group in groupby(dated, key=lambda item: item[0].replace(second=0)):
        if len(upcoming) == _MOST_NEXT:
            break
        these = [line for _, line in group]
        upcoming.append(Coming(moment(at, zone, now), _names(these, 2)))
    return upcoming


def wrongs(found: Sequence[Line], error: RotatorError | None, now: datetime) -> tuple[list[Wrong], int]:
    """What is wrong with servers, told once for all that share it, and how much more there is to see."""
    sharing: dict[tuple[str, Trouble], list[Line]] = {}
    for line in found:
        for problem in _problems(line.outcome, now):
            if error is None or problem[0] != str(error):
                sharing.setdefault(problem, []).append(line)
    told: dict[tuple[str, ...], tuple[list[Line], list[tuple[str, str]]]] = {}
    for (text, trouble), these in sharing.items():
        ids = tuple(str(line.policy.server_id) for line in these)
        told.setdefault(ids, (these, []))[1].append((printable(text), _remedy(trouble, these)))
    most_servers_first = sorted(told.values(), key=lambda item: -len(item[0]))
    shown = [Wrong(_names(these, _MOST_NAMES), tuple(each)) for these, each in most_servers_first[:_MOST_WRONG]]
    return shown, len(told) - len(shown)


def _problems(outcome: Outcome | None, now: datetime) -> list[tuple[str, Trouble]]:
    if outcome is None or not outcome.problems:
        return []
    kinds = {each.text: each.trouble for each in conditions(outcome, now)}
    return [(text, kinds.get(text, Trouble.FAILING)) for text in outcome.problems]


def _remedy(trouble: Trouble, these: Sequence[Line]) -> str:
    return remedy(trouble, these[0].policy.server).replace("`", "")


def _names(these: Sequence[Line], most: int) -> str:
    shown = ", ".join(printable(line.policy.server) for line in these[:most])
    return f"{shown} and {len(these) - most:,} more" if len(these) > most else shown
