"""What a simulation is of: how long, what goes wrong, and what a person left on the servers; values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.model import CAP
from rotator.simulate.story import Outage

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one simulation; `begun` is aware and in UTC, `fail` a probability from 0 to 1."""

    begun: datetime
    days: int = 90
    fail: float = 0.0
    outages: tuple[Outage, ...] = ()
    """In order, without overlap."""
    foreign: int = 0
    """Snapshots that a person made on every server before it begins, up to `CAP`."""
    seed: int = 0
    create_time: timedelta = timedelta(minutes=5)
    poll_interval: timedelta = timedelta(seconds=15)

    @property
    def ended(self) -> datetime:
        """Nothing happens from then on."""
        return self.begun + self.days * DAY

    def __post_init__(self) -> None:
        if self.days < 1 or not 0 <= self.fail <= 1 or not 0 <= self.foreign <= CAP:
            raise ValueError(f"no simulation: {self}")


def merged(outages: list[Outage], until: datetime) -> tuple[Outage, ...]:
    """The outages in order, as far as they lie before `until`; those that overlap or touch are one."""
    joined: list[Outage] = []
    for each in sorted(outages, key=lambda outage: outage.begun):
        end = min(each.ended, until)
        if joined and each.begun <= joined[-1].ended:
            joined[-1] = Outage(joined[-1].begun, max(joined[-1].ended, end))
        else:
            joined.append(Outage(each.begun, end))
    return tuple(joined)
