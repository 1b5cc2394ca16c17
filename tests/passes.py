"""Builders of what a pass brings: the outcome of one server, and the configuration it was made by."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from rotator.config import ApiSettings, Config, NotifySettings, Timing
from rotator.engine import Kind, Outcome
from rotator.model import Action, Cause, Notice, Plan, Policy, Verb, Verdict
from tests.builders import taken
from tests.conftest import NOW

YEARLY = "0 0 1 1 *"

CREATE = Action(Verb.CREATE, Cause.SLOT, "rotator-1", "due")


def outcome(rules: Policy, kind: Kind = Kind.IDLE, reason: str = "", *notices: Notice, acted: bool = False) -> Outcome:
    verdicts = (Verdict(taken(NOW), NOW),)  # a fresh one, so that nothing is stale
    planned = Plan(
        rules.server_id, rules.server, NOW, False, NOW + timedelta(days=1), verdicts=verdicts, notices=notices
    )
    return Outcome(rules, kind, reason, planned, done=(CREATE,) if acted else ())


def config(*policies: Policy, notify: NotifySettings | None = None) -> Config:
    api = ApiSettings("http://127.0.0.1:1", None, timedelta(seconds=10), 4)
    return Config(Path("config.yaml"), api, Timing(timedelta(seconds=15), timedelta(hours=1)), policies, notify=notify)
