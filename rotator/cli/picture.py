"""The slots of a server's cap as a row of letters."""

from __future__ import annotations

from rotator.model import CAP, Observation, Policy
from rotator.standing import letter, oldest_first

LEGEND = "R restore point  P in progress  X failed  ? unknown status  F not ours  . free"


def picture(policy: Policy, observation: Observation | None) -> str:
    """The slots of the cap, oldest first: `RRRF.`; see `LEGEND`."""
    if observation is None:
        return "-" * CAP
    return "".join(letter(policy, each) for each in oldest_first(observation.snapshots)).ljust(CAP, ".")
