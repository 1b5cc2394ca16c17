"""What a state remembers: S7 over restarts, usual durations, holds, debts and notes; each read by a second process."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rotator.engine.ledger import Attempt, Debt, Intent, Past, Result
from rotator.model import Command
from rotator.state.bounds import KEPT
from rotator.state.rows import Row, debt_of
from rotator.state.tables import DEBTS
from tests.builders import DB, WEB
from tests.conftest import NOW
from tests.state_builders import (
    DAY,
    HOUR,
    MINUTE,
    NAME,
    SetClock,
    booted,
    debt,
    delete,
    hold,
    intent,
    note,
    opened,
    spoil,
    told,
)


def past_of(
    directory: Path,
    *ended: tuple[Intent, Result | None, datetime],
    now: datetime = NOW,
    set_by: timedelta = timedelta(0),
    boot: str = "first",
) -> Past:
    """What a process is told at `now` of these calls.

    The clock was `set_by` so much since then; with another `boot` the machine was started since then.
    """
    clock = SetClock()
    with opened(directory, clock) as state:
        for each, result, at in ended:
            clock.now = each.at
            state.begin([each])
            clock.now = at
            if result is not None:
                state.end(each.key, result, at, detail="a reason" if result is Result.UNCERTAIN else "")
    with opened(directory, SetClock(now), uptime=booted(SetClock(now - set_by), boot)) as state:
        return state.past()


class TestAttempts:
    @pytest.mark.parametrize(
        ("result", "stage"),
        [
            (None, Result.UNCERTAIN),
            (Result.UNCERTAIN, Result.UNCERTAIN),
            (Result.SENT, Result.SENT),
            (Result.COMPLETED, Result.COMPLETED),
        ],
    )
    def test_create_is_known_to_the_next_process(self, tmp_path: Path, result: Result | None, stage: Result) -> None:
        past = past_of(tmp_path, (intent("a", attempt=2), result, NOW + MINUTE), now=NOW + HOUR)
        reached = NOW + MINUTE if result else NOW
        reason = "a reason" if result is Result.UNCERTAIN else ""
        assert past.attempts == {WEB: Attempt(NOW, stage, reached, NOW, 2, reason, key="a")}

    def test_failed_create_starts_its_waits_anew(self, tmp_path: Path) -> None:
        assert past_of(tmp_path, (intent("a"), Result.FAILED, NOW)).attempts == {}

    def test_create_that_was_not_sent_leaves_the_one_before(self, tmp_path: Path) -> None:
        past = past_of(tmp_path, (intent("a"), Result.SENT, NOW), (intent("b"), Result.NOT_SENT, NOW))
        assert past.attempts[WEB].key == "a"

    def test_failed_create_does_not_hide_one_whose_answer_was_lost(self, tmp_path: Path) -> None:
        past = past_of(
            tmp_path,
            (intent("a"), Result.UNCERTAIN, NOW),
            (intent("b", slot=NOW + DAY, at=NOW + MINUTE), Result.FAILED, NOW + MINUTE),
            now=NOW + 2 * MINUTE,
        )
        assert past.attempts[WEB].key == "a"

    @pytest.mark.parametrize("result", [None, Result.SENT, Result.COMPLETED, Result.FAILED])
    def test_safety_snapshot_of_a_restore_hides_nothing(self, tmp_path: Path, result: Result | None) -> None:
        safety = intent("b", by="restore", slot=NOW + MINUTE, at=NOW + MINUTE)
        past = past_of(tmp_path, (intent("a"), Result.UNCERTAIN, NOW), (safety, result, NOW + MINUTE))
        assert past.attempts[WEB].key == "a"

    def test_last_create_counts_whatever_the_clock_said(self, tmp_path: Path) -> None:
        earlier = intent("b", at=NOW - HOUR, slot=NOW - HOUR)
        past = past_of(tmp_path, (intent("a"), Result.SENT, NOW), (earlier, Result.SENT, NOW - HOUR))
        assert past.attempts[WEB].key == "b"

    def test_every_server_has_its_own(self, tmp_path: Path) -> None:
        other = intent("b", server_id="8f0e-uuid")
        past = past_of(tmp_path, (intent("a"), Result.SENT, NOW), (other, Result.COMPLETED, NOW))
        assert {key: each.stage for key, each in past.attempts.items()} == {
            WEB: Result.SENT,
            "8f0e-uuid": Result.COMPLETED,
        }

    def test_snapshot_without_a_slot_is_no_attempt_at_one(self, tmp_path: Path) -> None:
        assert past_of(tmp_path, (intent("a", slot=None, cause="safety"), Result.SENT, NOW)).attempts == {}

    def test_what_a_wrong_clock_put_into_the_future_was_now(self, tmp_path: Path) -> None:
        ahead = NOW + 365 * DAY
        past = past_of(tmp_path, (intent("a", at=ahead), Result.SENT, ahead))
        assert (past.attempts[WEB].begun, past.attempts[WEB].at) == (NOW, NOW)

    @pytest.mark.parametrize("set_by", [HOUR, -HOUR, 9 * DAY, -9 * DAY])
    @pytest.mark.parametrize("result", [None, Result.SENT])
    def test_a_clock_that_was_set_since_changes_nothing(
        self, tmp_path: Path, set_by: timedelta, result: Result | None
    ) -> None:
        now = NOW + set_by + 2 * MINUTE
        past = past_of(tmp_path, (intent("a"), result, NOW + MINUTE), now=now, set_by=set_by)
        assert past.attempts[WEB].at == now - (MINUTE if result else 2 * MINUTE)

    @pytest.mark.parametrize("boot", ["second", ""])
    def test_before_the_machine_was_started_was_now(self, tmp_path: Path, boot: str) -> None:
        past = past_of(tmp_path, (intent("a"), Result.SENT, NOW), now=NOW + HOUR, boot=boot)
        assert past.attempts[WEB].at == NOW + HOUR

    def test_before_the_machine_was_started_is_forgotten_after_a_day(self, tmp_path: Path) -> None:
        old = (intent("a"), Result.SENT, NOW)
        young = (intent("b", server_id=DB, at=NOW + 2 * MINUTE), Result.SENT, NOW + 2 * MINUTE)
        past = past_of(tmp_path, old, young, now=NOW + DAY + MINUTE, boot="second")
        assert set(past.attempts) == {DB}

    def test_is_never_forgotten_while_the_machine_runs(self, tmp_path: Path) -> None:
        past = past_of(tmp_path, (intent("a"), Result.SENT, NOW), now=NOW + 80 * DAY)
        assert past.attempts[WEB].at == NOW


class TestDeletions:
    def test_last_one_of_the_hour_is_known(self, tmp_path: Path) -> None:
        past = past_of(tmp_path, (delete("a", 801), Result.DONE, NOW), (delete("b", 802), Result.DONE, NOW + MINUTE))
        assert past.deletions == {WEB: (802, NOW)}, "a clock may have gone back since"

    def test_a_clock_that_was_set_since_changes_nothing(self, tmp_path: Path) -> None:
        past = past_of(tmp_path, (delete("a"), Result.DONE, NOW), now=NOW + 9 * DAY + MINUTE, set_by=9 * DAY)
        assert past.deletions == {WEB: (801, NOW + 9 * DAY)}

    def test_is_forgotten_after_an_hour(self, tmp_path: Path) -> None:
        assert past_of(tmp_path, (delete("a"), Result.DONE, NOW), now=NOW + HOUR).deletions == {}

    @pytest.mark.parametrize("result", [None, Result.NOT_SENT, Result.FAILED, Result.UNCERTAIN])
    def test_one_that_nobody_confirmed_holds_nothing_up(self, tmp_path: Path, result: Result | None) -> None:
        assert past_of(tmp_path, (delete("a"), result, NOW)).deletions == {}

    @pytest.mark.parametrize("result", [None, Result.DONE, Result.FAILED, Result.UNCERTAIN])
    def test_slot_for_which_a_restore_point_was_or_may_have_been_given_up_is_known(
        self, tmp_path: Path, result: Result | None
    ) -> None:
        past = past_of(
            tmp_path,
            (delete("a", 801, cause="room", slot=NOW - DAY), Result.DONE, NOW - DAY),
            (delete("b", 802, cause="room"), result, NOW),
            (delete("c", 803, cause="room", slot=NOW + DAY), Result.NOT_SENT, NOW),
            (delete("d", 804), Result.DONE, NOW),
        )
        assert past.rooms == {WEB: (NOW, 802)}


class TestUsualDuration:
    def test_is_the_median_of_the_last_ten(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            for number, minutes in enumerate([500, 500, 5, 5, 5, 6, 6, 7, 7, 7, 8, 90]):
                state.begin([intent(str(number))])
                state.end(str(number), Result.COMPLETED, NOW, took=minutes * MINUTE)
            assert state.usual(WEB) == timedelta(minutes=6.5)
            assert state.usual(DB) is None

    def test_is_unknown_before_the_third_and_without_what_nobody_watched(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent(key) for key in "abcd"])
            for key in "ab":
                state.end(key, Result.COMPLETED, NOW, took=MINUTE)
            state.end("c", Result.COMPLETED, NOW)
            assert state.usual(WEB) is None
            state.end("d", Result.COMPLETED, NOW, took=MINUTE)
            assert state.usual(WEB) == MINUTE


class TestOpenIntents:
    def test_are_those_without_an_answer_of_the_last_quarter_of_an_hour(self, tmp_path: Path) -> None:
        waiting = intent("b", at=NOW - 14 * MINUTE)
        deleting = delete("c", at=NOW)
        others = [intent("a", at=NOW - 15 * MINUTE), intent("d"), intent("e", server_id=DB)]
        with opened(tmp_path) as state:
            state.begin([waiting, deleting, *others])
            state.end("d", Result.SENT, NOW)
            assert state.open_intents(WEB) == (waiting, deleting)

    def test_one_that_a_wrong_clock_put_into_the_future_is_none(self, tmp_path: Path) -> None:
        soon = intent("a", at=NOW + 5 * MINUTE)
        with opened(tmp_path) as state:
            state.begin([soon, intent("b", at=NOW + 6 * MINUTE), intent("c", at=NOW + 365 * DAY)])
            assert state.open_intents(WEB) == (soon,), "clocks may differ a little"

    def test_are_unknown_while_the_file_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "place").touch()
        with opened(tmp_path / "place") as state:
            state.begin([intent("a")])
            assert state.open_intents(WEB) is None

    def test_are_unknown_while_one_of_them_cannot_be_read(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a"), intent("b")])
            assert state.open_intents(DB) == ()
            spoil(state.path, "UPDATE actions SET slot = 'noon' WHERE key = 'a'")
            assert state.open_intents(WEB) is None

    def test_name_the_command_that_opened_the_state_where_they_name_none(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([replace(intent("a"), by="")])
            assert [each.by for each in state.open_intents(WEB) or ()] == ["run"]


class TestHolds:
    def test_holds_for_every_process_until_it_is_lifted(self, tmp_path: Path) -> None:
        held = hold(requested=True)
        with opened(tmp_path) as daemon, opened(tmp_path) as restore:
            assert restore.hold(held)
            assert daemon.holds() == {WEB: held}
            restore.lift(held)
            assert daemon.holds() == {}

    def test_is_prolonged_by_its_own_key(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state, opened(tmp_path) as daemon:
            assert state.hold(hold())
            assert set(daemon.holds()) == {WEB}
            assert state.hold(hold(requested=True, lasts=2 * HOUR))
            assert daemon.holds() == state.holds() == {WEB: hold(requested=True, lasts=2 * HOUR)}

    def test_is_refused_while_that_of_another_restore_is_in_force(self, tmp_path: Path) -> None:
        clock = SetClock()
        with opened(tmp_path, clock) as first, opened(tmp_path, clock) as second:
            assert first.hold(hold("first", requested=True))
            assert not second.hold(hold("second"))
            assert second.holds() == first.holds() == {WEB: hold("first", requested=True)}
            assert second.hold(hold("second", server_id=DB)), "another server may be restored meanwhile"
            clock.now += HOUR
            assert second.hold(hold("second", since=clock.now))
            assert {each.key for each in first.holds().values()} == {"second"}

    def test_is_lifted_by_the_restore_that_wrote_it_and_no_other(self, tmp_path: Path) -> None:
        clock = SetClock()
        with opened(tmp_path, clock) as first, opened(tmp_path, clock) as second, opened(tmp_path, clock) as daemon:
            first.hold(hold("first", lasts=MINUTE))
            assert set(daemon.holds()) == {WEB}
            clock.now += MINUTE
            assert second.hold(hold("second", since=clock.now))
            first.lift(hold("first", lasts=MINUTE))
            daemon.lift(hold("first", lasts=MINUTE))
            assert {each.key for state in (first, second, daemon) for each in state.holds().values()} == {"second"}
            first.lift(hold("second"))
            assert second.holds() == {}, "whoever knows its key may"

    def test_whose_time_is_up_takes_nothing_along_that_came_after_it(self, tmp_path: Path) -> None:
        ahead = SetClock(NOW + MINUTE)
        with opened(tmp_path) as restore, opened(tmp_path, ahead) as daemon:
            restore.hold(hold(lasts=MINUTE))
            prolonged = hold(lasts=HOUR)
            read = daemon._database.read
            daemon._database.read = lambda work: (read(work), restore.hold(prolonged))[0]  # type: ignore[method-assign]
            assert daemon.holds() == {}, "what it read was over"
            daemon._database.read = read  # type: ignore[method-assign]
            assert daemon.holds() == restore.holds() == {WEB: prolonged}

    def test_removal_that_could_not_be_written_yet_hides_none_that_came_after_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ahead = SetClock(NOW + MINUTE)
        with opened(tmp_path, ahead) as restore, opened(tmp_path, ahead) as daemon:
            restore.hold(hold(lasts=MINUTE))
            monkeypatch.setattr(daemon._database, "change", lambda *_, **__: False)
            assert daemon.holds() == {}
            restore.hold(hold())
            assert daemon.holds() == {WEB: hold()}, "prolonged"
            daemon.lift(hold())
            assert daemon.holds() == {}
            restore.lift(hold())
            restore.hold(hold("another"))
            assert daemon.holds() == {WEB: hold("another")}

    def test_only_one_of_many_restores_begun_at_once_gets_it(self, tmp_path: Path) -> None:
        def tried(number: int) -> bool:
            with opened(tmp_path) as state:
                return state.hold(hold(str(number)))

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(tried, range(16))) == 1

    def test_is_over_and_gone_when_its_time_is_up(self, tmp_path: Path) -> None:
        clock = SetClock()
        with opened(tmp_path, clock) as state:
            state.hold(hold())
            clock.now += HOUR
            assert state.holds() == {}
            clock.now -= HOUR
            assert state.holds() == {}, "it was removed"

    def test_one_of_a_clock_that_was_a_year_ahead_holds_nothing(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.hold(hold(since=NOW + 365 * DAY))
            assert state.holds() == {}

    def test_small_difference_of_clocks_does_not_matter(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.hold(hold(since=NOW + MINUTE))
            assert set(state.holds()) == {WEB}


class TestDebts:
    def test_are_kept_whole_until_they_are_settled(self, tmp_path: Path) -> None:
        debts = [debt("a"), debt("b", command=Command(("sync; thaw 'ü'",), shell=True), since=NOW + MINUTE)]
        with opened(tmp_path) as state:
            for each in debts:
                state.owe(each)
        with opened(tmp_path) as state:
            assert list(state.debts()) == debts
            state.settle("a")
        with opened(tmp_path) as state:
            assert list(state.debts()) == debts[1:]

    def test_are_read_again_only_if_another_process_changed_something(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(row: Row) -> Debt:
            rows.append(row)
            return debt_of(row)

        rows: list[Row] = []
        monkeypatch.setattr("rotator.state.tables.DEBTS", replace(DEBTS, value=read))
        with opened(tmp_path) as state, opened(tmp_path) as other:
            state.owe(debt("a"))
            other.owe(debt("b"))
            assert len(state.debts()) == 2
            rows.clear()
            state.owe(debt("c"))
            assert [each.key for each in state.debts()] == ["a", "b", "c"]
            assert rows == []
            other.settle("a")
            other.owe(debt("d"))
            assert {each.key for each in state.debts()} == {"b", "c", "d"}


class TestAlerts:
    def test_are_kept_by_subject_and_trouble(self, tmp_path: Path) -> None:
        first, second = note(), note(trouble="stuck")
        with opened(tmp_path) as state:
            state.save_alert(note(text="earlier"))
            state.save_alert(first)
            state.save_alert(second)
        with opened(tmp_path) as state:
            assert state.alerts() == {("web-server-01", "blocked"): first, ("web-server-01", "stuck"): second}
            state.drop_alert("web-server-01", "blocked")
            assert set(state.alerts()) == {("web-server-01", "stuck")}


class TestBounds:
    def test_actions_are_kept_for_90_days(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a"), intent("b", at=NOW + MINUTE)])
        with opened(tmp_path, SetClock(NOW + KEPT)) as state:
            state.begin([intent("c", at=NOW + KEPT + MINUTE)])
        with opened(tmp_path, SetClock(NOW + KEPT + MINUTE)) as state:
            assert [entry.at for entry in state.history()] == [NOW + KEPT + MINUTE, NOW + MINUTE]

    def test_long_run_prunes_too(self, tmp_path: Path) -> None:
        clock = SetClock()
        with opened(tmp_path, clock) as state:
            state.begin([intent("a")])
            clock.now += KEPT + DAY
            state.begin([intent("b", at=clock.now)])
            assert len(state.history()) == 1

    def test_clock_that_is_years_ahead_for_a_moment_costs_nothing(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a")])
        with opened(tmp_path, SetClock(NOW + 9999 * DAY)) as state:
            assert len(state.history()) == 1

    def test_number_of_actions_is_bounded_and_the_newest_stay(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotator.state.bounds.MOST", 20)
        with opened(tmp_path) as state:
            state.begin([intent(str(number), snapshot=str(number)) for number in range(50)])
        with opened(tmp_path) as state:
            assert [entry.snapshot for entry in state.history()] == [str(number) for number in range(49, 29, -1)]

    def test_file_gives_room_back(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent(str(number), reason="x" * 1000) for number in range(1000)])
        full = (tmp_path / NAME).stat().st_size
        with opened(tmp_path, SetClock(NOW + DAY)) as state:
            state.begin([intent("new", at=NOW + KEPT + DAY)])
        with opened(tmp_path, SetClock(NOW + KEPT + DAY)) as state:
            assert len(state.history()) == 1
        assert (tmp_path / NAME).stat().st_size < full / 4

    def test_long_and_unfit_texts_are_kept_within_bounds(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a", reason="r" * 100_000, snapshot="half a pair \ud800, nul \0, ü")])
            state.end("a", Result.FAILED, NOW, detail="d" * 100_000)
            [entry] = state.history()
        assert len(entry.reason) == len(entry.detail) == 2000
        assert entry.snapshot == "half a pair ?, nul \0, ü"


class TestFile:
    def test_is_for_its_user_only(self, tmp_path: Path) -> None:
        place = tmp_path / "new" / "state"
        with opened(place) as state:
            state.begin([intent("a")])
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in place.iterdir()}
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert modes == {NAME: 0o600, f"{NAME}-wal": 0o600, f"{NAME}-shm": 0o600}

    def test_has_an_identity_that_two_processes_share(self, tmp_path: Path) -> None:
        with opened(tmp_path) as one, opened(tmp_path) as two:
            found = (tmp_path / NAME).stat()
            assert one.identity == two.identity == f"{found.st_dev}:{found.st_ino}"
            assert one.fault is None

    def test_symbolic_link_to_its_directory_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "private").mkdir()
        (tmp_path / "rotator").symlink_to("private")
        with opened(tmp_path / "rotator") as state:
            assert state.fault is None
        assert (tmp_path / "private" / NAME).exists()

    def test_is_used_by_many_threads_at_once(self, tmp_path: Path) -> None:
        def create(number: int) -> None:
            state.begin([intent(str(number), server_id=number)])
            state.holds()
            state.end(str(number), Result.SENT, NOW, snapshot_id=number)

        with told() as kinds, opened(tmp_path) as state, ThreadPoolExecutor(16) as pool:
            list(pool.map(create, range(300)))
            assert len(state.past().attempts) == 300
        assert kinds() == []

    def test_nothing_is_raised_after_it_is_closed(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a")])
        state.end("a", Result.SENT, NOW)
        assert state.past() == Past()
        assert not state.hold(hold())


class TestWaiting:
    """What waits in memory while the file cannot be written."""

    def test_is_bounded_and_the_newest_stay(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rotator.state.state.MOST_UNWRITTEN", 20)
        (tmp_path / "place").touch()
        with opened(tmp_path / "place") as state:
            for number in range(50):
                state.begin([intent(str(number), snapshot=str(number))])
            (tmp_path / "place").unlink()
        with opened(tmp_path / "place") as state:
            assert [entry.snapshot for entry in state.history()] == [str(number) for number in range(49, 29, -1)]

    def test_value_that_sqlite_refuses_holds_nothing_else_up(self, tmp_path: Path) -> None:
        with capture_logs() as log, opened(tmp_path) as state:
            state.begin([intent("a"), intent("b", attempt=10**30), intent("c")])
            assert len(state.history()) == 2
            assert state.fault is None
        assert [line["event"] for line in log] == ["internal_error"]

    def test_change_that_is_written_twice_is_written_once(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            for _ in range(2):
                state.begin([intent("a")])
                state.end("a", Result.SENT, NOW, snapshot_id=5)
            state.begin([intent("a")])
            assert [(entry.result, entry.snapshot_id) for entry in state.history()] == [("sent", 5)]
