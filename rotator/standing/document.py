"""How every server stands, for programs: the keys are an interface, see `docs/json.md`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rotator.engine import Outcome, Report
from rotator.model import CAP, Snapshot, Verdict
from rotator.planner import as_owned
from rotator.standing.judge import conditions, last_slot, state


def status_json(report: Report, now: datetime) -> dict[str, Any]:
    """The document that `rotator status --json` and `/status.json` give, of judged outcomes."""
    return {"generated_at": now.isoformat(), "servers": [_server_json(outcome, now) for outcome in report.outcomes]}


def iso(moment: datetime | None) -> str | None:
    """A moment for programs."""
    return moment.isoformat() if moment else None


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One restore point, and why it stays or goes."""
    return {
        "snapshot_id": verdict.snapshot.id,
        "name": verdict.snapshot.name,
        "keep_reasons": list(verdict.keep_reasons),
        "prune_reason": verdict.prune_reason,
    }


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
        "last_slot": iso(last_slot(outcome)),
        "next_slot": iso(planned.next_slot) if planned else None,
        "waiting": planned.waiting if planned else None,
        "eta": iso(outcome.eta),
        "blocked": planned.blocked if planned else None,
        "troubles": [{"kind": each.trouble.value, "text": each.text} for each in conditions(outcome, now)],
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
