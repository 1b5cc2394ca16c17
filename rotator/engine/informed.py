"""A plan with what the ledger knows besides the list: a restore in progress, and how long snapshots usually take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rotator.engine.ledger import Hold
from rotator.model import Notice, Observation, Plan, Policy, Sign, State

SLOWER = 3
"""A snapshot that takes so many times as long as usual is worth telling …"""

AT_LEAST = timedelta(minutes=15)
"""… if that is at least so much longer. It holds up the next slot all the same, up to `stuck_after`."""


def informed(
    planned: Plan, policy: Policy, observation: Observation, now: datetime, usual: timedelta | None, hold: Hold | None
) -> tuple[Plan, datetime | None]:
    """The plan, and when the snapshot in progress is done if it takes as long as usual.

    Nothing is done to a server that is being restored, and what takes far too long is told.
    """
    if hold is not None:
        words = paused(hold)
        notices = (*planned.notices, Notice(Sign.RESTORING, words))
        return replace(planned, actions=(), waiting=words, blocked=None, notices=notices), None
    begun = _begun(observation)
    if usual is None or begun is None or not planned.waiting:
        return planned, None
    elapsed = now - begun
    if max(SLOWER * usual, usual + AT_LEAST) < elapsed <= policy.stuck_after:
        text = f"{planned.waiting}, far longer than usual: this server takes {_span(usual)}"
        return replace(planned, notices=(*planned.notices, Notice(Sign.SLOW, text))), begun + usual
    return replace(planned, waiting=f"{planned.waiting}; it usually takes {_span(usual)}"), begun + usual


def paused(hold: Hold) -> str:
    """That a server is being restored, and from what; the words stay the same as long as it lasts."""
    return (
        f"being restored from {hold.snapshot} since {hold.since.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}: "
        "rotation leaves this server alone until that is over"
    )


def _begun(observation: Observation) -> datetime | None:
    """When the oldest snapshot in progress was begun."""
    rows = (each.created_at for each in observation.snapshots if each.state is State.IN_PROGRESS)
    return min((at for at in rows if at), default=None)


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    return f"{minutes} min" if minutes >= 2 else f"{minutes * 60 + seconds} s"
