"""What the operator should know about one server besides the actions; every notice is true of what is there now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from rotator.model import CAP, Notice, Observation, Policy, Sign
from rotator.planner.census import Census
from rotator.planner.words import counted, duration_text, instant, names, since

MOST_SURPLUS = 2
"""More surplus restore points than this are held for `rotator prune` (S11)."""


def notices_of(policy: Policy, observation: Observation, census: Census) -> Iterator[Notice]:
    """Notices about the snapshots themselves, in a fixed order."""
    yield from _misnamed(policy, observation)
    yield from _misdated(census)
    yield from _unclear(census)
    yield from _squeezed(policy, census)


def missed(slot: datetime, grace: timedelta) -> Notice:
    """The slot passed and is too late to be taken."""
    text = f"slot {instant(slot)} was missed by more than grace: {duration_text(grace)}; the next one will be taken"
    return Notice(Sign.MISSED, text)


def held(count: int) -> Notice:
    """More surplus than an unattended run may prune (S11)."""
    text = (
        f"{count} restore points are surplus; unattended at most {MOST_SURPLUS} are pruned, "
        "since more means that the policy changed: look with `rotator plan`, then run `rotator prune`"
    )
    return Notice(Sign.HELD, text)


def _misnamed(policy: Policy, observation: Observation) -> Iterator[Notice]:
    others = {snapshot.server_name for snapshot in observation.snapshots} - {policy.server, ""}
    for name in sorted(others):
        text = f"server {policy.server_id} is {policy.server!r} here but {name!r} at the API: is the id right?"
        yield Notice(Sign.NAME_DIFFERS, text)


def _misdated(census: Census) -> Iterator[Notice]:
    if census.future:
        text = f"the slot of {names(census.future)} is in the future: a clock was or is wrong; ignored, never deleted"
        yield Notice(Sign.FUTURE_SLOT, text)
    if census.undated:
        yield Notice(Sign.UNDATED, f"{names(census.undated)} has no creation time: not counted, never deleted")
    for slot, group in groupby(census.points, key=lambda owned: owned.slot):
        twins = list(group)
        if slot is not None and len(twins) > 1:
            yield Notice(Sign.DUPLICATE_SLOT, f"slot {instant(slot)} has {len(twins)} snapshots: {names(twins)}")


def _unclear(census: Census) -> Iterator[Notice]:
    for owned in census.unknown:
        text = f"status {owned.snapshot.status!r} of {owned.snapshot.name} is not one rotator knows: left alone"
        yield Notice(Sign.UNKNOWN_STATUS, text)
    for snapshot in census.stuck:
        yield Notice(Sign.STUCK, f"{since(snapshot)}; rotator never deletes it: ask the provider, or delete it by hand")


def _squeezed(policy: Policy, census: Census) -> Iterator[Notice]:
    fit = CAP - len(census.foreign)
    if policy.keep.total > fit:
        wanted = counted(policy.keep.total, "place")
        left = f"only {fit} {'is' if fit == 1 else 'are'} left" if fit > 0 else "none is left"
        others = f"beside snapshots rotator does not own: {names(census.foreign)}"
        yield Notice(Sign.SQUEEZED, f"keep: {policy.keep} wants {wanted}, but {left} {others}")
