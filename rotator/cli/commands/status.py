"""`rotator status`: per server places, restore points with their ages, the last and the next slot, what is wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime

from structlog.contextvars import bound_contextvars

from rotator.cli.account import open_account, survey
from rotator.cli.clock import clock
from rotator.cli.picture import legend, picture
from rotator.cli.words import bullet, local, painted, write
from rotator.engine import Outcome, Report
from rotator.naming import printable
from rotator.planner import plan
from rotator.planner.words import counted
from rotator.standing import judged, last_slot, restore_points, state, status_json
from rotator.standing.words import age

_ROW = "{:<18} {:<6} {:<20} {:<11} {:<11} "


def run(arguments: argparse.Namespace) -> int:
    """Show how every server asked for stands."""
    with bound_contextvars(dry_run=True), open_account(arguments) as account:
        report = survey(arguments, account, plan)
        if report.error is not None:
            raise report.error
        now = clock()
        report = Report(tuple(judged(outcome, now) for outcome in report.outcomes))
        write([json.dumps(status_json(report, now), indent=2)] if arguments.json else _lines(report, now))
        return report.exit_code


def _lines(report: Report, now: datetime) -> Iterator[str]:
    yield painted(_ROW.format("SERVER", "PLACES", "RESTORE POINTS (AGE)", "LAST", "NEXT") + "STATE", "bold")
    for outcome in report.outcomes:
        yield from _server_lines(outcome, now)
    wrong = sum(1 for outcome in report.outcomes if outcome.problems)
    yield f"\n{legend(picture(outcome.policy, outcome.observation) for outcome in report.outcomes)}"
    zones = {outcome.policy.schedule.timezone for outcome in report.outcomes}
    yield f"LAST and NEXT slot: {zones.pop() if len(zones) == 1 else 'in the time zone of each policy'}"
    yield f"{counted(len(report.outcomes), 'server')}, {wrong} with problems"


def _server_lines(outcome: Outcome, now: datetime) -> Iterator[str]:
    policy, planned, word = outcome.policy, outcome.plan, state(outcome)
    name = printable(policy.server)
    colour = "red" if outcome.problems else ("green" if word == "ok" else "yellow")
    yield _ROW.format(
        name if len(name) <= 18 else name[:17] + "…",
        picture(policy, outcome.observation),
        _ages(outcome, now),
        local(last_slot(outcome), policy, "%m-%d %H:%M"),
        local(planned.next_slot if planned else None, policy, "%m-%d %H:%M"),
    ) + painted(word, colour)
    for problem in outcome.problems:
        yield painted(bullet("!", problem), "red")
    others = [notice.text for notice in (planned.notices if planned else ())]
    for text in others:
        if text not in outcome.problems:
            yield painted(bullet("!", text), "yellow")


def _ages(outcome: Outcome, now: datetime) -> str:
    """Ages of what the restore points hold, newest first: since they were taken, not since their slots."""
    return " ".join(age(now - at) for at in restore_points(outcome)) or "none"
