"""What the engine writes down before and after every call that changes something, and what earlier processes left it.

The list of the API stays the authority on what is there. The ledger adds what no list shows: a request whose answer
was lost, a restore that a person started, a command that still has to run. An engine works without one as it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from rotator.model import AfterWhen, Command, Id


class Result(StrEnum):
    """What became of a call."""

    NOT_SENT = "not_sent"
    """By then something else was to be done, or rotator was stopping."""
    SENT = "sent"
    """A create that the API accepted."""
    UNCERTAIN = "uncertain"
    """A create whose answer was lost."""
    COMPLETED = "completed"
    """A create that became a restore point."""
    DONE = "done"
    """A delete or a restore that the API confirmed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made. `verb` is create, delete or restore; `by` is the command that makes it."""

    key: str
    at: datetime
    server_id: Id
    server: str
    policy: str
    verb: str
    cause: str
    snapshot: str
    reason: str
    by: str
    slot: datetime | None = None
    snapshot_id: Id | None = None
    attempt: int = 1
    pass_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last try to take a slot of one server. `at` is when it reached its stage, `begun` when it was sent."""

    slot: datetime
    stage: Result
    at: datetime
    begun: datetime
    tries: int = 1
    reason: str = ""
    absences: int = 0
    """Lists that did not show it while its outcome was unknown."""
    key: str = ""
    """What the ledger knows it by; empty for one that another process, unknown to the ledger, asked for."""
    watched: bool = True
    """Whether this process saw all of it, so that its duration is known."""
    adopted: bool = False
    """Whether a process that did not ask for it said that it follows it."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier processes did, as far as it still matters; see `engine.memory` for the meaning of each.

    How long ago that was must not be told by a clock that may have been set since: what cannot be told otherwise was
    just now, of an attempt.
    """

    attempts: Mapping[Id, Attempt] = field(default_factory=dict)
    deletions: Mapping[Id, tuple[Id, datetime]] = field(default_factory=dict)
    rooms: Mapping[Id, tuple[datetime, Id]] = field(default_factory=dict)
    """The last slot for which a restore point was given up, or may have been, and which one, by server."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A person restores this server: nothing is created or deleted there before `until`, or before it is lifted.

    `key` says whose hold it is: a restore lifts its own and no other.
    """

    key: str
    server_id: Id
    server: str
    snapshot_id: Id
    snapshot: str
    since: datetime
    until: datetime
    requested: bool = False
    """Whether the API accepted the restore: from then on the hold ends when the server is no longer restoring."""


@dataclass(frozen=True, slots=True)
class Debt:
    """An `after` command that has to run, whatever happens; written down before its `before` command starts."""

    key: str
    server_id: Id
    server: str
    policy: str
    snapshot: str
    slot: datetime
    command: Command
    timeout: timedelta
    since: datetime
    until: datetime
    """The server is not held for longer, whatever becomes of the snapshot."""
    when: AfterWhen = AfterWhen.COMPLETED
    failed: bool = False
    """It was run, and failed."""


class Ledger(Protocol):
    """Never raises: a ledger that cannot be read or written says so in the log, and rotation goes on without it."""

    @property
    def identity(self) -> str | None:
        """The same for two processes that share it; None while nothing outlasts this process."""
        ...

    def past(self) -> Past:
        """What earlier processes left."""
        ...

    def begin(self, intents: Sequence[Intent]) -> None:
        """Write the intents down so that they survive a crash and a power failure; before any of them is sent."""
        ...

    def end(
        self,
        key: str,
        result: Result,
        at: datetime,
        *,
        snapshot_id: Id | None = None,
        took: timedelta | None = None,
        detail: str = "",
    ) -> None:
        """Write down what became of an intent; a create ends twice, first accepted, then completed or failed.

        `took` is how long the snapshot took, where that was watched; `usual` goes by nothing else.
        """
        ...

    def usual(self, server_id: Id) -> timedelta | None:
        """How long a snapshot of this server usually takes; None while too few are known."""
        ...

    def holds(self) -> Mapping[Id, Hold]:
        """The servers that a person restores now."""
        ...

    def lift(self, hold: Hold) -> None:
        """The restore is over; a hold that another restore wrote since stays."""
        ...

    def owe(self, debt: Debt) -> None:
        """Write down that an `after` command has to run."""
        ...

    def settle(self, key: str) -> None:
        """That command ran."""
        ...

    def debts(self) -> Sequence[Debt]:
        """Every `after` command that has still to run, by whichever process it was owed."""
        ...


class NoLedger:
    """Keeps nothing beyond the process: for the embedded sandbox, and where no place for a state was given."""

    def __init__(self) -> None:
        self._debts: dict[str, Debt] = {}

    @property
    def identity(self) -> str | None:
        """It is shared with nobody."""
        return None

    def past(self) -> Past:
        """Nothing is known."""
        return Past()

    def begin(self, intents: Sequence[Intent]) -> None:
        """Forget them."""

    def end(
        self,
        key: str,
        result: Result,
        at: datetime,
        *,
        snapshot_id: Id | None = None,
        took: timedelta | None = None,
        detail: str = "",
    ) -> None:
        """Forget it."""

    def usual(self, server_id: Id) -> timedelta | None:
        """Nothing is known."""

    def holds(self) -> Mapping[Id, Hold]:
        """None are known."""
        return {}

    def lift(self, hold: Hold) -> None:
        """There is none to lift."""

    def owe(self, debt: Debt) -> None:
        """Keep it for this process."""
        self._debts[debt.key] = debt

    def settle(self, key: str) -> None:
        """It ran."""
        self._debts.pop(key, None)

    def debts(self) -> Sequence[Debt]:
        """Those of this process."""
        return tuple(self._debts.values())
