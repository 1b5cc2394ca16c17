"""Warnings: what a configuration may say and yet hardly means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rotator.model import CAP
from rotator.planner.words import duration_text
from rotator.slots import slots_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.config.inherit import Level
    from rotator.config.problems import Problems
    from rotator.model import Policy, Schedule

_CREATION = timedelta(minutes=15)
"""A snapshot takes 3 to 10 minutes (VPS.org API document); with some room for the calls around it."""

_START = datetime(2026, 1, 5, tzinfo=UTC)
_DENSE = 61
"""Slots to look at: with one a minute, a little more than an hour."""


def advise(policy: Policy, rules: Level, problems: Problems) -> None:
    """Warns of what `policy`, made from `rules`, costs or cannot do."""
    if policy.keep.total == CAP:
        problems.warn(
            rules["keep"].loc,
            f"keep is {policy.keep}, all the snapshots a server may have: the oldest restore point goes before the new "
            "one is complete; keep 4 or less, and it goes after",
        )
    if policy.min_keep == CAP:
        problems.warn(
            rules["min_keep"].loc,
            f"min_keep is {CAP}, so nothing may go to make room: the sixth slot and all later ones are blocked; "
            "write 4 or less",
        )
    if shortest_gap(policy.schedule) < _CREATION:
        problems.warn(
            rules["schedule"].loc,
            f"'{policy.schedule.text}' comes again within 15 minutes, and a snapshot takes 3 to 10 minutes to create: "
            "slots will be missed; every 15 minutes is the least that leaves time",
        )
    _advise_age(policy, rules, problems)
    if policy.hooks and not policy.hooks.after:
        problems.warn(
            rules["hooks"].loc,
            "there is before and no after, so nothing lets the server go again; add after, if before stops something",
        )


def _advise_age(policy: Policy, rules: Level, problems: Problems) -> None:
    """Warns of a `max_age` that every restore point reaches before the next one comes."""
    if policy.max_age is None or policy.max_age > (gap := longest_gap(policy.schedule)):
        return
    problems.warn(
        rules["max_age"].loc,
        f"max_age is {duration_text(policy.max_age)}, and up to {duration_text(gap)} pass between two slots of "
        f"'{policy.schedule.text}': each restore point is told as too old before the next comes; write more, or auto",
    )


@lru_cache(maxsize=1024)
def shortest_gap(schedule: Schedule) -> timedelta:
    """The least time between two slots, as far as the first of a year show it."""
    # A single minute of the hour cannot come again within the hour, and most schedules have one.
    if schedule.cron.split()[0].isdecimal():
        return timedelta(hours=1)
    return min(_gaps(schedule), default=timedelta(days=366))


@lru_cache(maxsize=1024)
def longest_gap(schedule: Schedule) -> timedelta:
    """The most time between two slots, as far as the first of a year show it."""
    return max(_gaps(schedule), default=timedelta(0))


def _gaps(schedule: Schedule) -> Iterator[timedelta]:
    slots = islice(slots_between(schedule, _START, _START + timedelta(days=366)), _DENSE)
    return (later - earlier for earlier, later in pairwise(slots))
