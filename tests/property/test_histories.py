"""Long histories of an account: people, faults, restarts and clocks in any order break no rule, and all comes right.

S1 to S8 are asserted by the cloud at every call, S11 and L4 by `tests.history.Watched`. For as long as you like:
`HYPOTHESIS_PROFILE=long pytest tests/property/test_histories.py` (see CONTRIBUTING.md)
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs

from rotator.engine import Kind
from rotator.engine.lease import LEASE, LONGEST
from rotator.engine.ledger import Hold
from rotator.engine.prune import prune_server
from rotator.errors import CredentialsError, NotFoundError, RefusedError, UnavailableError, UnreachableError
from rotator.logs import Event
from rotator.model import CAP, Id, Keep, Policy
from rotator.naming import snapshot_name
from rotator.simulate.rules import FUTURE, slot_of
from rotator.slots import latest_slot, parse_schedule
from tests.builders import policy
from tests.fake_cloud import Fault, truncated
from tests.history import History, says_why_not, told

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SETTLED = 70 * MINUTE
"""The longest that a slot waits once faults are over: for a snapshot that sticks, then for the next look."""

SERVERS: tuple[Id, ...] = (100, 101, 102)

# Zone → an instant shortly before one of its changes of the offset, in either half of the year.
BEGINNINGS = {
    "Europe/Paris": ("2026-03-28T20:00", "2026-10-24T20:00"),
    "America/New_York": ("2026-03-07T20:00", "2026-10-31T20:00"),
    "Australia/Lord_Howe": ("2026-04-04T05:00", "2026-10-03T05:00"),
    "America/Santiago": ("2026-04-04T12:00", "2026-09-05T12:00"),
    "Africa/Casablanca": ("2026-02-14T20:00", "2026-03-21T20:00"),
}

LONG = settings.get_current_profile_name() == "long"
pytestmark = pytest.mark.timeout(0 if LONG else 120)

zones = st.sampled_from(sorted(BEGINNINGS))
schedules = st.sampled_from(
    ["every 30 minutes", "hourly", "every 6 hours", "every day at 02:30", "15 1,2,3 * * *", "every sunday at 02:00"]
)
keeps = st.sampled_from(
    [*(Keep(last=count) for count in range(1, CAP + 1)), Keep(last=2, daily=1, weekly=1), Keep(hourly=2, daily=2)]
)
spans = st.one_of(
    st.integers(1, 120).map(lambda minutes: minutes * MINUTE),
    st.integers(1, 72).map(lambda hours: hours * HOUR),
    st.integers(3, 60).map(lambda days: days * DAY),
)
changes: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"keep": keeps}),
    st.fixed_dictionaries({"schedule": schedules}),
    st.fixed_dictionaries({"timezone": zones}),
    st.fixed_dictionaries({"prefix": st.sampled_from(["rotator", "other"])}),
    st.fixed_dictionaries({"adopt": st.sampled_from([(), ("nightly-*",), ("rotator-*",), ("other-*", "nightly-*")])}),
    st.fixed_dictionaries({"min_keep": st.integers(1, CAP)}),
    st.fixed_dictionaries({"grace": st.sampled_from([None, 10 * MINUTE, 3 * HOUR])}),
    st.fixed_dictionaries({"splay": st.sampled_from([timedelta(0), 7 * MINUTE, 40 * MINUTE])}),
)
create_faults = [
    *Fault,
    RefusedError("400"),
    UnavailableError("429"),
    UnreachableError("no route"),
    CredentialsError("401"),
]
delete_faults = [
    Fault.LOSE_REQUEST,
    Fault.LOSE_ANSWER,
    RefusedError("400"),
    UnavailableError("503"),
    CredentialsError("403"),
]
list_faults = [truncated(), UnreachableError("no answer"), UnavailableError("503"), NotFoundError("404")]
troubles = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(create_faults)),
    st.tuples(st.just("delete"), st.sampled_from(delete_faults)),
    st.tuples(st.sampled_from(["list", "account", "servers"]), st.sampled_from(list_faults)),
)
outages = st.sampled_from([UnreachableError("no route"), UnavailableError("503"), CredentialsError("401")])
servers = st.sampled_from(SERVERS)
places = st.integers(0, CAP - 1)


def edited(before: Policy, change: dict[str, Any]) -> Policy:
    """The rules with that change; as the configuration demands, `min_keep` is no more than `keep` keeps."""
    text, zone = before.schedule.text, before.schedule.timezone
    schedule = parse_schedule(change.get("schedule", text), change.get("timezone", zone))
    rules = {key: value for key, value in change.items() if key not in ("schedule", "timezone")}
    after = replace(before, schedule=schedule, **rules)
    return replace(after, min_keep=min(after.min_keep, after.keep.total))


class Histories(RuleBasedStateMachine):
    """One account of three servers, from shortly before a change of the clocks on."""

    @initialize(
        zone=zones,
        half=st.integers(0, 1),
        rules=st.tuples(*(st.tuples(schedules, keeps) for _ in SERVERS)),
        past=st.integers(0, CAP),
        create_time=st.sampled_from([timedelta(seconds=20), 2 * MINUTE, 8 * MINUTE]),
    )
    def begin(
        self, zone: str, half: int, rules: tuple[tuple[str, Keep], ...], past: int, create_time: timedelta
    ) -> None:
        self.logs = ExitStack()
        self.lines = self.logs.enter_context(capture_logs())
        start = datetime.fromisoformat(BEGINNINGS[zone][half]).replace(tzinfo=UTC)
        each = zip(SERVERS, rules, strict=True)
        policies = [policy(id_, schedule=text, timezone=zone, keep=keep) for id_, (text, keep) in each]
        self.history = History(policies, start, create_time)
        self.cloud = self.history.cloud
        for rules_of, age in product(policies, range(past, 0, -1)):
            slot = latest_slot(rules_of.schedule, start - age * 7 * DAY)
            assert slot is not None
            self.cloud.plant(rules_of.server_id, snapshot_name(rules_of.prefix, slot), slot)
        self.hand_made = 0

    # Time and machines

    @rule(span=spans)
    def time_passes(self, span: timedelta) -> None:
        self.history.live(span)

    @rule(span=spans)
    def more_time_passes(self, span: timedelta) -> None:
        self.history.live(span)

    @rule(after=st.just(timedelta(seconds=2)) | spans)
    def restart(self, after: timedelta) -> None:
        self.history.restart(after)

    @rule(calls=st.integers(1, 12), after_acting=st.booleans(), span=spans)
    def crash_in_a_call(self, calls: int, after_acting: bool, span: timedelta) -> None:
        self.cloud.crash_at = len(self.cloud.calls) + calls
        self.cloud.crash_after_acting = after_acting
        self.history.live(span)
        self.cloud.crash_at = None

    @rule(ahead=st.sampled_from([timedelta(0), 40 * timedelta(seconds=1), -2 * HOUR, 2 * HOUR, -9 * DAY, 9 * DAY]))
    def set_clock(self, ahead: timedelta) -> None:
        self.history.set_clock(ahead)

    # The API

    @rule(error=outages, span=spans)
    def outage(self, error: Exception, span: timedelta) -> None:
        self.cloud.down = error  # type: ignore[assignment]
        self.history.live(span, most=10)
        self.cloud.down = None

    @rule(trouble=troubles, server=st.none() | servers, times=st.integers(1, 6))
    def trouble(self, trouble: tuple[str, Fault | Exception], server: Id | None, times: int) -> None:
        call, fault = trouble
        self.cloud.trouble(call, fault, server_id=None if call in ("account", "servers") else server, times=times)

    @rule(lag=st.sampled_from([0, 20]), ghosts=st.sampled_from([0, 20, 200]))
    def lists_come_late(self, lag: int, ghosts: int) -> None:
        self.cloud.lag, self.cloud.ghosts = timedelta(seconds=lag), timedelta(seconds=ghosts)

    @rule(server=servers, readable=st.booleans(), listed=st.booleans())
    def lists_lack_something(self, server: Id, readable: bool, listed: bool) -> None:
        self.cloud.unreadable = {} if readable else {server: "a row of another server"}
        self.cloud.unlisted = set() if listed else {server}

    @rule(create_time=st.sampled_from([timedelta(seconds=20), 2 * MINUTE, 20 * MINUTE]))
    def snapshots_take_another_time(self, create_time: timedelta) -> None:
        self.cloud.create_time = create_time

    @rule()
    def calm(self) -> None:
        self.cloud.calm()

    # People

    @rule(server=servers, change=changes)
    def edit(self, server: Id, change: dict[str, Any]) -> None:
        self.history.reload(edited(self.history.policies[server], change))

    @rule(
        server=servers,
        name=st.sampled_from(["by-hand", "nightly"]),
        status=st.sampled_from(["completed", "in_progress"]),
    )
    def snapshot_by_hand(self, server: Id, name: str, status: str) -> None:
        if len(self.cloud.snapshots(server)) < CAP:
            self.hand_made += 1
            self.cloud.plant(server, f"{name}-{self.hand_made}", status=status)
            self.cloud.excuse(server)

    @rule(server=servers)
    def the_next_place_is_taken(self, server: Id) -> None:
        self.cloud.rivals.add(server)

    @rule(server=servers, place=places)
    def removed_by_hand(self, server: Id, place: int) -> None:
        there = self.cloud.snapshots(server)
        if place < len(there):
            self.cloud.take_away(there[place])

    @rule(server=servers)
    def prune(self, server: Id) -> None:
        """`rotator prune`, once the newest slot is complete: S6 is not asked of a person."""
        rules = self.history.policies[server]
        reached = latest_slot(rules.schedule, self.cloud.clock() - rules.splay)
        slots = [slot_of(rules, each) for each in self.cloud.points(server)]
        latest = self.cloud.clock() + FUTURE
        if reached is not None and any(slot is not None and reached <= slot <= latest for slot in slots):
            ids = [each.id for each in self.cloud.points(server)]
            with told():
                prune_server(self.cloud, self.cloud.ledger, self.cloud.clock, rules, ids)
            self.cloud.excuse(server)

    @rule(server=servers, place=places, requested=st.booleans())
    def restore_begins(self, server: Id, place: int, requested: bool) -> None:
        points = self.cloud.points(server)
        if place < len(points) and server not in self.cloud.ledger.holds():
            now, target = self.cloud.clock(), points[place]
            until = now + (LONGEST if requested else LEASE)
            key = f"hold {len(self.cloud.calls)}"
            self.cloud.ledger.hold(Hold(key, server, target.server_name, target.id, target.name, now, until, requested))
            if requested:
                self.cloud.restoring.add(server)

    @precondition(lambda self: self.cloud.restoring)
    @rule()
    def restores_end(self) -> None:
        self.cloud.restoring.clear()

    # What holds all the time

    @invariant()
    def all_is_well(self) -> None:
        with told():
            self.cloud.look()
        assert not [line for line in self.lines if line["event"] == Event.INTERNAL_ERROR]
        self.lines.clear()

    def teardown(self) -> None:
        if hasattr(self, "history"):
            try:
                self.faults_end()
                self.every_due_slot_has_its_restore_point_or_the_outcome_names_why_not()
                self.what_has_converged_is_left_alone()
            finally:
                self.history.close()
                self.logs.close()

    def faults_end(self) -> None:
        self.cloud.calm()
        self.cloud.restoring.clear()
        self.cloud.create_time = min(self.cloud.create_time, 8 * MINUTE)
        if self.cloud.skew:
            self.history.set_clock(timedelta(0))
        self.history.look_at_all()  # what a person removed is noticed at the next look, within a day
        self.history.live(2 * SETTLED, most=2000)
        for _ in range(500):
            if self.history.is_at_rest():
                return
            self.history.live_until_pass(self.cloud.now + DAY)
        raise AssertionError(f"it never comes to rest: {self.history.outcomes}")

    def every_due_slot_has_its_restore_point_or_the_outcome_names_why_not(self) -> None:
        for server, rules in self.history.policies.items():
            slot = latest_slot(rules.schedule, self.cloud.now - SETTLED - self.cloud.create_time - rules.splay)
            taken = [slot_of(rules, each) for each in self.cloud.points(server)]
            outcome = self.history.outcomes[server]
            signs = [each.sign for each in outcome.plan.notices] if outcome.plan else []
            assert slot is not None
            told = says_why_not(outcome.kind, signs)
            covered = any(each is not None and each >= slot for each in taken)
            assert told or covered, f"{server} lacks {slot}: {outcome.kind} {outcome.reason}; {outcome.plan}"
            assert len(self.cloud.snapshots(server)) <= CAP

    def what_has_converged_is_left_alone(self) -> None:
        """L2; a process that begins anew may take a failed slot once more, so that is asked of the others only."""
        outcomes = self.history.outcomes.items()
        converged = [server for server, outcome in outcomes if outcome.kind in (Kind.IDLE, Kind.BLOCKED)]
        everywhere, there = self.cloud.state_of(SERVERS), self.cloud.state_of(converged)
        for _ in range(2):
            self.history.look_at_all()
            self.history.one_pass()
        assert self.cloud.state_of(SERVERS) == everywhere
        self.history.restart(timedelta(seconds=2))
        self.history.one_pass()
        assert self.cloud.state_of(converged) == there


def test_no_history_breaks_a_rule_and_all_comes_right_in_the_end() -> None:
    budget = settings() if LONG else settings(max_examples=20, stateful_step_count=40)
    run_state_machine_as_test(
        Histories,
        settings=settings(budget, deadline=None, suppress_health_check=list(HealthCheck)),
    )
