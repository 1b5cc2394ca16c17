"""What a simulation found: every snapshot's life, every slot's fate, every outage, every call; values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.model import Cause, Id, Policy


class Fate(StrEnum):
    """What became of a slot."""

    TAKEN = "taken"
    """It has a restore point, asked for on time."""
    LATE = "late"
    """It has a restore point, caught up after an outage or a failure."""
    MISSED = "missed"
    """It has none: a later slot was taken in its place, or none."""
    OPEN = "open"
    """The simulation ended before it was decided."""


@dataclass(frozen=True, slots=True)
class SlotFate:
    """One scheduled instant, and what became of it."""

    slot: datetime
    fate: Fate


@dataclass(frozen=True, slots=True)
class Life:
    """One snapshot from the moment it was asked for to the moment it was deleted."""

    snapshot_id: Id
    name: str
    owned: bool
    slot: datetime | None
    """None for a foreign one."""
    born: datetime
    ready: datetime | None
    """When it was complete: from here on it is a restore point. None if it never was."""
    status: str
    """The API's word at its end, or at the end of the simulation."""
    died: datetime | None
    """When it was deleted; None if it is there on the last day."""
    reason: str = ""
    """Why it was deleted."""
    cause: Cause | None = None
    """The kind of that reason; None if it is there on the last day."""

    @property
    def is_point(self) -> bool:
        """Whether it was one of rotator's restore points at any time."""
        return self.owned and self.ready is not None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A condition that a person would be told of. `times` is how often it came about anew, `first` when at first."""

    kind: str
    """`blocked`, `failed`, or the kind of a notice of the plan."""
    text: str
    """In words, as they were the first time."""
    first: datetime
    times: int = 1


@dataclass(frozen=True, slots=True)
class Outage:
    """A span in which the API answers nobody."""

    begun: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class ServerStory:
    """What became of one server; `lives` in the order of `born`, `slots` in order."""

    policy: Policy
    lives: tuple[Life, ...]
    slots: tuple[SlotFate, ...]
    troubles: tuple[Trouble, ...] = ()
    """In the order of `first`."""


@dataclass(frozen=True, slots=True)
class Story:
    """A whole simulation."""

    begun: datetime
    ended: datetime
    outages: tuple[Outage, ...]
    servers: tuple[ServerStory, ...]
    calls: Mapping[str, int]
    """Calls to the API by kind: `list`, `create`, `delete`."""
    calls_by_day: tuple[int, ...] = ()
    """All calls of each day from `begun` on."""

    @property
    def span(self) -> timedelta:
        """How long it lasted."""
        return self.ended - self.begun
