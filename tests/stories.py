"""Stories of simulations, built by hand for looking at: every slot taken, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rotator.model import Policy
from rotator.naming import snapshot_name
from rotator.simulate.story import Fate, Life, Outage, ServerStory, SlotFate, Story
from rotator.slots import slots_between
from tests.builders import policy
from tests.conftest import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

BEGUN = NOW - 2 * HOUR


def life(
    name: str, born: datetime, lived: timedelta | None = None, *, status: str = "completed", **more: object
) -> Life:
    """A restore point, complete after five minutes; without `lived` it is still there."""
    values: dict[str, object] = {
        "snapshot_id": name,
        "name": name,
        "owned": True,
        "slot": born,
        "born": born,
        "ready": born + 5 * MINUTE if status == "completed" else None,
        "status": status,
        "died": born + lived if lived else None,
        "reason": "no keep rule wants it" if lived else "",
    }
    return Life(**{**values, **more})  # type: ignore[arg-type]


def server(
    days: int = 90,
    *,
    rules: Policy | None = None,
    fates: Mapping[int, Fate] | None = None,
    more: Sequence[Life] = (),
    kept: int = 4,
) -> ServerStory:
    """A server of which the last `kept` slots are there; `fates` by the slot's number, a missed one has no snapshot."""
    own = rules or policy()
    slots = list(slots_between(own.schedule, BEGUN, BEGUN + days * DAY))
    told = [SlotFate(slot, (fates or {}).get(place, Fate.TAKEN)) for place, slot in enumerate(slots)]
    taken = [each.slot for each in told if each.fate in (Fate.TAKEN, Fate.LATE)]
    lives = [
        life(snapshot_name(own.prefix, slot), slot, taken[place + kept] - slot if place + kept < len(taken) else None)
        for place, slot in enumerate(taken)
    ]
    return ServerStory(own, tuple(sorted([*lives, *more], key=lambda each: each.born)), tuple(told))


def story(*servers: ServerStory, days: int = 90, outages: Sequence[tuple[timedelta, timedelta]] = ()) -> Story:
    """A story of these servers, with outages as (after, for)."""
    spans = tuple(Outage(BEGUN + after, BEGUN + after + length) for after, length in outages)
    return Story(BEGUN, BEGUN + days * DAY, spans, servers, {"list": 1})


def lived_through(days: int = 90) -> Story:
    """Everything there is to see: failed, stuck, unknown and foreign snapshots, missed and late slots, two outages."""
    at = BEGUN + 3 * HOUR
    more = (
        life("before-upgrade", BEGUN, owned=False, slot=None),
        life("by-hand", BEGUN + 30 * DAY, 9 * DAY, owned=False, slot=None, reason="a person deleted it"),
        *(life(f"failed-{number}", at + number * 17 * DAY, 6 * HOUR, status="failed") for number in range(1, 5)),
        life("odd", at + 50 * DAY, 8 * DAY, status="archived"),
        life("stuck", BEGUN + (days - 3) * DAY, status="in_progress"),
    )
    fates = {9: Fate.MISSED, 10: Fate.LATE, 40: Fate.MISSED, 41: Fate.MISSED, 42: Fate.LATE, days - 1: Fate.OPEN}
    own = server(days, fates=fates, more=more, rules=policy(timezone="Europe/Berlin", min_keep=2))
    return story(own, days=days, outages=((9 * DAY, 12 * HOUR), (40 * DAY, 50 * HOUR)))


def renamed(told: ServerStory, name: str) -> ServerStory:
    """The same of a server of that name, whose snapshots have it too."""
    lives = tuple(replace(each, name=f"{name} {each.name}") for each in told.lives)
    return replace(told, policy=replace(told.policy, server=name), lives=lives)
