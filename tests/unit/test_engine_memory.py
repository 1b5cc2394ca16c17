"""What a process remembers: no second create without proof, retry delays, and what was already said."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rotator.engine.ledger import NoLedger, Result
from rotator.engine.memory import Attempts, Deletions, Permission, Told
from tests.builders import DB, WEB, day, days, observation
from tests.conftest import NOW

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SETTLE = 30 * SECOND
DELAYS = (5 * MINUTE, 15 * MINUTE, 45 * MINUTE)


@pytest.fixture
def attempts() -> Attempts:
    return Attempts(DELAYS, SETTLE, NoLedger())


def reached(attempts: Attempts, stage: Result, reason: str = "", at: datetime = NOW) -> None:
    """A first attempt at NOW that reached `stage`."""
    attempts.move(WEB, attempts.begin(WEB, NOW, at), stage, at, reason)


class TestPermission:
    def test_a_slot_that_was_never_tried_may_be_asked_for(self, attempts: Attempts) -> None:
        assert attempts.permission(WEB, NOW, NOW) == Permission(granted=True)

    def test_an_attempt_at_another_slot_or_server_does_not_count(self, attempts: Attempts) -> None:
        reached(attempts, Result.SENT)
        assert attempts.permission(WEB, day(24), day(24)).granted
        assert attempts.permission(DB, NOW, NOW).granted

    @pytest.mark.parametrize("stage", [Result.SENT, Result.COMPLETED])
    def test_what_the_api_accepted_is_never_asked_for_again(self, attempts: Attempts, stage: Result) -> None:
        reached(attempts, stage)
        early = attempts.permission(WEB, NOW, NOW + SETTLE - SECOND)
        late = attempts.permission(WEB, NOW, NOW + SETTLE)
        assert (early.granted, early.patient, early.look_again) == (False, True, NOW + SETTLE - SECOND)
        assert early.reason == "asked for, and not in the API's list yet"
        assert (late.granted, late.patient, late.look_again) == (False, False, None)
        assert late.reason.startswith("the API accepted it, but its list does not show it any more")

    def test_an_uncertain_create_is_looked_for_until_the_list_is_proof(self, attempts: Attempts) -> None:
        reached(attempts, Result.UNCERTAIN, "create: no answer")
        early = attempts.permission(WEB, NOW, NOW + SETTLE - SECOND)
        assert (early.granted, early.patient) == (False, True)
        assert early.reason == "its answer was lost; looking whether it was created"
        proven = attempts.permission(WEB, NOW, NOW + SETTLE)
        assert (proven.granted, proven.patient, proven.look_again) == (False, False, NOW + 5 * MINUTE)
        assert proven.reason == "create: no answer; the list shows that nothing was created"
        assert attempts.permission(WEB, NOW, NOW + 5 * MINUTE).granted

    def test_an_attempt_that_was_never_answered_at_all_has_words_too(self, attempts: Attempts) -> None:
        attempts.begin(WEB, NOW, NOW)
        assert attempts.permission(WEB, NOW, NOW + MINUTE).patient
        lost = attempts.permission(WEB, NOW, NOW + MINUTE).reason
        assert lost == "the request was lost; the list shows that nothing was created"

    def test_a_failed_slot_is_tried_again_after_5_15_and_45_minutes_then_never(self, attempts: Attempts) -> None:
        now = NOW
        for delay in DELAYS:
            reached(attempts, Result.FAILED, "it failed", at=now)
            soon = attempts.permission(WEB, NOW, now + delay - SECOND)
            assert (soon.granted, soon.look_again, soon.reason) == (False, now + delay, "it failed")
            now += delay
            assert attempts.permission(WEB, NOW, now).granted
        reached(attempts, Result.FAILED, "it failed", at=now)
        assert attempts.permission(WEB, NOW, now + timedelta(days=1)) == Permission(granted=False, reason="it failed")

    def test_without_retry_delays_a_failed_slot_is_left_to_the_next_run(self) -> None:
        attempts = Attempts((), SETTLE, NoLedger())
        reached(attempts, Result.FAILED, "it failed")
        assert attempts.permission(WEB, NOW, day(24)) == Permission(granted=False, reason="it failed")


class TestAttempts:
    def test_tries_of_one_slot_are_counted_and_a_new_slot_starts_again(self, attempts: Attempts) -> None:
        assert [attempts.begin(WEB, NOW, NOW).tries for _ in range(2)] == [1, 2]
        assert attempts.begin(WEB, day(24), day(24)).tries == 1

    def test_moving_on_keeps_when_it_was_sent(self, attempts: Attempts) -> None:
        attempts.move(WEB, attempts.begin(WEB, NOW, NOW), Result.COMPLETED, NOW + MINUTE, "words")
        last = attempts.last(WEB)
        assert last is not None
        assert (last.begun, last.at, last.stage, last.reason) == (NOW, NOW + MINUTE, Result.COMPLETED, "words")

    def test_what_another_process_asked_for_counts_as_sent(self, attempts: Attempts) -> None:
        attempts.meet(WEB, NOW, NOW + MINUTE, begun=NOW)
        met = attempts.of(WEB, NOW)
        assert met is not None
        assert (met.stage, met.begun, met.tries) == (Result.SENT, NOW, 1)

    def test_a_request_that_never_left_was_no_attempt(self, attempts: Attempts) -> None:
        attempts.begin(WEB, NOW, NOW)
        attempts.undo(WEB, None)
        assert attempts.last(WEB) is None
        assert attempts.permission(WEB, NOW, NOW).granted

    def test_a_request_that_never_left_forgets_no_attempt_before_it(self, attempts: Attempts) -> None:
        before = attempts.begin(WEB, NOW, NOW)
        attempts.begin(WEB, NOW, NOW + MINUTE)
        attempts.undo(WEB, before)
        assert attempts.last(WEB) == before


class TestDeletions:
    """A list that still shows what was deleted is older than it says."""

    def test_a_list_that_shows_it_is_late_for_5_minutes_then_a_failure_for_an_hour(self) -> None:
        deletions = Deletions()
        [snapshot] = days(20)
        deletions.note(WEB, snapshot.id, NOW)
        for after, patient in ((5 * MINUTE - SECOND, True), (5 * MINUTE, False), (HOUR - SECOND, False)):
            objection = deletions.objection(WEB, observation(snapshot, taken_at=NOW + after))
            assert objection is not None
            assert (objection.granted, objection.cleanup, objection.patient) == (False, False, patient)
        assert deletions.objection(WEB, observation(snapshot, taken_at=NOW + HOUR)) is None

    def test_one_restore_point_at_most_is_given_up_for_a_slot(self) -> None:
        deletions = Deletions()
        deletions.note_room(WEB, NOW, 801)
        assert deletions.gave_room(WEB, NOW, 802)
        assert not deletions.gave_room(WEB, NOW, 801), "the same one again is no second"
        assert not deletions.gave_room(WEB, NOW + HOUR, 802)
        assert not deletions.gave_room(DB, NOW, 802)
        assert not deletions.gave_room(WEB, None, 802)

    def test_a_list_without_it_or_of_another_server_is_not_late(self) -> None:
        deletions = Deletions()
        [deleted, other] = days(20, 21)
        assert deletions.objection(WEB, observation(deleted)) is None
        deletions.note(WEB, deleted.id, NOW)
        assert deletions.objection(WEB, observation(other)) is None
        assert deletions.objection(DB, observation(deleted)) is None

    def test_another_engine_goes_on_with_it(self) -> None:
        before, after = Deletions(), Deletions()
        [snapshot] = days(20)
        before.note(WEB, snapshot.id, NOW)
        after.take_over(before)
        assert after.objection(WEB, observation(snapshot)) is not None


class TestTold:
    def test_a_lasting_condition_is_said_once_and_again_after_it_ended(self) -> None:
        told = Told()
        full = ("blocked", "no room")
        assert told.news("outcome", WEB, [full]) == [full]
        assert told.news("outcome", WEB, [full]) == []
        assert told.news("outcome", WEB, []) == []
        assert told.news("outcome", WEB, [full]) == [full]

    def test_new_words_are_news_and_every_server_and_topic_has_its_own(self) -> None:
        told = Told()
        first, second = ("stuck", "since 2"), ("stuck", "since 3")
        assert told.news("plan", WEB, [first]) == [first]
        assert told.news("plan", WEB, [first, second]) == [second]
        assert told.news("outcome", WEB, [first]) == [first]
        assert told.news("plan", DB, [first]) == [first]
