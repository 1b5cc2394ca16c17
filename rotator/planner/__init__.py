"""Decides what to do for one server: policy + observation + now → Plan. No I/O, no clock, no randomness."""

from rotator.planner.census import is_owned, slot_of
from rotator.planner.plan import plan, prune_plan

__all__ = ["is_owned", "plan", "prune_plan", "slot_of"]
