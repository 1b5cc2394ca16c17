"""What makes a policy questionable, in words: from one server's story, for a person who is about to trust it."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.model import CAP, Cause
from rotator.planner.words import counted
from rotator.simulate.figures import Figures
from rotator.simulate.settings import Settings
from rotator.simulate.story import Fate, ServerStory

NEVER = "never_protected"


def doubts(server: ServerStory, found: Figures, settings: Settings) -> Iterator[tuple[str, str]]:
    """Kind and words of each doubt; nothing that an outage or a failed snapshot explains is held against a policy."""
    if found.gap is None:
        yield NEVER, "it had no restore point on any day"
    keep = server.policy.keep
    missed, all_slots = found.slots[Fate.MISSED], found.slots.total()
    calm = not settings.outages and not found.failed
    if missed and calm:
        yield "skips", f"{missed:,} of {counted(all_slots, 'slot')} got no restore point, though nothing failed"
    room, free = found.deletes[Cause.ROOM], CAP - settings.foreign - 1
    if room:
        remedy = f"; a keep of {free} in all leaves a place free" if 0 < free < keep.total else ""
        yield "make_room", f"{counted(room, 'restore point')} had to go before the new one was complete{remedy}"
    fate = server.slots[-1].fate if server.slots else Fate.OPEN
    if len(found.points) < min(keep.total, all_slots) and calm and fate is not Fate.OPEN:
        there = counted(len(found.points), "restore point")
        yield "fewer", f"keep: {keep} wants {keep.total}, and there were {there} on the last day"
