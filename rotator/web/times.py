"""How a visitor reads times: the clock of the policy's zone, with UTC behind it, and how far away that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rotator.planner.words import instant
from rotator.slots import timezone_of
from rotator.standing.words import age

_NAMED_DAYS = {-1: "yesterday ", 0: "", 1: "tomorrow "}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment: as text in its zone, for machines, and in full."""

    text: str
    machine: str
    full: str
    distance: str
    """How long ago, or until then: `2h ago`, `in 5m`, `now`."""


def moment(at: datetime, zone: str, now: datetime) -> Moment:
    """A moment as a person in that zone reads it now."""
    local = at.astimezone(timezone_of(zone))
    days = (local.date() - now.astimezone(local.tzinfo).date()).days
    named = _NAMED_DAYS.get(days)
    if named is None:
        named = f"{local:%a} {local.day} {local:%b} " if abs(days) < 180 else f"{local:%Y-%m-%d} "
    utc = at.astimezone(UTC)
    full = f"{instant(at)}, {local:%Y-%m-%d %H:%M} {zone}"
    return Moment(f"{named}{local:%H:%M}", f"{utc:%Y-%m-%dT%H:%M:%SZ}", full, _distance(at - now))


def _distance(span: timedelta) -> str:
    if abs(span) < timedelta(minutes=1):
        return "now"
    return f"in {age(span)}" if span > timedelta(0) else f"{age(-span)} ago"
