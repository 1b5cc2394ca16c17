"""Broken variants that decide wrongly on a list that they read rightly."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from rotator.model import CAP, Action, Cause, Observation, Policy
from rotator.planner import census

plan: Any = import_module("rotator.planner.plan")  # the package has a function of that name


def deletes_first(patch: pytest.MonkeyPatch) -> None:
    """What will be surplus goes before the new one is there."""
    actions = plan._actions

    def broken(*args: Any, **more: Any) -> tuple[Action, ...]:
        return tuple(sorted(actions(*args, **more), key=lambda each: each.cause is not Cause.SURPLUS))

    patch.setattr(plan, "_actions", broken)


def prunes_before_complete(patch: pytest.MonkeyPatch) -> None:
    """Prunes as soon as the slot is held, by whatever."""
    patch.setattr(census.Census, "proves", lambda self, slot: True)


def ignores_foreign_for_room(patch: pytest.MonkeyPatch) -> None:
    """Only its own snapshots count towards the cap."""
    take = census.take_census

    def broken(policy: Policy, observation: Observation, now: datetime) -> census.Census:
        found = take(policy, observation, now)
        return replace(found, room=found.room + len(found.foreign))

    patch.setattr(plan, "take_census", broken)


def never_creates(patch: pytest.MonkeyPatch) -> None:
    """A slot is due, and nothing comes of it."""
    patch.setattr(plan, "_create", lambda *args: None)


def never_prunes(patch: pytest.MonkeyPatch) -> None:
    """What keep gives up stays."""
    patch.setattr(plan, "_surplus_deletes", lambda *args: ())


def takes_any_hour_for_a_slot(patch: pytest.MonkeyPatch) -> None:
    """Whoever looks at a later hour finds that one due, whatever the schedule says."""
    patch.setattr(plan, "latest_slot", lambda schedule, now: now.replace(minute=0, second=0, microsecond=0))


def posts_at_five(patch: pytest.MonkeyPatch) -> None:
    """Tries whether the API refuses."""
    patch.setattr(plan, "_room", lambda *args: plan._Room())


def floor_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """One restore point fewer than `min_keep` is enough."""
    victim = plan._victim

    def broken(policy: Policy, *args: Any) -> Any:
        return victim(replace(policy, min_keep=policy.min_keep - 1), *args)

    patch.setattr(plan, "_victim", broken)


def newest_may_go(patch: pytest.MonkeyPatch) -> None:
    """Where something is surplus, the newest one goes."""

    def broken(policy: Policy, future: Any) -> tuple[Action, ...]:
        newest = future.points[-1:] if future.surplus else ()
        return tuple(plan._delete(each, Cause.SURPLUS, "it is new") for each in newest)

    patch.setattr(plan, "_surplus_deletes", broken)


def prunes_in_a_burst(patch: pytest.MonkeyPatch) -> None:
    """However much is surplus, it goes."""
    patch.setattr(plan, "MOST_SURPLUS", CAP)


def future_slot_counts(patch: pytest.MonkeyPatch) -> None:
    """A slot ahead of the clock is as good as any."""
    patch.setattr(census, "FUTURE", timedelta(days=1))
