"""Decides what to do for one server: policy + observation + now → Plan. No I/O, no clock, no randomness."""

from rotator.planner.census import as_owned
from rotator.planner.plan import plan, prune_plan

__all__ = ["as_owned", "plan", "prune_plan"]
