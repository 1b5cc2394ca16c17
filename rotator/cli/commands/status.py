"""`rotator status`: per server the slots, the restore points with their ages, the slots' times, what is wrong."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from structlog.contextvars import bound_contextvars

from rotator.cli.account import clock, open_account, survey
from rotator.cli.commands.plan import iso, verdict_json
from rotator.cli.words import LEGEND, age, bullet, counted, local, painted, picture, write
from rotator.engine import Kind, Outcome, Report
from rotator.model import CAP, Snapshot
from rotator.naming import printable
from rotator.planner import as_owned, plan
from rotator.planner.words import instant

_ROW = "{:<18} {:<6} {:<20} {:<11} {:<11} "


def run(arguments: argparse.Namespace) -> int:
    """Show how every server asked for stands."""
    with bound_contextvars(dry_run=True), open_account(arguments) as account:
        report = survey(arguments, account, plan)
        if report.error is not None:
            raise report.error
        now = clock()
        report = Report(tuple(_judged(outcome, now) for outcome in report.outcomes))
        write([json.dumps(_as_json(report, now), indent=2)] if arguments.json else _lines(report, now))
        return report.exit_code


def _judged(outcome: Outcome, now: datetime) -> Outcome:
    """The outcome, with a slot that is due for longer than a snapshot may take as a problem: nothing seems to run."""
    if outcome.plan is None or outcome.plan.slot is None or not outcome.plan.due or outcome.kind is not Kind.IDLE:
        return outcome
    late = now - outcome.plan.slot - outcome.policy.splay
    if late <= outcome.policy.stuck_after:
        return outcome
    text = f"overdue: slot {instant(outcome.plan.slot)} is due since {age(late)} and not taken; does rotator run?"
    return replace(outcome, problems=(*outcome.problems, text))


def state(outcome: Outcome) -> str:
    """One word: how the server stands."""
    if outcome.plan is None or outcome.kind is not Kind.IDLE:
        return outcome.kind.value
    if outcome.plan.due:
        return "overdue" if outcome.problems else "due"
    return "attention" if outcome.problems else "ok"


def _lines(report: Report, now: datetime) -> Iterator[str]:
    yield painted(_ROW.format("SERVER", "SLOTS", "RESTORE POINTS (AGE)", "LAST", "NEXT") + "STATE", "bold")
    for outcome in report.outcomes:
        yield from _server_lines(outcome, now)
    wrong = sum(1 for outcome in report.outcomes if outcome.problems)
    yield f"\n{LEGEND}"
    yield f"{counted(len(report.outcomes), 'server')}, {wrong} with problems"


def _server_lines(outcome: Outcome, now: datetime) -> Iterator[str]:
    policy, planned, word = outcome.policy, outcome.plan, state(outcome)
    name = printable(policy.server)
    colour = "red" if outcome.problems else ("green" if word == "ok" else "yellow")
    yield _ROW.format(
        name if len(name) <= 18 else name[:17] + "…",
        picture(policy, outcome.observation),
        _ages(outcome, now),
        local(_last_slot(outcome), policy, "%m-%d %H:%M"),
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
    taken = [each.snapshot.created_at or each.slot for each in (outcome.plan.verdicts if outcome.plan else ())]
    return " ".join(age(now - at) for at in sorted((at for at in taken if at), reverse=True)) or "none"


def _last_slot(outcome: Outcome) -> datetime | None:
    """The slot of the newest restore point."""
    slots = [verdict.slot for verdict in (outcome.plan.verdicts if outcome.plan else ()) if verdict.slot]
    return max(slots, default=None)


def _as_json(report: Report, now: datetime) -> dict[str, Any]:
    return {"generated_at": now.isoformat(), "servers": [_server_json(outcome, now) for outcome in report.outcomes]}


def _server_json(outcome: Outcome, now: datetime) -> dict[str, Any]:
    policy, planned, seen = outcome.policy, outcome.plan, outcome.observation
    return {
        "server_id": policy.server_id,
        "server": policy.server,
        "policy": policy.name or None,
        "schedule": policy.schedule.text,
        "timezone": policy.schedule.timezone,
        "state": state(outcome),
        "cap": CAP,
        "snapshots": [_snapshot_json(outcome, each, now) for each in (seen.snapshots if seen else ())],
        "restore_points": [verdict_json(verdict) for verdict in (planned.verdicts if planned else ())],
        "due": planned.due if planned else None,
        "last_slot": iso(_last_slot(outcome)),
        "next_slot": iso(planned.next_slot) if planned else None,
        "waiting": planned.waiting if planned else None,
        "blocked": planned.blocked if planned else None,
        "problems": list(outcome.problems),
        "notices": [{"kind": each.sign.value, "text": each.text} for each in (planned.notices if planned else ())],
    }


def _snapshot_json(outcome: Outcome, snapshot: Snapshot, now: datetime) -> dict[str, Any]:
    owned = as_owned(outcome.policy, snapshot)
    return {
        "snapshot_id": snapshot.id,
        "name": snapshot.name,
        "status": snapshot.status,
        "owned": owned is not None,
        "slot": iso(owned.slot) if owned else None,
        "created_at": iso(snapshot.created_at),
        "age_s": round((now - snapshot.created_at).total_seconds()) if snapshot.created_at else None,
        "size_mb": snapshot.size_mb,
    }
