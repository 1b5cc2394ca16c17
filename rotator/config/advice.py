"""Warnings: what a configuration may say and yet hardly means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rotator.model import CAP
from rotator.slots import slots_between

if TYPE_CHECKING:
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


@lru_cache(maxsize=1024)
def shortest_gap(schedule: Schedule) -> timedelta:
    """The least time between two slots, as far as the first of a year show it."""
    # A single minute of the hour cannot come again within the hour, and most schedules have one.
    if schedule.cron.split()[0].isdecimal():
        return timedelta(hours=1)
    slots = islice(slots_between(schedule, _START, _START + timedelta(days=366)), _DENSE)
    return min((later - earlier for earlier, later in pairwise(slots)), default=timedelta(days=366))
