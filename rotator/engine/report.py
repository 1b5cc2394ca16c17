"""What became of a pass: an outcome per server, one report for all; values that tables, logs and exit codes share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.errors import Exit, RotatorError
from rotator.model import Action, Observation, Plan, Policy, Verb


class Kind(StrEnum):
    """How one server stands after a pass."""

    IDLE = "idle"
    """Nothing to do before the next slot."""
    ACTED = "acted"
    """A call was made, or by then another was due; the next pass looks what came of it."""
    WAITING = "waiting"
    """A snapshot is in progress."""
    UNCERTAIN = "uncertain"
    """What was begun has no result yet: a snapshot that no list shows, or hooks that are running."""
    BLOCKED = "blocked"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not attempted: the whole account is in trouble, or rotator is stopping."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way, which the next pass looks at."""
        return self in (Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN)


_COUNTED = (Kind.WAITING, Kind.UNCERTAIN, Kind.BLOCKED, Kind.FAILED, Kind.SKIPPED)


@dataclass(frozen=True, slots=True)
class Finished:
    """A snapshot that this pass saw come to an end, `duration` after it was asked for (None: not known)."""

    snapshot: str
    ok: bool
    duration: timedelta | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pass did for one server. `look_again` is None when nothing is expected before the next slot."""

    policy: Policy
    kind: Kind
    reason: str = ""
    plan: Plan | None = None
    observation: Observation | None = None
    done: tuple[Action, ...] = ()
    problems: tuple[str, ...] = ()
    look_again: datetime | None = None
    eta: datetime | None = None
    """When the snapshot in progress is done, if it takes as long as this server's usually do."""
    finished: Finished | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole pass. `error` is trouble of the whole account, which stopped the pass or parts of it."""

    outcomes: tuple[Outcome, ...]
    error: RotatorError | None = None

    @property
    def exit_code(self) -> Exit:
        """What a one-shot exits with if this was all it did."""
        if self.error is not None and (self.error.exit_code is Exit.CREDENTIALS or not self.acted):
            return self.error.exit_code
        troubled = self.error or any(outcome.problems for outcome in self.outcomes)
        return Exit.PROBLEM if troubled else Exit.DONE

    @property
    def acted(self) -> bool:
        """Whether anything was created or deleted."""
        return any(outcome.done for outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """How many servers and actions of each sort, for the summary line."""
        verbs = [action.verb for outcome in self.outcomes for action in outcome.done]
        kinds = [outcome.kind for outcome in self.outcomes]
        return {
            "servers": len(self.outcomes),
            "requested": verbs.count(Verb.CREATE),
            "deleted": verbs.count(Verb.DELETE),
            **{kind.value: kinds.count(kind) for kind in _COUNTED},
        }
