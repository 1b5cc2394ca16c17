"""The frozen values that everything else speaks in; knows no I/O, no clock and no rule."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

CAP = 5
"""Snapshots a server may have, whoever made them and whatever their status (VPS.org API document)."""

LONGEST_TURN = timedelta(minutes=3)
"""A daemon's loop that has not turned for so long stands still; it turns at least every 30 seconds."""

Id = int | str
"""An id of the API, opaque: see `opaque_id`."""


def opaque_id(raw: int | str) -> Id:
    """One value per id however it was written: canonical decimal text becomes the number, other text stays.

    The document shows integers; another client of the vendor uses UUIDs.
    """
    if isinstance(raw, str) and re.fullmatch(r"0|[1-9][0-9]{0,999}", raw):
        return int(raw)
    return raw


class State(Enum):
    """What a snapshot's status means to rotator."""

    COMPLETED = "completed"
    """A restore point."""
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    """Never a restore point; cleaned up when owned."""
    UNKNOWN = "unknown"
    """Any other word: neither a restore point nor something to delete (S3)."""


# The document names in_progress and completed only; both words for failure are its own guess.
_STATES = {
    "completed": State.COMPLETED,
    "in_progress": State.IN_PROGRESS,
    "failed": State.FAILED,
    "error": State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One row of the API's list. `status` is the API's own word; `created_at` is aware UTC, None if it gave none."""

    id: Id
    server_id: Id
    server_name: str
    name: str
    status: str
    created_at: datetime | None
    size_mb: int | None = None
    description: str = ""

    @property
    def state(self) -> State:
        """What `status` means."""
        return _STATES.get(self.status, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Keep:
    """How many restore points each retention rule keeps; finest rule first, as they are applied."""

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0

    @property
    def total(self) -> int:
        """The places of the cap that the rules can fill."""
        return self.last + self.hourly + self.daily + self.weekly + self.monthly + self.yearly

    def counts(self) -> dict[str, int]:
        """Rule name to count, finest first."""
        return {rule: getattr(self, rule) for rule in self.__slots__}

    def __str__(self) -> str:
        used = [f"{rule}: {count}" for rule, count in self.counts().items() if count]
        return str(self.last) if self.total == self.last else "{" + ", ".join(used) + "}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When slots are: one cron expression in one time zone; `text` is what the operator wrote."""

    text: str
    cron: str
    timezone: str


class AfterWhen(StrEnum):
    """When the `after` command of a policy's hooks runs, if all goes well."""

    REQUESTED = "requested"
    """As soon as the API accepted the snapshot."""
    COMPLETED = "completed"
    """Once the snapshot is complete."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: its arguments, or with `shell` one line for /bin/sh."""

    argv: tuple[str, ...]
    shell: bool = False

    def __str__(self) -> str:
        return self.argv[0] if self.shell else shlex.join(self.argv)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Commands around a snapshot, which make a server quiet and let it go again; `timeout` holds for each of them."""

    before: Command | None = None
    after: Command | None = None
    timeout: timedelta = timedelta(seconds=60)
    after_when: AfterWhen = AfterWhen.COMPLETED


@dataclass(frozen=True, slots=True)
class Policy:
    """The resolved rules of one server."""

    server_id: Id
    server: str
    schedule: Schedule
    keep: Keep = Keep(last=4)
    min_keep: int = 1
    prefix: str = "rotator"
    adopt: tuple[str, ...] = ()
    description: str = ""
    grace: timedelta | None = None
    """How late a missed slot may still be taken; None: any lateness."""
    splay: timedelta = timedelta(0)
    """This server's own fixed delay, already taken from the configured range (see `slots.splay_of`)."""
    stuck_after: timedelta = timedelta(minutes=60)
    max_age: timedelta | None = None
    """How old the newest restore point may grow before somebody is told; None: two slots without one."""
    hooks: Hooks | None = None
    name: str = ""
    """The named policy this came from; empty for rules written at the server itself."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Every snapshot of one server, from a list known to be complete (S4), and when that list was asked for."""

    snapshots: tuple[Snapshot, ...]
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the account. `status` is the API's own word: active, stopped, suspended, restoring."""

    id: Id
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of one complete list. `unreadable` names the servers whose rows cannot be relied on, and why (S9)."""

    snapshots: tuple[Snapshot, ...]
    unreadable: tuple[tuple[Id, str], ...] = ()


class Cause(StrEnum):
    """Why a snapshot is created or deleted."""

    SLOT = "slot"
    """A slot is due."""
    ROOM = "room"
    """The next snapshot needs its place."""
    FAILED = "failed"
    """It failed, so it is no restore point."""
    SURPLUS = "surplus"
    """No keep rule wants it."""


class Verb(StrEnum):
    """What an action does at the API."""

    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Action:
    """One intended API call. `snapshot_id` is None for a create."""

    verb: Verb
    cause: Cause
    name: str
    reason: str
    snapshot_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plan says of one owned restore point: why it stays, or why it goes."""

    snapshot: Snapshot
    slot: datetime | None
    keep_reasons: tuple[str, ...] = ()
    prune_reason: str | None = None


class Sign(StrEnum):
    """Kinds of notice: things the operator should know besides the actions."""

    FUTURE_SLOT = "future_slot"
    UNDATED = "undated"
    UNKNOWN_STATUS = "unknown_status"
    DUPLICATE_SLOT = "duplicate_slot"
    NAME_DIFFERS = "name_differs"
    MISSED = "missed"
    STUCK = "stuck"
    SLOW = "slow"
    RESTORING = "restoring"
    SQUEEZED = "squeezed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth telling, in words."""

    sign: Sign
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for one server, in order, and why; the same value feeds tables, JSON, logs and tests.

    `slot` is the latest slot reached (None before the first), `due` whether it is to be taken now. `actions` runs on
    past a create to what follows once that create is complete. `waiting` and `blocked` say what stands in the way.
    """

    server_id: Id
    server: str
    slot: datetime | None
    due: bool
    next_slot: datetime | None
    actions: tuple[Action, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notices: tuple[Notice, ...] = ()
    waiting: str | None = None
    blocked: str | None = None
