"""How values become rows and rows become values again; knows no file. Times are whole microseconds since 1970, UTC."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from rotator.engine.ledger import Debt, Hold, Intent, Result
from rotator.model import AfterWhen, Command, Id
from rotator.state.alerts import AlertNote

Row: TypeAlias = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Uptime:
    """How long the machine has run, its sleep included: unlike the time of day, nobody sets that.

    `boot` tells one start of one machine from every other; empty if that is not known.
    """

    boot: str
    seconds: float

    def since(self, boot: str, stored: int) -> timedelta | None:
        """What went by since that uptime was stored; None if that was before the machine was started."""
        elapsed = timedelta(seconds=self.seconds) - stored * _TICK
        return elapsed if self.boot and boot == self.boot and elapsed >= timedelta(0) else None

    def stored(self) -> tuple[str, int]:
        """As `since` takes it."""
        return self.boot, timedelta(seconds=self.seconds) // _TICK


LONGEST = 2000
"""Characters of a text that is kept for people."""


@dataclass(frozen=True, slots=True)
class Change:
    """One statement and its values; carrying it out twice leaves what carrying it out once does."""

    sql: str
    values: Row


def stamp(moment: datetime) -> int:
    """A moment as it is stored."""
    return (moment - _EPOCH) // _TICK


def moment(stored: int) -> datetime:
    """The moment that was stored."""
    return _EPOCH + stored * _TICK


def id_text(value: Id) -> str:
    """An id as it is stored: a number and the text of its digits stay two."""
    return json.dumps(value)


def stored_id(text: str) -> Id:
    """The id that was stored; ValueError if it is none."""
    value = json.loads(text)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{text[:40]!r} is no id")  # noqa: TRY004 - of the file's content
    return value


def words(text: str, longest: int = LONGEST) -> str:
    """Text that SQLite takes whatever is in it, within bounds."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return cut.encode("utf-8", "replace").decode("utf-8")


def texts(*values: object) -> None:
    """TypeError unless all of these are texts: a column takes anything, whatever it was declared to be."""
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{str(value)[:40]!r} is no text")


def _optional(convert: Callable[[Any], Any], value: object) -> Any:
    return None if value is None else convert(value)


def begun(intent: Intent, by: str, uptime: Uptime) -> Change:
    """An intent as a row without outcome; one that is there already stays as it is."""
    values = (
        intent.key,
        stamp(intent.at),
        id_text(intent.server_id),
        words(intent.server),
        words(intent.policy),
        intent.verb,
        intent.cause,
        words(intent.snapshot),
        words(intent.reason),
        intent.by or by,
        _optional(stamp, intent.slot),
        _optional(id_text, intent.snapshot_id),
        intent.attempt,
        intent.pass_id,
        *uptime.stored(),
    )
    return Change(_BEGIN, values)


_BEGIN = """INSERT OR IGNORE INTO actions (key, at, server_id, server, policy, verb, cause, snapshot, reason, by, slot,
    snapshot_id, attempt, pass_id, boot, uptime) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_END = """UPDATE actions SET result = ?, ended_at = ?, snapshot_id = coalesce(?, snapshot_id),
    took = coalesce(?, took), detail = CASE WHEN ? = '' THEN detail ELSE ? END, boot = ?, uptime = ? WHERE key = ?"""


def ended(
    key: str,
    result: Result,
    at: datetime,
    uptime: Uptime,
    snapshot_id: Id | None = None,
    took: timedelta | None = None,
    detail: str = "",
) -> Change:
    """What became of an intent."""
    text = words(detail)
    duration = None if took is None else took // _TICK
    id_ = _optional(id_text, snapshot_id)
    return Change(_END, (result.value, stamp(at), id_, duration, text, text, *uptime.stored(), key))


def hold_taken(hold: Hold) -> Change:
    """A hold as a row, in place of the one that is there."""
    return Change(f"{_TAKE_HOLD} {_INSTEAD}", _hold_values(hold))


def hold_kept(hold: Hold) -> Change:
    """A hold as a row, unless another restore began since."""
    return Change(f"{_TAKE_HOLD} {_INSTEAD} WHERE holds.until <= excluded.since", _hold_values(hold))


def _hold_values(hold: Hold) -> Row:
    return (
        id_text(hold.server_id),
        hold.key,
        words(hold.server),
        id_text(hold.snapshot_id),
        words(hold.snapshot),
        stamp(hold.since),
        stamp(hold.until),
        int(hold.requested),
    )


HOLDS = "SELECT server_id, key, server, snapshot_id, snapshot, since, until, requested FROM holds"

_TAKE_HOLD = """INSERT INTO holds (server_id, key, server, snapshot_id, snapshot, since, until, requested)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""

_INSTEAD = """ON CONFLICT (server_id) DO UPDATE SET key = excluded.key, server = excluded.server,
    snapshot_id = excluded.snapshot_id, snapshot = excluded.snapshot, since = excluded.since, until = excluded.until,
    requested = excluded.requested"""


def hold_of(row: Row) -> Hold:
    """The hold of a row of HOLDS."""
    server_id, key, server, snapshot_id, snapshot, since, until, requested = row
    texts(key, server, snapshot)
    of = (key, stored_id(server_id), server, stored_id(snapshot_id), snapshot)
    return Hold(*of, moment(since), moment(until), requested=bool(requested))


def debt_kept(debt: Debt) -> Change:
    """A debt as a row; its command is kept whole, since half a command is another one."""
    command = json.dumps({"argv": debt.command.argv, "shell": debt.command.shell})
    values = (
        debt.key,
        id_text(debt.server_id),
        words(debt.server),
        words(debt.policy),
        words(debt.snapshot),
        stamp(debt.slot),
        command,
        debt.timeout // _TICK,
        stamp(debt.since),
        stamp(debt.until),
        debt.when.value,
        int(debt.failed),
    )
    return Change(_KEEP_DEBT, values)


DEBTS = """SELECT key, server_id, server, policy, snapshot, slot, command, timeout, since, until, when_run,
    failed FROM debts"""

_KEEP_DEBT = """INSERT OR REPLACE INTO debts (key, server_id, server, policy, snapshot, slot, command, timeout, since,
    until, when_run, failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def debt_of(row: Row) -> Debt:
    """The debt of a row of DEBTS."""
    key, server_id, server, policy, snapshot, slot, text, timeout, since, until, when, failed = row
    texts(key, server, policy, snapshot, text)
    command = json.loads(text)
    if not isinstance(command["argv"], list):
        raise ValueError("no command")  # noqa: TRY004 - of the file's content
    texts(*command["argv"])
    run = Command(tuple(command["argv"]), shell=bool(command["shell"]))
    rest = (timeout * _TICK, moment(since), moment(until), AfterWhen(when), bool(failed))
    return Debt(key, stored_id(server_id), server, policy, snapshot, moment(slot), run, *rest)


def alert_kept(note: AlertNote) -> Change:
    """A note as a row; its texts come back as they are, since their sameness is what counts."""
    values = (note.subject, note.trouble, words(note.text, 100_000), stamp(note.since), stamp(note.told_at))
    return Change(_KEEP_ALERT, values)


ALERTS = "SELECT subject, trouble, text, since, told_at FROM alerts"

_KEEP_ALERT = """INSERT OR REPLACE INTO alerts (subject, trouble, text, since, told_at)
    VALUES (?, ?, ?, ?, ?)"""


def alert_of(row: Row) -> AlertNote:
    """The note of a row of ALERTS."""
    subject, trouble, text, since, told_at = row
    texts(subject, trouble, text)
    return AlertNote(subject, trouble, text, moment(since), moment(told_at))


OPEN_INTENTS = """SELECT key, at, server_id, server, policy, verb, cause, snapshot, reason, by, slot, snapshot_id,
    attempt, pass_id FROM actions WHERE server_id = ? AND result IS NULL AND at > ? AND at <= ? ORDER BY number"""


def intent_of(row: Row) -> Intent:
    """The intent of a row of OPEN_INTENTS."""
    key, at, server_id, server, policy, verb, cause, snapshot, reason, by, slot, snapshot_id, attempt, pass_id = row
    texts(key, server, policy, verb, cause, snapshot, reason, by, pass_id)
    named = (key, moment(at), stored_id(server_id), server, policy, verb, cause, snapshot, reason, by)
    return Intent(*named, _optional(moment, slot), _optional(stored_id, snapshot_id), attempt, pass_id)
