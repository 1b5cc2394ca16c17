"""The places of a server's cap as a row of letters."""

from __future__ import annotations

from collections.abc import Iterable

from rotator.model import CAP, Observation, Policy
from rotator.standing import letter, oldest_first

LEGEND = "R restore point  P in progress  X failed  ? unknown status  F not ours  . free"

UNSEEN = "-" * CAP


def legend(pictures: Iterable[str]) -> str:
    """What the letters of these pictures mean."""
    return f"{LEGEND}\n{UNSEEN} the list could not be read" if UNSEEN in pictures else LEGEND


def picture(policy: Policy, observation: Observation | None) -> str:
    """The places of the cap, oldest first: `RRRF.`; see `LEGEND`."""
    if observation is None:
        return UNSEEN
    return "".join(letter(policy, each) for each in oldest_first(observation.snapshots)).ljust(CAP, ".")
