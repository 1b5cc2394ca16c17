"""Two answers for machines: does the loop turn, and was the last pass fine; of what the daemon said, without asking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rotator.engine import Report
from rotator.model import LONGEST_TURN, Policy
from rotator.standing.words import age

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True, eq=False)
class LoopState:
    """What the daemon's loop said last; `problems` is why a new configuration is not in force."""

    config: str = ""
    policies: tuple[Policy, ...] = ()
    problems: tuple[str, ...] = ()
    turned: datetime | None = None
    """When the loop last turned; None before it began."""


def why_dead(loop: LoopState, now: datetime) -> str | None:
    """Why the daemon cannot be alive; None if it is."""
    if loop.turned is None:
        return "the daemon has not begun"
    if now - loop.turned > LONGEST_TURN:
        return f"the daemon's loop has not turned for {age(now - loop.turned)}"
    return None


def objections(loop: LoopState, report: Report, last_pass: datetime | None, now: datetime) -> list[str]:
    """Why the last pass was not fine, the most general first; empty if it was."""
    dead = why_dead(loop, now)
    found = [dead] if dead else []
    found += [f"the new configuration is not in force: {problem}" for problem in loop.problems]
    if last_pass is None:
        found.append("no pass was made yet")
    if report.error is not None:
        found.append(str(report.error))
    general = {*found}
    for outcome in report.outcomes:
        found += [f"{outcome.policy.server}: {each}" for each in outcome.problems if each not in general]
    return found


def readiness(reasons: list[str]) -> dict[str, Any]:
    """The document of /readyz; long lists are cut, and say so."""
    left = len(reasons) - _MOST_REASONS
    shown = [*reasons[:_MOST_REASONS], *([f"and {left:,} more"] if left > 0 else [])]
    return {"ready": not reasons, "reasons": shown}
