"""Metrics to look at: of which servers, after which passes; and some that have a sample of everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rotator.config import ApiSettings, Config, Timing
from rotator.engine import Finished, Kind, Outcome, Report
from rotator.metrics import new_metrics
from rotator.metrics.metrics import Metrics
from rotator.model import Action, Cause, Policy, Snapshot, Verb
from rotator.planner import plan
from rotator.slots import latest_slot
from tests.builders import DB, WEB, foreign, observation, policy, taken
from tests.conftest import NOW

CREATE = Action(Verb.CREATE, Cause.SLOT, "rotator-20261123T020000Z", "slot is due")
DELETE = Action(Verb.DELETE, Cause.SURPLUS, "rotator-20261119T020000Z", "surplus", 1)
ODD = 'quote " slash \\ é'

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def config(*policies: Policy) -> Config:
    api = ApiSettings("http://127.0.0.1/api/v1", None, MINUTE, 8)
    return Config(Path("config.yaml"), api, Timing(MINUTE, HOUR), policies)


def metrics(*policies: Policy, now: datetime = NOW) -> Metrics:
    """Metrics of those servers, none of which was looked at yet."""
    made = new_metrics(lambda: now, "the test")
    made.configured(config(*policies), NOW)
    return made


def seen(
    of: Policy,
    rows: Sequence[Snapshot],
    kind: Kind = Kind.IDLE,
    done: tuple[Action, ...] = (),
    finished: Finished | None = None,
    at: datetime = NOW,
) -> Outcome:
    """A server with those snapshots."""
    there = observation(*rows, taken_at=at)
    planned = plan(of, there, at)
    return Outcome(of, kind, "as told", planned, there, done, finished=finished)


def all_kinds(now: datetime) -> Metrics:
    """Metrics with a sample of everything that is ever exposed: one server is well, one blocked, one new."""
    web, db, odd = policy(WEB), policy(DB), policy(7, server=ODD)
    made = metrics(web, db, odd, now=now)
    made.woke(now)
    slot = latest_slot(web.schedule, now)
    assert slot is not None
    points = [taken(slot - timedelta(days=back)) for back in range(2)]
    done = Finished(CREATE.name, ok=True, duration=3 * MINUTE)
    outcomes = (
        seen(web, points, Kind.IDLE, (CREATE, DELETE), done, at=now),
        seen(db, foreign("a", "b", "c", "d", "e"), Kind.BLOCKED, at=now),
        seen(odd, [], Kind.ACTED, at=now),
    )
    made.passed(Report(outcomes), now)
    for method, status in (("GET", "200"), ("GET", "503"), ("POST", "error")):
        made.api_request(method, status, 0.2)
    return made
