"""Over any small policy and any faults: what a simulation tells is what its story holds, and what the rules promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.logs import silence
from rotator.model import CAP, Keep, Policy
from rotator.retention import Point, kept
from rotator.simulate import Fate, Life, Outage, Settings, figures, simulate
from rotator.slots import latest_slot, slots_between
from tests.builders import policy

BEGUN = datetime(2026, 10, 24, tzinfo=UTC)  # the night after, clocks go back in Europe
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

keeps = st.one_of(
    st.integers(1, 5).map(lambda count: Keep(last=count)),
    st.sampled_from([Keep(last=2, daily=1, weekly=1), Keep(hourly=1, daily=2), Keep(daily=2), Keep(last=1, weekly=2)]),
)
policies = st.builds(
    policy,
    schedule=st.sampled_from(["every 2 hours", "every 6 hours", "every day at 02:30", "hourly"]),
    timezone=st.sampled_from(["UTC", "Europe/Paris"]),
    keep=keeps,
    grace=st.sampled_from([None, timedelta(0), 30 * MINUTE]),
    splay=st.sampled_from([timedelta(0), timedelta(seconds=77), 25 * MINUTE]),
    stuck_after=st.sampled_from([timedelta(hours=1), timedelta(hours=4)]),
)


@st.composite
def simulations(draw: st.DrawFn) -> Settings:
    begin = BEGUN + draw(st.integers(0, 100)) * 30 * MINUTE
    outage = Outage(begin, begin + draw(st.integers(1, 40)) * 30 * MINUTE)
    return Settings(
        BEGUN,
        3,
        fail=draw(st.sampled_from([0.0, 0.2, 1.0])),
        outages=draw(st.sampled_from([(), (outage,)])),
        foreign=draw(st.integers(0, 5)),
        seed=draw(st.integers(0, 9)),
        create_time=draw(st.sampled_from([MINUTE, 5 * MINUTE, 50 * MINUTE, 3 * 60 * MINUTE])),
        poll_interval=MINUTE,
    )


def alive_at(lives: tuple[Life, ...], moment: datetime) -> int:
    return sum(life.born <= moment and (life.died is None or moment < life.died) for life in lives)


def calendar(rules: Policy, ended: datetime) -> set[datetime]:
    """The slots reached before the end, by a walk of its own; the one before the beginning if grace allows it."""
    first = latest_slot(rules.schedule, BEGUN - rules.splay)
    assert first
    caught_up = rules.grace is None or BEGUN - rules.splay - first <= rules.grace
    rest = {slot for slot in slots_between(rules.schedule, first, ended) if slot + rules.splay < ended}
    return rest | ({first} if caught_up else set())


@given(rules=policies, chosen=simulations())
@settings(max_examples=60, deadline=None)
def test_a_simulation_obeys_the_cap_the_keep_rules_and_the_calendar(rules: Policy, chosen: Settings) -> None:
    with silence():
        story = simulate([rules], chosen)
    [server] = story.servers
    found = figures(server, story)
    # Never more than five, whatever their status; every count rises where one is born.
    assert max((alive_at(server.lives, life.born) for life in server.lives), default=0) <= CAP
    # Nothing that a person made is ever deleted.
    assert sum(not life.owned and life.died is None for life in server.lives) == chosen.foreign
    # What is there on the last day is what retention keeps of it, but for what is surplus only until the next look.
    points = [Point(life.slot, life.snapshot_id) for life in found.points if life.slot]
    busy = any(life.status != "completed" and life.died is None for life in server.lives)
    settled = not busy and all(each.ended < chosen.ended for each in chosen.outages)
    # Where the next slot is due as soon as a snapshot is complete, it goes first, and the surplus is held (S11).
    settled &= server.slots[-1].fate is Fate.TAKEN and not any(each.kind == "held" for each in server.troubles)
    if settled and points:
        assert set(kept(points, rules.keep, rules.schedule.timezone)) == set(points)
    # Every slot of the calendar has one fate, in order, and no other slot has.
    slots = [each.slot for each in server.slots]
    assert slots == sorted(calendar(rules, chosen.ended))
    assert found.slots.total() == len(slots)
    assert {life.slot for life in found.points} <= set(slots)


@pytest.mark.parametrize("days", [1, 2])
def test_the_beginning_of_a_longer_simulation_is_the_shorter_one(days: int) -> None:
    """A replay that is cut to a day shows the same up to then."""
    rules = policy(schedule="hourly")
    with silence():
        short, long = (simulate([rules], Settings(BEGUN, each, fail=0.3)) for each in (days, 4))
    assert long.calls_by_day[:days] == short.calls_by_day
    born = [(life.name, life.born) for life in long.servers[0].lives if life.born < short.ended]
    assert [(life.name, life.born) for life in short.servers[0].lives] == born
