"""The story of a one-shot: what was done to each server and why, what is wrong, and the exit code of it all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.cli.journal import Journal, report_lines
from rotator.cli.picture import LEGEND
from rotator.engine import Kind, Outcome, Report
from rotator.errors import CredentialsError, Exit, RotatorError, UnreachableError
from rotator.model import Action, Cause, Observation, Policy, Verb
from rotator.planner import plan
from tests.builders import DB, WEB, day, days, observation, policy, taken
from tests.conftest import NOW

WEB_DAILY = policy(WEB)
DB_DAILY = policy(DB, timezone="Europe/Paris")
CREATE = Action(Verb.CREATE, Cause.SLOT, "rotator-20261123T020000Z", "slot 2026-11-23 02:00:00Z is due")
DELETE = Action(Verb.DELETE, Cause.SURPLUS, "rotator-20261119T020000Z", "no rule of keep: 4 wants it", 801)
LATER = NOW + timedelta(seconds=252)


def outcome(
    kind: Kind = Kind.IDLE,
    *done: Action,
    of: Policy = WEB_DAILY,
    seen: Observation | None = None,
    reason: str = "",
    problems: tuple[str, ...] = (),
) -> Outcome:
    planned = plan(of, seen, NOW) if seen else None
    return Outcome(of, kind, reason, planned, seen, done, problems)


def journal(*passes: Report) -> Journal:
    journal = Journal(NOW)
    for each in passes:
        journal.note(each)
    return journal


def told(written: Journal) -> list[str]:
    return list(report_lines(written, LATER))


ROTATED = (
    Report((outcome(Kind.ACTED, CREATE, seen=observation(*days(19, 20, 21, 22))),)),
    Report((outcome(Kind.WAITING, seen=observation(*days(19, 20, 21, 22), taken(day(23), "in_progress"))),)),
    Report((outcome(Kind.ACTED, DELETE, seen=observation(*days(19, 20, 21, 22, 23))),)),
    Report((outcome(seen=observation(*days(20, 21, 22, 23))),)),
)


class TestStory:
    def test_before_after_and_every_action_with_its_reason(self) -> None:
        assert told(journal(*ROTATED)) == [
            "web-server-01 (12345)  RRRR. -> RRRR.",
            "  + created rotator-20261123T020000Z: slot 2026-11-23 02:00:00Z is due",
            "  - deleted rotator-20261119T020000Z: no rule of keep: 4 wants it",
            f"\n{LEGEND}",
            "1 server: 1 created, 1 deleted, 0 with problems, in 252 s",
        ]

    def test_servers_with_nothing_to_do_are_one_line_and_the_next_slot(self) -> None:
        quiet = Report(
            (outcome(seen=observation(*days(22, 23))), outcome(of=DB_DAILY, seen=observation(taken(NOW, server_id=DB))))
        )
        assert told(journal(quiet)) == [
            "2 servers: nothing to do",
            "next: 2026-11-24 02:00 Europe/Paris db-server-01",
            "2 servers: 0 created, 0 deleted, 0 with problems, in 252 s",
        ]

    def test_splay_counts_for_the_next_slot(self) -> None:
        later = policy(WEB, splay=timedelta(minutes=7))
        assert "next: 2026-11-23 02:07 UTC web-server-01" in told(
            journal(Report((outcome(of=later, seen=observation(*days(22, 23))),)))
        )

    def test_problems_are_told_with_what_they_are(self) -> None:
        blocked = outcome(Kind.BLOCKED, seen=observation(), reason="full", problems=("full",))
        lines = told(journal(Report((blocked,))))
        assert lines[:2] == ["web-server-01 (12345)  ..... -> .....", "  ! full"]
        assert lines[-1] == "1 server: 0 created, 0 deleted, 1 with problems, in 252 s"

    def test_server_that_was_never_seen_has_no_picture(self) -> None:
        failed = outcome(Kind.FAILED, reason="no list", problems=("no list",))
        lines = told(journal(Report((failed,))))
        assert lines[0] == "web-server-01 (12345)  ----- -> -----"
        assert f"\n{LEGEND}\n----- the list could not be read" in lines

    def test_picture_survives_a_pass_without_a_list(self) -> None:
        failed = outcome(Kind.FAILED, reason="no list", problems=("no list",))
        first = told(journal(*ROTATED[:2], Report((failed,))))[0]
        assert first == "web-server-01 (12345)  RRRR. -> RRRRP"

    def test_what_is_not_complete_is_said(self) -> None:
        waits = outcome(Kind.WAITING, reason="it is in progress since 2026-11-23 02:00:00Z", seen=observation())
        lines = told(journal(ROTATED[0], Report((waits,))))
        assert "  ~ it is in progress since 2026-11-23 02:00:00Z" in lines

    def test_those_in_progress_by_others_are_counted(self) -> None:
        waits = outcome(Kind.WAITING, seen=observation(*days(22)))
        assert "1 server: nothing to do, 1 in progress" in told(journal(Report((waits,))))

    def test_names_of_the_api_cannot_harm_a_terminal(self) -> None:
        odd = Action(Verb.DELETE, Cause.SURPLUS, "night\x1b[2J", "no rule wants it", 801)
        text = "\n".join(told(journal(Report((outcome(Kind.ACTED, odd, seen=observation()),)))))
        assert "\x1b" not in text
        assert "night\\x1b[2J" in text

    def test_that_was_stopped_before_it_began_does_not_say_that_there_was_nothing_to_do(self) -> None:
        written = journal(Report((outcome(Kind.SKIPPED, seen=observation(*days(19, 20, 21, 22))),)))
        written.interrupted = True
        assert told(written) == [
            "1 server: 0 created, 0 deleted, 0 with problems, in 252 s",
            "stopped before the end: 1 server left as found; the next run takes what is due",
        ]

    def test_end_before_the_end_is_said(self) -> None:
        written = journal(*ROTATED[:2])
        written.interrupted = True
        assert told(written)[-1] == "stopped before the end: the next run finishes what is in progress"

    def test_who_is_only_skipped_for_a_stop_has_no_problem(self) -> None:
        skipped = outcome(Kind.SKIPPED, reason="rotator is stopping", problems=("rotator is stopping",))
        written = journal(Report((skipped,)))
        written.interrupted = True
        assert "0 with problems" in told(written)[-2]

    def test_trouble_of_the_account_leaves_no_word_of_nothing_to_do(self) -> None:
        skipped = outcome(Kind.SKIPPED, reason="refused", problems=("refused",))
        quiet = outcome(of=DB_DAILY)
        lines = told(journal(Report((skipped, quiet), UnreachableError("refused"))))
        assert not any("nothing to do" in line for line in lines)


class TestStanding:
    def test_counts_who_is_done_and_who_waits(self) -> None:
        written = journal(Report((outcome(Kind.WAITING), outcome(Kind.IDLE, of=DB_DAILY))))
        assert written.standing() == (1, 1)
        written.note(Report((outcome(Kind.IDLE),)))
        assert written.standing() == (2, 0)

    @pytest.mark.parametrize(
        ("kind", "busy"),
        [
            *((kind, 1) for kind in (Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN)),
            *((kind, 0) for kind in (Kind.IDLE, Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED)),
        ],
    )
    def test_busy_is_who_has_something_coming(self, kind: Kind, busy: int) -> None:
        assert journal(Report((outcome(kind),))).standing() == (1 - busy, busy)


TROUBLE = outcome(Kind.FAILED, problems=("trouble",))


class TestExitCode:
    @pytest.mark.parametrize(
        ("passes", "code"),
        [
            ([], Exit.DONE),
            (ROTATED, Exit.DONE),
            ([Report((TROUBLE,))], Exit.PROBLEM),
            ([Report((TROUBLE,)), Report((outcome(),))], Exit.DONE),
            ([Report((outcome(),), UnreachableError("gone"))], Exit.UNAVAILABLE),
            ([*ROTATED, Report((), UnreachableError("gone"))], Exit.PROBLEM),
            ([Report((), CredentialsError("refused"))], Exit.CREDENTIALS),
            ([*ROTATED, Report((), CredentialsError("refused"))], Exit.CREDENTIALS),
            ([*ROTATED, Report((), RotatorError("other"))], Exit.PROBLEM),
        ],
    )
    def test_is_that_of_the_whole_run(self, passes: list[Report], code: Exit) -> None:
        assert journal(*passes).exit_code is code

    def test_stopped_before_the_end_is_not_done(self) -> None:
        written = journal(*ROTATED[:2])
        written.interrupted = True
        assert written.exit_code is Exit.PROBLEM
