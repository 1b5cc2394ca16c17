"""What the head of the page says in one look: the verdict, what is next, what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rotator.engine import Outcome
from rotator.errors import RotatorError
from rotator.naming import printable
from rotator.standing import Trouble, conditions
from rotator.web.health import Pulse, is_alive
from rotator.web.lines import Line
from rotator.web.times import Moment, moment
from rotator.web.wish import Group

_MOST_NEXT = 4
_MOST_WRONG = 6
_MOST_NAMES = 6
_MOST_BANNERS = 5

_REMEDIES = {
    Trouble.FAILING: "rotator tries again by itself; the log has the details.",
    Trouble.BLOCKED: "Free a slot: delete a snapshot that nobody needs, or keep fewer.",
    Trouble.STUCK: "Look at the snapshot in the control panel; rotator never deletes it.",
    Trouble.HELD: "Look, then decide: rotator prune --server NAME asks before it deletes.",
    Trouble.STALE: "See what would be done now, and why: rotator plan --server NAME.",
    Trouble.OVERDUE: "See that rotator runs and that its passes end.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
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


def verdict(found: Sequence[Line], error: RotatorError | None, dead: str | None) -> Verdict:
    """Is everything protected? Trouble of all servers comes before trouble of some."""
    bad = sum(1 for line in found if line.group is Group.ATTENTION)
    unseen = sum(1 for line in found if line.group is Group.UNSEEN)
    if not found:
        return Verdict("wait", "No server is configured")
    if dead:
        return Verdict("bad", "rotator does not run as it should")
    if error is not None:
        return Verdict("bad", "The whole account is in trouble")
    if bad:
        return Verdict("bad", f"{bad:,} of {_servers(len(found))} need{'s' if bad == 1 else ''} attention")
    if unseen == len(found):
        return Verdict("wait", "No server has been looked at yet")
    if unseen:
        return Verdict(
            "wait", f"{len(found) - unseen:,} of {_servers(len(found))} are protected, the others unseen yet"
        )
    return Verdict("ok", "The server is protected" if len(found) == 1 else f"All {_servers(len(found))} are protected")


def banners(pulse: Pulse, error: RotatorError | None, now: datetime) -> list[str]:
    """What is wrong beyond single servers."""
    dead = is_alive(pulse, now)
    found = [f"{dead}; what is shown here is old. Restart rotator, and look at its log."] if dead else []
    found += [f"The new configuration is not in force, the old one is: {each}" for each in pulse.problems]
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
    sharing: dict[tuple[str, str], list[Line]] = {}
    for line in found:
        for text, remedy in _problems(line.outcome, now):
            if error is None or text != str(error):
                sharing.setdefault((text, remedy), []).append(line)
    told: dict[tuple[str, ...], tuple[list[Line], list[tuple[str, str]]]] = {}
    for (text, remedy), these in sharing.items():
        ids = tuple(str(line.policy.server_id) for line in these)
        told.setdefault(ids, (these, []))[1].append((printable(text), _remedy(remedy, these)))
    most_servers_first = sorted(told.values(), key=lambda item: -len(item[0]))
    shown = [Wrong(_names(these, _MOST_NAMES), tuple(each)) for these, each in most_servers_first[:_MOST_WRONG]]
    return shown, len(told) - len(shown)


def _problems(outcome: Outcome | None, now: datetime) -> list[tuple[str, str]]:
    if outcome is None or not outcome.problems:
        return []
    kinds = {each.text: each.trouble for each in conditions(outcome, now)}
    return [(text, _REMEDIES.get(kinds.get(text, Trouble.FAILING), "")) for text in outcome.problems]


def _remedy(text: str, these: Sequence[Line]) -> str:
    name = printable(these[0].policy.server)
    return text.replace("NAME", f"'{name}'" if " " in name else name)


def _names(these: Sequence[Line], most: int) -> str:
    shown = ", ".join(printable(line.policy.server) for line in these[:most])
    return f"{shown} and {len(these) - most:,} more" if len(these) > most else shown


def _servers(count: int) -> str:
    return f"{count:,} server{'' if count == 1 else 's'}"
