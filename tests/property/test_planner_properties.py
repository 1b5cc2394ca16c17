"""What the planner guarantees for every list, policy and clock; each docstring repeats the sentence of the rule."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import assume, example, given
from hypothesis import strategies as st

from rotator.model import CAP, Action, Cause, Keep, Observation, Plan, Policy, Sign, Snapshot, State, Verb
from rotator.naming import is_adopted, slot_in_name, snapshot_name
from rotator.planner import plan, prune_plan
from tests.builders import DB, WEB, day, days, foreign, policy, snapshot, taken
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)
FUTURE = timedelta(minutes=5)
ADOPTED = ("old-*",)


@dataclass(frozen=True)
class World:
    """One server: its rules, what is on it, and the time."""

    policy: Policy
    snapshots: tuple[Snapshot, ...]
    now: datetime
    requested: datetime | None = None

    def observation(self) -> Observation:
        return Observation(self.snapshots, self.now)

    def plan(self) -> Plan:
        return plan(self.policy, self.observation(), self.now, self.requested)

    def prune_plan(self) -> Plan:
        return prune_plan(self.policy, self.observation(), self.now)

    def owns(self, each: Snapshot) -> bool:
        ours = slot_in_name(self.policy.prefix, each.name) is not None or is_adopted(self.policy.adopt, each.name)
        return ours and each.server_id == self.policy.server_id

    def slot(self, each: Snapshot) -> datetime | None:
        return slot_in_name(self.policy.prefix, each.name) or each.created_at

    def points(self) -> list[Snapshot]:
        """The owned restore points with a credible slot, oldest first."""
        dated = [
            (slot, str(each.created_at or "~"), str(each.id), each)
            for each in self.snapshots
            if each.state is State.COMPLETED and self.owns(each)
            if (slot := self.slot(each)) is not None and slot <= self.now + FUTURE
        ]
        return [each for *_, each in sorted(dated, key=lambda row: row[:3])]

    def find(self, action: Action) -> Snapshot:
        [found] = [each for each in self.snapshots if each.id == action.snapshot_id]
        return found

    def after(self, action: Action) -> World:
        """The server once the action is done; a create is complete."""
        if action.verb is Verb.DELETE:
            gone = self.find(action)
            return replace(self, snapshots=tuple(each for each in self.snapshots if each != gone))
        made = snapshot(action.name, self.now, snapshot_id=f"new-{action.name}", server_id=self.policy.server_id)
        return replace(self, snapshots=(*self.snapshots, made))

    def steps(self, actions: tuple[Action, ...]) -> Iterator[tuple[World, Action]]:
        """Every action with the server as it is just before it."""
        world = self
        for action in actions:
            yield world, action
            world = world.after(action)

    def converged(self) -> World:
        """The server once the whole plan is done."""
        world = self
        for action in self.plan().actions:
            world = world.after(action)
        return world


# Around a few days before and after NOW, on and off the slots, and now and then much further away.
near = st.integers(-60, 4).map(lambda quarters: NOW + timedelta(hours=6 * quarters))
odd = st.integers(-30 * 24 * 60, 24 * 60).map(lambda minutes: NOW + minutes * MINUTE)
extreme = st.sampled_from([datetime(1, 1, 2, tzinfo=NOW.tzinfo), datetime(9999, 12, 30, tzinfo=NOW.tzinfo)])
moments = near | odd | extreme
statuses = st.sampled_from(
    ["completed"] * 8 + ["failed", "error", "in_progress", "in_progress", "archived", "restoring", ""]
)
names = st.one_of(
    moments.map(lambda slot: snapshot_name("rotator", slot)),
    near.map(lambda slot: snapshot_name("rotator", slot)),
    near.map(lambda slot: snapshot_name("rotator-db", slot)),
    near.map(lambda slot: snapshot_name("rotator", slot) + "-copy"),
    st.sampled_from(["old-1", "old-2", "by-hand", "rotator-", "rotator"]),
)


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[Snapshot, ...]:
    count = draw(st.sampled_from([*range(CAP + 2), CAP, CAP, CAP]))
    numbers = draw(st.permutations(range(801, 801 + count)))
    make = draw(st.sampled_from([_snapshot, _ordinary]))
    return tuple(make(draw, number) for number in numbers)


def _ordinary(draw: st.DrawFn, number: int) -> Snapshot:
    """Mostly restore points of the last days, made when their names say."""
    slot = draw(st.integers(-60, 0).map(lambda quarters: NOW + timedelta(hours=6 * quarters)))
    name = draw(st.sampled_from([snapshot_name("rotator", slot)] * 4 + ["by-hand", "old-1"]))
    return snapshot(name, slot, draw(st.sampled_from(["completed"] * 6 + ["failed"])), snapshot_id=number)


def _snapshot(draw: st.DrawFn, number: int) -> Snapshot:
    name, status = draw(names), draw(statuses)
    slot = slot_in_name("rotator", name)
    own_time = st.just(slot) if slot else moments
    created_at = draw(st.one_of(own_time, own_time, own_time, moments, st.none()))
    server_id = draw(st.sampled_from([WEB] * 9 + [DB]))
    return snapshot(name, created_at, status, snapshot_id=number, server_id=server_id)


keeps = st.one_of(
    st.integers(1, CAP).map(lambda last: Keep(last=last)),
    st.builds(Keep, *[st.integers(0, 3)] * 6).filter(lambda keep: 0 < keep.total <= CAP),
)
policies = st.builds(
    policy,
    schedule=st.sampled_from(["hourly", "every 6 hours", "every day at 02:00", "every monday", "30 1 * * *"]),
    timezone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"]),
    keep=keeps,
    min_keep=st.integers(1, 3),
    adopt=st.sampled_from([(), ADOPTED]),
    grace=st.sampled_from([None, timedelta(0), timedelta(hours=1)]),
    splay=st.sampled_from([timedelta(0), 17 * MINUTE]),
)
nows = st.one_of(st.just(NOW), st.integers(-120, 12 * 60).map(lambda minutes: NOW + minutes * MINUTE))


@st.composite
def worlds_of(draw: st.DrawFn) -> World:
    now = draw(nows)
    requested = draw(st.sampled_from([None, None, None, now]))
    return World(draw(policies), draw(snapshots()), now, requested)


worlds = worlds_of()


def world(*present: Snapshot, now: datetime = NOW, **rules: object) -> World:
    """An example worth trying every time."""
    return World(policy(**rules), present, now)  # type: ignore[arg-type]


def deletes(actions: tuple[Action, ...], cause: Cause | None = None) -> list[Action]:
    return [each for each in actions if each.verb is Verb.DELETE and cause in (None, each.cause)]


@given(worlds)
def test_every_delete_is_of_an_owned_snapshot_that_failed_or_is_a_restore_point(world: World) -> None:
    """Every delete is of an owned snapshot that failed or is a restore point (S2, S3)."""
    for actions in (world.plan().actions, world.prune_plan().actions):
        for action in deletes(actions):
            target = world.find(action)
            assert world.owns(target)
            assert target.state in (State.COMPLETED, State.FAILED)
            assert (target.state is State.FAILED) is (action.cause is Cause.FAILED)
            assert action.name == target.name


@given(worlds)
@example(world(*foreign("a", "b", "c"), *days(15, 22), keep=Keep(last=1, monthly=1), min_keep=2))
def test_no_delete_leaves_fewer_than_min_keep_restore_points(world: World) -> None:
    """No delete leaves fewer than `min_keep` restore points (S1)."""
    for actions in (world.plan().actions, world.prune_plan().actions):
        for before, action in world.steps(actions):
            if action.verb is Verb.DELETE and before.find(action).state is State.COMPLETED:
                assert len(before.after(action).points()) >= world.policy.min_keep


@given(worlds)
@example(world(*days(21, 22, 23), taken(day(29)), snapshot("old-1", None), keep=1, adopt=ADOPTED))
def test_the_newest_and_those_dated_in_the_future_or_not_at_all_stay(world: World) -> None:
    """The newest restore point and those dated in the future or not at all stay (S5)."""
    for actions in (world.plan().actions, world.prune_plan().actions):
        for before, action in world.steps(actions):
            if action.verb is Verb.DELETE:
                target = before.find(action)
                slot = before.slot(target)
                assert slot is not None
                assert slot <= world.now + FUTURE
                assert target not in before.points()[-1:]


@given(worlds)
def test_restore_points_go_only_after_a_newer_one_is_complete_except_one_to_make_room(world: World) -> None:
    """Restore points go only after a newer one is complete, except one to make room (S6)."""
    planned = world.plan()
    rooms = deletes(planned.actions, Cause.ROOM)
    assert len(rooms) <= 1
    for before, action in world.steps(planned.actions):
        if action.cause is Cause.SURPLUS:
            newest = before.slot(before.points()[-1])
            assert planned.slot is None or (newest is not None and newest >= planned.slot)
        if action.cause is Cause.ROOM:
            assert len(before.snapshots) == CAP
            assert planned.due


@given(worlds)
def test_a_create_comes_only_when_the_list_leaves_room(world: World) -> None:
    """A create comes only when the list leaves room (S8)."""
    for before, action in world.steps(world.plan().actions):
        if action.verb is Verb.CREATE:
            assert len(before.snapshots) < CAP


@given(worlds)
def test_a_slot_is_created_once_and_only_when_it_is_due(world: World) -> None:
    """One POST per server and slot (S7): never of a name that is there, never besides one that runs."""
    planned = world.plan()
    creates = [(before, each) for before, each in world.steps(planned.actions) if each.verb is Verb.CREATE]
    assert len(creates) <= 1
    for before, action in creates:
        assert planned.due
        assert planned.slot is not None
        assert action.name == snapshot_name("rotator", planned.slot)
        assert not [each for each in before.snapshots if each.name == action.name and before.owns(each)]


@given(worlds)
def test_while_a_snapshot_is_in_progress_nothing_is_done(world: World) -> None:
    """Something in progress on the server, owned or foreign: wait, but no longer than `stuck_after`."""
    young = [
        each
        for each in world.snapshots
        if each.state is State.IN_PROGRESS
        and (
            each.created_at is None
            or each.created_at > world.now + FUTURE
            or world.now - each.created_at <= world.policy.stuck_after
        )
    ]
    planned = world.plan()
    assert (planned.waiting is not None or planned.blocked is not None) >= bool(young)
    if young:
        assert planned.actions == ()
        assert world.prune_plan().actions == ()


@given(worlds)
@example(world(*(taken(day(24 + each), "failed", created_at=day(22)) for each in range(CAP))))
def test_a_due_slot_is_taken_or_waited_for_or_its_obstacle_is_named(world: World) -> None:
    """Every due slot has its restore point, or an alert names why not (L1)."""
    planned = world.plan()
    if planned.due:
        creating = any(each.verb is Verb.CREATE for each in planned.actions)
        assert creating or planned.waiting or planned.blocked
        assert not (creating and (planned.waiting or planned.blocked))


@given(worlds)
def test_unattended_never_more_than_two_surplus_restore_points_are_pruned(world: World) -> None:
    """Unattended, a server never has more than two surplus restore points pruned away: it is held, and told (S11)."""
    planned = world.plan()
    pruned = deletes(planned.actions, Cause.SURPLUS)
    assert len(pruned) <= 2
    if any(notice.sign is Sign.HELD for notice in planned.notices):
        assert pruned == []


@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(world: World, order: random.Random) -> None:
    """The answer depends on the set of snapshots only."""
    shuffled = replace(world, snapshots=tuple(order.sample(world.snapshots, len(world.snapshots))))
    assert shuffled.plan() == world.plan()
    assert shuffled.prune_plan() == world.prune_plan()


@given(worlds)
def test_every_prefix_of_the_plan_keeps_the_cap_and_the_floor(world: World) -> None:
    """A crash at any instant (L3) leaves a server within the rules: not above the cap, not below the floor."""
    floor = min(len(world.points()), world.policy.min_keep)
    for before, action in world.steps(world.plan().actions):
        after = before.after(action)
        assert len(after.snapshots) <= max(CAP, len(world.snapshots))
        assert len(after.points()) >= floor


@given(worlds)
def test_a_converged_state_plans_nothing(world: World) -> None:
    """A converged state plans nothing: `plan(apply(plan)) = {}` (L2)."""
    assert world.converged().plan().actions == ()


@given(worlds)
def test_every_owned_restore_point_has_one_verdict(world: World) -> None:
    """A keep reason or a prune reason for every owned restore point, and the prune reasons are those that go."""
    owned = {each for each in world.snapshots if each.state is State.COMPLETED and world.owns(each)}
    for planned in (world.plan(), world.prune_plan()):
        assert {verdict.snapshot for verdict in planned.verdicts} == owned
        assert len(planned.verdicts) == len(owned)
        for verdict in planned.verdicts:
            assert bool(verdict.keep_reasons) is (verdict.prune_reason is None)
            assert all(verdict.keep_reasons)
        going = {verdict.snapshot.id for verdict in planned.verdicts if verdict.prune_reason}
        restore_points = {each.id for each in owned}
        assert going == {each.snapshot_id for each in deletes(planned.actions)} & restore_points


@given(worlds)
def test_prune_plan_creates_nothing_and_settles_in_one_go(world: World) -> None:
    """Every restore point that the keep rules give up, oldest first, for a person to confirm; creates nothing."""
    actions = world.prune_plan().actions
    assert all(each.cause is Cause.SURPLUS for each in actions)
    slots = [world.slot(world.find(each)) for each in actions]
    assert slots == sorted(slot for slot in slots if slot is not None)
    after = world
    for action in actions:
        after = after.after(action)
    assert after.prune_plan().actions == ()


@given(worlds)
@example(world(*foreign("a", "b", "c"), *days(1), taken(datetime(2026, 10, 30, 2, tzinfo=NOW.tzinfo)), keep=2))
@example(
    world(
        *foreign("a", "b", "c"),
        taken(datetime(2026, 10, 30, 2, tzinfo=NOW.tzinfo)),
        *days(22),
        keep=Keep(last=1, monthly=1),
    )
)
def test_the_plan_announces_what_the_passes_will_do(world: World) -> None:
    """One call per pass, each from a fresh plan (S4), ends where the printed plan says it will."""
    stepwise = world
    for _ in range(3 * CAP):
        actions = stepwise.plan().actions
        if not actions:
            break
        stepwise = stepwise.after(actions[0])
    assert {each.id for each in stepwise.snapshots} == {each.id for each in world.converged().snapshots}


@given(worlds)
def test_where_there_is_room_a_foreign_snapshot_changes_nothing(world: World) -> None:
    """A foreign snapshot is capacity, never prey: nothing else is done while there is room for both."""
    assume(len(world.snapshots) <= CAP - 2)
    crowded = replace(world, snapshots=(*world.snapshots, *foreign("by-hand-too")))
    assert crowded.plan().actions == world.plan().actions
    assert crowded.prune_plan() == replace(world.prune_plan(), notices=crowded.prune_plan().notices)
