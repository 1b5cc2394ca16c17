"""Random accounts, faults, crashes and restarts: no safety rule is ever broken, and it all comes right in the end.

The rules S1 to S8 are asserted by the cloud itself at every call that changes something.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from rotator.engine import Outcome
from rotator.errors import (
    CredentialsError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UnreachableError,
)
from rotator.model import CAP, Id, Keep, Policy, State
from rotator.naming import slot_in_name, snapshot_name
from rotator.slots import latest_slot
from tests.builders import WEB, day, policy
from tests.conftest import NOW
from tests.fake_cloud import Crash, FakeCloud, Fault, Shell, truncated
from tests.ledger import FakeLedger

MINUTE = timedelta(minutes=1)
FAULTY = 90 * MINUTE
STUCK_AFTER = 60 * MINUTE
SETTLED = STUCK_AFTER + 10 * MINUTE
"""The longest that a slot waits once faults are over: for a snapshot that sticks, then for the next look."""

slow = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Trouble:
    call: str
    fault: Fault | Exception
    server: int | None
    times: int


@dataclass(frozen=True)
class Story:
    """An account, and what happens to it until faults end."""

    policies: tuple[Policy, ...]
    planted: tuple[tuple[int, str, datetime, str], ...] = ()
    troubles: tuple[Trouble, ...] = ()
    restarts: tuple[int, ...] = ()
    """Minutes after which a new process takes over."""
    lag: timedelta = timedelta(0)
    """How late lists are, about what was created and what was deleted."""
    create_time: timedelta = 5 * MINUTE

    def cloud(self) -> FakeCloud:
        cloud = FakeCloud(self.policies, create_time=self.create_time)
        for server_id, name, created_at, status in self.planted:
            if len(cloud.snapshots(server_id)) < CAP and name not in cloud.names(server_id):
                cloud.plant(server_id, name, created_at, status)
        for each in self.troubles:
            cloud.trouble(each.call, each.fault, server_id=each.server, times=each.times)
        cloud.lag = cloud.ghosts = self.lag
        return cloud


servers = st.integers(100, 103)
policies = st.builds(
    policy,
    servers,
    schedule=st.sampled_from(["hourly", "every 6 hours", "every day at 02:00", "every day at 01:30"]),
    keep=st.sampled_from([1, 2, 4, 5, Keep(last=2, daily=1, weekly=1)]),
    min_keep=st.integers(1, 2),
    splay=st.sampled_from([timedelta(0), 7 * MINUTE]),
)
fleets = st.lists(policies, min_size=1, max_size=4, unique_by=lambda each: each.server_id).map(tuple)
past = st.integers(1, 40).map(lambda sixths: NOW.replace(hour=0) - timedelta(hours=6 * sixths))
planted = st.lists(
    st.one_of(
        st.builds(lambda id_, slot, status: (id_, snapshot_name("rotator", slot), slot, status), servers, past,
                  st.sampled_from(["completed", "completed", "completed", "failed", "archived"])),
        st.builds(lambda id_, name, slot: (id_, name, slot, "completed"), servers, st.sampled_from("abcde"), past),
    ),
    max_size=14,
)  # fmt: skip
create_faults = st.sampled_from(
    [*Fault, RefusedError("400"), UnavailableError("429"), UnreachableError("no route"), CredentialsError("401")]
)
delete_faults = st.sampled_from(
    [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, RefusedError("400"), UnavailableError("503"), CredentialsError("403")]
)
list_faults = st.sampled_from(
    [truncated(), UnreachableError("no answer"), UnavailableError("503"), NotFoundError("404"), ValueError("a bug")]
)
times = st.integers(1, 6)
somebody = st.none() | servers
troubles = st.one_of(
    st.builds(Trouble, st.just("create"), create_faults, somebody, times),
    st.builds(Trouble, st.just("delete"), delete_faults, somebody, times),
    st.builds(Trouble, st.just("list"), list_faults, somebody, times),
    st.builds(Trouble, st.just("account"), list_faults, st.none(), times),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    fleet = draw(fleets)
    known = {each.server_id for each in fleet}
    lag = draw(st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=20)]))
    return Story(
        fleet,
        tuple(each for each in draw(planted) if each[0] in known),
        tuple(draw(st.lists(troubles, max_size=5))),
        tuple(sorted(draw(st.lists(st.integers(0, 89), max_size=3)))),
        lag,
        draw(st.integers(1, 10)) * MINUTE,
    )


def latest_outcomes(shell: Shell, until: datetime, known: dict[Id, Outcome]) -> None:
    for report in shell.passes(until):
        known |= {outcome.policy.server_id: outcome for outcome in report.outcomes}


def live(story: Story, cloud: FakeCloud) -> dict[Id, Outcome]:
    """Ninety minutes of faults and restarts, then as long as anything may take; how each server stood at last.

    Where lists come late, each process knows what the one before wrote down: from such a list it cannot know.
    """
    known: dict[Id, Outcome] = {}
    ledger = FakeLedger() if story.lag else None
    ends = [NOW + minutes * MINUTE for minutes in story.restarts]
    for end in [*ends, NOW + FAULTY]:
        shell = Shell(cloud, story.policies, ledger=ledger)
        latest_outcomes(shell, end, known)
        cloud.now = max(cloud.now, end)
        if end < NOW + FAULTY:
            shell.close()
    cloud.calm()
    latest_outcomes(shell, NOW + FAULTY + 2 * SETTLED, known)
    cloud.now = NOW + FAULTY + 2 * SETTLED
    shell.close()
    return known


@slow
@given(stories())
@example(Story((policy(100),), troubles=(Trouble("create", Fault.LOSE_ANSWER, None, 1),), restarts=(1, 2)))
@example(Story((policy(100),), troubles=(Trouble("create", Fault.LOSE_ANSWER, None, 1),), lag=timedelta(seconds=20)))
@example(
    Story(
        (policy(100, keep=1, min_keep=2),),
        tuple((100, snapshot_name("rotator", day(number)), day(number), "completed") for number in (20, 21, 22)),
        lag=timedelta(seconds=20),
    )
)
def test_faults_over_every_due_slot_has_its_restore_point_or_an_alert_names_why_not(story: Story) -> None:
    """Faults over, every due slot has its restore point, or an alert names why not (L1); S1 to S8 hold all the time."""
    with capture_logs():
        cloud = story.cloud()
        outcomes = live(story, cloud)
    for each in story.policies:
        slot = latest_slot(each.schedule, cloud.now - SETTLED - story.create_time - each.splay)
        slots = [
            slot_in_name(each.prefix, snapshot.name) or NOW - timedelta(days=99)
            for snapshot in cloud.snapshots(each.server_id)
            if snapshot.state is State.COMPLETED
        ]
        assert slot is not None
        assert max(slots, default=NOW - timedelta(days=99)) >= slot or outcomes[each.server_id].problems
        assert len(cloud.snapshots(each.server_id)) <= CAP


@slow
@given(stories())
def test_no_slot_is_taken_twice_and_nothing_foreign_is_lost(story: Story) -> None:
    """No slot runs twice over restarts (L4): of two of one name one failed. Nothing foreign goes (S2)."""
    with capture_logs():
        cloud = story.cloud()
        foreign = {
            each.id
            for rules in story.policies
            for each in cloud.snapshots(rules.server_id)
            if slot_in_name(rules.prefix, each.name) is None
        }
        live(story, cloud)
    left = [each for rules in story.policies for each in cloud.snapshots(rules.server_id)]
    assert foreign <= {each.id for each in left}
    alive = [(each.server_id, each.name) for each in left if each.state is not State.FAILED]
    assert len(alive) == len(set(alive))


@st.composite
def quiet_stories(draw: st.DrawFn) -> Story:
    fleet = draw(fleets)
    known = {each.server_id for each in fleet}
    return Story(fleet, tuple(each for each in draw(planted) if each[0] in known))


@settings(slow, max_examples=120)
@given(quiet_stories(), st.integers(1, 25), st.booleans(), st.booleans(), st.booleans())
@example(Story((policy(100, keep=5),)), 2, True, True, False)
@example(Story((policy(100, keep=5),)), 2, True, True, True)
def test_a_crash_at_any_instant_and_a_restart_converge_to_the_same_state(
    story: Story, at: int, after_acting: bool, daemon: bool, remembers: bool
) -> None:
    """A crash at any instant followed by a restart converges to the same state as no crash (L3)."""

    def state(cloud: FakeCloud) -> list[tuple[Id, str, str]]:
        rows = (each for rules in story.policies for each in cloud.snapshots(rules.server_id))
        return sorted((each.server_id, each.name, each.status) for each in rows)

    def finish(cloud: FakeCloud, ledger: FakeLedger | None) -> None:
        shell = Shell(cloud, story.policies, daemon=daemon, ledger=ledger)
        try:
            for _ in shell.passes(NOW + 25 * MINUTE):
                pass
        finally:
            shell.close()

    # Who was asked for and is nowhere to be seen is waited for: a slot that ends meanwhile gives way to the next.
    assume(not (remembers and any(rules.splay for rules in story.policies)))
    with capture_logs():
        smooth = story.cloud()
        finish(smooth, None)
        crashed, ledger = story.cloud(), FakeLedger() if remembers else None
        crashed.crash_at, crashed.crash_after_acting = at, after_acting
        try:
            finish(crashed, ledger)
        except Crash:
            crashed.revive()
            finish(crashed, ledger)
    assert state(crashed) == state(smooth)


@settings(slow, max_examples=30)
@given(stories(), st.integers(2, 4))
def test_parallel_passes_break_no_rule_either(story: Story, parallel: int) -> None:
    """Servers are independent: with several workers the rules hold just the same (S9)."""
    with capture_logs():
        cloud = story.cloud()
        shell = Shell(cloud, story.policies, parallel=parallel)
        for report in shell.passes(NOW + FAULTY):
            assert len(report.outcomes) <= len(story.policies)
        shell.close()
    assert threading.active_count() < 50


def test_a_converged_account_is_left_alone_for_good() -> None:
    """A converged state plans nothing (L2): no call changes anything before the next slot."""
    with capture_logs():
        cloud = FakeCloud([policy(WEB)])
        shell = Shell(cloud, [policy(WEB)])
        shell.run(20 * MINUTE)
        before = cloud.changes()
        shell.run(timedelta(hours=23))
        shell.close()
    assert cloud.changes() == before
