"""Decides what to do for one server: policy + observation + now → Plan. No I/O, no clock, no randomness."""

from rotator.planner.plan import plan, prune_plan

__all__ = ["plan", "prune_plan"]
