"""The rules of a plan as tables: what is there → what is done, in order, and the words it is told in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from rotator.model import CAP, Cause, Keep, Plan, Sign, Snapshot, Verb
from rotator.naming import slot_in_name
from rotator.planner import plan, prune_plan
from rotator.planner.census import take_census
from rotator.planner.words import counted, duration_text
from tests.builders import DB, WEB, day, days, foreign, observation, policy, snapshot, taken
from tests.conftest import NOW
from tests.machine import machine_in

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def planned(*snapshots: Snapshot, now: datetime = NOW, requested: datetime | None = None, **rules: Any) -> Plan:
    """The plan of the default policy (daily at 02:00, keep: 4), with other `rules`."""
    return plan(policy(**rules), observation(*snapshots), now, requested)


def did(plan: Plan) -> list[str]:
    """The actions, as short as a table needs them: `create 23`, `delete 19: surplus`; other names in full."""

    def short(name: str) -> str:
        slot = slot_in_name("rotator", name)
        return f"{slot:%-d}" if slot else name

    return [
        f"create {short(each.name)}" if each.verb is Verb.CREATE else f"delete {short(each.name)}: {each.cause}"
        for each in plan.actions
    ]


def told(plan: Plan, sign: Sign) -> list[str]:
    """What the notices of one kind say."""
    return [notice.text for notice in plan.notices if notice.sign is sign]


class TestDue:
    def test_a_server_without_snapshots_gets_its_first_one(self) -> None:
        first = planned()
        assert did(first) == ["create 23"]
        assert (first.slot, first.due, first.next_slot) == (NOW, True, day(24))
        assert first.actions[0].reason == "slot 2026-11-23 02:00:00Z is due"
        assert first.actions[0].name == "rotator-20261123T020000Z"
        assert first.actions[0].snapshot_id is None

    def test_a_plan_says_whose_it_is(self) -> None:
        assert (planned().server_id, planned().server) == (WEB, "web-server-01")

    def test_reasons_are_in_utc_whatever_the_zone_of_the_machine(self) -> None:
        with machine_in("Asia/Tokyo"):
            assert planned().actions[0].reason == "slot 2026-11-23 02:00:00Z is due"

    @pytest.mark.parametrize(
        ("status", "due"),
        [("completed", False), ("in_progress", False), ("archived", False), ("failed", True), ("error", True)],
    )
    def test_the_slot_is_taken_unless_its_snapshot_failed(self, status: str, due: bool) -> None:
        assert planned(taken(NOW, status)).due is due

    @pytest.mark.parametrize(
        ("now", "due"),
        [
            (day(23, 1, 59), False),
            (day(23, 2, 0), True),
            (day(23, 23, 0), True),
        ],
    )
    def test_a_slot_is_due_from_its_minute_on(self, now: datetime, due: bool) -> None:
        assert planned(taken(day(22)), now=now).due is due

    def test_a_restore_point_of_a_later_slot_covers_an_earlier_one(self) -> None:
        assert not planned(taken(day(23, 2, 3)), now=day(23, 2, 4)).due

    def test_missed_slots_coalesce_into_the_latest(self) -> None:
        assert did(planned(*days(15, 16))) == ["create 23"]

    def test_a_foreign_snapshot_takes_no_slot(self) -> None:
        assert planned(*foreign("rotator-20261123T020000Z-copy", "other-20261123T020000Z")).due

    def test_a_snapshot_of_another_server_takes_no_slot_and_is_foreign(self) -> None:
        stranger = taken(NOW, server_id=DB)
        assert did(planned(stranger)) == ["create 23"]

    def test_an_adopted_snapshot_takes_the_slot_it_was_created_after(self) -> None:
        assert not planned(snapshot("old-7", NOW + MINUTE), now=NOW + HOUR, adopt=("old-*",)).due
        assert planned(snapshot("old-7", NOW - MINUTE), now=NOW + HOUR, adopt=("old-*",)).due

    def test_an_adopted_snapshot_without_a_time_takes_no_slot(self) -> None:
        assert planned(snapshot("old-7", None), adopt=("old-*",)).due

    @pytest.mark.parametrize(("now", "due"), [(NOW + 29 * MINUTE, False), (NOW + 30 * MINUTE, True)])
    def test_splay_delays_the_slot_but_not_its_name(self, now: datetime, due: bool) -> None:
        late = planned(taken(day(22)), now=now, splay=30 * MINUTE)
        assert late.due is due
        assert did(late) == (["create 23"] if due else [])
        assert late.next_slot == (day(24) if due else day(23))


class TestGrace:
    @pytest.mark.parametrize(("late", "due"), [(timedelta(0), True), (HOUR, True), (HOUR + MINUTE, False)])
    def test_a_slot_may_be_taken_up_to_its_grace(self, late: timedelta, due: bool) -> None:
        assert planned(*days(22), now=NOW + late, grace=HOUR).due is due

    def test_grace_counts_from_the_splayed_slot(self) -> None:
        assert planned(*days(22), now=NOW + 90 * MINUTE, grace=HOUR, splay=30 * MINUTE).due

    def test_a_slot_beyond_grace_is_told_as_missed(self) -> None:
        missed = planned(*days(22), now=NOW + 2 * HOUR, grace=HOUR)
        assert did(missed) == []
        assert told(missed, Sign.MISSED) == [
            "slot 2026-11-23 02:00:00Z was missed by more than grace: 1h; the next one will be taken"
        ]
        missed = planned(*days(22), now=NOW + 2 * HOUR, grace=20 * MINUTE)
        assert "was missed by more than grace: 20m; the next one" in told(missed, Sign.MISSED)[0]

    def test_a_taken_slot_is_never_missed(self) -> None:
        assert not told(planned(*days(23), now=NOW + 2 * HOUR, grace=HOUR), Sign.MISSED)

    def test_nothing_is_pruned_while_the_newest_slot_is_missing(self) -> None:
        assert did(planned(*days(18, 19, 20, 21, 22), now=NOW + 2 * HOUR, grace=HOUR)) == []

    def test_without_grace_any_lateness_will_do(self) -> None:
        assert planned(*days(1), now=day(24, 1, 59)).due


class TestRequested:
    """`--now` asks for a slot of its own."""

    def test_a_requested_slot_is_taken_although_none_is_due(self) -> None:
        asked = day(23, 9, 30)
        now = planned(*days(23), now=asked, requested=asked)
        assert (now.slot, now.due) == (asked, True)
        assert [each.name for each in now.actions] == ["rotator-20261123T093000Z"]
        assert now.actions[0].reason == "slot 2026-11-23 09:30:00Z was asked for"

    def test_grace_does_not_concern_a_requested_slot(self) -> None:
        asked = day(23, 1, 0)
        assert planned(now=day(23, 9), requested=asked, grace=MINUTE).due

    def test_a_requested_slot_is_taken_once(self) -> None:
        asked = day(23, 9, 30)
        assert not planned(taken(asked), now=asked, requested=asked).due


class TestInProgress:
    @pytest.mark.parametrize(
        "running",
        [
            taken(NOW, "in_progress"),
            taken(day(22), "in_progress", created_at=NOW - 10 * MINUTE),
            snapshot("by-hand", NOW - 10 * MINUTE, "in_progress"),
        ],
        ids=["this slot's", "an earlier slot's", "a foreign one"],
    )
    def test_nothing_is_done_while_a_snapshot_is_in_progress(self, running: Snapshot) -> None:
        failed = taken(day(20), "failed")
        wait = planned(*days(18, 19, 21), failed, running)
        assert did(wait) == []
        assert wait.waiting is not None
        assert wait.waiting.startswith(f"{running.name} is in progress since 2026-11-23 0")
        assert wait.blocked is None

    def test_waiting_says_since_when(self) -> None:
        wait = planned(taken(NOW, "in_progress"))
        assert wait.waiting == "rotator-20261123T020000Z is in progress since 2026-11-23 02:00:00Z"

    def test_it_is_waited_for_and_not_called_blocked_even_if_every_slot_is_held(self) -> None:
        waiting = planned(*foreign("a", "b", "c", "d"), snapshot("by-hand", NOW - MINUTE, "in_progress"))
        assert waiting.due
        assert (did(waiting), waiting.blocked) == ([], None)
        assert waiting.waiting == "by-hand is in progress since 2026-11-23 01:59:00Z"

    def test_one_that_runs_longer_than_stuck_after_no_longer_holds_up_the_next_slot(self) -> None:
        stuck = planned(taken(day(22), "in_progress"), now=NOW)
        assert did(stuck) == ["create 23"]
        assert stuck.waiting is None
        assert told(stuck, Sign.STUCK) == [
            (
                "rotator-20261122T020000Z is in progress since 2026-11-22 02:00:00Z; "
                "rotator never deletes it: ask the provider, or delete it by hand"
            )
        ]

    @pytest.mark.parametrize(("age", "waits"), [(60 * MINUTE, True), (61 * MINUTE, False)])
    def test_stuck_begins_after_stuck_after(self, age: timedelta, waits: bool) -> None:
        late = planned(taken(NOW, "in_progress"), now=NOW + age)
        assert (late.waiting is not None) is waits
        assert (told(late, Sign.STUCK) == []) is waits

    def test_a_stuck_one_keeps_its_own_slot(self) -> None:
        assert not planned(taken(NOW, "in_progress"), now=NOW + 5 * HOUR).due

    def test_a_foreign_one_that_is_stuck_is_told_as_well(self) -> None:
        stuck = planned(snapshot("by-hand", NOW - 2 * HOUR, "in_progress"))
        assert did(stuck) == ["create 23"]
        assert told(stuck, Sign.STUCK)[0].startswith("by-hand is in progress since 2026-11-23 00:00:00Z")

    def test_one_of_unknown_age_blocks_since_nobody_can_tell_whether_it_is_stuck(self) -> None:
        blocked = planned(snapshot("by-hand", None, "in_progress"), taken(day(20), "failed"))
        assert did(blocked) == []
        assert blocked.blocked == (
            "by-hand is in progress since an unknown time, so nobody can tell when it will end; "
            "delete it by hand if it is dead"
        )

    def test_one_that_began_ahead_of_the_clock_is_waited_for(self) -> None:
        """A clock is wrong, here or there; that it is in progress is right all the same."""
        waiting = planned(snapshot("by-hand", NOW + HOUR, "in_progress"))
        assert (did(waiting), waiting.blocked) == ([], None)
        assert waiting.waiting == "by-hand is in progress since 2026-11-23 03:00:00Z"

    @pytest.mark.parametrize("status", ["in_progress", "archived"])
    def test_two_in_a_row_that_became_no_restore_points_cost_no_third_one(self, status: str) -> None:
        """A good restore point goes only after the newer one is complete; the only exception is making room (S6)."""
        early = [taken(day(number), status, created_at=day(number)) for number in (21, 22)]
        assert did(planned(*days(18, 19, 20), early[0], foreign("by-hand")[0])) == ["delete 18: room", "create 23"]
        failing = planned(*days(18, 19, 20), *early)
        assert did(failing) == []
        assert failing.blocked is not None
        assert "3 of 5 places are held by restore points that stay" in failing.blocked

    @pytest.mark.parametrize(
        ("own", "odd", "victim"),
        [([17, 18, 22], [20, 21], 17), ([20, 21, 22], [22, 22], 20), ([18, 19, 20], [22, 20], 18)],
        ids=["older ones", "of its slot", "one of them newer"],
    )
    @pytest.mark.parametrize("status", ["in_progress", "archived"])
    def test_only_those_after_the_newest_restore_point_count_as_two_in_a_row(
        self, own: list[int], odd: list[int], victim: int, status: str
    ) -> None:
        none = [taken(day(each), status, snapshot_id=place) for place, each in enumerate(odd)]
        assert did(planned(*days(*own), *none)) == [f"delete {victim}: room", "create 23"]

    def test_without_a_restore_point_there_is_none_that_a_third_one_could_cost(self) -> None:
        stuck = observation(*(taken(day(each), "in_progress") for each in (20, 21)))
        assert not take_census(policy(), stuck, NOW).is_failing()


class TestRoom:
    def test_with_room_the_new_one_is_complete_before_the_oldest_goes(self) -> None:
        assert did(planned(*days(19, 20, 21, 22))) == ["create 23", "delete 19: surplus"]

    def test_keep_5_makes_room_first(self) -> None:
        full = planned(*days(18, 19, 20, 21, 22), keep=5)
        assert did(full) == ["delete 18: room", "create 23"]
        assert full.actions[0].reason == (
            "makes room for rotator-20261123T020000Z: every place is taken, "
            "and no keep rule wants it once the new one is there"
        )

    def test_without_room_the_failed_ones_go_first_and_only_as_many_as_needed_before_the_create(self) -> None:
        failed = [taken(day(17), "failed"), taken(day(18), "error")]
        assert did(planned(*failed, *days(20, 21, 22))) == ["delete 17: failed", "create 23", "delete 18: failed"]

    def test_with_room_the_failed_ones_go_after_the_create(self) -> None:
        assert did(planned(taken(day(18), "failed"), *days(21, 22))) == ["create 23", "delete 18: failed"]

    def test_beyond_the_cap_as_many_failed_ones_go_as_make_room(self) -> None:
        failed = [taken(day(each), "failed") for each in (15, 16, 17)]
        assert did(planned(*failed, *days(20, 21, 22))) == [
            "delete 15: failed",
            "delete 16: failed",
            "create 23",
            "delete 17: failed",
        ]

    def test_the_failed_one_of_the_slot_goes_before_the_slot_is_taken_again(self) -> None:
        assert did(planned(taken(NOW, "failed"), *days(22))) == ["delete 23: failed", "create 23"]
        assert did(planned(taken(NOW, "failed"), taken(day(18), "failed"), *days(20, 21, 22))) == [
            "delete 23: failed",
            "create 23",
            "delete 18: failed",
        ]

    def test_failed_ones_are_cleaned_up_when_nothing_is_due(self) -> None:
        cleanup = planned(taken(day(22), "failed"), *days(23))
        assert did(cleanup) == ["delete 22: failed"]
        assert cleanup.actions[0].reason == "it failed, so it is no restore point and only takes room"

    def test_a_failed_foreign_snapshot_is_left_alone(self) -> None:
        assert did(planned(*foreign("by-hand", status="failed"), *days(23))) == []

    def test_foreign_snapshots_are_capacity_never_prey(self) -> None:
        assert did(planned(*foreign("a", "b"), *days(20, 21, 22))) == ["delete 20: room", "create 23"]

    @pytest.mark.parametrize(
        ("own", "min_keep", "expected"),
        [
            ([21, 22], 1, ["delete 21: room", "create 23"]),
            ([21, 22], 2, []),
            ([22], 1, []),
            ([20, 21, 22], 2, ["delete 20: room", "create 23"]),
        ],
    )
    def test_room_is_made_only_while_min_keep_others_remain_and_never_of_the_newest(
        self, own: list[int], min_keep: int, expected: list[str]
    ) -> None:
        others = foreign(*"abcde"[: CAP - len(own)])
        tight = planned(*others, *days(*own), min_keep=min_keep)
        assert did(tight) == expected
        assert (tight.blocked is None) is bool(expected)

    def test_what_made_room_counts_no_longer_towards_min_keep(self) -> None:
        """Of five with the new one, `min_keep: 2` would let three go; one is gone already."""
        tight = planned(*foreign("a", "b"), *days(20, 21, 22), keep=1, min_keep=2)
        assert did(tight) == ["delete 20: room", "create 23", "delete 21: surplus"]

    def test_a_list_longer_than_the_cap_is_never_met_by_several_deletes_of_restore_points(self) -> None:
        over = planned(*foreign("a"), *days(18, 19, 20, 21, 22))
        assert did(over) == []
        assert over.blocked is not None

    def test_failed_ones_are_cleaned_up_even_when_the_slot_is_blocked(self) -> None:
        over = planned(*foreign("a", "b", "c", "d", "e"), taken(day(22), "failed"))
        assert did(over) == ["delete 22: failed"]
        assert over.blocked is not None


class TestVictim:
    """Who goes when every place is wanted."""

    @pytest.mark.parametrize(
        ("keep", "own", "others", "victim"),
        [
            # A plain count: the oldest.
            (Keep(last=4), [20, 21, 22], "ab", 20),
            # What the rules give up once the new one is there goes before anything they want.
            (Keep(last=2, weekly=1), [15, 20, 21, 22], "a", 20),
            # They want all: the oldest of the finest rule that keeps several; the weekly ones keep the reach.
            (Keep(last=3, weekly=2), [8, 15, 21, 22], "a", 21),
            # The finest rule keeps the new one only, the next one several: its oldest.
            (Keep(last=1, daily=3), [20, 21, 22], "ab", 20),
            # Of `last` only the newest is there, which never goes, and `daily` keeps a single one: the weekly ones.
            (Keep(last=2, daily=1, weekly=2), [8, 15, 21, 22], "a", 8),
            # No rule keeps several that may go: the finest with one that may.
            (Keep(last=1, weekly=1, monthly=1), [15, 22], "abc", 15),
        ],
        ids=["plain count", "surplus first", "finest tier", "next tier", "tier of several", "single ones"],
    )
    def test_the_reach_survives(self, keep: Keep, own: list[int], others: str, victim: int) -> None:
        assert did(planned(*foreign(*others), *days(*own), keep=keep))[0] == f"delete {victim}: room"

    def test_the_reason_names_the_rule(self) -> None:
        squeezed = planned(*foreign("a", "b"), *days(20, 21, 22), keep=4)
        assert squeezed.actions[0].reason == (
            "makes room for rotator-20261123T020000Z: every place is taken, and of what last keeps it is missed least"
        )

    def test_the_others_are_judged_as_they_will_be_without_it_and_with_the_new_one(self) -> None:
        room = planned(*foreign("a"), *days(8, 15, 21, 22), keep=Keep(last=3, weekly=2))
        assert did(room) == ["delete 21: room", "create 23"]
        assert [each.keep_reasons for each in room.verdicts] == [
            ("weekly #1 (2026-W45)",),
            ("last #3",),
            (),
            ("last #2",),
        ]


class TestBlocked:
    def test_foreign_snapshots_hold_every_place(self) -> None:
        blocked = planned(*foreign("a", "b", "c", "d", "e"))
        assert (blocked.due, did(blocked)) == (True, [])
        assert blocked.blocked == "5 of 5 places are held by snapshots rotator does not own: a, b, c, d, e"

    @pytest.mark.parametrize(
        ("snapshots", "rules", "held_by"),
        [
            (
                [*foreign("a", "b", "c", "d"), *days(22)],
                {},
                {
                    "4 of 5 places are held by snapshots rotator does not own": "a, b, c, d",
                    "1 of 5 places is held by restore points that stay (the newest always does; min_keep: 1)": (
                        "rotator-20261122T020000Z"
                    ),
                },
            ),
            (
                [*days(21, 22), *foreign("a", "b", "c")],
                {"min_keep": 2},
                {
                    "3 of 5 places are held by snapshots rotator does not own": "a, b, c",
                    "2 of 5 places are held by restore points that stay (the newest always does; min_keep: 2)": (
                        "rotator-20261121T020000Z, rotator-20261122T020000Z"
                    ),
                },
            ),
            (
                [*foreign("a", "b", "c"), *(taken(day(each), "in_progress") for each in (21, 22))],
                {},
                {
                    "3 of 5 places are held by snapshots rotator does not own": "a, b, c",
                    "2 of 5 places are held by snapshots stuck in progress": (
                        "rotator-20261121T020000Z, rotator-20261122T020000Z"
                    ),
                },
            ),
            (
                [*foreign("a", "b", "c"), *(taken(day(each), "archived") for each in (21, 22))],
                {},
                {
                    "3 of 5 places are held by snapshots rotator does not own": "a, b, c",
                    "2 of 5 places are held by snapshots of a status rotator does not know": (
                        "rotator-20261121T020000Z, rotator-20261122T020000Z"
                    ),
                },
            ),
            (
                [*foreign("a", "b", "c", "d"), taken(day(29))],
                {},
                {
                    "4 of 5 places are held by snapshots rotator does not own": "a, b, c, d",
                    (
                        "1 of 5 places is held by snapshots dated in the future or not at all, "
                        "which rotator never deletes"
                    ): "rotator-20261129T020000Z",
                },
            ),
        ],
        ids=["foreign and the newest", "min_keep", "stuck", "unknown status", "future"],
    )
    def test_says_who_holds_the_places(
        self, snapshots: list[Snapshot], rules: dict[str, Any], held_by: dict[str, str]
    ) -> None:
        blocked = planned(*snapshots, **rules)
        assert did(blocked) == []
        assert blocked.blocked == "; ".join(f"{who}: {which}" for who, which in held_by.items())

    @pytest.mark.parametrize("status", ["failed", "in_progress", "archived"])
    def test_says_so_too_when_only_future_dated_ones_that_are_no_restore_points_hold_the_places(
        self, status: str
    ) -> None:
        """The clock was a year ahead once: five snapshots of that time hold every place, and nothing may be deleted."""
        ahead = [taken(day(24 + each), status, created_at=NOW - 2 * HOUR) for each in range(CAP)]
        blocked = planned(*ahead)
        assert (blocked.due, did(blocked), blocked.waiting) == (True, [], None)
        assert blocked.blocked == (
            "5 of 5 places are held by snapshots dated in the future or not at all, which rotator never deletes: "
            + ", ".join(each.name for each in ahead)
        )

    def test_the_reasons_to_stay_do_not_count_a_slot_that_cannot_be_taken(self) -> None:
        blocked = planned(*foreign("a", "b", "c"), *days(21, 22), keep=2, min_keep=2)
        assert blocked.blocked is not None
        assert [each.keep_reasons for each in blocked.verdicts] == [("last #2",), ("last #1",)]

    def test_nothing_is_blocked_when_nothing_is_due(self) -> None:
        assert planned(*foreign("a", "b", "c", "d"), *days(23)).blocked is None


class TestPrune:
    def test_what_no_rule_wants_goes_oldest_first(self) -> None:
        pruned = planned(*days(19, 20, 21, 22, 23), keep=3)
        assert did(pruned) == ["delete 19: surplus", "delete 20: surplus"]
        assert pruned.actions[0].reason == "no rule of keep: 3 wants it"

    def test_tiers_keep_their_own(self) -> None:
        keep = Keep(last=2, weekly=1)
        assert did(planned(*days(15, 21, 22, 23), keep=keep)) == ["delete 21: surplus"]

    @pytest.mark.parametrize(("min_keep", "gone"), [(1, [20, 21]), (2, [20]), (3, [])])
    def test_never_below_min_keep(self, min_keep: int, gone: list[int]) -> None:
        keep = Keep(last=1)
        expected = [f"delete {each}: surplus" for each in gone]
        assert did(planned(*days(20, 21, 23), keep=keep, min_keep=min_keep)) == expected

    def test_pruning_waits_until_the_newest_slot_is_complete(self) -> None:
        """The slot is held by one of unknown status: nothing proves that it is good."""
        assert did(planned(*days(19, 20, 21, 22), taken(NOW, "archived"), keep=3)) == []

    def test_a_time_zone_decides_which_day_it_is(self) -> None:
        night = [taken(day(20, 23)), taken(day(21, 1)), taken(day(23))]
        keep = Keep(last=1, daily=1)
        assert did(planned(*night, keep=keep)) == ["delete 20: surplus"]
        assert did(planned(*night, keep=Keep(daily=3), timezone="UTC")) == []
        assert did(planned(*night, keep=Keep(daily=2, monthly=1), timezone="Asia/Tokyo")) == []


class TestHeld:
    """S11: a larger surplus waits for a person."""

    def test_two_are_pruned_three_are_held(self) -> None:
        two = planned(*days(21, 22, 23), keep=1)
        assert did(two) == ["delete 21: surplus", "delete 22: surplus"]
        assert told(two, Sign.HELD) == []
        held = planned(*days(20, 21, 22, 23), keep=1)
        assert did(held) == []
        assert told(held, Sign.HELD) == [
            (
                "3 restore points are surplus; unattended at most 2 are pruned, since more means that the policy "
                "changed: look with `rotator plan`, then run `rotator prune`"
            )
        ]
        assert [verdict.keep_reasons for verdict in held.verdicts] == [
            ("surplus, held for `rotator prune`",),
            ("surplus, held for `rotator prune`",),
            ("surplus, held for `rotator prune`",),
            ("last #1",),
        ]

    def test_rotation_itself_goes_on(self) -> None:
        assert did(planned(*days(20, 21, 22), keep=1)) == ["create 23"]
        assert did(planned(*days(18, 19, 20, 21, 22), keep=1)) == ["delete 18: room", "create 23"]

    def test_prune_shows_all_of_it_to_a_person(self) -> None:
        shown = prune_plan(policy(keep=1), observation(*days(20, 21, 22, 23)), NOW)
        assert did(shown) == ["delete 20: surplus", "delete 21: surplus", "delete 22: surplus"]
        assert (shown.due, shown.blocked, shown.waiting) == (False, None, None)
        assert (shown.slot, shown.next_slot) == (NOW, day(24))
        assert (shown.server_id, shown.server) == (WEB, "web-server-01")
        assert [(each.keep_reasons, each.prune_reason) for each in shown.verdicts] == [
            *[((), "no rule of keep: 1 wants it")] * 3,
            (("last #1",), None),
        ]

    def test_prune_tells_what_stands_in_the_way(self) -> None:
        waits = prune_plan(policy(), observation(taken(NOW, "in_progress"), taken(day(29))), NOW)
        assert waits.waiting == "rotator-20261123T020000Z is in progress since 2026-11-23 02:00:00Z"
        assert [notice.sign for notice in waits.notices] == [Sign.FUTURE_SLOT]
        ageless = prune_plan(policy(), observation(snapshot("by-hand", None, "in_progress")), NOW)
        assert ageless.blocked is not None
        assert ageless.blocked.startswith("by-hand is in progress since an unknown time")

    def test_prune_speaks_of_the_same_slots_as_a_plan(self) -> None:
        shown = prune_plan(policy(splay=30 * MINUTE), observation(*days(22)), NOW + 10 * MINUTE)
        assert (shown.slot, shown.next_slot) == (day(22), day(23))

    @pytest.mark.parametrize(
        ("snapshots", "rules", "expected"),
        [
            (days(20, 21, 22), {"min_keep": 2, "keep": 1}, ["delete 20: surplus"]),
            (days(21), {"keep": 1}, []),
            ([*days(20, 21), taken(day(22), "failed")], {"keep": 1}, ["delete 20: surplus"]),
            ([*days(20, 21), *foreign("a"), taken(day(29))], {"keep": 1}, ["delete 20: surplus"]),
            ([*days(20, 21), taken(NOW, "in_progress")], {"keep": 1}, []),
            ([*days(20, 21), snapshot("x", None, "in_progress")], {"keep": 1}, []),
        ],
        ids=["min_keep", "the newest", "not the failed", "not the foreign or future", "waits", "waits for ageless"],
    )
    def test_prune_keeps_to_the_safety_rules(
        self, snapshots: list[Snapshot], rules: dict[str, int], expected: list[str]
    ) -> None:
        keep, min_keep = rules["keep"], rules.get("min_keep", 1)
        assert did(prune_plan(policy(keep=keep, min_keep=min_keep), observation(*snapshots), NOW)) == expected


class TestVerdicts:
    def test_every_restore_point_has_a_reason_to_stay_or_to_go(self) -> None:
        future, undated = taken(day(29)), snapshot("old-1", None)
        keep = Keep(last=2, weekly=1)
        verdicts = planned(*days(15, 21, 22, 23), future, undated, *foreign("a"), keep=keep, adopt=("old-*",)).verdicts
        assert [each.slot for each in verdicts] == [day(15), day(21), day(22), day(23), day(29), None]
        assert [(each.snapshot.name, each.keep_reasons, each.prune_reason) for each in verdicts] == [
            ("rotator-20261115T020000Z", ("weekly #1 (2026-W46)",), None),
            ("rotator-20261121T020000Z", (), "no rule of keep: {last: 2, weekly: 1} wants it"),
            ("rotator-20261122T020000Z", ("last #2",), None),
            ("rotator-20261123T020000Z", ("last #1",), None),
            (future.name, ("dated in the future or not at all: never deleted",), None),
            ("old-1", ("dated in the future or not at all: never deleted",), None),
        ]

    def test_a_surplus_that_min_keep_holds_says_so(self) -> None:
        [older, _] = planned(*days(22, 23), keep=1, min_keep=2).verdicts
        assert older.keep_reasons == ("surplus, but stays for min_keep: 2",)

    def test_a_surplus_that_waits_for_the_latest_slot_says_so(self) -> None:
        [older, newer, _] = planned(*days(21, 22), taken(NOW, "in_progress"), taken(day(20)), keep=2).verdicts
        assert older.keep_reasons == ("surplus, but stays until the latest slot has its restore point",)
        assert newer.keep_reasons == ("last #2",)

    def test_two_that_wait_for_the_latest_slot_are_not_called_held(self) -> None:
        waiting = planned(*days(20, 21, 22), taken(NOW, "in_progress"), keep=1).verdicts
        words = "surplus, but stays until the latest slot has its restore point"
        assert [each.keep_reasons for each in waiting] == [(words,), (words,), ("last #1",)]

    def test_reasons_count_the_slot_that_is_due(self) -> None:
        [newest] = planned(*days(22)).verdicts
        assert newest.keep_reasons == ("last #2",)
        assert newest.slot == day(22)


class TestFutureAndUndated:
    def test_a_slot_a_few_minutes_ahead_is_no_fault(self) -> None:
        near = planned(*days(22), taken(NOW + 5 * MINUTE))
        assert (near.due, told(near, Sign.FUTURE_SLOT)) == (False, [])

    def test_a_slot_further_ahead_is_ignored_and_told(self) -> None:
        ahead = planned(*days(22), taken(NOW + 6 * MINUTE))
        assert did(ahead) == ["create 23"]
        assert told(ahead, Sign.FUTURE_SLOT) == [
            "the slot of rotator-20261123T020600Z is in the future: a clock was or is wrong; ignored, never deleted"
        ]

    @pytest.mark.parametrize("status", ["completed", "failed", "in_progress", "archived"])
    def test_future_ones_are_never_deleted_whatever_their_status(self, status: str) -> None:
        ahead = planned(*days(21, 22, 23), taken(day(29), status, created_at=day(22)), keep=1)
        assert not [each for each in ahead.actions if each.name == "rotator-20261129T020000Z"]
        assert told(ahead, Sign.FUTURE_SLOT)

    def test_an_undated_adopted_one_is_told_not_counted_and_never_deleted(self) -> None:
        undated = planned(*days(22, 23), snapshot("old-1", None), keep=1, adopt=("old-*",))
        assert did(undated) == ["delete 22: surplus"]
        assert told(undated, Sign.UNDATED) == ["old-1 has no creation time: not counted, never deleted"]

    def test_a_name_states_the_slot_even_if_the_api_gives_no_time(self) -> None:
        assert not planned(taken(NOW, created_at=None)).notices

    def test_a_failed_adopted_one_without_a_time_is_left_alone(self) -> None:
        assert did(planned(*days(23), snapshot("old-1", None, "failed"), adopt=("old-*",))) == []


class TestNotices:
    def test_a_converged_server_has_none(self) -> None:
        assert planned(*days(20, 21, 22, 23)).notices == ()

    def test_two_snapshots_of_one_slot(self) -> None:
        twins = [taken(day(22), snapshot_id=1), taken(day(22), snapshot_id=2), *days(23)]
        assert told(planned(*twins), Sign.DUPLICATE_SLOT) == [
            "slot 2026-11-22 02:00:00Z has 2 snapshots: rotator-20261122T020000Z, rotator-20261122T020000Z"
        ]

    def test_of_two_of_one_slot_the_older_goes_whatever_order_they_come_in(self) -> None:
        late = taken(day(22), snapshot_id="late", created_at=day(22, 3))
        early = taken(day(22), snapshot_id="early", created_at=day(22))
        for pair in ([late, early], [early, late]):
            [gone] = planned(*pair, *days(23), keep=2).actions
            assert gone.snapshot_id == "early"

    def test_of_two_made_at_the_same_moment_the_same_one_goes_whatever_order_they_come_in(self) -> None:
        twins = [taken(day(22), snapshot_id="one"), taken(day(22), snapshot_id="two")]
        for pair in (twins, twins[::-1]):
            [gone] = planned(*pair, *days(23), keep=2).actions
            assert gone.snapshot_id == "one"

    @pytest.mark.parametrize(("status", "told_once"), [("archived", 1), ("restoring", 1), ("completed", 0)])
    def test_an_unknown_status_is_told_and_left_alone(self, status: str, told_once: int) -> None:
        odd = planned(taken(day(19), status), *days(20, 21, 22, 23), keep=4)
        assert len(told(odd, Sign.UNKNOWN_STATUS)) == told_once
        if told_once:
            assert told(odd, Sign.UNKNOWN_STATUS) == [
                f"status {status!r} of rotator-20261119T020000Z is not one rotator knows: left alone"
            ]
            assert did(odd) == []

    @pytest.mark.parametrize(("api_name", "differs"), [("web-server-01", False), ("", False), ("mail", True)])
    def test_another_name_at_the_api_shows_a_wrong_id(self, api_name: str, differs: bool) -> None:
        expected = ["server 12345 is 'web-server-01' here but 'mail' at the API: is the id right?"]
        assert told(planned(taken(NOW, server_name=api_name)), Sign.NAME_DIFFERS) == (expected if differs else [])

    @pytest.mark.parametrize(
        ("keep", "others", "words"),
        [
            (4, "a", None),
            (
                4,
                "ab",
                "keep: 4 wants 4 places, but only 3 are left beside snapshots rotator does not own: a, b",
            ),
            (2, "abcd", "keep: 2 wants 2 places, but only 1 is left beside snapshots rotator does not own: a, b, c, d"),
            (
                1,
                "abcde",
                "keep: 1 wants 1 place, but none is left beside snapshots rotator does not own: a, b, c, d, e",
            ),
            (
                1,
                "abcdef",
                "keep: 1 wants 1 place, but none is left beside snapshots rotator does not own: a, b, c, d, e, f",
            ),
            (
                Keep(last=4, weekly=1),
                "a",
                (
                    "keep: {last: 4, weekly: 1} wants 5 places, but only 4 are left beside "
                    "snapshots rotator does not own: a"
                ),
            ),
        ],
    )
    def test_foreign_snapshots_squeeze_the_policy(self, keep: Keep | int, others: str, words: str | None) -> None:
        assert told(planned(*foreign(*others), *days(23), keep=keep), Sign.SQUEEZED) == ([words] if words else [])

    def test_several_come_in_a_fixed_order(self) -> None:
        many = [
            taken(day(29)),
            snapshot("old-1", None),
            taken(day(20), "archived"),
            snapshot("by-hand", day(22), "in_progress", server_name="mail"),
        ]
        signs = [notice.sign for notice in planned(*many, *foreign("b"), adopt=("old-*",)).notices]
        assert signs == [
            Sign.NAME_DIFFERS,
            Sign.FUTURE_SLOT,
            Sign.UNDATED,
            Sign.UNKNOWN_STATUS,
            Sign.STUCK,
            Sign.SQUEEZED,
        ]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 servers"), (1, "1 server"), (2, "2 servers"), (1000, "1,000 servers")]
)
def test_one_is_singular_and_thousands_are_set_apart(number: int, words: str) -> None:
    assert counted(number, "server") == words


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("0s", timedelta(0)),
        ("1ms", timedelta(milliseconds=1)),
        ("1500ms", timedelta(milliseconds=1500)),
        ("1s", timedelta(seconds=1)),
        ("90s", timedelta(seconds=90)),
        ("1m", timedelta(minutes=1)),
        ("90m", timedelta(minutes=90)),
        ("1h", timedelta(hours=1)),
        ("36h", timedelta(hours=36)),
        ("1d", timedelta(days=1)),
        ("14d", timedelta(days=14)),
    ],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(words: str, value: timedelta) -> None:
    assert duration_text(value) == words


def test_every_delete_has_a_cause_a_name_and_an_id() -> None:
    gone = planned(taken(NOW, "failed"), *days(19, 20, 21, 22), keep=3)
    assert [each.cause for each in gone.actions] == [Cause.FAILED, Cause.SLOT, Cause.SURPLUS, Cause.SURPLUS]
    assert [each.snapshot_id is None for each in gone.actions] == [each.verb is Verb.CREATE for each in gone.actions]
