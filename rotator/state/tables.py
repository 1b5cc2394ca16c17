"""The tables that are read as a whole: how their values are read, told apart and written; knows no file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from rotator.engine.ledger import Debt, Hold
from rotator.model import Id
from rotator.state import rows
from rotator.state.alerts import AlertNote
from rotator.state.rows import Change, Row

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Table(Generic[Key, Value]):
    """One table; `kept` is what puts a value into a file that is begun anew."""

    name: str
    query: str
    value: Callable[[Row], Value]
    key: Callable[[Value], Key]
    kept: Callable[[Value], Change]


def hold_key(hold: Hold) -> tuple[Id, str, datetime]:
    """With its end, so that one that is prolonged meanwhile is not taken for the one whose time is up."""
    return hold.server_id, hold.key, hold.until


DEBTS: Table[str, Debt] = Table("debts", rows.DEBTS, rows.debt_of, lambda debt: debt.key, rows.debt_kept)

HOLDS: Table[tuple[Id, str, datetime], Hold] = Table("holds", rows.HOLDS, rows.hold_of, hold_key, rows.hold_kept)

ALERTS: Table[tuple[str, str], AlertNote] = Table(
    "alerts", rows.ALERTS, rows.alert_of, lambda note: (note.subject, note.trouble), rows.alert_kept
)
