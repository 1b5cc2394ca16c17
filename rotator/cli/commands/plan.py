"""`rotator plan`: what `once` would do now, and why; sends GET only."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from structlog.contextvars import bound_contextvars

from rotator.cli.account import open_account, survey
from rotator.cli.clock import clock
from rotator.cli.picture import legend, picture
from rotator.cli.words import bullet, heading, local, painted, write
from rotator.engine import Outcome, Report
from rotator.model import Plan, Policy, Verb
from rotator.planner import plan
from rotator.standing import iso, verdict_json


def run(arguments: argparse.Namespace) -> int:
    """Show the plan of every server asked for."""
    requested = clock().replace(microsecond=0) if arguments.now else None
    with bound_contextvars(dry_run=True), open_account(arguments) as account:
        report = survey(arguments, account, lambda policy, seen, now: plan(policy, seen, now, requested))
        if report.error is not None:
            raise report.error
        if arguments.json:
            write([json.dumps(as_json(report, clock()), indent=2)])
        else:
            write(_lines(report))
        return report.exit_code


def as_json(report: Report, now: datetime) -> dict[str, Any]:
    """The documented JSON form; its keys are an interface."""
    return {"generated_at": now.isoformat(), "servers": [_server_json(outcome) for outcome in report.outcomes]}


def _server_json(outcome: Outcome) -> dict[str, Any]:
    plan = outcome.plan
    return {
        "server_id": outcome.policy.server_id,
        "server": outcome.policy.server,
        "due": plan.due if plan else None,
        "slot": iso(plan.slot) if plan else None,
        "next_slot": iso(plan.next_slot) if plan else None,
        "waiting": plan.waiting if plan else None,
        "blocked": plan.blocked if plan else None,
        "error": None if plan else outcome.reason,
        "hooks": _hooks_json(outcome.policy),
        "actions": [
            {"action": each.verb.value, "name": each.name, "snapshot_id": each.snapshot_id, "reason": each.reason}
            for each in (plan.actions if plan else ())
        ],
        "restore_points": [verdict_json(verdict) for verdict in (plan.verdicts if plan else ())],
        "notices": [{"kind": each.sign.value, "text": each.text} for each in (plan.notices if plan else ())],
    }


def _hooks_json(policy: Policy) -> dict[str, str | None] | None:
    """The commands that would run around a create."""
    hooks = policy.hooks
    if hooks is None:
        return None
    before, after = (None if each is None else str(each) for each in (hooks.before, hooks.after))
    return {"before": before, "after": after, "after_when": hooks.after_when.value}


def _lines(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        yield from _server_lines(outcome)
    pictures = [picture(outcome.policy, outcome.observation) for outcome in report.outcomes]
    yield f"\n{legend(pictures)}"
    yield "+ create  - delete  = keep  ~ wait  ! attention     nothing was changed"


def _server_lines(outcome: Outcome) -> Iterator[str]:
    policy, planned = outcome.policy, outcome.plan
    shown = picture(policy, outcome.observation)
    if planned is None:
        yield heading(policy.server, policy.server_id, shown)
        yield painted(bullet("!", outcome.reason), "red")
        return
    yield heading(policy.server, policy.server_id, shown, _when(outcome, planned))
    yield from action_lines(planned)
    if any(action.verb is Verb.CREATE for action in planned.actions):
        yield from _hook_lines(policy)
    for verdict in reversed(planned.verdicts):
        if verdict.keep_reasons:
            yield bullet("=", f"{verdict.snapshot.name} kept: {', '.join(verdict.keep_reasons)}")
    if planned.waiting:
        yield bullet("~", f"waiting: {planned.waiting}")
    if planned.blocked:
        yield painted(bullet("!", f"blocked: {planned.blocked}"), "red")
    for notice in planned.notices:
        yield painted(bullet("!", notice.text), "yellow")


def _hook_lines(policy: Policy) -> Iterator[str]:
    """What would run around the create; a dry run runs nothing."""
    hooks = policy.hooks
    if hooks and hooks.before:
        yield bullet("*", f"before it runs: {hooks.before}")
    if hooks and hooks.after:
        yield bullet("*", f"once it is {hooks.after_when.value}, or failed, runs: {hooks.after}")


def action_lines(planned: Plan) -> Iterator[str]:
    """The actions in their order, each with its reason."""
    for action in planned.actions:
        mark = "+" if action.verb is Verb.CREATE else "-"
        yield bullet(mark, f"{action.verb.value} {action.name}: {action.reason}")


def _when(outcome: Outcome, planned: Plan) -> str:
    zone = outcome.policy.schedule.timezone
    if planned.due:
        return f"due: {local(planned.slot, outcome.policy)} {zone}"
    return f"next: {local(planned.next_slot, outcome.policy)} {zone}"
