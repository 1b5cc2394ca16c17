"""`rotator status`: per server the slots, the restore points with their ages, the slots' times, what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
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

_ROW = "{:<18} {:<6} {:<20} {:<11} {:<11} "


def run(arguments: argparse.Namespace) -> int:
    """Show how every server asked for stands."""
    with bound_contextvars(dry_run=True), open_account(arguments) as account:
        report = survey(arguments, account, plan)
        if report.error is not None:
            raise report.error
        if arguments.json:
            json.dump(_as_json(report, clock()), sys.stdout, indent=2)
            write([""])
        else:
            write(_lines(report, clock()))
        return report.exit_code


def state(outcome: Outcome) -> str:
    """One word: how the server stands."""
    if outcome.plan is None or outcome.kind is not Kind.IDLE:
        return outcome.kind.value
    return "due" if outcome.plan.due else ("attention" if outcome.problems else "ok")


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
    """Ages of the restore points, newest first."""
    slots = [verdict.slot for verdict in (outcome.plan.verdicts if outcome.plan else ()) if verdict.slot]
    return " ".join(age(now - slot) for slot in sorted(slots, reverse=True)) or "none"


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
